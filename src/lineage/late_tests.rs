//! Small scenes of what comes late, twice or not at all; each was played wrongly once.

use super::node::CURRENT;
use super::tracker::{Tracker, TrackerOptions};
use super::{Procfs, Rows, Seen, World};
use crate::audit::event::{Exec, Fork, Ids, Stamp, Syscall};
use crate::source::{Life, LifeKind};
use crate::store::row::{End, ImageRow, Link, RowId};
use crate::sys::clock::Clock;
use std::collections::BTreeMap;

const MS: i64 = 1_000_000;

/// Rows: pid, parent, link, command line, wait status.
#[derive(Default)]
struct Table(BTreeMap<u32, (u32, RowId, Link, String, Option<u32>)>);

impl Rows for Table {
    fn image(&mut self, row: &ImageRow<'_>) {
        let text = String::from_utf8(row.cmdline.to_vec()).unwrap();
        self.0.insert(row.id.0, (row.pid, row.parent, row.link, text, row.end.and_then(|end| end.status)));
    }
    fn end(&mut self, id: RowId, end: End) {
        self.0.get_mut(&id.0).unwrap().4 = end.status;
    }
}

/// Pid: parent and start, ms.
#[derive(Default)]
struct Living(BTreeMap<u32, (u32, i64)>);

impl Procfs for Living {
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)> {
        self.0.get(&pid).map(|&(parent, start)| (parent, start * MS))
    }
    fn read(&mut self, pid: u32) -> Option<Seen<'_>> {
        let (ppid, start_boot_ns) = self.birth(pid)?;
        let ids = Ids::default();
        Some(Seen { ppid, start_boot_ns, ids, path: b"", cmdline: b"shown", cwd: b"", namespaced: false })
    }
    fn pids(&mut self, each: &mut dyn FnMut(u32)) {
        self.0.keys().copied().for_each(each);
    }
}

/// A tracker and what surrounds it; times are ms.
struct Scene {
    tracker: Tracker,
    table: Table,
    living: Living,
    now: i64,
}

impl Scene {
    /// Process 1 lives, and 5 and 6, its children.
    fn new() -> Self {
        let options = TrackerOptions { capacity: 64, ttl_ns: i64::MAX / 4, fork_events: false, ring: 64 };
        let living = Living([(1, (0, 1)), (5, (1, 10)), (6, (1, 20))].into());
        let mut scene = Scene { tracker: Tracker::new(options), table: Table::default(), living, now: 1000 };
        scene.with(|tracker, world| tracker.seed_all(world));
        scene
    }

    fn with(&mut self, act: impl FnOnce(&mut Tracker, &mut World<'_>)) {
        let clock = Clock { monotonic_ns: self.now * MS, ..Clock::default() };
        let mut world = World { rows: &mut self.table, procfs: &mut self.living, clock };
        act(&mut self.tracker, &mut world);
    }

    fn told(&mut self, at: i64, pid: u32, kind: LifeKind) {
        self.now = self.now.max(at);
        self.with(|tracker, world| tracker.life(Life { pid, time_ns: at * MS, kind }, world));
    }

    fn fork(&mut self, at: i64, pid: u32, parent: u32) {
        self.told(at, pid, LifeKind::Fork { parent });
    }

    fn exit(&mut self, at: i64, pid: u32) {
        self.told(at, pid, LifeKind::Exit { status: 256 });
    }

    /// Everything the connector said is applied.
    fn settle(&mut self) {
        self.with(|tracker, world| tracker.settle_all(world));
    }

    /// Audit's event of an exec, handled now.
    fn event(&mut self, at: i64, pid: u32, ppid: u32, text: &str) {
        let exec = Exec {
            stamp: Stamp { ms: at as u64, serial: 1 },
            syscall: Syscall::Execve,
            pid,
            ppid,
            ids: Ids::default(),
            path: b"",
            cmdline: text.as_bytes(),
            cwd: b"",
            file: None,
            partial: false,
        };
        self.now = self.now.max(at);
        self.with(|tracker, world| tracker.exec(&exec, world));
    }

    /// An exec of which both sources tell.
    fn exec(&mut self, at: i64, pid: u32, ppid: u32, text: &str) {
        self.told(at, pid, LifeKind::Exec);
        self.event(at, pid, ppid, text);
    }

    /// Audit's event of a fork, where no connector speaks.
    fn audit_fork(&mut self, at: i64, child: u32, pid: u32) {
        let ids = Ids::default();
        let stamp = Stamp { ms: at as u64, serial: 1 };
        let fork = Fork { stamp, syscall: Syscall::Clone, pid, ppid: 1, child, ids, path: b"", flags: 0 };
        self.now = self.now.max(at);
        self.with(|tracker, world| tracker.audit_fork(&fork, world));
    }

    /// Pid, command line and link of the parent of the row with this command line.
    fn parent_of(&self, text: &str) -> (u32, &str, Link) {
        let mut found = self.table.0.values().filter(|(_, _, _, cmdline, _)| cmdline == text);
        let (_, parent, link, ..) = found.next().unwrap();
        assert!(found.next().is_none(), "one row");
        self.table.0.get(&parent.0).map_or((0, "", *link), |(pid, _, _, cmdline, _)| (*pid, cmdline, *link))
    }
}

/// Process 7, forked by 5, execs and ends while its event is held up; then another has the pid, forked by 6. `given_up`:
/// nobody waits for the event any more.
fn pid_of_another(given_up: bool) -> Scene {
    let mut scene = Scene::new();
    scene.fork(1000, 7, 5);
    scene.told(1001, 7, LifeKind::Exec);
    scene.exit(1010, 7);
    scene.settle();
    if given_up {
        scene.now = 3005;
        scene.with(|tracker, world| tracker.sweep(true, world));
    }
    scene.fork(3006, 7, 6);
    scene
}

#[test]
fn a_late_event_does_not_take_the_pid_from_who_has_it_now() {
    for (given_up, link) in [(false, Link::Connector), (true, Link::Inferred)] {
        let mut scene = pid_of_another(given_up);
        scene.exec(3010, 7, 6, "second");
        scene.event(1000, 7, 5, "first");
        assert_eq!(scene.parent_of("first"), (5, "shown", link));
        scene.fork(3020, 8, 7);
        scene.exec(3021, 8, 7, "child");
        assert_eq!(scene.parent_of("child"), (7, "second", Link::Connector));
        assert_eq!(scene.parent_of("second").0, 6);
    }
}

#[test]
fn a_late_event_does_not_take_the_exec_of_who_has_the_pid_now() {
    // That is still in the ring, or in the cache, when the old event comes.
    for (given_up, applied) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut scene = pid_of_another(given_up);
        scene.told(3010, 7, LifeKind::Exec);
        if applied {
            scene.settle();
        }
        scene.event(1000, 7, 5, "first");
        scene.event(3010, 7, 6, "second");
        assert_eq!((scene.parent_of("first").0, scene.parent_of("second").0), (5, 6));
    }
}

