//! One audit record as a checked view on its bytes: `audit(SECONDS.MILLIS:SERIAL): name=value name=value …`
//! (`kernel/audit.c: audit_log_start`, `kernel/auditsc.c`). No copying; a view costs two scans of the header.

use super::event::Stamp;

/// Record types that Stemma reads (`include/uapi/linux/audit.h`).
pub mod kind {
    /// The system call itself: ids, result, exe.
    pub const SYSCALL: u16 = 1300;
    /// A file the call named: mode and owner.
    pub const PATH: u16 = 1302;
    /// The working directory.
    pub const CWD: u16 = 1307;
    /// The arguments of an exec.
    pub const EXECVE: u16 = 1309;
    /// End of the event.
    pub const EOE: u16 = 1320;
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// Does not begin with `audit(`, or the time stamp is not `SECONDS.MILLIS:SERIAL`, or it is beyond the year 2255.
    Header,
}

/// A view on one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which event it belongs to.
    pub stamp: Stamp,
    /// Everything after `): `.
    pub body: &'a [u8],
}

/// Stamps after this are damage (the year 2255), ms since the epoch; in ns it still fits 63 bits.
const LATEST_MS: u64 = 9_000_000_000_000;

/// A field's name as a number, to be matched by comparing numbers instead of bytes: those of at most eight bytes differ
/// from each other, all longer ones are 0.
pub const fn key(name: &[u8]) -> u64 {
    let (mut key, mut rest) = (0, name);
    if name.len() > 8 {
        return 0;
    }
    while let [byte, after @ ..] = rest {
        key = key << 8 | *byte as u64;
        rest = after;
    }
    key
}

/// Decimal digits, all of them.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Decimal digits, at least one, and the byte `end` after them; what follows is the second half.
fn number_until(end: u8, text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut digits) = (0u64, 0);
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (byte == end && digits > 0).then_some((value, text.get(digits + 1..)?));
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        digits += 1;
    }
    None
}

/// Hexadecimal digits without prefix, as `arch=`, `a0=` are printed.
pub fn hexadecimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| Some(value << 4 | u64::from(digit(byte)?)))
}

/// A process's number: a positive `pid_t`.
pub fn pid(text: &[u8]) -> Option<u32> {
    decimal(text).and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0 && i32::try_from(pid).is_ok())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

impl<'a> Record<'a> {
    /// Checks the header.
    ///
    /// # Errors
    /// [`RecordError::Header`].
    pub fn parse(text: &'a [u8]) -> Result<Self, RecordError> {
        let parsed = || {
            let (seconds, rest) = number_until(b'.', text.strip_prefix(b"audit(")?)?;
            let (millis, rest) = number_until(b':', rest)?;
            let (serial, rest) = number_until(b')', rest)?;
            let ms = seconds.checked_mul(1000)?.checked_add(millis).filter(|&ms| millis < 1000 && ms <= LATEST_MS)?;
            Some(Record { stamp: Stamp { ms, serial }, body: rest.strip_prefix(b":")? })
        };
        parsed().ok_or(RecordError::Header)
    }

    /// The fields in their order.
    pub fn fields(&self) -> Fields<'a> {
        Fields { rest: self.body }
    }
}

/// Most values without quotes have fewer bytes.
const SHORT: usize = 16;

/// An iterator over `name=value` pairs; values are raw, with their quotes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl Fields<'_> {
    /// Whether nothing follows the field that came last: if its value has no quotes, it may have been cut.
    pub fn at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    // Names and values have a few bytes each, twenty-five of them in a record: a plain loop is over before a search for
    // a byte with vectors has begun.
    fn next(&mut self) -> Option<Self::Item> {
        let mut at = 0;
        loop {
            let start = at + blanks(self.rest.get(at..)?);
            at = start + self.rest.get(start..)?.iter().position(|byte| matches!(byte, b'=' | b' '))?;
            if self.rest.get(at) == Some(&b'=') {
                let (name, value) = (self.rest.get(start..at)?, self.rest.get(at + 1..)?);
                let length = value_length(value);
                self.rest = value.get(length..)?;
                return Some((name, value.get(..length)?));
            }
            // A word without a value is no field: skip it.
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | 0)).count()
}

fn value_length(value: &[u8]) -> usize {
    // A quoted value has no quote inside: such a value would have come in hex.
    if let Some((b'"', inner)) = value.split_first()
        && let Some(close) = memchr::memchr(b'"', inner)
    {
        return close + 2;
    }
    let short = value.iter().take(SHORT).position(|&byte| byte == b' ');
    short.or_else(|| memchr::memchr(b' ', value)).unwrap_or(value.len())
}

