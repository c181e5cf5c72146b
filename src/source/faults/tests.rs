//! A simulated machine, through the faulty source, the real assembler and the real tracker, into rows that are then held
//! against the machine's history. Under any of the faults and all of them together:
//!
//! 1. Nothing panics.
//! 2. A row of an exec event is that event's, and its only one: pid, parent and user are what audit said of it; path,
//!    command line and working directory are the truth to the byte, or the event said that it is partial. One exception:
//!    text in hex, cut between two bytes at the very end of its record by somebody who corrects the header as well. That
//!    nothing tells; it is then a part of the truth.
//! 3. An event none of whose records was touched is a row, and a whole one unless its slot was needed for another event
//!    (`evicted`). So a fault harms its own event and no other.
//! 4. What was dropped is counted: datagrams that are no records any more as malformed, partial events as partial.
//! 5. No chain is invented. A link leads from a process to a row of the process that forked it, or, where it says that
//!    it was inferred or read from /proc, of one that adopted it. Which of its images that row shows may be lost.
//! 6. A wait status is the process's own.
//!
//! `corrupt` changes bytes that no checksum covers: a datagram that can still be read and says something else is a lie,
//! and is believed. Promises 2 to 6 then leave out the pids and events that the lie names, before or after the change,
//! and those alone: it must not spread to others.
//!
//! What is taken for granted is what kernels do: connector messages that name the same process keep their order; a lost
//! one is reported as an overflow before anything that came after it; a pid is not used again for a second or so (32,768
//! pids at 20,000 births a second). On rung 3, without the connector, a birth whose record did not come whole and in its
//! place is not known: then nothing tells the second holder of a pid from its first, and the links of that one process
//! and of its children are left out as well.

use super::machine::{Image, Machine, Process, Shown, Sockets};
use super::{Done, Faults, Faulty};
use crate::audit::assemble::{Assembler, AssemblerCounters};
use crate::audit::event::Event;
use crate::capacity;
use crate::lineage::tests::Seeded;
use crate::lineage::tracker::{Tracker, TrackerOptions};
use crate::lineage::{Rows, World};
use crate::source::{Rung, Source};
use crate::store::row::{End, ImageRow, Link, RowId};
use crate::store::writer::{Limits, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// A row as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    parent: i64,
    origin: i64,
    visible: bool,
    link: i64,
    pid: u32,
    ppid: u32,
    start_ns: i64,
    serial: u64,
    uid: Option<u32>,
    image: Image,
    end_ns: Option<i64>,
    status: Option<u32>,
}

#[derive(Default)]
struct Table {
    rows: BTreeMap<i64, Row>,
}

impl Rows for Table {
    fn image(&mut self, row: &ImageRow<'_>) {
        assert!(row.parent < row.id && row.origin < row.id);
        let new = Row {
            parent: row.parent.0.into(),
            origin: row.origin.0.into(),
            visible: row.visible,
            link: row.link as i64,
            pid: row.pid,
            ppid: row.ppid,
            start_ns: row.start_ns,
            serial: row.serial,
            uid: row.ids.map(|ids| ids.uid),
            image: Image { exe: row.path.to_vec(), cmdline: row.cmdline.to_vec(), cwd: row.cwd.to_vec() },
            end_ns: row.end.map(|end| end.time_ns),
            status: row.end.and_then(|end| end.status),
        };
        let before = self.rows.insert(row.id.0.into(), new);
        assert!(before.is_none_or(|old| old.serial == 0), "an event's row is written once");
    }

    fn end(&mut self, id: RowId, end: End) {
        let row = self.rows.get_mut(&id.0.into()).unwrap();
        (row.end_ns, row.status) = (Some(end.time_ns), end.status);
    }
}

/// How a run is made.
#[derive(Clone, Copy, Debug)]
struct Run {
    seed: u64,
    faults: Faults,
    rung: Rung,
    capacity: usize,
    /// Batches of audit taken in a round: with one alone, and tiny batches, audit lags far behind the connector.
    batches: usize,
    /// Without EOE and other records that nobody reads.
    filtered: bool,
}

