//! A power cut at any moment: the disk then has, of each file, every page that was synced, and of what was written since
//! whatever it liked. The database must be sound, hold all that was said to be durable, and no part of a transaction.

use super::durable::Stage;
use super::row::RowId;
use super::tests::{ALL, Folder, later, row};
use super::writer::Writer;
use crate::lineage::Rows;
use crate::lineage::tests::Seeded;
use crate::sys::aio::FileSync;
use rusqlite::Connection;
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

const PAGE: usize = 4096;

/// A file as the disk has it for certain and as the system shows it.
#[derive(Clone, Default)]
struct Disk {
    durable: Vec<u8>,
    /// The file as it was when the sync that is under way began.
    syncing: Vec<u8>,
    now: Vec<u8>,
    /// It was truncated since it was synced: the disk may still have all of its old self.
    truncated: bool,
}

impl Disk {
    /// What may be found after a power cut.
    fn remains(&self, random: &mut Seeded) -> Vec<u8> {
        if self.truncated && random.below(2) == 0 {
            return self.durable.clone();
        }
        let old: &[u8] = if self.truncated { &[] } else { &self.durable };
        let longest = self.now.len().max(old.len());
        let length = old.len().min(self.now.len()) + random.below(longest - old.len().min(self.now.len()) + 1);
        let mut found = vec![0; length];
        for (index, page) in found.chunks_mut(PAGE).enumerate() {
            let from = if random.below(2) == 0 { old } else { &self.now };
            let from = from.get(index * PAGE..).unwrap_or(&[]);
            let count = from.len().min(page.len());
            page[..count].copy_from_slice(&from[..count]);
        }
        found
    }
}

struct Machine {
    folder: Folder,
    writer: Writer,
    permits: Rc<Cell<u32>>,
    log: Disk,
    database: Disk,
    written: u32,
    /// Rows written when the sync of the log that is under way began, and those that are durable.
    syncing: u32,
    durable: u32,
    stage: Stage,
    truncations: u32,
}

impl Machine {
    fn new(seed: u64) -> Self {
        let folder = Folder::new(&format!("power-{seed}"));
        let mut writer = Writer::open(&folder.database(), ALL);
        let permits = Rc::new(Cell::new(0));
        let durable = writer.durable.as_mut().unwrap();
        durable.sync = FileSync::held(permits.clone());
        (durable.step_frames, durable.next_frames) = (12, 12);
        let mut machine = Machine {
            folder,
            writer,
            permits,
            log: Disk::default(),
            database: Disk::default(),
            written: 0,
            syncing: 0,
            durable: 0,
            stage: Stage::Idle,
            truncations: 0,
        };
        // The empty database is on the disk: everything before the first row is not what is tested here.
        machine.look();
        machine.everything_is_synced();
        machine
    }

    fn read(&self, suffix: &str) -> Vec<u8> {
        fs::read(format!("{}{suffix}", self.folder.database().display())).unwrap_or_default()
    }

    fn everything_is_synced(&mut self) {
        for disk in [&mut self.log, &mut self.database] {
            disk.durable.clone_from(&disk.now);
            disk.truncated = false;
        }
        self.durable = self.written;
    }

    /// Follows what the writer has done: at most one step of a cycle, or one commit.
    fn look(&mut self) {
        let before = std::mem::take(&mut self.log.now);
        (self.log.now, self.database.now) = (self.read("-wal"), self.read(""));
        let head = |log: &[u8]| log.get(..32).map(<[u8]>::to_vec);
        if self.log.now.is_empty() && !before.is_empty() {
            self.log.truncated = true;
            self.truncations += 1;
        } else if !before.is_empty() && head(&before) != head(&self.log.now) {
            // Begun anew from its start: then SQLite itself has synced it with its new head before anything else.
            self.log.durable = before;
            self.log.durable[..32].copy_from_slice(&self.log.now[..32]);
        }
        let stage = self.writer.durable.as_ref().unwrap().stage;
        if stage != self.stage {
            self.stage_changed(stage);
            self.stage = stage;
        }
    }

    fn stage_changed(&mut self, stage: Stage) {
        match self.stage {
            Stage::Log { .. } => {
                self.log.durable = std::mem::take(&mut self.log.syncing);
                self.log.truncated = false;
                self.durable = self.durable.max(self.syncing);
            }
            Stage::Database { .. } => self.database.durable = std::mem::take(&mut self.database.syncing),
            Stage::Idle => {}
        }
        match stage {
            Stage::Log { .. } => {
                self.log.syncing.clone_from(&self.log.now);
                self.syncing = self.written;
            }
            Stage::Database { .. } => self.database.syncing.clone_from(&self.database.now),
            Stage::Idle => {}
        }
    }

    fn write(&mut self, rows: u32, words: usize, time_s: i64) {
        for _ in 0..rows {
            self.written += 1;
            self.writer.image(&row(self.written, self.written - 1, &"word ".repeat(words)));
        }
        // Written, and then synced as far as that goes, as two moments.
        let durable = self.writer.durable.take();
        self.writer.flush(later(time_s), None);
        self.writer.durable = durable;
        self.look();
        self.sync(time_s);
    }

