//! Puts records together into events: fixed slots keyed by stamp, because events interleave and serials go backwards.
//!
//! An event goes out as soon as all that is read of it has come, or with its EOE. One of which a record is missing is
//! delivered by [`Assembler::expire`] or when its slot is needed. What a record says is `slot`'s matter. All memory is taken
//! at construction: a slot has [`capacity::EVENT_TEXT`] bytes of text, of which only touched pages cost anything, and a
//! large event's pages are given back after it.

use super::event::{Event, Exec, Stamp};
use super::record::{Record, kind};
use super::slot::{Slot, Taken};
use crate::capacity;
use crate::sys::memory::Region;
use std::io;
use std::ops::Range;

/// Room for exe and for cwd (PATH_MAX).
const PATH_BYTES: usize = 4096;
/// An event of which a record is missing waits this long (or for its EOE, where that is not filtered out), ms.
pub const TIMEOUT_MS: u64 = 2000;
/// More text than this is given back after the event.
const SMALL_BYTES: usize = 16 * 1024;
/// Events delivered lately: a record that comes twice must not open them again.
const RECENT: usize = 32;

/// What was met; all since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssemblerCounters {
    /// Records given.
    pub records: u64,
    /// Records that could not be read.
    pub malformed: u64,
    /// Events delivered without all of their records.
    pub partial: u64,
    /// Events delivered early because their slot was needed.
    pub evicted: u64,
    /// Events whose text was cut.
    pub truncated: u64,
    /// Records that came again.
    pub duplicates: u64,
    /// Events dropped because their SYSCALL record never came.
    pub without_syscall: u64,
}

/// See the module's head.
pub struct Assembler {
    pub(super) slots: Vec<Slot>,
    text: Region,
    /// For a log: see `order`.
    ordered: bool,
    /// The slot used last: the records of an event mostly come together.
    last: usize,
    /// Slots in use.
    open: usize,
    recent: [Stamp; RECENT],
    recent_at: usize,
    /// The latest that went out: what is later has not.
    latest: Stamp,
    /// Counters.
    pub counters: AssemblerCounters,
}

/// Where a slot's texts lie in the region.
fn range(slot: usize) -> Range<usize> {
    slot * capacity::EVENT_TEXT..(slot + 1) * capacity::EVENT_TEXT
}

impl Assembler {
    /// Takes the memory.
    ///
    /// # Errors
    /// The system has no address space for it.
    pub fn new() -> io::Result<Self> {
        Self::with_slots(capacity::ASSEMBLER_SLOTS, false)
    }

    pub(super) fn with_slots(slots: usize, ordered: bool) -> io::Result<Self> {
        Ok(Assembler {
            slots: vec![Slot::default(); slots],
            text: Region::new(slots * capacity::EVENT_TEXT)?,
            ordered,
            last: 0,
            open: 0,
            recent: [Stamp { ms: u64::MAX, serial: u64::MAX }; RECENT],
            recent_at: 0,
            latest: Stamp::default(),
            counters: AssemblerCounters::default(),
        })
    }

    /// Takes one record; events that it completes go to `sink`.
    pub fn push(&mut self, kind: u16, body: &[u8], now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        self.counters.records += 1;
        if !matches!(kind, kind::SYSCALL | kind::PATH | kind::CWD | kind::EXECVE | kind::EOE) {
            return;
        }
        let Ok(record) = Record::parse(body) else {
            self.counters.malformed += 1;
            return;
        };
        let found = self.find(record.stamp);
        if kind == kind::EOE {
            // Of an event that has gone out already it says nothing new.
            if let Some(index) = found.filter(|_| !self.ordered) {
                self.deliver(index, sink);
            }
            return;
        }
        if found.is_none() && record.stamp <= self.latest && self.recent.contains(&record.stamp) {
            // What comes after PATH item 0 was not waited for.
            self.counters.duplicates +=
                u64::from(kind != kind::PATH || record.body.trim_ascii_start().starts_with(b"item=0"));
            return;
        }
        let index = match found {
            Some(index) => index,
            None => self.open(record.stamp, now_ms, sink),
        };
        self.last = index;
        self.add(index, kind, &record);
        if !self.ordered && self.slots.get(index).is_some_and(Slot::is_complete) {
            self.deliver(index, sink);
        }
    }

