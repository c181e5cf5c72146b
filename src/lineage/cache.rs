//! The cache of images: an arena of fixed capacity, a hash from pid to its images (newest first), and two lists by age.
//!
//! All memory is taken once. List `LIVING` is ordered by use; a look-up touches the whole chain from leaf to root, so
//! ancestors are always younger than their descendants and the oldest node is a leaf. List `ENDED` holds ended nodes
//! without children, by the time they got there: they go first when room is needed, and by TTL. Every operation is O(1)
//! or O(depth), except the eviction of an ancestor, which happens only when one chain alone fills the cache.

use super::node::{AWAITING, CURRENT, Idx, NONE, Node, USED};
use crate::store::row::RowId;

const LIVING: usize = 0;
const ENDED: usize = 1;
/// Ended nodes that stay as long as others may leave: about what ends on two processors while one exec is made.
const ENDED_KEPT: usize = 32;
/// Nodes looked at for one that may leave.
const LOOKED_AT: usize = 64;

/// What the cache counts; all since its making.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct CacheCounters {
    pub hits: u64,
    pub misses: u64,
    pub evictions: u64,
    pub expired: u64,
    pub unknown_parents: u64,
}

#[derive(Clone, Copy, Default)]
struct List {
    oldest: Idx,
    newest: Idx,
    length: usize,
}

/// See the module's head.
pub struct Cache {
    nodes: Vec<Node>,
    scratch: Node,
    buckets: Vec<Idx>,
    free: Idx,
    lists: [List; 2],
    size: usize,
    /// Counters.
    pub counters: CacheCounters,
}