    fn sync(&mut self, time_s: i64) {
        self.writer.sync(later(time_s));
        assert_eq!(self.writer.last_error(), "");
        self.look();
        let synchronous: i64 = {
            let connection = self.writer.connection.as_ref().unwrap().connection();
            connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
        };
        assert!(synchronous == 1 || self.log.now.is_empty(), "SQLite syncs nothing, and the log is not empty");
    }

    fn power_cut(&self, random: &mut Seeded, at: &str) {
        let cut = Folder::new(&format!("power-cut-{at}"));
        fs::write(cut.database(), self.database.remains(random)).unwrap();
        fs::write(format!("{}-wal", cut.database().display()), self.log.remains(random)).unwrap();
        let connection = Connection::open(cut.database()).unwrap();
        let check: Result<String, _> = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0));
        assert_eq!(check.as_deref(), Ok("ok"), "{at}");
        let found = rows(&connection);
        assert!(found >= self.durable, "{at}: {} rows were durable, {found} are left", self.durable);
        let text = "SELECT count(*) FROM image WHERE cmdline NOT LIKE 'word %' OR parent <> id - 1";
        assert_eq!(connection.query_row(text, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{at}");
    }
}

/// How many rows there are, which must be the first ones.
fn rows(connection: &Connection) -> u32 {
    let sql = "SELECT count(*), coalesce(max(id), 0) FROM image";
    let [count, last]: [u32; 2] = connection.query_row(sql, [], |row| Ok([row.get(0)?, row.get(1)?])).unwrap();
    assert_eq!(count, last);
    count
}

/// Somebody who reads holds the log; somebody who checkpoints syncs and begins it anew.
fn other(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint=0; PRAGMA busy_timeout=0;").unwrap();
    connection
}

fn run(seed: u64) -> u32 {
    let mut random = Seeded::new(seed);
    let mut machine = Machine::new(seed);
    let path = machine.folder.database();
    let mut reader = None;
    for moment in 0..160 {
        let time_s = moment / 4;
        match random.below(12) {
            0..4 => machine.write(1 + random.below(20) as u32, 10 + random.below(300), time_s),
            4..9 => {
                machine.permits.set(1);
                machine.sync(time_s);
                machine.permits.set(0);
            }
            9 if seed % 3 == 0 => {
                reader = reader.take().is_none().then(|| {
                    let connection = other(&path);
                    connection.execute_batch("BEGIN").unwrap();
                    rows(&connection);
                    connection
                });
            }
            10 if seed % 3 == 1 && machine.stage == Stage::Idle => {
                let sql = "PRAGMA wal_checkpoint(PASSIVE)";
                let all = other(&path).query_row(sql, [], |row| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?));
                if all.unwrap() && !machine.read("-wal").is_empty() {
                    machine.look();
                    machine.everything_is_synced();
                }
            }
            _ => machine.sync(time_s),
        }
        machine.power_cut(&mut random, &format!("{seed}-{moment}"));
    }
    machine.truncations
}

#[test]
fn whatever_a_power_cut_leaves_is_sound_and_whole() {
    let mut truncations = 0;
    for seed in 1..=24 {
        truncations += run(seed);
    }
    assert!(truncations > 20, "the log was truncated {truncations} times only");
}

#[test]
fn a_log_at_its_limit_is_waited_for_and_counted() {
    let folder = Folder::new("full-log");
    let mut writer = Writer::open(&folder.database(), ALL);
    let durable = writer.durable.as_mut().unwrap();
    (durable.step_frames, durable.next_frames, durable.most_frames) = (8, 8, 16);
    // Somebody reads for a long time: the log cannot be emptied, only copied.
    let reader = other(&folder.database());
    reader.execute_batch("BEGIN").unwrap();
    rows(&reader);
    for id in 1..=1000 {
        writer.image(&row(id, id - 1, &"word ".repeat(60)));
    }
    writer.flush(later(0), None);
    assert_eq!((writer.last_error(), writer.counters.rows_dropped), ("", 0));
    let waits = writer.disk_waits();
    assert!(waits > 0);
    reader.execute_batch("COMMIT").unwrap();
    for id in 1001..=2000 {
        writer.image(&row(id, id - 1, &"word ".repeat(60)));
    }
    writer.flush(later(0), None);
    drop(writer);
    assert_eq!(rows(&Connection::open(folder.database()).unwrap()), 2000);
}

#[test]
fn the_log_stays_small_whatever_the_syncs_take() {
    let folder = Folder::new("small-log");
    let mut writer = Writer::open(&folder.database(), ALL);
    let mut longest = 0;
    for id in 1..=40_000 {
        writer.image(&row(id, id - 1, &"word ".repeat(60)));
        longest =
            longest.max(fs::metadata(format!("{}-wal", folder.database().display())).map_or(0, |file| file.len()));
    }
    writer.flush(later(0), None);
    assert_eq!((writer.last_error(), writer.counters.rows_dropped), ("", 0));
    let most = u64::from(super::durable::MOST_FRAMES) * 4120 + (2 << 20);
    assert!(longest > 1 << 20 && longest <= most, "{longest} bytes");
    drop(writer);
    assert!(!folder.0.join("events.db-wal").exists(), "the last one to close it empties the log");
    let connection = Connection::open(folder.database()).unwrap();
    assert_eq!((rows(&connection), RowId(40_000).0), (40_000, 40_000));
}
