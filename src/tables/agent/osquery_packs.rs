//! `osquery_packs`: the packs of the configuration; its `schedule` is the pack main. Whether a pack is active is told by its
//! platform and version, and by there being nothing to discover first.

use super::configuration::{self, Pack};
use crate::sql::table::{Column, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("platform", Type::Text, 0, "Platforms it is for; empty: all."),
    Column { collate: "version", ..column("version", Type::Text, 0, "Least version it is for; empty: all.") },
    column("shard", Type::Integer, 0, "Share of the hosts it is for, percent; 0: all."),
    column("discovery_cache_hits", Type::Integer, 0, "Times its discovery need not be asked again."),
    column("discovery_executions", Type::Integer, 0, "Times its discovery was asked."),
    column("active", Type::Integer, 0, "1 if it is for this host."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_packs",
    help: "Query packs of the configuration",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(configuration::packs(&query.context).iter().map(row).collect())),
};

fn row(pack: &Pack) -> Vec<Value> {
    let shard = pack.text("shard").parse().unwrap_or(0);
    let active = pack.is_for_us() && matches!(pack.text("discovery").as_str(), "" | "[]");
    let mut row = [&pack.name, &pack.text("platform"), &pack.text("version")].map(Value::text).to_vec();
    row.extend([shard, 0, 0, i64::from(active)].map(Value::Integer));
    row
}
