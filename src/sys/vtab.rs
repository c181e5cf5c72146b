//! The one virtual-table module: SQLite's C interface (sqlite.org/vtab.html) on one side, [`crate::sql::table`] on the
//! other. Thin on purpose: which constraints to take and what a row is, is decided there.
//!
//! The plan of a scan travels from `best_index` to `filter` as text, `USED;COLUMN:OP;COLUMN:OP;`, an OP of [`LIST`]
//! being an IN list that comes all at once.

use super::sqlite::{answer, answer_text, checked, context, value};
use crate::sql::cache::Replay;
use crate::sql::table::{Constraint, Context, Cursor, Op, Query, Table, TableError, Value};
use rusqlite::{Connection, Result, ffi};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// In a plan: every value of an IN list, as so many equalities.
const LIST: u8 = 255;

/// What SQLite holds for a table.
#[repr(C)]
struct Bridge {
    base: ffi::sqlite3_vtab,
    table: &'static Table,
    context: Rc<Context>,
}

/// What SQLite holds for a scan.
#[repr(C)]
struct Scan {
    base: ffi::sqlite3_vtab_cursor,
    table: &'static Table,
    context: Rc<Context>,
    cursor: Option<Box<dyn Cursor>>,
    over: bool,
}

static MODULE: ffi::sqlite3_module = ffi::sqlite3_module {
    iVersion: 0,
    // Without xCreate the table is there by its name alone, in every schema.
    xCreate: None,
    xConnect: Some(connect),
    xBestIndex: Some(best_index),
    xDisconnect: Some(disconnect),
    xDestroy: None,
    xOpen: Some(open),
    xClose: Some(close),
    xFilter: Some(filter),
    xNext: Some(next),
    xEof: Some(eof),
    xColumn: Some(column),
    xRowid: Some(rowid),
    xUpdate: None,
    xBegin: None,
    xSync: None,
    xCommit: None,
    xRollback: None,
    xFindFunction: None,
    xRename: None,
    xSavepoint: None,
    xRelease: None,
    xRollbackTo: None,
    xShadowName: None,
    xIntegrity: None,
};

/// Makes `table` a table called `name` of a connection that has its context ([`super::sqlite::share`]).
///
/// # Errors
/// SQLite's own: no memory.
pub fn register(connection: &Connection, name: &str, table: &'static Table) -> Result<()> {
    let name = CString::new(name)?;
    let table: *mut c_void = std::ptr::from_ref(table).cast_mut().cast();
    // SAFETY: the handle is open; SQLite copies the name; module and table are static.
    checked(unsafe {
        ffi::sqlite3_create_module_v2(connection.handle(), name.as_ptr(), &raw const MODULE, table, None)
    })
}

unsafe extern "C" fn connect(
    db: *mut ffi::sqlite3,
    table: *mut c_void,
    _: c_int,
    _: *const *const c_char,
    out: *mut *mut ffi::sqlite3_vtab,
    _: *mut *mut c_char,
) -> c_int {
    // SAFETY: `table` is the static that `register` gave, `db` is open, and `out` is SQLite's to be filled.
    unsafe {
        let table: &'static Table = &*table.cast::<Table>();
        let (Some(context), Ok(declaration)) = (context(db), CString::new(table.declaration())) else {
            return ffi::SQLITE_MISUSE;
        };
        let code = ffi::sqlite3_declare_vtab(db, declaration.as_ptr());
        if code == ffi::SQLITE_OK {
            let bridge = Bridge { base: ffi::sqlite3_vtab::default(), table, context: context.clone() };
            *out = Box::into_raw(Box::new(bridge)).cast();
        }
        code
    }
}

unsafe extern "C" fn disconnect(bridge: *mut ffi::sqlite3_vtab) -> c_int {
    // SAFETY: made by `connect`, and SQLite lets go of it here; an error text that nobody read is SQLite's memory.
    unsafe {
        ffi::sqlite3_free((*bridge).zErrMsg.cast());
        drop(Box::from_raw(bridge.cast::<Bridge>()));
    }
    ffi::SQLITE_OK
}

