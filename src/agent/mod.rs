//! The collector: one thread, one poll loop, fixed memory.
//!
//! A round: wait for audit (or a signal, or time), let a batch gather, take audit's records and then the connector's
//! messages, assemble, link, hand rows to the writer; flush, retain and sweep when due. A round's work is bounded by
//! [`ROUNDS`] batches; what is left waits in the kernel. The loop never runs a SELECT for anybody.
//!
//! [`replay`] drives the same parts with the lines of a log.

mod gathering;
mod lines;
mod numbers;
pub mod replay;
pub mod session;

use crate::audit::assemble::Assembler;
use crate::audit::event::Event;
use crate::capacity;
use crate::config::options::Options;
use crate::lineage::World;
use crate::lineage::tracker::{Tracker, TrackerOptions};
use crate::log;
use crate::source::procscan::ProcScan;
use crate::source::{Gathered, Source};
use crate::store::writer::{Limits, Writer};
use crate::sys::clock::Clock;
use crate::sys::poll::{self, Signals};
use gathering::Gathering;
use numbers::Counted;
use session::AuditState;
use std::io;
use std::os::fd::AsFd;

/// Batches taken in one round before flushing gets its turn.
const ROUNDS: usize = 32;
/// How often the slow duties come up, ns.
const TICK_NS: i64 = 1_000_000_000;
/// A connector that brought this many messages in one idle second is asked again sooner.
const BUSY_LIVES: usize = 512;

/// What the database may hold, as the options say.
pub fn limits(options: &Options) -> Limits {
    Limits {
        expiry_s: options.events_expiry.min(i64::MAX as u64 / 1000) as i64,
        events: options.events_max.min(i64::MAX as u64) as i64,
        bytes: options.events_max_bytes.min(i64::MAX as u64) as i64,
    }
}

/// The collector's parts.
pub struct Agent<S: Source> {
    source: S,
    audit: Box<dyn AuditState>,
    assembler: Assembler,
    tracker: Tracker,
    writer: Writer,
    procfs: ProcScan,
    counted: Counted,
    gathering: Gathering,
    next_tick_ns: i64,
    drained: bool,
}

impl<S: Source> Agent<S> {
    /// Takes all memory that will ever be taken.
    ///
    /// # Errors
    /// The system has no memory for it.
    pub fn new(source: S, audit: Box<dyn AuditState>, writer: Writer, options: &Options) -> io::Result<Self> {
        let tracker = Tracker::new(TrackerOptions {
            capacity: options.process_ancestry_cache_size.min(u64::from(u32::MAX) / 4) as usize,
            ttl_ns: (options.process_ancestry_cache_ttl.min(1 << 30) as i64) * 1_000_000_000,
            fork_events: options.audit_allow_fork_process_events,
            ring: capacity::CONNECTOR_RING,
        });
        Ok(Agent {
            counted: Counted::new(options, source.rung()),
            source,
            audit,
            assembler: Assembler::new()?,
            tracker,
            writer,
            procfs: ProcScan::new(),
            gathering: Gathering::new(options.audit_gather_ms.min(1000) as u32),
            next_tick_ns: 0,
            drained: true,
        })
    }

    /// Reads the living from /proc. Call it after the source is subscribed, so that nothing falls between.
    pub fn seed(&mut self) {
        let clock = Clock::now();
        self.tracker.seed_all(&mut World { rows: &mut self.writer, procfs: &mut self.procfs, clock });
    }

    /// Works until a signal says stop; returns its number. Audit is given back first, then what it had sent is stored.
    ///
    /// # Errors
    /// A socket that cannot be used any more.
    pub fn run(&mut self, signals: &mut Signals) -> io::Result<i32> {
        let mut idle_ms = 1000;
        let mut busy = false;
        loop {
            if self.wait(signals, busy, idle_ms)?
                && let Some(signal) = signals.take()
            {
                self.stop()?;
                return Ok(signal);
            }
            let taken = self.round()?;
            self.gathering.brought(taken.records);
            busy = taken.records > 0;
            idle_ms = if taken.lives > BUSY_LIVES { self.gathering.ms().max(1) } else { 1000 };
            self.duties();
        }
    }

    /// Waits for something to do, and then for more of it to gather; whether a signal came.
    fn wait(&self, signals: &Signals, busy: bool, idle_ms: u32) -> io::Result<bool> {
        let gather_ms = self.gathering.ms();
        let gather = |ms: u32| Ok(poll::readable(&[signals.as_fd()], Some(ms))? & 1 != 0);
        if !self.drained {
            // Some were left: waiting would only let the kernel's queue grow.
            return gather(0);
        }
        // Where records came a moment ago more will come: the next batch gathers without being waited for first.
        if busy && gather_ms > 0 {
            return gather(gather_ms);
        }
        let ready = poll::readable(&[signals.as_fd(), self.source.fd()], Some(self.wait_ms(idle_ms)))?;
        if ready == 2 && gather_ms > 0 { gather(gather_ms) } else { Ok(ready & 1 != 0) }
    }

