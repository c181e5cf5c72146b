//! Lines of audit logs: from a line to a record's type and its text `audit(…): …`, as the kernel would have sent it.
//!
//! Forms, each after `node=HOST ` or without it (auditd.conf(5): `name_format`):
//!
//! - auditd's `type=SYSCALL msg=audit(…): …`, `log_format` RAW or ENRICHED (what auditd adds stands after a byte 0x1D),
//!   a type it has no name for as `type=UNKNOWN[1334]`;
//! - the kernel's `type=1300 audit(…): …` (`kernel/audit.c: kauditd_printk_skb`).
//!
//! Either may stand behind what syslog, journald or dmesg put before it, as far as that ends in `: ` or `] `. Views on
//! the line, nothing is copied; a line costs three scans of its head and one of its rest.

use super::event::Stamp;
use super::record::{Record, decimal, kind};
use memchr::{memchr, memchr2, memchr2_iter};

/// The longest line that is read. The kernel sends 8970 bytes at most (`include/linux/audit.h`:
/// MAX_AUDIT_MESSAGE_LENGTH), auditd adds names to that.
pub const LINE_BYTES: usize = 16 * 1024;
/// What auditd puts between the kernel's text and its own (`AUDIT_INTERP_SEPARATOR`).
const SEPARATOR: u8 = 0x1d;

/// Record types as auditd names them, those of an exec (libaudit: `msg_typetab.h`).
const NAMES: &[(&[u8], u16)] = &[
    (b"SYSCALL", kind::SYSCALL),
    (b"PATH", kind::PATH),
    (b"CWD", kind::CWD),
    (b"EXECVE", kind::EXECVE),
    (b"EOE", kind::EOE),
    (b"BPRM_FCAPS", 1321),
    (b"PROCTITLE", 1327),
];

/// Why a line holds no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// No `type=… audit(` where one may stand.
    NoRecord,
    /// What follows `audit` is no time stamp and serial, or a stamp that cannot be.
    Stamp,
    /// A NUL byte within the record: a hole that a crash left in the file.
    Hole,
}

/// A line's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged<'a> {
    /// The machine's name, empty where the line has none.
    pub node: &'a [u8],
    /// The record's type; None for one that has no part in an exec.
    pub kind: Option<u16>,
    /// Which event it belongs to.
    pub stamp: Stamp,
    /// `audit(…): …`, without what auditd added.
    pub body: &'a [u8],
    /// auditd's additions follow, or what is left of them.
    added: bool,
}

impl Logged<'_> {
    /// Whether all that is read of the record is there, in a line that lacks its newline: a field that stands after
    /// all of that has come, or the value that is read is closed.
    pub fn is_whole(&self) -> bool {
        let has = |wanted: &[u8]| Record::parse(self.body).is_ok_and(|r| r.fields().any(|(name, _)| name == wanted));
        match self.kind {
            _ if self.added => true,
            Some(kind::SYSCALL) => has(b"key"),
            Some(kind::PATH) => has(b"rdev"),
            Some(kind::CWD | kind::EXECVE) => self.body.ends_with(b"\""),
            _ => true,
        }
    }
}

/// A line without its end: newline, carriage return, blanks, and NULs on either side.
fn trimmed(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0);
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    line.get(start..end).unwrap_or(&[])
}

/// Whether a line has nothing on it.
pub fn is_blank(line: &[u8]) -> bool {
    trimmed(line).is_empty()
}

/// `node=… type=… msg=` or a part of it, and what follows: node, type, text from `audit(` on.
fn head(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let word = |text: &'static [u8], rest: &[u8]| -> Option<usize> {
        if rest.starts_with(text) { memchr(b' ', rest) } else { None }
    };
    let (node, rest) = match word(b"node=", line) {
        Some(end) => (line.get(5..end)?, line.get(end + 1..)?),
        None => (&b""[..], line),
    };
    let end = word(b"type=", rest)?;
    let (kind, rest) = (rest.get(5..end)?, rest.get(end + 1..)?);
    let text = rest.strip_prefix(b"msg=").unwrap_or(rest);
    text.starts_with(b"audit(").then_some((node, kind, text))
}

/// The same behind a prefix. What stands first counts: a record's own text may hold anything.
fn head_after_prefix(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    memchr2_iter(b':', b']', line).find_map(|at| head(line.get(at + 1..)?.strip_prefix(b" ")?))
}

/// A type that Stemma knows, by name or number.
fn kind_of(name: &[u8]) -> Option<u16> {
    let inner = name.strip_prefix(b"UNKNOWN[").and_then(|rest| rest.strip_suffix(b"]"));
    let number = decimal(inner.unwrap_or(name));
    let known = |entry: &&(&[u8], u16)| match number {
        Some(number) => u64::from(entry.1) == number,
        None => entry.0 == name,
    };
    NAMES.iter().find(known).map(|&(_, kind)| kind)
}

