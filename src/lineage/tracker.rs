//! Applies births, images and deaths to the cache (see the head of [`super`]).

use super::World;
use super::cache::Cache;
use super::node::{AWAITING, COUNTED, CURRENT, IMAGE, Idx, LEADERLESS, NAMESPACED, NONE, Node};
use super::rows::near;
use crate::source::{Life, LifeKind};
use crate::store::row::{End, Link, RowId};
use std::collections::VecDeque;

/// Audit's stamps come from the coarse clock: up to one 100 Hz tick before the moment itself.
pub(super) const STAMP_STEP_NS: i64 = 10_000_000;
/// /proc's start times are in ticks as well.
pub(super) const START_STEP_NS: i64 = 30_000_000;
/// An EXEC message that waited longer than this for its audit event waits no more.
pub(super) const AWAIT_NS: i64 = 2_000_000_000;
/// A connector message this old is applied even if no event asked for it, once audit's socket is empty.
const LAG_NS: i64 = 100_000_000;
/// How deep /proc is climbed for a process nobody told us of.
pub(super) const SEED_DEPTH: usize = 64;

/// What people may set.
#[derive(Clone, Copy, Debug)]
pub struct TrackerOptions {
    /// process_ancestry_cache_size: images; 0 turns ancestry off.
    pub capacity: usize,
    /// process_ancestry_cache_ttl, ns.
    pub ttl_ns: i64,
    /// audit_allow_fork_process_events: forks are rows of process_events.
    pub fork_events: bool,
    /// Connector messages that may wait.
    pub ring: usize,
}

/// The joined view of who lives and who lived.
pub struct Tracker {
    pub(super) cache: Cache,
    pub(super) ring: VecDeque<Life>,
    pub(super) options: TrackerOptions,
    next_row: u32,
    /// The moment up to which the cache has been told what happened.
    pub(super) newest_ns: i64,
    /// A moment much younger than that, of which something was told once.
    pub(super) leap_ns: i64,
    /// Events come in the order of what they did: see [`Tracker::for_log`].
    pub(super) in_order: bool,
    /// When a loss was last reported; 0: never.
    pub(super) loss_ns: i64,
    /// Exec events turned into rows.
    pub execs: u64,
    /// Execs that audit never reported.
    pub unaudited: u64,
}

impl Tracker {
    /// An empty tracker; all memory is taken here.
    pub fn new(options: TrackerOptions) -> Self {
        Tracker {
            cache: Cache::new(options.capacity),
            ring: VecDeque::with_capacity(options.ring.max(1)),
            options,
            next_row: 1,
            newest_ns: i64::MIN / 4,
            leap_ns: i64::MIN / 4,
            in_order: false,
            loss_ns: 0,
            execs: 0,
            unaudited: 0,
        }
    }

    /// A tracker for a log, whose events come in the order of what they did: none is late, whatever its stamp says (clocks
    /// are set back), and there is no /proc to ask.
    pub fn for_log(options: TrackerOptions) -> Self {
        Tracker { in_order: true, ..Tracker::new(options) }
    }

    /// The cache, for its counters and tests.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Connector messages waiting for their place in time.
    pub fn waiting(&self) -> usize {
        self.ring.len()
    }

    /// Whether a row belongs to an image in the cache: such rows stay.
    pub fn holds_row(&self, id: RowId) -> bool {
        self.cache.iter().any(|(_, node)| node.row == id || node.parent_row == id || node.origin == id)
    }

    pub(super) fn new_row(&mut self) -> RowId {
        let id = RowId(self.next_row);
        self.next_row = self.next_row.wrapping_add(1).max(1);
        id
    }

    /// A connector message: waits in the ring. A full ring applies its oldest message, events or not.
    pub fn life(&mut self, life: Life, world: &mut World<'_>) {
        if self.ring.len() >= self.options.ring.max(1)
            && let Some(oldest) = self.ring.pop_front()
        {
            self.apply(oldest, world);
        }
        self.ring.push_back(life);
    }

    /// Applies what has waited long enough. `audit_drained`: audit's socket was empty a moment ago.
    pub fn settle(&mut self, audit_drained: bool, world: &mut World<'_>) {
        let now_ns = world.clock.monotonic_ns;
        // A time that is yet to come is wrong, and must not hold the others up.
        let due = |life: &Life| life.time_ns <= now_ns - LAG_NS || life.time_ns > now_ns;
        while audit_drained && self.ring.front().is_some_and(due) {
            let Some(life) = self.ring.pop_front() else { break };
            self.apply(life, world);
        }
        self.rewind();
    }

    /// Moves the few messages that wait to the ring's beginning: a ring that turns would touch all of its memory in time.
    fn rewind(&mut self) {
        const FEW: usize = 128;
        let mut few = heapless::Vec::<Life, FEW>::new();
        if self.ring.len() <= FEW {
            few.extend(self.ring.drain(..));
            self.ring.clear();
            self.ring.extend(few);
        }
    }