    /// Takes note of a datagram that is no record.
    pub fn unreadable(&mut self) {
        self.counters.records += 1;
        self.counters.malformed += 1;
    }

    fn find(&self, stamp: Stamp) -> Option<usize> {
        let ours = |slot: &Slot| slot.used && slot.stamp == stamp;
        match self.slots.get(self.last) {
            _ if self.open == 0 => None,
            Some(last) if ours(last) => Some(self.last),
            _ => self.slots.iter().position(ours),
        }
    }

    /// Delivers what has waited for its other records for [`TIMEOUT_MS`] (`u64::MAX`: everything; of a log, only that).
    pub fn expire(&mut self, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        if self.ordered {
            return self.expire_in_order(now_ms, sink);
        }
        for index in 0..self.slots.len() {
            if self.slots.get(index).is_some_and(|slot| slot.used && now_ms.saturating_sub(slot.since_ms) >= TIMEOUT_MS)
            {
                self.deliver(index, sink);
            }
        }
    }

    /// A slot for a new event: a free one, else the oldest, whose event goes out as it is.
    fn open(&mut self, stamp: Stamp, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) -> usize {
        let free = if self.open == 0 { Some(0) } else { self.slots.iter().position(|slot| !slot.used) };
        let index = free.unwrap_or_else(|| {
            if self.ordered {
                return self.make_room(sink);
            }
            let oldest = self.slots.iter().enumerate().min_by_key(|(_, slot)| (slot.since_ms, slot.stamp));
            let index = oldest.map_or(0, |(index, _)| index);
            self.counters.evicted += 1;
            self.deliver(index, sink);
            index
        });
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot::opened(stamp, now_ms);
            self.open += 1;
        }
        index
    }

    fn add(&mut self, index: usize, kind: u16, record: &Record<'_>) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let Some(text) = self.text.bytes_mut().get_mut(range(index)) else { return };
        if slot.ignored {
            return;
        }
        let (paths, command) = text.split_at_mut(2 * PATH_BYTES.min(capacity::EVENT_TEXT / 4));
        let (exe, cwd) = paths.split_at_mut(paths.len() / 2);
        let taken = match kind {
            kind::SYSCALL => slot.syscall(record, exe),
            kind::CWD => slot.directory(record, cwd),
            kind::PATH => slot.path(record),
            _ if slot.arguments.take(record, command) => Taken::Again,
            _ => Taken::New,
        };
        self.counters.duplicates += u64::from(taken == Taken::Again);
        self.counters.malformed += u64::from(taken == Taken::Malformed);
    }

    /// Hands an event out, if it is one, and frees its slot.
    pub(super) fn deliver(&mut self, index: usize, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        self.open -= usize::from(std::mem::replace(&mut slot.used, false));
        let slot = &*slot;
        self.latest = self.latest.max(slot.stamp);
        if let Some(place) = self.recent.get_mut(self.recent_at % RECENT) {
            *place = slot.stamp;
        }
        self.recent_at = self.recent_at.wrapping_add(1);
        if slot.ignored {
            return;
        }
        if slot.header.is_none() {
            self.counters.without_syscall += 1;
            return;
        }
        let Some(text) = self.text.bytes().get(range(index)) else { return };
        let (paths, command) = text.split_at(2 * PATH_BYTES.min(capacity::EVENT_TEXT / 4));
        let (exe, cwd) = paths.split_at(paths.len() / 2);
        let Some(event) = slot.event(exe, cwd, command) else { return };
        self.counters.partial += u64::from(matches!(event, Event::Exec(Exec { partial: true, .. })));
        self.counters.truncated += u64::from(slot.cut || slot.arguments.cut);
        let used = slot.arguments.length();
        sink(event);
        if used > SMALL_BYTES {
            let whole = range(index);
            self.text.release(whole.start + SMALL_BYTES..whole.end);
        }
    }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
