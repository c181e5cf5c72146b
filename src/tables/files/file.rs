//! `file`: what statx(2) says of paths, one path or all that a pattern stands for (see [`super::pattern`]). Bound and
//! cost: those of a [`Walk`]; statx only when a column needs it, twice for a link. Nothing is opened but directories.
//!
//! As osquery's: the numbers are those of what a link leads to, or of the link itself where it leads nowhere.

use super::namespace::Namespace;
use super::walk::{Walk, asked};
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, HIDDEN, INDEX, OPTIMIZED, REQUIRED, Table, TableError, Type, Value, WALKED, column,
    elsewhere,
};
use crate::sys::directory::{Kind, Status};

const COLUMNS: &[Column] = &[
    column(
        "path",
        Type::Text,
        REQUIRED | INDEX | OPTIMIZED | WALKED,
        "Path; `=`, `IN`, or LIKE with % for one level, %% at the end for all below.",
    ),
    column("directory", Type::Text, REQUIRED | OPTIMIZED, "Directory in which it lies; asked for like path."),
    column("filename", Type::Text, 0, "Name in the directory."),
    column("inode", Type::BigInt, 0, "Inode number."),
    column("uid", Type::BigInt, 0, "Owner's user id."),
    column("gid", Type::BigInt, 0, "Owner's group id."),
    column("mode", Type::Text, 0, "Permission bits, four octal digits."),
    column("device", Type::BigInt, 0, "Number of the device that a device node stands for; 0 for others."),
    column("size", Type::BigInt, 0, "Bytes."),
    column("block_size", Type::Integer, 0, "Preferred size of reads and writes, bytes."),
    column("atime", Type::BigInt, 0, "Last read, seconds since the epoch."),
    column("mtime", Type::BigInt, 0, "Last written, seconds since the epoch."),
    column("ctime", Type::BigInt, 0, "Last change of these facts, seconds since the epoch."),
    column("btime", Type::BigInt, 0, "Made, seconds since the epoch; 0 where the file system does not keep it."),
    column("hard_links", Type::Integer, 0, "Number of names."),
    column("symlink", Type::Integer, 0, "1 for a symbolic link, else 0."),
    column("type", Type::Text, 0, "regular, directory, character, block, fifo, socket or unknown; of a link's target."),
    column("symlink_target_path", Type::Text, 0, "Where a symbolic link leads in the end."),
    elsewhere("attributes", Type::Text),
    elsewhere("volume_serial", Type::Text),
    elsewhere("file_id", Type::Text),
    Column { collate: "VERSION", ..elsewhere("file_version", Type::Text) },
    Column { collate: "VERSION", ..elsewhere("product_version", Type::Text) },
    elsewhere("original_filename", Type::Text),
    elsewhere("shortcut_target_path", Type::Text),
    elsewhere("shortcut_target_type", Type::Text),
    elsewhere("shortcut_target_location", Type::Text),
    elsewhere("shortcut_start_in", Type::Text),
    elsewhere("shortcut_run", Type::Text),
    elsewhere("shortcut_comment", Type::Text),
    elsewhere("bsd_flags", Type::Text),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Process as which to see files; 0: this one."),
    column("mount_namespace_id", Type::Text, HIDDEN, "That process's mount namespace."),
];

const PATH: usize = 0;
const DIRECTORY: usize = 1;
const FILENAME: usize = 2;
const INODE: usize = 3;
const TYPE: usize = 16;
const TARGET: usize = 17;
const PID: usize = 31;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "file",
    help: "What is known of files by path or pattern, as stat(1) says it",
    columns: COLUMNS,
    open: |query| {
        let namespace = Namespace::of(&query, PID);
        let (stated, typed) = ((INODE..TYPE).any(|column| query.wants(column)), query.wants(TYPE));
        let walk =
            Walk::new(&query.context, asked(&query, PATH, Some(DIRECTORY)), namespace.pid()).looking_ahead(stated);
        Ok(Box::new(Scan { walk, namespace, stated, typed }))
    },
};

struct Scan {
    walk: Walk,
    namespace: Namespace,
    /// A column is wanted that only statx tells.
    stated: bool,
    /// The type is wanted, which often comes with the name.
    typed: bool,
}

impl Scan {
    /// Looks at it and, if it is a link, at what it leads to; false: it has gone.
    fn look(&mut self) -> bool {
        match self.walk.status(false).map(|status| status.kind) {
            Ok(Kind::Link) => {
                let _ = self.walk.status(true);
                true
            }
            found => found.is_ok(),
        }
    }

    fn is_link(&mut self) -> bool {
        match self.walk.kind() {
            Kind::Unknown => self.walk.status(false).is_ok_and(|status| status.kind == Kind::Link),
            kind => kind == Kind::Link,
        }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Regular => "regular",
        Kind::Directory => "directory",
        Kind::Character => "character",
        Kind::Block => "block",
        Kind::Fifo => "fifo",
        Kind::Socket => "socket",
        // A link that leads nowhere.
        Kind::Link | Kind::Unknown => "unknown",
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while self.walk.advance()? {
            let needed = self.stated || self.typed && matches!(self.walk.kind(), Kind::Link | Kind::Unknown);
            // What has gone since its name was read is skipped.
            if !needed || self.look() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let number = |pick: fn(&Status) -> i64| Value::from(self.walk.seen().map(pick));
        Ok(match column {
            PATH => Value::Text(self.walk.path()),
            DIRECTORY => Value::Text(self.walk.directory()),
            FILENAME => Value::text(self.walk.filename()),
            INODE => number(|status| status.inode as i64),
            4 => number(|status| status.uid.into()),
            5 => number(|status| status.gid.into()),
            6 => Value::text(self.walk.seen().map_or(String::new(), |status| format!("{:04o}", status.mode))),
            7 => number(|status| status.node_device as i64),
            8 => number(|status| status.bytes as i64),
            9 => number(|status| status.block_bytes.into()),
            10 => number(|status| status.accessed),
            11 => number(|status| status.modified),
            12 => number(|status| status.changed),
            13 => number(|status| status.born),
            14 => number(|status| status.links.into()),
            15 => i64::from(self.is_link()).into(),
            TYPE => Value::text(name_of(self.walk.seen().map_or(self.walk.kind(), |status| status.kind))),
            TARGET => Value::Text(self.walk.target()),
            PID => self.namespace.pid().unwrap_or(0).into(),
            _ => Value::text(self.namespace.id()),
        })
    }

    fn lying(&self, column: usize) -> Option<&[u8]> {
        match column {
            PATH => self.walk.lying_path(),
            FILENAME => Some(self.walk.filename()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
