//! The binary under test: its daemon and its queries.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// One row of a query.
pub type Row = Map<String, Value>;

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("STEMMA_BIN").map_or_else(|| env!("CARGO_BIN_EXE_stemma").into(), PathBuf::from)
}

/// Sends a signal by number or name.
pub fn kill(pid: u32, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()), "kill -{signal} {pid}");
}

/// Runs SQL against a database with the binary under test.
pub fn query(database: &Path, sql: &str) -> Vec<Row> {
    let out = Command::new(binary()).args(["query", "--json", "--database"]).arg(database).arg(sql).output();
    let out = out.expect("the binary under test starts");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{sql}\n{}: {errors}", out.status);
    let rows: Vec<Row> =
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{sql}: not JSON rows: {e}\n{errors}"));
    rows
}

/// A column as text; "" for NULL.
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    match row.get(column) {
        Some(Value::String(s)) => s,
        Some(Value::Null) => "",
        Some(other) => panic!("{column} is not a string: {other}"),
        None => panic!("no column {column} in {:?}", row.keys().collect::<Vec<_>>()),
    }
}

/// A column as a number.
pub fn number(row: &Row, column: &str) -> i64 {
    text(row, column).parse().unwrap_or_else(|_| panic!("{column} is not a number: {:?}", text(row, column)))
}

/// A running daemon. Killed if it is still there when dropped.
pub struct Daemon {
    child: Child,
    database: PathBuf,
    log: Arc<Mutex<String>>,
    ended: Option<ExitStatus>,
}

impl Daemon {
    /// Starts it and waits until it records.
    pub fn start(database: &Path, options: &[&str]) -> Daemon {
        let mut child = Command::new(binary())
            .args(["daemon", "--foreground", "--database"])
            .arg(database)
            .args(options)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        let log = Arc::new(Mutex::new(String::new()));
        let recording = follow(&mut child, &log);
        let daemon = Daemon { child, database: database.into(), log, ended: None };
        let ready = recording.recv_timeout(Duration::from_secs(10));
        assert!(ready.is_ok(), "the daemon did not say that it records:\n{}", daemon.log());
        daemon
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().map(|l| l.clone()).unwrap_or_default()
    }

    pub fn query(&self, sql: &str) -> Vec<Row> {
        query(&self.database, sql)
    }

    /// The row of stemma_status.
    pub fn status(&self) -> Row {
        self.query("select * from stemma_status").into_iter().next().expect("a row of stemma_status")
    }

    /// A number of stemma_status.
    pub fn status_number(&self, column: &str) -> i64 {
        number(&self.status(), column)
    }

    /// Waits until the counters of what it received and wrote stand still for a second (at most a minute).
    pub fn settle(&self) {
        let (end, mut last, mut same) = (Instant::now() + Duration::from_secs(60), (-1, -1), 0);
        while same < 2 {
            assert!(Instant::now() < end, "the daemon does not come to rest:\n{}", self.log());
            thread::sleep(Duration::from_millis(500));
            let row = self.status();
            let now = (number(&row, "exec_events"), number(&row, "rows_written"));
            // The queries themselves are execs: a few more a round is rest.
            same = if now.0 - last.0 <= 3 && now.1 - last.1 <= 6 { same + 1 } else { 0 };
            last = now;
        }
    }

    /// Resident memory as the kernel counts it, KiB.
    pub fn rss_kib(&self) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
    }

    /// Sends a signal and waits for the end.
    pub fn stop(&mut self, signal: &str) -> ExitStatus {
        kill(self.pid(), signal);
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("wait") {
                self.ended = Some(status);
                return status;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the daemon did not end within 20 s of {signal}:\n{}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// Keeps stderr and reports the line that says it records.
fn follow(child: &mut Child, log: &Arc<Mutex<String>>) -> Receiver<()> {
    let (say, recording) = mpsc::channel();
    let (stderr, log) = (child.stderr.take().expect("stderr is a pipe"), Arc::clone(log));
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.contains("recording") {
                let _ = say.send(());
            }
            if let Ok(mut log) = log.lock() {
                log.push_str(&line);
                log.push('\n');
            }
        }
    });
    recording
}