fn operator(op: u8) -> Option<Op> {
    Some(match i32::from(op) {
        ffi::SQLITE_INDEX_CONSTRAINT_EQ => Op::Equal,
        ffi::SQLITE_INDEX_CONSTRAINT_GT => Op::Greater,
        ffi::SQLITE_INDEX_CONSTRAINT_GE => Op::GreaterOrEqual,
        ffi::SQLITE_INDEX_CONSTRAINT_LT => Op::Less,
        ffi::SQLITE_INDEX_CONSTRAINT_LE => Op::LessOrEqual,
        ffi::SQLITE_INDEX_CONSTRAINT_LIKE => Op::Like,
        ffi::SQLITE_INDEX_CONSTRAINT_GLOB => Op::Glob,
        _ => return None,
    })
}

/// The value that a constraint compares with, if the statement itself says it.
///
/// # Safety
/// `info` is that of the running `best_index`, and has so many constraints.
unsafe fn literal(info: *mut ffi::sqlite3_index_info, index: usize) -> Option<Value> {
    let mut found = std::ptr::null_mut();
    // SAFETY: by contract; the value is valid until `best_index` returns, and copied at once.
    unsafe {
        let code = ffi::sqlite3_vtab_rhs_value(info, c_int::try_from(index).ok()?, &raw mut found);
        (code == ffi::SQLITE_OK && !found.is_null()).then(|| value(found))
    }
}

unsafe extern "C" fn best_index(bridge: *mut ffi::sqlite3_vtab, info: *mut ffi::sqlite3_index_info) -> c_int {
    // SAFETY: `bridge` is ours; `info` is SQLite's, its arrays as long as it says; the plan is a copy in SQLite's memory,
    // which SQLite frees.
    unsafe {
        let table = (*bridge.cast::<Bridge>()).table;
        let mut plan = format!("{};", (*info).colUsed);
        let (mut count, mut satisfied) = (0, !table.lacks_required(std::iter::empty()));
        let (mut required, mut walked) = (0, None);
        for index in 0..usize::try_from((*info).nConstraint).unwrap_or(0) {
            let constraint = &*(*info).aConstraint.add(index);
            let column = usize::try_from(constraint.iColumn).unwrap_or(usize::MAX);
            let Some(op) = operator(constraint.op) else { continue };
            if constraint.usable == 0 || !table.takes(column, op) {
                continue;
            }
            count += 1;
            satisfied = satisfied || !table.lacks_required(std::iter::once(column));
            let usage = &mut *(*info).aConstraintUsage.add(index);
            usage.argvIndex = count;
            usage.omit = u8::from(table.is_argument(column, op));
            required += u8::from(table.requires(column));
            if op == Op::Like && literal(info, index).is_some_and(|pattern| table.walks_all_of(column, &pattern)) {
                walked = Some(index);
            }
            let whole = op == Op::Equal
                && table.takes_lists(column)
                && ffi::sqlite3_vtab_in(info, c_int::try_from(index).unwrap_or(0), 1) != 0;
            plan.push_str(&format!("{column}:{};", if whole { LIST } else { op as u8 }));
        }
        if let (Some(index), 1) = (walked, required) {
            (*(*info).aConstraintUsage.add(index)).omit = 1;
        }
        (*info).estimatedCost = match (satisfied, count) {
            // Dearer than any other plan: it ends in an error.
            (false, _) => 1e9,
            (true, 0) => 1e6,
            (true, _) => 1.0,
        };
        (*info).idxStr = ffi::sqlite3_mprintf(c"%.*s".as_ptr(), plan.len() as c_int, plan.as_ptr());
        (*info).needToFreeIdxStr = 1;
        if (*info).idxStr.is_null() { ffi::SQLITE_NOMEM } else { ffi::SQLITE_OK }
    }
}

