//! The same log in every form and in disorder: the rows must be the same.

use crate::{Scratch, facts, family_log, text};
use std::collections::HashMap;

/// A seeded generator (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn lines() -> Vec<Vec<u8>> {
    let log = family_log();
    log.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

fn joined(lines: impl IntoIterator<Item = Vec<u8>>, end: &str) -> Vec<u8> {
    lines.into_iter().flat_map(|line| [line, end.as_bytes().to_vec()].concat()).collect()
}

/// Asserts that a log says what the recorded one says, and returns what the replay said.
fn same(log: &[u8], what: &str) -> String {
    let (plain, changed) = (Scratch::new(), Scratch::new());
    plain.replay(&family_log());
    let said = changed.replay(log);
    let (wanted, got) = (facts(&plain.file("replay.db")), facts(&changed.file("replay.db")));
    for (wanted, got) in wanted.iter().zip(&got) {
        assert_eq!(got, wanted, "{what}");
    }
    assert_eq!(got.len(), wanted.len(), "{what}");
    said
}

/// `type=SYSCALL msg=audit(…): …` as the kernel prints it where nobody owns audit: numbers, and nothing added.
fn as_kernel(line: &[u8]) -> Option<String> {
    let line = String::from_utf8(line.to_vec()).unwrap();
    let line = line.split('\x1d').next()?;
    let (kind, rest) = line.strip_prefix("type=")?.split_once(" msg=")?;
    let number = match kind {
        "SYSCALL" => 1300,
        "PATH" => 1302,
        "CWD" => 1307,
        "EXECVE" => 1309,
        "PROCTITLE" => 1327,
        // A record of auditd's own.
        _ => return None,
    };
    Some(format!("type={number} {rest}"))
}

#[test]
fn the_kernels_lines_in_any_log() {
    let records: Vec<String> = lines().iter().filter_map(|line| as_kernel(line)).collect();
    for prefix in [
        "",
        "audit: ",
        "[   12.345678] audit: ",
        "Nov 14 22:13:20 gate kernel: [   12.345678] audit: ",
        "Nov 14 22:13:20 gate kernel: audit: ",
        "node=gate ",
    ] {
        let log: String = records.iter().map(|record| format!("{prefix}{record}\n")).collect();
        same(log.as_bytes(), prefix);
    }
    // Between other lines, which are no records.
    let mixed = records.iter().map(|record| format!("<5>audit: {record}\n<6>usb 1-1: new device\n"));
    let said = same(mixed.collect::<String>().as_bytes(), "mixed");
    assert!(said.contains("269 lines malformed"), "{said}");
    // The end of an event, where somebody writes it down, changes nothing.
    let with_end = records.iter().map(|record| {
        let stamp = record.split(' ').nth(1).unwrap();
        let end = if record.starts_with("type=1327") { format!("audit: type=1320 {stamp} \n") } else { String::new() };
        format!("audit: {record}\n{end}")
    });
    same(with_end.collect::<String>().as_bytes(), "EOE");
}

#[test]
fn ends_of_lines_and_zeros() {
    same(&joined(lines(), "\r\n"), "CRLF");
    same(&joined(lines(), " \n\n"), "blank lines");
    same(&joined(lines(), "\0\n\0\0\0"), "zeros between lines");
    let mut log = family_log();
    log.splice(0..0, vec![0; 300_000]);
    same(&log, "a hole in front");
    log.pop();
    let said = same(&log, "no newline at the end");
    assert!(said.contains(" 0 lines malformed"), "{said}");
}

#[test]
fn torn_and_damaged_lines_are_counted_and_cost_nothing_else() {
    let mut random = Seeded(7);
    let mut log = Vec::new();
    let mut damaged = 0;
    for line in lines() {
        match random.below(4) {
            0 => log.extend_from_slice(b"type=SYSCALL msg=audit(17000000\n"),
            1 => log.extend_from_slice(&[&line[..20], b"\0", &line[20..], b"\n"].concat()),
            2 => log.extend_from_slice(&[&vec![b'x'; 40_000][..], b"\n"].concat()),
            _ => damaged -= 1,
        }
        damaged += 1;
        log.extend_from_slice(&line);
        log.push(b'\n');
    }
    // The last line, cut in the middle of a pid.
    log.extend_from_slice(
        b"type=SYSCALL msg=audit(1700000100.000:9999): arch=c000003e syscall=59 success=yes ppid=1 pid=12",
    );
    let said = same(&log, "damaged");
    assert!(said.contains(&format!(" {} lines malformed", damaged + 1)), "{said}");
}

#[test]
fn lines_that_come_twice_count_once() {
    same(&joined(lines().into_iter().flat_map(|line| [line.clone(), line]), "\n"), "each twice");
    let lines = lines();
    // Again some lines later.
    let later = (0..lines.len() + 15).flat_map(|at| [lines.get(at), at.checked_sub(15).and_then(|at| lines.get(at))]);
    same(&joined(later.flatten().cloned(), "\n"), "again later");
}

#[test]
fn events_in_disorder() {
    for seed in 1..=10 {
        let mut random = Seeded(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        // Each line moves back by up to forty places; the pieces of one command line keep their order, as the kernel
        // sends them one after the other.
        let mut keyed: Vec<(usize, usize, Vec<u8>)> =
            lines().into_iter().enumerate().map(|(at, line)| (at + random.below(40), at, line)).collect();
        let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
        for (key, _, line) in &mut keyed {
            if line.starts_with(b"type=EXECVE") {
                let event = line[..line.iter().position(|&byte| byte == b')').unwrap()].to_vec();
                let before = last.entry(event).or_insert(0);
                *key = (*key).max(*before);
                *before = *key;
            }
        }
        keyed.sort();
        same(&joined(keyed.into_iter().map(|(_, _, line)| line), "\n"), &format!("seed {seed}"));
    }
}

#[test]
fn without_forks_and_exits_ppid_gives_the_chain_and_the_links_say_so() {
    let drop = [" syscall=56 ", " syscall=57 ", " syscall=58 ", " syscall=231 ", " syscall=435 "];
    let log = lines().into_iter().filter(|line| {
        let line = String::from_utf8_lossy(line);
        !drop.iter().any(|call| line.contains(call))
    });
    let scratch = Scratch::new();
    scratch.replay(&joined(log, "\n"));
    let rows = facts(&scratch.file("replay.db"));
    assert_eq!(rows.len(), 24);
    let of = |cmdline: &str| rows.iter().find(|row| text(row, "cmdline").starts_with(cmdline)).unwrap();
    let steps = |cmdline: &str| -> Vec<String> {
        let chain = text(of(cmdline), "chain");
        chain.split(',').map(|step| step.split_once(' ').unwrap().1.to_string()).collect()
    };
    let up = |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("inferred {name}")).collect() };
    assert_eq!(steps("/bin/true grandchild of two"), up(&["dash", "dash", "bash", ""]));
    assert_eq!(steps("true spawned"), up(&["python3.11", "dash", "bash", ""]));
    // Its parent never exec'd by then: only the pid is known, and nothing above it.
    assert_eq!(steps("sleep 0.3"), up(&[""]));
    // What audit says of an orphan is who adopted it.
    assert_eq!(steps("/bin/echo orphan"), up(&[""]));
    assert!(rows.iter().all(|row| text(row, "exit_code").is_empty() && text(row, "duration_ms").is_empty()));
}
