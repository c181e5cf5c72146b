//! What packs once found, by its own small query; needs no packs.

use crate::run::{Bench, User};

/// What a query prints as JSON, and what it says.
fn told(sql: &str) -> (Vec<serde_json::Value>, String) {
    let bench = Bench::new();
    let output = bench.command(User::Caller).args(["query", "--json", "--database", "none.db", "--", sql]).output();
    let output = output.expect("the binary runs");
    let rows = serde_json::from_slice(&output.stdout).expect("JSON");
    (rows, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_version_is_told_without_a_word_about_events() {
    let (rows, said) = told("SELECT version FROM osquery_info");
    assert_eq!((rows.len(), said.as_str()), (1, ""));
    let (rows, said) = told("SELECT instance_id FROM osquery_info");
    assert_eq!(rows[0]["instance_id"], "");
    assert!(said.contains("events.db"), "{said}");
}
