//! `magic`: what kind of thing a file is, by its first 64 KiB, of a path or all that a pattern stands for (see
//! [`super::pattern`]). A small set of signatures of our own ([`signatures`] lists it), ELF by its headers ([`elf`]),
//! scripts by their first line, texts by their bytes; the words are those of file(1) where both know a thing. Links lead to
//! their files. What is no regular file is told by its kind and not opened. Cost: one reading of 64 KiB a file.
//!
//! Databases of libmagic are not read: a query that names one has no rows.

mod elf;
mod signatures;

use super::walk::{Walk, asked};
use crate::sql::table::{ADDITIONAL, Column, Cursor, INDEX, REQUIRED, Table, TableError, Type, Value, column};
use crate::sys::directory::Kind;
use std::io::Read;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, REQUIRED | INDEX, "Path of the file; asked for as in the table file."),
    column("magic_db_files", Type::Text, ADDITIONAL, "Databases of libmagic; none is read here, so always empty."),
    column("data", Type::Text, 0, "What it is, in words."),
    column("mime_type", Type::Text, 0, "What it is, as a MIME type."),
    column("mime_encoding", Type::Text, 0, "binary, us-ascii, utf-8, utf-16le, utf-16be, iso-8859-1 or unknown-8bit."),
];

/// What is looked at, bytes.
const HEAD_BYTES: usize = 64 << 10;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "magic",
    help: "What kind of thing files are, by their first bytes",
    columns: COLUMNS,
    open: |query| {
        let walk = Walk::new(&query.context, asked(&query, 0, None), None);
        Ok(Box::new(Scan { walk, head: Vec::new(), found: None }))
    },
};

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    data: String,
    mime: &'static str,
    encoding: &'static str,
}

fn found(data: impl Into<String>, mime: &'static str, encoding: &'static str) -> Found {
    Found { data: data.into(), mime, encoding }
}

struct Scan {
    walk: Walk,
    head: Vec<u8>,
    /// Of the row, once it was asked for.
    found: Option<Found>,
}

impl Scan {
    fn look(&mut self) -> Found {
        let Ok(status) = self.walk.status(true) else {
            let target = String::from_utf8_lossy(&self.walk.target()).into_owned();
            return found(format!("broken symbolic link to {target}"), "inode/symlink", "binary");
        };
        let node = || {
            let (major, minor) = (libc::major(status.node_device as _), libc::minor(status.node_device as _));
            format!("special ({major}/{minor})")
        };
        match status.kind {
            Kind::Directory => found("directory", "inode/directory", "binary"),
            Kind::Character => found(format!("character {}", node()), "inode/chardevice", "binary"),
            Kind::Block => found(format!("block {}", node()), "inode/blockdevice", "binary"),
            Kind::Fifo => found("fifo (named pipe)", "inode/fifo", "binary"),
            Kind::Socket => found("socket", "inode/socket", "binary"),
            Kind::Regular | Kind::Link | Kind::Unknown => self.look_inside(),
        }
    }

    fn look_inside(&mut self) -> Found {
        self.head.clear();
        let Ok(mut file) = self.walk.open() else { return found("cannot be read", "", "") };
        let read = file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut self.head);
        if read.is_err() && self.head.is_empty() {
            return found("cannot be read", "", "");
        }
        if self.head.starts_with(elf::MAGIC)
            && let Some((data, mime)) = elf::describe(&self.head, |offset, bytes| file.read_at(offset, bytes))
        {
            return found(data, mime, "binary");
        }
        describe(&self.head)
    }
}

/// What bytes are, when they are no ELF.
fn describe(head: &[u8]) -> Found {
    if head.is_empty() {
        return found("empty", "inode/x-empty", "binary");
    }
    let encoding = encoding_of(head);
    let text = text_of(encoding);
    if let Some((data, mime)) = signatures::of(head, text.is_some()) {
        return found(data, mime, encoding);
    }
    let Some(text) = text else { return found("data", "application/octet-stream", encoding) };
    if let Some((kind, mime)) = script_of(head) {
        return found(format!("{kind} script, {text} executable"), mime, encoding);
    }
    let ends = match (memchr::memmem::find(head, b"\r\n").is_some(), head.contains(&b'\n')) {
        (true, _) => ", with CRLF line terminators",
        (false, true) => "",
        (false, false) => ", with no line terminators",
    };
    found(format!("{text}{ends}"), "text/plain", encoding)
}

