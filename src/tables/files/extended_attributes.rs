//! `extended_attributes`: the extended attributes of files, of a path or all that a pattern stands for (see
//! [`super::pattern`]), by listxattr(2) and getxattr(2). Links lead to their files; nothing is opened but by O_PATH. A value
//! that is no printable text comes in base64; `security.capability` as text, `cap_net_raw+ep`. Bound: the system's, 64 KiB
//! of names a file and 64 KiB a value. Cost: a few system calls a file, one more an attribute.

use super::walk::{Walk, asked};
use crate::sql::functions::hashing::encoded;
use crate::sql::table::{Column, Cursor, OPTIMIZED, REQUIRED, Table, TableError, Type, Value, column};
use crate::sys::xattr;
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

const COLUMNS: &[Column] = &[
    column("path", Type::Text, REQUIRED | OPTIMIZED, "Path of the file; asked for as in the table file."),
    column(
        "directory",
        Type::Text,
        REQUIRED | OPTIMIZED,
        "Directory in which it lies; asked for as in the table file.",
    ),
    column("key", Type::Text, 0, "Name of the attribute, with its namespace: user.origin."),
    column("value", Type::Text, 0, "Its value."),
    column("base64", Type::Integer, 0, "1 if the value is shown in base64, else 0."),
];

const CAPABILITY: &[u8] = b"security.capability";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "extended_attributes",
    help: "Extended attributes of files by path or pattern",
    columns: COLUMNS,
    open: |query| {
        let walk = Walk::new(&query.context, asked(&query, 0, Some(1)), None);
        Ok(Box::new(Scan {
            walk,
            file: None,
            names: Vec::new(),
            next: 0,
            name: (0, 0),
            value: Vec::new(),
            coded: false,
        }))
    },
};

struct Scan {
    walk: Walk,
    file: Option<OwnedFd>,
    /// The file's names, each with a NUL behind it, and where the next one begins.
    names: Vec<u8>,
    next: usize,
    /// The row's.
    name: (usize, usize),
    value: Vec<u8>,
    coded: bool,
}

impl Scan {
    fn next_name(&mut self) -> Option<()> {
        let name = CStr::from_bytes_until_nul(self.names.get(self.next..)?).ok()?;
        let file = self.file.as_ref()?;
        let value = xattr::value(file.as_fd(), name).unwrap_or_default();
        (self.value, self.coded) = shown(name.to_bytes(), value);
        self.name = (self.next, self.next + name.to_bytes().len());
        self.next = self.name.1 + 1;
        Some(())
    }
}

/// A value as it is shown, and whether that is base64.
fn shown(name: &[u8], value: Vec<u8>) -> (Vec<u8>, bool) {
    if name == CAPABILITY
        && let Some(text) = capabilities(&value)
    {
        return (text, false);
    }
    // Labels of security modules end with a NUL.
    let text = value.strip_suffix(b"\0").unwrap_or(&value);
    match text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        true => (text.to_vec(), false),
        false => (encoded(&value), true),
    }
}

/// Names by number, from 0 (capability.h).
const NAMES: &str = "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service \
    net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct \
    sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap \
    mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore";

