//! What leaves the database: events too old or too many, in small steps, so that the loop never stalls.
//!
//! A row goes when nothing in the file descends from it and no image in the cache holds it; until then it stays as an
//! ancestor (`visible = 0`). Such rows are looked at again in rotation. An `origin` is always an ancestor as well, so it
//! is never missed. One step looks at a bounded number of rows, more if rows come in faster than that.

use super::batch::Sql;
use super::row::RowId;
use super::writer::Writer;
use crate::sys::prepared::Prepared;

/// Rows looked at in one step, at least and at most.
pub(super) const STEP_ROWS: (usize, usize) = (64, 512);
/// Free pages left in the file for new rows; more are given back to the file system.
const FREE_PAGES: i64 = 256;

/// Where the steps have got to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursors {
    /// No visible row has an id up to this.
    visible: i64,
    /// Where the rotation through the ancestors is.
    kept: i64,
    /// Rows written when the last step was made.
    written: u64,
    /// Steps made.
    steps: u32,
}

/// Bytes of the pages in use.
pub(super) fn used_bytes(prepared: &mut Prepared) -> rusqlite::Result<i64> {
    let pages = prepared.number(Sql::PageCount as usize, [])? - prepared.number(Sql::FreelistCount as usize, [])?;
    Ok(pages * 4096)
}

impl Writer {
    /// One step. `held`: whether an image in the cache refers to a row of this run. Call it after a flush.
    pub fn retain(&mut self, now_ns: i64, epoch_ns: i64, held: &dyn Fn(RowId) -> bool) {
        let Some(mut prepared) = self.connection.take() else { return };
        let result = self.step(&mut prepared, epoch_ns, held);
        if result.is_err() {
            let _ = prepared.connection().execute_batch("ROLLBACK");
        }
        self.connection = Some(prepared);
        if let Err(error) = result {
            self.failed("removing old events from", &error, now_ns);
        }
    }

    fn step(&mut self, prepared: &mut Prepared, epoch_ns: i64, held: &dyn Fn(RowId) -> bool) -> rusqlite::Result<()> {
        let new = (self.counters.rows_written - self.cursors.written) as usize;
        self.cursors.written = self.counters.rows_written;
        self.cursors.steps = self.cursors.steps.wrapping_add(1);
        if self.cursors.steps % 1024 == 0 {
            // A row that was an ancestor first and became an event later lies behind the cursor.
            self.cursors.visible = 0;
        }
        let most = (new * 2).clamp(STEP_ROWS.0, STEP_ROWS.1);
        let base = self.base.unwrap_or(0);
        let held = |id: i64| id > base && u32::try_from(id - base).is_ok_and(|id| held(RowId(id)));
        prepared.run(Sql::Begin as usize, [])?;
        let mut rows = std::mem::take(&mut self.scratch);
        let stepped = self
            .age(prepared, epoch_ns, most, &mut rows, &held)
            .and_then(|()| self.sweep_kept(prepared, most, &mut rows, &held));
        self.scratch = rows;
        stepped?;
        prepared.run(Sql::Commit as usize, [])?;
        if prepared.number(Sql::FreelistCount as usize, [])? > FREE_PAGES {
            prepared.number(Sql::Vacuum as usize, [])?;
        }
        self.counters.database_bytes = used_bytes(prepared)?;
        Ok(())
    }

    /// The oldest events beyond a limit.
    fn age(
        &mut self,
        prepared: &mut Prepared,
        epoch_ns: i64,
        most: usize,
        rows: &mut Vec<i64>,
        held: &dyn Fn(i64) -> bool,
    ) -> rusqlite::Result<()> {
        let oldest_ms = epoch_ns / 1_000_000 - self.limits.expiry_s.saturating_mul(1000);
        let too_large = used_bytes(prepared)? > self.limits.bytes;
        rows.clear();
        let too_many = self.counters.rows_visible - self.limits.events;
        prepared.pairs(Sql::Oldest as usize, (self.cursors.visible, most as i64), |id, stamp_ms| {
            let due = too_large || too_many > rows.len() as i64 || stamp_ms < oldest_ms;
            if due {
                rows.push(id);
            }
            due
        })?;
        for &id in rows.iter() {
            if !delete(prepared, id, held)? {
                prepared.run(Sql::Hide as usize, [id])?;
            }
            self.counters.rows_visible -= 1;
            self.counters.rows_expired += 1;
            self.cursors.visible = id;
        }
        Ok(())
    }

    /// Ancestors that nobody descends from any more.
    fn sweep_kept(
        &mut self,
        prepared: &mut Prepared,
        most: usize,
        rows: &mut Vec<i64>,
        held: &dyn Fn(i64) -> bool,
    ) -> rusqlite::Result<()> {
        rows.clear();
        prepared.pairs(Sql::Kept as usize, (self.cursors.kept, most as i64), |id, _| {
            rows.push(id);
            true
        })?;
        for &id in rows.iter() {
            delete(prepared, id, held)?;
            self.cursors.kept = id;
        }
        if rows.len() < most {
            self.cursors.kept = 0;
        }
        Ok(())
    }
}

/// Deletes a row unless something descends from it or it is held; returns whether it is gone.
fn delete(prepared: &mut Prepared, id: i64, held: &dyn Fn(i64) -> bool) -> rusqlite::Result<bool> {
    let has_child = prepared.number(Sql::HasChild as usize, [id])? != 0;
    if has_child || held(id) {
        return Ok(false);
    }
    prepared.run(Sql::Delete as usize, [id])?;
    Ok(true)
}
