//! What a query may take, and what it has taken: SQLite asks every few thousand steps, the table adaptor at rows, tables
//! and functions that work long in between. One look costs an atomic load and one or two clock readings, and nothing is
//! allocated.
//!
//! SQLite's own memory ends at its heap limit; what tables, caches and printers hold is charged here, and both together
//! must stay below the limit.

use super::table::TableError;
use crate::sys::sqlite::{self, Handle};
use crate::sys::{clock, process, signal};
use std::cell::Cell;
use std::fmt::Write;

/// SQLITE_NOMEM.
const NOMEM: i32 = 7;
/// SQLITE_INTERRUPT.
const INTERRUPT: i32 = 9;
/// SQLITE_TOOBIG.
const TOOBIG: i32 = 18;
/// Rows between two looks at the clocks.
const STRIDE: u32 = 64;

/// What one run of SQL may take; 0: without limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory: SQLite's (for the whole process) and what the tables and the output hold.
    pub heap_bytes: u64,
    /// Time, ms.
    pub wall_ms: u64,
    /// CPU time of this process, ms.
    pub cpu_ms: u64,
    /// Rows of the result, all statements together.
    pub rows: u64,
}

impl Default for Limits {
    /// Safe on a machine of 128 MB, and no query that ends by itself notices them.
    fn default() -> Self {
        Limits { heap_bytes: 64 << 20, wall_ms: 600_000, cpu_ms: 0, rows: 0 }
    }
}

/// The limits, and how much of them is used.
#[derive(Default)]
pub struct Budget {
    limits: Cell<Limits>,
    /// The connection whose statements are meant.
    pub handle: Handle,
    started_ns: Cell<i64>,
    started_cpu_us: Cell<i64>,
    charged: Cell<u64>,
    rows: Cell<u64>,
    ticks: Cell<u32>,
}

/// A limit that has been reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Interrupt,
    Wall,
    Cpu,
    Memory,
    Rows,
}

impl Budget {
    /// A budget with these limits, nothing of it used.
    pub fn new(limits: Limits) -> Self {
        Budget { limits: Cell::new(limits), ..Budget::default() }
    }

    /// Other limits, from now on.
    pub fn limit(&self, limits: Limits) {
        self.limits.set(limits);
    }

    /// Begins a run: its time and rows count from now.
    pub fn start(&self) {
        self.started_ns.set(clock::monotonic_ns());
        self.rows.set(0);
        if self.limits.get().cpu_ms > 0 {
            self.started_cpu_us.set(process::cpu_us());
        }
    }

    /// What is left of the time, ns; none where time is without limit or no run has begun.
    pub fn left_ns(&self) -> Option<u64> {
        let timed = self.limits.get().wall_ms > 0 && self.started_ns.get() > 0;
        let passed = clock::monotonic_ns().saturating_sub(self.started_ns.get());
        let limit_ns = self.limits.get().wall_ms.saturating_mul(1_000_000);
        timed.then(|| limit_ns.saturating_sub(u64::try_from(passed).unwrap_or(0)))
    }

    fn is_interrupted(&self) -> bool {
        signal::interrupted() || self.handle.is_interrupted()
    }

    fn reached(&self) -> Option<Reached> {
        if self.is_interrupted() {
            return Some(Reached::Interrupt);
        }
        if self.left_ns() == Some(0) {
            return Some(Reached::Wall);
        }
        if self.limits.get().cpu_ms > 0 && self.started_ns.get() > 0 {
            let used_us = process::cpu_us().saturating_sub(self.started_cpu_us.get());
            if u64::try_from(used_us).unwrap_or(0) >= self.limits.get().cpu_ms.saturating_mul(1000) {
                return Some(Reached::Cpu);
            }
        }
        self.is_full(0).then_some(Reached::Memory)
    }

    /// Whether memory ends with `more` bytes. SQLite's share counts only where there is another: alone it has its own
    /// limit.
    fn is_full(&self, more: u64) -> bool {
        let held = self.charged.get().saturating_add(more);
        let limit = self.limits.get().heap_bytes;
        limit > 0 && held > 0 && held.saturating_add(sqlite::heap_bytes()) > limit
    }

    /// Whether the run must end: somebody pressed Ctrl-C or called `sqlite3_interrupt`, or a limit is reached.
    ///
    /// # Errors
    /// What it is, and which option raises the limit.
    pub fn check(&self) -> Result<(), TableError> {
        self.reached().map_or(Ok(()), |reached| Err(self.error(reached)))
    }

    /// The same for those who ask often: it looks at the clocks at every 64th call only.
    ///
    /// # Errors
    /// As [`Budget::check`].
    pub fn tick(&self) -> Result<(), TableError> {
        let ticks = self.ticks.get().wrapping_add(1);
        self.ticks.set(ticks);
        if ticks % STRIDE == 0 || self.is_interrupted() { self.check() } else { Ok(()) }
    }

    /// Counts memory that a table, a cache or the output holds from now on.
    ///
    /// # Errors
    /// There is not so much; nothing is counted.
    pub fn charge(&self, bytes: usize) -> Result<(), TableError> {
        let bytes = bytes as u64;
        if self.is_full(bytes) {
            return Err(self.error(Reached::Memory));
        }
        self.charged.set(self.charged.get().saturating_add(bytes));
        Ok(())
    }

    /// Gives back what was charged.
    pub fn release(&self, bytes: usize) {
        self.charged.set(self.charged.get().saturating_sub(bytes as u64));
    }

    /// Counts a row of the result.
    ///
    /// # Errors
    /// There were as many as there may be.
    pub fn row(&self) -> Result<(), TableError> {
        self.rows.set(self.rows.get() + 1);
        if self.limits.get().rows > 0 && self.rows.get() > self.limits.get().rows {
            Err(self.error(Reached::Rows))
        } else {
            Ok(())
        }
    }

    /// What stands behind SQLite's own "interrupted" or "out of memory", if this budget does.
    pub fn explain(&self, code: i32) -> Option<TableError> {
        match code {
            INTERRUPT => self.reached().map(|reached| self.error(reached)),
            NOMEM if self.limits.get().heap_bytes > 0 => Some(self.error(Reached::Memory)),
            _ => None,
        }
    }

    fn error(&self, reached: Reached) -> TableError {
        let mut message = String::new();
        // Writing to a string cannot fail.
        let _ = match reached {
            Reached::Interrupt => write!(message, "interrupted"),
            Reached::Wall => write!(
                message,
                "the query was stopped at its time limit of {} (--time-limit SECONDS raises it, 0 removes it)",
                seconds(self.limits.get().wall_ms)
            ),
            Reached::Cpu => write!(
                message,
                "the query was stopped at its CPU limit of {} (--cpu-limit SECONDS raises it, 0 removes it)",
                seconds(self.limits.get().cpu_ms)
            ),
            Reached::Memory => write!(
                message,
                "the query needs more than its memory limit of {} (--memory-limit MIB raises it, 0 removes it)",
                mebibytes(self.limits.get().heap_bytes)
            ),
            Reached::Rows => write!(
                message,
                "the result has more than {} rows, its limit (--row-limit ROWS raises it, 0 removes it)",
                self.limits.get().rows
            ),
        };
        let code = match reached {
            Reached::Memory => NOMEM,
            Reached::Rows => TOOBIG,
            _ => INTERRUPT,
        };
        TableError { code, message }
    }
}

fn seconds(ms: u64) -> String {
    if ms % 1000 == 0 { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}

fn mebibytes(bytes: u64) -> String {
    if bytes % (1 << 20) == 0 { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}
