//! `processes`: the living, from /proc/PID. Only the files that the wanted columns need are read, relative to one open
//! directory per process, so a row never mixes two processes that had the same pid. A process that vanishes is skipped.

use crate::procfs::{stat, status};
use crate::sql::table::{
    Column, Cursor, INDEX, LISTS, OPTIMIZED, Query, Table, TableError, Type, Value, column, elsewhere,
};
use crate::sys::clock::Clock;
use crate::sys::file::Dir;
use crate::sys::process;
use std::ffi::CStr;
use std::fs::{self, ReadDir};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

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
/// Longest command line shown.
const CMDLINE_BYTES: usize = 2 << 20;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "processes",
    help: "Running processes, from /proc",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan::new(&query)?)),
};

enum Pids {
    All(ReadDir),
    Given(std::vec::IntoIter<u32>),
}

struct Scan {
    pids: Pids,
    pid: u32,
    dir: Option<Dir>,
    stat: Vec<u8>,
    /// What of it is read for this row: 0 not yet.
    stat_length: usize,
    status: Vec<u8>,
    status_length: usize,
    text: Vec<u8>,
    clock: Clock,
    ticks: i64,
}

impl Scan {
    fn new(query: &Query) -> Result<Self, TableError> {
        let pids = match query.equals(PID).next() {
            Some(_) => {
                let pid = |value: &Value| u32::try_from(value.as_integer()?).ok();
                Pids::Given(query.equals(PID).filter_map(pid).collect::<Vec<_>>().into_iter())
            }
            None => Pids::All(
                fs::read_dir("/proc").map_err(|error| TableError::new(format!("processes: reading /proc: {error}")))?,
            ),
        };
        Ok(Scan {
            pids,
            pid: 0,
            dir: None,
            stat: vec![0; 1024],
            stat_length: 0,
            status: vec![0; 4096],
            status_length: 0,
            text: vec![0; 4096],
            clock: Clock::now(),
            ticks: process::ticks_per_second(),
        })
    }

    fn next_pid(&mut self) -> Option<u32> {
        match &mut self.pids {
            Pids::Given(pids) => pids.next(),
            Pids::All(entries) => entries.by_ref().flatten().find_map(|entry| entry.file_name().to_str()?.parse().ok()),
        }
    }

