//! events.db as the tables see it: opened once per connection, read only. Where there is none, a warning says so once
//! and the tables are empty.

use super::ancestry::Image;
use crate::sql::table::{Context, TableError};
use crate::store::reader::{self, AgentRow};
use crate::store::status::Numbers;
use rusqlite::{Connection, OptionalExtension, Row};

/// events.db; None when the agent has never run here.
pub fn events(context: &Context) -> Result<Option<&Connection>, TableError> {
    if let Some(known) = context.events.get() {
        return Ok(known.as_ref());
    }
    let opened = if context.database.exists() {
        Some(reader::open(&context.database).map_err(TableError::new)?)
    } else {
        let path = context.database.display();
        crate::log::warning(&format!("no events.db at {path}: is the agent running? start it with `stemma daemon`"));
        None
    };
    Ok(context.events.get_or_init(|| opened).as_ref())
}

/// The agent's row, if there is one.
pub fn agent(context: &Context) -> Result<Option<(Numbers, AgentRow)>, TableError> {
    match events(context)? {
        Some(connection) => reader::agent(connection).map_err(TableError::new),
        None => Ok(None),
    }
}

/// An SQLite error while reading events.db, as a sentence.
pub fn failure(error: rusqlite::Error) -> TableError {
    TableError::new(format!("reading events.db: {error}"))
}

/// What an ancestor shows; a fork's row takes its text and user from its origin.
const IMAGE: &str = "SELECT i.id, i.parent, i.pid, i.start_ns, i.link, coalesce(i.uid, o.uid), \
                     coalesce(o.path, i.path), coalesce(o.cmdline, i.cmdline), i.end_ns \
                     FROM image i LEFT JOIN image o ON i.origin <> 0 AND o.id = i.origin";

fn bytes(row: &Row<'_>, index: usize) -> rusqlite::Result<Vec<u8>> {
    Ok(match row.get_ref(index)? {
        rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    })
}

fn image(row: &Row<'_>) -> rusqlite::Result<Image> {
    Ok(Image {
        id: row.get(0)?,
        parent: row.get(1)?,
        pid: row.get(2)?,
        start_ns: row.get(3)?,
        link: row.get(4)?,
        uid: row.get(5)?,
        path: bytes(row, 6)?,
        cmdline: bytes(row, 7)?,
        ended: row.get::<_, Option<i64>>(8)?.is_some(),
    })
}

/// An image by its row's id.
pub fn image_by_id(connection: &Connection, id: i64) -> Result<Option<Image>, TableError> {
    let mut statement = connection.prepare_cached(&format!("{IMAGE} WHERE i.id = ?1")).map_err(failure)?;
    statement.query_row([id], image).optional().map_err(failure)
}

/// The newest image of a pid.
pub fn image_by_pid(connection: &Connection, pid: i64) -> Result<Option<Image>, TableError> {
    let sql = format!("{IMAGE} WHERE i.pid = ?1 ORDER BY i.id DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&sql).map_err(failure)?;
    statement.query_row([pid], image).optional().map_err(failure)
}
