//! What goes into events.db: one row per image, and what may change about it later.
//!
//! Row ids are handed out by the collector (the only writer), grow with time and are never used twice; a parent's id is
//! always smaller than its child's. In memory they are counted from the start of the run ([`RowId`], 4 bytes in a cache
//! node); the file's own numbers are `base + RowId`, `base` being the largest id found when the file was opened.

use crate::audit::event::{FileIds, Ids, Syscall};

/// A row of this run: 1, 2, 3, …; 0 means "no row".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub u32);

impl RowId {
    /// No row (no parent known, or not stored yet).
    pub const NONE: RowId = RowId(0);
    /// Whether this names a row.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// Why a row exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An exec event.
    Exec = 1,
    /// A fork: kept because something descends from it, or because fork events were asked for.
    Fork = 2,
    /// Read from /proc: alive before we were, or found there after a loss.
    Procfs = 3,
    /// An image of which only the numbers are known (its exec event was lost and the process is gone).
    Inferred = 4,
}

/// Where the link to the parent comes from, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// No parent known.
    #[default]
    None = 0,
    /// The proc connector's FORK message: the true forker.
    Connector = 1,
    /// A fork-family event of audit.
    Audit = 2,
    /// /proc/PID/stat, read while the process lived.
    Procfs = 3,
    /// Audit's `ppid=` at exec: the forker, or whoever adopted the orphan.
    Inferred = 4,
}

impl Link {
    /// The name shown in `process_ancestors.source`.
    pub fn name(self) -> &'static str {
        match self {
            Link::None => "",
            Link::Connector => "connector",
            Link::Audit => "audit",
            Link::Procfs => "procfs",
            Link::Inferred => "inferred",
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When, ns since the epoch.
    pub time_ns: i64,
    /// The wait status as the kernel has it (`code << 8 | signal`, bit 7: core dumped); None: gone, nobody saw how.
    pub status: Option<u32>,
}

/// One image on its way to events.db.
#[derive(Clone, Copy, Debug)]
pub struct ImageRow<'a> {
    /// Its own id.
    pub id: RowId,
    /// The forker's image.
    pub parent: RowId,
    /// A fork shares text (path, cmdline, cwd) with this row, and has none of its own; otherwise NONE.
    pub origin: RowId,
    /// Why it is here.
    pub kind: Kind,
    /// A row of process_events (true), or only an ancestor (false).
    pub visible: bool,
    /// Where `parent` comes from.
    pub link: Link,
    /// Initial pid namespace, all of them.
    pub pid: u32,
    /// What audit said (`ppid=` at exec), shown as process_events.parent.
    pub ppid: u32,
    /// The true forker's pid (the parent's row may be gone one day); 0: not known.
    pub forker: u32,
    /// Process start (its fork), ns since the epoch; 0: not known.
    pub start_ns: i64,
    /// The exec (or, for forks and /proc rows, the start), ns since the epoch, to the ns where the connector saw it.
    pub time_ns: i64,
    /// Audit's own time stamp, ms since the epoch; process_events.time is this / 1000.
    pub stamp_ms: i64,
    /// Seconds since boot at the event.
    pub uptime_s: i64,
    /// Audit's event serial; 0: none.
    pub serial: u64,
    /// Which system call; None for /proc rows.
    pub syscall: Option<Syscall>,
    /// Ids after the exec; None for a fork's row, which shares its origin's.
    pub ids: Option<Ids>,
    /// The file's mode and owner.
    pub file: Option<FileIds>,
    /// Raw bytes; for a kernel thread the name in brackets is in cmdline's place and path is empty.
    pub path: &'a [u8],
    /// Arguments joined by single spaces, raw bytes.
    pub cmdline: &'a [u8],
    /// Raw bytes.
    pub cwd: &'a [u8],
    /// Already over when the row was made.
    pub end: Option<End>,
}
