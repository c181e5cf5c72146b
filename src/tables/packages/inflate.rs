//! DEFLATE (RFC 1951) undone, for one small file of an archive: the whole of it in memory, as much as the caller allows.
//! Codes are read bit by bit from counts of lengths: slower than tables, but 1 KiB of state.

/// The bits of a text, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// How many have been taken.
    taken: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let bit = self.bytes.get(self.taken / 8)? >> (self.taken % 8) & 1;
        self.taken += 1;
        Some(usize::from(bit))
    }

    fn number(&mut self, bits: usize) -> Option<usize> {
        let mut number = 0;
        for place in 0..bits {
            number |= self.bit()? << place;
        }
        Some(number)
    }
}

/// Longest code, bits.
const LONGEST: usize = 15;

/// A code (RFC 1951, 3.2.2): how many symbols have codes of each length, and the symbols by length.
struct Code {
    counts: [usize; LONGEST + 1],
    symbols: Vec<usize>,
}

impl Code {
    fn of(lengths: &[usize]) -> Self {
        let mut counts = [0; LONGEST + 1];
        for &length in lengths {
            if let Some(count) = counts.get_mut(length) {
                *count += 1;
            }
        }
        counts[0] = 0;
        let mut symbols = Vec::with_capacity(lengths.len());
        for wanted in 1..=LONGEST {
            symbols.extend((0..lengths.len()).filter(|&symbol| lengths.get(symbol) == Some(&wanted)));
        }
        Code { counts, symbols }
    }

