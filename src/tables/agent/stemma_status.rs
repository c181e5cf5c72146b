//! `stemma_status`: what the running (or last) agent reads from, what it lost and what it costs; one row, none without
//! events.db. The numbers are those of [`Numbers`], by the same names.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::store::status::Numbers;
use crate::sys::process;
use crate::tables::events::db;

const TEXTS: usize = 5;
const COUNT: usize = TEXTS + Numbers::NAMES.len();

// Evaluated by the compiler: an index out of range would not compile.
#[allow(clippy::indexing_slicing)]
const fn columns() -> [Column; COUNT] {
    let mut columns = [column("version", Type::Text, 0, "The agent's version."); COUNT];
    let [_, running, source, last_error, instance, rest @ ..] = &mut columns;
    *running = column("running", Type::Integer, 0, "1 if the agent's process lives now.");
    *source = column("source", Type::Text, 0, "Where births, images and deaths come from.");
    *last_error = column("last_error", Type::Text, 0, "The last thing that went wrong with the database, a sentence.");
    *instance = column("instance_id", Type::Text, 0, "A UUID for each run.");
    let mut index = 0;
    while index < Numbers::NAMES.len() {
        rest[index] = column(Numbers::NAMES[index], Type::BigInt, 0, Numbers::HELP[index]);
        index += 1;
    }
    columns
}

static COLUMNS: [Column; COUNT] = columns();

/// See the module's head.
pub static TABLE: Table = Table {
    name: "stemma_status",
    help: "The agent: its source, its losses, its cost",
    columns: &COLUMNS,
    open: |query| {
        let row = db::agent(&query.context)?.map(|(numbers, texts)| {
            let alive = numbers.stopped_ns == 0 && process::exists(u32::try_from(numbers.pid).unwrap_or(0));
            let mut row = vec![
                Value::text(texts.version),
                Value::Integer(i64::from(alive)),
                Value::text(texts.source),
                Value::text(texts.last_error),
                Value::text(texts.instance_id),
            ];
            row.extend(numbers.values().map(Value::Integer));
            row
        });
        Ok(Rows::of(row.into_iter().collect()))
    },
};
