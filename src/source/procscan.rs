//! /proc, read for what the kernel did not tell: the living at start, unknown pids, everything after a loss (proc(5)).
//!
//! Buffers are taken once; a command line longer than its buffer is cut.

use crate::audit::event::Ids;
use crate::lineage::{Procfs, Seen};
use crate::procfs::{stat, status};
use crate::sys::file;
use crate::sys::process;
use std::fs;
use std::io::Write;

/// Longest command line read.
const CMDLINE_BYTES: usize = 128 * 1024;
const STAT_BYTES: usize = 1024;
const STATUS_BYTES: usize = 4096;
const PATH_BYTES: usize = 4096;
const AUID_UNSET: u32 = u32::MAX;

/// The mounted /proc.
pub struct ProcScan {
    stat: Vec<u8>,
    status: Vec<u8>,
    path: Vec<u8>,
    cwd: Vec<u8>,
    cmdline: Vec<u8>,
    ns_per_tick: i64,
}

/// Reads `/proc/PID/FILE` into `buffer`; what was read, empty if it is gone.
fn read<'a>(pid: u32, name: &str, buffer: &'a mut [u8]) -> &'a [u8] {
    let mut path = [0u8; 64];
    let length = path_of(pid, name, &mut path);
    let Some(path) = path.get(..length) else { return &[] };
    let count = file::read_into(path, buffer).unwrap_or(0);
    buffer.get(..count).unwrap_or(&[])
}

fn link<'a>(pid: u32, name: &str, buffer: &'a mut [u8]) -> &'a [u8] {
    let mut path = [0u8; 64];
    let length = path_of(pid, name, &mut path);
    let Some(path) = path.get(..length) else { return &[] };
    let count = file::read_link(path, buffer).unwrap_or(0);
    buffer.get(..count).unwrap_or(&[])
}

fn path_of(pid: u32, name: &str, path: &mut [u8; 64]) -> usize {
    let mut rest = path.as_mut_slice();
    let _ = write!(rest, "/proc/{pid}/{name}");
    64 - rest.len()
}

impl ProcScan {
    /// Takes the buffers.
    pub fn new() -> Self {
        ProcScan {
            stat: vec![0; STAT_BYTES],
            status: vec![0; STATUS_BYTES],
            path: vec![0; PATH_BYTES],
            cwd: vec![0; PATH_BYTES],
            cmdline: vec![0; CMDLINE_BYTES],
            ns_per_tick: 1_000_000_000 / process::ticks_per_second(),
        }
    }

    fn ids(&mut self, pid: u32) -> Option<(Ids, bool)> {
        let mut login = [0u8; 16];
        let auid =
            std::str::from_utf8(read(pid, "loginuid", &mut login)).ok().and_then(|text| text.trim().parse().ok());
        let text = read(pid, "status", &mut self.status);
        let [uid, euid, suid, fsuid] = status::numbers(text, b"Uid:")?;
        let [gid, egid, sgid, fsgid] = status::numbers(text, b"Gid:")?;
        let namespaced = status::numbers::<2>(text, b"NSpid:").is_some();
        let auid = auid.unwrap_or(AUID_UNSET);
        Some((Ids { auid, uid, gid, euid, suid, fsuid, egid, sgid, fsgid }, namespaced))
    }
}

impl Default for ProcScan {
    fn default() -> Self {
        Self::new()
    }
}

impl Procfs for ProcScan {
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)> {
        let stat = stat::parse(read(pid, "stat", &mut self.stat))?;
        Some((u32::try_from(stat.ppid).ok()?, stat.start_ticks.saturating_mul(self.ns_per_tick)))
    }

    fn read(&mut self, pid: u32) -> Option<Seen<'_>> {
        let (ids, namespaced) = self.ids(pid)?;
        let path = link(pid, "exe", &mut self.path);
        let cwd = link(pid, "cwd", &mut self.cwd);
        let length = read(pid, "cmdline", &mut self.cmdline).len();
        // Read last: if it is still the same process now, all of the above was its.
        let stat = stat::parse(read(pid, "stat", &mut self.stat))?;
        let arguments = self.cmdline.get_mut(..length)?;
        let length = arguments.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        arguments.iter_mut().take(length).filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        let mut length = length;
        if length == 0 {
            // A kernel thread (or a process that wiped its arguments): its name in brackets, as ps shows it.
            let room = self.cmdline.len();
            let mut rest = self.cmdline.as_mut_slice();
            let written =
                rest.write_all(b"[").and_then(|()| rest.write_all(stat.comm)).and_then(|()| rest.write_all(b"]"));
            length = if written.is_ok() { room - rest.len() } else { 0 };
        }
        Some(Seen {
            ppid: u32::try_from(stat.ppid).ok()?,
            start_boot_ns: stat.start_ticks.saturating_mul(self.ns_per_tick),
            ids,
            path,
            cmdline: self.cmdline.get(..length)?,
            cwd,
            namespaced,
        })
    }

    fn pids(&mut self, each: &mut dyn FnMut(u32)) {
        let Ok(entries) = fs::read_dir("/proc") else { return };
        let mut pids: Vec<u32> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        pids.sort_unstable();
        // Kernel threads last: they seldom are anybody's ancestors, and the cache may be small.
        let is_kernel = |scan: &mut Self, pid: u32| pid == 2 || scan.birth(pid).is_some_and(|(ppid, _)| ppid == 2);
        let (kernel, user): (Vec<_>, Vec<_>) = pids.into_iter().partition(|&pid| is_kernel(self, pid));
        user.into_iter().chain(kernel).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ourselves() {
        let mut scan = ProcScan::new();
        let pid = process::pid();
        let (ppid, start) = scan.birth(pid).unwrap();
        assert_eq!(ppid, std::os::unix::process::parent_id());
        let seen = scan.read(pid).unwrap();
        assert_eq!((seen.ppid, seen.start_boot_ns), (ppid, start));
        let exe = std::env::current_exe().unwrap();
        assert_eq!(seen.path, exe.as_os_str().as_encoded_bytes());
        let arguments: Vec<_> = std::env::args().collect();
        assert_eq!(seen.cmdline, arguments.join(" ").as_bytes());
        assert_eq!(seen.cwd, std::env::current_dir().unwrap().as_os_str().as_encoded_bytes());
    }

    #[test]
    fn lists_ancestors_and_users_first() {
        let mut pids = Vec::new();
        ProcScan::new().pids(&mut |pid| pids.push(pid));
        assert_eq!(pids.first(), Some(&1));
        assert!(pids.contains(&process::pid()));
    }
}