    /// Applies everything that waits, as at the end of a run.
    pub fn settle_all(&mut self, world: &mut World<'_>) {
        while let Some(life) = self.ring.pop_front() {
            self.apply(life, world);
        }
    }

    pub(super) fn apply(&mut self, life: Life, world: &mut World<'_>) {
        self.told_until(life.time_ns, world);
        match life.kind {
            LifeKind::Fork { parent } => {
                let child = self.fork(life.pid, parent, life.time_ns, Link::Connector, world);
                let child = self.cache.at_mut(child);
                if child.fork_ns == life.time_ns {
                    child.flags |= COUNTED;
                }
            }
            LifeKind::ThreadBegun => {
                let idx = self.current_at(life.pid, life.time_ns);
                self.cache.at_mut(idx).threads += 1;
            }
            LifeKind::ThreadEnded { status } => self.thread_ended(life.pid, life.time_ns, status, world),
            LifeKind::Exec => {
                self.exec_seen(life.pid, life.time_ns, world);
            }
            LifeKind::Exit { status } => self.leader_ended(life.pid, life.time_ns, status, world),
        }
    }

    /// The image that held `pid` at `time_ns`: not one born later (its pid was used again, and the message is older).
    pub(super) fn current_at(&self, pid: u32, time_ns: i64) -> Idx {
        if self.is_held_since(pid, time_ns) { NONE } else { self.cache.current(pid) }
    }

    /// Whether all we know of the holder of `pid` is younger than `time_ns`: what happened then is another process's.
    pub(super) fn is_held_since(&self, pid: u32, time_ns: i64) -> bool {
        let node = self.cache.at(self.cache.current(pid));
        let since_ns = if node.fork_ns == 0 { node.exec_ns } else { node.fork_ns };
        since_ns > time_ns + START_STEP_NS
    }

    /// Makes room and inserts; `node.parent` stays. The evicted node's row is made first if something hangs on it.
    pub(super) fn insert(&mut self, node: Node, world: &mut World<'_>) -> Idx {
        // Held by one child more than it has, the parent cannot leave together with the last of its others.
        self.cache.at_mut(node.parent).children += 1;
        if node.is(CURRENT) {
            // Whoever was looked up in /proc for it may have brought an older holder of the pid along.
            self.retire(node.pid);
        }
        while !self.cache.has_room() {
            let victim = self.cache.victim(node.parent);
            if victim == NONE {
                break;
            }
            let row =
                if self.cache.at(victim).children > 0 { self.row_of(victim, world) } else { self.cache.at(victim).row };
            self.cache.evict(victim, row);
        }
        let parent = self.cache.at_mut(node.parent);
        parent.children = parent.children.saturating_sub(1);
        self.cache.insert(node)
    }

    /// A birth. Returns the child's node.
    pub(super) fn fork(&mut self, pid: u32, parent: u32, time_ns: i64, link: Link, world: &mut World<'_>) -> Idx {
        let known = self.cache.current(pid);
        let old = *self.cache.at(known);
        if old.is(CURRENT) && !old.ended() {
            if (old.fork_ns - time_ns).abs() <= START_STEP_NS {
                return self.confirm(known, parent, time_ns, link);
            }
            if old.fork_ns > time_ns {
                return known;
            }
            // Its death was never told; the pid says it is dead.
            self.exit(pid, time_ns, None, world);
        }
        // Before the parent is looked up: what leaves with the pid's last holder must not be what was found.
        self.retire(pid);
        let forker = self.parent_at(parent, time_ns, world);
        self.cache.touch(forker);
        let from = *self.cache.at(forker);
        let child = Node {
            pid,
            forker: parent,
            fork_ns: time_ns,
            parent: forker,
            parent_row: from.row,
            origin: if from.is(IMAGE) { from.row } else { from.origin },
            link: if forker.is_some() { link } else { Link::None },
            flags: CURRENT | (from.flags & NAMESPACED),
            ..Node::default()
        };
        let idx = self.insert(child, world);
        if self.options.fork_events {
            self.fork_row(idx, true, world);
        }
        idx
    }

    /// A birth of somebody /proc has shown already: the exact time and forker are better than /proc's.
    fn confirm(&mut self, idx: Idx, parent: u32, time_ns: i64, link: Link) -> Idx {
        let forker = self.cache.current(parent);
        let node = self.cache.at_mut(idx);
        node.fork_ns = time_ns;
        node.forker = parent;
        if node.parent == forker {
            node.link = link;
        }
        idx
    }

    /// Whoever held `pid` holds it no longer.
    pub(super) fn retire(&mut self, pid: u32) {
        let idx = self.cache.current(pid);
        if idx.is_some() {
            self.cache.at_mut(idx).flags &= !CURRENT;
            self.cache.settle(idx);
        }
    }

