//! `processes`: the living, from /proc/PID. A process that vanishes is skipped. Rows are made one at a time; the bound
//! is [`CMDLINE_BYTES`] and a few KiB.
//!
//! Cost is opened files, so a query opens the fewest that answer it. `stat` or `status` or `cmdline` alone is opened by
//! its path. `stat` and `cmdline` together too: `stat` is opened first and read last, and could not be read if the
//! process had ended in between, so both are of one process though its pid may be used again. Most processes of a small
//! machine are threads of the kernel, which have no arguments: where the process before was one, `stat` is read at
//! once, and only if it tells of something else read again after `cmdline`. For everything else /proc/PID is held open
//! and its files are read when their columns are asked for. What stands in both is taken from `status` only if that
//! must be read anyway, for `stat` is made faster.

use super::living::Living;
use crate::procfs::{stat, status};
use crate::sql::table::{
    Column, Context, Cursor, INDEX, LISTS, OPTIMIZED, Query, Table, TableError, Type, Value, column, elsewhere,
};
use crate::sys::clock::Clock;
use crate::sys::dir::{self, Dir, Name, make_room};
use crate::sys::process;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("pid", Type::BigInt, INDEX | OPTIMIZED | LISTS, "Process id in the reader's pid namespace."),
    column("name", Type::Text, 0, "Command name (comm), at most 15 bytes."),
    column("path", Type::Text, 0, "Path of the executable; empty for kernel threads."),
    column("cmdline", Type::Text, 0, "Arguments joined by spaces."),
    column("state", Type::Text, 0, "One letter: R S D Z T t X I."),
    column("cwd", Type::Text, 0, "Working directory."),
    column("root", Type::Text, 0, "Root directory."),
    column("uid", Type::BigInt, 0, "Real user id."),
    column("gid", Type::BigInt, 0, "Real group id."),
    column("euid", Type::BigInt, 0, "Effective user id."),
    column("egid", Type::BigInt, 0, "Effective group id."),
    column("suid", Type::BigInt, 0, "Saved user id."),
    column("sgid", Type::BigInt, 0, "Saved group id."),
    column("on_disk", Type::Integer, 0, "The path exists: 1 yes, 0 no, -1 there is no path."),
    column("wired_size", Type::BigInt, 0, "Bytes of unpageable memory; always 0 on Linux."),
    column("resident_size", Type::BigInt, 0, "Bytes of memory in use."),
    column("total_size", Type::BigInt, 0, "Bytes of address space."),
    column("user_time", Type::BigInt, 0, "CPU time in user space, ms."),
    column("system_time", Type::BigInt, 0, "CPU time in the kernel, ms."),
    column("disk_bytes_read", Type::BigInt, 0, "Bytes read from disks."),
    column("disk_bytes_written", Type::BigInt, 0, "Bytes written to disks."),
    column("start_time", Type::BigInt, 0, "Start, seconds since the epoch."),
    column("parent", Type::BigInt, 0, "Parent's pid."),
    column("pgroup", Type::BigInt, 0, "Process group."),
    column("threads", Type::Integer, 0, "Number of threads."),
    column("nice", Type::Integer, 0, "Nice level, -20 to 19."),
    elsewhere("elevated_token", Type::Integer),
    elsewhere("secure_process", Type::Integer),
    elsewhere("protection_type", Type::Text),
    elsewhere("virtual_process", Type::Integer),
    elsewhere("elapsed_time", Type::BigInt),
    elsewhere("handle_count", Type::BigInt),
    elsewhere("percent_processor_time", Type::BigInt),
    elsewhere("upid", Type::BigInt),
    elsewhere("uppid", Type::BigInt),
    elsewhere("cpu_type", Type::Integer),
    elsewhere("cpu_subtype", Type::Integer),
    elsewhere("translated", Type::Integer),
    column("cgroup_path", Type::Text, 0, "Path of the control group."),
];

const PID: usize = 0;
const NAME: usize = 1;
const PATH: usize = 2;
const CMDLINE: usize = 3;
const STATE: usize = 4;
const CWD: usize = 5;
const ROOT: usize = 6;
const UID: usize = 7;
const GID: usize = 8;
const EUID: usize = 9;
const EGID: usize = 10;
const SUID: usize = 11;
const SGID: usize = 12;
const ON_DISK: usize = 13;
const WIRED_SIZE: usize = 14;
const RESIDENT_SIZE: usize = 15;
const TOTAL_SIZE: usize = 16;
const USER_TIME: usize = 17;
const SYSTEM_TIME: usize = 18;
const DISK_BYTES_READ: usize = 19;
const DISK_BYTES_WRITTEN: usize = 20;
const START_TIME: usize = 21;
const PARENT: usize = 22;
const PGROUP: usize = 23;
const THREADS: usize = 24;
const NICE: usize = 25;
const CGROUP_PATH: usize = 38;

