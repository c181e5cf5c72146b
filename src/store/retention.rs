//! What leaves the database: events too old or too many, in small steps, so that the loop never stalls.
//!
//! A row goes when nothing in the file descends from it and no image in the cache holds it; until then it stays as an
//! ancestor (`visible = 0`). Such rows are looked at again in rotation. An `origin` is always an ancestor as well, so it
//! is never missed. One step looks at a bounded number of rows, more if rows come in faster than that.

use super::row::RowId;
use super::writer::Writer;
use rusqlite::Connection;

/// Rows looked at in one step, at least and at most.
const STEP_ROWS: (usize, usize) = (64, 512);
/// Free pages left in the file for new rows; more are given back to the file system.
const FREE_PAGES: i64 = 256;
/// Pages given back in one step.
const VACUUM_PAGES: i64 = 64;

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

fn pragma(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

/// Bytes of the pages in use.
pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<i64> {
    let pages = pragma(connection, "PRAGMA page_count")? - pragma(connection, "PRAGMA freelist_count")?;
    Ok(pages * 4096)
}

impl Writer {
    /// One step. `held`: whether an image in the cache refers to a row of this run. Call it after a flush.
    pub fn retain(&mut self, now_ns: i64, epoch_ns: i64, held: &dyn Fn(RowId) -> bool) {
        let Some(connection) = self.connection.take() else { return };
        let result = self.step(&connection, epoch_ns, held);
        if result.is_err() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        self.connection = Some(connection);
        if let Err(error) = result {
            self.failed("removing old events from", &error, now_ns);
        }
    }

    fn step(&mut self, connection: &Connection, epoch_ns: i64, held: &dyn Fn(RowId) -> bool) -> rusqlite::Result<()> {
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
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.age(connection, epoch_ns, most, &held)?;
        self.sweep_kept(connection, most, &held)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        if pragma(connection, "PRAGMA freelist_count")? > FREE_PAGES {
            connection.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
        }
        self.counters.database_bytes = used_bytes(connection)?;
        Ok(())
    }

    /// The oldest events beyond a limit.
    fn age(
        &mut self,
        connection: &Connection,
        epoch_ns: i64,
        most: usize,
        held: &dyn Fn(i64) -> bool,
    ) -> rusqlite::Result<()> {
        let oldest_ms = epoch_ns / 1_000_000 - self.limits.expiry_s.saturating_mul(1000);
        let too_large = used_bytes(connection)? > self.limits.bytes;
        let sql = "SELECT id, stamp_ms FROM image WHERE id > ?1 AND visible = 1 ORDER BY id LIMIT ?2";
        let mut oldest = connection.prepare_cached(sql)?;
        let mut rows = oldest.query((self.cursors.visible, most as i64))?;
        while let Some(row) = rows.next()? {
            let (id, stamp_ms): (i64, i64) = (row.get(0)?, row.get(1)?);
            let too_many = self.counters.rows_visible > self.limits.events;
            if !(too_large || too_many || stamp_ms < oldest_ms) {
                break;
            }
            if !self.delete(connection, id, held)? {
                connection.prepare_cached("UPDATE image SET visible = 0 WHERE id = ?1")?.execute([id])?;
            }
            self.counters.rows_visible -= 1;
            self.counters.rows_expired += 1;
            self.cursors.visible = id;
        }
        Ok(())
    }

    /// Ancestors that nobody descends from any more.
    fn sweep_kept(&mut self, connection: &Connection, most: usize, held: &dyn Fn(i64) -> bool) -> rusqlite::Result<()> {
        let sql = "SELECT id FROM image WHERE visible = 0 AND id > ?1 ORDER BY id LIMIT ?2";
        let mut kept = connection.prepare_cached(sql)?;
        let mut rows = kept.query((self.cursors.kept, most as i64))?;
        let mut seen = 0;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            self.delete(connection, id, held)?;
            self.cursors.kept = id;
            seen += 1;
        }
        if seen < most {
            self.cursors.kept = 0;
        }
        Ok(())
    }

    /// Deletes a row unless something descends from it or it is held; returns whether it is gone.
    fn delete(&self, connection: &Connection, id: i64, held: &dyn Fn(i64) -> bool) -> rusqlite::Result<bool> {
        let child = "SELECT EXISTS(SELECT 1 FROM image WHERE parent = ?1)";
        let has_child: bool = connection.prepare_cached(child)?.query_row([id], |row| row.get(0))?;
        if has_child || held(id) {
            return Ok(false);
        }
        connection.prepare_cached("DELETE FROM image WHERE id = ?1")?.execute([id])?;
        Ok(true)
    }
}