/// Bytes that texts have below 0x80: printable ones, BEL, BS, TAB, LF, FF, CR and ESC.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | 7..=10 | 12 | 13 | 27)
}

fn encoding_of(head: &[u8]) -> &'static str {
    match head {
        [0xff, 0xfe, ..] => return "utf-16le",
        [0xfe, 0xff, ..] => return "utf-16be",
        _ => {}
    }
    let (mut ascii, mut latin) = (true, true);
    for &byte in head {
        if byte < 0x80 && !is_plain(byte) {
            return "binary";
        }
        ascii &= byte < 0x80;
        latin &= !(0x80..0xa0).contains(&byte) || byte == 0x85;
    }
    // The last character may have been cut.
    let utf8 = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    match (ascii, utf8, latin) {
        (true, _, _) => "us-ascii",
        (_, true, _) => "utf-8",
        (_, _, true) => "iso-8859-1",
        _ => "unknown-8bit",
    }
}

fn text_of(encoding: &str) -> Option<&'static str> {
    Some(match encoding {
        "us-ascii" => "ASCII text",
        "utf-8" => "Unicode text, UTF-8 text",
        "utf-16le" => "Unicode text, UTF-16, little-endian text",
        "utf-16be" => "Unicode text, UTF-16, big-endian text",
        "iso-8859-1" => "ISO-8859 text",
        "unknown-8bit" => "Non-ISO extended-ASCII text",
        _ => return None,
    })
}

