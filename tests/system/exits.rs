//! Exit facts: code, signal and duration of children whose end is known.

use std::process::{Command, Stdio};

use crate::agent::{Daemon, Row, number, text};
use crate::machine::{Machine, Scratch};

fn spawn(program: &str, args: &[&str]) -> std::process::Child {
    Command::new(program).args(args).stdout(Stdio::null()).spawn().unwrap_or_else(|e| panic!("{program}: {e}"))
}

fn row(daemon: &Daemon, pid: u32, cmdline: &str) -> Row {
    let sql = format!(
        "select * , exit_code, exit_signal, duration_ms from process_events where pid = {pid} and cmdline = '{cmdline}'"
    );
    let mut rows = daemon.query(&sql);
    assert_eq!(rows.len(), 1, "{cmdline}");
    rows.remove(0)
}

#[test]
fn codes_signals_and_durations() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    let daemon = Daemon::start(scratch.path(), &[]);
    let mut children = Vec::new();
    for (script, code, signal) in [
        ("exit 0", 0, 0),
        ("exit 7", 7, 0),
        ("exit 255", 255, 0),
        ("kill -9 $$", 0, 9),
        ("kill -TERM $$", 0, 15),
        ("kill -SEGV $$", 0, 11),
    ] {
        let mut child = spawn("sh", &["-c", script]);
        let _ = child.wait();
        children.push((child.id(), format!("sh -c {script}"), code, signal));
    }
    let mut slow = spawn("sleep", &["0.4"]);
    let mut living = spawn("sleep", &["60"]);
    let _ = slow.wait();
    daemon.settle();
    for (pid, cmdline, code, signal) in children {
        let row = row(&daemon, pid, &cmdline);
        let or_empty = |column: &str| text(&row, column).parse().unwrap_or(0);
        assert_eq!((or_empty("exit_code"), or_empty("exit_signal")), (code, signal), "{cmdline}");
        assert!((0..200).contains(&number(&row, "duration_ms")), "{cmdline}: {}", text(&row, "duration_ms"));
    }
    let slept = number(&row(&daemon, slow.id(), "sleep 0.4"), "duration_ms");
    assert!((400..600).contains(&slept), "sleep 0.4 took {slept} ms");
    let alive = row(&daemon, living.id(), "sleep 60");
    assert_eq!((text(&alive, "exit_code"), text(&alive, "exit_signal"), text(&alive, "duration_ms")), ("", "", ""));
    let _ = living.kill();
    let _ = living.wait();
}
