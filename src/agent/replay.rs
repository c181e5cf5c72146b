//! A log of another machine, or of another day, through the same assembler, lineage and store as the agent's records.
//!
//! Time is the log's: the newest stamp met so far. /proc is nobody's: this machine's says nothing about a log. Memory is
//! that of the agent, plus [`capacity::LOG_SLOTS`] and a line buffer, however long the log is.

use super::handle;
use super::lines::{Line, Lines};
use super::numbers::Counted;
use crate::audit::assemble::Assembler;
use crate::audit::event::Stamp;
use crate::audit::log::{self, Logged};
use crate::config::options::Options;
use crate::lineage::tracker::{Tracker, TrackerOptions};
use crate::lineage::{Procfs, Rows, Seen, World};
use crate::store::row::{End, ImageRow, RowId};
use crate::store::writer::Writer;
use crate::sys::clock::{self, Clock};
use std::io::{self, Read};

/// With what `stemma_status.source` begins in a database that a replay has made.
pub const SOURCE: &str = "replay of ";
/// Images in the ancestry cache if nobody says otherwise: one for each pid of a kernel's default pid_max.
pub const CACHE_SIZE: u64 = 32_768;
/// Of the bytes that the database may have, so many for each image in the cache; a row takes some 300 …
const ROW_BYTES: u64 = 2048;
/// … but the cache need not be smaller than the agent's.
const HELD_AT_LEAST: u64 = 1000;
/// Rows between two looks at the limits.
const RETAIN_ROWS: u64 = 1024;
/// A serial this far below one that was there before is of another boot.
const SERIALS: u64 = 10_000;

/// What was met. Lines are `records`, `malformed`, `elsewhere` or blank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines, blank ones included.
    pub lines: u64,
    /// Lines with a record of the machine that is read, whatever its type.
    pub records: u64,
    /// Lines that hold no record: torn, too long, or of something else.
    pub malformed: u64,
    /// Lines with a record of another machine (`node=`).
    pub elsewhere: u64,
    /// Exec events.
    pub execs: u64,
    /// Execs of which records were missing.
    pub partial: u64,
    /// Times the machine was started anew.
    pub boots: u64,
}

/// Why a replay ended early.
#[derive(Debug)]
pub enum Trouble {
    /// The log cannot be read on; what was read by then is in the database.
    Log(io::Error),
    /// The database cannot be written: a sentence.
    Database(String),
}

/// A /proc that knows nobody.
struct Nobody;

impl Procfs for Nobody {
    fn birth(&mut self, _: u32) -> Option<(u32, i64)> {
        None
    }
    fn read(&mut self, _: u32) -> Option<Seen<'_>> {
        None
    }
    fn pids(&mut self, _: &mut dyn FnMut(u32)) {}
}

/// Rows on their way to the writer: a log does not say when its machine was booted.
struct Dated<'a>(&'a mut Writer);

impl Rows for Dated<'_> {
    fn image(&mut self, row: &ImageRow<'_>) {
        self.0.image(&ImageRow { uptime_s: 0, ..*row });
    }
    fn end(&mut self, id: RowId, end: End) {
        self.0.end(id, end);
    }
}

/// See the module's head.
pub struct Replay {
    assembler: Assembler,
    tracker: Tracker,
    writer: Writer,
    counted: Counted,
    tally: Tally,
    /// The machine whose records are read; None until the first record says so.
    node: Option<Vec<u8>>,
    /// Of the records met so far.
    newest: Stamp,
    limited: bool,
    retained: u64,
}

/// Whether an option limits what the database keeps.
fn is_limited(options: &Options) -> bool {
    let limits = [options.events_expiry, options.events_max, options.events_max_bytes];
    limits.iter().any(|&limit| limit < u64::MAX)
}

impl Replay {
    /// What a replay's options are if nobody says otherwise: everything is kept.
    pub fn defaults() -> Options {
        Options {
            events_expiry: u64::MAX,
            events_max: u64::MAX,
            events_max_bytes: u64::MAX,
            process_ancestry_cache_size: CACHE_SIZE,
            ..Options::default()
        }
    }