    fn wait_ms(&self, idle_ms: u32) -> u32 {
        let now_ns = Clock::now().monotonic_ns;
        let ms = |deadline_ns: i64| ((deadline_ns - now_ns).max(0) as u64).div_ceil(1_000_000).min(1000) as u32;
        let flush = self.writer.due().map_or(idle_ms, ms).min(self.writer.sync_due().map_or(idle_ms, ms));
        let settle = if self.tracker.waiting() > 0 { 100 } else { idle_ms };
        flush.min(settle).min(idle_ms)
    }

    /// Takes what is there, at most [`ROUNDS`] batches; returns what all of them brought.
    fn round(&mut self) -> io::Result<Gathered> {
        let mut taken = Gathered::default();
        for _ in 0..ROUNDS {
            let clock = Clock::now();
            let mut world = World { rows: &mut self.writer, procfs: &mut self.procfs, clock };
            let tracker = &mut self.tracker;
            let gathered = self.source.gather(&mut |life| tracker.life(life, &mut world))?;
            taken.lives += gathered.lives;
            taken.records += gathered.records;
            self.counted.gathered(&gathered);
            if gathered.overflows > 0 {
                log::warning("a kernel socket overflowed and messages are lost: reading /proc again");
                self.counted.resyncs += 1;
                tracker.resync(&mut world);
            }
            for index in 0..gathered.records {
                let now_ms = (clock.monotonic_ns / 1_000_000) as u64;
                match self.source.record(index) {
                    Some((kind, body)) => {
                        self.assembler.push(kind, body, now_ms, &mut |event| handle(tracker, &event, &mut world));
                    }
                    None => self.assembler.unreadable(),
                }
            }
            self.drained = gathered.drained;
            if gathered.drained {
                break;
            }
        }
        Ok(taken)
    }

    /// What is due besides reading: completing late events, flushing, and once a second the slow things.
    fn duties(&mut self) {
        let clock = Clock::now();
        let mut world = World { rows: &mut self.writer, procfs: &mut self.procfs, clock };
        self.tracker.settle(self.drained, &mut world);
        let tick = clock.monotonic_ns >= self.next_tick_ns;
        if tick {
            self.next_tick_ns = clock.monotonic_ns + TICK_NS;
            let tracker = &mut self.tracker;
            let now_ms = (clock.monotonic_ns / 1_000_000) as u64;
            self.assembler.expire(now_ms, &mut |event| handle(tracker, &event, &mut world));
            tracker.sweep(self.drained, &mut world);
            if self.counted.ask(self.audit.as_mut()) {
                self.counted.resyncs += 1;
                log::warning("the kernel lost audit records: reading /proc again");
                tracker.resync(&mut world);
            }
        }
        let due = self.writer.due().is_some_and(|due| due <= clock.monotonic_ns);
        if due || tick && self.counted.stale() {
            self.flush(clock);
        } else if self.writer.sync_due().is_some_and(|due| due <= clock.monotonic_ns) {
            self.writer.sync(clock.monotonic_ns);
        }
    }

    fn flush(&mut self, clock: Clock) {
        let numbers = self.counted.numbers(&self.assembler, &self.tracker, &self.writer, clock);
        let texts = self.counted.texts();
        self.writer.flush(clock.monotonic_ns, Some((&numbers, &texts)));
        if self.writer.took_new_file() {
            self.tracker.forget_rows();
        }
        let tracker = &self.tracker;
        self.writer.retain(clock.monotonic_ns, clock.epoch_ns(), &|row| tracker.holds_row(row));
    }

    /// The end: audit is given back, what it had sent by then is stored, and the agent's row says that it stopped.
    fn stop(&mut self) -> io::Result<()> {
        for trouble in self.audit.end() {
            log::error(&trouble);
        }
        for _ in 0..64 {
            self.round()?;
            if self.drained {
                break;
            }
        }
        let clock = Clock::now();
        let mut world = World { rows: &mut self.writer, procfs: &mut self.procfs, clock };
        let tracker = &mut self.tracker;
        self.assembler.expire(u64::MAX, &mut |event| handle(tracker, &event, &mut world));
        tracker.settle_all(&mut world);
        self.counted.stopped_ns = clock.epoch_ns();
        self.flush(clock);
        Ok(())
    }
}

/// One event into lineage.
fn handle(tracker: &mut Tracker, event: &Event<'_>, world: &mut World<'_>) {
    match event {
        Event::Exec(exec) => tracker.exec(exec, world),
        Event::Fork(fork) => tracker.audit_fork(fork, world),
        Event::Exit(exit) => tracker.audit_exit(exit, world),
    }
}
