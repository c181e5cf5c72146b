//! Tests only: a source whose datagrams go wrong, at random but told by a seed. It stands before any other source, makes
//! datagrams of what that says as the kernel would send them, and lets them through, drops them, sends them twice or
//! late, cuts them, changes bytes of them, or reports an overflow that never was.
//!
//! As the kernel promises it (`net/netlink/af_netlink.c: netlink_overrun`), a lost connector message is always reported
//! as an overflow, before anything that came after it. Audit records are dropped without a word, as they are when the
//! kernel's backlog is full; [`Done::dropped_records`] stands for the kernel's `lost`.

mod machine;
mod tests;

use super::connector::{self, parse};
use super::{Gathered, Life, LifeKind, Rung, Source};
use crate::audit::control::split;
use crate::audit::record::{self, Record};
use crate::fuzzed::checks::connector::datagram;
use crate::fuzzed::checks::texts;
use crate::lineage::tests::Seeded;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;

/// How many datagrams of a thousand suffer what.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) drop: usize,
    pub(super) duplicate: usize,
    pub(super) reorder: usize,
    pub(super) truncate: usize,
    pub(super) corrupt: usize,
    /// Gatherings, of a thousand, that report an overflow for nothing.
    pub(super) overflow: usize,
}

/// How many datagrams later a held-back one comes, at most.
const LATE: usize = 12;

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) dropped_records: u64,
    pub(super) dropped_lives: u64,
    pub(super) duplicated: u64,
    pub(super) held: u64,
    pub(super) truncated: u64,
    pub(super) corrupted: u64,
    pub(super) forged: u64,
    /// Audit datagrams that cannot be read any more, by their header alone.
    pub(super) unreadable: u64,
    /// Events one of whose records was dropped, cut, changed or moved.
    pub(super) touched: BTreeSet<u64>,
    /// Events one of whose texts was cut between two bytes in hex, at the very end of its record: nothing tells.
    pub(super) cut: BTreeSet<u64>,
    /// Events and pids of which something was said that is not so, and can be read.
    pub(super) lied_serials: BTreeSet<u64>,
    pub(super) lied_pids: BTreeSet<u32>,
}

/// Datagrams of one socket on their way.
#[derive(Default)]
struct Queue {
    out: Vec<Vec<u8>>,
    /// Held back until so many others have passed.
    held: Vec<(usize, Vec<u8>)>,
}

impl Queue {
    /// What is held and tells of one of these pids goes first.
    fn family(&mut self, named: &[u32]) {
        let kin = |datagram: &[u8]| {
            let told = parse(datagram).ok().flatten();
            told.is_some_and(|life| pids(&life).iter().any(|pid| named.contains(pid)))
        };
        while let Some(at) = self.held.iter().position(|(_, datagram)| kin(datagram)) {
            let (_, datagram) = self.held.remove(at);
            self.out.push(datagram);
        }
    }

    fn pass(&mut self, datagram: Vec<u8>) {
        self.out.push(datagram);
        for (left, _) in &mut self.held {
            *left = left.saturating_sub(1);
        }
        while let Some(due) = self.held.iter().position(|(left, _)| *left == 0) {
            let (_, datagram) = self.held.remove(due);
            self.out.push(datagram);
        }
    }

    fn release(&mut self) {
        self.out.extend(self.held.drain(..).map(|(_, datagram)| datagram));
    }
}

/// See the module's head.
pub(super) struct Faulty<S> {
    pub(super) inner: S,
    faults: Faults,
    random: Seeded,
    audit: Queue,
    lives: Queue,
    pub(super) done: Done,
}

impl<S: Source> Faulty<S> {
    pub(super) fn new(inner: S, faults: Faults, seed: u64) -> Self {
        let (audit, lives) = (Queue::default(), Queue::default());
        Faulty { inner, faults, random: Seeded::new(seed), audit, lives, done: Done::default() }
    }

