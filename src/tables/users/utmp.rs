//! Records of utmp and wtmp files (utmp(5)), which no static musl program can have read by its libc. Two layouts are
//! known, told apart by which one makes sense of the file's first records:
//!
//! * 384 bytes: glibc on x86-64, and on all 32-bit machines with 32-bit time (also uClibc and old musl); busybox,
//!   util-linux and others write what their libc has;
//! * 400 bytes: glibc on 64-bit machines without a 32-bit sister (aarch64, riscv64, …), and musl since 1.2.
//!
//! Byte order is this machine's. A file is read record by record; half a record at its end is passed over.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// EMPTY to ACCOUNTING.
const TYPES: i16 = 9;
/// USER_PROCESS: somebody is logged in.
pub const USER_PROCESS: i16 = 7;
/// DEAD_PROCESS: he is no more.
pub const DEAD_PROCESS: i16 = 8;
/// Record lengths with the offset of their time.
const LAYOUTS: [Layout; 2] = [Layout { length: 384, time: 340 }, Layout { length: 400, time: 344 }];
/// How many records are looked at to tell the layout.
const LOOKED_AT: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    length: usize,
    time: usize,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Record {
    pub kind: i16,
    pub pid: i32,
    /// Terminal, without /dev/.
    pub line: Vec<u8>,
    pub user: Vec<u8>,
    pub host: Vec<u8>,
    /// Seconds since the epoch.
    pub time_s: i64,
}

/// A file's records, one after the other.
pub struct Records {
    file: BufReader<File>,
    layout: Layout,
    record: Vec<u8>,
}

fn text(record: &[u8], from: usize, length: usize) -> &[u8] {
    let field = record.get(from..from + length).unwrap_or(&[]);
    field.split(|&byte| byte == 0).next().unwrap_or(&[])
}

fn number<const N: usize>(record: &[u8], from: usize) -> [u8; N] {
    record.get(from..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
}

fn parse(record: &[u8], layout: Layout) -> Record {
    let time_s = match layout.length {
        // Of 32 bits, and without a sign since nobody logged in before 1970.
        384 => i64::from(u32::from_ne_bytes(number(record, layout.time))),
        _ => i64::from_ne_bytes(number(record, layout.time)),
    };
    Record {
        kind: i16::from_ne_bytes(number(record, 0)),
        pid: i32::from_ne_bytes(number(record, 4)),
        line: text(record, 8, 32).to_vec(),
        user: text(record, 44, 32).to_vec(),
        host: text(record, 76, 256).to_vec(),
        time_s,
    }
}

/// Whether it looks like a record: a known type, microseconds below a million, no control bytes in names.
fn is_plausible(record: &[u8], layout: Layout) -> bool {
    let parsed = parse(record, layout);
    let us = match layout.length {
        384 => i64::from(u32::from_ne_bytes(number(record, layout.time + 4))),
        _ => i64::from_ne_bytes(number(record, layout.time + 8)),
    };
    let is_name = |name: &[u8]| name.iter().all(|byte| !byte.is_ascii_control());
    (0..=TYPES).contains(&parsed.kind) && (0..1_000_000).contains(&us) && is_name(&parsed.line) && is_name(&parsed.user)
}

/// The layout that fits the first records best; the smaller one of two equals.
fn layout(start: &[u8]) -> Layout {
    let [small, large] = LAYOUTS;
    let fits = |layout: Layout| {
        let records = start.chunks_exact(layout.length).take(LOOKED_AT);
        records.filter(|record| is_plausible(record, layout)).count()
    };
    if fits(large) > fits(small) { large } else { small }
}

impl Records {
    /// Those of an open file; none if it cannot be read.
    pub fn of(mut file: File) -> Option<Self> {
        let mut start = Vec::new();
        (&mut file).take((LOOKED_AT * 400) as u64).read_to_end(&mut start).ok()?;
        file.seek(SeekFrom::Start(0)).ok()?;
        let layout = layout(&start);
        Some(Records { file: BufReader::new(file), layout, record: vec![0; layout.length] })
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.file.read_exact(&mut self.record).ok()?;
        Some(parse(&self.record, self.layout))
    }
}

/// For the tests of tables: a record's bytes in one of the layouts.
#[cfg(test)]
pub fn bytes(length: usize, kind: i16, pid: i32, texts: [&str; 3], time_s: i64) -> Vec<u8> {
    let mut record = vec![0; length];
    let mut put = |from: usize, bytes: &[u8]| record[from..from + bytes.len()].copy_from_slice(bytes);
    put(0, &kind.to_ne_bytes());
    put(4, &pid.to_ne_bytes());
    for (from, text) in [8, 44, 76].into_iter().zip(texts) {
        put(from, text.as_bytes());
    }
    if length == 384 {
        put(336, &pid.to_ne_bytes());
        put(340, &(time_s as u32).to_ne_bytes());
        put(344, &999_999u32.to_ne_bytes());
        put(348, &[10, 0, 0, 1]);
    } else {
        put(336, &i64::from(pid).to_ne_bytes());
        put(344, &time_s.to_ne_bytes());
        put(352, &999_999i64.to_ne_bytes());
        put(360, &[10, 0, 0, 1]);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::{bytes, layout};

    #[test]
    fn the_layout_is_told_by_the_records() {
        for length in [384, 400] {
            for count in 1..30 {
                let one = |number: i32| {
                    let kind = [2, 1, 6, 7, 8, 0][number as usize % 6];
                    bytes(length, kind, 100 + number, ["pts/1", "somebody", "host.example"], 1_700_000_000)
                };
                let file: Vec<u8> = (0..count).flat_map(one).collect();
                assert_eq!(layout(&file).length, length, "{count} records");
                let torn = [&file[..], &[7; 100]].concat();
                assert_eq!(layout(&torn[..torn.len().min(6400)]).length, length, "{count} records, torn");
            }
        }
        assert_eq!(layout(b"").length, 384);
    }
}
