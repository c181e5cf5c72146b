//! A log's lines, from a file or a pipe: one buffer, no line longer than the longest record there is.

use crate::audit::log::LINE_BYTES;
use memchr::memchr;
use std::io::{self, Read};

/// Bytes read at once.
const READ_BYTES: usize = 128 * 1024;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its newline.
    Whole(&'a [u8]),
    /// The last line, which lacks its newline.
    Cut(&'a [u8]),
    /// A line longer than [`LINE_BYTES`]; it has been passed over.
    TooLong,
}

/// See the module's head.
pub struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Nothing more will come.
    over: bool,
    /// Within a line that is too long.
    passing: bool,
}

impl<R: Read> Lines<R> {
    /// Takes the buffer.
    pub fn new(input: R) -> Self {
        let buffer = vec![0; LINE_BYTES + READ_BYTES];
        Lines { input, buffer, start: 0, end: 0, over: false, passing: false }
    }

    /// The next line; None at the end.
    ///
    /// # Errors
    /// The input cannot be read on.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if !self.passing {
                // A crash may leave zeros where a line should have been written: any number of them is passed over.
                let held = self.buffer.get(self.start..self.end).unwrap_or(&[]);
                self.start += held.iter().take_while(|&&byte| byte == 0).count();
            }
            let held = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(length) = memchr(b'\n', held) {
                let from = self.start;
                self.start += length + 1;
                if std::mem::take(&mut self.passing) || length > LINE_BYTES {
                    return Ok(Some(Line::TooLong));
                }
                return Ok(self.buffer.get(from..from + length).map(Line::Whole));
            }
            let length = held.len();
            if length > LINE_BYTES {
                self.passing = true;
            }
            if self.passing {
                self.start = self.end;
            }
            if self.over {
                let from = self.start;
                self.start = self.end;
                return Ok(match std::mem::take(&mut self.passing) {
                    true => Some(Line::TooLong),
                    false if length == 0 => None,
                    false => self.buffer.get(from..self.end).map(Line::Cut),
                });
            }
            self.fill()?;
        }
    }

    /// Reads on behind what is held, which is at most a line and moves to the front.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
        match self.input.read(room) {
            Ok(0) => self.over = true,
            Ok(count) => self.end += count.min(room.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lineage::tests::Seeded;

    /// An input that hands out pieces of any size, and is interrupted now and then.
    struct Pieces<'a>(&'a [u8], Seeded);

    impl Read for Pieces<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.1.below(5) == 0 {
                return Err(io::Error::from(io::ErrorKind::Interrupted));
            }
            let most = [1, 7, 5000, usize::MAX][self.1.below(4)];
            let count = self.0.len().min(out.len()).min(most);
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn read(text: &[u8], seed: u64) -> Vec<String> {
        let mut lines = Lines::new(Pieces(text, Seeded::new(seed)));
        let mut out = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            out.push(match line {
                Line::Whole(text) if text.len() > 100 => format!("{} bytes", text.len()),
                Line::Whole(text) => String::from_utf8(text.to_vec()).unwrap(),
                Line::Cut(text) => format!("cut {}", text.len()),
                Line::TooLong => "too long".to_string(),
            });
        }
        assert!(lines.next_line().unwrap().is_none(), "the end stays the end");
        assert_eq!(lines.buffer.len(), LINE_BYTES + READ_BYTES);
        out
    }

    #[test]
    fn lines_of_any_length_come_whole_or_are_passed_over() {
        let long = |length: usize| "x".repeat(length);
        let zeros = "\0".repeat(1_000_000);
        for seed in 1..=20 {
            assert_eq!(read(b"", seed), [""; 0]);
            assert_eq!(read(b"a\n\nb\r\n", seed), ["a", "", "b\r"]);
            assert_eq!(read(b"a\nb", seed), ["a", "cut 1"]);
            let text = format!("a\n{}\nb\n{}\nc\n", long(LINE_BYTES), long(LINE_BYTES + 1));
            assert_eq!(read(text.as_bytes(), seed), ["a", "16384 bytes", "b", "too long", "c"]);
            let text = format!("{}\nb\n{}", long(1_000_000), long(500_000));
            assert_eq!(read(text.as_bytes(), seed), ["too long", "b", "too long"]);
            assert_eq!(read(format!("a\n{zeros}b\nc{zeros}d\n").as_bytes(), seed), ["a", "b", "too long"]);
            assert_eq!(read(zeros.as_bytes(), seed), [""; 0]);
        }
    }
}
