//! `mtd_partitions`: partitions of raw flash, from /sys/class/mtd/mtdN (`Documentation/ABI/testing/sysfs-class-mtd`),
//! a partition at a time; where the kernel has no such files, from /proc/mtd (`drivers/mtd/mtdcore.c:
//! mtd_proc_show`), which says less.

use super::sysfs;
use crate::sql::table::{Column, Cursor, Each, Query, Table, Type, Value, column};
use crate::sys::root::{Lines, Root};
use std::ffi::OsString;

const COLUMNS: &[Column] = &[
    column("device", Type::Text, 0, "Name of the device: mtd0."),
    column("name", Type::Text, 0, "What the partition is called: u-boot, rootfs."),
    column("type", Type::Text, 0, "nor, nand, ram, rom, dataflash, ubi …"),
    column("size", Type::BigInt, 0, "Bytes."),
    column("erase_size", Type::BigInt, 0, "Bytes that are erased at once."),
    column("write_size", Type::BigInt, 0, "Fewest bytes that are written at once."),
    column("writable", Type::Integer, 0, "1 if it may be written, 0 if not."),
    column("bad_blocks", Type::Integer, 0, "Blocks that are broken; NULL on kernels before 4.2."),
    column("corrected_bits", Type::BigInt, 0, "Bit errors that were corrected; NULL: unknown."),
    column("ecc_failures", Type::BigInt, 0, "Errors that could not be corrected; NULL: unknown."),
];

const PLACE: &str = "/sys/class/mtd";
/// Flag of what may be written (include/uapi/mtd/mtd-abi.h: MTD_WRITEABLE).
const WRITEABLE: u64 = 0x400;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "mtd_partitions",
    help: "Partitions of raw flash memory",
    columns: COLUMNS,
    open: |query| {
        let lines = if query.context.root.exists(PLACE) { None } else { query.context.root.lines("/proc/mtd").ok() };
        Ok(match lines {
            Some(lines) => of_proc(lines),
            None => sysfs::in_batches(query, PLACE, rows),
        })
    },
};

fn rows(query: &Query, names: Vec<OsString>) -> Vec<Vec<Value>> {
    let root: &Root = &query.context.root;
    // Besides mtd0 there is mtd0ro, the same for reading only.
    let devices = names.iter().filter_map(|name| {
        let name = name.to_str()?;
        name.strip_prefix("mtd")?.parse::<u32>().ok().map(|_| name)
    });
    let row = |device: &str| {
        let path = |file: &str| format!("{PLACE}/{device}/{file}");
        let number = |file: &str| Value::from(sysfs::number(root, &path(file)));
        let writable = sysfs::hex(&root.line(path("flags"))).map(|flags| i64::from(flags & WRITEABLE != 0));
        vec![
            Value::text(device),
            sysfs::text(root, &path("name")),
            sysfs::text(root, &path("type")),
            number("size"),
            number("erasesize"),
            number("writesize"),
            writable.into(),
            number("bad_blocks"),
            number("corrected_bits"),
            number("ecc_failures"),
        ]
    };
    devices.map(row).collect()
}

/// `mtd0: 00040000 00010000 "u-boot"`, after a line of titles.
fn of_proc(mut lines: Lines) -> Box<dyn Cursor> {
    let row = |line: &[u8]| {
        let mut words = line.splitn(4, |&byte| byte == b' ');
        let device = words.next()?.strip_suffix(b":")?;
        let (size, erase) = (sysfs::hex(words.next()?)?, sysfs::hex(words.next()?)?);
        let name = words.next()?.trim_ascii();
        let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
        let [size, erase] = [size, erase].map(|bytes| Value::from(i64::try_from(bytes).ok()));
        Some(vec![Value::text(device), Value::text(name), Value::text(""), size, erase])
    };
    Each::of(move || {
        loop {
            if let Some(row) = row(lines.next_line()?) {
                return Some(row);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn partitions_of_a_router() {
        let tree = Tree::new("mtd");
        assert!(tree.rows("select * from mtd_partitions").is_empty());
        let text = "dev:    size   erasesize  name\nmtd0: 00040000 00010000 \"u-boot\"\nmtd5: 00fb0000 00010000 \"fs \"a\"\"\nmtd6: x\n";
        tree.file("/proc/mtd", text);
        let wanted = [["mtd0", "u-boot", "262144", "65536", "NULL"], ["mtd5", "fs \"a\"", "16449536", "65536", "NULL"]];
        assert_eq!(tree.rows("select device, name, size, erase_size, bad_blocks from mtd_partitions"), wanted);
        for (file, text) in [
            ("name", "rootfs"),
            ("type", "nand"),
            ("size", "16449536"),
            ("erasesize", "131072"),
            ("writesize", "2048"),
            ("flags", "0x400"),
            ("bad_blocks", "2"),
            ("corrected_bits", "17"),
            ("ecc_failures", "0"),
        ] {
            tree.file(format!("/sys/class/mtd/mtd1/{file}"), format!("{text}\n"));
            tree.file(format!("/sys/class/mtd/mtd1ro/{file}"), format!("{text}\n"));
        }
        tree.file("/sys/class/mtd/mtd0/flags", "0x0\n");
        let wanted = [
            ["mtd0", "", "", "NULL", "NULL", "NULL", "0", "NULL", "NULL", "NULL"],
            ["mtd1", "rootfs", "nand", "16449536", "131072", "2048", "1", "2", "17", "0"],
        ];
        assert_eq!(tree.rows("select * from mtd_partitions"), wanted);
    }

    #[test]
    fn this_machine() {
        let Ok(text) = std::fs::read_to_string("/proc/mtd") else {
            println!("skipped: needs flash memory");
            assert!(rows("", "select * from mtd_partitions").is_empty());
            return;
        };
        let mut wanted: Vec<_> = text.lines().skip(1).map(|line| line.split(':').next().unwrap().to_string()).collect();
        wanted.sort();
        assert_eq!(rows("", "select device from mtd_partitions order by device").concat(), wanted);
    }
}
