//! One form of a string: bytes, each with a mask of the bits that count. So one search does for text, text in any case, and
//! hex strings with wildcards.

use super::reader::Reader;
use super::rules::RuleError;

/// The longest there may be, bytes.
pub const MAX_BYTES: usize = 1024;
/// The bit that tells a letter's case.
const CASE: u8 = 0x20;

/// See the module's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Value and mask.
    bytes: Vec<(u8, u8)>,
    /// The place in it that is searched for: all its bits count, or all but the case.
    anchor: Option<usize>,
    /// Distance of its letters: 2 in a wide string.
    step: usize,
}

/// How often a byte is met in files, roughly: rare ones are quicker to search for.
fn commonness(byte: u8) -> u8 {
    match byte {
        0 => 3,
        b' ' | 0xff | b'a'..=b'z' => 2,
        _ => 1,
    }
}

impl Pattern {
    fn new(bytes: Vec<(u8, u8)>, step: usize) -> Self {
        let rank = |&(_, (value, mask)): &(usize, (u8, u8))| match mask {
            0xff => Some(commonness(value)),
            _ if mask == !CASE => Some(4),
            _ => None,
        };
        let anchors = bytes.iter().copied().enumerate().filter_map(|place| Some((rank(&place)?, place.0)));
        let anchor = anchors.min().map(|(_, index)| index);
        Pattern { bytes, anchor, step }
    }

    /// A text's form.
    pub fn text(text: &[u8], nocase: bool, wide: bool) -> Self {
        let mut bytes = Vec::with_capacity(text.len() * 2);
        for &byte in text {
            let mask = if nocase && byte.is_ascii_alphabetic() { !CASE } else { 0xff };
            bytes.push((byte & mask, mask));
            if wide {
                bytes.push((0, 0xff));
            }
        }
        Self::new(bytes, if wide { 2 } else { 1 })
    }

    /// Reads a hex string, after its `{`.
    ///
    /// # Errors
    /// What is not understood.
    pub fn hex(reader: &mut Reader<'_>) -> Result<Self, RuleError> {
        let mut bytes = Vec::new();
        while !reader.takes("}") {
            if reader.takes("[") {
                let count = reader.number()?;
                if reader.peek() == Some(b'-') {
                    return Err(reader.error("jumps of several lengths are not supported"));
                }
                reader.expect("]")?;
                let count = usize::try_from(count).ok().filter(|&count| count <= MAX_BYTES);
                let count = count.ok_or_else(|| reader.error("a jump is too long"))?;
                bytes.extend(std::iter::repeat_n((0, 0), count));
            } else {
                let (high, low) = (hex_digit(reader)?, hex_digit(reader)?);
                bytes.push((high.0 << 4 | low.0, high.1 << 4 | low.1));
            }
            if bytes.len() > MAX_BYTES {
                return Err(reader.error("a string is too long"));
            }
        }
        if bytes.iter().all(|(_, mask)| *mask == 0) {
            return Err(reader.error("a hex string without a byte"));
        }
        Ok(Self::new(bytes, 1))
    }

    /// Bytes that a match has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it is of no bytes; none is.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether what `text` has at `at` is no part of a longer word. Beyond the text there is nothing.
    pub fn is_full_word(&self, text: &[u8], at: usize) -> bool {
        let is_letter =
            |place: Option<usize>| place.and_then(|place| text.get(place)).is_some_and(u8::is_ascii_alphanumeric);
        // In a wide text a letter has its zero behind it.
        let is_wide = |place: Option<usize>| place.and_then(|place| text.get(place + 1)) == Some(&0);
        let (before, after) = (at.checked_sub(self.step), at.checked_add(self.len()));
        let belongs = |place| is_letter(place) && (self.step == 1 || is_wide(place));
        !belongs(before) && !belongs(after)
    }

    fn fits(&self, text: &[u8]) -> bool {
        text.len() >= self.len() && self.bytes.iter().zip(text).all(|((value, mask), byte)| (byte & mask) == *value)
    }

    /// The first place from `from` on and before `until` where a match begins.
    pub fn find(&self, text: &[u8], mut from: usize, until: usize) -> Option<usize> {
        let anchor = self.anchor.unwrap_or(0);
        let (value, mask) = self.anchor.and_then(|anchor| self.bytes.get(anchor)).copied().unwrap_or((0, 0));
        let end = until.saturating_add(anchor).min(text.len());
        while from < until {
            let part = text.get(from + anchor..end)?;
            let skipped = match mask {
                0xff => memchr::memchr(value, part)?,
                0 => 0,
                _ => memchr::memchr2(value, value | CASE, part)?,
            };
            from += skipped;
            if from >= until {
                return None;
            }
            if self.fits(text.get(from..)?) {
                return Some(from);
            }
            from += 1;
        }
        None
    }
}

/// A digit and its mask; `?` counts for nothing.
fn hex_digit(reader: &mut Reader<'_>) -> Result<(u8, u8), RuleError> {
    match reader.peek() {
        Some(b'?') => {
            reader.byte();
            Ok((0, 0))
        }
        Some(byte) if byte.is_ascii_hexdigit() => {
            reader.byte();
            Ok((char::from(byte).to_digit(16).unwrap_or(0) as u8, 0xf))
        }
        _ => Err(reader.unknown()),
    }
}
