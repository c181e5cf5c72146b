//! What audit says alone, where no connector speaks: kernels without it, messages lost, logs of other machines.

use super::World;
use super::node::{CURRENT, IMAGE, Idx, NAMESPACED, NONE, Node};
use super::tracker::{AWAIT_NS, STAMP_STEP_NS, Tracker};
use crate::audit::event::{Exec, Exit, Fork};
use crate::store::row::Link;

/// CLONE_NEWPID.
const CLONE_NEWPID: u64 = 0x2000_0000;

impl Tracker {
    /// An exec event that no connector message speaks of (no connector, or its message is lost): the cache is asked for
    /// who held the pid, and `ppid=` for the parent.
    pub(super) fn exec_untold(&mut self, event: &Exec<'_>, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let known = self.current_at(event.pid, stamp_ns);
        let node = *self.cache.at(known);
        // An end that was not seen may have been at any time, and one within the stamp's step before the exec.
        let over = node.ended() && (!node.status_known || node.end_ns <= stamp_ns + STAMP_STEP_NS);
        // A process that has an image of its own and another parent now is another process, unless it was orphaned.
        let other = node.is(IMAGE) && node.forker != event.ppid && event.ppid != 1;
        if known == NONE || over || other {
            self.retire(event.pid);
            let parent = self.holder(event.ppid, stamp_ns, world);
            let from = *self.cache.at(parent);
            let link = if parent.is_some() { Link::Inferred } else { Link::None };
            let born = Node {
                pid: event.pid,
                forker: if parent.is_some() { event.ppid } else { 0 },
                fork_ns: stamp_ns,
                parent,
                parent_row: from.row,
                link,
                flags: CURRENT | (from.flags & NAMESPACED),
                ..Node::default()
            };
            self.insert(born, world);
        }
        self.exec_seen(event.pid, stamp_ns, world)
    }

    /// Who held `pid` at the stamp, as far as that is sure: an image in the cache that was born before and had not
    /// ended by then, or a living process that started before.
    fn holder(&mut self, pid: u32, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let idx = self.current_at(pid, stamp_ns);
        let node = self.cache.at(idx);
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
        let caller = self.holder(event.pid, stamp_ns, world);
        if self.cache.at(caller).is(NAMESPACED) {
            return;
        }
        let known = self.cache.current(event.child);
        let node = self.cache.at_mut(known);
        // A vfork's record comes after the child's exec.
        if known.is_some() && !node.ended() && node.forker == event.pid && (node.fork_ns - stamp_ns).abs() <= AWAIT_NS {
            node.link = Link::Audit;
            node.fork_ns = stamp_ns;
            return;
        }
        let child = self.fork(event.child, event.pid, stamp_ns, Link::Audit, world);
        if event.flags & CLONE_NEWPID != 0 {
            self.cache.at_mut(child).flags |= NAMESPACED;
        }
    }

    /// An exit event of audit, in logs that have them.
    pub fn audit_exit(&mut self, event: &Exit, world: &mut World<'_>) {
        let stamp_ns = (event.stamp.ms as i64).saturating_mul(1_000_000) - world.clock.epoch_offset_ns;
        if event.group {
            self.exit(event.pid, stamp_ns, Some(u32::from(event.code) << 8), world);
        }
    }
}
