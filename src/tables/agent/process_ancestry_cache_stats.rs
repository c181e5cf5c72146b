//! `process_ancestry_cache_stats`: the ancestry cache of the running (or last) agent, one row; none without events.db.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::tables::events::db;

const COLUMNS: &[Column] = &[
    column("cache_hits", Type::BigInt, 0, "Ancestor look-ups answered by the cache."),
    column("cache_misses", Type::BigInt, 0, "Ancestor look-ups that had to go to /proc."),
    column("size", Type::BigInt, 0, "Images in the cache."),
    column("capacity", Type::BigInt, 0, "Images it can hold (process_ancestry_cache_size)."),
    column("evictions", Type::BigInt, 0, "Images that left because it was full."),
    column("expired", Type::BigInt, 0, "Images that left by their TTL."),
    column("unknown_parents", Type::BigInt, 0, "Processes whose parent nobody could name."),
    column("bytes", Type::BigInt, 0, "Memory it takes."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_ancestry_cache_stats",
    help: "Counters of the process ancestry cache",
    columns: COLUMNS,
    open: |query| {
        let row = db::agent(&query.context)?.map(|(n, _)| {
            let values = [
                n.cache_hits,
                n.cache_misses,
                n.cache_size,
                n.cache_capacity,
                n.cache_evictions,
                n.cache_expired,
                n.cache_unknown_parents,
                n.cache_bytes,
            ];
            values.map(Value::Integer).to_vec()
        });
        Ok(Rows::of(row.into_iter().collect()))
    },
};
