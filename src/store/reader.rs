//! events.db for queries: read only, whether the agent lives or not.

use super::schema;
use super::status::Numbers;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::Path;

/// The texts of the agent's row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct AgentRow {
    pub version: String,
    pub source: String,
    pub last_error: String,
    pub instance_id: String,
}

/// Opens events.db for reading.
///
/// # Errors
/// One sentence.
pub fn open(path: &Path) -> Result<Connection, String> {
    let shown = path.display();
    let plain = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, plain).map_err(|error| format!("opening {shown}: {error}"))?;
    let version: i32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| format!("reading {shown}: {error}"))?;
    if version != schema::VERSION {
        return Err(format!("{shown} is of version {version}, this stemma reads version {}", schema::VERSION));
    }
    Ok(connection)
}

/// The agent's row.
///
/// # Errors
/// One sentence.
pub fn agent(connection: &Connection) -> Result<Option<(Numbers, AgentRow)>, String> {
    let sql = format!("SELECT version, source, last_error, instance_id, {} FROM agent", Numbers::NAMES.join(", "));
    let row = connection.query_row(&sql, [], |row| {
        let mut values = [0; Numbers::NAMES.len()];
        for (index, value) in values.iter_mut().enumerate() {
            *value = row.get(index + 4)?;
        }
        let texts =
            AgentRow { version: row.get(0)?, source: row.get(1)?, last_error: row.get(2)?, instance_id: row.get(3)? };
        Ok((Numbers::from_values(values), texts))
    });
    row.optional().map_err(|error| format!("reading the agent's row: {error}"))
}
