//! What an audit event says once its records are put together: typed, borrowed from the assembler's slot.
//!
//! Numbers are as the kernel prints them (`auditsc.c: audit_log_exit`); text is decoded (hex and quotes undone) but
//! otherwise raw bytes: paths and arguments need not be UTF-8.

/// The id a kernel gives every event: `audit(SECONDS.MILLIS:SERIAL)`. Steps of 4 ms, serials unique since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Milliseconds since the epoch, taken when the system call was entered, from the coarse clock.
    pub ms: u64,
    /// The kernel's event serial number.
    pub serial: u64,
}

/// The system calls that make processes and images, by name whatever the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Syscall {
    Execve,
    Execveat,
    Fork,
    Vfork,
    Clone,
    Clone3,
}

impl Syscall {
    /// osquery's `process_events.syscall` text.
    pub fn name(self) -> &'static str {
        match self {
            Syscall::Execve => "execve",
            Syscall::Execveat => "execveat",
            Syscall::Fork => "fork",
            Syscall::Vfork => "vfork",
            Syscall::Clone => "clone",
            Syscall::Clone3 => "clone3",
        }
    }
}

/// The ids of a SYSCALL record. `u32::MAX` is audit's "unset" (as for auid of a daemon).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Ids {
    pub auid: u32,
    pub uid: u32,
    pub gid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
}

/// A successful execve or execveat.
#[derive(Clone, Copy, Debug)]
pub struct Exec<'a> {
    /// When and which.
    pub stamp: Stamp,
    /// Execve or Execveat.
    pub syscall: Syscall,
    /// The tgid in the initial pid namespace (`pid=`).
    pub pid: u32,
    /// The parent at that moment (`ppid=`): the forker, or 1 or a subreaper for an orphan.
    pub ppid: u32,
    /// Users and groups after the exec.
    pub ids: Ids,
    /// `exe=`: the new image (the interpreter, for a script). Empty when not known.
    pub path: &'a [u8],
    /// All arguments joined by single spaces, as osquery joins them. Empty when the EXECVE record is missing.
    pub cmdline: &'a [u8],
    /// CWD record. Empty when missing.
    pub cwd: &'a [u8],
    /// PATH item 0: permissions and type bits (octal `mode=`), owner. None when the record is missing.
    pub file: Option<FileIds>,
    /// Records were missing or text did not fit: the row is kept, with what is there.
    pub partial: bool,
}

/// PATH item 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct FileIds {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// A successful fork, vfork, clone or clone3 that made a process (threads are left out where the flags are visible).
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Fork<'a> {
    pub stamp: Stamp,
    pub syscall: Syscall,
    /// The caller's tgid, initial pid namespace.
    pub pid: u32,
    pub ppid: u32,
    /// `exit=`: the child's pid **in the caller's pid namespace** (and a tid, for a thread made by clone3).
    pub child: u32,
    pub ids: Ids,
    /// The caller's `exe=`.
    pub path: &'a [u8],
    /// `a0=`, clone's flags (clone only; 0 otherwise).
    pub flags: u64,
}

/// An exit or exit_group (logs of other machines may carry them; we never ask for them ourselves).
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Exit {
    pub stamp: Stamp,
    pub pid: u32,
    /// exit_group: the whole process. exit: this thread, which may be all there is.
    pub group: bool,
    /// `a0=`: the status passed, low 8 bits.
    pub code: u8,
}

/// One assembled event that Stemma has a use for.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Event<'a> {
    Exec(Exec<'a>),
    Fork(Fork<'a>),
    Exit(Exit),
}
