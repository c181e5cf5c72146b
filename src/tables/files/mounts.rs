//! `mounts`: mounted file systems from /proc/mounts, with what statfs(2) says of each; that is asked only for the columns
//! that need it, because a file system on a server that is gone makes whoever asks wait. One row a line.

use super::walk::Walk;
use crate::procfs::mounts::{parse, unescaped};
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column};
use crate::sys::filesystem::{self, Figures};
use crate::sys::root::Lines;
use std::os::fd::AsFd;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("device", Type::Text, 0, "What is mounted: a device's node, a server's directory, or a name."),
    column("device_alias", Type::Text, 0, "The device's node where links lead to it: /dev/dm-0."),
    column("path", Type::Text, 0, "Where it is mounted."),
    column("type", Type::Text, 0, "Kind of file system."),
    column("blocks_size", Type::BigInt, 0, "Bytes of a block."),
    column("blocks", Type::BigInt, 0, "Its size in blocks."),
    column("blocks_free", Type::BigInt, 0, "Free blocks."),
    column("blocks_available", Type::BigInt, 0, "Blocks free to those who are not root."),
    column("inodes", Type::BigInt, 0, "Inodes."),
    column("inodes_free", Type::BigInt, 0, "Free inodes."),
    column("flags", Type::Text, 0, "Options with which it is mounted."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "mounts",
    help: "Mounted file systems, their size and what is free",
    columns: COLUMNS,
    open: |query| {
        let context = query.context.clone();
        let lines = context.root.lines("/proc/mounts").ok();
        Ok(Box::new(Scan { context, lines, parts: Default::default(), figures: None }))
    },
};

struct Scan {
    context: Rc<Context>,
    lines: Option<Lines>,
    /// Device, path, type, options.
    parts: [Vec<u8>; 4],
    /// Of the row, once they were asked for.
    figures: Option<Option<Figures>>,
}

impl Scan {
    fn alias(&self, device: &[u8]) -> Vec<u8> {
        let target = match device.starts_with(b"/") {
            true => Walk::to(&self.context, device, None).map(|mut walk| walk.target()).unwrap_or_default(),
            false => Vec::new(),
        };
        if target.starts_with(b"/") { target } else { device.to_vec() }
    }

    fn figures(&mut self) -> Option<Figures> {
        if self.figures.is_none() {
            let [_, path, _, _] = &self.parts;
            let fd = Walk::to(&self.context, path, None).and_then(|walk| walk.open_path(libc::O_PATH).ok());
            self.figures = Some(fd.and_then(|fd| filesystem::figures(fd.as_fd()).ok()));
        }
        self.figures.flatten()
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.figures = None;
        let Some(lines) = &mut self.lines else { return Ok(false) };
        while let Some(line) = lines.next_line() {
            if let Some(mount) = parse(line) {
                self.parts = [mount.device, mount.path, mount.kind, mount.options].map(unescaped);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let [device, path, kind, options] = &self.parts;
        match column {
            0 => return Ok(Value::text(device)),
            1 => return Ok(Value::Text(self.alias(device))),
            2 => return Ok(Value::text(path)),
            3 => return Ok(Value::text(kind)),
            10 => return Ok(Value::text(options)),
            _ => {}
        }
        let number = |figures: Figures| match column {
            4 => figures.block_bytes,
            5 => figures.blocks,
            6 => figures.free,
            7 => figures.available,
            8 => figures.inodes,
            _ => figures.inodes_free,
        };
        Ok(self.figures().map(number).into())
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines_are_rows_and_links_lead_to_devices() {
        let tree = Tree::new("mounts");
        let text = "/dev/mapper/vg-root / ext4 rw 0 0\nproc /proc proc rw,nosuid 0 0\nbroken\n\n\
                    //server/a\\040b /mnt/x\\012y cifs ro 0 0\n/dev/sda1 /missing vfat rw 0 0\n";
        tree.file("proc/mounts", text).file("dev/dm-0", "").link("dev/mapper/vg-root", "../dm-0");
        let found = tree.rows("SELECT device, device_alias, path, type, flags FROM mounts");
        let wanted = [
            ["/dev/mapper/vg-root", "/dev/dm-0", "/", "ext4", "rw"],
            ["proc", "proc", "/proc", "proc", "rw,nosuid"],
            ["//server/a b", "//server/a b", "/mnt/x\ny", "cifs", "ro"],
            ["/dev/sda1", "/dev/sda1", "/missing", "vfat", "rw"],
        ];
        assert_eq!(found, wanted);
        assert_eq!(tree.rows("SELECT blocks FROM mounts WHERE path = '/missing'"), [["NULL"]]);
    }

    #[test]
    fn figures_are_those_of_stat() {
        let sql = "SELECT blocks_size, blocks, inodes FROM mounts WHERE path =";
        for path in ["/", "/proc", "/dev"] {
            let Some(theirs) = host("stat", &["-f", "-c", "%s %b %c", path]) else {
                return println!("skipped: needs stat");
            };
            let ours = rows("", &format!("{sql} '{path}'"));
            if let Some(row) = ours.last() {
                assert_eq!(row.join(" "), theirs.trim(), "{path}");
            }
        }
        let free =
            rows("", "SELECT blocks_free >= blocks_available AND blocks >= blocks_free FROM mounts WHERE path = '/'");
        assert!(free.iter().all(|row| row == &["1"]), "{free:?}");
    }

    #[test]
    fn the_hosts_mounts_are_those_of_findmnt() {
        let Some(theirs) = host("findmnt", &["-rn", "-v", "-o", "TARGET,FSTYPE"]) else {
            return println!("skipped: needs findmnt");
        };
        let mut theirs: Vec<_> = theirs.lines().map(str::to_string).collect();
        let mut ours: Vec<_> = rows("", "SELECT path, type FROM mounts").into_iter().map(|row| row.join(" ")).collect();
        theirs.sort();
        ours.sort();
        assert_eq!(ours, theirs);
    }
}