/// A bit for each of these columns, as in [`Query::used`].
const fn bits<const N: usize>(columns: [usize; N]) -> u64 {
    let mut bits = 0;
    let mut rest = columns.as_slice();
    while let [column, more @ ..] = rest {
        bits |= 1 << *column;
        rest = more;
    }
    bits
}

const OF_NONE: u64 = bits([PID, WIRED_SIZE]);
const OF_CMDLINE: u64 = bits([CMDLINE]);
const OF_BOTH: u64 = bits([NAME, STATE, PARENT]);
const OF_STATUS: u64 = bits([UID, GID, EUID, EGID, SUID, SGID]);
const OF_STAT: u64 = bits([RESIDENT_SIZE, TOTAL_SIZE, USER_TIME, SYSTEM_TIME, START_TIME, PGROUP, THREADS, NICE]);

/// Longest command line shown.
const CMDLINE_BYTES: usize = 2 << 20;
/// Enough of `status` for a name and the ids, and more than `stat` can be.
const RECORD_BYTES: usize = 1024;
const PATH_BYTES: usize = 4096;
/// What the kernel appends to the path of a file that is no more (`fs/d_path.c`).
const DELETED: &[u8] = b" (deleted)";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "processes",
    help: "Running processes, from /proc",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan::new(&query))),
};

/// How a process is read: what is opened for a row whatever columns are asked for.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Nothing: being listed is enough.
    Listed,
    /// These files, by path.
    Files { stat: bool, status: bool, cmdline: bool },
    /// Its directory, and of these the first, to see that the process is there.
    Directory { stat: bool, status: bool },
}

/// What is read of the current process.
struct Scan {
    living: Living,
    context: Rc<Context>,
    way: Way,
    pid: u32,
    dir: Option<Dir>,
    /// Whether the last process was one, where that matters.
    is_kernel_thread: bool,
    stat: Option<stat::Stat<'static>>,
    /// Text of `stat`, then where in it the name lies.
    stat_text: Vec<u8>,
    name: (usize, usize),
    status: Option<usize>,
    status_text: Vec<u8>,
    cmdline: Option<usize>,
    cmdline_text: Vec<u8>,
    text: Vec<u8>,
    clock: Clock,
}

fn way(used: u64, is_asked: bool) -> Way {
    let status = used & OF_STATUS != 0;
    let stat = used & OF_STAT != 0 || (used & OF_BOTH != 0 && !status);
    let cmdline = used & OF_CMDLINE != 0;
    let more = used & !(OF_NONE | OF_CMDLINE | OF_BOTH | OF_STATUS | OF_STAT) != 0;
    match (stat, status, cmdline) {
        (false, false, false) if !more && !is_asked => Way::Listed,
        (true, false, _) | (false, true, false) | (false, false, true) if !more => Way::Files { stat, status, cmdline },
        _ => Way::Directory { stat, status },
    }
}

impl Scan {
    fn new(query: &Query) -> Self {
        let living = Living::of(query, PID);
        Scan {
            way: way(query.used, living.is_asked()),
            living,
            context: query.context.clone(),
            pid: 0,
            dir: None,
            is_kernel_thread: false,
            stat: None,
            stat_text: vec![0; RECORD_BYTES],
            name: (0, 0),
            status: None,
            status_text: vec![0; RECORD_BYTES],
            cmdline: None,
            cmdline_text: Vec::new(),
            text: Vec::new(),
            clock: Clock::now(),
        }
    }