    /// The forker's node: from the cache, else from /proc. Counts.
    fn parent_at(&mut self, pid: u32, time_ns: i64, world: &mut World<'_>) -> Idx {
        let idx = self.current_at(pid, time_ns);
        if idx.is_some() && self.revive(idx, world) {
            self.cache.counters.hits += 1;
            return idx;
        }
        self.climb(pid, time_ns, world)
    }

    /// Who forks or execs is alive, whatever we were told: the leader of threads that nobody counted may have ended.
    /// False if the node ended before a loss, and it may be another process that has the pid by now.
    fn revive(&mut self, idx: Idx, world: &mut World<'_>) -> bool {
        let node = *self.cache.at(idx);
        if !node.ended() {
            return true;
        }
        let sure = node.end_ns > self.loss_ns
            || world.procfs.birth(node.pid).is_some_and(|(_, start)| near(&node, start, &world.clock));
        if sure {
            let node = self.cache.at_mut(idx);
            node.end_ns = 0;
            node.status_known = false;
            self.cache.settle(idx);
        }
        sure
    }

    /// A parent that is not in the cache: from /proc, or, when it is gone, a node of which only the pid is known.
    pub(super) fn climb(&mut self, pid: u32, time_ns: i64, world: &mut World<'_>) -> Idx {
        self.cache.counters.misses += 1;
        let idx = self.seed(pid, time_ns, SEED_DEPTH, world);
        if idx.is_some() || pid == 0 {
            return idx;
        }
        self.cache.counters.unknown_parents += 1;
        if self.is_late(pid, time_ns) {
            // It held the pid once; somebody else may by now.
            return self.insert(Node { pid, ..Node::default() }, world);
        }
        self.retire(pid);
        self.insert(Node { pid, flags: CURRENT, ..Node::default() }, world)
    }

    /// An exec the connector has seen: the process gets a new image, whose text comes with audit's event.
    pub(super) fn exec_seen(&mut self, pid: u32, time_ns: i64, world: &mut World<'_>) -> Idx {
        let mut idx = self.current_at(pid, time_ns);
        if idx == NONE || !self.revive(idx, world) {
            self.cache.counters.misses += 1;
            idx = self.seed(pid, time_ns, SEED_DEPTH, world);
        }
        if idx == NONE {
            let node = Node { pid, flags: CURRENT, ..Node::default() };
            self.retire(pid);
            idx = self.insert(node, world);
        }
        let node = self.cache.at_mut(idx);
        if !node.is(IMAGE) && node.children == 0 && !node.row.is_some() {
            node.exec_ns = time_ns;
            node.threads = 0;
            node.flags = (node.flags | IMAGE | AWAITING) & !LEADERLESS;
            return idx;
        }
        let image = Node {
            exec_ns: time_ns,
            row: RowId::NONE,
            origin: RowId::NONE,
            // Of the old image's threads only the caller is left, and is the leader now.
            threads: 0,
            flags: CURRENT | IMAGE | AWAITING | (node.flags & (NAMESPACED | COUNTED)),
            ..*node
        };
        node.flags &= !CURRENT;
        // Not settled before the new image hangs on the parent: that must not be let go in between.
        let new = self.insert(image, world);
        self.cache.settle(idx);
        new
    }

    /// The leader of a process's threads ended: so has the process, unless others are known to go on.
    fn leader_ended(&mut self, pid: u32, time_ns: i64, status: u32, world: &mut World<'_>) {
        let idx = self.current_at(pid, time_ns);
        let node = self.cache.at_mut(idx);
        if node.is(COUNTED) && node.threads > 0 {
            node.flags |= LEADERLESS;
            node.status = status;
        } else {
            self.exit(pid, time_ns, Some(status), world);
        }
    }

    /// Another thread than the leader ended: the process as well, if it was the last. Its status is the whole process's
    /// when all were ended together (`kernel/exit.c: do_group_exit`); after a plain end of all it is the leader's.
    fn thread_ended(&mut self, pid: u32, time_ns: i64, status: u32, world: &mut World<'_>) {
        let idx = self.current_at(pid, time_ns);
        let node = self.cache.at_mut(idx);
        node.threads = node.threads.saturating_sub(1);
        if node.is(LEADERLESS) && node.threads == 0 {
            let whole = if status != 0 { status } else { node.status };
            self.exit(pid, time_ns, Some(whole), world);
        }
    }

    pub(super) fn exit(&mut self, pid: u32, time_ns: i64, status: Option<u32>, world: &mut World<'_>) {
        let idx = self.current_at(pid, time_ns);
        if idx == NONE {
            return;
        }
        let node = self.cache.at_mut(idx);
        // Nobody ends twice: another process, whose birth is lost. But the end itself is better than a guess after it.
        if node.ended() && (node.status_known || time_ns > node.end_ns) {
            return;
        }
        node.end_ns = time_ns;
        node.status = status.unwrap_or(0);
        node.status_known = status.is_some();
        if node.row.is_some() {
            let end = End { time_ns: time_ns + world.clock.epoch_offset_ns, status };
            world.rows.end(node.row, end);
        }
        self.cache.settle(idx);
    }
}
