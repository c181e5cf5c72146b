//! How what is committed reaches the disk, and the write-ahead log the database, while the loop goes on.
//!
//! Whoever waits in fsync(2) reads no audit: behind a slow card, or beside somebody who writes gigabytes, that takes a
//! second, and in a storm the kernel's buffers hold a quarter of one. So the kernel syncs aside ([`FileSync`]), and SQLite
//! is told not to wherever that has been done. The order is SQLite's own (sqlite.org/wal.html): the log is durable before
//! its pages are copied into the database, and the database before the log is begun anew. Between these steps commits go
//! on; a second connection, which only reads, marks the place in the log up to which it was synced: SQLite copies
//! nothing that lies behind it, and does not begin the log anew while it is held.
//!
//! After that the log is truncated, never overwritten from its start: overwriting would need one more sync, lest a power
//! cut leave the old head before new pages; the old length and the new are both a sound log.

use super::batch::Sql;
use crate::sys::aio::{FileSync, Wait};
use crate::sys::prepared::Prepared;
use crate::sys::sqlite::{self, Committed};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;
use std::rc::Rc;

/// What is committed is on the disk after this long, ns, if the disk keeps up.
const SYNC_NS: i64 = 1_000_000_000;
/// How often a sync that is under way is asked about, ns.
const ASK_NS: i64 = 20_000_000;
/// Frames in the log before they are copied into the database: 1 MiB.
const CHECKPOINT_FRAMES: u32 = 256;
/// A checkpoint's sync is waited for this long, ms: where the disk is idle it is over by then, and no commit has come
/// between, without which the log cannot be truncated. The kernel's buffers stand it in any storm.
const PATIENCE_MS: u32 = 40;
/// Frames in the log at which the disk is waited for after all: 32 MiB. Only a storm beside a disk that stands still for
/// seconds comes here.
pub(super) const MOST_FRAMES: u32 = 8192;

/// The statements of the connection that marks a place in the log.
#[derive(Clone, Copy)]
enum Mark {
    Begin,
    Look,
    End,
}

const MARK: [&str; 3] = ["BEGIN", "SELECT count(*) FROM sqlite_schema", "COMMIT"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    /// The log is being synced; whether a checkpoint follows.
    Log {
        checkpoint: bool,
    },
    /// The database is being synced; whether it has all that was in the log.
    Database {
        whole: bool,
    },
}

/// See the module's head. Ends after the connection that it was made for: see `log`.
pub(super) struct Durable {
    committed: Rc<Committed>,
    mark: Prepared,
    pub sync: FileSync,
    pub stage: Stage,
    /// Transactions when the stage's cycle began, and of those how many are on the disk.
    begun_at: u64,
    durable_at: u64,
    /// When the cycle began, and when it was last asked about, ns.
    begun_ns: i64,
    asked_ns: i64,
    /// [`CHECKPOINT_FRAMES`] and [`MOST_FRAMES`].
    pub step_frames: u32,
    pub most_frames: u32,
    /// Frames at which the next checkpoint is due.
    pub next_frames: u32,
    /// After so many transactions the log was truncated: it is empty, and SQLite will not sync its head.
    truncated_at: Option<u64>,
    /// Times the loop waited for the disk because the log had grown to its limit.
    pub waits: u64,
    // The last fields, since the last to go: closing a file gives up all of this process's locks on it (fcntl(2)).
    log: File,
    database: File,
}

impl Durable {
    /// For the database at `path`, which `writer` has opened and nobody else in this process.
    ///
    /// # Errors
    /// A file or a connection that cannot be had.
    pub fn new(path: &Path, writer: &Connection) -> rusqlite::Result<Self> {
        let open = |path: &Path| {
            let refused = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
            File::open(path).map_err(|error| rusqlite::Error::SqliteFailure(refused, Some(error.to_string())))
        };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mark = Connection::open_with_flags(path, flags)?;
        mark.execute_batch("PRAGMA cache_size=-16;")?;
        Ok(Durable {
            committed: sqlite::watch_commits(writer)?,
            mark: Prepared::new(mark, MARK)?,
            sync: FileSync::of_kernel(),
            stage: Stage::Idle,
            begun_at: 0,
            durable_at: 0,
            begun_ns: 0,
            asked_ns: 0,
            step_frames: CHECKPOINT_FRAMES,
            most_frames: MOST_FRAMES,
            next_frames: CHECKPOINT_FRAMES,
            truncated_at: None,
            waits: 0,
            log: open(log.as_ref())?,
            database: open(path)?,
        })
    }

    /// When [`Durable::step`] has something to do, CLOCK_MONOTONIC ns.
    pub fn due(&self) -> Option<i64> {
        match self.stage {
            Stage::Idle if self.durable_at == self.committed.transactions.get() => None,
            Stage::Idle => Some(self.begun_ns + SYNC_NS),
            Stage::Log { .. } | Stage::Database { .. } => Some(self.asked_ns + ASK_NS),
        }
    }