const STEPS: usize = 2000;
/// With so many, a pid comes again after some 750 steps, of which every twentieth is a long one.
const PIDS: u32 = 300;
const STEP_NS: i64 = 200_000;
const LONG_STEP_NS: i64 = 50_000_000;
const TICK_NS: i64 = 10_000_000;

/// What came of it.
struct Played {
    run: Run,
    machine: Machine,
    done: Done,
    counters: AssemblerCounters,
    /// Serials of events that said they were partial.
    partial: Vec<u64>,
    by_pid: BTreeMap<u32, Vec<usize>>,
}

/// The agent's parts that hold no socket.
struct Collector {
    assembler: Assembler,
    tracker: Tracker,
    partial: Vec<u64>,
    next_tick_ns: i64,
    lost: u64,
}

impl Collector {
    /// A round of the agent, and its duties. Returns whether audit's socket is empty.
    fn round(&mut self, source: &mut Faulty<Sockets>, machine: &Machine, rows: &mut dyn Rows, batches: usize) -> bool {
        let mut procfs = Shown(machine);
        let mut world = World { rows, procfs: &mut procfs, clock: machine.clock() };
        let Collector { assembler, tracker, partial, .. } = self;
        let now_ms = (machine.now_ns / 1_000_000) as u64;
        let mut drained = false;
        for _ in 0..batches {
            let gathered = source.gather(&mut |life| tracker.life(life, &mut world)).unwrap();
            if gathered.overflows > 0 {
                tracker.resync(&mut world);
            }
            for index in 0..gathered.records {
                match source.record(index) {
                    Some((kind, body)) => {
                        assembler.push(kind, body, now_ms, &mut |event| handle(tracker, partial, &event, &mut world));
                    }
                    None => assembler.unreadable(),
                }
            }
            drained = gathered.drained;
            if drained {
                break;
            }
        }
        tracker.settle(drained, &mut world);
        if machine.now_ns >= self.next_tick_ns {
            self.next_tick_ns = machine.now_ns + 1_000_000_000;
            assembler.expire(now_ms, &mut |event| handle(tracker, partial, &event, &mut world));
            tracker.sweep(drained, &mut world);
            // AUDIT_GET says that `lost` has grown.
            if source.done.dropped_records > self.lost {
                self.lost = source.done.dropped_records;
                tracker.resync(&mut world);
            }
        }
        drained
    }

    fn stop(&mut self, machine: &Machine, rows: &mut dyn Rows) {
        let mut procfs = Shown(machine);
        let mut world = World { rows, procfs: &mut procfs, clock: machine.clock() };
        let Collector { assembler, tracker, partial, .. } = self;
        assembler.expire(u64::MAX, &mut |event| handle(tracker, partial, &event, &mut world));
        tracker.settle_all(&mut world);
    }
}

fn handle(tracker: &mut Tracker, partial: &mut Vec<u64>, event: &Event<'_>, world: &mut World<'_>) {
    match event {
        Event::Exec(exec) => {
            partial.extend(exec.partial.then_some(exec.stamp.serial));
            tracker.exec(exec, world);
        }
        Event::Fork(fork) => tracker.audit_fork(fork, world),
        Event::Exit(exit) => tracker.audit_exit(exit, world),
    }
}