    fn symbol(&self, bits: &mut Bits<'_>) -> Option<usize> {
        // The first code of the length at hand, and the place of its symbol.
        let (mut code, mut first, mut place) = (0, 0, 0);
        for count in self.counts.iter().skip(1) {
            code |= bits.bit()?;
            if code < first + count {
                return self.symbols.get(place + code.checked_sub(first)?).copied();
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

const LENGTH_BASE: [usize; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const LENGTH_BITS: [usize; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// The distance for its symbol: each pair of symbols has one bit more than the one before.
fn distance(symbol: usize, bits: &mut Bits<'_>) -> Option<usize> {
    match symbol {
        0..=3 => Some(symbol + 1),
        4..=29 => {
            let more = symbol / 2 - 1;
            Some(((2 + symbol % 2) << more) + 1 + bits.number(more)?)
        }
        _ => None,
    }
}

/// The two codes that a block brings along (3.2.7).
fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let (literals, distances, count) = (bits.number(5)? + 257, bits.number(5)? + 1, bits.number(4)? + 4);
    let mut lengths = [0; 19];
    for place in ORDER.iter().take(count) {
        *lengths.get_mut(*place)? = bits.number(3)?;
    }
    let code = Code::of(&lengths);
    let mut lengths = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (length, times) = match code.symbol(bits)? {
            16 => (*lengths.last()?, bits.number(2)? + 3),
            17 => (0, bits.number(3)? + 3),
            18 => (0, bits.number(7)? + 11),
            length => (length, 1),
        };
        lengths.resize(lengths.len() + times, length);
    }
    lengths.truncate(literals + distances);
    let (literals, distances) = lengths.split_at_checked(literals)?;
    Some((Code::of(literals), Code::of(distances)))
}

fn fixed() -> (Code, Code) {
    let mut lengths = [8; 288];
    for (symbol, length) in lengths.iter_mut().enumerate() {
        *length = match symbol {
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        };
    }
    (Code::of(&lengths), Code::of(&[5; 30]))
}

fn stored(bits: &mut Bits<'_>, out: &mut Vec<u8>, most: usize) -> Option<()> {
    let start = bits.taken.div_ceil(8);
    let head = bits.bytes.get(start..start + 4)?;
    let length = usize::from(u16::from_le_bytes(head.get(..2)?.try_into().ok()?));
    let text = bits.bytes.get(start + 4..start + 4 + length)?;
    bits.taken = (start + 4 + length) * 8;
    (out.len() + length <= most).then(|| out.extend_from_slice(text))
}

fn block(bits: &mut Bits<'_>, (literals, distances): (Code, Code), out: &mut Vec<u8>, most: usize) -> Option<()> {
    loop {
        let symbol = literals.symbol(bits)?;
        match symbol {
            0..=255 => out.push(symbol as u8),
            256 => return Some(()),
            _ => {
                let place = symbol - 257;
                let length = LENGTH_BASE.get(place)? + bits.number(*LENGTH_BITS.get(place)?)?;
                let from = out.len().checked_sub(distance(distances.symbol(bits)?, bits)?)?;
                if out.len() + length > most {
                    return None;
                }
                // What is copied may have been written by the same copy.
                for place in from..from + length {
                    out.push(*out.get(place)?);
                }
            }
        }
        if out.len() > most {
            return None;
        }
    }
}

/// What was compressed; None if it is no such text, or longer than `most` bytes.
pub fn inflate(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut bits = Bits { bytes, taken: 0 };
    let mut out = Vec::new();
    loop {
        let is_last = bits.bit()? == 1;
        match bits.number(2)? {
            0 => stored(&mut bits, &mut out, most)?,
            1 => block(&mut bits, fixed(), &mut out, most)?,
            2 => {
                let codes = codes(&mut bits)?;
                block(&mut bits, codes, &mut out, most)?;
            }
            _ => return None,
        }
        if is_last {
            return Some(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inflate;
    use crate::sql::testing::Tree;

    const MOST: usize = 1 << 20;

    /// What gzip makes of a text, without its head and end (RFC 1952).
    fn deflated(name: &str, text: &[u8], level: &str) -> Option<Vec<u8>> {
        let tree = Tree::new(name);
        tree.file("/text", text);
        let out = std::process::Command::new("gzip").args(["-nc", level]).arg(tree.place("/text")).output().ok()?;
        out.status.success().then(|| out.stdout[10..out.stdout.len() - 8].to_vec())
    }

    #[test]
    fn what_gzip_does_is_undone() {
        let noise: Vec<u8> = (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        let text = "<idea-plugin><name>Some plugin</name></idea-plugin>\n".repeat(1000);
        let runs = [vec![b'a'; 70_000], b"b".to_vec(), vec![0; 300]].concat();
        for text in [b"".as_slice(), b"a", b"short text", text.as_bytes(), &noise, &runs] {
            for level in ["-1", "-9"] {
                let Some(deflated) = deflated("inflate", text, level) else {
                    println!("skipped: needs gzip");
                    return;
                };
                assert!(inflate(&deflated, MOST).is_some_and(|out| out == text), "{} bytes", text.len());
                assert_eq!(inflate(&deflated, text.len()).map(|out| out.len()), Some(text.len()));
                if !text.is_empty() {
                    assert_eq!(inflate(&deflated, text.len() - 1), None);
                }
            }
        }
    }

    #[test]
    fn fixed_and_stored_blocks() {
        // zlib's for "aaaaaaaaaa", with the fixed code, and "ab" stored.
        assert_eq!(inflate(&[0x4b, 0x84, 0x03, 0x00], MOST).as_deref(), Some(&b"aaaaaaaaaa"[..]));
        assert_eq!(inflate(&[1, 2, 0, 0xfd, 0xff, b'a', b'b'], MOST).as_deref(), Some(&b"ab"[..]));
        assert_eq!(inflate(&[1, 2, 0, 0xfd, 0xff, b'a', b'b'], 1), None);
    }

    #[test]
    fn no_bytes_break_it() {
        let text = "<idea-plugin><name>Some plugin</name></idea-plugin>\n".repeat(20);
        let good = deflated("inflate-bad", text.as_bytes(), "-9").unwrap_or_else(|| vec![5; 100]);
        for at in 0..good.len() {
            for value in [0, 0xff, good[at] ^ 1, good[at] ^ 0x80] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = inflate(&bad, 10_000);
            }
            let _ = inflate(&good[..at], 10_000);
        }
        for value in 0..=255 {
            let _ = inflate(&[value; 50], 10_000);
        }
    }
}
