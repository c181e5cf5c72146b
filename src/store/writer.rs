//! The one writer of events.db: batches, and what happens when the database does not want them.
//!
//! One transaction a batch, WAL mode. A commit does not wait for the disk; once a second the WAL is synced if anything
//! was written (see `durable`), so a power cut costs at most the last second, a `kill -9` only what was not committed yet. A database
//! that cannot take rows (disk full, read-only, locked) keeps them waiting in memory up to [`Pending`]'s capacity and is
//! tried again each second; a damaged one, or one of another version, is renamed and a new one begun.

use super::batch::{self, Sql};
use super::durable::{Durable, StepError};
use super::pending::Pending;
use super::row::{End, ImageRow, RowId};
use super::schema;
use super::status::Numbers;
use crate::lineage::Rows;
use crate::log;
use crate::sys::clock;
use crate::sys::prepared::Prepared;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};

/// A batch goes out this long after its last row, ns …
const IDLE_NS: i64 = 50_000_000;
/// … or this long after its first …
const OLDEST_NS: i64 = 1_000_000_000;
/// … or at this many rows.
const BATCH_ROWS: usize = 256;
/// How long a database that failed is left alone, ns.
const RETRY_NS: i64 = 1_000_000_000;

/// How much the database may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Age at which events leave, seconds.
    pub expiry_s: i64,
    /// Visible events.
    pub events: i64,
    /// Bytes of pages in use.
    pub bytes: i64,
}

/// The texts of the agent's row.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)]
pub struct AgentTexts<'a> {
    pub source: &'a str,
    pub instance_id: &'a str,
}

/// What the writer counts; all since its making but `rows_visible` and `database_bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct WriterCounters {
    pub rows_written: u64,
    pub rows_dropped: u64,
    pub rows_expired: u64,
    pub rows_visible: i64,
    pub database_bytes: i64,
    pub set_aside: u64,
}

/// See the module's head.
pub struct Writer {
    path: PathBuf,
    pub(super) limits: Limits,
    pub(super) connection: Option<Prepared>,
    /// Ends after the connection. None: nobody syncs.
    pub(super) durable: Option<Durable>,
    is_synced: bool,
    /// Waits of those that were there before `durable`.
    waits: u64,
    pending: Pending,
    /// File ids are this plus [`RowId`].
    pub(super) base: Option<i64>,
    /// The newest row written.
    newest: RowId,
    first_ns: i64,
    last_ns: i64,
    retry_ns: i64,
    /// Since when a newly begun file lacks the rows of images that live.
    begun_anew: bool,
    last_error: String,
    pub(super) cursors: super::retention::Cursors,
    /// Rows that retention looks at in a step.
    pub(super) scratch: Vec<i64>,
    /// Counters.
    pub counters: WriterCounters,
}

/// The file of a database path, which may name a directory.
pub fn database_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("events.db") } else { path.to_path_buf() }
}

impl Writer {
    /// A writer for the file at `path`. Never fails: a database that cannot be had now is tried again each second.
    pub fn open(path: &Path, limits: Limits) -> Self {
        Self::begin(path, limits, true)
    }

    /// One for a database that can be made again from what it is made of: writing it does not wait for the disk, and
    /// nobody syncs it.
    ///
    /// # Errors
    /// It cannot be had: a sentence.
    pub fn unsynced(path: &Path, limits: Limits) -> Result<Self, String> {
        let mut writer = Self::begin(path, limits, false);
        writer.set_pragma("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=4096;")?;
        Ok(writer)
    }

