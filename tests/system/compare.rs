//! The truth against what the database says: every exec once, and every chain right at every level.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::agent::{Row, number, query, text};
use crate::truth::{Ancestor, End, Node, Truth, unhex};

/// Mismatches printed.
const SHOWN: usize = 10;
/// Clock steps and rounding between a process that looks at the clock and the kernel's time stamps.
const SLACK_NS: i64 = 50_000_000;

const ROWS: &str = "select pid, hex(path) as path, hex(cmdline) as cmdline, hex(cwd) as cwd, parent, ancestry, time_ns, \
    original_parent, exit_code, exit_signal, duration_ms from process_events";

/// For [`compare`]: the collector was there to the end.
pub const ALL: i64 = i64::MAX;

/// Panics with the first few mismatches. `run` is the generator's `--run`: rows that carry its ids and are not in the
/// truth are mismatches too. Rows are due for images that began before `until_ns`; a collector that was killed need not
/// know how they ended.
pub fn compare(database: &Path, truth: &Truth, run: &str, until_ns: i64) {
    let rows = query(database, ROWS);
    let mut by_key: HashMap<(i64, Vec<u8>), Vec<&Row>> = HashMap::new();
    for row in &rows {
        by_key.entry((number(row, "pid"), unhex(text(row, "cmdline")))).or_default().push(row);
    }
    for same in by_key.values_mut() {
        same.sort_by_key(|row| number(row, "time_ns"));
    }
    let mut faults = Vec::new();
    let images = truth.images();
    for node in &images {
        let key = (node.pid, node.cmdline.clone());
        // Without arguments nothing but pid and time tells one image from another.
        let near = |row: &&Row| (node.fork_ns - SLACK_NS..node.now_ns + SLACK_NS).contains(&number(row, "time_ns"));
        let found = by_key.get(&key).and_then(|same| same.iter().position(near));
        match found {
            Some(i) => {
                let row = by_key.get_mut(&key).map(|same| same.remove(i)).expect("it was there");
                check_row(truth, node, row, until_ns == ALL, &mut faults);
            }
            None if node.now_ns < until_ns => {
                faults.push(format!("{}: no row; rows of pid {}: {}", name(node), node.pid, of_pid(&rows, node.pid)))
            }
            None => {}
        }
    }
    let token = format!("id={run}.").into_bytes();
    for row in by_key.values().flatten() {
        let cmdline = unhex(text(row, "cmdline"));
        if cmdline.windows(token.len()).any(|w| w == token) {
            faults.push(format!("a row too many: pid {} {}", text(row, "pid"), show(&cmdline)));
        }
    }
    let lived = median(images.iter().filter(|n| n.end != End::Replaced).map(|n| n.now_ns - n.fork_ns).collect());
    println!(
        "{} execs, {} rows, {} us from fork to the first line of main (median)",
        images.len(),
        rows.len(),
        lived / 1000
    );
    assert!(
        faults.is_empty(),
        "{} mismatches in {} execs:\n{}",
        faults.len(),
        images.len(),
        faults[..faults.len().min(SHOWN)].join("\n")
    );
}

fn check_row(truth: &Truth, node: &Node, row: &Row, ended: bool, faults: &mut Vec<String>) {
    let mut fault = |what: &str, expected: &dyn std::fmt::Display, found: &dyn std::fmt::Display| {
        faults.push(format!("{}: {what}: expected {expected}, found {found}", name(node)));
    };
    let (path, cwd) = (unhex(text(row, "path")), unhex(text(row, "cwd")));
    if path != node.path {
        fault("path", &show(&node.path), &show(&path));
    }
    if cwd != node.cwd {
        fault("cwd", &show(&node.cwd), &show(&cwd));
    }
    let chain = truth.chain(node);
    let forker = chain.first().map_or(0, |a| a.pid);
    let parent = number(row, "parent");
    // Audit's ppid: the forker, or who adopted an orphan. Pids inside a namespace are not comparable.
    if parent != forker && parent != node.getppid && !(node.in_pidns && node.kind == "orphan") {
        fault("parent", &format!("{forker} or {}", node.getppid), &parent);
    }
    if number(row, "original_parent") != forker {
        fault("original_parent", &forker, &text(row, "original_parent"));
    }
    let (code, signal) = (text(row, "exit_code"), text(row, "exit_signal"));
    let right = match node.end {
        End::Code(expected) => code == expected.to_string() && matches!(signal, "" | "0"),
        End::Signal(expected) => signal == expected.to_string() && matches!(code, "" | "0"),
        End::Replaced => true,
    };
    if ended && !right {
        fault("exit", &format!("{:?}", node.end), &format!("exit_code {code:?} exit_signal {signal:?}"));
    }
    if let Err(why) = check_chain(&chain, text(row, "ancestry")) {
        faults.push(format!("{}: ancestry: {why}", name(node)));
    }
}

