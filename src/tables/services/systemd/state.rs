//! What runs of systemd's units, as far as files tell it. See `systemd_units` for what they do not tell.
//!
//! * Control groups: a service or scope with processes has one, a slice too; below system.slice and others, found by
//!   one walk that does not go into services (a user's manager has its own units there).
//! * /run/systemd/units/invocation:NAME: a link that systemd (240 and later) makes when a unit starts a process and
//!   removes when the unit is no longer active.
//! * /proc/1/mountinfo, else /proc/self/mountinfo: what is mounted is an active mount unit.

use super::name;
use crate::sys::root::Root;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// How deep control groups are looked at.
const DEPTH: usize = 16;
const UNITS: &str = "/run/systemd/units";

/// Mounts that systemd finds or makes so early that it has no units for them.
const API: [&[u8]; 13] = [
    b"/proc",
    b"/sys",
    b"/dev",
    b"/run",
    b"/dev/shm",
    b"/dev/pts",
    b"/sys/fs/bpf",
    b"/sys/fs/cgroup",
    b"/sys/fs/pstore",
    b"/sys/fs/selinux",
    b"/sys/fs/smackfs",
    b"/sys/kernel/security",
    b"/sys/firmware/efi/efivars",
];

/// The signs of life of a unit.
const HAS_GROUP: u8 = 1;
const WAS_STARTED: u8 = 2;
const IS_MOUNTED: u8 = 4;

/// See the module's head.
#[derive(Default)]
pub struct Running {
    /// Whether systemd is pid 1 (sd_booted(3)).
    is_booted: bool,
    signs: BTreeMap<Vec<u8>, u8>,
    /// Where mount units are mounted.
    mounts: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Running {
    /// Looks for signs; without systemd there are none.
    pub fn read(root: &Root) -> Self {
        let mut running = Running::default();
        if !root.symlink_metadata("/run/systemd/system").is_ok_and(|metadata| metadata.is_dir()) {
            return running;
        }
        running.is_booted = true;
        for link in root.names(UNITS) {
            if let Some(unit) = link.as_bytes().strip_prefix(b"invocation:") {
                running.sign(unit, WAS_STARTED);
            }
        }
        running.groups(root);
        running.mounts(root);
        running
    }

    fn sign(&mut self, unit: &[u8], sign: u8) {
        if !name::kind(unit).is_empty() {
            *self.signs.entry(unit.to_vec()).or_default() |= sign;
        }
    }

    fn groups(&mut self, root: &Root) {
        let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
        let is_one = |path: &&str| root.exists(format!("{path}/cgroup.procs"));
        let Some(top) = hierarchies.into_iter().find(is_one) else { return };
        // In a container systemd's tree begins where its own group lies.
        let own = root.read("/proc/1/cgroup").unwrap_or_default();
        let own =
            own.split(|&byte| byte == b'\n').find(|line| line.starts_with(b"0::") || contains(line, b":name=systemd:"));
        let own = own.and_then(|line| line.splitn(3, |&byte| byte == b':').nth(2)).unwrap_or(&[]);
        let start = [top.as_bytes(), own.strip_suffix(b"/init.scope").unwrap_or(&[])].concat();
        let mut waiting = vec![(start, 0)];
        while let Some((directory, depth)) = waiting.pop() {
            for entry in root.names(OsStr::from_bytes(&directory)) {
                // Names that the kernel could mistake for its own files have `_` before them.
                let unit = entry.as_bytes().strip_prefix(b"_").unwrap_or(entry.as_bytes());
                let path = [&directory, &b"/"[..], entry.as_bytes()].concat();
                match name::kind(unit) {
                    b"" => {}
                    b"slice" => {
                        self.sign(unit, HAS_GROUP);
                        if depth < DEPTH {
                            waiting.push((path, depth + 1));
                        }
                    }
                    _ if is_populated(root, &path) => self.sign(unit, HAS_GROUP),
                    _ => {}
                }
            }
        }
    }

    fn mounts(&mut self, root: &Root) {
        let lines = root.lines("/proc/1/mountinfo").or_else(|_| root.lines("/proc/self/mountinfo"));
        let Ok(mut lines) = lines else { return };
        while let Some(line) = lines.next_line() {
            let Some(place) = line.split(|&byte| byte == b' ').nth(4) else { continue };
            if contains(line, b" - autofs ") || API.contains(&place) || place.starts_with(b"/sys/fs/cgroup/") {
                continue;
            }
            let place = without_octal(place);
            let unit = [&name::escape_path(&place), &b".mount"[..]].concat();
            if !name::kind(&unit).is_empty() {
                self.sign(&unit, IS_MOUNTED);
                self.mounts.insert(unit, place);
            }
        }
    }

    /// Whether a unit shows a sign.
    pub fn knows(&self, unit: &[u8]) -> bool {
        self.signs.contains_key(unit)
    }

    /// Units that show a sign.
    pub fn names(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.signs.keys()
    }

    /// Where a mount unit is mounted; empty if it is not.
    pub fn mounted_at(&self, unit: &[u8]) -> &[u8] {
        self.mounts.get(unit).map_or(&[], Vec::as_slice)
    }

    /// active_state and sub_state; empty where nothing tells.
    pub fn state(&self, unit: &[u8]) -> (&'static str, &'static str) {
        const DEAD: (&str, &str) = ("inactive", "dead");
        let signs = self.signs.get(unit).copied().unwrap_or(0);
        let has = |sign: u8| signs & sign != 0;
        if !self.is_booted || name::is_template(unit) {
            return DEAD;
        }
        match name::kind(unit) {
            b"service" if has(HAS_GROUP) => ("active", "running"),
            b"service" if has(WAS_STARTED) => ("active", "exited"),
            b"scope" if signs != 0 => ("active", "running"),
            b"slice" if signs != 0 || unit == b"-.slice" => ("active", "active"),
            b"mount" if has(IS_MOUNTED) => ("active", "mounted"),
            b"service" | b"scope" | b"slice" | b"mount" => DEAD,
            b"swap" if signs != 0 => ("active", "active"),
            b"socket" if signs != 0 => ("active", ""),
            _ => ("", ""),
        }
    }
}

/// Whether there are processes in a control group; before cgroup2 an empty one is removed by systemd.
fn is_populated(root: &Root, group: &[u8]) -> bool {
    let path = [group, b"/cgroup.events"].concat();
    root.read(OsStr::from_bytes(&path)).map_or(true, |text| contains(&text, b"populated 1"))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(text, what).is_some()
}

/// A path of mountinfo (proc(5)): blanks and backslashes are three octal digits there.
fn without_octal(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or(&[]);
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}
