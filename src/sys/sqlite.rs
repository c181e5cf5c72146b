//! What the query engine needs of SQLite's C interface (sqlite.org/c3ref) and rusqlite does not offer for a single
//! thread: a context shared by everything of a connection, the authorizer, the progress handler, the heap limit, and
//! values going in and out.

use crate::sql::table::{Context, TableError, Value};
use rusqlite::{Connection, Error, Result, ffi};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::rc::Rc;

/// Under this name a connection keeps its context.
const NAME: &CStr = c"stemma";
/// Steps of SQLite's machine between two looks at the limits: some 20 µs.
const STEPS: c_int = 2000;

pub(super) fn checked(code: c_int) -> Result<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(Error::SqliteFailure(ffi::Error::new(code), None)) }
}

/// A connection as its own context knows it: to be asked whether somebody has called `sqlite3_interrupt`.
pub struct Handle(Cell<*mut ffi::sqlite3>);

impl Default for Handle {
    fn default() -> Self {
        Handle(Cell::new(std::ptr::null_mut()))
    }
}

impl Handle {
    /// Whether `sqlite3_interrupt` was called while a statement runs.
    pub fn is_interrupted(&self) -> bool {
        // SAFETY: set by `share` to an open connection, and unset before that one ends.
        !self.0.get().is_null() && unsafe { ffi::sqlite3_is_interrupted(self.0.get()) != 0 }
    }
}

unsafe extern "C" fn drop_context(context: *mut c_void) {
    // SAFETY: the pointer that `share` made of a Box; SQLite calls this once, when the connection ends.
    let context = unsafe { Box::from_raw(context.cast::<Rc<Context>>()) };
    context.budget.handle.0.set(std::ptr::null_mut());
}

/// The context of a connection, if it has one.
///
/// # Safety
/// `db` is an open connection; the reference is used while it is.
pub(super) unsafe fn context<'db>(db: *mut ffi::sqlite3) -> Option<&'db Rc<Context>> {
    // SAFETY: nobody else stores under this name, and what is stored lives as long as the connection.
    unsafe { ffi::sqlite3_get_clientdata(db, NAME.as_ptr()).cast::<Rc<Context>>().as_ref() }
}

unsafe extern "C" fn watch(context: *mut c_void) -> c_int {
    // SAFETY: the pointer that `share` gave, alive as long as the connection.
    let context = unsafe { &*context.cast::<Rc<Context>>() };
    c_int::from(context.budget.check().is_err())
}

/// Gives the connection its context: tables and functions registered later read it, and its budget is watched while
/// statements run.
///
/// # Errors
/// SQLite's own: no memory.
pub fn share(connection: &Connection, context: Rc<Context>) -> Result<()> {
    let told = context.clone();
    let context: *mut c_void = Box::into_raw(Box::new(context)).cast();
    // SAFETY: the handle is open; SQLite owns the box from now on and calls `drop_context` even where it fails.
    unsafe {
        let db = connection.handle();
        checked(ffi::sqlite3_set_clientdata(db, NAME.as_ptr(), context, Some(drop_context)))?;
        ffi::sqlite3_progress_handler(db, STEPS, Some(watch), context);
        told.budget.handle.0.set(db);
    }
    Ok(())
}

/// What a connection has committed to its write-ahead log.
#[derive(Default)]
pub struct Committed {
    /// Transactions, since the connection began to be watched.
    pub transactions: Cell<u64>,
    /// Frames in the log after the last of them; one is a page of the database.
    pub frames: Cell<u32>,
}

const COMMITTED: &CStr = c"stemma-committed";

unsafe extern "C" fn count_commit(
    committed: *mut c_void,
    _: *mut ffi::sqlite3,
    _: *const c_char,
    frames: c_int,
) -> c_int {
    // SAFETY: the counters that `watch_commits` gave, alive as long as the connection.
    let committed = unsafe { &*committed.cast::<Committed>() };
    committed.transactions.set(committed.transactions.get() + 1);
    committed.frames.set(frames.unsigned_abs());
    ffi::SQLITE_OK
}

unsafe extern "C" fn drop_committed(committed: *mut c_void) {
    // SAFETY: what `watch_commits` made of an Rc; SQLite calls this once, when the connection ends.
    drop(unsafe { Rc::from_raw(committed.cast::<Committed>()) });
}

/// Counts a connection's commits from now on. This takes the place of SQLite's own checkpoints after a commit: the caller
/// makes them (sqlite.org/c3ref/wal_hook.html).
///
/// # Errors
/// SQLite's own: no memory.
pub fn watch_commits(connection: &Connection) -> Result<Rc<Committed>> {
    let committed = Rc::new(Committed::default());
    let given: *mut c_void = Rc::into_raw(committed.clone()).cast_mut().cast();
    // SAFETY: the handle is open; SQLite owns the counters' second holder from now on and drops it even where this fails.
    unsafe {
        let db = connection.handle();
        checked(ffi::sqlite3_set_clientdata(db, COMMITTED.as_ptr(), given, Some(drop_committed)))?;
        ffi::sqlite3_wal_hook(db, Some(count_commit), given);
    }
    Ok(committed)
}