unsafe extern "C" fn open(bridge: *mut ffi::sqlite3_vtab, out: *mut *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: `bridge` is ours, `out` is SQLite's to be filled.
    unsafe {
        let bridge = &*bridge.cast::<Bridge>();
        let scan = Scan {
            base: ffi::sqlite3_vtab_cursor::default(),
            table: bridge.table,
            context: bridge.context.clone(),
            cursor: None,
            over: true,
        };
        *out = Box::into_raw(Box::new(scan)).cast();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(scan: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: made by `open`, and SQLite lets go of it here.
    drop(unsafe { Box::from_raw(scan.cast::<Scan>()) });
    ffi::SQLITE_OK
}

/// Ok, or the error's code, its sentence left where SQLite looks for it.
///
/// # Safety
/// `scan` is a live one of ours.
unsafe fn told(scan: *mut ffi::sqlite3_vtab_cursor, result: std::result::Result<(), TableError>) -> c_int {
    let Err(error) = result else { return ffi::SQLITE_OK };
    // SAFETY: by contract; SQLite has set `pVtab`; the sentence is a copy in SQLite's memory.
    unsafe {
        let bridge = (*scan).pVtab;
        ffi::sqlite3_free((*bridge).zErrMsg.cast());
        let length = c_int::try_from(error.message.len()).unwrap_or(0);
        (*bridge).zErrMsg = ffi::sqlite3_mprintf(c"%.*s".as_ptr(), length, error.message.as_ptr());
    }
    error.code
}

/// The values of an IN list that came all at once.
///
/// # Safety
/// `list` is an argument of the running `filter`.
unsafe fn listed(list: *mut ffi::sqlite3_value, mut each: impl FnMut(Value)) {
    let mut item = std::ptr::null_mut();
    // SAFETY: by contract; an item is valid until the next one is asked for.
    unsafe {
        let mut code = ffi::sqlite3_vtab_in_first(list, &raw mut item);
        while code == ffi::SQLITE_OK && !item.is_null() {
            each(value(item));
            code = ffi::sqlite3_vtab_in_next(list, &raw mut item);
        }
    }
}

unsafe extern "C" fn filter(
    scan: *mut ffi::sqlite3_vtab_cursor,
    _: c_int,
    plan: *const c_char,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) -> c_int {
    // SAFETY: `scan` is ours, `plan` what `best_index` wrote, the arguments as many as SQLite says.
    unsafe {
        let plan = if plan.is_null() { c"" } else { CStr::from_ptr(plan) };
        let (used, taken) = plan.to_str().unwrap_or("").split_once(';').unwrap_or(("", ""));
        let count = usize::try_from(count).unwrap_or(0);
        let arguments = if count == 0 { &[] } else { std::slice::from_raw_parts(arguments, count) };
        let table = (*scan.cast::<Scan>()).table;
        let mut asked = Asked::default();
        for (part, &raw) in taken.split(';').zip(arguments) {
            let Some((column, op)) = part.split_once(':') else { continue };
            let (Ok(column), Ok(op)) = (column.parse(), op.parse::<u8>()) else { continue };
            asked.columns.push(column);
            match Op::from_number(op) {
                Some(op) => asked.one(table, Constraint { column, op, value: value(raw) }),
                None if asked.has_equal(column) => {}
                None => {
                    listed(raw, |value| asked.listed(column, value));
                    asked.nothing |= !asked.has_equal(column);
                }
            }
        }
        let result = (*scan.cast::<Scan>()).begin(used.parse().unwrap_or(u64::MAX), asked);
        told(scan, result)
    }
}

/// What a scan is asked, as it is read from its arguments.
#[derive(Default)]
struct Asked {
    constraints: Vec<Constraint>,
    /// All constrained columns, those too whose value is no constraint for the table.
    columns: Vec<usize>,
    /// No row can fulfil it.
    nothing: bool,
}

impl Asked {
    fn has_equal(&self, column: usize) -> bool {
        self.constraints.iter().any(|constraint| constraint.column == column && constraint.op == Op::Equal)
    }

    fn one(&mut self, table: &Table, constraint: Constraint) {
        let Constraint { column, op, value } = &constraint;
        match value {
            // No comparison with NULL is ever true.
            Value::Null => self.nothing = true,
            // osquery's tables do not see it, and answer as if it were not there.
            Value::Text(text) if text.is_empty() && !table.is_argument(*column, *op) => {}
            // Of `x = 1 AND x IN (1, 2)` only the first term goes to the table: both would be 1, 1, 2, and a table that
            // makes a row of each would make one too many. SQLite checks the other.
            _ if *op == Op::Equal && table.takes_lists(*column) && self.has_equal(*column) => {}
            _ => self.constraints.push(constraint),
        }
    }

    fn listed(&mut self, column: usize, value: Value) {
        if value != Value::Null {
            self.constraints.push(Constraint { column, op: Op::Equal, value });
        }
    }
}

impl Scan {
    fn begin(&mut self, used: u64, asked: Asked) -> std::result::Result<(), TableError> {
        (self.over, self.cursor) = (true, None);
        self.context.budget.check()?;
        self.table.demand_required(&asked.columns)?;
        if asked.nothing {
            return Ok(());
        }
        let query = Query { used, constraints: asked.constraints, context: self.context.clone() };
        if let Some(on_scan) = self.context.on_scan {
            on_scan(self.table, &query);
        }
        self.cursor = Some(Replay::scan(self.table, query)?);
        self.advance()
    }

    fn advance(&mut self) -> std::result::Result<(), TableError> {
        self.context.budget.tick()?;
        self.over = match &mut self.cursor {
            Some(cursor) => !cursor.advance()?,
            None => true,
        };
        Ok(())
    }

    fn lying(&self, column: c_int) -> Option<&[u8]> {
        let column = usize::try_from(column).ok()?;
        self.cursor.as_ref().filter(|_| self.table.absent(column).is_none())?.lying(column)
    }

    fn value(&mut self, column: c_int) -> std::result::Result<Value, TableError> {
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        match (self.table.absent(column), &mut self.cursor) {
            (Some(value), _) => Ok(value),
            (None, Some(cursor)) => cursor.column(column),
            (None, None) => Ok(Value::Null),
        }
    }

    /// A number that is the same for the same row, and different for different ones (but for one chance in 2^64). SQLite
    /// asks for it where it runs a scan for each side of an OR, and leaves out rows that both have given: a row's place in
    /// its scan would make the first rows of both the same. Costs all columns that are wanted.
    fn identity(&mut self) -> std::result::Result<i64, TableError> {
        let mut hasher = DefaultHasher::new();
        for column in 0..self.table.columns.len() {
            let column = c_int::try_from(column).unwrap_or(c_int::MAX);
            match self.value(column)? {
                Value::Null => hasher.write_u8(0),
                Value::Integer(number) => (1u8, number).hash(&mut hasher),
                Value::Real(number) => (2u8, number.to_bits()).hash(&mut hasher),
                Value::Text(text) => (3u8, text).hash(&mut hasher),
            }
        }
        Ok(hasher.finish() as i64)
    }
}

unsafe extern "C" fn next(scan: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: ours.
    unsafe {
        let result = (*scan.cast::<Scan>()).advance();
        told(scan, result)
    }
}

unsafe extern "C" fn eof(scan: *mut ffi::sqlite3_vtab_cursor) -> c_int {
    // SAFETY: ours.
    c_int::from(unsafe { (*scan.cast::<Scan>()).over })
}

unsafe extern "C" fn column(
    scan: *mut ffi::sqlite3_vtab_cursor,
    call: *mut ffi::sqlite3_context,
    column: c_int,
) -> c_int {
    // SAFETY: `scan` is ours, `call` belongs to this call.
    unsafe {
        let scan = &mut *scan.cast::<Scan>();
        match scan.lying(column) {
            Some(text) => answer_text(call, text),
            None => answer(call, &scan.value(column)),
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn rowid(scan: *mut ffi::sqlite3_vtab_cursor, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: `scan` is ours, `out` is SQLite's to be filled.
    unsafe {
        let result = (*scan.cast::<Scan>()).identity().map(|identity| *out = identity);
        told(scan, result)
    }
}

#[cfg(test)]
mod tests;
