//! `hash`: MD5, SHA-1 and SHA-256 of regular files, of a path or all that a pattern stands for (see [`super::pattern`]).
//! Computed when a sum is asked for, all that are wanted in one reading, 64 KiB at a time. Links lead to their files. What
//! is no regular file has no row, and is never opened; what cannot be read has empty sums. Cost: the reading.

use super::namespace::Namespace;
use super::walk::{Walk, asked};
use crate::sql::digest::{Digest, Sums, Wanted, hex};
use crate::sql::table::{
    ADDITIONAL, Column, Context, Cursor, HIDDEN, INDEX, OPTIMIZED, REQUIRED, Table, TableError, Type, Value, column,
};
use crate::sys::dir::make_room;
use crate::sys::directory::Kind;
use std::io::{self, Read};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, REQUIRED | INDEX | OPTIMIZED, "Path; asked for as in the table file."),
    column(
        "directory",
        Type::Text,
        REQUIRED | OPTIMIZED,
        "Directory in which it lies; asked for as in the table file.",
    ),
    sum("md5", "MD5 of its bytes, 32 hexadecimal digits; empty if it cannot be read."),
    sum("sha1", "SHA-1 of its bytes, 40 hexadecimal digits; empty if it cannot be read."),
    sum("sha256", "SHA-256 of its bytes, 64 hexadecimal digits; empty if it cannot be read."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Process as which to see files; 0: this one."),
    column("mount_namespace_id", Type::Text, HIDDEN, "That process's mount namespace."),
];

const PATH: usize = 0;
const DIRECTORY: usize = 1;
const MD5: usize = 2;
const SHA1: usize = 3;
const SHA256: usize = 4;
const PID: usize = 5;
const BLOCK_BYTES: usize = 64 << 10;

const fn sum(name: &'static str, help: &'static str) -> Column {
    Column { collate: "NOCASE", ..column(name, Type::Text, 0, help) }
}

/// See the module's head.
pub static TABLE: Table = Table {
    name: "hash",
    help: "MD5, SHA-1 and SHA-256 of regular files by path or pattern",
    columns: COLUMNS,
    open: |query| {
        let namespace = Namespace::of(&query, PID);
        let walk = Walk::new(&query.context, asked(&query, PATH, Some(DIRECTORY)), namespace.pid());
        let wanted = Wanted { md5: query.wants(MD5), sha1: query.wants(SHA1), sha256: query.wants(SHA256) };
        Ok(Box::new(Scan { context: query.context, walk, namespace, wanted, sums: None, block: Vec::new() }))
    },
};

struct Scan {
    context: Rc<Context>,
    walk: Walk,
    namespace: Namespace,
    wanted: Wanted,
    /// Of the row, once one of them was asked for.
    sums: Option<Sums>,
    block: Vec<u8>,
}

impl Scan {
    fn sums(&mut self) -> Result<Sums, TableError> {
        if self.sums.is_none() {
            self.sums = Some(self.read()?.unwrap_or_default());
        }
        Ok(self.sums.unwrap_or_default())
    }

