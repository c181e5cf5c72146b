//! The checks of the fuzz targets (tests/fuzz) as ordinary tests: a seeded mutator instead of libFuzzer, a second or two
//! in all. A failing input is told with its number: the same number is the same input again.

#[path = "../tests/fuzz/checks/mod.rs"]
pub(crate) mod checks;

use crate::lineage::tests::Seeded;
use crate::source::{Life, LifeKind};
use checks::texts::{self, Call, Text};
use checks::{connector::datagram, letter_of, lineage::BOOT_MS};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// Seeds of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = folder().join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The words of the dictionary, which has libFuzzer's form: `"text"` with `\xNN`, `\\` and `\"`.
fn words() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join("dictionary")).unwrap();
    let word = |line: &str| {
        let (mut out, mut rest) = (Vec::new(), line.strip_prefix('"')?.strip_suffix('"')?.bytes());
        while let Some(byte) = rest.next() {
            let escaped = if byte == b'\\' { rest.next()? } else { 0 };
            out.push(match (byte, escaped) {
                (b'\\', b'x') => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                (b'\\', other) => other,
                (plain, _) => plain,
            });
        }
        Some(out)
    };
    text.lines().filter_map(word).collect()
}

/// One to eight changes of the kinds that happen: flipped bits, other bytes, cuts, doubles, lines that change places,
/// words put in, numbers changed, a part of another seed.
fn mutated(random: &mut Seeded, seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(8) {
        let (a, b) = (random.below(data.len() + 1), random.below(data.len() + 1));
        let (from, to) = (a.min(b), a.max(b));
        match random.below(10) {
            0 if from < data.len() => data[from] ^= 1 << random.below(8),
            1 if from < data.len() => data[from] = random.below(256) as u8,
            2 => data.truncate(to),
            3 => drop(data.drain(from..to.min(from + 64))),
            4 if data.len() < 16_384 => data.extend_from_within(from..to),
            5 => drop(data.splice(from..from, words[random.below(words.len())].iter().copied())),
            6 => {
                let other = &seeds[random.below(seeds.len())];
                let (start, end) = (random.below(other.len() + 1), random.below(other.len() + 1));
                data.splice(from..from, other[start.min(end)..start.max(end)].iter().copied());
                data.truncate(32_768);
            }
            7 => {
                let mut lines: Vec<_> = data.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
                let (one, two) = (random.below(lines.len()), random.below(lines.len()));
                lines.swap(one, two);
                data = lines.join(&b'\n');
            }
            _ => {
                if let Some(digit) = data.iter_mut().skip(from).find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
        }
    }
    data
}

fn run(target: &str, rounds: usize, check: fn(&[u8])) {
    let (seeds, words) = (corpus(target), words());
    assert!(seeds.len() > 1 && words.len() > 10);
    seeds.iter().for_each(|seed| check(seed));
    let mut random = Seeded::new(1);
    for round in 0..rounds {
        let data = mutated(&mut random, &seeds, &words);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(&data))) {
            eprintln!("{target}, input {round}: {}", data.escape_ascii());
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn records_hold_for_any_bytes() {
    run("records", 20_000, checks::records::check);
}

#[test]
fn the_assembler_holds_for_any_records() {
    run("assembler", 2_000, checks::assembler::check);
}

#[test]
fn the_connector_holds_for_any_datagram() {
    run("connector", 20_000, checks::connector::check);
}

#[test]
fn control_holds_for_any_answer() {
    run("control", 20_000, checks::control::check);
}

#[test]
fn lineage_holds_for_any_events() {
    run("lineage", 3_000, checks::lineage::check);
}

#[test]
fn a_log_holds_whatever_its_lines() {
    run("log", 2_000, checks::log::check);
}

fn lines(records: &[Text]) -> Vec<u8> {
    let line = |(kind, body): &Text| [&[letter_of(*kind), b'0'], body.as_slice()].concat();
    records.iter().map(line).collect::<Vec<_>>().join(&b'\n')
}

fn arguments(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Exec events of every shape, one after the other.
fn events() -> Vec<Vec<Text>> {
    let call = Call { ms: BOOT_MS + 1_000, ..Call::default() };
    let long = vec![b"sh".to_vec(), b"-c".to_vec(), vec![b'y'; 8000], b"last".to_vec()];
    let odd = arguments(&["/tmp/a b", "", "it's=\\", "two words", "\u{fc}", "\"q\"", "line\nfeed"]);
    let exit = Call { number: 231, first: 3, serial: 8, ..call.clone() };
    let fork = |serial, number, exit, first| Call { serial, number, exit, first, ..call.clone() };
    vec![
        call.exec(&arguments(&["cat", "/etc/passwd"]), b"/root", None),
        Call { serial: 2, exe: b"/bin/dash".to_vec(), ..call.clone() }.exec(&odd, b"/home/a b", Some(b"/tmp/x.sh")),
        Call { serial: 3, number: 322, arch: 0xc000_003e, ..call.clone() }.exec(&long, b"/", None),
        Call { serial: 4, number: 11, arch: 0x4000_0003, ..call.clone() }.exec(&arguments(&[""]), b"/", None),
        Call { serial: 5, success: false, exit: -2, ..call.clone() }.alone(),
        fork(6, 56, 3600, 0x0120_0011).alone(),
        fork(7, 58, 3601, 0).alone(),
        fork(9, 435, 3602, 0x7ffd_0000).alone(),
        exit.alone(),
    ]
}

/// Two events whose records come mixed.
fn mixed(one: &[Text], two: &[Text]) -> Vec<Text> {
    let mut out = Vec::new();
    for at in 0..one.len().max(two.len()) {
        out.extend(one.get(at).cloned());
        out.extend(two.get(at).cloned());
    }
    out
}

fn rule_datagrams() -> Vec<Vec<u8>> {
    use crate::audit::rules::{exclude_rules, exec_rules, fork_rules};
    let message = |kind: u16, payload: &[u8]| {
        let mut out = ((16 + payload.len()) as u32).to_ne_bytes().to_vec();
        out.extend(kind.to_ne_bytes());
        out.extend([0; 2]);
        out.extend(7u32.to_ne_bytes());
        out.extend(0u32.to_ne_bytes());
        out.extend(payload);
        out
    };
    let mut status = vec![0; 44];
    for (at, word) in [0u32, 1, 1, 4242, 0, 8192, 17, 3, 0, 15_000].iter().enumerate() {
        status[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
    }
    let rules = [exec_rules(&[0xc000_003e]), fork_rules(&[0xc000_003e]), exclude_rules()].concat();
    let mut out: Vec<_> = rules.iter().step_by(2).map(|rule| message(1013, rule.bytes())).collect();
    out.extend([
        message(1000, &status),
        message(2, &(-17i32).to_ne_bytes()),
        message(2, &[0; 20]),
        message(3, &[0; 4]),
    ]);
    out
}

/// The short events as lines of logs, each event in another form.
fn logs(events: &[Vec<Text>]) -> Vec<Vec<u8>> {
    let named = |kind: u16| match kind {
        texts::SYSCALL => "SYSCALL",
        texts::PATH => "PATH",
        texts::CWD => "CWD",
        texts::EXECVE => "EXECVE",
        texts::EOE => "EOE",
        _ => "PROCTITLE",
    };
    let forms: [fn(&str, u16) -> String; 5] = [
        |name, _| format!("type={name} msg="),
        |name, _| format!("node=gate type={name} msg="),
        |_, kind| format!("type={kind} "),
        |_, kind| format!("Nov 14 22:13:20 gate kernel: [   12.345678] audit: type={kind} "),
        |_, kind| format!("type=UNKNOWN[{kind}] msg="),
    ];
    let short = events.iter().filter(|records| records.iter().all(|(_, body)| body.len() < 1000)).enumerate();
    let line = |number: usize, (kind, body): &Text| {
        let head = forms[number % forms.len()](named(*kind), *kind);
        let added: &[u8] = if number % 2 == 0 { b"\n" } else { b"\x1dARCH=x86_64 UID=\"root\"\n" };
        [head.as_bytes(), body, added].concat()
    };
    short.map(|(number, records)| records.iter().flat_map(|record| line(number, record)).collect()).collect()
}

/// Writes the seeds anew: `cargo test --lib -- --ignored writes_the_seeds`.
#[test]
#[ignore = "writes files"]
fn writes_the_seeds() {
    let put = |target: &str, seeds: Vec<Vec<u8>>| {
        let folder = folder().join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
        }
    };
    let events = events();
    let short: Vec<_> =
        events.iter().flatten().map(|(_, body)| body.clone()).filter(|body| body.len() < 1000).collect();
    put("records", short.iter().step_by(3).cloned().collect());
    let mut assembler: Vec<_> = events.iter().map(|records| lines(records)).collect();
    assembler.push(lines(&mixed(&events[0], &events[1])));
    assembler.push([lines(&events[0][1..4]), b"T9".to_vec(), lines(&events[0])].join(&b'\n'));
    assembler.push([b"L0audit(1.002:3): argc=2 a0_len=7000 a0[0]=".to_vec(), lines(&events[0])].join(&b'\n'));
    put("assembler", assembler);
    let life = |pid, kind| datagram(&Life { pid, time_ns: 1_234_567_890, kind });
    let lives = [LifeKind::Fork { parent: 1 }, LifeKind::Exec, LifeKind::Exit { status: 256 }];
    put("connector", lives.into_iter().map(|kind| life(4000, kind)).collect());
    put("control", rule_datagrams());
    let born = b"p01 0 0\np02686 1 5\nR0\nF03538 2686\nI03538\n".to_vec();
    let dies = b"\nD13538 256\nW1\nF03538 2686\nI03538\nI03538\nW9\nA0\nR9\nN0".to_vec();
    let short = events.iter().filter(|records| records.iter().all(|(_, body)| body.len() < 1000));
    let mut lineage: Vec<_> = short.map(|records| [&born, lines(records).as_slice(), &dies].concat()).collect();
    put("log", logs(&events));
    lineage.push(
        b"F02 1\nF03 2\nF04 3\nI04\nB03\nD03\nZ03\nD02\nF02 4\nI02\nF05 4\nI05\nI03\nD04\nR0\nW9\nW9\nF04 5\nA0\nW9"
            .to_vec(),
    );
    put("lineage", lineage);
}
