//! A query ends at its limits, and at Ctrl-C: with a sentence and a code, and neither by the kernel's OOM killer nor
//! never. Needs neither root nor audit.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::agent::{binary, kill};

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

fn run(arguments: &[&str], sql: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(["query", "--database", "/nonexistent"]).args(arguments).arg(sql);
    command.output().expect("the binary under test starts")
}

fn fails(arguments: &[&str], sql: &str, code: i32, sentence: &str) {
    let out = run(arguments, sql);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(errors.trim_end().lines().last(), Some(sentence), "{arguments:?} {sql}");
    assert_eq!(out.status.code(), Some(code), "{arguments:?} {sql}");
}

#[test]
fn memory() {
    let sentence = |limit: &str| {
        format!(
            "Error: the query needs more than its memory limit of {limit} MiB (--memory-limit MIB raises it, 0 removes it)"
        )
    };
    // SQLite's own memory, one piece too large for the limit, and what waits in the output.
    let grows = "WITH RECURSIVE n(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM n) SELECT max(length(s)) FROM n";
    fails(&["--memory-limit", "8"], grows, 7, &sentence("8"));
    fails(&[], "SELECT length(hex(zeroblob(50000000)))", 7, &sentence("64"));
    fails(&["--memory-limit", "8"], &format!("{ENDLESS} SELECT i, 'text' FROM n"), 7, &sentence("8"));
    let out = run(&["--memory-limit", "0", "--list"], "SELECT length(hex(zeroblob(50000000)))");
    assert!(out.status.success(), "{out:?}");
    // Modes that print rows as they come need none.
    let streams = format!("{ENDLESS} SELECT i, 'text' FROM n LIMIT 300000");
    let out = run(&["--memory-limit", "2", "--csv"], &streams);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.stdout.iter().filter(|&&byte| byte == b'\n').count(), 300_001);
}

#[test]
fn time_and_rows() {
    let waits = format!("{ENDLESS} SELECT count(*) FROM n WHERE i < 0");
    let stopped = |what: &str, option: &str| {
        format!(
            "Error: the query was stopped at its {what} limit of 1 s (--{option}-limit SECONDS raises it, 0 removes it)"
        )
    };
    fails(&["--time-limit", "1"], &waits, 9, &stopped("time", "time"));
    fails(&["--time-limit=1"], "SELECT sleep(60)", 9, &stopped("time", "time"));
    fails(&["--cpu-limit", "1"], &waits, 9, &stopped("CPU", "cpu"));
    let three = "Error: the result has more than 3 rows, its limit (--row-limit ROWS raises it, 0 removes it)";
    fails(&["--row-limit", "3"], &format!("{ENDLESS} SELECT i FROM n"), 18, three);
    let out = run(&["--row-limit", "3", "--list", "--header", "false"], &format!("{ENDLESS} SELECT i FROM n"));
    assert_eq!(String::from_utf8_lossy(&out.stdout), "1\n2\n3\n", "what there may be is printed");
}

/// Whether SIGINT is ignored here, as it is in what a shell runs in the background; our children inherit it.
fn interrupt_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0) & 2 != 0
}

#[test]
fn interrupt() {
    use std::os::unix::process::ExitStatusExt;
    if interrupt_is_ignored() {
        eprintln!("skipped: SIGINT is ignored here");
        return;
    }
    for sql in [
        format!("{ENDLESS} SELECT count(*) FROM n WHERE i < 0"),
        "SELECT sleep(60)".to_string(),
        "SELECT count(*) FROM processes a, processes b, processes c, processes d, processes e, processes f, uptime g \
         WHERE g.days < 0"
            .to_string(),
    ] {
        let child = Command::new(binary())
            .args(["query", "--database", "/nonexistent", "--time-limit", "30", &sql])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test starts");
        std::thread::sleep(Duration::from_millis(500));
        let begin = Instant::now();
        kill(child.id(), "INT");
        let out = child.wait_with_output().expect("it ends");
        assert!(begin.elapsed() < Duration::from_secs(5), "{sql}: took {:?}", begin.elapsed());
        assert_eq!(String::from_utf8_lossy(&out.stderr), "Error: interrupted\n", "{sql}");
        assert_eq!(out.status.signal(), Some(2), "a shell's loop must see that it was interrupted: {sql}");
    }
}

#[test]
fn a_list_of_pids_is_one_question() {
    let me = std::process::id();
    let out = run(
        &["--list", "--header", "false"],
        &format!("SELECT pid FROM processes WHERE pid IN ({me}, 1, 0, {me}, 'x', 1.5)"),
    );
    let mut pids: Vec<u32> =
        String::from_utf8_lossy(&out.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    pids.sort_unstable();
    assert_eq!(pids, [1, me]);
}