#[test]
fn nor_if_it_has_had_no_room_in_the_cache() {
    let mut scene = Scene::new();
    // Born before anything was told, seen by /proc when its exec is applied.
    scene.living.0.insert(7, (6, 2500));
    scene.now = 3000;
    scene.told(3010, 7, LifeKind::Exec);
    scene.event(1000, 7, 5, "first");
    scene.event(3010, 7, 6, "second");
    assert_eq!((scene.parent_of("first").0, scene.parent_of("second").0), (5, 6));
}

#[test]
fn a_late_event_is_its_own_image_s_if_that_is_still_known() {
    let mut scene = Scene::new();
    scene.fork(1000, 7, 5);
    scene.told(1001, 7, LifeKind::Exec);
    scene.exit(1010, 7);
    scene.settle();
    scene.now = 3500;
    scene.with(|tracker, world| tracker.sweep(true, world));
    scene.now = 2900;
    scene.event(1000, 7, 5, "first");
    assert_eq!(scene.parent_of("first"), (5, "shown", Link::Connector));
    let (.., status) = scene.table.0.values().find(|row| row.3 == "first").unwrap();
    assert_eq!(*status, Some(256));
}

#[test]
fn a_late_event_s_parent_may_be_somebody_else_by_now() {
    let mut scene = Scene::new();
    scene.fork(3000, 9, 6);
    scene.exec(3001, 9, 6, "nine");
    scene.event(1000, 7, 9, "first");
    let (pid, text, link) = scene.parent_of("first");
    assert_eq!((pid, text, link), (9, "", Link::Inferred), "the number is known, and no more");
    scene.fork(3020, 8, 9);
    scene.exec(3021, 8, 9, "child");
    assert_eq!(scene.parent_of("child"), (9, "nine", Link::Connector), "and that one keeps it");
}

#[test]
fn a_late_event_does_not_become_the_image_of_today() {
    let mut scene = Scene::new();
    scene.event(3000, 5, 1, "today");
    scene.event(1500, 5, 1, "yesterday");
    scene.fork(3020, 8, 5);
    scene.exec(3021, 8, 5, "child");
    assert_eq!(scene.parent_of("child").1, "today");
}

#[test]
fn a_late_event_of_a_pid_of_which_only_the_number_is_known_is_not_that_one_s() {
    let mut scene = Scene::new();
    // Nobody told of 30's birth: a node with a number.
    scene.fork(3000, 8, 30);
    scene.exec(3001, 8, 30, "child");
    scene.event(1000, 30, 5, "first");
    assert_eq!(scene.parent_of("first").0, 5);
    assert_eq!(scene.parent_of("child").1, "", "not of the first");
    scene.fork(3020, 9, 30);
    scene.exec(3021, 9, 30, "other child");
    assert_eq!(scene.parent_of("other child").1, "");
}

