//! `process_open_pipes`: pipes and FIFOs that processes have open, and who has the other end, from the links in
//! /proc/PID/fd and what they lead to. Only the owner and root may read them.
//!
//! A row is a descriptor and one descriptor of another mode on the same pipe; where there is none the partner is NULL.
//! All descriptors are gathered first, 16 bytes each; the rows are made one at a time, for a pipe that n processes
//! write and m read has 2·n·m of them. A readlink for each descriptor, a stat for each path, two for each pipe.

use super::living::{Descriptor, Descriptors, Held, Holder, Living, sort};
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column};
use crate::sys::dir::Name;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("pid", Type::BigInt, 0, "Process id."),
    column("fd", Type::BigInt, 0, "File descriptor."),
    column("mode", Type::Text, 0, "How it is open: r, w or rw; - if that cannot be seen."),
    column("inode", Type::BigInt, 0, "Inode of the pipe."),
    column("type", Type::Text, 0, "named for a FIFO of the file system, else anonymous."),
    column("partner_pid", Type::BigInt, 0, "A process that has it open in another mode."),
    column("partner_fd", Type::BigInt, 0, "Its file descriptor."),
    column("partner_mode", Type::Text, 0, "How it has it open."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_open_pipes",
    help: "Open pipes of running processes, and their other ends",
    columns: COLUMNS,
    open: |query| {
        let mut held = Held::new(&query.context);
        Ok(Box::new(Scan::over(Ends::of(&query.context, &mut held)?, held)))
    },
};

const READ: u8 = 1;
const WRITE: u8 = 2;

/// In a key: no inode of an anonymous pipe, but an index into the FIFOs.
const NAMED: u64 = 1 << 63;
/// In a descriptor's number, where the numbers themselves never reach.
const MODE_SHIFT: u32 = 30;

/// All ends of pipes, sorted, and the FIFOs among them, device and inode.
#[derive(Default)]
struct Ends {
    ends: Vec<Holder>,
    fifos: Vec<((u32, u32), u64)>,
}

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    key: u64,
    pid: u32,
    fd: u32,
    /// [`READ`], [`WRITE`].
    mode: u8,
}

impl End {
    fn mode(&self) -> &'static str {
        match self.mode {
            READ => "r",
            WRITE => "w",
            0 => "-",
            _ => "rw",
        }
    }
}

impl Ends {
    fn of(context: &Rc<Context>, held: &mut Held) -> Result<Self, TableError> {
        // The longest link that must be seen whole is `pipe:[INODE]`.
        let mut descriptors = Descriptors::of(Living::all(context), 64);
        let mut ends = Ends::default();
        let mut last = 0;
        while let Some(descriptor) = descriptors.next() {
            ends.add(&descriptor);
            if std::mem::replace(&mut last, descriptor.pid) != descriptor.pid {
                held.grow(ends.ends.capacity() * size_of::<Holder>())?;
            }
        }
        sort(&mut ends.ends);
        Ok(ends)
    }

    /// The descriptor, if it is a pipe's.
    fn add(&mut self, descriptor: &Descriptor<'_>) -> Option<()> {
        let Descriptor { pid, fd, link, dir } = *descriptor;
        let name = Name::number(fd);
        let key = if link.starts_with(b"/") {
            let status = dir.status(&name, true).ok()?;
            if status.mode & libc::S_IFMT != libc::S_IFIFO {
                return None;
            }
            self.fifo((status.device, status.inode))
        } else {
            let inode = link.strip_prefix(b"pipe:[")?.strip_suffix(b"]")?;
            std::str::from_utf8(inode).ok()?.parse::<u64>().ok()? & !NAMED
        };
        // The link itself is readable and writable as the descriptor is.
        let link = dir.status(&name, false).map_or(0, |status| status.mode);
        let bit = |mask, bit| if link & mask != 0 { u32::from(bit) } else { 0 };
        let mode = bit(libc::S_IRUSR, READ) | bit(libc::S_IWUSR, WRITE);
        self.ends.push(Holder { key, pid, fd: fd | mode << MODE_SHIFT });
        Some(())
    }

    /// The key of a FIFO. There are few.
    fn fifo(&mut self, fifo: ((u32, u32), u64)) -> u64 {
        let index = self.fifos.iter().position(|other| *other == fifo).unwrap_or(self.fifos.len());
        if index == self.fifos.len() {
            self.fifos.push(fifo);
        }
        NAMED | index as u64
    }

    fn get(&self, index: usize) -> Option<End> {
        let Holder { key, pid, fd } = *self.ends.get(index)?;
        Some(End { key, pid, fd: fd & ((1 << MODE_SHIFT) - 1), mode: (fd >> MODE_SHIFT) as u8 })
    }

    fn inode(&self, key: u64) -> u64 {
        let fifo = usize::try_from(key & !NAMED).ok().and_then(|index| self.fifos.get(index));
        fifo.filter(|_| key & NAMED != 0).map_or(key, |(_, inode)| *inode)
    }
}

struct Scan {
    ends: Ends,
    _held: Held,
    /// The ends of one pipe.
    pipe: (usize, usize),
    /// The end whose partners are being given, and the end that is looked at next.
    at: usize,
    next: usize,
    has_partner: bool,
    row: Option<(End, Option<End>)>,
}

impl Scan {
    fn over(ends: Ends, held: Held) -> Self {
        Scan { ends, _held: held, pipe: (0, 0), at: 0, next: 0, has_partner: false, row: None }
    }

