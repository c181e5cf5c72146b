//! The assembler on record texts as the kernel writes them, whole, cut and out of order.

use super::*;
use crate::audit::event::{FileIds, Ids};
use crate::fuzzed::checks::texts::{self, Call, Text};

/// An exec event with its texts out of the slot.
#[derive(Debug)]
struct Whole {
    pid: u32,
    ids: Ids,
    file: Option<FileIds>,
    path: Vec<u8>,
    cmdline: Vec<u8>,
    cwd: Vec<u8>,
    partial: bool,
}

fn assembled(records: &[Text]) -> (Vec<Whole>, AssemblerCounters) {
    let mut assembler = Assembler::new().unwrap();
    let mut events = Vec::new();
    let mut sink = |event: Event<'_>| {
        if let Event::Exec(exec) = event {
            let Exec { pid, ids, file, partial, .. } = exec;
            let texts = [exec.path, exec.cmdline, exec.cwd].map(<[u8]>::to_vec);
            let [path, cmdline, cwd] = texts;
            events.push(Whole { pid, ids, file, path, cmdline, cwd, partial });
        }
    };
    records.iter().for_each(|(kind, body)| assembler.push(*kind, body, 0, &mut sink));
    assembler.expire(u64::MAX, &mut sink);
    (events, assembler.counters)
}