fn play(run: Run, rows: &mut dyn Rows) -> Played {
    let (mut machine, sockets) = Machine::new(PIDS, run.rung, run.filtered, run.seed);
    let mut source = Faulty::new(sockets, run.faults, run.seed + 1000);
    let mut random = Seeded::new(run.seed + 2000);
    let Run { capacity, batches, .. } = run;
    let ring = capacity::CONNECTOR_RING;
    let options = TrackerOptions { capacity, ttl_ns: 300_000_000_000, fork_events: false, ring };
    let (assembler, tracker) = (Assembler::new().unwrap(), Tracker::new(options));
    let mut collector = Collector { assembler, tracker, partial: Vec::new(), next_tick_ns: 0, lost: 0 };
    let mut procfs = Shown(&machine);
    collector.tracker.seed_all(&mut World { rows, procfs: &mut procfs, clock: machine.clock() });
    for _ in 0..STEPS {
        let step_ns = if random.below(20) == 0 { LONG_STEP_NS } else { STEP_NS };
        machine.step(&mut source.inner, step_ns);
        if random.below(8) == 0 {
            collector.round(&mut source, &machine, rows, batches);
        }
    }
    source.end();
    while !collector.round(&mut source, &machine, rows, batches) {}
    collector.round(&mut source, &machine, rows, batches);
    collector.stop(&machine, rows);
    let mut by_pid: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, process) in machine.processes.iter().enumerate() {
        by_pid.entry(process.pid).or_default().push(at);
    }
    let Collector { assembler, partial, .. } = collector;
    Played { run, machine, done: source.done, counters: assembler.counters, partial, by_pid }
}

/// How much there was to judge.
#[derive(Clone, Copy, Debug, Default)]
struct Judged {
    execs: usize,
    /// Rows of whole events.
    whole: usize,
    /// Of events whose parent is known.
    linked: usize,
    links: usize,
    statuses: usize,
}

impl Played {
    fn process(&self, process: usize) -> &Process {
        &self.machine.processes[process]
    }

    /// See the module's head on rung 3.
    fn is_untold(&self, process: usize) -> bool {
        self.done.touched.contains(&self.process(process).born_serial)
    }

    /// Whether a lie named it.
    fn is_lied_of(&self, row: &Row) -> bool {
        self.done.lied_pids.contains(&row.pid) || self.done.lied_serials.contains(&row.serial)
    }

    /// Whose row this is: its event's, or of whom pid and birth agree; all that it could be if the birth is not known.
    fn owners(&self, row: &Row) -> Vec<usize> {
        if let Some(exec) = self.machine.execs.get(&row.serial) {
            return vec![exec.process];
        }
        let seen_ns = row.start_ns - self.machine.clock().epoch_offset_ns;
        // Where audit alone told of it, its first exec stands for its birth.
        let inferred = row.link == Link::Inferred as i64 || row.link == Link::None as i64;
        let fits = |process: &Process| match (row.start_ns, inferred) {
            (0, _) => true,
            (_, false) => (seen_ns - process.start_ns).abs() <= TICK_NS,
            _ => seen_ns + TICK_NS >= process.start_ns && process.end.is_none_or(|(end_ns, _)| end_ns >= seen_ns),
        };
        let named = self.by_pid.get(&row.pid).map_or(&[][..], Vec::as_slice);
        named.iter().copied().filter(|&at| fits(self.process(at))).collect()
    }

    fn check(&self, table: &Table) -> Judged {
        let Played { run, machine, done, counters, partial, .. } = self;
        let mut judged = Judged { execs: machine.execs.len(), ..Judged::default() };
        let mut seen = BTreeSet::new();
        for (id, row) in &table.rows {
            if row.serial != 0 && !done.lied_serials.contains(&row.serial) {
                assert!(seen.insert(row.serial), "{run:?}: an event is one row: {id} {row:?}");
                judged.whole += usize::from(self.check_event(row));
                judged.linked += usize::from(row.parent != 0);
            }
            judged.links += usize::from(self.check_link(table, *id, row));
            judged.statuses += usize::from(self.check_end(row));
        }
        for (serial, exec) in &machine.execs {
            let touched = done.touched.contains(serial) || done.lied_serials.contains(serial);
            assert!(touched || seen.contains(serial), "{run:?}: {serial} {exec:?} is missing");
        }
        let untouched = |serial: &&u64| !done.touched.contains(serial) && !done.lied_serials.contains(serial);
        let harmed = partial.iter().filter(untouched).count() as u64;
        assert!(harmed <= counters.evicted, "{run:?}: {harmed} partial without a reason, {counters:?}");
        assert_eq!(counters.partial, partial.len() as u64, "{run:?}");
        assert!(counters.malformed >= done.unreadable, "{run:?}: {done:?} {counters:?}");
        judged
    }

