//! Assembler and tracker together: whatever comes in, no link between two pids is stored that nobody told, parents are
//! older rows than their children, and the cache holds together.
//!
//! Letters: those of `assembler`; `F` a birth (pid, parent), `I` an image (pid), `D` the end of the first thread (pid,
//! status), `B` and `Z` the beginning and the end of another, each as the connector's datagram; `p` a process that /proc shows from now on (pid, parent, start in ms), `q` one that it shows no
//! more; `R` a loss is reported; `W` time for what waits, `A` for all of it; `N` the database was begun anew.

use super::connector::datagram;
use super::{Step, kind_of, steps};
use std::collections::{BTreeMap, BTreeSet};
use stemma::audit::assemble::Assembler;
use stemma::audit::event::{Event, Ids};
use stemma::lineage::tracker::{Tracker, TrackerOptions};
use stemma::lineage::{Procfs, Rows, Seen, World};
use stemma::source::{Life, LifeKind, connector};
use stemma::store::row::{End, ImageRow, Link, RowId};
use stemma::sys::clock::Clock;

/// The simulated machine was booted then, ms since the epoch.
pub const BOOT_MS: u64 = 1_700_000_000_000;
/// How long before the first step.
const UP_MS: u64 = 1_000;

pub fn check(data: &[u8]) {
    let mut driven = Driven::new(data.first().map_or(8, |&byte| usize::from(byte) % 24));
    steps(data).for_each(|step| driven.step(&step));
    driven.finish();
}

/// The two halves of the collector that hold no socket, and what they were told.
pub struct Driven {
    assembler: Assembler,
    tracker: Tracker,
    stored: Stored,
    shown: Shown,
    now_ms: u64,
    boot_ms: u64,
}

impl Driven {
    /// As the agent has them.
    pub fn new(capacity: usize) -> Self {
        Self::with(Assembler::new().unwrap(), capacity, UP_MS, BOOT_MS)
    }

    /// As a replay has them: no /proc, and the log's own time.
    pub fn of_log(capacity: usize) -> Self {
        Self::with(Assembler::for_log().unwrap(), capacity, 0, 0)
    }

    fn with(assembler: Assembler, capacity: usize, now_ms: u64, boot_ms: u64) -> Self {
        let options = TrackerOptions { capacity, ttl_ns: 3_000_000_000, fork_events: capacity % 2 == 0, ring: 16 };
        let (stored, shown) = (Stored::default(), Shown::default());
        Driven { assembler, tracker: Tracker::new(options), stored, shown, now_ms, boot_ms }
    }

    fn clock(&self) -> Clock {
        let monotonic_ns = (self.now_ms * 1_000_000) as i64;
        Clock { monotonic_ns, epoch_offset_ns: (self.boot_ms * 1_000_000) as i64, boot_offset_ns: 0 }
    }

    fn step(&mut self, step: &Step<'_>) {
        self.now_ms += step.ms;
        let clock = self.clock();
        let now_ms = self.now_ms;
        let Driven { tracker, stored, shown, assembler, .. } = self;
        let number = |index: usize| {
            let word = step.rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).nth(index);
            word.and_then(|word| std::str::from_utf8(word).ok()?.parse::<i64>().ok())
        };
        let pid = number(0).map_or(0, |pid| pid as u32);
        let life = |kind: LifeKind, moved: Option<i64>| {
            let time_ns = clock.monotonic_ns.wrapping_add(moved.unwrap_or(0).wrapping_mul(1_000_000));
            connector::parse(&datagram(&Life { pid, time_ns, kind })).ok().flatten()
        };
        let life = match step.what {
            b'F' => life(LifeKind::Fork { parent: number(1).unwrap_or(0) as u32 }, number(2)),
            b'B' => life(LifeKind::ThreadBegun, number(1)),
            b'Z' => life(LifeKind::ThreadEnded { status: number(1).unwrap_or(0) as u32 }, number(2)),
            b'I' => life(LifeKind::Exec, number(1)),
            b'D' => life(LifeKind::Exit { status: number(1).unwrap_or(0) as u32 }, number(2)),
            _ => None,
        };
        if let b'p' | b'q' = step.what {
            shown.living.remove(&pid);
            if step.what == b'p' {
                let (parent, ms) = (number(1).unwrap_or(0) as u32, number(2).unwrap_or(0));
                stored.told.insert((pid, parent));
                shown.living.insert(pid, (parent, ms.clamp(0, 1 << 40) * 1_000_000));
            }
        }
        if let Some(Life { pid, kind: LifeKind::Fork { parent }, .. }) = life {
            stored.told.insert((pid, parent));
        }
        if let Some(kind) = kind_of(step.what) {
            assembler.push(kind, step.rest, now_ms, &mut |event| handle(tracker, stored, shown, clock, &event));
        }
        if step.what == b'T' {
            assembler.expire(now_ms, &mut |event| handle(tracker, stored, shown, clock, &event));
        }
        let mut world = World { rows: stored, procfs: shown, clock };
        match (step.what, life) {
            (_, Some(life)) => tracker.life(life, &mut world),
            (b'R', _) => tracker.resync(&mut world),
            (b'W', _) => {
                tracker.settle(true, &mut world);
                tracker.sweep(true, &mut world);
            }
            (b'A', _) => tracker.settle_all(&mut world),
            (b'N', _) => {
                tracker.forget_rows();
                stored.rows.clear();
            }
            _ => {}
        }
        holds_together(tracker);
    }

    /// A record of a log.
    pub fn record(&mut self, kind: u16, stamp_ms: u64, body: &[u8]) {
        self.now_ms = self.now_ms.max(stamp_ms);
        let clock = self.clock();
        let Driven { tracker, stored, shown, assembler, now_ms, .. } = self;
        assembler.push(kind, body, *now_ms, &mut |event| handle(tracker, stored, shown, clock, &event));
        holds_together(tracker);
    }

    /// The log's machine was started anew.
    pub fn reboot(&mut self) {
        let clock = self.clock();
        let Driven { tracker, stored, shown, assembler, .. } = self;
        assembler.expire(u64::MAX, &mut |event| handle(tracker, stored, shown, clock, &event));
        tracker.reboot();
        holds_together(tracker);
    }

    /// The end of a run.
    pub fn finish(mut self) {
        let clock = self.clock();
        let Driven { tracker, stored, shown, assembler, .. } = &mut self;
        assembler.expire(u64::MAX, &mut |event| handle(tracker, stored, shown, clock, &event));
        let mut world = World { rows: stored, procfs: shown, clock };
        tracker.settle_all(&mut world);
        tracker.sweep(true, &mut world);
        holds_together(tracker);
    }
}