    /// Takes the memory and marks the database, which is new, as a replay's. `name`: of the log; `node`: whose records to
    /// read, if there are several machines' (None: those of the first one met).
    ///
    /// # Errors
    /// No memory, or the database cannot be written: a sentence.
    pub fn new(writer: Writer, options: &Options, name: &str, node: Option<&str>) -> Result<Self, String> {
        // Rows of images in the cache stay whatever the limits say: they must not fill the database by themselves.
        let held = (options.events_max_bytes / ROW_BYTES).clamp(HELD_AT_LEAST, u64::from(u32::MAX) / 4);
        let tracker = Tracker::for_log(TrackerOptions {
            capacity: options.process_ancestry_cache_size.min(held) as usize,
            ttl_ns: 0,
            fork_events: options.audit_allow_fork_process_events,
            ring: 1,
        });
        let mut replay = Replay {
            assembler: Assembler::for_log().map_err(|error| format!("taking memory: {error}"))?,
            tracker,
            writer,
            counted: Counted::of_log(options, format!("{SOURCE}{name}")),
            tally: Tally::default(),
            node: node.map(|name| name.as_bytes().to_vec()),
            newest: Stamp::default(),
            limited: is_limited(options),
            retained: 0,
        };
        replay.flush()?;
        Ok(replay)
    }