    fn begin(path: &Path, limits: Limits, is_synced: bool) -> Self {
        let mut writer = Writer {
            path: path.to_path_buf(),
            limits,
            connection: None,
            durable: None,
            is_synced,
            waits: 0,
            pending: Pending::new(),
            base: None,
            newest: RowId::NONE,
            first_ns: 0,
            last_ns: 0,
            retry_ns: 0,
            begun_anew: false,
            last_error: String::new(),
            cursors: Default::default(),
            scratch: Vec::with_capacity(super::retention::STEP_ROWS.1),
            counters: WriterCounters::default(),
        };
        writer.connect(clock::monotonic_ns());
        writer
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One sentence about the last thing that went wrong, or nothing.
    pub fn last_error(&self) -> &str {
        &self.last_error
    }

    /// Rows that wait.
    pub fn waiting(&self) -> usize {
        self.pending.rows()
    }

    /// Whether a new file was begun since this was last asked: rows that images refer to are not in it.
    pub fn took_new_file(&mut self) -> bool {
        std::mem::take(&mut self.begun_anew)
    }

    /// When a batch is to be written next, CLOCK_MONOTONIC ns.
    pub fn due(&self) -> Option<i64> {
        let batch = (self.last_ns + IDLE_NS).min(self.first_ns + OLDEST_NS).max(self.retry_ns);
        (!self.pending.is_empty()).then_some(batch)
    }

    /// When [`Writer::sync`] has something to do next, CLOCK_MONOTONIC ns.
    pub fn sync_due(&self) -> Option<i64> {
        Some(self.durable.as_ref()?.due()?.max(self.retry_ns))
    }

    fn connect(&mut self, now_ns: i64) {
        for attempt in 0..2 {
            match open(&self.path) {
                Ok(connection) => {
                    self.connection = Some(connection);
                    let Err(error) = self.begin_file() else { return };
                    self.fail("reading", &error, now_ns);
                    if !is_corrupt(&error) || attempt > 0 {
                        return;
                    }
                    self.set_aside(&format!("is damaged ({error})"));
                }
                Err(Unusable::Foreign(why)) if attempt == 0 => self.set_aside(&why),
                Err(Unusable::Foreign(why)) => self.note(&why, now_ns),
                Err(Unusable::Sqlite(error)) => {
                    let corrupt = is_corrupt(&error);
                    self.fail("opening", &error, now_ns);
                    if !corrupt || attempt > 0 {
                        return;
                    }
                    self.set_aside(&error.to_string());
                }
            }
        }
    }

    /// What must be known of a file: the largest id (once: ids of this run go on from it) and the number of events.
    fn begin_file(&mut self) -> rusqlite::Result<()> {
        let Some(prepared) = &mut self.connection else { return Ok(()) };
        let connection = prepared.connection();
        if self.is_synced {
            self.durable = Some(Durable::new(&self.path, connection)?);
        }
        let last: i64 = connection.query_row("SELECT coalesce(max(id), 0) FROM image", [], |row| row.get(0))?;
        self.base.get_or_insert(last);
        let counts = "SELECT (SELECT count(*) FROM image) - (SELECT count(*) FROM image WHERE visible = 0)";
        self.counters.rows_visible = connection.query_row(counts, [], |row| row.get(0))?;
        self.counters.database_bytes = super::retention::used_bytes(prepared)?;
        Ok(())
    }

    /// Renames the file (and its WAL), so that a new one can be begun; it is never deleted.
    fn set_aside(&mut self, why: &str) {
        self.disconnect();
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_secs());
        let name = |suffix: &str, number: u64| {
            PathBuf::from(format!("{}.set-aside-{}{suffix}", self.path.display(), seconds + number))
        };
        let number = (0..1000).find(|&number| !name("", number).exists()).unwrap_or(0);
        for suffix in ["-wal", "-shm", ""] {
            let from = PathBuf::from(format!("{}{suffix}", self.path.display()));
            if from.exists()
                && let Err(error) = fs::rename(&from, name(suffix, number))
            {
                log::error(&format!("setting {} aside: {error}; move it away by hand", from.display()));
            }
        }
        let kept = name("", number);
        log::warning(&format!("{} {why}: set aside as {}, beginning a new one", self.path.display(), kept.display()));
        self.last_error = format!("{} {why} and was set aside as {}", self.path.display(), kept.display());
        self.counters.set_aside += 1;
        self.begun_anew = self.base.is_some();
        self.cursors = Default::default();
    }

    fn fail(&mut self, doing: &str, error: &rusqlite::Error, now_ns: i64) {
        let text = format!("{doing} {}: {error}; rows wait in memory until it works", self.path.display());
        self.note(&text, now_ns);
        // A connection that failed may hold a half-done state: the next attempt begins with a new one.
        self.disconnect();
    }

    fn disconnect(&mut self) {
        self.connection = None;
        self.waits += self.durable.take().map_or(0, |durable| durable.waits);
    }

    fn note(&mut self, text: &str, now_ns: i64) {
        if self.last_error != text {
            log::error(text);
            self.last_error = text.to_string();
        }
        self.retry_ns = now_ns + RETRY_NS;
    }

