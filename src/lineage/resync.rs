//! What /proc adds: the living at start, processes nobody told us of, and everything after a loss.

use super::World;
use super::node::{AWAITING, COUNTED, CURRENT, FILLED, IMAGE, Idx, NAMESPACED, NONE, Node};
use super::rows::{bare_row, near, with_text};
use super::tracker::{AWAIT_NS, START_STEP_NS, Tracker};
use crate::store::row::{End, ImageRow, Kind, Link, RowId};

/// Nodes that the first reading of /proc leaves free, as a part of all.
const FREE_PART: usize = 4;

impl Tracker {
    /// Reads a process from /proc, its ancestors before it; NONE if it is gone or started after `time_ns`.
    pub(super) fn seed(&mut self, pid: u32, time_ns: i64, depth: usize, world: &mut World<'_>) -> Idx {
        if pid == 0 || depth == 0 {
            return NONE;
        }
        // Its own parent? Nobody is: the two would be one node.
        let birth = world.procfs.birth(pid).filter(|&(ppid, _)| ppid != pid);
        let Some((ppid, start_boot_ns)) = birth else { return NONE };
        let born_ns = start_boot_ns - world.clock.boot_offset_ns;
        if born_ns > time_ns + START_STEP_NS {
            return NONE;
        }
        let mut parent = self.cache.current(ppid);
        if parent == NONE || self.cache.at(parent).ended() {
            parent = self.seed(ppid, born_ns.max(time_ns), depth - 1, world);
        }
        self.cache.touch(parent);
        let Some(seen) = world.procfs.read(pid).filter(|seen| seen.start_boot_ns == start_boot_ns) else { return NONE };
        let from = *self.cache.at(parent);
        let node = Node {
            pid,
            forker: ppid,
            // Zero means "not known"; a process of the very first moment starts a ns later.
            fork_ns: if born_ns == 0 { 1 } else { born_ns },
            parent,
            parent_row: from.row,
            link: if parent.is_some() { Link::Procfs } else { Link::None },
            flags: CURRENT | IMAGE | if seen.namespaced { NAMESPACED } else { 0 },
            ..Node::default()
        };
        let base = bare_row(&node, world.clock.epoch_offset_ns, world.clock.boot_offset_ns);
        let row = ImageRow { kind: Kind::Procfs, ..with_text(base, &seen) };
        // The text is in /proc's buffers: the row goes out before the cache is touched again.
        let id = self.new_row();
        world.rows.image(&ImageRow { id, parent: from.row, ..row });
        self.retire(pid);
        self.insert(Node { row: id, ..node }, world)
    }

    /// Everything alive, at start: after subscribing, so that nothing falls between. A part of the cache stays free.
    pub fn seed_all(&mut self, world: &mut World<'_>) {
        let (mut pids, most) = (Vec::new(), self.cache.capacity() - self.cache.capacity() / FREE_PART);
        world.procfs.pids(&mut |pid| pids.push(pid));
        for pid in pids {
            if self.cache.size() >= most {
                break;
            }
            let node = *self.cache.at(self.cache.current(pid));
            // One that has ended may be another that had the pid before; if it is the same, others of its threads live.
            let mut other = || world.procfs.birth(pid).is_some_and(|(_, start)| !near(&node, start, &world.clock));
            if !node.is(CURRENT) || node.ended() && other() {
                self.seed(pid, i64::MAX / 2, 64, world);
            }
        }
    }

    /// After a loss: who is in the cache and no longer in /proc has ended, unseen; who lives and is not in the cache
    /// comes in.
    pub fn resync(&mut self, world: &mut World<'_>) {
        self.loss_ns = world.clock.monotonic_ns;
        let mut at = Some(NONE);
        while let Some(idx) = at {
            // Threads may have begun and ended unseen.
            self.cache.at_mut(idx).flags &= !COUNTED;
            let node = *self.cache.at(idx);
            at = self.cache.following(idx);
            if !node.is(CURRENT) || node.ended() {
                continue;
            }
            let alive = world.procfs.birth(node.pid).is_some_and(|(_, start)| near(&node, start, &world.clock));
            if !alive {
                let time_ns = world.clock.monotonic_ns;
                let ended = self.cache.at_mut(idx);
                ended.end_ns = time_ns;
                ended.status_known = false;
                if node.row.is_some() {
                    world.rows.end(node.row, End { time_ns: time_ns + world.clock.epoch_offset_ns, status: None });
                }
                self.cache.settle(idx);
            }
        }
        self.seed_all(world);
    }

    /// The database was begun anew: no row that nodes speak of is in it. The living get rows again.
    pub fn forget_rows(&mut self) {
        let mut at = Some(NONE);
        while let Some(idx) = at {
            at = self.cache.following(idx);
            let node = self.cache.at_mut(idx);
            node.row = RowId::NONE;
            node.parent_row = RowId::NONE;
            node.origin = RowId::NONE;
        }
    }

    /// Once a second: what is too old leaves, and execs whose event never came are completed from /proc.
    pub fn sweep(&mut self, audit_drained: bool, world: &mut World<'_>) {
        let now_ns = world.clock.monotonic_ns;
        self.cache.expire(now_ns - self.options.ttl_ns, 4096);
        if !audit_drained {
            return;
        }
        let mut at = Some(NONE);
        while let Some(idx) = at {
            let node = *self.cache.at(idx);
            at = self.cache.following(idx);
            if node.is(AWAITING) && now_ns - node.exec_ns > AWAIT_NS {
                self.unaudited(idx, world);
            }
        }
    }

    /// An exec that audit did not report (the process is older than audit's being switched on, or the record is lost).
    fn unaudited(&mut self, idx: Idx, world: &mut World<'_>) {
        self.unaudited += 1;
        let node = *self.cache.at(idx);
        let alive = node.is(CURRENT) && !node.ended();
        if alive && world.procfs.birth(node.pid).is_some_and(|(_, start)| near(&node, start, &world.clock)) {
            let parent = self.row_of_parent(idx, world);
            let id = if node.row.is_some() { node.row } else { self.new_row() };
            let base = ImageRow {
                id,
                parent,
                visible: true,
                kind: Kind::Exec,
                ..bare_row(&node, world.clock.epoch_offset_ns, world.clock.boot_offset_ns)
            };
            if let Some(seen) = world.procfs.read(node.pid) {
                world.rows.image(&with_text(base, &seen));
                self.cache.at_mut(idx).row = id;
            }
        }
        let node = self.cache.at_mut(idx);
        node.flags = node.flags & !AWAITING | FILLED;
        self.cache.settle(idx);
    }
}