fn arguments(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn cat() -> Vec<Text> {
    filtered(Call::default().exec(&arguments(&[b"cat", b"/etc/passwd"]), b"/root", None))
}

/// Without what the kernel keeps from us (see `filter`).
fn filtered(mut records: Vec<Text>) -> Vec<Text> {
    records.retain(|(kind, _)| !matches!(*kind, texts::EOE | texts::PROCTITLE));
    records
}

/// The records of `cat`, the first of one kind cut at the end of `kept`.
fn cut(kind: u16, kept: &str) -> Vec<Text> {
    let mut records = cat();
    let (_, body) = records.iter_mut().find(|(other, _)| *other == kind).unwrap();
    let at = body.windows(kept.len()).position(|part| part == kept.as_bytes()).unwrap();
    body.truncate(at + kept.len());
    records
}

/// The same with one text in place of another.
fn changed(records: &[Text], from: &str, to: &str) -> Vec<Text> {
    let change = |body: &Vec<u8>| String::from_utf8(body.clone()).unwrap().replace(from, to).into_bytes();
    records.iter().map(|(kind, body)| (*kind, change(body))).collect()
}

#[test]
fn an_exec_of_any_shape_comes_out_as_it_went_in() {
    let long = if capacity::EVENT_TEXT > 100_000 { 40_000 } else { 3_000 };
    let shapes = [
        arguments(&[b"cat", b"/etc/passwd"]),
        arguments(&[b""]),
        arguments(&[b"a b", b"it's", b"\"", b"", b"=", b"\xff\n", b"last"]),
        vec![b"sh".to_vec(), b"-c".to_vec(), vec![b'y'; long], vec![b' '; 900], b"last".to_vec()],
        (0..500).map(|number| format!("argument-{number}").into_bytes()).collect(),
        vec![vec![b'z'; 2490]; 3],
    ];
    for argv in shapes {
        let call = Call { exe: b"/usr/bin/with blank".to_vec(), ..Call::default() };
        for script in [None, Some(&b"/tmp/x.sh"[..])] {
            let (events, counters) = assembled(&filtered(call.exec(&argv, b"/home/\xe9", script)));
            let event = &events[0];
            assert_eq!(event.cmdline, argv.join(&b' '));
            assert_eq!((event.path.as_slice(), event.cwd.as_slice()), (&call.exe[..], &b"/home/\xe9"[..]));
            assert_eq!(event.file, Some(FileIds { mode: 0o100_755, uid: 0, gid: 0 }));
            assert!(!event.partial && event.pid == call.pid && event.ids.egid == 1000);
            assert_eq!(AssemblerCounters { records: counters.records, ..Default::default() }, counters);
        }
    }
}

#[test]
fn the_largest_argument_number_with_pieces_does_not_overflow() {
    let records = changed(
        &cat(),
        "a0=\"cat\"",
        "a4294967295_len=4 a4294967295[0]=41 a4294967295[1]=42 a4294967295[4294967295]=43",
    );
    let (events, _) = assembled(&records);
    assert!(events[0].partial);
}

#[test]
fn a_number_beyond_32_bits_is_not_another_number() {
    let (events, counters) = assembled(&changed(&cat(), " pid=3538", " pid=4294967297"));
    assert!(events.is_empty(), "no event of process 1");
    assert_eq!((counters.malformed, counters.without_syscall), (1, 1));
    let (events, _) = assembled(&changed(&cat(), " uid=1000", " uid=4294967296"));
    assert_eq!(events[0].ids.uid, u32::MAX, "not root");
}

#[test]
fn an_id_that_is_missing_is_unset_and_not_root() {
    let (events, _) = assembled(&changed(&cat(), " euid=1000", ""));
    assert_eq!((events[0].ids.euid, events[0].ids.uid), (u32::MAX, 1000));
}

#[test]
fn a_fork_without_a_child_is_no_fork() {
    for exit in [0, -11, 3538] {
        let mut assembler = Assembler::new().unwrap();
        for (kind, body) in (Call { number: 57, exit, ..Call::default() }).alone() {
            assembler.push(kind, &body, 0, &mut |event| panic!("{event:?}"));
        }
        assert_eq!(assembler.counters.malformed, 1);
    }
}

#[test]
fn a_process_that_is_its_own_parent_is_no_process() {
    let (events, counters) = assembled(&changed(&cat(), " ppid=2686", " ppid=3538"));
    assert!(events.is_empty());
    assert_eq!(counters.malformed, 1);
}

#[test]
fn a_syscall_record_cut_before_exe_is_not_taken() {
    for kept in ["arch=c0", " ppid=26", " pid=35", " fsgid=10", " comm=\"ca", " exe"] {
        let (events, counters) = assembled(&cut(texts::SYSCALL, kept));
        assert!(events.is_empty(), "cut after {kept}");
        assert_eq!((counters.malformed, counters.without_syscall), (1, 1));
    }
}

#[test]
fn a_text_that_was_cut_makes_its_event_partial() {
    let blank = Call { exe: b"/bin/a b".to_vec(), ..Call::default() };
    let mut hex = blank.exec(&arguments(&[b"x y"]), b"/x y", None);
    assert!(!assembled(&hex).0[0].partial);
    for (kind, body) in &mut hex {
        if *kind == texts::SYSCALL {
            let at = body.windows(5).position(|part| part == b" subj").unwrap();
            body.truncate(at - 2);
        }
    }
    let (events, counters) = assembled(&hex);
    assert!(events[0].partial && counters.truncated == 1, "exe without the key after it");
    for (kind, kept) in [
        (texts::SYSCALL, "exe=\"/usr/bi"),
        (texts::SYSCALL, "exe="),
        (texts::CWD, "cwd=\"/ro"),
        (texts::CWD, "cwd="),
        (texts::EXECVE, "argc=2"),
        (texts::EXECVE, "a1"),
        (texts::EXECVE, "a1="),
        (texts::EXECVE, "a1=\"/etc"),
    ] {
        let (events, counters) = assembled(&cut(kind, kept));
        assert!(events[0].partial && counters.partial == 1, "cut after {kept}");
    }
    let odd: Vec<_> = changed(&cat(), "a1=\"/etc/passwd\"", "a1=612");
    assert!(assembled(&odd).0[0].partial);
}

#[test]
fn a_path_record_cut_in_its_numbers_is_not_taken() {
    for kept in ["item=", " mode=010", " ouid=0", " ogid=0"] {
        let (events, counters) = assembled(&cut(texts::PATH, kept));
        assert!(events[0].partial && events[0].file.is_none(), "cut after {kept}");
        assert!(counters.malformed > 0);
    }
    let nowhere = changed(
        &cat(),
        " inode=1000 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL",
        " nametype=UNKNOWN",
    );
    let (events, counters) = assembled(&nowhere);
    assert!(!events[0].partial && events[0].file.is_none(), "a name without an inode is told, and has no owner");
    assert_eq!(counters.malformed, 0);
}

#[test]
fn a_long_argument_without_one_of_its_pieces_is_partial() {
    let argv = vec![b"sh".to_vec(), vec![b'y'; 9000]];
    let records = Call::default().exec(&argv, b"/", None);
    let pieces: Vec<_> = (0..records.len()).filter(|&at| records[at].0 == texts::EXECVE).collect();
    assert!(pieces.len() > 2);
    for piece in pieces {
        let mut records = records.clone();
        records.remove(piece);
        assert!(assembled(&records).0[0].partial, "without record {piece}");
    }
}

#[test]
fn a_record_that_comes_again_changes_nothing() {
    let (once, _) = assembled(&cat());
    let twice: Vec<_> = cat().into_iter().flat_map(|record| [record.clone(), record]).collect();
    let (events, counters) = assembled(&twice);
    assert_eq!(format!("{events:?}"), format!("{once:?}"));
    // SYSCALL, EXECVE, CWD, PATH item 0.
    assert_eq!(counters.duplicates, 4);
}
