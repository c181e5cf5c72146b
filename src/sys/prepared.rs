//! A connection together with its statements, prepared once for as long as it lives: running one allocates nothing (the
//! cache of `prepare_cached` allocates a key for each use).

use rusqlite::{Connection, Params, PrepFlags, Result, Statement};
use std::ptr::NonNull;

/// See the module's head. Statements are named by their place in the list given to [`Prepared::new`].
pub struct Prepared {
    /// Dropped before the connection they borrow.
    statements: Vec<Statement<'static>>,
    connection: NonNull<Connection>,
}

impl Prepared {
    /// Prepares all of `list`.
    ///
    /// # Errors
    /// SQLite's, for the first statement that it does not take.
    pub fn new<'a>(connection: Connection, list: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let connection = NonNull::from(Box::leak(Box::new(connection)));
        let mut prepared = Prepared { statements: Vec::new(), connection };
        // SAFETY: the connection stays where it is and lives until `drop`, which ends the statements first; no reference
        // of this lifetime is handed out.
        let connection: &'static Connection = unsafe { prepared.connection.as_ref() };
        for sql in list {
            let statement = connection.prepare_with_flags(sql, PrepFlags::SQLITE_PREPARE_PERSISTENT)?;
            prepared.statements.push(statement);
        }
        Ok(prepared)
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        // SAFETY: it lives as long as `self`.
        unsafe { self.connection.as_ref() }
    }

    /// A statement; one that is not in the list is an error of [`rusqlite::Error::StatementChangedRows`]'s kind.
    pub fn statement(&mut self, place: usize) -> Result<&mut Statement<'static>> {
        self.statements.get_mut(place).ok_or(rusqlite::Error::StatementChangedRows(place))
    }

    /// Runs a statement that returns nothing.
    pub fn run(&mut self, place: usize, parameters: impl Params) -> Result<usize> {
        self.statement(place)?.execute(parameters)
    }

    /// Runs a statement and hands each row's first two columns (0 for one that is not there) to `each` until that says
    /// false.
    pub fn pairs(
        &mut self,
        place: usize,
        parameters: impl Params,
        mut each: impl FnMut(i64, i64) -> bool,
    ) -> Result<()> {
        let statement = self.statement(place)?;
        let columns = statement.column_count();
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            // PRAGMA incremental_vacuum yields a row of no columns for each page.
            let column = |place: usize| if place < columns { row.get(place) } else { Ok(0) };
            if !each(column(0)?, column(1)?) {
                break;
            }
        }
        Ok(())
    }

    /// The first column of the last row; 0 if there is none.
    pub fn number(&mut self, place: usize, parameters: impl Params) -> Result<i64> {
        let mut number = 0;
        self.pairs(place, parameters, |value, _| {
            number = value;
            true
        })?;
        Ok(number)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.statements.clear();
        // SAFETY: made by `Box::leak` in `new`, taken back once; no statement borrows it any more.
        drop(unsafe { Box::from_raw(self.connection.as_ptr()) });
    }
}
