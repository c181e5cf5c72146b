//! What audit says alone, where no connector speaks: kernels without it, messages lost, logs of other machines.

use super::World;
use super::cache::Cache;
use super::node::{CURRENT, IMAGE, Idx, NAMESPACED, NONE, Node};
use super::rows::{bare_row, near};
use super::tracker::{AWAIT_NS, STAMP_STEP_NS, Tracker};
use crate::audit::event::{Exec, Exit, Fork};
use crate::store::row::{ImageRow, Link, RowId};

/// No pid comes again sooner: with 32,768 of them, and as fast as processes can be made.
const REUSE_NS: i64 = 500_000_000;
/// CLONE_NEWPID.
const CLONE_NEWPID: u64 = 0x2000_0000;

impl Tracker {
    /// An exec event that no connector message speaks of (no connector, or its message is lost): the cache is asked for
    /// who held the pid, and `ppid=` for the parent.
    pub(super) fn exec_untold(&mut self, event: &Exec<'_>, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let late = self.is_late(event.pid, stamp_ns);
        let known = self.current_at(event.pid, stamp_ns);
        let node = *self.cache.at(known);
        // An end that was not seen may have been at any time, and one within the stamp's step before the exec.
        let over = node.ended() && (!node.status_known || node.end_ns <= stamp_ns + STAMP_STEP_NS);
        // The same number may be another parent: one that was born after this process was.
        let same_parent = node.forker == event.ppid && !self.is_held_since(event.ppid, node.fork_ns);
        let other = !same_parent && !self.is_orphan(&node, event.ppid, stamp_ns, world);
        // Known as somebody's parent and by its pid alone: now there is more to know.
        let bare = !node.is(IMAGE) && node.fork_ns == 0;
        if known.is_some() && !over && !other && !bare {
            if !node.ended() && node.exec_ns <= stamp_ns {
                return self.exec_seen(event.pid, stamp_ns, world);
            }
            // It comes late: what it tells of is past.
            let image = Node { exec_ns: stamp_ns, row: RowId::NONE, origin: RowId::NONE, flags: IMAGE, ..node };
            return self.insert(image, world);
        }
        if !late {
            self.retire(event.pid);
        }
        let parent = self.holder(event.ppid, stamp_ns, world);
        let from = *self.cache.at(parent);
        let link = if parent.is_some() { Link::Inferred } else { Link::None };
        let born = Node {
            pid: event.pid,
            forker: if parent.is_some() { event.ppid } else { 0 },
            fork_ns: stamp_ns,
            exec_ns: stamp_ns,
            parent,
            parent_row: from.row,
            link,
            flags: if late { IMAGE } else { CURRENT | IMAGE } | (from.flags & NAMESPACED),
            ..Node::default()
        };
        self.insert(born, world)
    }

    /// Whether a process with another parent than its forker has been orphaned. If not, it is another process, and the
    /// record of its birth is late or lost: that is ruled out while no pid can have come again, and later by /proc. Where
    /// no /proc is (a log's), a child of init whose birth was told is believed to be the one that was told of.
    fn is_orphan(&self, node: &Node, ppid: u32, stamp_ns: i64, world: &mut World<'_>) -> bool {
        let young = node.fork_ns != 0 && stamp_ns - node.fork_ns < REUSE_NS;
        let mut shown = || world.procfs.birth(node.pid).is_some_and(|(_, start)| near(node, start, &world.clock));
        young || shown() || ppid == 1 && node.link != Link::Inferred && world.procfs.birth(1).is_none()
    }