    /// Reads what tells that the process is there; None if it is not.
    fn begin(&mut self, pid: u32) -> Option<()> {
        (self.pid, self.dir, self.stat, self.status, self.cmdline) = (pid, None, None, None, None);
        let name = Name::number(pid);
        match self.way {
            Way::Listed => {}
            Way::Files { stat: true, cmdline, .. } => self.read_stat_and(cmdline, name)?,
            Way::Files { status: true, .. } => self.read_status(&name.with(b"/status"))?,
            Way::Files { .. } => {
                self.cmdline = Some(whole(self.living.proc()?, &name.with(b"/cmdline"), &mut self.cmdline_text)?);
            }
            Way::Directory { stat, status } => {
                self.dir = Some(self.living.proc()?.sub(&name).ok()?);
                if stat {
                    let length = self.dir.as_ref()?.read(&Name::new(b"stat"), &mut self.stat_text).ok()?;
                    self.parse_stat(length)?;
                } else if status {
                    self.read_status(&Name::new(b"status"))?;
                }
            }
        }
        Some(())
    }

    fn read_stat_and(&mut self, cmdline: bool, name: Name) -> Option<()> {
        let stat = self.living.proc()?.file(&name.with(b"/stat")).ok()?;
        if !cmdline || self.is_kernel_thread {
            let length = dir::read(&stat, &mut self.stat_text).ok()?;
            self.parse_stat(length)?;
        }
        if !cmdline || (self.is_kernel_thread && self.stat.is_some_and(|stat| stat.is_kernel_thread())) {
            return Some(());
        }
        self.cmdline = whole(self.living.proc()?, &name.with(b"/cmdline"), &mut self.cmdline_text);
        let length = dir::read(&stat, &mut self.stat_text).ok()?;
        self.parse_stat(length)?;
        self.is_kernel_thread = self.stat?.is_kernel_thread();
        Some(())
    }

    fn parse_stat(&mut self, length: usize) -> Option<()> {
        let text = self.stat_text.get(..length)?;
        let stat = stat::parse(text)?;
        let start = memchr::memchr(b'(', text)? + 1;
        self.name = (start, start + stat.comm.len());
        self.stat = Some(stat::Stat { comm: &[], ..stat });
        Some(())
    }

    fn read_status(&mut self, name: &Name) -> Option<()> {
        let from = self.dir.as_ref().or(self.living.proc())?;
        self.status = Some(from.read(name, &mut self.status_text).ok()?);
        Some(())
    }

    fn status(&mut self) -> &[u8] {
        if self.status.is_none() && self.dir.is_some() && self.read_status(&Name::new(b"status")).is_none() {
            self.status = Some(0);
        }
        self.status_text.get(..self.status.unwrap_or(0)).unwrap_or(&[])
    }

    fn id(&mut self, name: &[u8], index: usize) -> Value {
        let numbers = status::numbers::<4>(self.status(), name);
        numbers.and_then(|numbers| numbers.get(index).map(|&number| i64::from(number))).into()
    }

