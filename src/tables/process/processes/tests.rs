use super::super::started;
use super::*;
use crate::sql::table::{Constraint, Op};
use crate::sql::testing::{Tree, host, rows};
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};

const STAT: &str = "S 1 7 7 0 -1 4194560 1 2 3 4 250 150 7 8 20 -5 3 0 12345 8192 2 18446744073709551615 1\n";
const STATUS: &str =
    "Name:\ta\\nb\nUmask:\t0022\nState:\tR (running)\nTgid:\t7\nPPid:\t6\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n";

fn child() -> Child {
    started(Command::new("sleep").arg("60"))
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A query by Rust's own hands, to do things between a row and its columns.
fn scan(pid: u32, columns: &[usize]) -> Scan {
    let used = columns.iter().fold(0, |bits, column| bits | 1 << column);
    let asked = Constraint { column: PID, op: Op::Equal, value: i64::from(pid).into() };
    Scan::new(&Query { used, constraints: vec![asked], context: Rc::default() })
}

#[test]
fn the_numbers_of_columns_are_those_of_their_names() {
    let named: [(usize, &str); 27] = [
        (PID, "pid"),
        (NAME, "name"),
        (PATH, "path"),
        (CMDLINE, "cmdline"),
        (STATE, "state"),
        (CWD, "cwd"),
        (ROOT, "root"),
        (UID, "uid"),
        (GID, "gid"),
        (EUID, "euid"),
        (EGID, "egid"),
        (SUID, "suid"),
        (SGID, "sgid"),
        (ON_DISK, "on_disk"),
        (WIRED_SIZE, "wired_size"),
        (RESIDENT_SIZE, "resident_size"),
        (TOTAL_SIZE, "total_size"),
        (USER_TIME, "user_time"),
        (SYSTEM_TIME, "system_time"),
        (DISK_BYTES_READ, "disk_bytes_read"),
        (DISK_BYTES_WRITTEN, "disk_bytes_written"),
        (START_TIME, "start_time"),
        (PARENT, "parent"),
        (PGROUP, "pgroup"),
        (THREADS, "threads"),
        (NICE, "nice"),
        (CGROUP_PATH, "cgroup_path"),
    ];
    for (index, name) in named {
        assert_eq!(COLUMNS[index].name, name);
    }
}

#[test]
fn as_few_files_as_can_be() {
    let of = |columns: &[usize], is_one| way(columns.iter().fold(0, |bits, column| bits | 1 << column), is_one);
    let files = |stat, status, cmdline| Way::Files { stat, status, cmdline };
    assert!(of(&[PID], false) == Way::Listed);
    assert!(of(&[PID], true) == Way::Directory { stat: false, status: false });
    assert!(of(&[PID, NAME, PARENT, THREADS], true) == files(true, false, false));
    assert!(of(&[NAME, PARENT, STATE, UID], false) == files(false, true, false));
    assert!(of(&[CMDLINE], false) == files(false, false, true));
    assert!(of(&[PID, PARENT, NAME, CMDLINE], false) == files(true, false, true));
    assert!(of(&[UID, CMDLINE], false) == Way::Directory { stat: false, status: true });
    assert!(of(&[UID, NICE], false) == Way::Directory { stat: true, status: true });
    assert!(of(&[NAME, PATH], false) == Way::Directory { stat: true, status: false });
    assert!(of(&[CGROUP_PATH], false) == Way::Directory { stat: false, status: false });
}

#[test]
fn columns_of_a_small_tree() {
    let tree = Tree::new("processes");
    tree.file("/proc/7/stat", format!("7 (a\nb) {STAT}")).file("/proc/7/status", STATUS);
    tree.file("/proc/7/cmdline", "  /bin/a\0-x\0\0two words\0\0\0").file("/bin/a", "");
    tree.file("/proc/7/io", "rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n");
    tree.file("/proc/7/cgroup", "12:cpu:/old\n0::/new:er\n")
        .link("/proc/7/exe", "/bin/a")
        .link("/proc/7/cwd", "/c w d");
    tree.link("/proc/7/root", "/").file("/proc/self/stat", STAT).file("/proc/uptime", "1 1");
    let sql = |columns: &str| tree.rows(&format!("SELECT {columns} FROM processes"));
    let of_stat = "name, state, parent, pgroup, user_time, system_time, nice, threads, total_size";
    assert_eq!(sql(of_stat), [["a\nb", "S", "1", "7", "2500", "1500", "-5", "3", "8192"]]);
    assert_eq!(
        sql("name, state, parent, uid, euid, suid, gid, egid, sgid"),
        [["a\nb", "R", "6", "1", "2", "3", "5", "6", "7"]]
    );
    assert_eq!(sql("parent, cmdline, uid, nice"), [["1", "/bin/a -x  two words", "1", "-5"]]);
    assert_eq!(sql("name, cmdline"), [["a\nb", "/bin/a -x  two words"]]);
    assert_eq!(sql("cmdline"), [["/bin/a -x  two words"]]);
    assert_eq!(sql("path, on_disk, cwd, root, wired_size"), [["/bin/a", "1", "/c w d", "/", "0"]]);
    assert_eq!(sql("disk_bytes_read, disk_bytes_written, cgroup_path"), [["4096", "4096", "/new:er"]]);
    assert_eq!(sql("pid, upid, protection_type"), [["7", "NULL", ""]]);
    assert_eq!(tree.rows("SELECT resident_size FROM processes"), [[(2 * process::page_bytes()).to_string()]]);
}

#[test]
fn what_is_missing_or_torn() {
    let tree = Tree::new("processes-torn");
    let long = "x".repeat(100_000);
    tree.file("/proc/3/stat", "3 (x) S 1").file("/proc/4/cmdline", "").file("/proc/5/status", "Uid:\t1\t2\n");
    tree.file("/proc/6/stat", format!("6 (k) {}", STAT.replace("4194560", "2129984"))).file("/proc/6/cmdline", "no");
    tree.file("/proc/8/stat", format!("8 (u) {STAT}")).file("/proc/8/cmdline", &long);
    tree.file("/proc/9/stat", format!("9 (k) {}", STAT.replace("4194560", "2129984")));
    assert_eq!(tree.rows("SELECT count(*) FROM processes"), [["6"]]);
    assert_eq!(tree.rows("SELECT pid FROM processes WHERE name >= '' ORDER BY pid"), [["6"], ["8"], ["9"]]);
    assert_eq!(tree.rows("SELECT uid, gid FROM processes WHERE uid IS NULL"), [["NULL", "NULL"]]);
    let sql = "SELECT length(cmdline) FROM processes WHERE pid = 8 AND name = 'u'";
    assert_eq!(tree.rows(sql), [["100000"]]);
    let sql = "SELECT pid, cmdline = '' FROM processes WHERE name = 'k' AND cmdline <> 'no' ORDER BY pid";
    assert_eq!(tree.rows(sql).last().unwrap(), &["9", "1"]);
    assert_eq!(
        tree.rows("SELECT path, on_disk, cwd, cgroup_path, disk_bytes_read FROM processes WHERE pid = 4"),
        [["", "-1", "", "", "NULL"]]
    );
    for pid in ["1", "0", "-1", "4294967299", "'x'", "2.5"] {
        assert_eq!(tree.rows(&format!("SELECT pid FROM processes WHERE pid = {pid}")).len(), 0, "{pid}");
    }
}

#[test]
fn an_executable_that_is_gone_and_one_that_is_called_so() {
    let tree = Tree::new("processes-deleted");
    let run = |name: &str| {
        fs::copy("/bin/sleep", tree.place(name)).unwrap();
        // A copy just written may still be open in a child that another test is starting.
        let start = || Command::new(tree.place(name)).arg("60").spawn();
        let busy = |error: &std::io::Error| error.raw_os_error() == Some(libc::ETXTBSY);
        let mut started = start();
        while started.as_ref().is_err_and(busy) {
            std::thread::sleep(std::time::Duration::from_millis(10));
            started = start();
        }
        started.unwrap()
    };
    let (gone, named, replaced) = (run("/gone"), run("/named (deleted)"), run("/replaced"));
    fs::remove_file(tree.place("/gone")).unwrap();
    fs::remove_file(tree.place("/replaced")).unwrap();
    tree.file("/replaced (deleted)", "somebody else");
    let sql = |child: &Child| format!("SELECT path, on_disk FROM processes WHERE pid = {}", child.id());
    let row = |child: &Child| rows("", &sql(child)).pop();
    let found = [row(&gone), row(&named), row(&replaced)];
    for child in [gone, named, replaced] {
        end(child);
    }
    let root = tree.path().canonicalize().unwrap().display().to_string();
    let wanted = [("gone", "0"), ("named (deleted)", "1"), ("replaced", "0")];
    if found.iter().any(|row| row.as_ref().is_none_or(|row| row[1] == "-1")) {
        println!("skipped: needs a sleep that runs by any name");
        return;
    }
    for (found, (name, on_disk)) in found.into_iter().flatten().zip(wanted) {
        assert_eq!(found, [format!("{root}/{name}"), on_disk.to_string()]);
    }
}

#[test]
fn ourselves() {
    let sql = |columns: &str| rows("", &format!("SELECT {columns} FROM processes WHERE pid = {}", process::pid()));
    let link = |name: &str| fs::read_link(format!("/proc/self/{name}")).unwrap().display().to_string();
    let arguments: Vec<_> = std::env::args().collect();
    assert_eq!(sql("path, on_disk, cwd, root"), [[link("exe"), "1".into(), link("cwd"), link("root")]]);
    assert_eq!(sql("parent, cmdline"), [[std::os::unix::process::parent_id().to_string(), arguments.join(" ")]]);
    let now = Clock::now().epoch_ns() / 1_000_000_000;
    let started: i64 = sql("start_time")[0][0].parse().unwrap();
    assert!((now - 3600..=now).contains(&started), "{started} at {now}");
}

/// Pid to the columns after it, of processes that were the same before and after `between`.
fn stable(sql: &str, between: impl FnOnce() -> Option<String>) -> Option<(BTreeMap<String, Vec<String>>, String)> {
    let read = || rows("", sql);
    let before = read();
    let shown = between()?;
    let after = read();
    let same = before.into_iter().filter(|row| after.contains(row));
    Some((same.map(|mut row| (row.remove(0), row)).collect(), shown))
}

/// Compares each line of a host's program with the row of the same pid; what is different. Numbers that change and
/// change back in between are different by chance, but not again and again.
fn differences(sql: &str, arguments: &[&str], same: impl Fn(&[String], &str) -> bool) -> Option<Vec<String>> {
    let mut different = Vec::new();
    for _ in 0..5 {
        let (ours, shown) = stable(sql, || host("ps", arguments))?;
        let of = |line: &str| line.trim_start().split(' ').next().and_then(|pid| ours.get(pid).cloned());
        let pairs: Vec<_> = shown.lines().filter_map(|line| Some((of(line)?, line))).collect();
        assert!(!pairs.is_empty() && pairs.len() * 2 > ours.len(), "{} of {}", pairs.len(), ours.len());
        let faults = pairs.iter().filter(|(row, line)| !same(row, line));
        different = faults.map(|(row, line)| format!("{line}: {row:?}")).collect();
        if different.is_empty() {
            break;
        }
    }
    Some(different)
}

#[test]
fn the_same_as_ps_shows() {
    let columns = "pid, parent, pgroup, nice, threads, uid, euid, suid, gid, egid, sgid, total_size / 1024, name";
    let format = "pid=,ppid=,pgid=,ni=,nlwp=,ruid=,euid=,suid=,rgid=,egid=,sgid=,vsz=,comm=";
    let same = |row: &[String], line: &str| {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let wanted: Vec<&str> = row.iter().flat_map(|value| value.split_whitespace()).collect();
        let nice = 2;
        // Where the scheduler knows no nice levels, ps shows none.
        words.len() == wanted.len()
            && (0..words.len()).all(|column| words[column] == wanted[column] || column == nice && words[column] == "-")
    };
    match differences(&format!("SELECT {columns} FROM processes"), &["-eo", format], same) {
        None => println!("skipped: needs ps"),
        Some(different) => assert!(different.is_empty(), "{different:#?}"),
    }
}

#[test]
fn arguments_as_ps_shows_them() {
    let same = |row: &[String], line: &str| {
        let arguments = line.trim_start().split_once(' ').map_or("", |(_, arguments)| arguments.trim());
        let cmdline = &row[1];
        match cmdline.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            // A thread of the kernel, or one that has ended: its name.
            true if cmdline.is_empty() => arguments.starts_with('['),
            true => cmdline == arguments,
            // ps escapes what is not ASCII.
            false => true,
        }
    };
    match differences("SELECT pid, parent, cmdline FROM processes", &["-ww", "-eo", "pid=,args="], same) {
        None => println!("skipped: needs ps"),
        Some(different) => assert!(different.is_empty(), "{different:#?}"),
    }
}

