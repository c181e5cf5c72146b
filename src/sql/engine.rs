//! The SQL engine: an in-memory SQLite with all tables of the registry, limits, and osquery's authorizer.

mod shell;

use super::table::{Context, Table};
use super::version;
use crate::sys::root::Root;
use crate::sys::vtab;
use crate::tables::registry;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};
use std::path::PathBuf;
use std::rc::Rc;

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
    context: Rc<Context>,
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
        Self::over(Root::default(), database)
    }

    /// The same about the machine whose files lie below `root`.
    ///
    /// # Errors
    /// As of [`Engine::open`].
    pub fn over(root: Root, database: PathBuf) -> Result<Self, SqlError> {
        Self::with(Context { root, database, ..Context::default() }, &|_| true)
    }

    /// An engine with this context and the tables that are `chosen`.
    ///
    /// # Errors
    /// As of [`Engine::open`].
    pub fn with(context: Context, chosen: &dyn Fn(&str) -> bool) -> Result<Self, SqlError> {
        let connection = Connection::open_in_memory()?;
        let started_epoch_s = crate::sys::clock::Clock::now().epoch_ns() / 1_000_000_000;
        let context = Rc::new(Context { started_epoch_s, ..context });
        let tables: Vec<&'static Table> = registry::TABLES.iter().copied().filter(|table| chosen(table.name)).collect();
        for table in &tables {
            vtab::register(&connection, table, context.clone())?;
        }
        connection.create_collation("version", version::compare)?;
        connection.execute_batch(&format!("PRAGMA hard_heap_limit={HEAP_BYTES}"))?;
        connection.authorizer(Some(authorize));
        Ok(Engine { connection, context, tables })
    }

    /// The file system that tables read.
    pub fn root(&self) -> &Root {
        &self.context.root
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