    /// None if it cannot be read to its end.
    fn read(&mut self) -> Result<Option<Sums>, TableError> {
        let Ok(mut file) = self.walk.open() else { return Ok(None) };
        let mut digest = Digest::new(self.wanted);
        make_room(&mut self.block, BLOCK_BYTES);
        loop {
            self.context.check()?;
            match file.read(&mut self.block) {
                Ok(0) => return Ok(Some(digest.finish())),
                Ok(count) => digest.update(self.block.get(..count).unwrap_or(&[])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ok(None),
            }
        }
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.sums = None;
        while self.walk.advance()? {
            let regular = match self.walk.kind() {
                Kind::Regular => true,
                Kind::Link | Kind::Unknown => self.walk.status(true).is_ok_and(|status| status.kind == Kind::Regular),
                _ => false,
            };
            if regular {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let text = |sum: Option<&[u8]>| Value::Text(sum.map(hex).unwrap_or_default());
        Ok(match column {
            PATH => Value::Text(self.walk.path()),
            DIRECTORY => Value::Text(self.walk.directory()),
            MD5 => text(self.sums()?.md5.as_ref().map(<[u8; 16]>::as_slice)),
            SHA1 => text(self.sums()?.sha1.as_ref().map(<[u8; 20]>::as_slice)),
            SHA256 => text(self.sums()?.sha256.as_ref().map(<[u8; 32]>::as_slice)),
            PID => self.namespace.pid().unwrap_or(0).into(),
            _ => Value::text(self.namespace.id()),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::engine::{Engine, Sink};
    use crate::sql::limits::Limits;
    use crate::sql::testing::{Tree, host, rows};
    use crate::sys::root::Root;
    use rusqlite::types::ValueRef;
    use std::path::PathBuf;
    use std::time::Instant;

    struct Nothing;

    impl Sink for Nothing {
        fn columns(&mut self, _: &[&str]) {}
        fn row(&mut self, _: &[ValueRef<'_>]) -> bool {
            true
        }
    }

    #[test]
    fn sums_are_those_of_the_hosts_tools() {
        let tree = Tree::new("hash-tools");
        for length in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
            let bytes: Vec<u8> =
                (0..length).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            let name = format!("file{length}");
            tree.file(&name, bytes);
            let place = tree.place(&name);
            let place = place.to_str().unwrap();
            let ours = rows("", &format!("SELECT md5, sha1, sha256 FROM hash WHERE path = '{place}'")).remove(0);
            for (tool, ours) in ["md5sum", "sha1sum", "sha256sum"].into_iter().zip(&ours) {
                let Some(theirs) = host(tool, &[place]) else { return println!("skipped: needs {tool}") };
                assert_eq!(Some(ours.as_str()), theirs.split(' ').next(), "{tool} of {length} bytes");
                let column = tool.trim_end_matches("sum");
                let alone = rows("", &format!("SELECT {column} FROM hash WHERE path = '{place}'"));
                assert_eq!(&alone[0][0], ours, "{column} alone");
            }
        }
        let sql = "SELECT f.path FROM file f JOIN hash h USING (path) WHERE f.path LIKE '/%' AND h.sha1 =";
        let empty = tree.rows(&format!("{sql} 'DA39A3EE5E6B4B0D3255BFEF95601890AFD80709'"));
        assert_eq!(empty, [["/file0"]], "letters of both cases are the same");
    }

    #[test]
    fn only_regular_files_have_rows_and_nothing_waits() {
        let tree = Tree::new("hash-kinds");
        tree.file("d/file", "x")
            .link("d/link", "file")
            .link("d/nowhere", "missing")
            .link("d/up", "..")
            .link("d/null", "/null");
        let made = std::process::Command::new("mkfifo").arg(tree.place("d/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let begun = Instant::now();
        let sum = "9dd4e461268c8034f5c8564e155c67a6";
        let found = tree.rows("SELECT path, md5 FROM hash WHERE path LIKE '/%%' ORDER BY path");
        assert_eq!(found, [["/d/file", sum], ["/d/link", sum]]);
        assert_eq!(tree.rows("SELECT path FROM hash WHERE path IN ('/d/fifo', '/d', '/d/nowhere')").len(), 0);
        assert_eq!(tree.rows("SELECT directory FROM hash WHERE directory = '/d/'"), [["/d/"], ["/d/"]]);
        assert_eq!(rows("", "SELECT * FROM hash WHERE path IN ('/dev/null', '/dev/zero', '/dev/tty')").len(), 0);
        assert!(begun.elapsed().as_secs() < 5);
    }

    #[test]
    fn endless_files_and_those_that_cannot_be_read_have_empty_sums() {
        for path in ["/proc/kcore", "/proc/self/mem"] {
            let found = rows("", &format!("SELECT sha256 FROM hash WHERE path = '{path}'"));
            assert!(found.is_empty() || found == [[""]], "{path}: {found:?}");
        }
        assert_eq!(rows("", "SELECT length(sha256) FROM hash WHERE path = '/proc/self/status'"), [["64"]]);
        let kmsg = rows("", "SELECT md5 FROM hash WHERE path = '/proc/kmsg'");
        assert!(kmsg.is_empty() || kmsg == [[""]], "{kmsg:?}");
    }

    #[test]
    fn a_file_that_takes_too_long_ends_with_the_querys_time() {
        let tree = Tree::new("hash-long");
        let file = std::fs::File::create(tree.place("long")).unwrap();
        if file.set_len(1 << 42).is_err() {
            return println!("skipped: needs a file system for large files");
        }
        let limits = Limits { wall_ms: 200, ..Limits::default() };
        let engine = Engine::over(Root::new(tree.path()), PathBuf::new()).unwrap().within(limits);
        let begun = Instant::now();
        let error = engine.run("SELECT md5 FROM hash WHERE path LIKE '/%'", &mut Nothing).unwrap_err();
        assert!(error.message.contains("time limit"), "{error:?}");
        assert!(begun.elapsed().as_secs() < 10);
    }
}
