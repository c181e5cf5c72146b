//! The cache and the tracker against an unbounded model: a simulated machine that knows the truth.

use super::tracker::{Tracker, TrackerOptions};
use super::{Procfs, Rows, Seen, World};
use crate::audit::event::{Exec, Ids, Stamp, Syscall};
use crate::source::{Life, LifeKind};
use crate::store::row::{End, ImageRow, Link, RowId};
use crate::sys::clock::Clock;
use std::collections::{BTreeMap, VecDeque};

/// A seeded generator (xorshift), so that a failing case is told by its seed.
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A process of the simulated machine; `text` is its image's, changed by exec, inherited by fork.
#[derive(Clone, Debug)]
struct Process {
    pid: u32,
    start_ns: i64,
    forker: usize,
    /// The forker's text when it forked.
    forker_text: String,
    text: String,
    alive: bool,
}

/// The truth about an exec event, found again by its text.
#[derive(Clone, Debug)]
struct Truth {
    process: usize,
    text: String,
}

struct Machine {
    processes: Vec<Process>,
    now_ns: i64,
    pids: u32,
    next_pid: u32,
    execs: Vec<Truth>,
}

impl Machine {
    fn new(pids: u32) -> Self {
        let init =
            Process { pid: 1, start_ns: 1, forker: 0, forker_text: String::new(), text: "init".into(), alive: true };
        Machine { processes: vec![init], now_ns: 1_000_000_000, pids, next_pid: 2, execs: Vec::new() }
    }

    fn living(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|&p| self.processes[p].alive).collect()
    }

    fn by_pid(&self, pid: u32) -> Option<usize> {
        (0..self.processes.len()).rev().find(|&p| self.processes[p].alive && self.processes[p].pid == pid)
    }

    fn ppid(&self, process: usize) -> u32 {
        match (process, &self.processes[self.processes[process].forker]) {
            (0, _) => 0,
            (_, forker) if forker.alive => forker.pid,
            _ => 1,
        }
    }

    fn fork(&mut self, parent: usize) -> Option<Life> {
        let taken = |pid: u32| self.by_pid(pid).is_some();
        let pid = (0..self.pids).map(|step| 2 + (self.next_pid - 2 + step) % self.pids).find(|&pid| !taken(pid))?;
        self.next_pid = pid + 1;
        let from = self.processes[parent].clone();
        self.processes.push(Process {
            pid,
            start_ns: self.now_ns,
            forker: parent,
            forker_text: from.text.clone(),
            alive: true,
            text: from.text,
        });
        Some(Life { pid, time_ns: self.now_ns, kind: LifeKind::Fork { parent: from.pid } })
    }

    fn exec(&mut self, process: usize) -> (Life, (u32, u32, u64, String)) {
        let text = format!("x{}", self.execs.len());
        self.processes[process].text = text.clone();
        self.execs.push(Truth { process, text: text.clone() });
        let pid = self.processes[process].pid;
        // Audit's stamp: a 4 ms step at or before the exec.
        let stamp_ms = (self.now_ns / 4_000_000 * 4) as u64;
        (Life { pid, time_ns: self.now_ns, kind: LifeKind::Exec }, (pid, self.ppid(process), stamp_ms, text))
    }
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<u32, Stored>,
}

#[derive(Clone, Debug)]
struct Stored {
    parent: RowId,
    origin: RowId,
    link: Link,
    pid: u32,
    text: String,
    end: Option<End>,
    visible: bool,
}

impl Rows for Table {
    fn image(&mut self, row: &ImageRow<'_>) {
        assert!(row.parent.0 < row.id.0 || row.id == RowId::NONE, "a parent's row is older: {row:?}");
        let text = String::from_utf8(row.cmdline.to_vec()).unwrap();
        let stored = Stored {
            parent: row.parent,
            origin: row.origin,
            link: row.link,
            pid: row.pid,
            text,
            end: row.end,
            visible: row.visible,
        };
        let before = self.rows.insert(row.id.0, stored);
        assert!(before.is_none_or(|old| !old.visible), "no event row twice");
    }
    fn end(&mut self, id: RowId, end: End) {
        self.rows.get_mut(&id.0).unwrap().end = Some(end);
    }
}

