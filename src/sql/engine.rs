//! The SQL engine: an in-memory SQLite with all tables of the registry, limits, and osquery's authorizer.

use super::table::{Context, OnScan, Table};
use super::version;
use crate::sys::interrupt::Watch;
use crate::sys::vtab;
use crate::tables::registry;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// Memory a query may take, bytes; beyond it the query ends with "out of memory".
const HEAP_BYTES: i64 = 64 << 20;
/// PRAGMAs that osquery allows.
const PRAGMAS: [&str; 6] =
    ["table_info", "table_xinfo", "function_list", "journal_mode", "case_sensitive_like", "collation_list"];

/// A failed statement: SQLite's result code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// SQLite's result code, which is also the exit code of `stemma query`.
    pub code: i32,
    /// SQLite's message.
    pub message: String,
}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        let code = match &error {
            rusqlite::Error::SqliteFailure(inner, _) | rusqlite::Error::SqlInputError { error: inner, .. } => {
                inner.extended_code & 0xff
            }
            _ => 1,
        };
        let message = match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message,
            rusqlite::Error::SqlInputError { msg, .. } => msg,
            other => other.to_string(),
        };
        SqlError { code, message }
    }
}

/// Takes a result as it comes.
pub trait Sink {
    /// Whether [`Sink::sql`] is to be called.
    fn wants_sql(&self) -> bool {
        false
    }
    /// A statement's text, before it runs.
    fn sql(&mut self, _text: &str) {}
    /// A statement's columns, before its first row.
    fn columns(&mut self, names: &[&str]);
    /// A row; false: no more is wanted.
    fn row(&mut self, values: &[ValueRef<'_>]) -> bool;
}

/// See the module's head.
pub struct Engine {
    connection: Connection,
    tables: Vec<&'static Table>,
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    let denied = match context.action {
        AuthAction::Pragma { pragma_name, .. } => !PRAGMAS.contains(&pragma_name),
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::CreateIndex { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTrigger { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::AlterTable { .. }
        | AuthAction::Analyze { .. }
        | AuthAction::Reindex { .. }
        | AuthAction::Savepoint { .. } => true,
        _ => false,
    };
    if denied { Authorization::Deny } else { Authorization::Allow }
}

impl Engine {
    /// An engine that answers about this machine and the events of `database`.
    ///
    /// # Errors
    /// SQLite's own, which means that there is no memory.
    pub fn open(database: PathBuf) -> Result<Self, SqlError> {
        Engine::with(database, &|_| true, None)
    }

    /// An engine with the tables that are `chosen`, which tells `on_scan` of each scan.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn with(database: PathBuf, chosen: &dyn Fn(&str) -> bool, on_scan: Option<OnScan>) -> Result<Self, SqlError> {
        let connection = Connection::open_in_memory()?;
        let clock = crate::sys::clock::Clock::now();
        let started_epoch_s = clock.epoch_ns() / 1_000_000_000;
        let context = Rc::new(Context { database, started_epoch_s, on_scan, ..Context::default() });
        let tables: Vec<&'static Table> = registry::TABLES.iter().copied().filter(|table| chosen(table.name)).collect();
        for table in &tables {
            vtab::register(&connection, table, context.clone())?;
        }
        connection.create_collation("version", version::compare)?;
        connection.execute_batch(&format!("PRAGMA hard_heap_limit={HEAP_BYTES}"))?;
        connection.authorizer(Some(authorize));
        Ok(Engine { connection, tables })
    }

    /// The tables there are, by name.
    pub fn tables(&self) -> &[&'static Table] {
        &self.tables
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

    /// Runs all statements of `sql`, one after the other.
    ///
    /// # Errors
    /// The first statement that fails ends the run.
    pub fn run(&self, sql: &str, sink: &mut dyn Sink) -> Result<(), SqlError> {
        let mut batch = rusqlite::Batch::new(&self.connection, sql);
        while let Some(mut statement) = batch.next()? {
            if sink.wants_sql() {
                sink.sql(statement.expanded_sql().unwrap_or_default().trim_start());
            }
            let count = statement.column_count();
            let names: Vec<String> = statement.column_names().iter().map(|name| name.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            if count > 0 {
                sink.columns(&names);
            }
            if !drain(statement.raw_query(), count, sink)? {
                break;
            }
        }
        Ok(())
    }
}

fn drain(mut rows: Rows<'_>, count: usize, sink: &mut dyn Sink) -> rusqlite::Result<bool> {
    while let Some(row) = rows.next()? {
        let mut values = smallvec::SmallVec::<[ValueRef<'_>; 32]>::new();
        for index in 0..count {
            values.push(row.get_ref(index)?);
        }
        if !sink.row(&values) {
            return Ok(false);
        }
    }
    Ok(true)
}
