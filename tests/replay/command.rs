//! The command: where the database goes, what is refused, exit codes.

use crate::{Scratch, binary, family_log, query, text};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn execs(scratch: &Scratch, database: &str) -> String {
    let rows = query(&scratch.file(database), "SELECT count(*) AS n FROM process_events");
    text(&rows[0], "n").to_string()
}

fn source(scratch: &Scratch, database: &str) -> String {
    text(&query(&scratch.file(database), "SELECT source FROM stemma_status")[0], "source").to_string()
}

#[test]
fn the_database_goes_where_help_says() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.file("logs")).unwrap();
    fs::create_dir(scratch.file("here")).unwrap();
    fs::write(scratch.file("logs/audit.log"), family_log()).unwrap();
    for (arguments, database) in [
        (&["replay", "logs/audit.log"][..], "audit.log.db"),
        (&["replay", "--database", "other.db", "logs/audit.log"], "other.db"),
        (&["replay", "--database=third.db", "logs/audit.log"], "third.db"),
        (&["replay", "--database", "here", "logs/audit.log"], "here/events.db"),
        (&["replay", "--database", "made", "logs/audit.log"], "made/events.db"),
    ] {
        let out = scratch.stemma(arguments, b"");
        assert!(out.status.success() && out.stdout.is_empty(), "{arguments:?}: {}", said(&out));
        assert_eq!(said(&out).lines().count(), 1, "one sentence: {}", said(&out));
        assert_eq!(
            (execs(&scratch, database), source(&scratch, database)),
            ("24".into(), "replay of logs/audit.log".into())
        );
    }
    // One file each, nothing beside it.
    let mut names: Vec<_> = fs::read_dir(&scratch.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["audit.log.db", "here", "logs", "made", "other.db", "third.db"]);
    let help = scratch.stemma(&["replay", "--help"], b"");
    let help = String::from_utf8_lossy(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for sentence in ["FILE's name with .db", "replay.db for -", "begun anew", "--events_max=N", "standard input"] {
        assert!(help.contains(sentence), "{sentence} in {help}");
    }
}

#[test]
fn a_second_replay_begins_anew() {
    let scratch = Scratch::new();
    for _ in 0..2 {
        scratch.replay(&family_log());
        assert_eq!(execs(&scratch, "replay.db"), "24");
    }
    let half: Vec<u8> = family_log().split_inclusive(|&byte| byte == b'\n').take(114).flatten().copied().collect();
    scratch.replay(&half);
    assert_eq!(execs(&scratch, "replay.db"), "11");
}

#[test]
// File::lock is of Rust 1.89; tests are built by the toolchain of rust-toolchain.toml.
#[allow(clippy::incompatible_msrv)]
fn what_is_not_a_replays_is_left_alone() {
    let scratch = Scratch::new();
    let refused = |database: &str, sentence: &str| {
        let before = fs::read(scratch.file(database)).unwrap();
        let out = scratch.stemma(&["replay", "--database", database, "-"], &family_log());
        assert_eq!(out.status.code(), Some(1), "{}", said(&out));
        assert!(said(&out).contains(sentence), "{}", said(&out));
        assert_eq!(fs::read(scratch.file(database)).unwrap(), before, "untouched");
    };
    fs::write(scratch.file("notes.txt"), "precious").unwrap();
    refused("notes.txt", "not overwriting it");
    // As an agent's: the same file, of another source.
    scratch.replay(&family_log());
    let mut file = fs::read(scratch.file("replay.db")).unwrap();
    let at = file.windows(9).position(|window| window == b"replay of").unwrap();
    file[at..at + 9].copy_from_slice(b"audit (ow");
    fs::write(scratch.file("agent.db"), file).unwrap();
    refused("agent.db", "is what an agent recorded");
    // A database that somebody writes now, whatever is in it.
    let lock = File::create(scratch.file("replay.db.lock")).unwrap();
    lock.lock().unwrap();
    refused("replay.db", "an agent or another replay writes");
    // Said and not left to dropping: another test's child may hold a copy until it execs.
    lock.unlock().unwrap();
    scratch.replay(&family_log());
    // An empty file is as good as none.
    File::create(scratch.file("empty.db")).unwrap();
    let out = scratch.stemma(&["replay", "--database", "empty.db", "-"], &family_log());
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn exit_codes() {
    let scratch = Scratch::new();
    scratch.replay(&family_log());
    for (arguments, input, sentence) in [
        (&["replay", "missing.log"][..], &b""[..], "opening missing.log: No such file"),
        (&["replay", "."], b"", "is a directory"),
        (&["replay", "-"], b"", "holds no audit record"),
        (&["replay", "-"], b"nothing of use\n", "1 line, 0 audit records, 0 execs, 1 line malformed"),
        (
            &["replay", "--node", "other", "-"],
            b"type=CWD msg=audit(1.000:1): cwd=\"/\"\n",
            "1 record of other machines",
        ),
        (&["replay", "--database", "no/such/place.db", "-"], b"", "cannot be written"),
        (&["replay", "--events_max=many", "-"], b"", "--events_max must be a whole number"),
        (&["replay"], b"", "file"),
    ] {
        let out = scratch.stemma(arguments, input);
        assert_eq!(out.status.code(), Some(1), "{arguments:?}: {}", said(&out));
        assert!(said(&out).contains(sentence), "{arguments:?}: {}", said(&out));
    }
    // A log without execs is no trouble.
    let out = scratch.stemma(&["replay", "-"], b"type=USER_LOGIN msg=audit(1.000:1): pid=1\n");
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn limits_are_taken_from_flags() {
    let scratch = Scratch::new();
    let out = scratch.stemma(&["replay", "--events_max=5", "-"], &family_log());
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(execs(&scratch, "replay.db"), "5");
}

#[test]
fn a_database_that_cannot_be_written_ends_the_replay() {
    let scratch = Scratch::new();
    let log: String = (1..5000)
        .map(|n| {
            format!(
                "type=SYSCALL msg=audit(1700000000.000:{n}): arch=c000003e syscall=59 success=yes exit=0 a0=0 ppid=1 \
                 pid={} exe=\"/bin/x\" key=(null)\n",
                n + 9
            )
        })
        .collect();
    fs::write(scratch.file("audit.log"), log).unwrap();
    // No file larger than 400 blocks of 512 bytes.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" replay audit.log";
    let out = Command::new("sh").args(["-c", script]).arg(binary()).current_dir(&scratch.0).output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(said(&out).contains("writing audit.log.db"), "{}", said(&out));
    // What is there is a replay's, and a second one begins anew.
    let out = scratch.stemma(&["replay", "audit.log"], b"");
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(execs(&scratch, "audit.log.db"), "4999");
}

#[test]
fn a_finished_database_needs_no_right_to_write() {
    let scratch = Scratch::new();
    scratch.replay(&family_log());
    let (file, folder) = (scratch.file("replay.db"), &scratch.0);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(execs(&scratch, "replay.db"), "24");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}
