//! Applies births, images and deaths to the cache and joins them with audit's events (see the head of [`super`]).

use super::World;
use super::cache::Cache;
use super::node::{AWAITING, CURRENT, FILLED, IMAGE, Idx, NAMESPACED, NONE, Node};
use super::rows::near;
use crate::audit::event::Exec;
use crate::source::{Life, LifeKind};
use crate::store::row::{End, Link, RowId};
use std::collections::VecDeque;

/// Audit's stamps come from the coarse clock: up to one 100 Hz tick before the moment itself.
pub(super) const STAMP_STEP_NS: i64 = 10_000_000;
/// /proc's start times are in ticks as well.
pub(super) const START_STEP_NS: i64 = 30_000_000;
/// How much the wall clock may be slewed between a stamp and now.
const SLEW_NS: i64 = 2_000_000;
/// How much later than an exec's stamp its process may seem to be born.
const BIRTH_STEP_NS: i64 = STAMP_STEP_NS + SLEW_NS;
/// An event whose stamp is so much older than what the cache knows comes late: the assembler waited for the rest of it,
/// or audit is far behind the connector.
const LATE_NS: i64 = 1_000_000_000;
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
    ring: VecDeque<Life>,
    pub(super) options: TrackerOptions,
    next_row: u32,
    /// The moment up to which the cache has been told what happened.
    newest_ns: i64,
    /// A moment much younger than that, of which something was told once.
    leap_ns: i64,
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
            loss_ns: 0,
            execs: 0,
            unaudited: 0,
        }
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
    }

    /// Applies everything that waits, as at the end of a run.
    pub fn settle_all(&mut self, world: &mut World<'_>) {
        while let Some(life) = self.ring.pop_front() {
            self.apply(life, world);
        }
    }

    fn apply(&mut self, life: Life, world: &mut World<'_>) {
        self.told_until(life.time_ns, world);
        match life.kind {
            LifeKind::Fork { parent } => {
                self.fork(life.pid, parent, life.time_ns, Link::Connector, world);
            }
            LifeKind::Exec => {
                self.exec_seen(life.pid, life.time_ns, world);
            }
            LifeKind::Exit { status } => self.exit(life.pid, life.time_ns, Some(status), world),
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

    /// Something is told of this moment. A leap counts once something else agrees: one time alone may be wrong.
    pub(super) fn told_until(&mut self, time_ns: i64, world: &World<'_>) {
        let time_ns = time_ns.min(world.clock.monotonic_ns);
        if time_ns - self.newest_ns > LATE_NS && (time_ns - self.leap_ns).abs() > LATE_NS {
            self.leap_ns = time_ns;
            return;
        }
        self.newest_ns = self.newest_ns.max(time_ns);
    }

    /// Whether an event comes late: then it is of the past, and who holds its pids now is not for it to say.
    pub(super) fn is_late(&self, pid: u32, stamp_ns: i64) -> bool {
        self.is_held_since(pid, stamp_ns) || stamp_ns < self.newest_ns - LATE_NS
    }

    /// Makes room and inserts; `node.parent` stays. The evicted node's row is made first if something hangs on it.
    pub(super) fn insert(&mut self, node: Node, world: &mut World<'_>) -> Idx {
        // Held by one child more than it has, the parent cannot leave together with the last of its others.
        self.cache.at_mut(node.parent).children += 1;
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

    /// Who forks or execs is alive, whatever we were told: the leader of its threads may have ended before the others.
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
            node.flags |= IMAGE | AWAITING;
            return idx;
        }
        let image = Node {
            exec_ns: time_ns,
            row: RowId::NONE,
            origin: RowId::NONE,
            flags: CURRENT | IMAGE | AWAITING | (node.flags & NAMESPACED),
            ..*node
        };
        node.flags &= !CURRENT;
        // Not settled before the new image hangs on the parent: that must not be let go in between.
        let new = self.insert(image, world);
        self.cache.settle(idx);
        new
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

    /// An exec event of audit: becomes a row.
    pub fn exec(&mut self, event: &Exec<'_>, world: &mut World<'_>) {
        self.execs += 1;
        let stamp_ns = (event.stamp.ms as i64).saturating_mul(1_000_000) - world.clock.epoch_offset_ns;
        self.told_until(stamp_ns, world);
        let mut idx = self.awaiting(event.pid, stamp_ns);
        if idx == NONE {
            idx = self.catch_up(event.pid, stamp_ns, world);
        }
        if idx == NONE {
            idx = self.exec_untold(event, stamp_ns, world);
        }
        self.cache.touch(idx);
        self.fill(idx, event, world);
    }

    /// The oldest image of `pid` that awaits an event and can be what this one tells of.
    fn awaiting(&self, pid: u32, stamp_ns: i64) -> Idx {
        let fits = |node: &Node| {
            can_be(node, stamp_ns) && (node.is(AWAITING) || node.is(FILLED) && node.exec_ns - stamp_ns <= AWAIT_NS)
        };
        self.cache
            .images(pid)
            .filter(|(_, node)| fits(node))
            .min_by_key(|(_, node)| node.exec_ns)
            .map_or(NONE, |(i, _)| i)
    }

    /// Applies the ring up to the EXEC message that belongs to an event of `pid`, if it holds one. An event that was long
    /// in coming may find the EXEC of another process, which has the pid by now: that stays for its own event.
    fn catch_up(&mut self, pid: u32, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let exec = |life: &Life| life.kind == LifeKind::Exec && life.time_ns + SLEW_NS >= stamp_ns;
        let born = |life: &Life| matches!(life.kind, LifeKind::Fork { .. }) && life.time_ns > stamp_ns + BIRTH_STEP_NS;
        let told = self.ring.iter().enumerate().find(|(_, life)| life.pid == pid && (exec(life) || born(life)));
        let Some(place) = told.filter(|(_, life)| exec(life)).map(|(place, _)| place) else { return NONE };
        for _ in 0..place {
            let Some(life) = self.ring.pop_front() else { break };
            self.apply(life, world);
        }
        match self.ring.pop_front() {
            Some(life) => {
                let idx = self.exec_seen(pid, life.time_ns, world);
                if can_be(self.cache.at(idx), stamp_ns) { idx } else { NONE }
            }
            None => NONE,
        }
    }
}

/// Whether an exec event of this stamp can be this image's: not exec'd before the stamp, and not born after it.
fn can_be(node: &Node, stamp_ns: i64) -> bool {
    let born =
        if node.fork_ns == 0 { node.exec_ns - stamp_ns <= LATE_NS } else { node.fork_ns <= stamp_ns + BIRTH_STEP_NS };
    born && node.exec_ns + SLEW_NS >= stamp_ns
}
