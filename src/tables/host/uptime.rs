//! `uptime`: seconds since boot, one row. From CLOCK_BOOTTIME, suspended time included, as /proc/uptime counts it.

use crate::sql::table::{Column, Rows, Table, Type, column};
use crate::sys::clock::Clock;

const COLUMNS: &[Column] = &[
    column("days", Type::Integer, 0, "Whole days."),
    column("hours", Type::Integer, 0, "Hours of the day begun."),
    column("minutes", Type::Integer, 0, "Minutes of the hour begun."),
    column("seconds", Type::Integer, 0, "Seconds of the minute begun."),
    column("total_seconds", Type::BigInt, 0, "All of it, seconds."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "uptime",
    help: "Seconds since boot, one row",
    columns: COLUMNS,
    open: |_| {
        let clock = Clock::now();
        let total = (clock.monotonic_ns + clock.boot_offset_ns) / 1_000_000_000;
        let row = [total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60, total];
        Ok(Rows::of(vec![row.map(Into::into).to_vec()]))
    },
};