/// Kind and MIME type of a script by its first line's interpreter.
fn script_of(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let name = |word: &'_ [u8]| word.rsplit(|&byte| byte == b'/').next().unwrap_or(&[]).to_vec();
    let mut interpreter = name(words.next()?);
    if interpreter == b"env" {
        interpreter = name(words.find(|word| !word.starts_with(b"-"))?);
    }
    let is = |start: &[u8]| interpreter.starts_with(start);
    Some(match () {
        () if is(b"bash") => ("Bourne-Again shell", "text/x-shellscript"),
        () if is(b"zsh") => ("Paul Falstad's zsh", "text/x-shellscript"),
        () if is(b"ksh") => ("Korn shell", "text/x-shellscript"),
        () if is(b"sh") || is(b"dash") || is(b"ash") || is(b"busybox") => ("POSIX shell", "text/x-shellscript"),
        () if is(b"python") => ("Python", "text/x-script.python"),
        () if is(b"perl") => ("Perl", "text/x-perl"),
        () if is(b"ruby") => ("Ruby", "text/x-ruby"),
        () if is(b"lua") => ("Lua", "text/x-lua"),
        () if is(b"php") => ("PHP", "text/x-php"),
        () if is(b"node") => ("Node.js", "application/javascript"),
        () if is(b"awk") || is(b"gawk") || is(b"mawk") => ("awk", "text/x-awk"),
        () => ("Some interpreter's", "text/plain"),
    })
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.found = None;
        self.walk.advance()
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        if column == 0 {
            return Ok(Value::Text(self.walk.path()));
        }
        if column == 1 {
            return Ok(Value::text(""));
        }
        if self.found.is_none() {
            self.found = Some(self.look());
        }
        let Some(found) = &self.found else { return Ok(Value::Null) };
        Ok(match column {
            2 => Value::text(&found.data),
            3 => Value::text(found.mime),
            _ => Value::text(found.encoding),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, host, rows};
    use std::time::Instant;

    #[test]
    fn texts_are_told_by_their_bytes() {
        for (bytes, data, mime, encoding) in [
            (&b""[..], "empty", "inode/x-empty", "binary"),
            (b"a line\n", "ASCII text", "text/plain", "us-ascii"),
            (b"a\r\nb\r\n", "ASCII text, with CRLF line terminators", "text/plain", "us-ascii"),
            (b"abc", "ASCII text, with no line terminators", "text/plain", "us-ascii"),
            (b"caf\xc3\xa9\n", "Unicode text, UTF-8 text", "text/plain", "utf-8"),
            (b"caf\n\xc3", "Unicode text, UTF-8 text", "text/plain", "utf-8"),
            (b"caf\xe9\n", "ISO-8859 text", "text/plain", "iso-8859-1"),
            (b"\x93quoted\x94\n", "Non-ISO extended-ASCII text", "text/plain", "unknown-8bit"),
            (b"a\0b\n", "data", "application/octet-stream", "binary"),
            (
                b"\xff\xfea\0\n\0",
                "Unicode text, UTF-16, little-endian text, with no line terminators",
                "text/plain",
                "utf-16le",
            ),
            (b"#!/bin/sh\nls\n", "POSIX shell script, ASCII text executable", "text/x-shellscript", "us-ascii"),
            (
                b"#! /usr/bin/env -S python3\n",
                "Python script, ASCII text executable",
                "text/x-script.python",
                "us-ascii",
            ),
            (b"MZ is no program\n", "ASCII text", "text/plain", "us-ascii"),
            (b"#!\n", "ASCII text", "text/plain", "us-ascii"),
        ] {
            let wanted = Found {
                data: data.replace(
                    ", with no line terminators",
                    if bytes.contains(&b'\n') { "" } else { ", with no line terminators" },
                ),
                mime,
                encoding,
            };
            assert_eq!(describe(bytes), wanted, "{bytes:?}");
        }
    }

    #[test]
    fn what_file_knows_too_has_its_mime_type() {
        let paths = [
            "/bin/ls",
            "/bin/bash",
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/etc/passwd",
            "/usr/bin/ldd",
            "/dev/null",
            "/etc",
            "/etc/ld.so.cache",
            "/usr/lib/x86_64-linux-gnu/crt1.o",
            "/usr/bin/perl",
            "/usr/share/doc/bash/changelog.gz",
            "/usr/lib/locale/C.utf8/LC_CTYPE",
            "/var/log/lastlog",
            "/etc/ssl/certs/ca-certificates.crt",
        ];
        for path in paths.into_iter().filter(|path| std::path::Path::new(path).exists()) {
            let mime = |option: &str| host("file", &["-L", "-b", option, path]);
            let Some(theirs) = mime("--mime-type").zip(mime("--mime-encoding")) else {
                return println!("skipped: needs file");
            };
            let ours = rows("", &format!("SELECT mime_type, mime_encoding FROM magic WHERE path = '{path}'"));
            assert_eq!(ours, [[theirs.0.trim(), theirs.1.trim()]], "{path}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let tree = Tree::new("magic-kinds");
        tree.file("d/file", "x\n").link("d/link", "file").link("d/nowhere", "missing");
        let made = std::process::Command::new("mkfifo").arg(tree.place("d/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let begun = Instant::now();
        let found = tree.rows("SELECT path, data, mime_type FROM magic WHERE path LIKE '/%%' ORDER BY path");
        assert_eq!(found[0], ["/d/", "directory", "inode/directory"]);
        assert_eq!(found[1], ["/d/fifo", "fifo (named pipe)", "inode/fifo"]);
        assert_eq!(found[2], ["/d/file", "ASCII text", "text/plain"]);
        assert_eq!(found[3], ["/d/link", "ASCII text", "text/plain"]);
        assert_eq!(found[4], ["/d/nowhere", "broken symbolic link to missing", "inode/symlink"]);
        assert!(tree.rows("SELECT * FROM magic WHERE path = '/d/file' AND magic_db_files = '/x'").is_empty());
        assert_eq!(rows("", "SELECT data FROM magic WHERE path = '/dev/zero'"), [["character special (1/5)"]]);
        assert!(begun.elapsed().as_secs() < 5);
    }
}
