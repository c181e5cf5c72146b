//! One image of one process, as the cache holds it: numbers only, 80 bytes. Text lives in the store.

use crate::store::row::{Link, RowId};

/// Index of a node in the arena. [`NONE`] is a node like any other for reading (all zero), and never in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Idx(pub(super) u32);

/// No node.
pub const NONE: Idx = Idx(0);

impl Idx {
    /// Whether this names a node.
    pub fn is_some(self) -> bool {
        self != NONE
    }
}

/// The newest image of its pid's newest process.
pub const CURRENT: u8 = 1;
/// Has text of its own: exec'd, or read from /proc. Otherwise it is a fork's copy and shares its forker's text.
pub const IMAGE: u8 = 2;
/// The connector saw this image's exec, audit's event has not come yet.
pub const AWAITING: u8 = 4;
/// Audit's event did not come in time; if it comes after all it replaces what /proc has filled the row with, if any.
pub const FILLED: u8 = 8;
/// Lives in a pid namespace of its own: its fork records carry pids that mean nothing here.
pub const NAMESPACED: u8 = 16;
/// In use at all.
pub const USED: u8 = 32;
/// All of its threads were seen beginning, so `threads` can be trusted: born by a FORK message, and nothing lost since.
pub const COUNTED: u8 = 64;
/// The leader of its threads has ended, others go on: the process lives.
pub const LEADERLESS: u8 = 128;

/// A node. Times are CLOCK_MONOTONIC, ns (negative for a process older than the clock's zero in another time base).
#[derive(Clone, Copy, Debug, Default)]
pub struct Node {
    /// The process's birth; 0: not known.
    pub fork_ns: i64,
    /// This image's exec; 0: a fork's copy or read from /proc.
    pub exec_ns: i64,
    /// The process's end; 0: alive.
    pub end_ns: i64,
    /// Initial pid namespace.
    pub pid: u32,
    /// The true forker's pid, 0: not known.
    pub forker: u32,
    /// The forker's image.
    pub parent: Idx,
    /// The forker's image's row, once it has one; outlives `parent` when that is evicted.
    pub parent_row: RowId,
    /// Its own row, once it has one.
    pub row: RowId,
    /// For a fork's copy: the row whose text it shares, as far as known.
    pub origin: RowId,
    /// Nodes whose `parent` this is.
    pub children: u32,
    /// Wait status, valid once `end_ns` is set and `status_known`.
    pub status: u32,
    pub(super) newer: Idx,
    pub(super) older: Idx,
    pub(super) same_bucket: Idx,
    /// CURRENT, IMAGE, AWAITING, …
    pub flags: u8,
    /// Where `parent` comes from.
    pub link: Link,
    /// Whether `status` was seen.
    pub status_known: bool,
    pub(super) list: u8,
    /// Threads beside the leader, valid if COUNTED.
    pub threads: u32,
}

impl Node {
    /// Whether a flag is set.
    pub fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// A living process without children here that was read from /proc, not seen being born or exec'd: if it does
    /// something after all, /proc tells the same again.
    pub fn can_be_read_again(&self) -> bool {
        let idle = self.children == 0 && !self.ended() && self.is(CURRENT) && !self.is(AWAITING);
        idle && self.link == Link::Procfs && self.exec_ns == 0
    }

    /// Whether the process has ended.
    pub fn ended(&self) -> bool {
        self.end_ns != 0
    }
}