    /// stat, read at the row's beginning: it tells whether the process is there.
    fn stat(&self) -> Option<stat::Stat<'_>> {
        stat::parse(self.stat.get(..self.stat_length)?)
    }

    fn status_number(&mut self, name: &[u8], index: usize) -> Value {
        if self.status_length == 0
            && let Some(dir) = &self.dir
        {
            self.status_length = dir.read_into(c"status", &mut self.status).unwrap_or(0);
        }
        let numbers = status::numbers::<4>(self.status.get(..self.status_length).unwrap_or(&[]), name);
        numbers.and_then(|numbers| numbers.get(index).map(|&number| i64::from(number))).into()
    }

    fn link(&mut self, name: &CStr) -> &[u8] {
        let length = self.dir.as_ref().and_then(|dir| dir.read_link(name, &mut self.text).ok()).unwrap_or(0);
        self.text.get(..length).unwrap_or(&[])
    }

    /// A file that may be long: the buffer grows with what it needs, up to [`CMDLINE_BYTES`].
    fn file(&mut self, name: &CStr) -> &mut [u8] {
        let Some(dir) = &self.dir else { return &mut [] };
        let mut length = dir.read_into(name, &mut self.text).unwrap_or(0);
        while length == self.text.len() && length < CMDLINE_BYTES {
            self.text.resize(length * 4, 0);
            length = dir.read_into(name, &mut self.text).unwrap_or(0);
        }
        self.text.get_mut(..length).unwrap_or(&mut [])
    }

    fn cmdline(&mut self) -> Value {
        let text = self.file(c"cmdline");
        let length = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let text = text.get_mut(..length).unwrap_or(&mut []);
        text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        Value::text(text)
    }

    /// /proc/PID/io, which only the owner and root may read.
    fn io(&mut self, names: &[&[u8]]) -> Value {
        let text = self.file(c"io");
        let number = |name: &&[u8]| std::str::from_utf8(status::line(text, name)?).ok()?.parse::<i64>().ok();
        let numbers: Vec<_> = names.iter().filter_map(number).collect();
        match *numbers.as_slice() {
            [bytes] => Value::Integer(bytes),
            [bytes, cancelled] => Value::Integer(bytes - cancelled),
            _ => Value::Null,
        }
    }

    fn cgroup(&mut self) -> Value {
        let text = self.file(c"cgroup");
        let lines = || text.split(|&byte| byte == b'\n');
        // The unified hierarchy if there is one, else the first.
        let line = lines().find(|line| line.starts_with(b"0::")).or_else(|| lines().next()).unwrap_or(&[]);
        Value::text(line.splitn(3, |&byte| byte == b':').nth(2).unwrap_or(&[]))
    }

    fn stat_number(&self, pick: impl Fn(&stat::Stat<'_>) -> i64) -> Value {
        self.stat().map(|stat| pick(&stat)).into()
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while let Some(pid) = self.next_pid() {
            let mut path = [0u8; 32];
            let mut rest = path.as_mut_slice();
            let _ = write!(rest, "/proc/{pid}");
            let length = 32 - rest.len();
            let Ok(dir) = Dir::open(path.get(..length).unwrap_or(&[])) else { continue };
            let Ok(length) = dir.read_into(c"stat", &mut self.stat) else { continue };
            (self.pid, self.dir, self.stat_length, self.status_length) = (pid, Some(dir), length, 0);
            return Ok(true);
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let ticks = self.ticks;
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "pid" => i64::from(self.pid).into(),
            "name" => Value::text(self.stat().map_or(&[][..], |stat| stat.comm)),
            "path" => Value::text(self.link(c"exe")),
            "cmdline" => self.cmdline(),
            "state" => Value::text(self.stat().map_or(vec![], |stat| vec![stat.state])),
            "cwd" => Value::text(self.link(c"cwd")),
            "root" => Value::text(self.link(c"root")),
            "uid" => self.status_number(b"Uid:", 0),
            "gid" => self.status_number(b"Gid:", 0),
            "euid" => self.status_number(b"Uid:", 1),
            "egid" => self.status_number(b"Gid:", 1),
            "suid" => self.status_number(b"Uid:", 2),
            "sgid" => self.status_number(b"Gid:", 2),
            "on_disk" => {
                let path = self.link(c"exe");
                let exists = || std::path::Path::new(std::ffi::OsStr::from_bytes(path)).exists();
                Value::Integer(if path.is_empty() { -1 } else { i64::from(exists()) })
            }
            "wired_size" => 0.into(),
            "resident_size" => self.stat_number(|stat| stat.resident_pages * process::page_bytes()),
            "total_size" => self.stat_number(|stat| stat.total_bytes),
            "user_time" => self.stat_number(|stat| stat.user_ticks * 1000 / ticks),
            "system_time" => self.stat_number(|stat| stat.system_ticks * 1000 / ticks),
            "disk_bytes_read" => self.io(&[b"read_bytes:"]),
            "disk_bytes_written" => self.io(&[b"write_bytes:", b"cancelled_write_bytes:"]),
            "start_time" => {
                let clock = self.clock;
                self.stat_number(|stat| {
                    let start_ns = stat.start_ticks * (1_000_000_000 / ticks);
                    (start_ns - clock.boot_offset_ns + clock.epoch_offset_ns) / 1_000_000_000
                })
            }
            "parent" => self.stat_number(|stat| stat.ppid),
            "pgroup" => self.stat_number(|stat| stat.pgroup),
            "threads" => self.stat_number(|stat| stat.threads),
            "nice" => self.stat_number(|stat| stat.nice),
            "cgroup_path" => self.cgroup(),
            _ => Value::Null,
        })
    }
}