impl Cache {
    /// Room for `capacity` images (at least 2).
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(2, u32::MAX as usize / 2);
        let mut nodes = vec![Node::default(); capacity + 1];
        for (index, node) in nodes.iter_mut().enumerate().skip(1) {
            node.older = if index < capacity { Idx(index as u32 + 1) } else { NONE };
        }
        Cache {
            nodes,
            scratch: Node::default(),
            buckets: vec![NONE; (capacity * 2).next_power_of_two()],
            free: Idx(1),
            lists: [List::default(); 2],
            size: 0,
            counters: CacheCounters::default(),
        }
    }

    /// Nodes in use.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Nodes there is room for.
    pub fn capacity(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Memory taken, bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(self.nodes.as_slice()) + size_of_val(self.buckets.as_slice())
    }

    /// A node; all zero for [`NONE`].
    pub fn at(&self, idx: Idx) -> &Node {
        self.nodes.get(idx.0 as usize).unwrap_or(&self.scratch)
    }

    /// A node to change. What is written to [`NONE`] is lost.
    pub fn at_mut(&mut self, idx: Idx) -> &mut Node {
        if idx == NONE {
            self.scratch = Node::default();
            return &mut self.scratch;
        }
        self.nodes.get_mut(idx.0 as usize).unwrap_or(&mut self.scratch)
    }

    /// Every node in use.
    pub fn iter(&self) -> impl Iterator<Item = (Idx, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.is(USED)).map(|(index, node)| (Idx(index as u32), node))
    }

    /// The index after `idx` in the arena, for walks that change nodes on their way; None at the end.
    pub fn following(&self, idx: Idx) -> Option<Idx> {
        let next = idx.0 + 1;
        ((next as usize) < self.nodes.len()).then_some(Idx(next))
    }

    fn bucket(&self, pid: u32) -> usize {
        // Fibonacci hashing: neighbouring pids spread, and the length is a power of two.
        (pid.wrapping_mul(0x9e37_79b1) >> 7) as usize & (self.buckets.len() - 1)
    }

    /// Images of `pid`, newest first.
    pub fn images(&self, pid: u32) -> impl Iterator<Item = (Idx, &Node)> {
        let mut next = self.buckets.get(self.bucket(pid)).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let idx = next;
            next = self.at(idx).same_bucket;
            idx.is_some().then(|| (idx, self.at(idx)))
        })
        .filter(move |(_, node)| node.pid == pid)
    }

    /// The image that holds `pid` now (or held it last).
    pub fn current(&self, pid: u32) -> Idx {
        self.images(pid).find(|(_, node)| node.is(CURRENT)).map_or(NONE, |(idx, _)| idx)
    }

    fn unlink(&mut self, idx: Idx) {
        let Node { newer, older, list, .. } = *self.at(idx);
        let list = usize::from(list);
        if let Some(list) = self.lists.get_mut(list) {
            list.length -= 1;
        }
        if newer.is_some() {
            self.at_mut(newer).older = older;
        } else if let Some(list) = self.lists.get_mut(list) {
            list.newest = older;
        }
        if older.is_some() {
            self.at_mut(older).newer = newer;
        } else if let Some(list) = self.lists.get_mut(list) {
            list.oldest = newer;
        }
    }

    fn link_newest(&mut self, idx: Idx, list: usize) {
        let Some(ends) = self.lists.get_mut(list) else { return };
        let before = ends.newest;
        ends.newest = idx;
        ends.length += 1;
        if before == NONE {
            ends.oldest = idx;
        } else {
            self.at_mut(before).newer = idx;
        }
        let node = self.at_mut(idx);
        node.older = before;
        node.newer = NONE;
        node.list = list as u8;
    }

    /// Makes `idx` and then each of its ancestors the most recently used, so that no ancestor is older than its
    /// descendants. Returns the depth.
    pub fn touch(&mut self, idx: Idx) -> usize {
        let (mut at, mut depth) = (idx, 0);
        while at.is_some() && depth <= self.nodes.len() {
            if usize::from(self.at(at).list) == LIVING {
                self.unlink(at);
                self.link_newest(at, LIVING);
            }
            at = self.at(at).parent;
            depth += 1;
        }
        depth
    }

    /// Puts a node in the list where it belongs after its end, children or flags changed. An image that was replaced by
    /// an exec, that nobody descends from and that awaits nothing, is of no more use and leaves at once.
    pub fn settle(&mut self, idx: Idx) {
        let node = *self.at(idx);
        if !node.is(USED) {
            return;
        }
        let over = (node.ended() || !node.is(CURRENT)) && node.children == 0 && !node.is(AWAITING);
        if over && !node.is(CURRENT) {
            self.remove(idx);
            return;
        }
        let list = if over { ENDED } else { LIVING };
        if list != usize::from(node.list) {
            self.unlink(idx);
            self.link_newest(idx, list);
        }
    }

    /// Takes a node out; its parent may become a leaf by that and is settled in turn.
    fn remove(&mut self, idx: Idx) {
        let mut idx = idx;
        // A loop and not recursion: a chain of dead ancestors may go one after the other.
        while idx.is_some() {
            let parent = self.at(idx).parent;
            self.release(idx);
            let node = self.at_mut(parent);
            node.children = node.children.saturating_sub(1);
            let node = *self.at(parent);
            let over = (node.ended() || !node.is(CURRENT)) && node.children == 0 && !node.is(AWAITING);
            if parent == NONE || !over {
                return;
            }
            if node.is(CURRENT) {
                self.settle(parent);
                return;
            }
            idx = parent;
        }
    }

    fn release(&mut self, idx: Idx) {
        self.unlink(idx);
        let bucket = self.bucket(self.at(idx).pid);
        let (mut before, mut at) = (NONE, self.buckets.get(bucket).copied().unwrap_or(NONE));
        while at.is_some() && at != idx {
            (before, at) = (at, self.at(at).same_bucket);
        }
        let after = self.at(idx).same_bucket;
        if before.is_some() {
            self.at_mut(before).same_bucket = after;
        } else if let Some(head) = self.buckets.get_mut(bucket) {
            *head = after;
        }
        let free = self.free;
        *self.at_mut(idx) = Node { older: free, ..Node::default() };
        self.free = idx;
        self.size -= 1;
    }

    /// Whether a new node can be had without evicting.
    pub fn has_room(&self) -> bool {
        self.free.is_some()
    }

    /// The node that should leave to make room, the least missed first; never `keep`:
    ///
    /// 1. the least recently used, if it is an idle process that was read from /proc and can be again;
    /// 2. the longest ended (but the last few stay: an end may be followed by more, as the leader of a process's threads
    ///    ends when another of them execs);
    /// 3. an image that was replaced or has ended and still has children: they keep its row;
    /// 4. whatever has ended, then the least recently used leaf, then (one chain fills the cache) the least recently
    ///    used of all. A living process that leaves so may be unknown when it forks, and its exit is not seen.
    ///
    /// Looks at [`LOOKED_AT`] nodes at most in each step but the last.
    pub fn victim(&self, keep: Idx) -> Idx {
        let list = |which: usize| self.lists.get(which).copied().unwrap_or_default();
        let oldest = |which: usize| {
            std::iter::successors(Some(list(which).oldest), |&idx| Some(self.at(idx).newer))
                .take_while(|idx| idx.is_some())
                .filter(move |&idx| idx != keep)
        };
        let find = |which: usize, fits: fn(&Node) -> bool| {
            oldest(which).take(LOOKED_AT).find(|&idx| fits(self.at(idx))).unwrap_or(NONE)
        };
        let idle = oldest(LIVING).next().filter(|&idx| self.at(idx).can_be_read_again()).unwrap_or(NONE);
        let many_ended = list(ENDED).length > (self.capacity() / 4).min(ENDED_KEPT);
        let ended = || find(ENDED, |_| true);
        let steps: [&dyn Fn() -> Idx; 6] = [
            &|| idle,
            &|| if many_ended { ended() } else { NONE },
            &|| find(LIVING, |node| node.children > 0 && !node.is(AWAITING) && (node.ended() || !node.is(CURRENT))),
            &ended,
            &|| find(LIVING, |node| node.children == 0 && !node.is(AWAITING)),
            &|| oldest(LIVING).next().unwrap_or(NONE),
        ];
        steps.iter().map(|step| step()).find(|idx| idx.is_some()).unwrap_or(NONE)
    }

    /// Evicts a node. Children that it still has keep its row (`row`, which the caller makes sure of) and lose the node.
    pub fn evict(&mut self, idx: Idx, row: RowId) {
        if self.at(idx).children > 0 {
            for node in self.nodes.iter_mut().filter(|node| node.is(USED) && node.parent == idx) {
                node.parent = NONE;
                node.parent_row = row;
            }
            self.at_mut(idx).children = 0;
        }
        self.remove(idx);
        self.counters.evictions += 1;
    }

    /// A new node in the place of a free one; the caller has made room. Returns [`NONE`] when there is none.
    pub fn insert(&mut self, node: Node) -> Idx {
        let idx = self.free;
        if idx == NONE {
            return NONE;
        }
        self.free = self.at(idx).older;
        let bucket = self.bucket(node.pid);
        let head = self.buckets.get(bucket).copied().unwrap_or(NONE);
        *self.at_mut(idx) = Node { flags: node.flags | USED, same_bucket: head, children: 0, ..node };
        if let Some(first) = self.buckets.get_mut(bucket) {
            *first = idx;
        }
        if node.parent.is_some() {
            self.at_mut(node.parent).children += 1;
            // A parent that had ended childless is an ancestor again.
            self.settle(node.parent);
        }
        self.link_newest(idx, LIVING);
        self.size += 1;
        idx
    }

    /// Lets go of ended nodes that ended before `before_ns`, at most `most` of them.
    pub fn expire(&mut self, before_ns: i64, most: usize) -> usize {
        let mut gone = 0;
        while gone < most {
            let oldest = self.lists.get(ENDED).map_or(NONE, |list| list.oldest);
            if oldest == NONE || self.at(oldest).end_ns > before_ns {
                break;
            }
            self.remove(oldest);
            gone += 1;
        }
        self.counters.expired += gone as u64;
        gone
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
