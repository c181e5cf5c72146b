//! The assembler: whatever records come in whatever order, an event says what records of its stamp said, and no more.
//!
//! Letters: `S` SYSCALL, `P` PATH, `C` CWD, `E` EXECVE, `O` EOE, `X` a record of another kind; `L` an EXECVE record with
//! some 7,000 characters more; `T` time for what is late; `U` a datagram that is no record.

use super::{Step, kind_of, steps, texts};
use std::collections::BTreeMap;
use stemma::audit::assemble::{Assembler, AssemblerCounters};
use stemma::audit::event::{Event, Exec, FileIds, Stamp};
use stemma::audit::record::{Record, decimal, decode};
use stemma::capacity;

/// Long records of one input.
const LONG: usize = 12;
const LONG_CHARACTERS: usize = 7000;
/// Room for exe, and for cwd.
const PATH_ROOM: usize = if capacity::EVENT_TEXT / 4 < 4096 { capacity::EVENT_TEXT / 4 } else { 4096 };

pub fn check(data: &[u8]) {
    let mut assembler = Assembler::new().unwrap();
    let mut given = Given::default();
    let (mut now_ms, mut long) = (0, 0);
    for Step { what, ms, rest } in steps(data) {
        now_ms += ms;
        let mut sink = |event: Event<'_>| given.delivered(&event);
        match what {
            b'T' => assembler.expire(now_ms, &mut sink),
            b'U' => {
                assembler.unreadable();
                given.records += 1;
            }
            b'L' if long < LONG => {
                long += 1;
                let body = [rest, &[b'4'; LONG_CHARACTERS]].concat();
                given.push(&mut assembler, texts::EXECVE, &body, now_ms);
            }
            _ => given.push(&mut assembler, kind_of(what).unwrap_or(texts::EXECVE), rest, now_ms),
        }
        given.hold_against(&assembler.counters);
    }
    assembler.expire(u64::MAX, &mut |event| given.delivered(&event));
    given.hold_against(&assembler.counters);
    assembler.expire(u64::MAX, &mut |_| panic!("an event that had gone out"));
}

/// What went in, and what came out.
#[derive(Default)]
struct Given {
    records: u64,
    by_stamp: BTreeMap<Stamp, Vec<(u16, Vec<u8>)>>,
    execs: u64,
    events: u64,
    partial: u64,
}

impl Given {
    fn push(&mut self, assembler: &mut Assembler, kind: u16, body: &[u8], now_ms: u64) {
        self.records += 1;
        if let Ok(record) = Record::parse(body) {
            self.by_stamp.entry(record.stamp).or_default().push((kind, record.body.to_vec()));
        }
        assembler.push(kind, body, now_ms, &mut |event| self.delivered(&event));
    }

    fn hold_against(&self, counters: &AssemblerCounters) {
        assert_eq!(counters.records, self.records);
        assert_eq!(counters.partial, self.partial);
        assert!(counters.malformed + counters.duplicates <= self.records);
        assert!(counters.truncated <= self.events);
        assert!(self.execs <= self.events && self.partial <= self.execs);
        assert!(self.events + counters.without_syscall <= self.records, "each event took a record");
        assert!(counters.evicted <= self.records);
    }