impl Table {
    fn text(&self, id: RowId) -> &str {
        let row = &self.rows[&id.0];
        if row.origin.is_some() { &self.rows[&row.origin.0].text } else { &row.text }
    }
}

struct Shown<'a>(&'a Machine);

impl Procfs for Shown<'_> {
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)> {
        let process = self.0.by_pid(pid)?;
        Some((self.0.ppid(process), self.0.processes[process].start_ns / 10_000_000 * 10_000_000))
    }
    fn read(&mut self, pid: u32) -> Option<Seen<'_>> {
        let (ppid, start_boot_ns) = self.birth(pid)?;
        let process = self.0.by_pid(pid)?;
        let text = self.0.processes[process].text.as_bytes();
        Some(Seen { ppid, start_boot_ns, ids: Ids::default(), path: b"", cmdline: text, cwd: b"", namespaced: false })
    }
    fn pids(&mut self, each: &mut dyn FnMut(u32)) {
        self.0.living().into_iter().for_each(|p| each(self.0.processes[p].pid));
    }
}

fn exec_event(event: &(u32, u32, u64, String)) -> Exec<'_> {
    Exec {
        stamp: Stamp { ms: event.2, serial: 1 },
        syscall: Syscall::Execve,
        pid: event.0,
        ppid: event.1,
        ids: Ids::default(),
        path: b"",
        cmdline: event.3.as_bytes(),
        cwd: b"",
        file: None,
        partial: false,
    }
}

/// How a run is made.
struct Run {
    seed: u64,
    capacity: usize,
    pids: u32,
    /// Of 100 steps so many begin a loss of connector messages (some steps long, then reported), and of 100 audit
    /// events so many are lost.
    lost: (usize, usize),
    /// Between two things that happen. /proc tells start times in ticks of 10 ms: where it must help, pids must not
    /// come again within that time.
    step_ns: i64,
}

/// Plays a machine's life into a tracker; both sockets lag at random, as long as audit never overtakes the connector.
fn play(run: &Run) -> (Machine, Table, Tracker) {
    let mut random = Seeded::new(run.seed);
    let mut machine = Machine::new(run.pids);
    let options = TrackerOptions { capacity: run.capacity, ttl_ns: 300_000_000_000, fork_events: false, ring: 100_000 };
    let (mut tracker, mut table) = (Tracker::new(options), Table::default());
    let mut events: VecDeque<(u32, u32, u64, String)> = VecDeque::new();
    let clock = |machine: &Machine| Clock { monotonic_ns: machine.now_ns, ..Clock::default() };
    tracker.seed_all(&mut World { rows: &mut table, procfs: &mut Shown(&machine), clock: clock(&machine) });
    let mut losing = 0;
    for _ in 0..3000 {
        // Mostly far below audit's step of 4 ms, now and then above.
        machine.now_ns += if random.below(50) == 0 { 20_000_000 } else { run.step_ns };
        let living = machine.living();
        let one = living[random.below(living.len())];
        let life = match random.below(10) {
            0..4 if living.len() < 12 => machine.fork(one),
            4..7 if one != 0 => {
                let (life, event) = machine.exec(one);
                if random.below(100) >= run.lost.1 {
                    events.push_back(event);
                }
                Some(life)
            }
            _ if one != 0 => {
                machine.processes[one].alive = false;
                let pid = machine.processes[one].pid;
                Some(Life { pid, time_ns: machine.now_ns, kind: LifeKind::Exit { status: 256 } })
            }
            _ => None,
        };
        let mut world = World { rows: &mut table, procfs: &mut Shown(&machine), clock: clock(&machine) };
        if losing == 0 && random.below(100) < run.lost.0 {
            losing = 1 + random.below(8);
        }
        match (losing, life) {
            (0, Some(life)) => tracker.life(life, &mut world),
            // The kernel reports the loss before anything that came after it.
            (1, _) => tracker.resync(&mut world),
            _ => {}
        }
        losing = usize::saturating_sub(losing, 1);
        if random.below(12) == 0 {
            let take = random.below(events.len() + 1);
            // Two execs at the same time on two processors: their events may change places.
            if take > 1 && events[0].0 != events[1].0 && random.below(4) == 0 {
                events.swap(0, 1);
            }
            for event in events.drain(..take) {
                tracker.exec(&exec_event(&event), &mut world);
            }
            tracker.settle(events.is_empty(), &mut world);
            tracker.sweep(events.is_empty(), &mut world);
        }
        assert!(tracker.cache().size() <= tracker.cache().capacity());
    }
    let mut world = World { rows: &mut table, procfs: &mut Shown(&machine), clock: clock(&machine) };
    for event in events.drain(..) {
        tracker.exec(&exec_event(&event), &mut world);
    }
    tracker.settle_all(&mut world);
    (machine, table, tracker)
}