    /// Returns whether it is a whole event's.
    fn check_event(&self, row: &Row) -> bool {
        let Played { run, machine, done, partial, .. } = self;
        let told = || format!("{run:?}: {row:?}");
        let exec = machine.execs.get(&row.serial).unwrap_or_else(|| panic!("nobody's: {}", told()));
        assert_eq!((row.pid, row.ppid), (self.process(exec.process).pid, exec.ppid), "{}", told());
        assert_eq!(row.uid, Some(1000 + row.pid), "{}", told());
        if partial.contains(&row.serial) {
            return false;
        }
        assert_eq!(row.image.exe, exec.image.exe, "{}", told());
        // A record that came cut and then whole gives what was cut off no more, but the arguments after it.
        let mended = run.faults.duplicate > 0;
        let cut = |text: &[u8], truth: &[u8]| done.cut.contains(&row.serial) && (mended || truth.starts_with(text));
        for (text, truth) in [(&row.image.cmdline, &exec.image.cmdline), (&row.image.cwd, &exec.image.cwd)] {
            assert!(text == truth || cut(text, truth), "{}, not {}", told(), truth.escape_ascii());
        }
        true
    }

    /// Returns whether there was something to judge.
    fn check_link(&self, table: &Table, id: i64, row: &Row) -> bool {
        let Some(parent) = table.rows.get(&row.parent) else {
            assert_eq!(row.parent, 0);
            return false;
        };
        assert_ne!(row.link, Link::None as i64);
        let (children, parents) = (self.owners(row), self.owners(parent));
        let untold = parents.iter().any(|&parent| self.is_untold(parent));
        if self.is_lied_of(row) || self.is_lied_of(parent) || untold {
            return false;
        }
        let adopted = row.link == Link::Inferred as i64 || row.link == Link::Procfs as i64;
        let is_true = |child: &usize| {
            let truth = &self.process(*child).parents;
            let Some(&forker) = truth.first() else { return false };
            let truth = if adopted { &truth[..] } else { &truth[..1] };
            let unknown = self.is_untold(*child) || self.is_untold(forker);
            let lied = self.done.lied_pids.contains(&self.process(forker).pid);
            unknown || lied || truth.iter().any(|parent| parents.contains(parent))
        };
        let told = || format!("{:?}: row {id} {row:?} of {children:?} from {parent:?} of {parents:?}", self.run);
        assert!(children.iter().any(is_true), "{}", told());
        true
    }

    fn check_end(&self, row: &Row) -> bool {
        let Some(status) = row.status.filter(|_| !self.is_lied_of(row)) else { return false };
        let owners = self.owners(row);
        let truth = |&owner: &usize| self.process(owner).statuses.contains(&status);
        assert!(owners.iter().any(truth), "{:?}: {row:?} of {owners:?}", self.run);
        true
    }
}

