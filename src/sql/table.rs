//! What a table is: a description, and a function that opens a scan. The one adaptor ([`crate::sys::vtab`]) does the rest.
//!
//! A scan is a cursor: it holds one row at a time, so a table of a million rows needs no more memory than one of ten. A
//! column is computed when SQLite asks for it, so a dear one (a readlink, a chain) costs nothing unless it is wanted.

use super::cache::Cache;
use super::functions::regex::Patterns;
use super::limits::Budget;
use crate::config::flags::Flags;
use crate::sys::root::Root;
use rusqlite::types::ValueRef;
use std::cell::OnceCell;
use std::path::PathBuf;

/// Column types of osquery's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Text,
    Integer,
    BigInt,
    UnsignedBigInt,
    Double,
}

impl Type {
    /// As osquery writes it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Text => "TEXT",
            Type::Integer => "INTEGER",
            Type::BigInt => "BIGINT",
            Type::UnsignedBigInt => "UNSIGNED BIGINT",
            Type::Double => "DOUBLE",
        }
    }
}

/// Not part of `SELECT *`.
pub const HIDDEN: u16 = 1;
/// At least one required column must be constrained.
pub const REQUIRED: u16 = 2;
/// A constraint on it saves work.
pub const INDEX: u16 = 4;
/// A constraint on it changes what the table yields.
pub const ADDITIONAL: u16 = 8;
/// Exists on other platforms only: hidden, absent.
pub const ELSEWHERE: u16 = 16;
/// `IN` lists may come all at once (osquery's mark; here they do where [`LISTS`] stands beside it).
pub const OPTIMIZED: u16 = 32;

/// An equality on it is a question to the table and no condition on its rows: SQLite does not check it again.
pub const ARGUMENT: u16 = 64;

/// The table reads [`Query::equals`]: an `IN` list comes all at once, in one scan. Without it each value has its scan.
pub const LISTS: u16 = 128;

/// The table walks what a LIKE pattern on it stands for: see [`Table::walks_all_of`].
pub const WALKED: u16 = 256;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// HIDDEN, REQUIRED, …
    pub flags: u16,
    /// A collation to compare by, or nothing.
    pub collate: &'static str,
    /// One line of help: what it says, in which unit.
    pub help: &'static str,
}

/// A column by name, type, flags and help.
pub const fn column(name: &'static str, kind: Type, flags: u16, help: &'static str) -> Column {
    Column { name, kind, flags, collate: "", help }
}

/// A column that only other platforms have.
pub const fn elsewhere(name: &'static str, kind: Type) -> Column {
    column(name, kind, HIDDEN | ELSEWHERE, "Other platforms only; absent here.")
}

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
    /// Opens a scan.
    pub open: fn(Query) -> Result<Box<dyn Cursor>, TableError>,
}

/// A value of a row or a constraint. Text is bytes: names of files need not be UTF-8.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
}

impl Value {
    /// Text from anything that has bytes.
    pub fn text(bytes: impl AsRef<[u8]>) -> Self {
        Value::Text(bytes.as_ref().to_vec())
    }

    /// The same as SQLite hands values out.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text),
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&[u8]> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// A number, or a text that is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Real(number) if number.fract() == 0.0 => Some(*number as i64),
            Value::Text(text) => std::str::from_utf8(text).ok()?.trim().parse().ok(),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Value::Null, Value::Integer)
    }
}

/// Comparison of a constraint; SQLite checks every row again, so a table may use it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Equal = 0,
    Greater = 1,
    GreaterOrEqual = 2,
    Less = 3,
    LessOrEqual = 4,
    Like = 5,
    Glob = 6,
}

impl Op {
    /// As SQL writes it.
    pub fn name(self) -> &'static str {
        match self {
            Op::Equal => "=",
            Op::Greater => ">",
            Op::GreaterOrEqual => ">=",
            Op::Less => "<",
            Op::LessOrEqual => "<=",
            Op::Like => "LIKE",
            Op::Glob => "GLOB",
        }
    }

    /// Back from its number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Op::Equal, Op::Greater, Op::GreaterOrEqual, Op::Less, Op::LessOrEqual, Op::Like, Op::Glob]
            .into_iter()
            .find(|op| *op as u8 == number)
    }
}

/// One term of the WHERE clause.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Constraint {
    pub column: usize,
    pub op: Op,
    pub value: Value,
}