    fn next_row(&mut self) -> Option<(End, Option<End>)> {
        loop {
            let end = self.ends.get(self.at)?;
            if self.at >= self.pipe.1 {
                let rest = self.ends.ends.get(self.at..)?;
                self.pipe = (self.at, self.at + rest.partition_point(|other| other.key == end.key));
                self.next = self.at;
            }
            while let Some(other) = self.ends.get(self.next).filter(|_| self.next < self.pipe.1) {
                self.next += 1;
                if self.next - 1 != self.at && (other.mode != end.mode || end.mode == READ | WRITE) {
                    self.has_partner = true;
                    return Some((end, Some(other)));
                }
            }
            (self.at, self.next) = (self.at + 1, self.pipe.0);
            if !std::mem::take(&mut self.has_partner) {
                return Some((end, None));
            }
        }
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.row = self.next_row();
        Ok(self.row.is_some())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some((end, partner)) = &self.row else { return Ok(Value::Null) };
        Ok(match column {
            0 => i64::from(end.pid).into(),
            1 => i64::from(end.fd).into(),
            2 => Value::text(end.mode()),
            3 => (self.ends.inode(end.key) as i64).into(),
            4 => Value::text(if end.key & NAMED != 0 { "named" } else { "anonymous" }),
            5 => partner.map(|partner| i64::from(partner.pid)).into(),
            6 => partner.map(|partner| i64::from(partner.fd)).into(),
            _ => Value::text(partner.map_or("", |partner| partner.mode())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::started;
    use super::*;
    use crate::sql::testing::{Tree, rows};
    use std::fs::OpenOptions;
    use std::os::fd::AsRawFd;
    use std::process::{Command, Stdio};

    fn pairs(ends: &[(u64, u32, u8)]) -> Vec<(u32, Option<u32>)> {
        let end = |&(key, fd, mode): &(u64, u32, u8)| Holder { key, pid: 1, fd: fd | u32::from(mode) << MODE_SHIFT };
        let mut ends: Vec<_> = ends.iter().map(end).collect();
        sort(&mut ends);
        let mut scan = Scan::over(Ends { ends, fifos: Vec::new() }, Held::new(&Rc::default()));
        std::iter::from_fn(|| scan.next_row().map(|(end, partner)| (end.fd, partner.map(|partner| partner.fd))))
            .collect()
    }

    #[test]
    fn every_end_has_its_partners_or_a_row_without() {
        assert_eq!(pairs(&[]), []);
        assert_eq!(pairs(&[(5, 1, READ)]), [(1, None)]);
        assert_eq!(pairs(&[(5, 1, READ), (5, 2, READ), (6, 3, WRITE)]), [(1, None), (2, None), (3, None)]);
        assert_eq!(pairs(&[(5, 1, READ), (5, 2, WRITE)]), [(1, Some(2)), (2, Some(1))]);
        let both = READ | WRITE;
        let wanted = [(1, Some(3)), (2, Some(3)), (3, Some(1)), (3, Some(2)), (4, Some(5)), (5, Some(4)), (6, None)];
        assert_eq!(
            pairs(&[(5, 1, READ), (5, 2, READ), (5, 3, WRITE), (7, 4, both), (7, 5, both), (8, 6, both)]),
            wanted
        );
    }

    #[test]
    fn a_pipe_of_ours_ends_in_the_child() {
        let mut child = started(Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()));
        let fd = child.stdin.as_ref().unwrap().as_raw_fd();
        let sql = format!(
            "SELECT mode, type, partner_fd, partner_mode FROM process_open_pipes
             WHERE pid = {} AND fd = {fd} AND partner_pid = {}",
            std::process::id(),
            child.id()
        );
        let found = rows("", &sql);
        let back = format!(
            "SELECT mode, partner_mode FROM process_open_pipes WHERE pid = {} AND fd = 0 AND partner_pid = {}",
            child.id(),
            std::process::id()
        );
        let found_back = rows("", &back);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [["w", "anonymous", "0", "r"]]);
        assert!(found_back.contains(&vec!["r".to_string(), "w".to_string()]), "{found_back:?}");
    }

    #[test]
    fn a_fifo_is_named_and_a_file_is_no_pipe() {
        let tree = Tree::new("pipes");
        assert!(Command::new("mkfifo").arg(tree.place("/fifo")).status().is_ok_and(|status| status.success()));
        let fifo = OpenOptions::new().read(true).write(true).open(tree.place("/fifo")).unwrap();
        let sql = format!(
            "SELECT fd, mode, type, inode, partner_pid, partner_mode FROM process_open_pipes
             WHERE pid = {} AND type = 'named'",
            std::process::id()
        );
        let inode = std::os::unix::fs::MetadataExt::ino(&fifo.metadata().unwrap());
        let wanted = [&fifo.as_raw_fd().to_string(), "rw", "named", &inode.to_string(), "NULL", ""].map(str::to_string);
        assert!(rows("", &sql).contains(&wanted.to_vec()), "{:?}", rows("", &sql));
        let place = tree.place("/fifo").display().to_string();
        tree.link("/proc/3/fd/1", "pipe:[77]").link("/proc/3/fd/2", "pipe:[x]").link("/proc/3/fd/3", &place);
        tree.link("/proc/3/fd/4", "/etc/passwd").link("/proc/3/fd/5", "/nonexistent").link("/proc/4/fd/0", "pipe:[77]");
        let wanted = [["3", "1", "77", "4", "0"], ["3", "3", &inode.to_string(), "NULL", "NULL"]];
        let sql = "SELECT pid, fd, inode, partner_pid, partner_fd FROM process_open_pipes WHERE pid = 3 ORDER BY fd";
        assert_eq!(tree.rows(sql), wanted);
    }
}
