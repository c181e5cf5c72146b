//! What holds for every table: it is described, it is osquery's, and it survives a machine without files.
//!
//! osquery's own description is data kept beside the project (`shared/osquery/tables.json`); where it is not there the
//! comparison says `skipped`, and fails where STEMMA_REQUIRE_AUDIT=1 asks for everything.

use super::registry::TABLES;
use crate::sql::engine::{Engine, Sink};
use crate::sql::table::{ADDITIONAL, Column, ELSEWHERE, HIDDEN, INDEX, OPTIMIZED, REQUIRED, Table};
use crate::sql::testing::Tree;
use crate::sys::root::Root;
use rusqlite::types::ValueRef;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Tables that are ours: osquery has none of the name.
fn is_ours(name: &str) -> bool {
    const OURS: &[&str] = &[
        "apk_packages",
        "busybox_applets",
        "device_tree",
        "file_lines",
        "mtd_partitions",
        "openwrt_config",
        "opkg_packages",
        "process_ancestors",
        "process_ancestry_cache_stats",
        "process_tree",
        "stemma_status",
        "thermal_zones",
        "ubi_volumes",
        "wireless_stations",
        "yara",
    ];
    OURS.contains(&name)
}

/// Columns that we have beyond osquery's, all hidden or at the end: (table, column).
const MORE: &[(&str, &str)] = &[
    ("process_events", "ancestry"),
    ("process_events", "time_ns"),
    ("process_events", "serial"),
    ("process_events", "original_parent"),
    ("process_events", "exit_code"),
    ("process_events", "exit_signal"),
    ("process_events", "duration_ms"),
];

/// Columns by which our table can be asked faster than osquery's.
const INDEXED: &[(&str, &str)] = &[("process_events", "pid"), ("process_events", "eid")];

fn osquerys_tables() -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/osquery/tables.json");
    match std::fs::read(&path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var_os("STEMMA_REQUIRE_AUDIT").is_none(), "osquery's tables.json: {error}");
            println!("skipped: needs osquery's tables.json beside the project");
            None
        }
    }
}

fn shown(table: &str, column: &Column) -> String {
    let column = &Column {
        flags: if INDEXED.contains(&(table, column.name)) { column.flags & !INDEX } else { column.flags },
        ..*column
    };
    let flag = |flag: u16, name: &str| if column.flags & flag != 0 { format!(" {name}") } else { String::new() };
    let flags = [(HIDDEN, "hidden"), (REQUIRED, "required"), (INDEX, "index"), (ADDITIONAL, "additional")];
    let flags: String = flags.map(|(bit, name)| flag(bit, name)).concat();
    let optimized = flag(OPTIMIZED, "optimized");
    format!("{} {} {}{flags}{optimized}", column.name, column.kind.name(), column.collate.to_uppercase())
}

fn wanted(column: &Value) -> String {
    let text = |key: &str| column[key].as_str().unwrap_or("").to_string();
    let flag = |key: &str| if column[key].as_bool() == Some(true) { format!(" {key}") } else { String::new() };
    let flags = ["hidden", "required", "index", "additional", "optimized"].map(flag).concat();
    format!("{} {} {}{flags}", text("name"), text("type").to_uppercase(), text("collate").to_uppercase())
}

