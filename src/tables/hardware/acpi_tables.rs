//! `acpi_tables`: the ACPI tables that the firmware left and the kernel shows in /sys/firmware/acpi/tables and its
//! subdirectories, with an MD5 of each so that a change shows. Their bytes are for root: else `size` is -1 and `md5`
//! empty. Cost: each table is read once, 16 KiB at a time, if its size or sum is wanted. Bound: two levels of
//! directories, and 64 MiB of a table.

use crate::sql::digest::{self, Digest, Wanted};
use crate::sql::table::{Column, Each, Query, Table, Type, Value, column};
use crate::sys::root::{Names, Root};
use std::io::Read;
use std::path::{Path, PathBuf};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name of the table: DSDT, SSDT1."),
    column("size", Type::Integer, 0, "Bytes; -1: it cannot be read."),
    Column { collate: "NOCASE", ..column("md5", Type::Text, 0, "MD5 of all its bytes; empty: it cannot be read.") },
];

const PLACE: &str = "/sys/firmware/acpi/tables";
/// Levels of directories below it.
const DEEPEST: usize = 2;
/// Most that is read of a table, bytes.
const MOST_BYTES: u64 = 64 << 20;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "acpi_tables",
    help: "ACPI tables of the firmware",
    columns: COLUMNS,
    open: |query| Ok(Each::of(rows(query))),
};

fn rows(query: Query) -> impl FnMut() -> Option<Vec<Value>> {
    let mut begun: Vec<(Names, PathBuf)> = vec![(query.context.root.names(PLACE), PLACE.into())];
    let wants_bytes = query.wants(1) || query.wants(2);
    move || {
        let root = &query.context.root;
        while let Some((names, directory)) = begun.last_mut() {
            let Some(name) = names.next() else {
                begun.pop();
                continue;
            };
            let path = directory.join(&name);
            let Ok(status) = root.symlink_metadata(&path) else { continue };
            if status.is_dir() && begun.len() <= DEEPEST {
                begun.push((root.names(&path), path));
            } else if status.is_file() {
                let read = if wants_bytes { sum(root, &path) } else { None };
                let (size, md5) = read.unwrap_or((-1, vec![]));
                return Some(vec![Value::text(name.as_encoded_bytes()), Value::Integer(size), Value::Text(md5)]);
            }
        }
        None
    }
}

/// Size and MD5 of a file.
fn sum(root: &Root, path: &Path) -> Option<(i64, Vec<u8>)> {
    let mut file = root.open(path).ok()?.take(MOST_BYTES);
    let (mut digest, mut size) = (Digest::new(Wanted { md5: true, ..Wanted::default() }), 0);
    let mut piece = vec![0; 16 << 10];
    loop {
        let count = file.read(&mut piece).ok()?;
        if count == 0 {
            return Some((size, digest::hex(&digest.finish().md5?)));
        }
        digest.update(piece.get(..count)?);
        size += count as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::PLACE;
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn tables_and_subdirectories() {
        let tree = Tree::new("acpi");
        let sql = "select * from acpi_tables order by name";
        assert!(tree.rows(sql).is_empty());
        tree.file(format!("{PLACE}/DSDT"), "abc").file(format!("{PLACE}/dynamic/SSDT6"), "");
        tree.file(format!("{PLACE}/a/b/c/d"), "too deep").link(format!("{PLACE}/data"), "..");
        let wanted =
            [["DSDT", "3", "900150983cd24fb0d6963f7d28e17f72"], ["SSDT6", "0", "d41d8cd98f00b204e9800998ecf8427e"]];
        assert_eq!(tree.rows(sql), wanted);
    }

    #[test]
    fn this_machine() {
        let script = "cd /sys/firmware/acpi/tables && find . -type f | sort | xargs md5sum";
        match host("sh", &["-c", script]) {
            Some(said) if !said.trim().is_empty() => {
                let mut wanted: Vec<_> = said
                    .lines()
                    .filter_map(|line| line.split_once("  "))
                    .map(|(sum, path)| format!("{} {sum}", path.rsplit('/').next().unwrap()))
                    .collect();
                wanted.sort();
                assert_eq!(rows("", "select name || ' ' || md5 as l from acpi_tables order by l").concat(), wanted);
            }
            _ => println!("skipped: needs ACPI and root"),
        }
    }
}