/// Walks every event's chain and holds each step against the truth. `exact`: nothing may be missing or from /proc.
fn check(run: &Run, machine: &Machine, table: &Table, exact: bool) -> (usize, usize) {
    let (mut steps, mut complete) = (0, 0);
    for truth in &machine.execs {
        let found: Vec<_> = table.rows.iter().filter(|(_, row)| row.visible && row.text == truth.text).collect();
        if !exact && found.is_empty() {
            continue;
        }
        assert_eq!(found.len(), 1, "seed {}: every exec is one row: {truth:?}", run.seed);
        let (mut process, mut row) = (truth.process, found[0].1.clone());
        loop {
            assert_eq!(row.pid, machine.processes[process].pid, "seed {}: pid of {truth:?}", run.seed);
            if !row.parent.is_some() {
                break;
            }
            let parent = &table.rows[&row.parent.0];
            let place = &machine.processes[process];
            let shown = table.text(row.parent);
            let orphan = !exact && row.link != Link::Connector && parent.pid == 1;
            if orphan {
                process = 0;
            } else {
                assert_eq!(
                    parent.pid, machine.processes[place.forker].pid,
                    "seed {}: parent in {truth:?} {row:?} {parent:?}",
                    run.seed
                );
                // After a loss the forker is right, but which of its images it had then may be lost with the rest.
                if exact {
                    assert_eq!(shown, place.forker_text, "seed {}: the forker's image then, {truth:?}", run.seed);
                }
                process = place.forker;
            }
            row = parent.clone();
            steps += 1;
        }
        complete += usize::from(process == 0);
        assert!(!exact || process == 0, "seed {}: the chain of {truth:?} ends at {row:?}", run.seed);
    }
    (steps, complete)
}

#[test]
fn chains_are_the_truth_whatever_the_lag_and_however_often_pids_come_again() {
    for seed in 1..=60 {
        let run = Run { seed, capacity: 4096, pids: 14 + (seed as u32 % 3) * 500, lost: (0, 0), step_ns: 20_000 };
        let (machine, table, _) = play(&run);
        let (steps, _) = check(&run, &machine, &table, true);
        assert!(steps > 500);
    }
}

#[test]
fn a_tiny_cache_loses_links_but_never_invents_one() {
    let (mut events, mut whole) = (0, 0);
    for seed in 1..=60 {
        let run = Run { seed, capacity: 2 + seed as usize % 30, pids: 500, lost: (0, 0), step_ns: 100_000 };
        let (machine, table, _) = play(&run);
        let (_, complete) = check(&run, &machine, &table, false);
        events += machine.execs.len();
        whole += complete;
    }
    assert!(whole * 10 > events * 5, "{whole} of {events} chains are whole");
}