    /// Reads the log to its end; what was met comes back in any case.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub fn run(mut self, input: impl Read) -> (Tally, Result<(), Trouble>) {
        let mut lines = Lines::new(input);
        let read = loop {
            match lines.next_line() {
                Ok(Some(line)) => self.line(line),
                Ok(None) => break Ok(()),
                Err(error) => break Err(Trouble::Log(error)),
            }
            if !self.writer.last_error().is_empty() {
                let sentence = self.writer.last_error().to_string();
                return (self.met(), Err(Trouble::Database(sentence)));
            }
            if self.limited && self.writer.counters.rows_written >= self.retained + RETAIN_ROWS {
                self.retain();
            }
        };
        self.finish_events();
        self.retain();
        self.counted.stopped_ns = Clock::now().epoch_ns();
        let tally = self.met();
        let written = self.flush();
        self.writer.finish();
        (tally, written.map_err(Trouble::Database).and(read))
    }

    fn met(&self) -> Tally {
        Tally { execs: self.tracker.execs, partial: self.assembler.counters.partial, ..self.tally }
    }

    fn line(&mut self, line: Line<'_>) {
        self.tally.lines += 1;
        let (text, is_cut) = match line {
            Line::Whole(text) => (text, false),
            Line::Cut(text) => (text, true),
            Line::TooLong => {
                self.tally.malformed += 1;
                return;
            }
        };
        match log::parse(text) {
            // A cut line that lacks a part may say the wrong thing.
            Ok(logged) if !is_cut || logged.is_whole() => self.record(&logged),
            Err(_) if log::is_blank(text) => {}
            _ => self.tally.malformed += 1,
        }
    }

    fn record(&mut self, logged: &Logged<'_>) {
        match &self.node {
            Some(node) if node != logged.node => {
                self.tally.elsewhere += 1;
                return;
            }
            Some(_) => {}
            None => self.node = Some(logged.node.to_vec()),
        }
        self.tally.records += 1;
        let Some(kind) = logged.kind else { return };
        self.pass_time(logged.stamp);
        let clock = Clock { monotonic_ns: self.now_ns(), ..Clock::default() };
        let mut world = World { rows: &mut Dated(&mut self.writer), procfs: &mut Nobody, clock };
        let tracker = &mut self.tracker;
        self.assembler.push(kind, logged.body, self.newest.ms, &mut |event| handle(tracker, &event, &mut world));
    }

    /// The newest stamp, ns since the epoch, which is the zero of this world's monotonic clock.
    fn now_ns(&self) -> i64 {
        (self.newest.ms as i64).saturating_mul(1_000_000)
    }

    /// Keeps the newest stamp. The kernel counts serials from each boot: a record that is newer than all before it, or
    /// whose serial is far below theirs, is of another boot than they are.
    fn pass_time(&mut self, stamp: Stamp) {
        let fell = stamp.serial < self.newest.serial && stamp.ms >= self.newest.ms + 1000;
        if fell || stamp.serial.saturating_add(SERIALS) < self.newest.serial {
            self.finish_events();
            self.tracker.reboot();
            self.tally.boots += 1;
            self.newest = stamp;
        }
        self.newest.ms = self.newest.ms.max(stamp.ms);
        self.newest.serial = self.newest.serial.max(stamp.serial);
    }

    /// Hands on every event that is held.
    fn finish_events(&mut self) {
        let clock = Clock { monotonic_ns: self.now_ns(), ..Clock::default() };
        let mut world = World { rows: &mut Dated(&mut self.writer), procfs: &mut Nobody, clock };
        let tracker = &mut self.tracker;
        self.assembler.expire(u64::MAX, &mut |event| handle(tracker, &event, &mut world));
    }

    /// Holds the database to its limits, as of the log's time.
    fn retain(&mut self) {
        self.writer.flush(clock::monotonic_ns(), None);
        self.retained = self.writer.counters.rows_written;
        let mut held: Vec<RowId> =
            self.tracker.cache().iter().flat_map(|(_, node)| [node.row, node.parent_row, node.origin]).collect();
        held.sort_unstable();
        loop {
            let before = self.writer.counters.rows_expired;
            let now_ns = self.now_ns();
            self.writer.retain(clock::monotonic_ns(), now_ns, &|row| held.binary_search(&row).is_ok());
            if self.writer.counters.rows_expired == before {
                return;
            }
        }
    }

    /// Writes what waits, and the agent's row.
    fn flush(&mut self) -> Result<(), String> {
        self.counted.malformed = self.tally.malformed;
        let numbers = self.counted.numbers(&self.assembler, &self.tracker, &self.writer, Clock::now());
        self.writer.flush(clock::monotonic_ns(), Some((&numbers, &self.counted.texts())));
        match self.writer.last_error() {
            "" => Ok(()),
            sentence => Err(sentence.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::limits;
    use crate::capacity;
    use crate::store::reader;
    use rusqlite::Connection;
    use std::path::PathBuf;

    /// A database of its own, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
            let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Scratch(std::env::temp_dir().join(format!("stemma-replay-{}-{number}.db", std::process::id())))
        }
        fn replay(&self, options: &Options, node: Option<&str>, log: &str) -> Tally {
            let writer = Writer::unsynced(&self.0, limits(options)).unwrap();
            let (tally, result) = Replay::new(writer, options, "a test", node).unwrap().run(log.as_bytes());
            result.unwrap();
            tally
        }
        fn open(&self) -> Connection {
            reader::open(&self.0).unwrap()
        }
        /// Each event with its chain: `c(12) <audit b(11) <inferred ?(10)`.
        fn chains(&self) -> Vec<String> {
            let connection = self.open();
            let text = |id: i64| {
                let sql = "SELECT i.pid, coalesce(nullif(o.cmdline, ''), nullif(o.path, ''), nullif(i.cmdline, ''), \
                           nullif(i.path, ''), '?'), i.parent, i.link \
                           FROM image i LEFT JOIN image o ON o.id = i.origin WHERE i.id = ?1";
                let row = |row: &rusqlite::Row<'_>| {
                    let (pid, text, parent): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    Ok((format!("{text}({pid})"), parent, row.get::<_, usize>(3)?))
                };
                connection.query_row(sql, [id], row).unwrap()
            };
            let mut statement = connection.prepare("SELECT id FROM image WHERE visible ORDER BY id").unwrap();
            let ids: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            let chain = |id: i64| {
                let (mut out, mut parent, mut link) = text(id);
                while parent != 0 {
                    let name = ["none", "connector", "audit", "procfs", "inferred"][link];
                    let above = text(parent);
                    out.push_str(&format!(" <{name} {}", above.0));
                    (parent, link) = (above.1, above.2);
                }
                out
            };
            ids.into_iter().map(chain).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn chains(log: &str) -> Vec<String> {
        let scratch = Scratch::new();
        scratch.replay(&Replay::defaults(), None, log);
        scratch.chains()
    }

    fn call(at: (u64, u64), number: u32, pid: u32, ppid: u32, more: &str, exe: &str) -> String {
        let (ms, serial) = at;
        format!(
            "type=SYSCALL msg=audit({}.{:03}:{serial}): arch=c000003e syscall={number} {more} items=0 ppid={ppid} \
             pid={pid} auid=5 uid=6 gid=7 euid=6 suid=6 fsuid=6 egid=7 sgid=7 fsgid=7 tty=(none) ses=1 comm=\"x\" \
             exe=\"{exe}\" key=(null)\n",
            ms / 1000,
            ms % 1000
        )
    }

    fn exec(at: (u64, u64), pid: u32, ppid: u32, text: &str) -> String {
        let stamp = format!("audit({}.{:03}:{})", at.0 / 1000, at.0 % 1000, at.1);
        let call = call(at, 59, pid, ppid, "success=yes exit=0 a0=1", "/bin/x");
        format!(
            "{call}type=EXECVE msg={stamp}: argc=1 a0=\"{text}\"\ntype=CWD msg={stamp}: cwd=\"/\"\n\
             type=PATH msg={stamp}: item=0 name=\"/bin/x\" mode=0100755 ouid=0 ogid=0 rdev=00:00\n"
        )
    }

    fn fork(at: (u64, u64), pid: u32, ppid: u32, child: u32, exe: &str) -> String {
        call(at, 57, pid, ppid, &format!("success=yes exit={child} a0=0"), exe)
    }

    fn exit(at: (u64, u64), pid: u32, ppid: u32, code: u32) -> String {
        call(at, 231, pid, ppid, &format!("a0={code:x}"), "/bin/x")
    }

    /// As many events of others as are held, so that all before them are handed on.
    fn fill(at: (u64, u64)) -> String {
        (0..capacity::LOG_SLOTS as u64).map(|n| exec((at.0, at.1 + n), 60_000 + n as u32, 1, "other")).collect()
    }

    #[test]
    fn without_forks_chains_follow_ppid_and_say_so() {
        let log = [
            exec((1000, 1), 10, 1, "a"),
            exec((1000, 2), 11, 10, "b"),
            exec((9000, 3), 12, 11, "c"),
            exec((9000, 4), 11, 10, "b2"),
            exec((9000, 5), 13, 11, "d"),
            exec((9000, 6), 14, 77, "e"),
        ];
        let wanted = [
            "a(10) <inferred ?(1)",
            "b(11) <inferred a(10) <inferred ?(1)",
            "c(12) <inferred b(11) <inferred a(10) <inferred ?(1)",
            "b2(11) <inferred a(10) <inferred ?(1)",
            "d(13) <inferred b2(11) <inferred a(10) <inferred ?(1)",
            "e(14) <inferred ?(77)",
        ];
        assert_eq!(chains(&log.concat()), wanted);
    }

    #[test]
    fn forks_lead_to_the_true_forker_and_its_image_then() {
        let log = [
            exec((1000, 1), 10, 1, "a"),
            fork((1004, 2), 10, 1, 11, "/bin/x"),
            // The child forks and goes away: what it forked is init's then, and execs.
            fork((1004, 3), 11, 10, 12, "/bin/x"),
            exit((1004, 4), 11, 10, 0),
            exec((1008, 5), 12, 1, "orphan"),
            exec((1008, 6), 10, 1, "a2"),
            exit((1100, 7), 12, 1, 3),
        ];
        let wanted =
            ["a(10) <inferred ?(1)", "orphan(12) <audit a(11) <audit a(10) <inferred ?(1)", "a2(10) <inferred ?(1)"];
        let scratch = Scratch::new();
        scratch.replay(&Replay::defaults(), None, &log.concat());
        assert_eq!(scratch.chains(), wanted);
        let sql =
            "SELECT (end_ns - start_ns) / 1000000, status, ppid, forker, uptime_s FROM image WHERE cmdline = 'orphan'";
        let row = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]);
        let end: [i64; 5] = scratch.open().query_row(sql, [], row).unwrap();
        assert_eq!(end, [96, 3 << 8, 1, 11, 0]);
    }

    #[test]
    fn a_log_has_no_late_events_even_where_its_clock_was_set_back() {
        let log = [
            exec((10_000_000, 1), 10, 1, "a"),
            fork((5_000_000, 2), 10, 1, 11, "/bin/x"),
            exec((5_000_004, 3), 11, 10, "b"),
            exec((5_000_008, 4), 12, 11, "c"),
        ];
        let chains = chains(&log.concat());
        assert!(chains[2].starts_with("c(12) <inferred b(11) <audit ") && chains[2].ends_with(" ?(1)"), "{chains:?}");
    }

    #[test]
    fn an_orphan_keeps_its_forker_whoever_adopts_it() {
        let log = [
            exec((1000, 1), 10, 1, "a"),
            exec((1000, 2), 20, 1, "reaper"),
            fork((1004, 3), 10, 1, 11, "/bin/x"),
            exec((9000, 4), 11, 20, "b"),
        ];
        assert_eq!(chains(&log.concat())[2], "b(11) <audit a(10) <inferred ?(1)");
    }

    #[test]
    fn a_parent_that_is_better_known_by_now_is_still_the_same() {
        let log = [exec((1000, 1), 51, 50, "a"), exec((2000, 2), 50, 40, "b"), exec((3000, 3), 51, 50, "a2")];
        assert_eq!(chains(&log.concat())[2], "a2(51) <inferred ?(50)");
    }

    #[test]
    fn a_vfork_told_too_late_leaves_no_ghost_behind() {
        let log = [
            exec((1000, 1), 10, 1, "a"),
            exec((1000, 2), 20, 1, "z"),
            exec((1000, 3), 12, 10, "b"),
            exit((1000, 4), 12, 10, 0),
            fill((1000, 1000)),
            fork((1000, 5000), 10, 1, 12, "/bin/x"),
            fill((1100, 6000)),
            // The pid comes again, and this time nobody tells who forked it.
            exec((1200, 9000), 12, 20, "c"),
        ];
        let chains = chains(&log.concat());
        let of = |text: &str| chains.iter().find(|chain| chain.starts_with(text)).unwrap().as_str();
        assert_eq!(of("b("), "b(12) <inferred a(10) <inferred ?(1)");
        assert_eq!(of("c("), "c(12) <inferred z(20) <inferred ?(1)");
    }

    #[test]
    fn who_is_older_than_the_log_is_known_by_its_forks() {
        let log = [fork((1000, 1), 50, 40, 51, "/usr/sbin/sshd"), exec((1000, 2), 51, 50, "bash")];
        assert_eq!(chains(&log.concat()), ["bash(51) <audit /usr/sbin/sshd(50) <inferred ?(40)"]);
        // Here somebody descends from it before it is known: its row is better now, and has no parent.
        let log = [exec((1000, 1), 51, 50, "bash"), fill((1000, 10)), fork((1000, 1000), 50, 40, 52, "/usr/sbin/sshd")];
        assert_eq!(chains(&log.concat())[0], "bash(51) <inferred /usr/sbin/sshd(50)");
        // And here the exec says more.
        let log = [exec((1000, 1), 51, 50, "a"), exec((1000, 2), 50, 40, "b"), exec((1000, 3), 52, 50, "c")];
        let wanted = ["a(51) <inferred ?(50)", "b(50) <inferred ?(40)", "c(52) <inferred b(50) <inferred ?(40)"];
        assert_eq!(chains(&log.concat()), wanted);
    }

    #[test]
    fn a_pid_that_comes_again_under_init_is_not_taken_for_an_orphan() {
        let log =
            [exec((1000, 1), 5, 1, "shell"), exec((1000, 2), 10, 5, "a"), exec((90_000_000, 3), 10, 1, "service")];
        assert_eq!(chains(&log.concat())[2], "service(10) <inferred ?(1)");
    }

    #[test]
    fn after_a_reboot_nobody_is_known() {
        let before = [exec((1_000_000, 50), 10, 1, "a"), exec((1_000_000, 51), 11, 10, "b")].concat();
        for (later, boots) in [((1_090_000, 3), 1), ((1_090_000, 52), 0), ((1_000_000, 49), 0), ((999_000, 48), 0)] {
            let scratch = Scratch::new();
            let tally = scratch.replay(&Replay::defaults(), None, &(before.clone() + &exec(later, 12, 10, "c")));
            assert_eq!(tally.boots, boots, "{later:?}");
            let chains = scratch.chains();
            let last = chains.iter().find(|chain| chain.starts_with("c(12)")).unwrap();
            match boots {
                1 => assert_eq!(last, "c(12) <inferred ?(10)"),
                _ if later.1 > 51 => assert_eq!(last, "c(12) <inferred a(10) <inferred ?(1)"),
                _ => {}
            }
        }
        // A clock that starts in 1970 at each boot, as on boards without a battery: the serials tell.
        let log = exec((1_700_000_000_000, 40_000), 10, 1, "a") + &exec((20_000, 7), 11, 10, "b");
        assert_eq!(chains(&log)[1], "b(11) <inferred ?(10)");
    }

    #[test]
    fn numbers_beyond_all_measure_are_numbers() {
        const LAST_PID: u32 = i32::MAX as u32;
        let log = exec((9_000_000_000_000, u64::MAX), LAST_PID, LAST_PID - 1, "a")
            + &exec((1, u64::MAX - 1), LAST_PID, 1, "b")
            + &exec((1, 1), u32::MAX, 1, "no process has this pid")
            + &exec((1, 0), 0, 0, "no process has this pid")
            + "type=SYSCALL msg=audit(2.000:9): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 exe=\"/x\" key=(null)\n\
               type=EXECVE msg=audit(2.000:9): argc=4294967295 a4294967294[0]=00 a4294967295[0]=00 a4294967295[1]=00\n\
               type=EXECVE msg=audit(2.000:9): a4294967295[4294967295]=00 a4294967295[18446744073709551615]=00\n";
        let scratch = Scratch::new();
        let tally = scratch.replay(&Replay::defaults(), None, &log);
        assert_eq!((tally.malformed, tally.execs), (0, 3), "{:?}", scratch.chains());
    }

    #[test]
    fn one_machine_is_read_of_a_log_of_several() {
        let of =
            |node: &str, text: String| -> String { text.lines().map(|line| format!("node={node} {line}\n")).collect() };
        let log = of("one", exec((1000, 1), 10, 1, "a"))
            + &of("two", exec((1000, 1), 10, 7, "x"))
            + &of("one", exec((1000, 2), 11, 10, "b"))
            + &of("two", exec((1000, 2), 11, 10, "y"));
        for (node, wanted) in
            [(None, "b(11) <inferred a(10) <inferred ?(1)"), (Some("two"), "y(11) <inferred x(10) <inferred ?(7)")]
        {
            let scratch = Scratch::new();
            let tally = scratch.replay(&Replay::defaults(), node, &log);
            assert_eq!((tally.lines, tally.records, tally.elsewhere, tally.malformed), (16, 8, 8, 0));
            assert_eq!(scratch.chains()[1], wanted);
        }
    }

    #[test]
    fn every_line_is_counted_as_what_it_is() {
        let long = format!("type=EXECVE msg=audit(1.000:1): argc=1 a0=\"{}\"\n", "x".repeat(log::LINE_BYTES));
        let lines = [
            exec((1000, 1), 10, 1, "a"),
            "\n\r\n\0\0\n".to_string(),
            "type=USER_LOGIN msg=audit(1.000:2): pid=1\n".to_string(),
            "nonsense\n".to_string(),
            "type=SYSCALL msg=audit(1.x00:3): arch=c000003e\n".to_string(),
            "type=CWD msg=audit(1.000:1): cwd=\"/\0\"\n".to_string(),
            long,
            "\0\0\0".to_string() + &exec((1000, 4), 11, 10, "b").replace('\n', "\r\n"),
            "type=SYSCALL msg=audit(1.000:5): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=1".to_string(),
        ];
        let scratch = Scratch::new();
        let tally = scratch.replay(&Replay::defaults(), None, &lines.concat());
        let wanted = Tally { lines: 17, records: 9, malformed: 5, execs: 2, ..Tally::default() };
        assert_eq!(tally, wanted);
        assert_eq!(scratch.chains().len(), 2);
        let (numbers, texts) = reader::agent(&scratch.open()).unwrap().unwrap();
        assert_eq!((texts.source.as_str(), numbers.records_malformed, numbers.exec_events), ("replay of a test", 5, 2));
        assert_eq!((numbers.rows_written, numbers.rows_visible), (3, 2));
        assert!(numbers.stopped_ns > 0 && numbers.database_bytes > 0);
    }

    #[test]
    fn everything_is_kept_unless_limits_are_given() {
        // A day between one exec and the next, each a child of the one before.
        let log: String =
            (0..3000).map(|n| exec((1000 + n * 86_400_000, n + 1), 10 + n as u32, 9 + n as u32, "a")).collect();
        let limited = |change: fn(&mut Options)| {
            let mut options = Replay::defaults();
            change(&mut options);
            let scratch = Scratch::new();
            scratch.replay(&options, None, &log);
            let sql = "SELECT count(*), sum(visible), min(iif(visible, id, NULL)) FROM image";
            let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            scratch.open().query_row(sql, [], row).unwrap()
        };
        assert_eq!(limited(|_| {}), (3001, 3000, 2));
        assert_eq!(limited(|options| options.events_max = 5), (3001, 5, 2997), "ancestors stay");
        assert_eq!(limited(|options| options.events_expiry = 10 * 86_400), (3001, 11, 2991));
        let text = "x".repeat(1000);
        let log: String = (0..5000).map(|n| exec((1000 + n, n + 1), 10 + n as u32, 1, &text)).collect();
        let options = Options { events_max_bytes: 3_000_000, ..Replay::defaults() };
        let scratch = Scratch::new();
        scratch.replay(&options, None, &log);
        let (numbers, _) = reader::agent(&scratch.open()).unwrap().unwrap();
        assert!((1000..2500).contains(&numbers.rows_visible), "{numbers:?}");
        assert!((1_500_000..3_000_000).contains(&numbers.database_bytes), "{numbers:?}");
    }

    #[test]
    fn this_machine_is_not_asked() {
        let (us, init) = (std::process::id(), 1);
        let log = [
            exec((1_700_000_000_000, 1), 4_000_000, us, "a"),
            fork((1_700_000_000_000, 2), us, init, 4_000_001, ""),
            exec((1_700_000_000_000, 3), 4_000_001, us, "b"),
            exec((1_700_000_000_000, 4), init, 0, "c"),
        ];
        let scratch = Scratch::new();
        scratch.replay(&Replay::defaults(), None, &log.concat());
        let sql = "SELECT count(*) FROM image WHERE path <> '' AND path <> '/bin/x' OR cmdline NOT IN ('', 'a', 'b', 'c') \
                   OR kind = 3 OR link = 3";
        let foreign: i64 = scratch.open().query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(foreign, 0, "{:?}", scratch.chains());
        let wanted =
            [format!("a(4000000) <inferred ?({us})"), format!("b(4000001) <audit ?({us})"), "c(1)".to_string()];
        assert_eq!(scratch.chains(), wanted);
    }
}