    /// Takes the next steps that can be taken without waiting long. Call it between transactions.
    ///
    /// # Errors
    /// SQLite's, or the system's about a sync. The cycle ends and is begun again later.
    pub fn step(&mut self, writer: &mut Prepared, now_ns: i64) -> Result<(), StepError> {
        let result = self.steps(writer, now_ns);
        if result.is_err() {
            self.release();
            self.stage = Stage::Idle;
            self.next_frames = self.committed.frames.get() + self.step_frames;
        }
        result
    }

    fn steps(&mut self, writer: &mut Prepared, now_ns: i64) -> Result<(), StepError> {
        let (transactions, frames) = (self.committed.transactions.get(), self.committed.frames.get());
        if self.truncated_at.is_some_and(|at| at < transactions) {
            self.truncated_at = None;
            self.next_frames = self.step_frames;
            writer.connection().execute_batch(SYNCING)?;
        }
        let mut wait = Wait::Ms(0);
        if self.stage == Stage::Idle {
            let checkpoint = frames >= self.next_frames && self.durable_at < transactions;
            if !checkpoint && self.due().is_none_or(|due| due > now_ns) {
                return Ok(());
            }
            wait = self.begin(checkpoint, now_ns)?;
        } else if frames >= self.most_frames {
            wait = self.forced();
        }
        self.asked_ns = now_ns;
        while let Some(result) = self.sync.finished(wait) {
            result.map_err(StepError::Sync)?;
            wait = self.advance(writer)?;
            if self.stage == Stage::Idle {
                break;
            }
        }
        Ok(())
    }

    /// A cycle begins: the log is synced. Returns how long that is waited for.
    fn begin(&mut self, checkpoint: bool, now_ns: i64) -> rusqlite::Result<Wait> {
        if checkpoint {
            self.mark.run(Mark::Begin as usize, [])?;
            self.mark.number(Mark::Look as usize, [])?;
        }
        self.begun_at = self.committed.transactions.get();
        self.begun_ns = now_ns;
        self.sync.start(&self.log);
        self.stage = Stage::Log { checkpoint };
        Ok(if checkpoint { self.patience() } else { Wait::Ms(0) })
    }

    /// A sync is over: what follows it.
    fn advance(&mut self, writer: &mut Prepared) -> rusqlite::Result<Wait> {
        match self.stage {
            Stage::Log { checkpoint: true } => {
                self.durable_at = self.begun_at;
                let whole = checkpoint_marked(writer)?;
                self.sync.start(&self.database);
                self.stage = Stage::Database { whole };
                return Ok(self.patience());
            }
            Stage::Log { checkpoint: false } => self.durable_at = self.begun_at,
            Stage::Database { whole } => {
                self.release();
                if whole && self.committed.transactions.get() == self.begun_at && truncate(writer)? {
                    self.truncated_at = Some(self.begun_at);
                } else {
                    // Commits came between, or somebody reads: again when there is as much more.
                    self.next_frames = self.committed.frames.get() + self.step_frames;
                }
            }
            Stage::Idle => {}
        }
        self.stage = Stage::Idle;
        Ok(Wait::Ms(0))
    }

    fn patience(&mut self) -> Wait {
        if self.committed.frames.get() >= self.most_frames { self.forced() } else { Wait::Ms(PATIENCE_MS) }
    }

    fn forced(&mut self) -> Wait {
        self.waits += 1;
        Wait::Over
    }

    /// The place in the log is marked no more.
    fn release(&mut self) {
        if !self.mark.connection().is_autocommit() {
            // Nothing was written: there is nothing that this could fail to do.
            let _ = self.mark.run(Mark::End as usize, []);
        }
    }
}

/// Why a step was not made.
#[derive(Debug)]
pub(super) enum StepError {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// The system could not sync a file.
    Sync(std::io::Error),
}

impl From<rusqlite::Error> for StepError {
    fn from(error: rusqlite::Error) -> Self {
        StepError::Sqlite(error)
    }
}

/// Whatever is not done here SQLite does in its own way: should others checkpoint the database, for instance.
const SYNCING: &str = "PRAGMA synchronous=NORMAL;";
const NOT_SYNCING: &str = "PRAGMA synchronous=OFF;";

/// Copies the log's pages up to the mark; whether that was all of them.
fn checkpoint_marked(writer: &mut Prepared) -> rusqlite::Result<bool> {
    writer.connection().execute_batch(NOT_SYNCING)?;
    let copied = writer.statement(Sql::Checkpoint as usize).and_then(|checkpoint| {
        checkpoint.query_row([], |row| {
            let [busy, frames, copied]: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok(busy == 0 && frames == copied)
        })
    });
    writer.connection().execute_batch(SYNCING)?;
    copied
}

/// Empties a log whose pages are all in the database; false if somebody reads them. Until the next commit nothing is
/// synced.
fn truncate(writer: &mut Prepared) -> rusqlite::Result<bool> {
    writer.connection().execute_batch(NOT_SYNCING)?;
    let busy = writer.number(Sql::Truncate as usize, []);
    if !matches!(busy, Ok(0)) {
        writer.connection().execute_batch(SYNCING)?;
    }
    Ok(busy? == 0)
}
