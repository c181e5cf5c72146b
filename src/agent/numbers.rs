//! What the agent knows about itself, put together for its row in events.db.

use super::session::AuditState;
use crate::audit::assemble::Assembler;
use crate::config::options::Options;
use crate::lineage::tracker::Tracker;
use crate::source::{Gathered, Rung};
use crate::store::status::Numbers;
use crate::store::writer::{AgentTexts, Writer};
use crate::sys::clock::Clock;
use crate::sys::{alloc, file, process};
use std::fs;

/// Counters that nobody else keeps.
pub struct Counted {
    rung: Rung,
    source: String,
    /// Lines of a log that hold no record.
    pub malformed: u64,
    instance_id: String,
    started_ns: i64,
    /// When the agent stopped; 0 while it runs.
    pub stopped_ns: i64,
    /// Times /proc was read again after a loss.
    pub resyncs: u64,
    allocations_before: u64,
    connector_received: u64,
    datagrams: u64,
    overflows: u64,
    audit: AuditNumbers,
    max_depth: u64,
    /// Datagrams when the row was last written.
    written_at: u64,
}

/// What AUDIT_GET says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AuditNumbers {
    pub owner: u32,
    pub lost: u32,
    pub lost_before: u32,
    pub backlog: u32,
}

impl Counted {
    /// Counting begins.
    pub fn new(options: &Options, rung: Rung) -> Self {
        let instance = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default();
        Counted {
            rung,
            source: rung.name().to_string(),
            malformed: 0,
            instance_id: instance.trim().to_string(),
            started_ns: Clock::now().epoch_ns(),
            stopped_ns: 0,
            resyncs: 0,
            allocations_before: alloc::allocations(),
            connector_received: 0,
            datagrams: 0,
            overflows: 0,
            audit: AuditNumbers::default(),
            max_depth: options.process_ancestry_max_depth,
            written_at: 0,
        }
    }

    /// Counting of what a log says, which `source` names.
    pub fn of_log(options: &Options, source: String) -> Self {
        Counted { source, ..Counted::new(options, Rung::Log) }
    }

    /// A gathering came in.
    pub fn gathered(&mut self, gathered: &Gathered) {
        self.connector_received += gathered.lives as u64;
        self.datagrams += gathered.records as u64;
        self.overflows += u64::from(gathered.overflows);
    }

    /// Asks the kernel; true if it has lost more since the last asking.
    pub fn ask(&mut self, audit: &mut dyn AuditState) -> bool {
        let Some(now) = audit.numbers() else { return false };
        let first = self.audit == AuditNumbers::default();
        let before = if first { now.lost_before } else { self.audit.lost };
        self.audit = now;
        // The kernel's counter can be set back to 0 by others.
        now.lost > before
    }

    /// Whether something came in since the agent's row was written.
    pub fn stale(&self) -> bool {
        self.datagrams + self.connector_received + self.overflows + self.resyncs != self.written_at
    }

    /// The row, now.
    pub fn numbers(&mut self, assembler: &Assembler, tracker: &Tracker, writer: &Writer, clock: Clock) -> Numbers {
        self.written_at = self.datagrams + self.connector_received + self.overflows + self.resyncs;
        let (cache, assembled, written) = (tracker.cache(), &assembler.counters, &writer.counters);
        Numbers {
            pid: i64::from(process::pid()),
            started_ns: self.started_ns,
            updated_ns: clock.epoch_ns(),
            stopped_ns: self.stopped_ns,
            rung: self.rung as i64,
            audit_owner: i64::from(self.audit.owner),
            kernel_lost: i64::from(self.audit.lost),
            kernel_lost_before: i64::from(self.audit.lost_before),
            kernel_backlog: i64::from(self.audit.backlog),
            socket_overflows: self.overflows as i64,
            records_received: assembled.records as i64,
            records_malformed: (assembled.malformed + self.malformed) as i64,
            connector_received: self.connector_received as i64,
            exec_events: tracker.execs as i64,
            events_partial: assembled.partial as i64,
            events_evicted: assembled.evicted as i64,
            events_truncated: assembled.truncated as i64,
            execs_unaudited: tracker.unaudited as i64,
            rows_dropped: written.rows_dropped as i64,
            rows_written: written.rows_written as i64,
            rows_expired: written.rows_expired as i64,
            rows_visible: written.rows_visible,
            database_bytes: written.database_bytes,
            databases_set_aside: written.set_aside as i64,
            disk_waits: writer.disk_waits() as i64,
            resyncs: self.resyncs as i64,
            cache_hits: cache.counters.hits as i64,
            cache_misses: cache.counters.misses as i64,
            cache_size: cache.size() as i64,
            cache_capacity: cache.capacity() as i64,
            cache_evictions: cache.counters.evictions as i64,
            cache_expired: cache.counters.expired as i64,
            cache_unknown_parents: cache.counters.unknown_parents as i64,
            cache_bytes: cache.bytes() as i64,
            ancestry_max_depth: self.max_depth as i64,
            heap_allocations: (alloc::allocations() - self.allocations_before) as i64,
            rss_kib: rss_kib(),
            cpu_us: process::cpu_us(),
        }
    }

    /// The row's texts.
    pub fn texts(&self) -> AgentTexts<'_> {
        AgentTexts { source: &self.source, instance_id: &self.instance_id }
    }
}

/// Resident set size, from /proc/self/statm (proc(5): second field, pages).
fn rss_kib() -> i64 {
    let mut text = [0u8; 128];
    let count = file::read_into(b"/proc/self/statm", &mut text).unwrap_or(0);
    let text = text.get(..count).unwrap_or(&[]);
    let pages = std::str::from_utf8(text).ok().and_then(|text| text.split(' ').nth(1)?.parse::<i64>().ok());
    pages.unwrap_or(0) * process::page_bytes() / 1024
}
