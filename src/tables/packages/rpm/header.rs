//! An RPM header as databases keep it (rpm.org's description of the package format, without its magic number): the
//! number of entries and the bytes of data, 32 bits each, big-endian as everything in it; entries of tag, type, offset
//! and count; the data. A checked view: nothing outside of the bytes is looked at, what makes no sense is not there.

/// Tags (rpm's rpmtag.h).
#[allow(missing_docs)]
pub mod tag {
    pub const SHA1_HEADER: u32 = 269;
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const INSTALL_TIME: u32 = 1008;
    pub const SIZE: u32 = 1009;
    pub const VENDOR: u32 = 1011;
    pub const GROUP: u32 = 1016;
    pub const ARCH: u32 = 1022;
    pub const FILE_SIZES: u32 = 1028;
    pub const FILE_MODES: u32 = 1030;
    pub const FILE_DIGESTS: u32 = 1035;
    pub const FILE_USERS: u32 = 1039;
    pub const FILE_GROUPS: u32 = 1040;
    pub const SOURCE: u32 = 1044;
    pub const DIRECTORY_INDEXES: u32 = 1116;
    pub const BASE_NAMES: u32 = 1117;
    pub const DIRECTORY_NAMES: u32 = 1118;
    pub const LONG_FILE_SIZES: u32 = 5008;
    pub const LONG_SIZE: u32 = 5009;
    pub const FILE_DIGEST_ALGORITHM: u32 = 5011;
}

/// Bytes of an entry.
const ENTRY: usize = 16;

/// See the module's head.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

/// Numbers of one width.
#[derive(Clone, Copy, Default)]
pub struct Numbers<'a> {
    bytes: &'a [u8],
    width: usize,
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?))
}

impl<'a> Header<'a> {
    /// None if the bytes are too few for what they promise.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let entries = usize::try_from(word(bytes, 0)?).ok()?.checked_mul(ENTRY)?;
        let data = usize::try_from(word(bytes, 4)?).ok()?;
        let (entries, rest) = bytes.get(8..)?.split_at_checked(entries)?;
        Some(Header { entries, data: rest.get(..data)? })
    }

    /// Type, data from the entry's offset on, and count of a tag's entry.
    fn find(&self, tag: u32) -> Option<(u32, &'a [u8], usize)> {
        let entry = self.entries.chunks_exact(ENTRY).find(|entry| word(entry, 0) == Some(tag))?;
        let offset = usize::try_from(word(entry, 8)?).ok()?;
        Some((word(entry, 4)?, self.data.get(offset..)?, usize::try_from(word(entry, 12)?).ok()?))
    }

    /// The numbers of a tag; none where there is none.
    pub fn numbers(&self, tag: u32) -> Numbers<'a> {
        let numbers = || {
            let (kind, data, count) = self.find(tag)?;
            let width = match kind {
                1 | 2 => 1,
                3 => 2,
                4 => 4,
                5 => 8,
                _ => return None,
            };
            Some(Numbers { bytes: data.get(..count.checked_mul(width)?)?, width })
        };
        numbers().unwrap_or_default()
    }

    /// The first number of a tag.
    pub fn number(&self, tag: u32) -> Option<i64> {
        self.numbers(tag).get(0)
    }

    /// The texts of a tag, one after the other, and how many there are.
    pub fn texts(&self, tag: u32) -> (&'a [u8], usize) {
        match self.find(tag) {
            // A text, a list of texts, a text in several languages.
            Some((6, data, _)) => (data, 1),
            Some((8 | 9, data, count)) => (data, count),
            _ => (&[], 0),
        }
    }

    /// The first text of a tag; empty if there is none.
    pub fn text(&self, tag: u32) -> &'a [u8] {
        let (mut texts, count) = self.texts(tag);
        if count > 0 { next_text(&mut texts).unwrap_or(&[]) } else { &[] }
    }
}

/// Takes the next text of several, each ended by a NUL; None at the end.
pub fn next_text<'a>(texts: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (text, rest) = texts.split_at_checked(memchr::memchr(0, texts)?)?;
    *texts = rest.get(1..)?;
    Some(text)
}

impl Numbers<'_> {
    /// A number by its place.
    pub fn get(&self, place: usize) -> Option<i64> {
        let start = place.checked_mul(self.width)?;
        let bytes = self.bytes.get(start..start.checked_add(self.width)?).filter(|bytes| !bytes.is_empty())?;
        i64::try_from(number(bytes)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of entries (tag, type, count, data).
    fn header(list: &[(u32, u32, u32, &[u8])]) -> Vec<u8> {
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, count, bytes) in list {
            for word in [*tag, *kind, data.len() as u32, *count] {
                entries.extend_from_slice(&word.to_be_bytes());
            }
            data.extend_from_slice(bytes);
        }
        let sizes = [(list.len() as u32).to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
        [sizes, entries, data].concat()
    }

    #[test]
    fn values_of_all_types() {
        let bytes = header(&[
            (tag::NAME, 6, 1, b"name\0"),
            (tag::GROUP, 9, 2, b"C\0de\0"),
            (tag::SIZE, 4, 1, &[0, 0, 1, 2]),
            (tag::LONG_SIZE, 5, 1, &[0, 0, 0, 1, 0, 0, 0, 0]),
            (tag::FILE_MODES, 3, 2, &[0x81, 0xa4, 0x41, 0xed]),
            (tag::BASE_NAMES, 8, 2, b"a\0\0"),
            (tag::EPOCH, 4, 0, b""),
        ]);
        let header = Header::of(&bytes).unwrap();
        assert_eq!((header.text(tag::NAME), header.text(tag::GROUP)), (&b"name"[..], &b"C"[..]));
        assert_eq!(header.text(tag::VENDOR), b"");
        assert_eq!((header.number(tag::SIZE), header.number(tag::LONG_SIZE)), (Some(258), Some(1 << 32)));
        assert_eq!((header.number(tag::EPOCH), header.number(tag::NAME)), (None, None));
        let modes = header.numbers(tag::FILE_MODES);
        assert_eq!([modes.get(0), modes.get(1), modes.get(2)], [Some(0o100644), Some(0o40755), None]);
        let (mut names, count) = header.texts(tag::BASE_NAMES);
        assert_eq!((count, next_text(&mut names), next_text(&mut names)), (2, Some(&b"a"[..]), Some(&b""[..])));
        assert_eq!(next_text(&mut names), None);
    }

    #[test]
    fn no_bytes_bring_it_out_of_its_bounds() {
        let good = header(&[(tag::NAME, 6, 1, b"name\0"), (tag::FILE_MODES, 3, 3, &[1, 2, 3, 4, 5, 6])]);
        let look = |bytes: &[u8]| {
            let Some(header) = Header::of(bytes) else { return };
            for tag in [tag::NAME, tag::FILE_MODES, tag::SIZE] {
                let _ = (header.text(tag), header.number(tag), header.numbers(tag).get(2), header.texts(tag));
            }
        };
        for length in 0..good.len() {
            look(&good[..length]);
            assert!(Header::of(&good[..length]).is_none(), "{length}");
        }
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                look(&bad);
            }
        }
        look(&[0xff; 64]);
    }
}