    fn number(&self, pick: impl Fn(&stat::Stat<'_>) -> i64) -> Value {
        self.stat.as_ref().map(pick).into()
    }

    fn link(&mut self, name: &[u8]) -> &[u8] {
        make_room(&mut self.text, PATH_BYTES);
        let length = self.dir.as_ref().and_then(|dir| dir.read_link(&Name::new(name), &mut self.text).ok());
        self.text.get(..length.unwrap_or(0)).unwrap_or(&[])
    }

    /// The executable's path as it was, and whether it is known to be gone.
    fn executable(&mut self) -> (&[u8], bool) {
        let length = self.link(b"exe").len();
        let path = self.text.get(..length).unwrap_or(&[]);
        let Some(old) = path.strip_suffix(DELETED) else { return (path, false) };
        // A file may bear such a name: it is the executable if it is the same file.
        let running = self.dir.as_ref().and_then(|dir| dir.status(&Name::new(b"exe"), true).ok());
        let there = self.context.root.metadata(Path::new(OsStr::from_bytes(path))).ok();
        let is_same = running.zip(there).is_some_and(|(running, there)| running.is(&there));
        if is_same { (path, false) } else { (old, true) }
    }

    fn on_disk(&mut self) -> i64 {
        let context = self.context.clone();
        match self.executable() {
            ([], _) => -1,
            (_, true) => 0,
            (path, false) => i64::from(context.root.exists(Path::new(OsStr::from_bytes(path)))),
        }
    }

    fn cmdline(&mut self) -> Value {
        if let (None, Some(dir)) = (self.cmdline, &self.dir) {
            self.cmdline = whole(dir, &Name::new(b"cmdline"), &mut self.cmdline_text);
        }
        let text = self.cmdline_text.get_mut(..self.cmdline.unwrap_or(0)).unwrap_or(&mut []);
        text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        Value::text(text.trim_ascii())
    }

    /// A short file of the process, as far as one reading gives it.
    fn file(&mut self, name: &[u8]) -> &[u8] {
        make_room(&mut self.text, PATH_BYTES);
        let length = self.dir.as_ref().and_then(|dir| dir.read(&Name::new(name), &mut self.text).ok());
        self.text.get(..length.unwrap_or(0)).unwrap_or(&[])
    }

    /// /proc/PID/io, which only the owner and root may read.
    fn io(&mut self, names: &[&[u8]]) -> Value {
        let text = self.file(b"io");
        let number = |name: &&[u8]| std::str::from_utf8(status::line(text, name)?).ok()?.parse::<i64>().ok();
        match (names.first().and_then(number), names.get(1)) {
            (Some(bytes), None) => Value::Integer(bytes),
            (Some(bytes), Some(cancelled)) => Value::Integer(bytes.saturating_sub(number(cancelled).unwrap_or(0))),
            (None, _) => Value::Null,
        }
    }

    fn cgroup(&mut self) -> Value {
        let text = self.file(b"cgroup");
        let lines = || text.split(|&byte| byte == b'\n');
        // The unified hierarchy if there is one, else the first.
        let line = lines().find(|line| line.starts_with(b"0::")).or_else(|| lines().next()).unwrap_or(&[]);
        Value::text(line.splitn(3, |&byte| byte == b':').nth(2).unwrap_or(&[]))
    }

    /// Columns that stand in both `stat` and `status`.
    fn of_either(&mut self, column: usize) -> Value {
        if let Some(stat) = &self.stat {
            return match column {
                PARENT => stat.ppid.into(),
                STATE => Value::text([stat.state]),
                _ => Value::text(self.stat_text.get(self.name.0..self.name.1).unwrap_or(&[])),
            };
        }
        let text = self.status();
        match column {
            PARENT => status::numbers::<1>(text, b"PPid:").map(|[pid]| i64::from(pid)).into(),
            STATE => Value::text(status::line(text, b"State:").and_then(|state| state.get(..1)).unwrap_or(&[])),
            _ => Value::text(status::name(text)),
        }
    }
}

/// A whole file into `buffer`; its length.
fn whole(dir: &Dir, name: &Name, buffer: &mut Vec<u8>) -> Option<usize> {
    make_room(buffer, PATH_BYTES);
    dir.read_whole(name, buffer, CMDLINE_BYTES).ok()
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while let Some(pid) = self.living.next_pid() {
            if self.begin(pid).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let (ticks, clock) = (process::ticks_per_second(), self.clock);
        Ok(match column {
            PID => i64::from(self.pid).into(),
            NAME | STATE | PARENT => self.of_either(column),
            PATH => Value::text(self.executable().0),
            CMDLINE => self.cmdline(),
            CWD => Value::text(self.link(b"cwd")),
            ROOT => Value::text(self.link(b"root")),
            UID => self.id(b"Uid:", 0),
            GID => self.id(b"Gid:", 0),
            EUID => self.id(b"Uid:", 1),
            EGID => self.id(b"Gid:", 1),
            SUID => self.id(b"Uid:", 2),
            SGID => self.id(b"Gid:", 2),
            ON_DISK => self.on_disk().into(),
            WIRED_SIZE => 0.into(),
            RESIDENT_SIZE => self.number(|stat| stat.resident_pages.saturating_mul(process::page_bytes())),
            TOTAL_SIZE => self.number(|stat| stat.total_bytes),
            USER_TIME => self.number(|stat| stat.user_ticks.saturating_mul(1000) / ticks),
            SYSTEM_TIME => self.number(|stat| stat.system_ticks.saturating_mul(1000) / ticks),
            DISK_BYTES_READ => self.io(&[b"read_bytes:"]),
            DISK_BYTES_WRITTEN => self.io(&[b"write_bytes:", b"cancelled_write_bytes:"]),
            START_TIME => self.number(|stat| {
                let start_ns = stat.start_ticks.saturating_mul(1_000_000_000 / ticks);
                let offset_ns = clock.epoch_offset_ns - clock.boot_offset_ns;
                start_ns.saturating_add(offset_ns) / 1_000_000_000
            }),
            PGROUP => self.number(|stat| stat.pgroup),
            THREADS => self.number(|stat| stat.threads),
            NICE => self.number(|stat| stat.nice),
            CGROUP_PATH => self.cgroup(),
            _ => Value::Null,
        })
    }
}

#[cfg(test)]
mod tests;