/// `struct vfs_cap_data` as `cap_net_admin,cap_net_raw+ep`; sets of capabilities that differ in their flags follow each
/// other. None: it is none.
fn capabilities(value: &[u8]) -> Option<Vec<u8>> {
    let word = |index: usize| Some(u32::from_le_bytes(value.get(index * 4..index * 4 + 4)?.try_into().ok()?));
    let (magic, effective) = (word(0)? >> 24, word(0)? & 1 != 0);
    let high = |index: usize| if magic == 1 { Some(0) } else { word(index).map(u64::from) };
    if !matches!(magic, 1..=3) {
        return None;
    }
    let permitted = u64::from(word(1)?) | high(3)? << 32;
    let inheritable = u64::from(word(2)?) | high(4)? << 32;
    let names = || NAMES.split(' ').enumerate();
    let known = names().fold(0, |known, (number, _)| known | 1u64 << number);
    let mut out = Vec::new();
    for (permits, inherits, flags) in [(true, true, "ip"), (true, false, "p"), (false, true, "i")] {
        let of = |set: u64, has: bool| if has { set } else { !set };
        let set = of(permitted, permits) & of(inheritable, inherits) & known;
        if set == 0 {
            continue;
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        let names = names().filter(|(number, _)| set != known && set >> number & 1 != 0);
        for (index, (_, name)) in names.enumerate() {
            let _ = write!(out, "{}cap_{name}", if index > 0 { "," } else { "" });
        }
        let sign = if set == known { "=" } else { "+" };
        let _ = write!(out, "{sign}{}{flags}", if effective { "e" } else { "" });
    }
    if out.is_empty() {
        out.push(b'=');
    }
    Some(out)
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if self.next_name().is_some() {
                return Ok(true);
            }
            if !self.walk.advance()? {
                return Ok(false);
            }
            self.file = self.walk.open_path(libc::O_PATH).ok();
            let names = self.file.as_ref().and_then(|file| xattr::names(file.as_fd()).ok());
            (self.names, self.next) = (names.unwrap_or_default(), 0);
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            0 => Value::Text(self.walk.path()),
            1 => Value::Text(self.walk.directory()),
            2 => Value::text(self.names.get(self.name.0..self.name.1).unwrap_or(&[])),
            3 => Value::text(&self.value),
            _ => i64::from(self.coded).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, host, rows};
    use crate::sys::xattr::set;

    #[test]
    fn attributes_are_rows() {
        let tree = Tree::new("xattr-rows");
        tree.file("d/plain", "").file("d/file", "").link("d/link", "file");
        let place = tree.place("d/file");
        if !set(&place, c"user.origin", b"https://example.com/a b") {
            return println!("skipped: needs a file system with user attributes");
        }
        assert!(
            set(&place, c"user.bytes", b"\0\xff\n")
                && set(&place, c"user.empty", b"")
                && set(&place, c"user.label", b"x:y\0")
        );
        let sql = "SELECT key, value, base64 FROM extended_attributes WHERE key LIKE 'user.%' AND";
        let wanted = [
            ["user.bytes", "AP8K", "1"],
            ["user.empty", "", "0"],
            ["user.label", "x:y", "0"],
            ["user.origin", "https://example.com/a b", "0"],
        ];
        for condition in [
            "path = '/d/file'",
            "path = '/d/link'",
            "directory = '/d' AND path <> '/d/link'",
            "path LIKE '/%%' AND path LIKE '%file'",
        ] {
            assert_eq!(tree.rows(&format!("{sql} {condition} ORDER BY key")), wanted, "{condition}");
        }
        assert!(tree.rows(&format!("{sql} path IN ('/d/plain', '/d', '/missing')")).is_empty());
        if let Some(theirs) = host("getfattr", &["--only-values", "-n", "user.origin", place.to_str().unwrap()]) {
            assert_eq!(theirs, "https://example.com/a b");
        }
    }

    #[test]
    fn capabilities_are_text() {
        let text = |words: &[u32]| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
            capabilities(&bytes).map(|text| String::from_utf8(text).unwrap())
        };
        assert_eq!(text(&[0x0200_0001, 1 << 12, 0, 0, 0]).unwrap(), "cap_net_admin+ep");
        assert_eq!(text(&[0x0200_0000, 1 << 12 | 1 << 13, 0, 0, 0]).unwrap(), "cap_net_admin,cap_net_raw+p");
        assert_eq!(
            text(&[0x0300_0001, 1, 3, 1 << 8, 0, 1000]).unwrap(),
            "cap_chown+eip cap_checkpoint_restore+ep cap_dac_override+ei"
        );
        assert_eq!(text(&[0x0100_0001, 1 << 21, 0]).unwrap(), "cap_sys_admin+ep");
        assert_eq!(text(&[0x0200_0001, u32::MAX, 0, 0x1ff, 0]).unwrap(), "=ep");
        assert_eq!(text(&[0x0200_0000, 0, 0, 0, 0]).unwrap(), "=");
        for wrong in [&[][..], &[0x0200_0001], &[0x0900_0001, 0, 0, 0, 0], &[0x0200_0000, 1, 1]] {
            assert_eq!(text(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_capability_of_the_host_reads_as_getcap_says() {
        let tree = Tree::new("xattr-cap");
        tree.file("file", "");
        let place = tree.place("file");
        let place = place.to_str().unwrap();
        if host("setcap", &["cap_net_raw,cap_net_admin+ep", place]).is_none() {
            return println!("skipped: needs setcap and root");
        }
        let ours = rows(
            "",
            &format!("SELECT value FROM extended_attributes WHERE path = '{place}' AND key = 'security.capability'"),
        );
        assert_eq!(ours, [["cap_net_admin,cap_net_raw+ep"]]);
        if let Some(theirs) = host("getcap", &[place]) {
            assert_eq!(theirs.trim().rsplit(' ').next().unwrap().replace('=', "+"), ours[0][0]);
        }
    }
}