#[test]
fn all_ways_lead_to_the_same() {
    let between = || Some(String::new());
    let (by_stat, _) = stable("SELECT pid, name, parent FROM processes", between).unwrap();
    let (by_status, _) = stable("SELECT pid, name, parent, uid FROM processes", between).unwrap();
    let (by_directory, _) = stable("SELECT pid, name, parent, cwd, uid, nice FROM processes", between).unwrap();
    let (again, _) = stable("SELECT pid, name, parent FROM processes", between).unwrap();
    for (pid, row) in by_stat.iter().filter(|(pid, row)| again.get(*pid) == Some(row)) {
        // A kernel worker's name says what it works at.
        let others = [&by_status, &by_directory].into_iter().filter_map(|rows| rows.get(pid));
        for other in others.filter(|_| !row[0].starts_with("kworker/")) {
            assert_eq!(row[..], other[..2], "{pid}");
        }
    }
    assert!(by_stat.len() > 2 && by_status.len() > 2 && by_directory.len() > 2);
    let (with_stat, _) = stable("SELECT pid, cmdline, name FROM processes", between).unwrap();
    let (alone, _) = stable("SELECT pid, cmdline FROM processes", between).unwrap();
    for (pid, row) in &with_stat {
        assert!(alone.get(pid).is_none_or(|other| other[0] == row[0]), "{pid}");
    }
}