/// Reads one line, with or without its newline.
///
/// # Errors
/// See [`LineError`].
pub fn parse(line: &[u8]) -> Result<Logged<'_>, LineError> {
    let line = trimmed(line);
    let at_start = line.starts_with(b"type=") || line.starts_with(b"node=");
    let found = if at_start { head(line) } else { head_after_prefix(line) };
    let (node, kind, text) = found.ok_or(LineError::NoRecord)?;
    let kind = kind_of(kind);
    let (body, added) = match memchr2(SEPARATOR, 0, text) {
        Some(at) if text.get(at) == Some(&SEPARATOR) => (text.get(..at).unwrap_or(&[]), true),
        Some(_) => return Err(LineError::Hole),
        None => (text, false),
    };
    let record = Record::parse(body).map_err(|_| LineError::Stamp)?;
    if record.stamp.ms == 0 {
        return Err(LineError::Stamp);
    }
    Ok(Logged { node, kind, stamp: record.stamp, body, added })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "audit(1700000000.123:456): arch=c000003e syscall=59 key=(null)";

    fn parsed(line: &[u8]) -> (&[u8], Option<u16>, &[u8]) {
        let logged = parse(line).unwrap_or_else(|error| panic!("{error:?}: {}", line.escape_ascii()));
        assert_eq!(logged.stamp, Stamp { ms: 1_700_000_000_123, serial: 456 });
        (logged.node, logged.kind, logged.body)
    }

    #[test]
    fn every_form_is_the_same_record() {
        for (before, node) in [
            ("type=SYSCALL msg=", ""),
            ("type=1300 msg=", ""),
            ("type=1300 ", ""),
            ("type=UNKNOWN[1300] msg=", ""),
            ("node=gate.example type=SYSCALL msg=", "gate.example"),
            ("audit: type=1300 ", ""),
            ("[   12.345678] audit: type=1300 ", ""),
            ("[   12.345678] type=1300 ", ""),
            ("<5>[   12.345678] audit: type=1300 ", ""),
            ("[Tue Nov 14 22:13:20 2023] audit: type=1300 ", ""),
            ("Nov 14 22:13:20 gate kernel: [   12.345678] audit: type=1300 ", ""),
            ("Nov 14 22:13:20 gate kernel: audit: type=1300 ", ""),
            ("2023-11-14T22:13:20.123456+00:00 gate kernel: audit: type=1300 ", ""),
            ("Nov 14 22:13:20 gate audisp-syslog[77]: node=gate type=SYSCALL msg=", "gate"),
            ("\0\0\0type=SYSCALL msg=", ""),
        ] {
            for after in ["", "\n", "\r\n", " \n", "\0\0", "\x1dARCH=x86_64 SYSCALL=execve UID=\"root\"\n"] {
                let line = format!("{before}{BODY}{after}");
                assert_eq!(parsed(line.as_bytes()), (node.as_bytes(), Some(kind::SYSCALL), BODY.as_bytes()), "{line}");
            }
        }
    }

    #[test]
    fn types_by_name_and_number() {
        let kind = |name: &str| parsed(format!("type={name} msg={BODY}").as_bytes().to_vec().leak()).1;
        for &(name, number) in NAMES {
            let name = std::str::from_utf8(name).unwrap();
            assert_eq!((kind(name), kind(&number.to_string())), (Some(number), Some(number)), "{name}");
        }
        for other in
            ["USER_LOGIN", "1112", "syscall", "", "UNKNOWN[1334]", "UNKNOWN[]", "66836", "99999999999999999999"]
        {
            assert_eq!(kind(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_record_says_why() {
        for line in [
            "",
            "\0\0",
            "----",
            "time->Tue Nov 14 22:13:20 2023",
            "type=SYSCALL",
            "type=SYSCALL msg=",
            "type=SYSCALL msg=audi",
            "type=SYSCALL  msg=audit(1.2:3): x",
            "node= type",
            "node=a b type=SYSCALL msg=audit(1.2:3): x",
            "xtype=SYSCALL msg=audit(1.2:3): x",
            "Nov 14 22:13:20 gate kernel: usb 1-1: new device",
            "Nov 14 22:13:20 gate audit[9]: SYSCALL arch=c000003e syscall=59",
            // A record's text that looks like another record's head.
            "type=USER msg='x: type=SYSCALL msg=audit(1.2:3): pid=1",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(LineError::NoRecord), "{line}");
        }
        for stamp in ["", "1.2:3", "1.2)", "1,2:3):", "x.2:3):", "0.000:3):", "9000000000.001:3):", "1.2:):", "1.2:3);"]
        {
            let line = format!("type=SYSCALL msg=audit({stamp} arch=c000003e");
            assert_eq!(parse(line.as_bytes()), Err(LineError::Stamp), "{line}");
        }
        assert_eq!(parse(b"type=CWD msg=audit(1.200:3): cwd=\"/\0\0\""), Err(LineError::Hole));
        assert!(parse(b"type=CWD msg=audit(1.200:3): cwd=\"/\"\x1dA=\"\0\"").is_ok(), "what auditd added is not read");
    }

    #[test]
    fn a_cut_line_is_whole_if_all_that_is_read_is_there() {
        let whole = |line: &str| parse(line.as_bytes()).unwrap().is_whole();
        let syscall = "type=SYSCALL msg=audit(1.200:3): arch=c000003e syscall=59 pid=12 exe=\"/bin/true\" key=\"exec\"";
        let shortest = syscall.find("key=").unwrap() + 4;
        for end in syscall.find("arch").unwrap()..syscall.len() {
            assert_eq!(whole(&syscall[..end]), end >= shortest, "{}", &syscall[..end]);
        }
        assert!(whole(&format!("{}\x1dAR", &syscall[..60])));
        assert!(whole("type=CWD msg=audit(1.200:3): cwd=\"/a\""));
        assert!(!whole("type=CWD msg=audit(1.200:3): cwd=\"/a"));
        assert!(!whole("type=CWD msg=audit(1.200:3): cwd=2F6120"), "more digits may have followed");
        assert!(!whole("type=PATH msg=audit(1.200:3): item=0 mode=0100755 ouid=0 ogid=1"));
        assert!(whole("type=PATH msg=audit(1.200:3): item=0 mode=0100755 ouid=0 ogid=1 rdev=00:0"));
        assert!(whole("type=EOE msg=audit(1.200:3): "));
        assert!(whole("type=PROCTITLE msg=audit(1.200:3): proctitle=2F62"));
    }
}
