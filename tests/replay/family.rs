//! The recorded family: rows, ends, durations and chains.

use crate::{Scratch, facts, family_log, query, text};
use std::collections::HashMap;

/// What a row of the family must be: cmdline as it begins, exe name, exit code, and its ancestors' exe names, nearest
/// first. Known from the scripts that were recorded. Init is known by its pid alone.
const FAMILY: &[(&str, &str, &str, &[&str])] = &[
    ("bash -c cd; ./family.sh", "bash", "0", &[""]),
    ("/bin/sh ./family.sh", "dash", "3", &["bash", ""]),
    ("sh -c /bin/true grandchild of one;", "dash", "3", &["dash", "bash", ""]),
    ("/bin/true grandchild of one", "true", "0", &["dash", "dash", "bash", ""]),
    ("/bin/echo grandchild of one", "echo", "0", &["dash", "dash", "bash", ""]),
    ("sh -c /bin/true grandchild of two;", "dash", "3", &["dash", "bash", ""]),
    ("/bin/true grandchild of two", "true", "0", &["dash", "dash", "bash", ""]),
    ("/bin/echo grandchild of two", "echo", "0", &["dash", "dash", "bash", ""]),
    ("sh -c /bin/true grandchild of three;", "dash", "3", &["dash", "bash", ""]),
    ("/bin/true grandchild of three", "true", "0", &["dash", "dash", "bash", ""]),
    ("/bin/echo grandchild of three", "echo", "0", &["dash", "dash", "bash", ""]),
    ("bash -c cd; ./others.sh", "bash", "0", &[""]),
    ("/bin/sh ./others.sh", "dash", "0", &["bash", ""]),
    ("sh -c (sleep 0.3; exec /bin/echo orphan >/dev/null) & exit 0", "dash", "0", &["dash", "bash", ""]),
    // A subshell between: a fork's copy, which shows what it was forked from.
    ("sleep 0.3", "sleep", "0", &["dash", "dash", "dash", "bash", ""]),
    ("/bin/echo two words new\nline \u{fffd} \"quoted\" ", "echo", "0", &["dash", "bash", ""]),
    ("seq 1200", "seq", "0", &["dash", "bash", ""]),
    ("/bin/echo 1 2 3 4", "echo", "0", &["dash", "bash", ""]),
    ("/bin/echo 000000", "echo", "0", &["dash", "bash", ""]),
    // Killed: audit has no record of that.
    ("sh -c kill -9 $$", "dash", "", &["dash", "bash", ""]),
    ("python3 -I -S -c ", "python3.11", "7", &["dash", "bash", ""]),
    ("true spawned", "true", "0", &["python3.11", "dash", "bash", ""]),
    ("sleep 0.6", "sleep", "0", &["dash", "bash", ""]),
    // Init's child by the time of its exec, but not by birth.
    ("/bin/echo orphan", "echo", "0", &["dash", "dash", "bash", ""]),
];

#[test]
fn every_exec_is_a_row_with_its_end_and_its_whole_chain() {
    let scratch = Scratch::new();
    let said = scratch.replay(&family_log());
    assert_eq!(said, "standard input: 273 lines, 273 audit records, 24 execs, 0 lines malformed; into replay.db\n");
    let rows = facts(&scratch.file("replay.db"));
    assert_eq!(rows.len(), FAMILY.len());
    for (row, (cmdline, exe, code, chain)) in rows.iter().zip(FAMILY) {
        assert!(text(row, "cmdline").starts_with(cmdline), "{cmdline}: {row:?}");
        assert_eq!(text(row, "path").rsplit('/').next(), Some(*exe), "{cmdline}");
        assert_eq!(text(row, "exit_code"), *code, "{cmdline}");
        let ancestry: Vec<serde_json::Value> = serde_json::from_str(text(row, "ancestry")).unwrap();
        let names: Vec<_> = ancestry.iter().map(|element| element["exe_name"].as_str().unwrap()).collect();
        assert_eq!(names, *chain, "{cmdline}");
        assert_eq!(ancestry.last().unwrap()["pid"], 1, "{cmdline}: up to the top");
        // Forks were recorded: but for the first of all, nobody is a child by hearsay.
        let links: Vec<_> = text(row, "chain").split(',').map(|step| step.split(' ').nth(1).unwrap()).collect();
        let (last, others) = links.split_last().unwrap();
        assert_eq!((*last, others.iter().all(|link| *link == "audit")), ("inferred", true), "{cmdline}: {links:?}");
        assert_eq!(text(row, "uid"), "1000");
        assert_eq!(text(row, "cwd"), "/home/user");
    }
}