/// What every table of a connection may need to know.
#[derive(Default)]
pub struct Context {
    /// The file system that tables read.
    pub root: Root,
    /// events.db.
    pub database: PathBuf,
    /// events.db, once a table has asked for it.
    pub events: OnceCell<Option<rusqlite::Connection>>,
    /// Names that are tables here: `osquery_info` and others ask for the program's state.
    pub started_epoch_s: i64,
    /// The flags as given on the command line.
    pub flags: Flags,
    /// Told of each scan before it begins: for people who wait.
    pub on_scan: Option<OnScan>,
    /// What the running query may take: tables that hold much memory charge it here.
    pub budget: Budget,
    /// Rows that the running statement scans again and again.
    pub cache: Cache,
    /// The last few compiled patterns of `regex_match` and `regex_split`.
    pub patterns: Patterns,
}

impl Context {
    /// Whether the query must end (Ctrl-C, time, memory): for tables that work long between two rows, as directory walks
    /// and hashing do. Costs two clock readings at most: ask once per file or 64 KiB.
    pub fn interrupted(&self) -> bool {
        self.budget.check().is_err()
    }

    /// The same as an error that says why, for `?`.
    ///
    /// # Errors
    /// The query must end.
    pub fn check(&self) -> Result<(), TableError> {
        self.budget.check()
    }
}

/// Told of a scan.
pub type OnScan = fn(&'static Table, &Query);

/// What a scan is asked.
pub struct Query {
    /// Bit i: column i is wanted; bit 63: any of the columns from 63 on.
    pub used: u64,
    /// Constraints on columns that are REQUIRED, INDEX or ADDITIONAL.
    pub constraints: Vec<Constraint>,
    /// The connection's.
    pub context: std::rc::Rc<Context>,
}

impl Query {
    /// Whether a column is wanted.
    pub fn wants(&self, column: usize) -> bool {
        self.used & (1 << column.min(63)) != 0
    }

    /// The value that a column must equal, if there is one. None for a list of several ([`LISTS`]).
    pub fn equal(&self, column: usize) -> Option<&Value> {
        let mut values = self.equals(column);
        values.next().filter(|first| values.all(|other| other == *first))
    }

    /// The values of which a column must equal one: of `=` one, of an `IN` list all ([`LISTS`]), each once; none where it
    /// need not equal any.
    pub fn equals(&self, column: usize) -> impl Iterator<Item = &Value> {
        let equal = move |constraint: &&Constraint| constraint.column == column && constraint.op == Op::Equal;
        self.constraints.iter().filter(equal).map(|constraint| &constraint.value)
    }
}

/// A scan. Begins before its first row.
pub trait Cursor {
    /// Goes to the next row; false when there is none.
    fn advance(&mut self) -> Result<bool, TableError>;
    /// A column of the row.
    fn column(&mut self, column: usize) -> Result<Value, TableError>;
    /// A text of the row where it lies, which spares a copy of it. None: ask [`Cursor::column`].
    fn lying(&self, _column: usize) -> Option<&[u8]> {
        None
    }
}

/// Why a scan cannot go on: an SQLite result code and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError {
    /// SQLite's result code (1 SQLITE_ERROR, 19 SQLITE_CONSTRAINT).
    pub code: i32,
    /// One sentence.
    pub message: String,
}

impl TableError {
    /// SQLITE_ERROR with a sentence.
    pub fn new(message: impl Into<String>) -> Self {
        TableError { code: 1, message: message.into() }
    }
}