/// Says whether an action (`SQLITE_READ`, …) on a name may be compiled.
pub type Allowed = fn(action: i32, name: &str) -> bool;

unsafe extern "C" fn authorize(
    allowed: *mut c_void,
    action: c_int,
    name: *const c_char,
    _: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    // SAFETY: `allowed` is the function that `authorizer` gave; the name is NULL or a C string alive during the call.
    let (allowed, name) = unsafe {
        let name = if name.is_null() { c"" } else { CStr::from_ptr(name) };
        (std::mem::transmute::<*mut c_void, Allowed>(allowed), name)
    };
    if allowed(action, name.to_str().unwrap_or("")) { ffi::SQLITE_OK } else { ffi::SQLITE_DENY }
}

/// Asks `allowed` about every action of every statement that is compiled from now on.
///
/// # Errors
/// SQLite's own.
pub fn authorizer(connection: &Connection, allowed: Allowed) -> Result<()> {
    // SAFETY: the handle is open; a function lives for ever.
    checked(unsafe { ffi::sqlite3_set_authorizer(connection.handle(), Some(authorize), allowed as *mut c_void) })
}

/// Lets SQLite allocate at most `bytes` in this process, all connections together; 0: without limit.
pub fn limit_heap(bytes: u64) {
    // SAFETY: no pointers involved.
    unsafe { ffi::sqlite3_hard_heap_limit64(i64::try_from(bytes).unwrap_or(0)) };
}

/// Bytes that SQLite holds in this process, all connections together.
pub fn heap_bytes() -> u64 {
    // SAFETY: no pointers involved.
    u64::try_from(unsafe { ffi::sqlite3_memory_used() }).unwrap_or(0)
}

/// Copies a value of SQLite's. A blob is a text here.
///
/// # Safety
/// The value is valid and protected.
pub(super) unsafe fn value(raw: *mut ffi::sqlite3_value) -> Value {
    // SAFETY: by contract; the bytes are copied at once, and their length is asked after the pointer, as SQLite wants it.
    unsafe {
        match ffi::sqlite3_value_type(raw) {
            ffi::SQLITE_INTEGER => Value::Integer(ffi::sqlite3_value_int64(raw)),
            ffi::SQLITE_FLOAT => Value::Real(ffi::sqlite3_value_double(raw)),
            ffi::SQLITE_NULL => Value::Null,
            _ => {
                let start = ffi::sqlite3_value_blob(raw).cast::<u8>();
                let length = usize::try_from(ffi::sqlite3_value_bytes(raw)).unwrap_or(0);
                Value::Text(if start.is_null() {
                    Vec::new()
                } else {
                    std::slice::from_raw_parts(start, length).to_vec()
                })
            }
        }
    }
}

/// Makes a text the result of a function or a column.
///
/// # Safety
/// The context is the one of the call being served.
pub(super) unsafe fn answer_text(call: *mut ffi::sqlite3_context, text: &[u8]) {
    let (start, length, utf8) = (text.as_ptr().cast(), text.len() as u64, ffi::SQLITE_UTF8 as u8);
    // SAFETY: by contract; SQLite copies the text before it returns.
    unsafe { ffi::sqlite3_result_text64(call, start, length, ffi::SQLITE_TRANSIENT(), utf8) };
}

/// Makes `outcome` the result of a function or a column.
///
/// # Safety
/// The context is the one of the call being served.
pub(super) unsafe fn answer(call: *mut ffi::sqlite3_context, outcome: &std::result::Result<Value, TableError>) {
    // SAFETY: by contract.
    unsafe {
        match outcome {
            Ok(Value::Null) => ffi::sqlite3_result_null(call),
            Ok(Value::Integer(number)) => ffi::sqlite3_result_int64(call, *number),
            Ok(Value::Real(number)) => ffi::sqlite3_result_double(call, *number),
            Ok(Value::Text(text)) => answer_text(call, text),
            Err(error) => {
                let length = c_int::try_from(error.message.len()).unwrap_or(0);
                ffi::sqlite3_result_error(call, error.message.as_ptr().cast(), length);
                // After the text, which sets a code of its own.
                ffi::sqlite3_result_error_code(call, error.code);
            }
        }
    }
}

/// Whether a text ends with a complete statement (sqlite.org/c3ref/complete.html).
pub fn is_complete(sql: &str) -> bool {
    let Ok(sql) = CString::new(sql) else { return true };
    // SAFETY: the text is terminated.
    unsafe { ffi::sqlite3_complete(sql.as_ptr()) == 1 }
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn a_statement_ends_with_a_semicolon_outside_of_quotes_and_comments() {
        for (sql, wanted) in
            [("select 1;", true), ("select 1; -- x", true), ("select 1", false), ("select ';", false), ("/* ;", false)]
        {
            assert_eq!(is_complete(sql), wanted, "{sql}");
        }
    }
}
