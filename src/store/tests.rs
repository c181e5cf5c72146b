//! The writer against databases that do not want rows, and retention against the truth of what descends from what.

use super::row::{End, ImageRow, Kind, Link, RowId};
use super::writer::{Limits, Writer};
use crate::capacity;
use crate::lineage::Rows;
use crate::lineage::tests::Seeded;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

const SECOND_NS: i64 = 1_000_000_000;
pub(super) const ALL: Limits = Limits { expiry_s: i64::MAX / 2000, events: i64::MAX, bytes: i64::MAX };

pub(super) struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stemma-store-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
    pub fn database(&self) -> PathBuf {
        self.0.join("events.db")
    }
    fn set_aside(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("set-aside") && !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn row(id: u32, parent: u32, text: &str) -> ImageRow<'_> {
    ImageRow {
        id: RowId(id),
        parent: RowId(parent),
        origin: RowId::NONE,
        kind: Kind::Exec,
        visible: true,
        link: Link::Connector,
        pid: 100 + id,
        ppid: 1,
        forker: 1,
        start_ns: 1,
        time_ns: i64::from(id) * SECOND_NS,
        stamp_ms: i64::from(id) * 1000,
        uptime_s: 1,
        serial: u64::from(id),
        syscall: None,
        ids: None,
        file: None,
        path: b"/bin/x",
        cmdline: text.as_bytes(),
        cwd: b"/",
        end: None,
    }
}

/// A time far enough after the writer's start for a retry.
pub(super) fn later(seconds: i64) -> i64 {
    crate::sys::clock::monotonic_ns() + seconds * SECOND_NS
}

fn ids(path: &Path) -> Vec<i64> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT id FROM image ORDER BY id").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn rows_ends_and_better_versions_are_written_once() {
    let folder = Folder::new("once");
    let mut writer = Writer::open(&folder.database(), ALL);
    writer.image(&row(1, 0, "one"));
    writer.end(RowId(1), End { time_ns: 7, status: Some(256) });
    writer.flush(later(0), None);
    writer.image(&row(2, 1, "two"));
    writer.image(&ImageRow { cmdline: b"two, better", ..row(2, 1, "") });
    writer.flush(later(0), None);
    writer.image(&ImageRow { cmdline: b"not UTF-8: \xff", ..row(1, 0, "") });
    writer.end(RowId(2), End { time_ns: 9, status: None });
    writer.flush(later(0), None);
    assert_eq!(writer.last_error(), "");
    let connection = Connection::open(folder.database()).unwrap();
    let mut statement = connection.prepare("SELECT id, CAST(cmdline AS BLOB), end_ns, status FROM image").unwrap();
    let rows = statement.query_map([], |row| {
        let (id, cmdline): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let (end_ns, status): (Option<i64>, Option<i64>) = (row.get(2)?, row.get(3)?);
        Ok((id, cmdline, end_ns, status))
    });
    let stored: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(stored, [(1, b"not UTF-8: \xff".to_vec(), None, None), (2, b"two, better".to_vec(), Some(9), None)]);
}

