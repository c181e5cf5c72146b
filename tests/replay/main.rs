//! `stemma replay` of the built binary, on a log that auditd wrote (tests/data/family.log): what its rows must be, that
//! every form and order of its lines gives the same rows, and what the command refuses. Needs neither root nor audit.
//! `STEMMA_BIN` names another binary to test.

// clippy.toml allows these in test functions only; everything here is test.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unwrap_used)]

mod command;
mod family;
mod forms;

use serde_json::{Map, Value};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// One row of a query.
type Row = Map<String, Value>;

fn binary() -> PathBuf {
    std::env::var_os("STEMMA_BIN").map_or_else(|| env!("CARGO_BIN_EXE_stemma").into(), PathBuf::from)
}

/// The recorded log: a family of scripts in auditd's ENRICHED form, then others in its RAW form.
fn family_log() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/family.log")).expect("the recorded log")
}

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stemma-replay-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs the binary in the directory, with bytes on its standard input.
    fn stemma(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(binary())
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        // It may end without reading all.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        child.wait_with_output().expect("it ends")
    }

    /// Replays a log from standard input into `replay.db`; returns what was said.
    fn replay(&self, log: &[u8]) -> String {
        let out = self.stemma(&["replay", "-"], log);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{}: {said}", out.status);
        said
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn query(database: &Path, sql: &str) -> Vec<Row> {
    let out = Command::new(binary()).args(["query", "--json", "--database"]).arg(database).arg(sql).output();
    let out = out.expect("the binary under test starts");
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{sql}\n{}: {errors}", out.status);
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{sql}: not JSON rows: {error}\n{errors}"))
}

/// A column as text; "" for NULL.
fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    match row.get(column) {
        Some(Value::String(text)) => text,
        Some(Value::Null) => "",
        other => panic!("{column} is {other:?}"),
    }
}

/// What a log says, whatever it is written like: every event with its ids, its end and its chain.
fn facts(database: &Path) -> Vec<Row> {
    query(
        database,
        "SELECT pid, parent, original_parent, time_ns, serial, syscall, path, cmdline, cwd, mode, owner_uid, auid, uid,
                exit_code, duration_ms, ancestry,
                (SELECT group_concat(pid || ' ' || source || ' ' || exe_name) FROM process_ancestors
                 WHERE eid = pe.eid) AS chain
         FROM process_events pe ORDER BY serial",
    )
}
