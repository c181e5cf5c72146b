//! The one virtual-table module: SQLite's C interface (sqlite.org/vtab.html) on one side, [`crate::sql::table`] on the
//! other. Thin on purpose: which constraints to take and what a row is, is decided there.

use crate::sql::table::{Constraint, Context, Cursor, Op, Query, Table, TableError, Value};
use rusqlite::ffi;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::vtab::{Filters, IndexConstraintOp, IndexInfo, VTab, VTabConnection, VTabCursor, eponymous_only_module};
use rusqlite::{Connection, Error, Result};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;

/// What SQLite holds for a table.
#[repr(C)]
pub struct Bridge {
    base: ffi::sqlite3_vtab,
    table: &'static Table,
    context: Rc<Context>,
}

/// What SQLite holds for a scan.
#[repr(C)]
pub struct Scan<'vtab> {
    base: ffi::sqlite3_vtab_cursor,
    table: &'static Table,
    context: Rc<Context>,
    cursor: Option<RefCell<Box<dyn Cursor>>>,
    row: i64,
    over: bool,
    bridge: PhantomData<&'vtab Bridge>,
}

/// Makes `table` a table of this connection, by its name and without CREATE.
pub fn register(connection: &Connection, table: &'static Table, context: Rc<Context>) -> Result<()> {
    connection.create_module(table.name, eponymous_only_module::<Bridge>(), Some((table, context)))
}

fn failure(error: TableError) -> Error {
    Error::SqliteFailure(ffi::Error::new(error.code), Some(error.message))
}

fn operator(op: IndexConstraintOp) -> Option<Op> {
    Some(match op {
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_EQ => Op::Equal,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GT => Op::Greater,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GE => Op::GreaterOrEqual,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LT => Op::Less,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LE => Op::LessOrEqual,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_LIKE => Op::Like,
        IndexConstraintOp::SQLITE_INDEX_CONSTRAINT_GLOB => Op::Glob,
        _ => return None,
    })
}

// SAFETY: `base` is the first field of a #[repr(C)] struct, as SQLite wants it; nothing else is assumed of it.
unsafe impl<'vtab> VTab<'vtab> for Bridge {
    type Aux = (&'static Table, Rc<Context>);
    type Cursor = Scan<'vtab>;

    fn connect(_: &mut VTabConnection, aux: Option<&Self::Aux>, _: &[&[u8]]) -> Result<(String, Self)> {
        let (table, context) = aux.ok_or_else(|| Error::ModuleError("a table without description".into()))?;
        let bridge = Bridge { base: ffi::sqlite3_vtab::default(), table, context: context.clone() };
        Ok((table.declaration(), bridge))
    }

    fn best_index(&self, info: &mut IndexInfo) -> Result<()> {
        let mut taken = String::new();
        let mut count = 0;
        for (constraint, mut usage) in info.constraints_and_usages() {
            let column = usize::try_from(constraint.column()).unwrap_or(usize::MAX);
            let Some(op) = operator(constraint.operator()) else { continue };
            if constraint.is_usable() && self.table.takes(column, op) {
                count += 1;
                usage.set_argv_index(count);
                usage.set_omit(self.table.is_argument(column, op));
                taken.push_str(&format!("{column}:{};", op as u8));
            }
        }
        let missing =
            self.table.lacks_required(taken.split(';').filter_map(|part| part.split_once(':')?.0.parse().ok()));
        info.set_estimated_cost(if count > 0 && !missing { 1.0 } else { 1e6 });
        let used = info.col_used();
        info.set_idx_str(&format!("{used};{taken}"));
        Ok(())
    }

    fn open(&'vtab mut self) -> Result<Scan<'vtab>> {
        Ok(Scan {
            base: ffi::sqlite3_vtab_cursor::default(),
            table: self.table,
            context: self.context.clone(),
            cursor: None,
            row: 0,
            over: true,
            bridge: PhantomData,
        })
    }
}

fn value(raw: ValueRef<'_>) -> Value {
    match raw {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) | ValueRef::Blob(text) => Value::Text(text.to_vec()),
    }
}

struct Out<'a>(&'a Value);

impl ToSql for Out<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0.as_ref()))
    }
}

// SAFETY: as above, for the cursor.
unsafe impl VTabCursor for Scan<'_> {
    fn filter(&mut self, _: std::ffi::c_int, plan: Option<&str>, arguments: &Filters<'_>) -> Result<()> {
        let (used, taken) = plan.unwrap_or("").split_once(';').unwrap_or(("", ""));
        let mut constraints = Vec::new();
        for (part, raw) in taken.split(';').zip(arguments.iter()) {
            let Some((column, op)) = part.split_once(':') else { continue };
            let (Ok(column), Some(op)) = (column.parse(), op.parse().ok().and_then(Op::from_number)) else { continue };
            constraints.push(Constraint { column, op, value: value(raw) });
        }
        let query = Query { used: used.parse().unwrap_or(u64::MAX), constraints, context: self.context.clone() };
        self.row = 0;
        if let Some(on_scan) = self.context.on_scan {
            on_scan(self.table, &query);
        }
        self.cursor = Some(RefCell::new(self.table.scan(query).map_err(failure)?));
        self.next()
    }

    fn next(&mut self) -> Result<()> {
        self.row += 1;
        let Some(cursor) = &self.cursor else { return Ok(()) };
        self.over = !cursor.borrow_mut().advance().map_err(failure)?;
        Ok(())
    }

    fn eof(&self) -> bool {
        self.over
    }

    fn column(&self, out: &mut rusqlite::vtab::Context, column: std::ffi::c_int) -> Result<()> {
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        let Some(cursor) = &self.cursor else { return Ok(()) };
        let value = match self.table.absent(column) {
            Some(value) => value,
            None => cursor.borrow_mut().column(column).map_err(failure)?,
        };
        out.set_result(&Out(&value))
    }

    fn rowid(&self) -> Result<i64> {
        Ok(self.row)
    }
}