    /// Who held `pid` at the stamp, as far as that is sure: an image in the cache that was born before and had not
    /// ended by then, or a living process that started before.
    fn holder(&mut self, pid: u32, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let idx = self.current_at(pid, stamp_ns);
        let node = *self.cache.at(idx);
        // The exec happened within a step after the stamp. Whoever was born or ended within that step may or may not
        // have been the parent, if pids come again quickly: then the pid alone is known, and nothing is invented.
        let was_born = node.fork_ns <= stamp_ns;
        let lived_on = !node.ended() || node.status_known && node.end_ns > stamp_ns + STAMP_STEP_NS;
        if idx.is_some() && was_born && lived_on {
            self.cache.counters.hits += 1;
            return idx;
        }
        self.climb(pid, stamp_ns, world)
    }

    /// A fork-family event of audit, for kernels without the connector and for logs.
    pub fn audit_fork(&mut self, event: &Fork<'_>, world: &mut World<'_>) {
        let stamp_ns = (event.stamp.ms as i64).saturating_mul(1_000_000) - world.clock.epoch_offset_ns;
        self.told_until(stamp_ns, world);
        let late = self.is_late(event.child, stamp_ns);
        let caller = if late { self.current_at(event.pid, stamp_ns) } else { self.holder(event.pid, stamp_ns, world) };
        if !late {
            self.introduce(caller, event, stamp_ns, world);
        }
        if self.cache.at(caller).is(NAMESPACED) {
            return;
        }
        let known = self.cache.current(event.child);
        let node = self.cache.at_mut(known);
        // A vfork's record comes after the child's exec, and may come after its end; its stamp is older. A younger one is
        // another birth.
        let born_before = (0..=AWAIT_NS).contains(&(node.fork_ns - stamp_ns));
        if known.is_some() && node.link == Link::Inferred && node.forker == event.pid && born_before {
            node.link = Link::Audit;
            node.fork_ns = stamp_ns;
            return;
        }
        if late {
            return;
        }
        let child = self.fork(event.child, event.pid, stamp_ns, Link::Audit, world);
        if event.flags & CLONE_NEWPID != 0 {
            self.cache.at_mut(child).flags |= NAMESPACED;
        }
    }

    /// A caller of which only the pid was known (it is older than what we have of the log): the record of its fork says
    /// what it runs and who its parent is.
    fn introduce(&mut self, idx: Idx, event: &Fork<'_>, stamp_ns: i64, world: &mut World<'_>) {
        let node = *self.cache.at(idx);
        if idx == NONE || node.is(IMAGE) || node.fork_ns != 0 || event.path.is_empty() {
            return;
        }
        // A row that is there already gets no parent any more: a parent's row is always older.
        let mut parent_row = RowId::NONE;
        if !node.row.is_some() && event.ppid != 0 {
            self.cache.touch(idx);
            let parent = self.holder(event.ppid, stamp_ns, world);
            parent_row = self.row_of(parent, world);
            if self.cache.current(event.pid) != idx {
                return;
            }
        }
        let id = if node.row.is_some() { node.row } else { self.new_row() };
        let node = self.cache.at_mut(idx);
        node.forker = event.ppid;
        node.parent_row = parent_row;
        node.link = if parent_row.is_some() { Link::Inferred } else { Link::None };
        node.row = id;
        node.flags |= IMAGE;
        let base = bare_row(node, world.clock.epoch_offset_ns, world.clock.boot_offset_ns);
        world.rows.image(&ImageRow { id, parent: parent_row, ids: Some(event.ids), path: event.path, ..base });
    }

    /// The machine of a log was started anew: whoever lived then lives no more, and pids begin again.
    pub fn reboot(&mut self) {
        let counters = self.cache.counters;
        self.cache = Cache::new(self.options.capacity);
        self.cache.counters = counters;
        self.ring.clear();
    }

    /// An exit event of audit, in logs that have them.
    pub fn audit_exit(&mut self, event: &Exit, world: &mut World<'_>) {
        let stamp_ns = (event.stamp.ms as i64).saturating_mul(1_000_000) - world.clock.epoch_offset_ns;
        if event.group {
            self.exit(event.pid, stamp_ns, Some(u32::from(event.code) << 8), world);
        }
    }
}
