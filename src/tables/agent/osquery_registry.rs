//! `osquery_registry`: what there is of each kind of plugin; fleet managers look here for the tables that a host has. All
//! of it is built in and active.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::tables::registry::TABLES;

const COLUMNS: &[Column] = &[
    column("registry", Type::Text, 0, "Kind: table, config, logger, …"),
    column("name", Type::Text, 0, "Name."),
    column("owner_uuid", Type::Integer, 0, "Number of the extension it belongs to; 0: the core."),
    column("internal", Type::Integer, 0, "1 if it is about the agent itself."),
    column("active", Type::Integer, 0, "1: it can be used."),
];

/// All but tables.
const OTHERS: [(&str, &str); 5] = [
    ("config", "filesystem"),
    ("event_publisher", "auditeventpublisher"),
    ("event_subscriber", "process_events"),
    ("logger", "filesystem"),
    ("sql", "sql"),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_registry",
    help: "Tables and other plugins there are",
    columns: COLUMNS,
    open: |_| {
        let row = |registry: &str, name: &str, internal: bool| {
            let numbers = [0, i64::from(internal), 1].map(Value::Integer);
            [Value::text(registry), Value::text(name)].into_iter().chain(numbers).collect()
        };
        // These osquery registers as its own.
        let is_internal = |name: &str| name.starts_with("osquery_") || matches!(name, "file" | "time");
        let others = OTHERS.iter().map(|(registry, name)| row(registry, name, false));
        let tables = TABLES.iter().map(|table| row("table", table.name, is_internal(table.name)));
        Ok(Rows::of(others.chain(tables).collect()))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::rows;
    use crate::tables::registry::TABLES;

    #[test]
    fn a_fleet_managers_question_is_answered() {
        let sql = "SELECT 1 FROM osquery_registry WHERE active = true AND registry = 'table' AND name = ";
        assert_eq!(rows("", &format!("{sql}'processes'")), [["1"]]);
        assert!(rows("", &format!("{sql}'apps'")).is_empty());
        let count = TABLES.len().to_string();
        assert_eq!(rows("", "SELECT count(*) FROM osquery_registry WHERE registry = 'table'"), [[count]]);
    }
}