/// Plays and checks some seeds (more with STEMMA_SEEDS), with room for all and with room for ten.
fn hold(rung: Rung, faults: Faults) -> Judged {
    let seeds = std::env::var("STEMMA_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2);
    let mut all = Judged::default();
    for seed in 1..=seeds {
        for capacity in [1000, 10] {
            let mut table = Table::default();
            let (batches, filtered) = (if seed % 2 == 0 { 32 } else { 1 }, seed % 3 != 0);
            let played = play(Run { seed, faults, rung, capacity, batches, filtered }, &mut table);
            let Judged { execs, whole, linked, links, statuses } = played.check(&table);
            all.execs += execs;
            all.whole += whole;
            all.linked += linked;
            all.links += links;
            all.statuses += statuses;
        }
    }
    // It would be easy to promise things of nothing.
    assert!(all.links * 2 > all.execs && all.linked * 10 > all.execs * 7, "{faults:?}: {all:?}");
    all
}

const CONNECTED: Rung = Rung::OwnerAndConnector;
const ALONE: Rung = Rung::AuditAlone;
const NONE: Faults = Faults { drop: 0, duplicate: 0, reorder: 0, truncate: 0, corrupt: 0, overflow: 0 };

fn hold_on_both(faults: Faults) {
    hold(CONNECTED, faults);
    hold(ALONE, faults);
}

#[test]
fn without_faults_every_event_is_whole() {
    for rung in [CONNECTED, ALONE] {
        let Judged { execs, whole, statuses, .. } = hold(rung, NONE);
        assert_eq!(whole, execs);
        assert_eq!(statuses > 100, rung == CONNECTED);
    }
}

#[test]
fn what_is_dropped_is_missing_and_nothing_is_invented_for_it() {
    hold_on_both(Faults { drop: 20, ..NONE });
}

#[test]
fn what_comes_twice_counts_once() {
    hold_on_both(Faults { duplicate: 50, ..NONE });
}

#[test]
fn what_comes_out_of_order_finds_its_place_or_is_partial() {
    hold_on_both(Faults { reorder: 50, ..NONE });
}

#[test]
fn what_is_cut_is_partial_or_not_taken() {
    hold_on_both(Faults { truncate: 50, ..NONE });
}

#[test]
fn a_lie_is_believed_and_does_not_spread() {
    hold_on_both(Faults { corrupt: 20, ..NONE });
}

#[test]
fn an_overflow_that_never_was_costs_nothing() {
    let Judged { execs, whole, .. } = hold(CONNECTED, Faults { overflow: 100, ..NONE });
    assert_eq!(whole, execs);
}

#[test]
fn all_faults_together_invent_nothing() {
    hold_on_both(Faults { drop: 10, duplicate: 20, reorder: 20, truncate: 20, corrupt: 5, overflow: 20 });
}

#[test]
fn the_worst_of_sources_invents_nothing() {
    let seed_of_all = Faults { drop: 100, duplicate: 100, reorder: 100, truncate: 100, corrupt: 0, overflow: 100 };
    for rung in [CONNECTED, ALONE] {
        let mut table = Table::default();
        play(Run { seed: 5, faults: seed_of_all, rung, capacity: 100, batches: 1, filtered: true }, &mut table)
            .check(&table);
    }
}

/// The same run into a database: what comes out of it is what went in.
#[test]
fn the_database_holds_the_same_rows() {
    let faults = Faults { drop: 10, duplicate: 20, reorder: 20, truncate: 20, corrupt: 0, overflow: 20 };
    let run = Run { seed: 1, faults, rung: CONNECTED, capacity: 100, batches: 32, filtered: false };
    let folder = std::env::temp_dir().join(format!("stemma-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("events.db");
    let mut writer = Writer::open(&path, Limits { expiry_s: 1 << 30, events: 1 << 30, bytes: 1 << 40 });
    play(run, &mut writer);
    writer.flush(i64::MAX / 2, None);
    assert_eq!(writer.counters.rows_dropped, 0);
    let read = read_back(&path);
    std::fs::remove_dir_all(&folder).unwrap();
    let mut table = Table::default();
    play(run, &mut table).check(&read);
    assert_eq!(read.rows.len(), table.rows.len());
    for (id, row) in &table.rows {
        assert_eq!(read.rows.get(id), Some(row), "row {id}");
    }
}

fn read_back(path: &std::path::Path) -> Table {
    let connection = crate::store::reader::open(path).unwrap();
    let sql = "SELECT id, parent, origin, visible, link, pid, ppid, start_ns, serial, uid, CAST(path AS BLOB),
               CAST(cmdline AS BLOB), CAST(cwd AS BLOB), end_ns, status FROM image";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let image = Image { exe: row.get(10)?, cmdline: row.get(11)?, cwd: row.get(12)? };
        Ok((
            row.get(0)?,
            Row {
                parent: row.get(1)?,
                origin: row.get(2)?,
                visible: row.get(3)?,
                link: row.get(4)?,
                pid: row.get(5)?,
                ppid: row.get(6)?,
                start_ns: row.get(7)?,
                serial: row.get::<_, i64>(8)? as u64,
                uid: row.get(9)?,
                image,
                end_ns: row.get(13)?,
                status: row.get(14)?,
            },
        ))
    });
    Table { rows: rows.unwrap().map(Result::unwrap).collect() }
}