    /// From here on all is well; what was held back comes with the next gathering.
    pub(super) fn end(&mut self) {
        self.faults = Faults::default();
    }

    fn strikes(&mut self, of_thousand: usize) -> bool {
        of_thousand > 0 && self.random.below(1000) < of_thousand
    }

    fn audit_datagram(&mut self, datagram: Vec<u8>) {
        let serial = serial(&datagram);
        let Faults { drop, duplicate, reorder, truncate, corrupt, .. } = self.faults;
        if self.strikes(drop) {
            self.done.dropped_records += 1;
            self.done.touched.extend(serial);
            return;
        }
        if self.strikes(duplicate) {
            self.done.duplicated += 1;
            self.audit.held.push((1 + self.random.below(LATE), datagram.clone()));
        }
        if self.strikes(reorder) {
            self.done.held += 1;
            self.done.touched.extend(serial);
            self.audit.held.push((1 + self.random.below(LATE), datagram));
            return;
        }
        let altered = match (self.strikes(truncate), self.strikes(corrupt)) {
            (true, _) => self.truncated(&datagram),
            (_, true) => self.corrupted(&datagram),
            _ => return self.audit.pass(datagram),
        };
        self.done.touched.extend(serial);
        self.judge_record(&datagram, &altered);
        self.audit.pass(altered);
    }

    /// True: it is lost. Messages that name the same process keep their order, as in the kernel: a FORK is sent before the
    /// child is woken, an EXIT before the pid is free again.
    fn life_datagram(&mut self, life: &Life, losing: bool) -> bool {
        let Faults { drop, duplicate, reorder, truncate, corrupt, .. } = self.faults;
        let datagram = datagram(life);
        self.lives.family(&pids(life));
        if losing || self.strikes(drop) {
            self.done.dropped_lives += 1;
            return true;
        }
        if self.strikes(duplicate) {
            self.done.duplicated += 1;
            self.lives.held.push((1 + self.random.below(LATE), datagram.clone()));
        }
        if self.strikes(reorder) {
            self.done.held += 1;
            self.lives.held.push((1 + self.random.below(LATE), datagram));
            return false;
        }
        let altered = match (self.strikes(truncate), self.strikes(corrupt)) {
            (true, _) => self.truncated(&datagram),
            (_, true) => self.corrupted(&datagram),
            _ => datagram,
        };
        // One that cannot be read is lost, and reported; one that says something else is believed.
        if let Ok(told) = parse(&altered)
            && told != Some(*life)
        {
            self.done.lied_pids.extend(pids(life).into_iter().chain(told.iter().flat_map(pids)));
        }
        self.lives.pass(altered);
        false
    }

    /// Cut anywhere; the header may know it.
    fn truncated(&mut self, datagram: &[u8]) -> Vec<u8> {
        self.done.truncated += 1;
        let mut altered = datagram[..self.random.below(datagram.len())].to_vec();
        let length = altered.len() as u32;
        if let (true, Some(said)) = (self.random.below(2) == 0, altered.get_mut(..4)) {
            said.copy_from_slice(&length.saturating_sub(16).to_ne_bytes());
        }
        altered
    }

    /// One to three bytes are others: a bit, a byte, or a digit for a digit.
    fn corrupted(&mut self, datagram: &[u8]) -> Vec<u8> {
        self.done.corrupted += 1;
        let mut altered = datagram.to_vec();
        for _ in 0..1 + self.random.below(3) {
            let at = self.random.below(altered.len());
            match self.random.below(3) {
                0 => altered[at] ^= 1 << self.random.below(8),
                1 => altered[at] = self.random.below(256) as u8,
                _ => {
                    let digit = b'0' + self.random.below(10) as u8;
                    if let Some(place) = altered.iter_mut().skip(at).find(|byte| byte.is_ascii_digit()) {
                        *place = digit;
                    }
                }
            }
        }
        altered
    }

