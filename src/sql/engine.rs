//! The SQL engine: an in-memory SQLite with all tables of the registry, osquery's functions, collations and authorizer,
//! and limits.
//!
//! Of the pragmas osquery runs at the start none has a meaning here: the database is in memory and nothing is written to
//! it, except by `CREATE TABLE`, and there `journal_mode=OFF` would leave half a statement behind when one fails. A
//! double-quoted name that is none is a string (SQLite's default, which many queries rely on).

mod shell;

use super::limits::Limits;
use super::names::Names;
use super::table::{Context, TableError};
use super::version::{self, Flavour};
use crate::sys::root::Root;
use crate::sys::sqlite;
use crate::tables::unsupported;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ffi};
use std::cmp::Ordering;
use std::path::PathBuf;
use std::rc::Rc;

/// PRAGMAs that osquery allows.
const PRAGMAS: [&str; 6] =
    ["table_info", "table_xinfo", "function_list", "journal_mode", "case_sensitive_like", "collation_list"];
/// Actions that osquery allows.
const ACTIONS: [i32; 18] = [
    ffi::SQLITE_READ,
    ffi::SQLITE_SELECT,
    ffi::SQLITE_INSERT,
    ffi::SQLITE_UPDATE,
    ffi::SQLITE_DELETE,
    ffi::SQLITE_CREATE_VTABLE,
    ffi::SQLITE_DROP_VTABLE,
    ffi::SQLITE_CREATE_TABLE,
    ffi::SQLITE_DROP_TABLE,
    ffi::SQLITE_CREATE_TEMP_TABLE,
    ffi::SQLITE_DROP_TEMP_TABLE,
    ffi::SQLITE_CREATE_VIEW,
    ffi::SQLITE_DROP_VIEW,
    ffi::SQLITE_CREATE_TEMP_VIEW,
    ffi::SQLITE_DROP_TEMP_VIEW,
    ffi::SQLITE_FUNCTION,
    ffi::SQLITE_RECURSIVE,
    ffi::SQLITE_TRANSACTION,
];

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

impl From<TableError> for SqlError {
    fn from(error: TableError) -> Self {
        SqlError { code: error.code, message: error.message }
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
    /// Bytes held for rows that wait for later ones. They count as the query's memory.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// See the module's head.
pub struct Engine {
    connection: Connection,
    context: Rc<Context>,
    names: Names,
}

fn allowed(action: i32, name: &str) -> bool {
    let pragma = || action == ffi::SQLITE_PRAGMA && PRAGMAS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let allowed = ACTIONS.contains(&action) || pragma();
    if !allowed {
        crate::log::error(&format!("Authorizer denied action {action} {name}"));
    }
    allowed
}

type Collation = fn(&str, &str) -> Ordering;

const COLLATIONS: [(&str, Collation); 4] = [
    ("version", |left, right| version::compare(left.as_bytes(), right.as_bytes(), Flavour::Generic)),
    ("version_arch", |left, right| version::compare(left.as_bytes(), right.as_bytes(), Flavour::Arch)),
    ("version_dpkg", |left, right| version::compare(left.as_bytes(), right.as_bytes(), Flavour::Dpkg)),
    ("version_rhel", |left, right| version::compare(left.as_bytes(), right.as_bytes(), Flavour::Rhel)),
];

impl Engine {
    /// An engine that answers about this machine and the events of `database`, within the usual limits.
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
        Self::with(Context { root, database, ..Context::default() }, Names::default())
    }

    /// An engine with this context and the tables of these names.
    ///
    /// # Errors
    /// As of [`Engine::open`].
    pub fn with(context: Context, names: Names) -> Result<Self, SqlError> {
        let connection = Connection::open_in_memory()?;
        let started_epoch_s = crate::sys::clock::Clock::now().epoch_ns() / 1_000_000_000;
        let context = Rc::new(Context { started_epoch_s, ..context });
        sqlite::share(&connection, context.clone())?;
        for (name, compare) in COLLATIONS {
            connection.create_collation(name, compare)?;
        }
        sqlite::authorizer(&connection, allowed)?;
        Ok(Engine { connection, context, names }.within(Limits::default()))
    }

    /// The same engine within other limits than the usual ones. The memory limit holds for all of SQLite in this process.
    pub fn within(self, limits: Limits) -> Self {
        sqlite::limit_heap(limits.heap_bytes);
        self.context.budget.limit(limits);
        self
    }

    /// Ends it in a process that ends as well: giving back its memory piece by piece would take a tenth of a short query's
    /// time. An events.db that was opened is closed in the right way.
    pub fn leave(self) {
        if self.context.events.get().is_none() {
            std::mem::forget(self);
        }
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
        self.context.budget.start();
        self.names.of(&self.connection, sql)?;
        let mut batch = rusqlite::Batch::new(&self.connection, sql);
        loop {
            let more = match batch.next() {
                Ok(Some(mut statement)) => self.answer(&mut statement, sink),
                Ok(None) => return Ok(()),
                Err(error) => Err(error.into()),
            };
            self.context.cache.clear(&self.context);
            if !more.map_err(|error| self.explained(error))? {
                return Ok(());
            }
        }
    }

    /// Runs one statement; false: the sink wants no more.
    fn answer(&self, statement: &mut rusqlite::Statement<'_>, sink: &mut dyn Sink) -> Result<bool, SqlError> {
        if sink.wants_sql() {
            sink.sql(statement.expanded_sql().unwrap_or_default().trim_start());
        }
        let count = statement.column_count();
        if count > 0 {
            sink.columns(&statement.column_names());
        }
        let mut rows = statement.raw_query();
        let mut held_bytes = 0;
        let more = loop {
            let Some(row) = rows.next()? else { break Ok(true) };
            let mut values = smallvec::SmallVec::<[ValueRef<'_>; 32]>::new();
            for index in 0..count {
                values.push(row.get_ref(index)?);
            }
            if let Err(error) = self.context.budget.row() {
                break Err(error.into());
            }
            if !sink.row(&values) {
                break Ok(false);
            }
            let held = sink.held_bytes();
            if held > held_bytes {
                if let Err(error) = self.context.budget.charge(held - held_bytes) {
                    break Err(error.into());
                }
                held_bytes = held;
            }
        };
        self.context.budget.release(held_bytes);
        more
    }

    /// An error with what lies behind it: a limit, or a table of osquery's that is not built.
    fn explained(&self, error: SqlError) -> SqlError {
        if let Some(limit) = self.context.budget.explain(error.code) {
            return limit.into();
        }
        let name = error.message.strip_prefix("no such table: ");
        let name = name.map(|name| name.rsplit_once('.').map_or(name, |(_, name)| name));
        match name.and_then(unsupported::reason) {
            Some(reason) => SqlError { message: format!("{} (not supported: {reason})", error.message), ..error },
            None => error,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
