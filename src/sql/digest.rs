//! MD5, SHA-1 and SHA-256, one of them or all at once, over bytes that come in pieces. The crates use the CPU's SHA
//! instructions where there are any. Memory: some 400 bytes; nothing is allocated.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// Which sums are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Wanted {
    pub md5: bool,
    pub sha1: bool,
    pub sha256: bool,
}

/// What has been read so far.
#[derive(Clone)]
pub struct Digest {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

/// The sums: those that were wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sums {
    pub md5: Option<[u8; 16]>,
    pub sha1: Option<[u8; 20]>,
    pub sha256: Option<[u8; 32]>,
}

impl Digest {
    /// Nothing read yet.
    pub fn new(wanted: Wanted) -> Self {
        Digest {
            md5: wanted.md5.then(Md5::new),
            sha1: wanted.sha1.then(Sha1::new),
            sha256: wanted.sha256.then(Sha256::new),
        }
    }

    /// Reads on. Pieces of 16 to 64 KiB stay in the CPU's cache while each sum has its turn.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// The end.
    pub fn finish(self) -> Sums {
        Sums {
            md5: self.md5.map(|md5| md5.finalize().into()),
            sha1: self.sha1.map(|sha1| sha1.finalize().into()),
            sha256: self.sha256.map(|sha256| sha256.finalize().into()),
        }
    }
}

/// The sums of one text.
pub fn sums(wanted: Wanted, bytes: &[u8]) -> Sums {
    let mut digest = Digest::new(wanted);
    digest.update(bytes);
    digest.finish()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> Vec<u8> {
    let digit = |value: u8| b"0123456789abcdef".get(usize::from(value & 15)).copied().unwrap_or(b'0');
    bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    const ALL: Wanted = Wanted { md5: true, sha1: true, sha256: true };

    /// What the host's own tool says, if it is there.
    fn tool(name: &str, bytes: &[u8]) -> Option<String> {
        let mut child = Command::new(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        let out = child.wait_with_output().unwrap();
        Some(String::from_utf8_lossy(&out.stdout).split_whitespace().next()?.to_string())
    }

    fn shown(sum: Option<impl AsRef<[u8]>>) -> String {
        String::from_utf8(hex(sum.unwrap().as_ref())).unwrap()
    }

    #[test]
    fn equals_the_tools_of_the_host_at_every_block_boundary() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [0, 1, 55, 56, 63, 64, 65, 119, 128, 4095, 4096, 4097, 200_000] {
            let sums = sums(ALL, &bytes[..length]);
            let ours = [("md5sum", shown(sums.md5)), ("sha1sum", shown(sums.sha1)), ("sha256sum", shown(sums.sha256))];
            for (name, sum) in ours {
                if let Some(wanted) = tool(name, &bytes[..length]) {
                    assert_eq!(sum, wanted, "{name} of {length} bytes");
                }
            }
        }
    }

    #[test]
    fn equals_the_published_vectors() {
        let sums = sums(ALL, b"abc");
        assert_eq!(shown(sums.md5), "900150983cd24fb0d6963f7d28e17f72", "RFC 1321");
        assert_eq!(shown(sums.sha1), "a9993e364706816aba3e25717850c26c9cd0d89d", "FIPS 180-4");
        assert_eq!(
            shown(sums.sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "FIPS 180-4"
        );
    }

    #[test]
    fn pieces_make_the_same_sums_and_unwanted_ones_are_not_made() {
        let bytes = [7u8; 1000];
        for size in [1, 3, 64, 100, 999] {
            let mut digest = Digest::new(ALL);
            bytes.chunks(size).for_each(|piece| digest.update(piece));
            assert_eq!(digest.finish(), sums(ALL, &bytes));
        }
        let only = sums(Wanted { sha1: true, ..Wanted::default() }, &bytes);
        assert_eq!((only.md5, only.sha256), (None, None));
        assert_eq!(only.sha1, sums(ALL, &bytes).sha1);
    }
}