#[test]
fn after_losses_no_chain_is_invented() {
    for seed in 1..=60 {
        let run = Run { seed, capacity: 1000, pids: 500, lost: (5, 5), step_ns: 100_000 };
        let (machine, table, _) = play(&run);
        check(&run, &machine, &table, false);
    }
}

/// A tracker that is told messages one by one, on a machine whose /proc shows only init.
struct Told {
    tracker: Tracker,
    table: Table,
    machine: Machine,
}

impl Told {
    fn new(capacity: usize) -> Self {
        let options = TrackerOptions { capacity, ttl_ns: 1 << 60, fork_events: false, ring: 1 };
        let mut told = Told { tracker: Tracker::new(options), table: Table::default(), machine: Machine::new(500) };
        told.with(|tracker, world| tracker.seed_all(world));
        told
    }

    fn with(&mut self, act: impl FnOnce(&mut Tracker, &mut World<'_>)) {
        self.machine.now_ns += 1_000_000;
        let clock = Clock { monotonic_ns: self.machine.now_ns, ..Clock::default() };
        let mut procfs = Shown(&self.machine);
        act(&mut self.tracker, &mut World { rows: &mut self.table, procfs: &mut procfs, clock });
    }

    fn life(&mut self, pid: u32, kind: LifeKind) {
        self.with(|tracker, world| {
            tracker.life(Life { pid, time_ns: world.clock.monotonic_ns, kind }, world);
            tracker.settle_all(world);
        });
    }

    fn exec(&mut self, pid: u32, ppid: u32, text: &str) {
        self.life(pid, LifeKind::Exec);
        let event = (pid, ppid, (self.machine.now_ns / 1_000_000) as u64, text.to_string());
        self.with(|tracker, world| tracker.exec(&exec_event(&event), world));
    }

    fn row(&self, text: &str) -> &Stored {
        self.table.rows.values().find(|row| row.text == text).unwrap()
    }
}

#[test]
fn a_process_whose_leader_has_ended_lives_on_in_its_threads() {
    let mut told = Told::new(8);
    told.life(100, LifeKind::Fork { parent: 1 });
    told.exec(100, 1, "threads");
    told.life(100, LifeKind::ThreadBegun);
    told.life(100, LifeKind::ThreadBegun);
    told.life(100, LifeKind::ThreadEnded { status: 0 });
    told.life(100, LifeKind::Exit { status: 0 });
    assert_eq!(told.row("threads").end, None);
    // More ends than the cache holds: what lives stays.
    for pid in 200..220 {
        told.life(pid, LifeKind::Fork { parent: 1 });
        told.life(pid, LifeKind::Exit { status: 0 });
    }
    told.exec(100, 1, "the other thread's exec");
    let row = told.row("the other thread's exec");
    assert_eq!((row.pid, row.link), (100, Link::Connector));
    assert_eq!(told.table.text(row.parent), "init");
    told.life(100, LifeKind::Exit { status: 3 << 8 });
    assert_eq!(told.row("the other thread's exec").end.unwrap().status, Some(3 << 8));
}

#[test]
fn the_last_thread_ends_the_process_with_the_whole_processs_status() {
    for (leader, last, whole) in [(0, 5 << 8, 5 << 8), (7 << 8, 0, 7 << 8), (9, 9, 9)] {
        let mut told = Told::new(8);
        told.life(100, LifeKind::Fork { parent: 1 });
        told.exec(100, 1, "threads");
        told.life(100, LifeKind::ThreadBegun);
        told.life(100, LifeKind::Exit { status: leader });
        assert_eq!(told.row("threads").end, None);
        told.life(100, LifeKind::ThreadEnded { status: last });
        let end = told.row("threads").end.unwrap();
        assert_eq!((end.status, end.time_ns), (Some(whole), told.machine.now_ns));
    }
}