    /// What a changed audit datagram says in the end.
    fn judge_record(&mut self, before: &[u8], after: &[u8]) {
        let (Some(was), Some(is)) = (read(before), read(after)) else {
            self.done.unreadable += u64::from(split(after).is_none());
            return;
        };
        let serial = was.1.stamp.serial;
        if after.len() < before.len() {
            if ends_in_hex(&is.1) {
                self.done.cut.insert(serial);
            }
        } else if was.0 != is.0 || was.1.stamp != is.1.stamp || !was.1.fields().eq(is.1.fields()) {
            self.done.lied_serials.extend([serial, is.1.stamp.serial]);
            if was.0 == texts::SYSCALL || is.0 == texts::SYSCALL {
                self.done.lied_pids.extend(numbers(&was.1).chain(numbers(&is.1)));
            }
        }
    }
}

/// Type and record, as the assembler will see them.
fn read(datagram: &[u8]) -> Option<(u16, Record<'_>)> {
    let (kind, body) = split(datagram)?;
    Some((kind, Record::parse(body).ok()?))
}

fn serial(datagram: &[u8]) -> Option<u64> {
    read(datagram).map(|(_, record)| record.stamp.serial)
}

fn pids(life: &Life) -> Vec<u32> {
    match life.kind {
        LifeKind::Fork { parent } => vec![life.pid, parent],
        _ => vec![life.pid],
    }
}

/// The pids a record names.
fn numbers<'a>(said: &Record<'a>) -> impl Iterator<Item = u32> + use<'a> {
    let named = said.fields().filter(|(name, _)| matches!(*name, b"pid" | b"ppid" | b"exit"));
    named.filter_map(|(_, value)| record::pid(value))
}

/// Whether the last text is in hex, has both digits of its last byte, and nothing else says how long it should be.
fn ends_in_hex(cut: &Record<'_>) -> bool {
    let Some((name, value)) = cut.fields().last() else { return false };
    let argument = name.strip_prefix(b"a").is_some_and(|number| number.iter().all(u8::is_ascii_digit));
    let hex = value.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    (argument || name == b"cwd") && hex && !value.is_empty() && value.len() % 2 == 0
}

impl<S: Source> Source for Faulty<S> {
    fn rung(&self) -> Rung {
        self.inner.rung()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.inner.fd()
    }

    fn gather(&mut self, life: &mut dyn FnMut(Life)) -> io::Result<Gathered> {
        let mut lives = Vec::new();
        let mut gathered = self.inner.gather(&mut |life| lives.push(life))?;
        self.audit.out.clear();
        for index in 0..gathered.records {
            let Some((kind, body)) = self.inner.record(index) else { continue };
            // nlmsg_len as unicast records have it: without the header.
            let header = [(body.len() as u32).to_ne_bytes(), u32::from(kind).to_ne_bytes(), [0; 4], [0; 4]];
            let datagram = [header.as_flattened(), body].concat();
            self.audit_datagram(datagram);
        }
        let mut losing = 0;
        for one in &lives {
            if self.life_datagram(one, losing > 0) {
                losing = if losing == 0 { self.random.below(8) } else { losing - 1 };
                gathered.overflows += 1;
            }
        }
        // What is held back of audit may come in a later gathering: audit lags, the connector never does.
        self.lives.release();
        if gathered.drained && self.faults.reorder == 0 && self.faults.duplicate == 0 {
            self.audit.release();
        }
        for datagram in self.lives.out.drain(..) {
            gathered.overflows += u32::from(connector::tell(&datagram, life));
        }
        if self.strikes(self.faults.overflow) {
            self.done.forged += 1;
            gathered.overflows += 1;
        }
        gathered.records = self.audit.out.len();
        Ok(gathered)
    }

    fn record(&self, index: usize) -> Option<(u16, &[u8])> {
        self.audit.out.get(index).and_then(|datagram| split(datagram))
    }
}