/// Undoes the kernel's encoding of untrusted text (`audit_log_untrustedstring`) into `out`: quoted text stands as it
/// is, unquoted upper-case hex is bytes, `(null)`, `(none)` and `?` are nothing, anything else stands as it is. Returns
/// the number of bytes the text has; what does not fit is cut.
pub fn decode(value: &[u8], out: &mut [u8]) -> usize {
    if let Some(quoted) = value.strip_prefix(b"\"") {
        let text = quoted.strip_suffix(b"\"").unwrap_or(quoted);
        copy(text, out);
        return text.len();
    }
    if matches!(value, b"(null)" | b"(none)" | b"?") {
        return 0;
    }
    let hex = value.len() % 2 == 0 && value.iter().all(|&byte| is_upper_hex(byte));
    if !hex {
        copy(value, out);
        return value.len();
    }
    for (byte, pair) in out.iter_mut().zip(value.chunks_exact(2)) {
        if let &[high, low] = pair {
            *byte = digit(high).unwrap_or(0) << 4 | digit(low).unwrap_or(0);
        }
    }
    value.len() / 2
}

/// Whether an encoded text has its end: the closing quote, or both digits of its last byte. Text cut between two bytes
/// in hex cannot be told.
pub fn is_whole(value: &[u8]) -> bool {
    match value.strip_prefix(b"\"") {
        Some(rest) => rest.ends_with(b"\""),
        None => !value.is_empty() && (value.len() % 2 == 0 || !value.iter().all(|&byte| is_upper_hex(byte))),
    }
}

fn is_upper_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

fn copy(text: &[u8], out: &mut [u8]) {
    let length = text.len().min(out.len());
    if let (Some(to), Some(from)) = (out.get_mut(..length), text.get(..length)) {
        to.copy_from_slice(from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(value: &[u8]) -> Vec<u8> {
        let mut out = [0; 64];
        let length = decode(value, &mut out);
        out[..length].to_vec()
    }

    #[test]
    fn header_and_fields() {
        let record =
            Record::parse(b"audit(1364481363.243:24287): arch=c000003e comm=\"a b\" exe=2F746D70 (x) key=(null)")
                .unwrap();
        assert_eq!(record.stamp, Stamp { ms: 1_364_481_363_243, serial: 24287 });
        let fields: Vec<_> = record.fields().collect();
        let wanted: Vec<(&[u8], &[u8])> =
            vec![(b"arch", b"c000003e"), (b"comm", b"\"a b\""), (b"exe", b"2F746D70"), (b"key", b"(null)")];
        assert_eq!(fields, wanted);
    }

    #[test]
    fn keys_tell_names_apart() {
        let names: [&[u8]; 8] = [b"a", b"\0a", b"aa", b"uid", b"auid", b"nametype", b"nametypes", b""];
        let keys = names.map(key);
        assert_eq!(keys[6], 0, "too long");
        assert_eq!(keys[1], keys[0], "a NUL ends no name: blanks are passed over before it");
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), 6);
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        for text in [
            &b""[..],
            b"audit(",
            b"audit(1.2:3)",
            b"audit(1.2:3) x",
            b"audit(x.2:3): ",
            b"audit(1.2000:3): ",
            b"audit(1:3.2): ",
            // In ns, or with an offset added, these would not fit.
            b"audit(9000000000.001:3): ",
            b"audit(18446744073709551.615:3): ",
            b"audit(99999999999999999999.000:3): ",
        ] {
            assert_eq!(Record::parse(text), Err(RecordError::Header), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn values_of_every_shape() {
        assert_eq!(decoded(b"\"plain\""), b"plain");
        assert_eq!(decoded(b"\"\""), b"");
        assert_eq!(decoded(b"6120FF"), b"a \xff");
        assert_eq!(decoded(b"(null)"), b"");
        assert_eq!(decoded(b"root"), b"root");
        assert_eq!(decoded(b"ABC"), b"ABC", "an odd number of digits is no hex");
    }

    #[test]
    fn a_cut_text_is_noticed_where_it_can_be() {
        for whole in [&b"\"a\""[..], b"\"\"", b"6120FF", b"(null)", b"root"] {
            assert!(is_whole(whole));
        }
        for cut in [&b""[..], b"\"", b"\"a", b"612", b"6"] {
            assert!(!is_whole(cut));
        }
    }
}