/// Starts a process with this pid, which has just become free; None if we may not choose or others came first.
fn start_as(pid: u32, arguments: &[&str]) -> Option<Child> {
    for _ in 0..20 {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
        let child = started(Command::new("sleep").args(arguments));
        if child.id() == pid {
            return Some(child);
        }
        end(child);
    }
    None
}

#[test]
fn a_pid_used_again_never_mixes_two_processes() {
    let first = child();
    let pid = first.id();
    let mut scans = [
        scan(pid, &[NAME, CMDLINE, PATH]),
        scan(pid, &[UID, CMDLINE]),
        scan(pid, &[NAME, CMDLINE]),
        scan(pid, &[CWD, CMDLINE, CGROUP_PATH]),
    ];
    for scan in &mut scans {
        assert!(scan.advance().unwrap());
    }
    end(first);
    let Some(second) = start_as(pid, &["61"]) else {
        println!("skipped: needs to choose a pid (/proc/sys/kernel/ns_last_pid)");
        return;
    };
    let found: Vec<_> = scans.iter_mut().map(|scan| scan.column(CMDLINE).unwrap()).collect();
    let more = [scans[0].column(PATH), scans[3].column(CWD), scans[3].column(CGROUP_PATH)].map(Result::unwrap);
    end(second);
    // What was read at the row's beginning is the first one's; of the rest nothing can be had any more.
    assert_eq!(found, ["", "", "sleep 60", ""].map(Value::text));
    assert_eq!(more, ["", "", ""].map(Value::text));
}