#[test]
fn durations_are_the_logs() {
    let scratch = Scratch::new();
    scratch.replay(&family_log());
    let rows = facts(&scratch.file("replay.db"));
    let ms: HashMap<&str, &str> = rows.iter().map(|row| (text(row, "cmdline"), text(row, "duration_ms"))).collect();
    let between = |cmdline: &str, from: i64, to: i64| {
        let ms: i64 = ms[cmdline].parse().unwrap();
        assert!((from..to).contains(&ms), "{cmdline}: {ms} ms");
    };
    // Audit's clock has steps of 4 ms.
    between("sleep 0.3", 296, 320);
    between("sleep 0.6", 596, 620);
    between("/bin/true grandchild of one", 0, 9);
    between("/bin/sh ./others.sh", 600, 700);
    assert_eq!(ms["sh -c kill -9 $$"], "");
}

#[test]
fn long_arguments_come_whole() {
    let scratch = Scratch::new();
    scratch.replay(&family_log());
    let rows = facts(&scratch.file("replay.db"));
    let numbers = (1..=1200).fold(String::from("/bin/echo"), |text, number| format!("{text} {number}"));
    let digits = format!("/bin/echo {}7 after", "0".repeat(8999));
    for wanted in [numbers, digits] {
        assert!(rows.iter().any(|row| text(row, "cmdline") == wanted), "{}…", &wanted[..40]);
    }
}

#[test]
fn the_status_says_where_the_rows_come_from() {
    let scratch = Scratch::new();
    scratch.replay(&family_log());
    let sql = "SELECT source, running, exec_events, records_malformed, rows_visible, rows_dropped FROM stemma_status";
    let rows = query(&scratch.file("replay.db"), sql);
    let row: Vec<_> = ["source", "running", "exec_events", "records_malformed", "rows_visible", "rows_dropped"]
        .map(|column| text(&rows[0], column))
        .into();
    assert_eq!(row, ["replay of standard input", "0", "24", "0", "24", "0"]);
}

#[test]
fn there_is_no_word_of_this_machine() {
    // A log whose pids are those of processes that live here: nothing but the numbers may come of it.
    let (us, parent) = (std::process::id(), std::os::unix::process::parent_id());
    let log = format!(
        "type=SYSCALL msg=audit(1700000000.000:5): arch=c000003e syscall=59 success=yes exit=0 a0=0 ppid={us} pid=4000000 \
         auid=1 uid=2 gid=3 exe=\"/bin/x\" key=(null)\n\
         type=SYSCALL msg=audit(1700000000.000:6): arch=c000003e syscall=57 success=yes exit=4000001 a0=0 ppid={parent} \
         pid={us} auid=1 uid=2 gid=3 exe=\"/bin/y\" key=(null)\n\
         type=SYSCALL msg=audit(1700000000.000:7): arch=c000003e syscall=59 success=yes exit=0 a0=0 ppid=1 pid={parent} \
         auid=1 uid=2 gid=3 exe=\"/bin/z\" key=(null)\n"
    );
    let scratch = Scratch::new();
    scratch.replay(log.as_bytes());
    let file = std::fs::read(scratch.file("replay.db")).unwrap();
    for pid in ["1".to_string(), us.to_string(), parent.to_string()] {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let words = arguments.split(|&byte| byte == 0).chain([exe.as_os_str().as_encoded_bytes()]);
        for word in words.filter(|word| word.len() > 7) {
            let found = file.windows(word.len()).any(|window| window == word);
            assert!(!found, "{} of process {pid} is in the database", String::from_utf8_lossy(word));
        }
    }
    let sql = "SELECT path, cmdline FROM process_events WHERE path NOT IN ('/bin/x', '/bin/z') OR cmdline <> ''";
    assert_eq!(query(&scratch.file("replay.db"), sql), []);
    let sql = "SELECT group_concat(exe_name || pid) AS chain FROM process_ancestors WHERE eid = '0000000002'";
    // The parent is known by its own fork, as the log has it.
    assert!(text(&query(&scratch.file("replay.db"), sql)[0], "chain").starts_with(&format!("y{us}")));
}
