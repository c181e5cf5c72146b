//! Rows of a table that one statement scans again and again, as the inner side of a join does: the third scan with the
//! same question and each one after it are answered from memory. Tables that osquery calls cacheable only. Kept until
//! the statement ends, at most [`BYTES`] in all and [`QUESTIONS`] different questions; what does not fit is read again
//! each time, as if there were no cache.
//!
//! The first scan streams and costs nothing more; the second one reads its rows ahead.

use super::table::{Constraint, Context, Cursor, Query, Table, TableError, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// Tables whose rows may be kept for the length of a statement (osquery: `cacheable` in their specs).
const CACHEABLE: &[&str] = &[
    "certificates",
    "crontab",
    "deb_packages",
    "docker_info",
    "docker_version",
    "etc_hosts",
    "etc_protocols",
    "etc_services",
    "interface_addresses",
    "interface_details",
    "kernel_info",
    "last",
    "listening_ports",
    "logged_in_users",
    "processes",
    "routes",
    "rpm_packages",
    "startup_items",
    "suid_bin",
];
/// Most memory for rows.
const BYTES: usize = 4 << 20;
/// Most questions remembered.
const QUESTIONS: usize = 32;

type Row = Box<[Value]>;

/// The rows of the running statement.
#[derive(Default)]
pub struct Cache {
    entries: RefCell<Vec<Entry>>,
}

/// A question, and its rows.
struct Entry {
    table: &'static str,
    used: u64,
    constraints: Vec<Constraint>,
    rows: Kept,
    bytes: usize,
}

enum Kept {
    /// It has been asked once.
    Asked,
    Rows(Rc<Vec<Row>>),
    /// They do not fit.
    Never,
}

impl Cache {
    /// Forgets everything: a statement has ended.
    pub fn clear(&self, context: &Context) {
        for entry in self.entries.borrow_mut().drain(..) {
            context.budget.release(entry.bytes);
        }
    }

    fn find<T>(&self, table: &Table, query: &Query, found: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let asks = |entry: &&mut Entry| {
            entry.table == table.name && entry.used == query.used && entry.constraints == query.constraints
        };
        self.entries.borrow_mut().iter_mut().find(asks).map(found)
    }
}

/// A scan over kept rows.
pub struct Replay {
    rows: Rc<Vec<Row>>,
    next: usize,
}

impl Replay {
    /// Opens a scan of a table, from memory where its rows are there.
    ///
    /// # Errors
    /// The table's.
    pub fn scan(table: &'static Table, query: Query) -> Result<Box<dyn Cursor>, TableError> {
        if !CACHEABLE.contains(&table.name) {
            return (table.open)(query);
        }
        let context = query.context.clone();
        let known = context.cache.find(table, &query, |entry| match &entry.rows {
            Kept::Rows(rows) => (Some(rows.clone()), false),
            Kept::Asked => (None, true),
            Kept::Never => (None, false),
        });
        match known {
            Some((Some(rows), _)) => Ok(Box::new(Replay { rows, next: 0 })),
            Some((None, true)) => ahead(table, query, &context),
            Some((None, false)) => (table.open)(query),
            None => {
                let mut entries = context.cache.entries.borrow_mut();
                if entries.len() < QUESTIONS {
                    let (used, constraints) = (query.used, query.constraints.clone());
                    entries.push(Entry { table: table.name, used, constraints, rows: Kept::Asked, bytes: 0 });
                }
                drop(entries);
                (table.open)(query)
            }
        }
    }
}

fn copy(query: &Query) -> Query {
    Query { used: query.used, constraints: query.constraints.clone(), context: query.context.clone() }
}

/// Reads a scan to its end and keeps it; if it does not fit, the scan begins anew and is not kept.
fn ahead(table: &'static Table, query: Query, context: &Context) -> Result<Box<dyn Cursor>, TableError> {
    let kept: usize = context.cache.entries.borrow().iter().map(|entry| entry.bytes).sum();
    let mut cursor = (table.open)(copy(&query))?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let fits = loop {
        context.budget.tick()?;
        if !cursor.advance()? {
            break true;
        }
        let mut row = Vec::with_capacity(table.columns.len());
        for column in 0..table.columns.len() {
            let wanted = query.wants(column) && table.absent(column).is_none();
            row.push(if wanted { cursor.column(column)? } else { Value::Null });
        }
        bytes += row.iter().map(size).sum::<usize>() + size_of::<Row>();
        rows.push(row.into_boxed_slice());
        if kept + bytes > BYTES {
            break false;
        }
    };
    let fits = fits && context.budget.charge(bytes).is_ok();
    let rows = Rc::new(rows);
    context.cache.find(table, &query, |entry| {
        (entry.rows, entry.bytes) = if fits { (Kept::Rows(rows.clone()), bytes) } else { (Kept::Never, 0) };
    });
    if fits { Ok(Box::new(Replay { rows, next: 0 })) } else { (table.open)(query) }
}

fn size(value: &Value) -> usize {
    size_of::<Value>() + if let Value::Text(text) = value { text.len() } else { 0 }
}

impl Cursor for Replay {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.next += 1;
        Ok(self.next <= self.rows.len())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let row = self.rows.get(self.next.wrapping_sub(1));
        Ok(row.and_then(|row| row.get(column)).cloned().unwrap_or(Value::Null))
    }

    fn lying(&self, column: usize) -> Option<&[u8]> {
        self.rows.get(self.next.wrapping_sub(1))?.get(column)?.as_text()
    }
}
