//! What the shell asks of the engine beyond answers.

use super::{Engine, SqlError};
use crate::sql::table::Table;
use crate::sys::interrupt::Watch;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use std::time::Duration;

impl Engine {
    /// The tables there are, in no order, without their second names.
    pub fn tables(&self) -> &[&'static Table] {
        self.names.tables()
    }

    /// Until it is dropped, SIGINT ends the statement that runs. See [`Watch`].
    pub fn watch(&self) -> Watch<'_> {
        Watch::begin(&self.connection)
    }

    /// How long to wait for a database that somebody else has locked.
    ///
    /// # Errors
    /// SQLite's own.
    pub fn busy_timeout(&self, timeout: Duration) -> Result<(), SqlError> {
        Ok(self.connection.busy_timeout(timeout)?)
    }

    /// Names and types of the columns of the first statement of `sql`: declared types, of an expression the type that its
    /// first row has, or UNKNOWN.
    ///
    /// # Errors
    /// The statement cannot be prepared, or its first row not be had.
    pub fn types(&self, sql: &str) -> Result<Vec<(String, String)>, SqlError> {
        self.context.budget.start();
        self.names.of(&self.connection, sql)?;
        let types = self.columns(sql).map_err(|error| self.explained(error));
        self.context.cache.clear(&self.context);
        types
    }

    fn columns(&self, sql: &str) -> Result<Vec<(String, String)>, SqlError> {
        let Some(mut statement) = rusqlite::Batch::new(&self.connection, sql).next()? else { return Ok(Vec::new()) };
        let declared = statement.columns();
        let declared: Vec<_> =
            declared.iter().map(|column| (column.name().to_string(), column.decl_type().map(str::to_string))).collect();
        let mut rows = statement.raw_query();
        let row = if declared.iter().all(|(_, kind)| kind.is_some()) { None } else { rows.next()? };
        let of_row = |index| match row?.get_ref(index).ok()? {
            ValueRef::Null => None,
            ValueRef::Integer(_) => Some("INTEGER"),
            ValueRef::Real(_) => Some("DOUBLE"),
            ValueRef::Text(_) => Some("TEXT"),
            ValueRef::Blob(_) => Some("BLOB"),
        };
        let described = declared.into_iter().enumerate().map(|(index, (name, kind))| {
            let kind = kind.or_else(|| of_row(index).map(str::to_string));
            (name, kind.unwrap_or_else(|| "UNKNOWN".to_string()))
        });
        Ok(described.collect())
    }
}