#[test]
fn tables_are_osquerys_in_name_type_flags_and_order() {
    let Some(theirs) = osquerys_tables() else { return };
    let mut faults = Vec::new();
    for table in TABLES {
        let Some(their) = theirs.iter().find(|their| their["name"] == table.name) else {
            assert!(is_ours(table.name), "{} is neither osquery's nor said to be ours", table.name);
            continue;
        };
        let osquerys = table.columns.iter().filter(|column| !MORE.contains(&(table.name, column.name)));
        let ours: Vec<_> = osquerys.map(|column| shown(table.name, column)).collect();
        let their: Vec<_> = their["columns"].as_array().unwrap().iter().map(wanted).collect();
        for (index, their) in their.iter().enumerate() {
            let our = ours.get(index).map_or("nothing", String::as_str);
            if our != their {
                faults.push(format!("{} column {index}: ours '{our}', osquery's '{their}'", table.name));
            }
        }
        if ours.len() > their.len() {
            faults.push(format!("{}: {} columns too many", table.name, ours.len() - their.len()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A line that is lost in a merge takes a table away, and nothing else would miss it.
#[test]
fn every_table_of_osquerys_is_built_or_left_out_for_a_reason() {
    let Some(theirs) = osquerys_tables() else { return };
    let is_known = |name: &str| {
        TABLES.iter().any(|table| table.name == name)
            || super::unsupported::UNSUPPORTED.iter().any(|(out, _)| *out == name)
    };
    let lost: Vec<_> =
        theirs.iter().filter_map(|their| their["name"].as_str()).filter(|name| !is_known(name)).collect();
    assert!(lost.is_empty(), "neither built nor left out for a reason: {lost:?}");
}

#[test]
fn every_table_and_column_has_one_line_of_help_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for table in TABLES {
        assert!(names.insert(table.name), "{} is registered twice", table.name);
        let mut columns = BTreeSet::new();
        let texts = table.columns.iter().map(|column| (column.name, column.help));
        for (name, help) in texts.chain([(table.name, table.help)]) {
            assert!(!help.trim().is_empty() && !help.contains('\n'), "{}.{name}: help is one line", table.name);
        }
        for column in table.columns {
            assert!(columns.insert(column.name), "{}.{} stands twice", table.name, column.name);
        }
    }
    let sorted = TABLES.iter().map(|table| table.name);
    assert_eq!(sorted.len(), names.len());
}

struct Nothing(usize);

impl Sink for Nothing {
    fn columns(&mut self, _: &[&str]) {}
    fn row(&mut self, _: &[ValueRef<'_>]) -> bool {
        self.0 += 1;
        self.0 < 10_000
    }
}

/// A query for all columns of a table, hidden ones too, once for each required column (or just once).
fn queries(table: &Table) -> Vec<String> {
    let columns: Vec<_> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let all = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let required: Vec<_> = table.columns.iter().filter(|column| column.flags & REQUIRED != 0).collect();
    if required.is_empty() {
        return vec![all];
    }
    let values = ["/etc/passwd", "/proc", "1", "0"];
    let each = |column: &&Column| values.map(|value| format!("{all} WHERE \"{}\" = '{value}'", column.name));
    required.iter().flat_map(each).collect()
}

/// Runs everything over a root; every failure must be a sentence (an error of the engine), never a panic.
fn survives(root: Root, what: &str) {
    let engine = Engine::over(root, PathBuf::from("/nonexistent/events.db")).unwrap();
    for table in TABLES {
        for sql in queries(table) {
            if let Err(error) = engine.run(&sql, &mut Nothing(0)) {
                assert!(!error.message.is_empty() && !error.message.contains('\n'), "{what}: {sql}: {error:?}");
            }
        }
    }
}

#[test]
fn every_table_survives_an_empty_root() {
    let tree = Tree::new("empty");
    survives(Root::new(tree.path()), "empty root");
    survives(Root::new("/nonexistent/root"), "no root");
}

#[test]
fn every_table_survives_an_unreadable_root() {
    let root = Root::default();
    root.fail_from(1);
    survives(root, "every access fails");
}

#[test]
fn every_table_survives_each_access_failing() {
    for table in TABLES {
        for sql in queries(table) {
            for from in 2..40 {
                let root = Root::default();
                root.fail_from(from);
                let engine = Engine::over(root, PathBuf::from("/nonexistent/events.db")).unwrap();
                let _ = engine.run(&sql, &mut Nothing(0));
                if engine.root().accesses() < from {
                    break;
                }
            }
        }
    }
}

#[test]
fn columns_of_other_platforms_are_hidden() {
    for table in TABLES {
        for column in table.columns.iter().filter(|column| column.flags & ELSEWHERE != 0) {
            assert!(column.flags & HIDDEN != 0, "{}.{}", table.name, column.name);
        }
    }
}