    fn delivered(&mut self, event: &Event<'_>) {
        self.events += 1;
        let (stamp, pid, path) = match event {
            Event::Exec(exec) => (exec.stamp, exec.pid, exec.path),
            Event::Fork(fork) => (fork.stamp, fork.pid, fork.path),
            Event::Exit(exit) => (exit.stamp, exit.pid, &b""[..]),
        };
        assert!(pid > 0 && path.len() <= PATH_ROOM);
        let records = self.by_stamp.get(&stamp).expect("an event of a stamp that was given");
        let bodies =
            |kind: u16| records.iter().filter(move |(known, _)| *known == kind).map(|(_, body)| body.as_slice());
        let says = |body: &[u8]| {
            let exe = text(body, b"exe").is_some_and(|exe| exe.starts_with(path));
            exe && number(body, b"pid", pid)
        };
        assert!(bodies(texts::SYSCALL).any(says), "one SYSCALL record says pid and exe");
        match event {
            Event::Exec(exec) => {
                self.execs += 1;
                self.partial += u64::from(exec.partial);
                assert_ne!(exec.pid, exec.ppid);
                assert!(bodies(texts::SYSCALL).any(|body| says(body) && number(body, b"ppid", exec.ppid)));
                let cwd = |body: &[u8]| text(body, b"cwd").is_some_and(|cwd| cwd.starts_with(exec.cwd));
                assert!(exec.cwd.is_empty() || bodies(texts::CWD).any(cwd));
                assert!(exec.file.is_none_or(|file| bodies(texts::PATH).any(|body| owned(body, &file))));
                check_arguments(exec, records);
            }
            Event::Fork(fork) => {
                assert!(fork.child > 0 && fork.child != fork.pid);
                assert!(bodies(texts::SYSCALL).any(|body| says(body) && number(body, b"exit", fork.child)));
            }
            Event::Exit(_) => {}
        }
    }
}

/// Whether a record has a field of this name and value.
fn number(body: &[u8], name: &[u8], value: u32) -> bool {
    let fields = Record { stamp: Stamp::default(), body }.fields();
    fields.filter(|(field, _)| *field == name).any(|(_, text)| decimal(text) == Some(u64::from(value)))
}

fn text(body: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (_, value) = Record { stamp: Stamp::default(), body }.fields().find(|(field, _)| *field == name)?;
    Some(decoded(value))
}

fn decoded(value: &[u8]) -> Vec<u8> {
    let mut out = vec![0; value.len()];
    let length = decode(value, &mut out);
    out.truncate(length);
    out
}

fn owned(body: &[u8], file: &FileIds) -> bool {
    let mode = |text: &[u8]| u32::from_str_radix(std::str::from_utf8(text).unwrap_or(""), 8) == Ok(file.mode);
    let fields = Record { stamp: Stamp::default(), body }.fields();
    number(body, b"item", 0)
        && number(body, b"ouid", file.uid)
        && number(body, b"ogid", file.gid)
        && fields.filter(|(name, _)| *name == b"mode").any(|(_, text)| mode(text))
}

/// A whole command line is what the records since some moment say; a partial one is no longer than they are.
fn check_arguments(exec: &Exec<'_>, records: &[(u16, Vec<u8>)]) {
    assert!(exec.cmdline.len() <= capacity::EVENT_TEXT - 2 * PATH_ROOM);
    let execve: Vec<_> = records.iter().filter(|(kind, _)| *kind == texts::EXECVE).map(|(_, body)| body).collect();
    assert!(exec.cmdline.len() <= execve.iter().map(|body| body.len()).sum::<usize>());
    // A slot may have been opened with any of them, if the stamp came again later.
    assert!(exec.partial || (0..execve.len()).any(|from| joined(&execve[from..]) == exec.cmdline));
}

fn joined(records: &[&Vec<u8>]) -> Vec<u8> {
    let (mut arguments, mut pieces): (Vec<Vec<u8>>, u64) = (Vec::new(), 0);
    for (name, value) in records.iter().flat_map(|body| Record { stamp: Stamp::default(), body }.fields()) {
        let Some(name) = name.strip_prefix(b"a") else { continue };
        let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some(argument) = decimal(&name[..digits]) else { continue };
        let piece = match &name[digits..] {
            [] => None,
            [b'[', piece @ .., b']'] => match decimal(piece) {
                Some(piece) => Some(piece),
                None => continue,
            },
            _ => continue,
        };
        let known = arguments.len() as u64;
        if argument == known && piece.unwrap_or(0) == 0 {
            arguments.push(decoded(value));
            pieces = piece.map_or(0, |_| 1);
        } else if argument + 1 == known && pieces > 0 && piece == Some(pieces) {
            arguments[known as usize - 1].extend(decoded(value));
            pieces += 1;
        }
    }
    arguments.join(&b' ')
}
