//! `osquery_extensions`: extensions that are registered: none but the core, which osquery counts as one.

use crate::config::packs::DIALECT;
use crate::sql::table::{Column, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("uuid", Type::BigInt, 0, "Number of the extension; 0 is the core."),
    column("name", Type::Text, 0, "Name."),
    Column { collate: "version", ..column("version", Type::Text, 0, "Its version.") },
    Column {
        collate: "version",
        ..column("sdk_version", Type::Text, 0, "Version of osquery whose dialect is spoken.")
    },
    column("path", Type::Text, 0, "Its socket; for the core the one that extensions would ask."),
    column("type", Type::Text, 0, "core."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_extensions",
    help: "Extensions: the core alone",
    columns: COLUMNS,
    open: |query| {
        let socket = query.context.flags.text("extensions_socket");
        let mut row = vec![Value::Integer(0)];
        row.extend(["core", env!("CARGO_PKG_VERSION"), DIALECT, socket, "core"].map(Value::text));
        Ok(Rows::of(vec![row]))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::rows;

    #[test]
    fn the_core_is_one() {
        let wanted = ["0", "core", env!("CARGO_PKG_VERSION"), "5.23.0", "/var/osquery/osquery.em", "core"];
        assert_eq!(rows("", "SELECT * FROM osquery_extensions"), [wanted]);
    }
}