    /// Writes what waits, and the agent's row. Failing is no error of the caller's: rows go on waiting.
    pub fn flush(&mut self, now_ns: i64, agent: Option<(&Numbers, &AgentTexts<'_>)>) {
        if now_ns < self.retry_ns {
            return;
        }
        if self.connection.is_none() {
            self.connect(now_ns);
        }
        let (Some(prepared), Some(base)) = (&mut self.connection, self.base) else { return };
        let last_error = self.last_error.as_str();
        match batch::write(prepared, &self.pending, base, self.newest, agent, last_error) {
            Ok(written) => {
                self.newest = written.newest;
                self.counters.rows_written += self.pending.rows() as u64;
                self.counters.rows_visible += written.visible;
                self.pending.clear();
            }
            Err(error) => {
                // Whether the file has some of them after all is not known: the next attempt replaces them.
                self.newest = self.newest.max(self.pending.newest());
                self.failed("writing", &error, now_ns);
            }
        }
        self.sync(now_ns);
    }

    /// An error of a connection that worked before.
    pub(super) fn failed(&mut self, doing: &str, error: &rusqlite::Error, now_ns: i64) {
        self.fail(doing, error, now_ns);
        if is_corrupt(error) {
            self.set_aside(&format!("is damaged ({error})"));
            self.retry_ns = now_ns;
        }
    }

    /// Makes it one plain file, which can be read where it cannot be written.
    pub fn finish(mut self) {
        // Somebody may be reading it: then it stays as it is, and that is as good for all who can write there.
        let _ = self.set_pragma("PRAGMA journal_mode=DELETE;");
    }

    fn set_pragma(&mut self, sql: &str) -> Result<(), String> {
        match self.connection.as_ref().map(|prepared| prepared.connection().execute_batch(sql)) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(format!("writing {}: {error}", self.path.display())),
            None => Err(self.last_error.clone()),
        }
    }

    /// Brings what is committed to the disk, without waiting for that. Call it when it is due, between batches.
    pub fn sync(&mut self, now_ns: i64) {
        let (Some(prepared), Some(durable)) = (&mut self.connection, &mut self.durable) else { return };
        match durable.step(prepared, now_ns) {
            Ok(()) => {}
            Err(StepError::Sqlite(error)) => self.failed("checkpointing", &error, now_ns),
            Err(StepError::Sync(error)) => self.note(&format!("syncing {}: {error}", self.path.display()), now_ns),
        }
    }

    /// Times the disk was waited for because the WAL had grown to its limit.
    pub fn disk_waits(&self) -> u64 {
        self.waits + self.durable.as_ref().map_or(0, |durable| durable.waits)
    }

    /// Drops a row that finds no room. A full buffer is written out first, unless the database is failing.
    fn take(&mut self, push: impl Fn(&mut Pending) -> bool) {
        let now_ns = clock::monotonic_ns();
        if self.pending.is_empty() {
            self.first_ns = now_ns;
        }
        self.last_ns = now_ns;
        if push(&mut self.pending) {
            if self.pending.rows() >= BATCH_ROWS {
                self.flush(now_ns, None);
            }
            return;
        }
        self.flush(now_ns, None);
        if !push(&mut self.pending) {
            self.counters.rows_dropped += 1;
        }
    }
}

impl Rows for Writer {
    fn image(&mut self, row: &ImageRow<'_>) {
        self.take(|pending| pending.push(row));
    }

    fn end(&mut self, id: RowId, end: End) {
        self.take(|pending| pending.end(id, end));
    }
}

enum Unusable {
    /// A file that is not ours to write.
    Foreign(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        Unusable::Sqlite(error)
    }
}

fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn open(path: &Path) -> Result<Prepared, Unusable> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_millis(10))?;
    // In this order: page size and vacuum mode only take effect before the first page is written.
    connection.execute_batch(
        "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY;
         PRAGMA soft_heap_limit=1500000;",
    )?;
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && version != schema::VERSION {
        return Err(Unusable::Foreign(format!("is of another version ({version}, not {})", schema::VERSION)));
    }
    connection
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=1048576;")?;
    let (version, agent) = (schema::VERSION, schema::agent_table());
    if tables == 0 {
        let images = schema::SCHEMA;
        connection.execute_batch(&format!("BEGIN IMMEDIATE;{images};{agent};PRAGMA user_version={version};COMMIT"))?;
    } else if connection.prepare(&batch::agent_insert()).is_err() {
        // Of an agent that counted other things. It is one row, about to be written anew.
        connection.execute_batch(&format!("BEGIN IMMEDIATE;DROP TABLE IF EXISTS agent;{agent};COMMIT"))?;
    }
    let agent = batch::agent_insert();
    Ok(Prepared::new(connection, Sql::ALL.iter().map(|sql| sql.text(&agent)))?)
}