impl Table {
    /// What SQLite is told the table looks like.
    pub fn declaration(&self) -> String {
        let mut sql = format!("CREATE TABLE {}(", self.name);
        for (index, column) in self.columns.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let collate =
                if column.collate.is_empty() { String::new() } else { format!(" COLLATE {}", column.collate) };
            // HIDDEN belongs to the type: SQLite does not understand it behind the collation.
            let hidden = if column.flags & HIDDEN != 0 { " HIDDEN" } else { "" };
            sql.push_str(&format!("{comma}`{}` {}{hidden}{collate}", column.name, column.kind.name()));
        }
        sql.push(')');
        sql
    }

    /// Whether a constraint is handed to the table: the column is one that cares, and it is no range on a text.
    pub fn takes(&self, column: usize, op: Op) -> bool {
        let Some(column) = self.columns.get(column) else { return false };
        let range = matches!(op, Op::Greater | Op::GreaterOrEqual | Op::Less | Op::LessOrEqual);
        column.flags & (REQUIRED | INDEX | ADDITIONAL) != 0 && !(range && column.kind == Type::Text)
    }

    /// Whether a constraint taken need not hold for the rows.
    pub fn is_argument(&self, column: usize, op: Op) -> bool {
        op == Op::Equal && self.columns.get(column).is_some_and(|column| column.flags & ARGUMENT != 0)
    }

    /// Whether every row that the table gives for this pattern, and no other condition on a required column, fulfils it, so
    /// that SQLite need not compare 100,000 paths again. Of an absolute path that ends with `%` that is so: `%` is more to
    /// LIKE than to a walk, and so is `_`; the `/` that a directory has at its end is part of what `%` stands for.
    pub fn walks_all_of(&self, column: usize, pattern: &Value) -> bool {
        let Some(pattern) = pattern.as_text() else { return false };
        let walked = self.columns.get(column).is_some_and(|column| column.flags & WALKED != 0);
        walked && pattern.starts_with(b"/") && pattern.ends_with(b"%") && !pattern.contains(&0)
    }

    /// Whether a column is a required one.
    pub fn requires(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.flags & REQUIRED != 0)
    }

    /// Whether an `IN` list on a column is to come all at once.
    pub fn takes_lists(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.flags & (LISTS | ARGUMENT) == LISTS)
    }

    /// Whether the table has required columns and none of them is among `constrained`.
    pub fn lacks_required(&self, constrained: impl Iterator<Item = usize>) -> bool {
        let any = self.columns.iter().any(|column| column.flags & REQUIRED != 0);
        let mut constrained = constrained;
        any && !constrained.any(|column| self.requires(column))
    }

    /// The value of a column that only other platforms have: '' or NULL, as osquery's rows give it.
    pub fn absent(&self, column: usize) -> Option<Value> {
        let column = self.columns.get(column).filter(|column| column.flags & ELSEWHERE != 0)?;
        Some(if column.kind == Type::Text { Value::text("") } else { Value::Null })
    }

    /// Checks that a required column is among the constrained ones, whatever its value.
    ///
    /// # Errors
    /// SQLITE_CONSTRAINT in osquery's words.
    pub fn demand_required(&self, constrained: &[usize]) -> Result<(), TableError> {
        if self.lacks_required(constrained.iter().copied()) {
            let message = format!("Table {} was queried without a required column in the WHERE clause", self.name);
            return Err(TableError { code: 19, message });
        }
        Ok(())
    }
}

/// A scan over rows that are made at once: for tables of one row or a few.
pub struct Rows {
    rows: std::vec::IntoIter<Vec<Value>>,
    row: Vec<Value>,
}

impl Rows {
    /// A scan over these rows; a row's values are in the order of the columns, what is missing at its end is NULL.
    pub fn of(rows: Vec<Vec<Value>>) -> Box<dyn Cursor> {
        Box::new(Rows { rows: rows.into_iter(), row: Vec::new() })
    }
}

/// A scan over rows that are made one after the other: for tables that may be long.
pub struct Each<F> {
    make: F,
    row: Vec<Value>,
}

impl<F: FnMut() -> Option<Vec<Value>> + 'static> Each<F> {
    /// A scan over what `make` gives until it gives None. A row's values are in the order of the columns, what is missing
    /// at its end is NULL.
    pub fn of(make: F) -> Box<dyn Cursor> {
        Box::new(Each { make, row: Vec::new() })
    }
}

impl<F: FnMut() -> Option<Vec<Value>>> Cursor for Each<F> {
    fn advance(&mut self) -> Result<bool, TableError> {
        let next = (self.make)();
        let more = next.is_some();
        self.row = next.unwrap_or_default();
        Ok(more)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(self.row.get(column).cloned().unwrap_or(Value::Null))
    }

    fn lying(&self, column: usize) -> Option<&[u8]> {
        self.row.get(column)?.as_text()
    }
}

impl Cursor for Rows {
    fn advance(&mut self) -> Result<bool, TableError> {
        let next = self.rows.next();
        let more = next.is_some();
        self.row = next.unwrap_or_default();
        Ok(more)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(self.row.get(column).cloned().unwrap_or(Value::Null))
    }

    fn lying(&self, column: usize) -> Option<&[u8]> {
        self.row.get(column)?.as_text()
    }
}
