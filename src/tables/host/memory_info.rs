//! `memory_info`: what the memory is used for, one row, from /proc/meminfo (proc_meminfo(5)).

use crate::procfs::meminfo;
use crate::sql::table::{Column, Query, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("memory_total", Type::BigInt, 0, "Memory that the kernel manages, bytes."),
    column("memory_free", Type::BigInt, 0, "Unused, bytes."),
    column("memory_available", Type::BigInt, 0, "What programs could get without swapping, bytes; kernels from 3.14."),
    column("buffers", Type::BigInt, 0, "Cache of block devices, bytes."),
    column("cached", Type::BigInt, 0, "Cache of files, bytes."),
    column("swap_cached", Type::BigInt, 0, "In swap and in memory too, bytes."),
    column("active", Type::BigInt, 0, "Used recently, bytes."),
    column("inactive", Type::BigInt, 0, "Not used recently, bytes."),
    column("swap_total", Type::BigInt, 0, "Swap space, bytes."),
    column("swap_free", Type::BigInt, 0, "Unused swap space, bytes."),
];

/// The line of each column.
const NAMES: [&[u8]; 10] = [
    b"MemTotal:",
    b"MemFree:",
    b"MemAvailable:",
    b"Buffers:",
    b"Cached:",
    b"SwapCached:",
    b"Active:",
    b"Inactive:",
    b"SwapTotal:",
    b"SwapFree:",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_info",
    help: "Use of memory and swap in bytes, one row",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(row(&query).into_iter().collect())),
};

fn row(query: &Query) -> Option<Vec<Value>> {
    let text = query.context.root.read("/proc/meminfo").ok()?;
    Some(NAMES.map(|name| meminfo::bytes(&text, name).into()).to_vec())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines_become_bytes_and_missing_ones_null() {
        let tree = Tree::new("memory-info");
        assert!(tree.rows("select * from memory_info").is_empty());
        let text = "MemTotal:  100 kB\nMemFree:  50 kB\nBuffers: 1 kB\nCached: 2 kB\nSwapCached: 3 kB\nActive: 4 kB\n\
            Inactive: x kB\nActive(anon): 9 kB\nSwapTotal: 0 kB\n";
        tree.file("/proc/meminfo", text);
        let wanted = ["102400", "51200", "NULL", "1024", "2048", "3072", "4096", "NULL", "0", "NULL"];
        assert_eq!(tree.rows("select * from memory_info"), [wanted]);
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("free", &["-b"]) else {
            println!("skipped: needs free");
            return;
        };
        let number = |line: usize, word: usize| -> i64 {
            said.lines().nth(line).unwrap().split_ascii_whitespace().nth(word).unwrap().parse().unwrap()
        };
        let ours = rows("", "select memory_total, swap_total, memory_free, memory_available from memory_info");
        let ours: Vec<i64> = ours[0].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(ours[..2], [number(1, 1), number(2, 1)]);
        // Other programs come and go between the two readings.
        let near = |one: i64, two: i64| (one - two).abs() < number(1, 1) / 4;
        assert!(near(ours[2], number(1, 3)) && near(ours[3], number(1, 6)), "{ours:?}\n{said}");
    }
}