/// The JSON array against the chain.
pub fn check_chain(chain: &[Ancestor], ancestry: &str) -> Result<(), String> {
    let found: Vec<Map<String, Value>> = serde_json::from_str(ancestry).map_err(|e| format!("{e}: {ancestry:.200}"))?;
    for (level, (expected, element)) in chain.iter().zip(&found).enumerate() {
        let at = |what: &str, e: &str, f: &str| {
            Err(format!("level {level}: {what}: expected {e}, found {f}\n    {}", pids(chain, &found)))
        };
        let (pid, ppid) = (integer(element, "pid"), integer(element, "ppid"));
        let above = chain.get(level + 1).map_or(0, |a| a.pid);
        let (path, cmdline) = (String::from_utf8_lossy(&expected.path), String::from_utf8_lossy(&expected.cmdline));
        if pid != expected.pid {
            return at("pid", &expected.pid.to_string(), &pid.to_string());
        }
        if ppid != above {
            return at("ppid", &above.to_string(), &ppid.to_string());
        }
        if string(element, "path") != path {
            return at("path", &path, string(element, "path"));
        }
        if string(element, "cmdline") != cmdline {
            return at("cmdline", &show(cmdline.as_bytes()), &show(string(element, "cmdline").as_bytes()));
        }
        if string(element, "exe_name") != path.rsplit('/').next().unwrap_or_default() {
            return at("exe_name", &path, string(element, "exe_name"));
        }
        let start = integer(element, "proc_time_hr");
        if expected.fork_ns != 0 && (start * 10_000_000 - expected.fork_ns).abs() > SLACK_NS {
            return at("proc_time_hr", &(expected.fork_ns / 10_000_000).to_string(), &start.to_string());
        }
        if integer(element, "proc_time") != start / 100 {
            return at("proc_time", &(start / 100).to_string(), &integer(element, "proc_time").to_string());
        }
        if let Some(parent) = found.get(level + 1) {
            let start = integer(parent, "proc_time_hr");
            if integer(element, "pproc_time_hr") != start {
                return at("pproc_time_hr", &start.to_string(), &integer(element, "pproc_time_hr").to_string());
            }
        }
    }
    if chain.len() == found.len() { Ok(()) } else { Err(format!("another length: {}", pids(chain, &found))) }
}

fn integer(element: &Map<String, Value>, key: &str) -> i64 {
    match element.get(key) {
        Some(Value::Number(n)) => n.as_i64().unwrap_or(-1),
        Some(Value::String(s)) => s.parse().unwrap_or(-1),
        _ => -1,
    }
}

fn string<'a>(element: &'a Map<String, Value>, key: &str) -> &'a str {
    element.get(key).and_then(Value::as_str).unwrap_or("(missing)")
}

fn pids(chain: &[Ancestor], found: &[Map<String, Value>]) -> String {
    let expected: Vec<i64> = chain.iter().map(|a| a.pid).collect();
    let found: Vec<i64> = found.iter().map(|e| integer(e, "pid")).collect();
    format!("expected pids {expected:?}, found {found:?}")
}

fn name(node: &Node) -> String {
    let place = if node.in_pidns { ", in a pid namespace" } else { "" };
    format!("{} (kind {}, pid {}{place})", node.id, node.kind, node.pid)
}

/// Bytes for people, cut.
fn show(bytes: &[u8]) -> String {
    let shown = bytes.get(..160).unwrap_or(bytes).escape_ascii();
    format!("\"{shown}\"{}", if bytes.len() > 160 { format!("… ({} bytes)", bytes.len()) } else { String::new() })
}

fn of_pid(rows: &[Row], pid: i64) -> String {
    let same = rows.iter().filter(|row| number(row, "pid") == pid).take(4);
    same.map(|row| format!("{} at {}", show(&unhex(text(row, "cmdline"))), text(row, "time_ns")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
