//! `memory_map`: what lies where in the address space, from /proc/iomem (`kernel/resource.c`), a line at a time:
//! devices and memory, a region before the regions in it; where the kernel has no such file, the firmware's own map
//! from /sys/firmware/memmap (`drivers/firmware/memmap.c`). Addresses are 0 for all but root.

use crate::sql::table::{Column, Cursor, Each, Query, Rows, Table, Type, Value, column};
use crate::sys::root::{Lines, Root};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "What lies there."),
    column("start", Type::Text, 0, "First address, hexadecimal."),
    column("end", Type::Text, 0, "Last address, hexadecimal."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_map",
    help: "Regions of the address space",
    columns: COLUMNS,
    open: |query| {
        Ok(match query.context.root.lines("/proc/iomem") {
            Ok(lines) => of_kernel(lines),
            Err(_) => of_firmware(&query),
        })
    },
};

/// `  start-end : name`, two spaces more for each level.
fn of_kernel(mut lines: Lines) -> Box<dyn Cursor> {
    Each::of(move || {
        loop {
            if let Some(row) = row(lines.next_line()?) {
                return Some(row);
            }
        }
    })
}

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let line = line.trim_ascii_start();
    let colon = memchr::memmem::find(line, b" : ")?;
    let range = line.get(..colon)?;
    let dash = memchr::memchr(b'-', range)?;
    let address = |digits: &[u8]| Value::Text([b"0x", digits].concat());
    Some(vec![Value::text(line.get(colon + 3..)?), address(range.get(..dash)?), address(range.get(dash + 1..)?)])
}

/// One directory per region, with the files `type`, `start` and `end`.
fn of_firmware(query: &Query) -> Box<dyn Cursor> {
    let root: &Root = &query.context.root;
    // A firmware's map has some dozen regions, 128 in the oldest form at most.
    let mut regions: Vec<_> = root.names("/sys/firmware/memmap").take(4096).collect();
    regions.sort_by_key(|name| (name.len(), name.clone()));
    let rows = regions.into_iter().filter_map(|region| {
        let text = |file| root.line(std::path::Path::new("/sys/firmware/memmap").join(&region).join(file));
        let row = ["type", "start", "end"].map(text);
        (!row[1].is_empty()).then(|| row.map(Value::Text).to_vec())
    });
    Rows::of(rows.collect())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn regions_within_regions() {
        let tree = Tree::new("memory-map");
        assert!(tree.rows("select * from memory_map").is_empty());
        for (region, kind, start, end) in
            [("10", "ACPI Tables", "0xbffdf000", "0xbfffffff"), ("2", "System RAM", "0x100000", "0xbffdefff")]
        {
            for (file, text) in [("type", kind), ("start", start), ("end", end)] {
                tree.file(format!("/sys/firmware/memmap/{region}/{file}"), format!("{text}\n"));
            }
        }
        let wanted = [["System RAM", "0x100000", "0xbffdefff"], ["ACPI Tables", "0xbffdf000", "0xbfffffff"]];
        assert_eq!(tree.rows("select * from memory_map"), wanted);
        let text = "00001000-0009fbff : System RAM\n  c0000000-cfffffff : PCI ECAM 0000 [bus 00-7f]\nnonsense\n1 : x\n\n\
            100000000-23fffffff : a - b : c\n";
        tree.file("/proc/iomem", text);
        let wanted = [
            ["System RAM", "0x00001000", "0x0009fbff"],
            ["PCI ECAM 0000 [bus 00-7f]", "0xc0000000", "0xcfffffff"],
            ["a - b : c", "0x100000000", "0x23fffffff"],
        ];
        assert_eq!(tree.rows("select * from memory_map"), wanted);
    }

    #[test]
    fn this_machine() {
        let Ok(text) = std::fs::read_to_string("/proc/iomem") else {
            println!("skipped: needs /proc/iomem");
            return;
        };
        let wanted: Vec<_> = text.lines().map(|line| line.trim().to_string()).collect();
        let ours = rows("", "select substr(start, 3) || '-' || substr(end, 3) || ' : ' || name from memory_map");
        assert_eq!(ours.concat(), wanted);
    }
}
