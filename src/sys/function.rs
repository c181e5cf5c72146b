//! SQL functions: SQLite's C interface (sqlite.org/c3ref/create_function.html) on one side, a list of
//! [`Function`]s on the other. One entry serves them all, so a function costs its own code and nothing more.

use super::sqlite::{answer, checked, context};
use crate::sql::functions::{Function, Nature};
use rusqlite::{Connection, Result, ffi};
use std::ffi::{CStr, c_int};

/// What kind of value an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

/// The arguments of a call. Those beyond the last read as NULL.
pub struct Arguments<'call> {
    values: &'call [*mut ffi::sqlite3_value],
}

impl<'call> Arguments<'call> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// What an argument is, before any conversion.
    pub fn kind(&self, index: usize) -> Kind {
        let Some(&value) = self.values.get(index) else { return Kind::Null };
        // SAFETY: SQLite's own values, valid during the call.
        match unsafe { ffi::sqlite3_value_type(value) } {
            ffi::SQLITE_INTEGER => Kind::Integer,
            ffi::SQLITE_FLOAT => Kind::Real,
            ffi::SQLITE_TEXT => Kind::Text,
            ffi::SQLITE_BLOB => Kind::Blob,
            _ => Kind::Null,
        }
    }

    /// Whether an argument is NULL.
    pub fn is_null(&self, index: usize) -> bool {
        self.kind(index) == Kind::Null
    }

    /// An argument as text, as SQLite converts it, up to its first NUL byte; None for NULL.
    pub fn text(&self, index: usize) -> Option<&'call [u8]> {
        let &value = self.values.get(index)?;
        // SAFETY: valid during the call; the text ends with a NUL byte and stays where it is, since it is only ever
        // converted to UTF-8.
        unsafe {
            let text = ffi::sqlite3_value_text(value);
            (!text.is_null()).then(|| CStr::from_ptr(text.cast()).to_bytes())
        }
    }

    /// An argument as an integer, as SQLite converts it: 0 for what is none.
    pub fn integer(&self, index: usize) -> i64 {
        // SAFETY: valid during the call.
        self.values.get(index).map_or(0, |&value| unsafe { ffi::sqlite3_value_int64(value) })
    }

    /// An argument as a double, as SQLite converts it: 0 for what is none.
    pub fn real(&self, index: usize) -> f64 {
        // SAFETY: valid during the call.
        self.values.get(index).map_or(0.0, |&value| unsafe { ffi::sqlite3_value_double(value) })
    }
}

unsafe extern "C" fn call(call: *mut ffi::sqlite3_context, count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: the user data is the Function given to `register`, which is static; the values are as many as SQLite says,
    // and there may be none; the context belongs to the connection that is calling.
    unsafe {
        let function = &*ffi::sqlite3_user_data(call).cast::<Function>();
        let count = usize::try_from(count).unwrap_or(0);
        let values = if count == 0 { &[] } else { std::slice::from_raw_parts(values, count) };
        let Some(context) = context(ffi::sqlite3_context_db_handle(call)) else { return };
        answer(call, &(function.call)(&Arguments { values }, context));
    }
}

/// An aggregate's step: its answer does not depend on its rows (there is one such aggregate, `carve`).
unsafe extern "C" fn pass(_: *mut ffi::sqlite3_context, _: c_int, _: *mut *mut ffi::sqlite3_value) {}

unsafe extern "C" fn finish(context: *mut ffi::sqlite3_context) {
    // SAFETY: as in `call`, without arguments.
    unsafe { call(context, 0, std::ptr::null_mut()) }
}

/// Makes a function known to a connection that has its context ([`super::sqlite::share`]).
///
/// # Errors
/// SQLite's own: no memory, or more arguments than there may be.
pub fn register(connection: &Connection, function: &'static Function) -> Result<()> {
    let aggregate = function.nature == Nature::Aggregate;
    let deterministic = if function.nature == Nature::Pure { ffi::SQLITE_DETERMINISTIC } else { 0 };
    for &count in function.arguments {
        // SAFETY: the handle is open; name and user data are static.
        checked(unsafe {
            ffi::sqlite3_create_function_v2(
                connection.handle(),
                function.name.as_ptr(),
                count,
                ffi::SQLITE_UTF8 | deterministic,
                std::ptr::from_ref(function).cast_mut().cast(),
                if aggregate { None } else { Some(call) },
                if aggregate { Some(pass) } else { None },
                if aggregate { Some(finish) } else { None },
                None,
            )
        })?;
    }
    Ok(())
}