fn handle(tracker: &mut Tracker, stored: &mut Stored, shown: &mut Shown, clock: Clock, event: &Event<'_>) {
    match event {
        Event::Exec(exec) => stored.told.insert((exec.pid, exec.ppid)),
        Event::Fork(fork) => stored.told.insert((fork.child, fork.pid)) | stored.told.insert((fork.pid, fork.ppid)),
        Event::Exit(_) => false,
    };
    let mut world = World { rows: stored, procfs: shown, clock };
    match event {
        Event::Exec(exec) => tracker.exec(exec, &mut world),
        Event::Fork(fork) => tracker.audit_fork(fork, &mut world),
        Event::Exit(exit) => tracker.audit_exit(exit, &mut world),
    }
}

/// The rows, and which parents were told.
#[derive(Default)]
struct Stored {
    rows: BTreeMap<u32, (u32, RowId)>,
    told: BTreeSet<(u32, u32)>,
    newest: u32,
}

impl Rows for Stored {
    fn image(&mut self, row: &ImageRow<'_>) {
        assert!(row.id.is_some() && row.parent < row.id && row.origin < row.id, "{row:?}");
        assert!(row.pid > 0);
        if let Some(&(pid, parent)) = self.rows.get(&row.id.0) {
            assert_eq!(pid, row.pid, "a better version of a row is of the same process");
            assert!(parent == row.parent || parent == RowId::NONE);
        } else {
            assert!(row.id.0 > self.newest || self.rows.is_empty(), "ids grow");
        }
        self.newest = self.newest.max(row.id.0);
        if let Some(&(parent, _)) = self.rows.get(&row.parent.0) {
            assert!(self.told.contains(&(row.pid, parent)), "{} from {parent}: nobody told: {row:?}", row.pid);
            assert_ne!(row.link, Link::None);
        }
        self.rows.insert(row.id.0, (row.pid, row.parent));
    }

    fn end(&mut self, id: RowId, _: End) {
        assert!(id.is_some());
    }
}

/// What /proc shows.
#[derive(Default)]
struct Shown {
    living: BTreeMap<u32, (u32, i64)>,
}

impl Procfs for Shown {
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)> {
        self.living.get(&pid).copied()
    }

    fn read(&mut self, pid: u32) -> Option<Seen<'_>> {
        let (ppid, start_boot_ns) = self.birth(pid)?;
        let ids = Ids::default();
        Some(Seen { ppid, start_boot_ns, ids, path: b"/x", cmdline: b"x", cwd: b"/", namespaced: pid % 7 == 0 })
    }

    fn pids(&mut self, each: &mut dyn FnMut(u32)) {
        self.living.keys().copied().for_each(each);
    }
}

/// Sizes, children and hash of the cache agree.
pub fn holds_together(tracker: &Tracker) {
    let cache = tracker.cache();
    let nodes: BTreeMap<_, _> = cache.iter().collect();
    assert_eq!(nodes.len(), cache.size());
    assert!(cache.size() <= cache.capacity());
    let mut children: BTreeMap<_, u32> = BTreeMap::new();
    for (idx, node) in &nodes {
        assert!(cache.images(node.pid).any(|(found, _)| found == *idx), "found by its pid");
        if node.parent.is_some() {
            assert!(nodes.contains_key(&node.parent), "a parent is in the cache");
            *children.entry(node.parent).or_default() += 1;
        }
    }
    assert!(nodes.iter().all(|(idx, node)| node.children == children.get(idx).copied().unwrap_or(0)));
    for node in nodes.values() {
        let current = cache.images(node.pid).filter(|(_, node)| node.is(stemma::lineage::node::CURRENT)).count();
        assert!(current <= 1, "one image holds a pid");
    }
}