#[test]
fn an_end_is_not_the_end_of_who_has_ended_before() {
    let mut scene = Scene::new();
    scene.fork(1000, 7, 5);
    scene.exec(1001, 7, 5, "first");
    scene.exit(1010, 7);
    scene.settle();
    // The birth of the pid's next holder is lost with the report of it, and then it ends, and others of its threads go on.
    scene.now = 2000;
    scene.with(|tracker, world| tracker.resync(world));
    scene.told(2010, 7, LifeKind::Exit { status: 9 });
    scene.settle();
    assert_eq!(scene.table.0.values().find(|row| row.3 == "first").unwrap().4, Some(256));
    scene.exec(2020, 7, 6, "second");
    assert_ne!(scene.parent_of("second").0, 5);
}

#[test]
fn after_a_loss_who_has_the_pid_of_one_that_ended_before_is_read_from_proc() {
    let mut scene = Scene::new();
    scene.fork(1000, 7, 5);
    scene.exec(1001, 7, 5, "first");
    scene.exit(1010, 7);
    scene.settle();
    scene.now = 2000;
    scene.living.0.insert(7, (6, 1900));
    scene.with(|tracker, world| tracker.resync(world));
    scene.living.0.remove(&7);
    scene.exec(2020, 7, 6, "second");
    assert_eq!(scene.parent_of("second"), (6, "shown", Link::Procfs));
}

#[test]
fn a_message_from_the_future_holds_nobody_up() {
    let mut scene = Scene::new();
    scene.told(1000, 7, LifeKind::Fork { parent: 5 });
    scene.with(|tracker, world| {
        let (kind, time_ns) = (LifeKind::Exit { status: 0 }, i64::MAX / 2);
        tracker.life(Life { pid: 6, time_ns, kind }, world);
    });
    scene.fork(1001, 8, 7);
    scene.now = 1200;
    scene.with(|tracker, world| tracker.settle(true, world));
    assert_eq!(scene.tracker.waiting(), 0);
}

#[test]
fn a_late_fork_record_brings_nobody_back() {
    let mut scene = Scene::new();
    scene.audit_fork(3000, 8, 6);
    scene.event(3001, 8, 6, "eight");
    scene.audit_fork(1000, 9, 5);
    assert!(!scene.tracker.cache().images(9).any(|(_, node)| node.is(CURRENT)));
    scene.event(3010, 9, 8, "nine");
    assert_eq!(scene.parent_of("nine").0, 8);
}

#[test]
fn a_second_birth_by_the_same_forker_is_another_process() {
    let mut scene = Scene::new();
    scene.audit_fork(1000, 7, 5);
    scene.event(1001, 7, 5, "first");
    scene.audit_fork(2600, 7, 5);
    scene.audit_fork(2601, 8, 7);
    scene.event(2602, 8, 7, "child");
    assert_eq!(scene.parent_of("child").1, "", "a copy of 5, not the first 7's image");
}

#[test]
fn a_fork_record_that_comes_after_the_childs_exec_is_the_same_birth() {
    let mut scene = Scene::new();
    scene.event(1004, 7, 5, "first");
    scene.audit_fork(1000, 7, 5);
    scene.audit_fork(1010, 8, 7);
    scene.event(1011, 8, 7, "child");
    assert_eq!(scene.parent_of("child"), (7, "first", Link::Audit));
}

#[test]
fn an_exec_that_comes_before_its_fork_record_is_not_of_the_last_holder() {
    for ppid in [1, 6] {
        let mut scene = Scene::new();
        scene.audit_fork(1000, 7, 5);
        scene.event(3004, 7, ppid, "second");
        scene.audit_fork(3000, 7, ppid);
        assert_eq!(scene.parent_of("second").0, ppid);
    }
}

#[test]
fn nor_if_the_parents_number_is_the_same() {
    let mut scene = Scene::new();
    scene.audit_fork(1000, 30, 5);
    scene.audit_fork(1001, 7, 30);
    scene.audit_fork(3000, 30, 6);
    scene.event(3001, 30, 6, "thirty");
    scene.event(3008, 7, 30, "second");
    scene.audit_fork(3004, 7, 30);
    assert_eq!(scene.parent_of("second").1, "thirty");
}

#[test]
fn an_orphan_keeps_its_forker_where_no_pid_can_have_come_again() {
    let mut scene = Scene::new();
    scene.audit_fork(1000, 7, 5);
    scene.audit_fork(1001, 8, 7);
    scene.event(1004, 8, 1, "daemon");
    assert_eq!(scene.parent_of("daemon"), (7, "", Link::Audit));
    // Later, if /proc says so.
    scene.living.0.insert(8, (1, 1000));
    scene.event(3000, 8, 1, "daemon again");
    assert_eq!(scene.parent_of("daemon again").0, 7);
}

#[test]
fn a_process_that_proc_calls_its_own_parent_does_not_go_round_for_ever() {
    let mut scene = Scene::new();
    scene.living.0.insert(7, (7, 30));
    scene.now = 2000;
    scene.with(|tracker, world| tracker.resync(world));
    // Without a row of its own it would be climbed from, to itself.
    scene.tracker.forget_rows();
    scene.fork(2001, 8, 7);
    scene.exec(2002, 8, 7, "child");
    assert_eq!(scene.parent_of("child").0, 7);
}