#[test]
fn ids_go_on_where_the_last_run_ended() {
    let folder = Folder::new("ids");
    for run in 0..3 {
        let mut writer = Writer::open(&folder.database(), ALL);
        writer.image(&row(1, 0, "a"));
        writer.image(&row(2, 1, "b"));
        writer.flush(later(0), None);
        assert_eq!(ids(&folder.database()).len(), 2 * (run + 1));
    }
    let connection = Connection::open(folder.database()).unwrap();
    let parents = "SELECT group_concat(parent, ' ') FROM image WHERE parent <> 0";
    assert_eq!(connection.query_row(parents, [], |row| row.get::<_, String>(0)).unwrap(), "1 3 5");
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_begun() {
    let folder = Folder::new("damaged");
    fs::write(folder.database(), vec![0x5a; 20_000]).unwrap();
    let mut writer = Writer::open(&folder.database(), ALL);
    writer.image(&row(1, 0, "one"));
    writer.flush(later(2), None);
    assert_eq!(ids(&folder.database()), [1]);
    assert_eq!(folder.set_aside().len(), 1);
    assert_eq!(fs::read(folder.0.join(&folder.set_aside()[0])).unwrap(), vec![0x5a; 20_000], "renamed, not changed");
    assert_eq!(writer.counters.set_aside, 1);
    assert!(writer.last_error().contains("set aside"), "{}", writer.last_error());
}

#[test]
fn a_file_damaged_while_it_is_used_is_set_aside_and_no_waiting_row_is_lost() {
    let folder = Folder::new("damaged-later");
    let mut writer = Writer::open(&folder.database(), ALL);
    for id in 1..=200 {
        writer.image(&row(id, id - 1, &"text ".repeat(200)));
    }
    writer.flush(later(0), None);
    drop(writer);
    // Everything behind the first page: the file opens and then turns out to be damaged.
    let mut bytes = fs::read(folder.database()).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(folder.database(), bytes).unwrap();
    let mut writer = Writer::open(&folder.database(), ALL);
    for seconds in 0..5 {
        writer.image(&row(1 + seconds, 0, "after"));
        writer.flush(later(2 * i64::from(seconds)), None);
    }
    writer.flush(later(20), None);
    assert_eq!(writer.counters.set_aside, 1, "{}", writer.last_error());
    assert_eq!(ids(&folder.database()).len(), 5);
}

#[test]
fn a_file_of_another_version_is_set_aside() {
    let folder = Folder::new("version");
    let foreign = Connection::open(folder.database()).unwrap();
    foreign.execute_batch("CREATE TABLE theirs(x); PRAGMA user_version=77").unwrap();
    drop(foreign);
    let mut writer = Writer::open(&folder.database(), ALL);
    writer.image(&row(1, 0, "one"));
    writer.flush(later(2), None);
    assert_eq!(ids(&folder.database()), [1]);
    let kept = Connection::open(folder.0.join(&folder.set_aside()[0])).unwrap();
    assert_eq!(kept.query_row("SELECT count(*) FROM theirs", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn rows_wait_while_the_database_is_locked() {
    let folder = Folder::new("locked");
    let mut writer = Writer::open(&folder.database(), ALL);
    let other = Connection::open(folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer.image(&row(1, 0, "one"));
    writer.flush(later(0), None);
    assert_eq!(writer.waiting(), 1);
    assert!(writer.last_error().contains("lock"), "{}", writer.last_error());
    writer.image(&row(2, 1, "two"));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    writer.flush(later(2), None);
    assert_eq!((writer.waiting(), ids(&folder.database())), (0, vec![1, 2]));
}

#[test]
fn what_finds_no_room_is_counted_while_there_is_no_place_for_the_file() {
    let folder = Folder::new("nowhere");
    let path = folder.0.join("later/events.db");
    let mut writer = Writer::open(&path, ALL);
    let extra = 5;
    for id in 1..=(capacity::PENDING_ROWS as u32 + extra) {
        writer.image(&row(id, 0, "x"));
    }
    assert_eq!(writer.counters.rows_dropped, u64::from(extra));
    assert!(writer.last_error().starts_with("opening "), "{}", writer.last_error());
    fs::create_dir(folder.0.join("later")).unwrap();
    writer.flush(later(2), None);
    assert_eq!(ids(&path).len(), capacity::PENDING_ROWS);
}

#[test]
fn a_full_disk_is_waited_for() {
    let folder = Folder::new("full");
    let mut mount = std::process::Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=300k", "none"]).arg(&folder.0);
    if !mount.output().is_ok_and(|out| out.status.success()) {
        return println!("skipped: needs root, to mount a small file system");
    }
    let unmount = || std::process::Command::new("umount").arg("-l").arg(&folder.0).status();
    let filler = folder.0.join("filler");
    let outcome = std::panic::catch_unwind(|| {
        let mut writer = Writer::open(&folder.database(), ALL);
        writer.image(&row(1, 0, "one"));
        writer.flush(later(0), None);
        // No byte is left.
        let mut size = 400_000usize;
        while size > 0 {
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&filler).unwrap();
            if std::io::Write::write_all(&mut file, &vec![1; size]).is_err() {
                size /= 2;
            }
        }
        for id in 2..10 {
            writer.image(&row(id, 1, &"long ".repeat(400)));
        }
        writer.flush(later(2), None);
        assert!(writer.waiting() > 0, "{}", writer.last_error());
        assert!(writer.last_error().contains("full"), "{}", writer.last_error());
        fs::remove_file(&filler).unwrap();
        writer.flush(later(4), None);
        assert_eq!((writer.waiting(), writer.counters.rows_dropped), (0, 0), "{}", writer.last_error());
        assert_eq!(ids(&folder.database()).len(), 9);
    });
    let _ = unmount();
    outcome.unwrap();
}

/// Writes a random forest of images and lets retention run with some of them held; whatever is kept must have all of its
/// ancestors, and what nothing descends from must be gone in the end.
#[test]
fn retention_keeps_the_ancestors_of_what_is_kept_and_nothing_else() {
    for seed in 1..=8 {
        let folder = Folder::new(&format!("retention-{seed}"));
        let limits = Limits { events: 40, ..ALL };
        let mut writer = Writer::open(&folder.database(), limits);
        let mut random = Seeded::new(seed);
        let mut parents = vec![0u32];
        let mut held = Vec::new();
        for id in 1..=400u32 {
            // Who forks lives, so its row is held.
            let parent = if id == 1 { 0 } else { id - 1 - random.below((id - 1).min(9) as usize) as u32 };
            parents.push(parent);
            writer.image(&ImageRow { visible: random.below(4) > 0, ..row(id, parent, "x") });
            // What lives in the cache: the newest ten.
            held = (id.saturating_sub(9)..=id).collect();
            if id % 16 == 0 {
                writer.flush(later(0), None);
                writer.retain(later(0), 500 * SECOND_NS, &|id| held.contains(&id.0));
            }
        }
        for _ in 0..400 {
            writer.retain(later(0), 500 * SECOND_NS, &|id| held.contains(&id.0));
        }
        assert_eq!(writer.last_error(), "");
        assert!(writer.counters.rows_visible <= 40, "seed {seed}: {}", writer.counters.rows_visible);
        let kept: Vec<u32> = ids(&folder.database()).into_iter().map(|id| id as u32).collect();
        let connection = Connection::open(folder.database()).unwrap();
        let visible = "SELECT count(*) FROM image WHERE id = ?1 AND visible = 1";
        for &id in &kept {
            let parent = parents[id as usize];
            assert!(parent == 0 || kept.contains(&parent), "seed {seed}: {id} has lost its parent {parent}");
            let event: i64 = connection.query_row(visible, [id], |row| row.get(0)).unwrap();
            let needed = event == 1 || held.contains(&id) || kept.iter().any(|&other| parents[other as usize] == id);
            assert!(needed, "seed {seed}: nothing needs {id}");
        }
    }
}

#[test]
fn age_and_size_limit_the_events() {
    let folder = Folder::new("age");
    let mut writer = Writer::open(&folder.database(), Limits { expiry_s: 100, ..ALL });
    for id in 1..=200 {
        writer.image(&row(id, 0, "x"));
    }
    for _ in 0..20 {
        writer.flush(later(0), None);
        writer.retain(later(0), 200 * SECOND_NS, &|_| false);
    }
    let kept = ids(&folder.database());
    assert_eq!((kept.first(), kept.last()), (Some(&100), Some(&200)));

    let folder = Folder::new("size");
    let mut writer = Writer::open(&folder.database(), Limits { bytes: 200_000, ..ALL });
    for id in 1..=2000 {
        writer.image(&row(id, 0, &"wide ".repeat(100)));
        if id % 50 == 0 {
            writer.flush(later(0), None);
            writer.retain(later(0), 200 * SECOND_NS, &|_| false);
        }
    }
    for _ in 0..50 {
        writer.retain(later(0), 200 * SECOND_NS, &|_| false);
    }
    assert_eq!(writer.last_error(), "");
    assert!(writer.counters.database_bytes <= 200_000, "{}", writer.counters.database_bytes);
    assert!(ids(&folder.database()).contains(&2000));
    let bytes = fs::metadata(folder.database()).unwrap().len();
    assert!(bytes < 3_000_000, "the file has given pages back: {bytes}");
}
