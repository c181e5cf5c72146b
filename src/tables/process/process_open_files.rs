//! `process_open_files`: open files, directories and devices of processes, from the links in /proc/PID/fd. Sockets,
//! pipes and what has no name at all (anon_inode) are left out. Only the owner and root may read them. One row at a
//! time, one readlink each.

use super::living::{Descriptor, Descriptors, Living};
use crate::sql::table::{Column, Cursor, INDEX, LISTS, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("pid", Type::BigInt, INDEX | LISTS, "Process id."),
    column("fd", Type::BigInt, 0, "File descriptor."),
    column("path", Type::Text, 0, "The file's path, with ` (deleted)` after it once it is removed."),
];

const PID: usize = 0;
const FD: usize = 1;
/// The kernel gives no more of a path than a page (`fs/proc/base.c: do_proc_readlink`).
const PATH_BYTES: usize = 4096;
const NO_FILES: [&[u8]; 3] = [b"socket:[", b"pipe:[", b"anon_inode:"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_open_files",
    help: "Open files of running processes",
    columns: COLUMNS,
    open: |query| {
        let descriptors = Descriptors::of(Living::of(&query, PID), PATH_BYTES);
        Ok(Box::new(Scan { descriptors, pid: 0, fd: 0, path: Vec::new() }))
    },
};

struct Scan {
    descriptors: Descriptors,
    pid: u32,
    fd: u32,
    path: Vec<u8>,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while let Some(Descriptor { pid, fd, link, .. }) = self.descriptors.next() {
            if !NO_FILES.iter().any(|prefix| link.starts_with(prefix)) {
                (self.pid, self.fd) = (pid, fd);
                self.path.clear();
                self.path.extend_from_slice(link);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            PID => i64::from(self.pid).into(),
            FD => i64::from(self.fd).into(),
            _ => Value::text(&self.path),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};
    use std::collections::BTreeSet;
    use std::fs::{self, File};
    use std::os::fd::AsRawFd;

    #[test]
    fn files_but_no_sockets_or_pipes() {
        let tree = Tree::new("open-files");
        tree.link("/proc/8/fd/0", "/dev/null").link("/proc/8/fd/1", "pipe:[5]").link("/proc/8/fd/2", "socket:[6]");
        tree.link("/proc/8/fd/3", "anon_inode:[eventpoll]").link("/proc/8/fd/10", "/tmp/pipe:[1]\n(deleted)");
        tree.link("/proc/8/fd/11", "net:[4026531840]").file("/proc/8/fd/12", "").link("/proc/8/fd/x", "/x");
        tree.file("/proc/9/fd", "").file("/proc/10/stat", "").link("/proc/11/fd/4", "/four");
        let wanted =
            [["8", "0", "/dev/null"], ["8", "10", "/tmp/pipe:[1]\n(deleted)"], ["8", "11", "net:[4026531840]"]];
        assert_eq!(tree.rows("SELECT * FROM process_open_files WHERE pid = 8 ORDER BY fd"), wanted);
        assert_eq!(tree.rows("SELECT pid FROM process_open_files WHERE path = '/four'"), [["11"]]);
        assert_eq!(tree.rows("SELECT count(*) FROM process_open_files"), [["4"]]);
    }

    #[test]
    fn our_own_files_are_what_their_links_say() {
        let tree = Tree::new("open-files-live");
        tree.file("/kept", "").file("/removed name", "");
        let kept = File::open(tree.place("/kept")).unwrap();
        let removed = File::open(tree.place("/removed name")).unwrap();
        fs::remove_file(tree.place("/removed name")).unwrap();
        let sql = format!("SELECT fd, path FROM process_open_files WHERE pid = {}", std::process::id());
        let found: BTreeSet<_> = rows("", &sql).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        for (file, name) in [(&kept, "kept"), (&removed, "removed name (deleted)")] {
            let path = tree.path().canonicalize().unwrap().join(name).display().to_string();
            assert!(found.contains(&(file.as_raw_fd().to_string(), path.clone())), "{path} in {found:?}");
        }
    }
}
