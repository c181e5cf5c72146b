//! RPM's database before SQLite, `Packages`: a hash of Berkeley DB (its db_page.h) from package numbers to headers. All
//! pages are gone through in the file's order, the hash itself is not used. Numbers are in the byte order of the machine
//! that wrote them. Read without a lock: what changes meanwhile does not fit and is passed over. Memory: one page, one
//! header.

use super::database::MOST_BYTES;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of a page's head.
const HEAD: usize = 26;
const MAGIC: u32 = 0x0006_1561;
/// Kinds of pages: hash (unsorted and sorted), overflow.
const HASH: [u8; 2] = [2, 13];
const OVERFLOW: u8 = 7;
/// Kinds of items: on the page, on overflow pages.
const HERE: u8 = 1;
const ELSEWHERE: u8 = 3;

/// See the module's head.
pub struct Hash {
    file: File,
    is_big: bool,
    page_bytes: usize,
    pages: u32,
    /// Number of the next page.
    next: u32,
    page: Vec<u8>,
    overflow: Vec<u8>,
    /// The next of the page's items, a key and a value by turns.
    item: usize,
}

impl Hash {
    /// None if the file is no such database.
    pub fn open(file: File) -> Option<Self> {
        let mut head = [0; 72];
        file.read_exact_at(&mut head, 0).ok()?;
        let mut hash = Hash {
            file,
            is_big: false,
            page_bytes: 0,
            pages: 0,
            next: 1,
            page: Vec::new(),
            overflow: Vec::new(),
            item: 0,
        };
        hash.is_big = hash.word(&head, 12) != Some(MAGIC);
        hash.page_bytes = hash.word(&head, 20)? as usize;
        hash.pages = hash.word(&head, 32)?;
        let is_known = hash.word(&head, 12) == Some(MAGIC) && (8..=10).contains(&hash.word(&head, 16)?);
        (is_known && (512..=65536).contains(&hash.page_bytes)).then_some(hash)
    }

    fn word(&self, bytes: &[u8], offset: usize) -> Option<u32> {
        let word = bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn short(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        let word = bytes.get(offset..offset.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(if self.is_big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) }))
    }

    /// Reads the next header into `header`; false when there is none.
    pub fn next(&mut self, header: &mut Vec<u8>) -> bool {
        loop {
            while self.item + 1 < self.short(&self.page, 20).unwrap_or(0) {
                self.item += 2;
                if self.read(self.item - 2, header).is_some() {
                    return true;
                }
            }
            if self.next > self.pages {
                return false;
            }
            self.item = 0;
            self.page.resize(self.page_bytes, 0);
            let place = u64::from(self.next) * self.page_bytes as u64;
            self.next += 1;
            // Most pages are overflow pages: their kind is enough.
            let mut kind = [0];
            if self.file.read_exact_at(&mut kind, place + 25).is_err() {
                return false;
            }
            let is_hash = kind.first().is_some_and(|kind| HASH.contains(kind));
            if !is_hash || self.file.read_exact_at(&mut self.page, place).is_err() {
                self.page.clear();
            }
        }
    }

    /// The items of a page begin at its end: where one begins, and where it ends.
    fn bounds(&self, item: usize) -> Option<(usize, usize)> {
        let start = self.short(&self.page, HEAD + 2 * item)?;
        let end = if item == 0 { self.page.len() } else { self.short(&self.page, HEAD + 2 * (item - 1))? };
        Some((start, end))
    }

    /// The header whose key is the item `key`.
    fn read(&mut self, key: usize, header: &mut Vec<u8>) -> Option<()> {
        let bounds = |item| self.bounds(item).and_then(|(start, end)| self.page.get(start..end));
        let (number, value) = (bounds(key)?, bounds(key + 1)?);
        // Number 0 has the count of packages.
        if number.first() != Some(&HERE) || number.get(1..)?.iter().all(|&byte| byte == 0) {
            return None;
        }
        header.clear();
        match *value.first()? {
            HERE => header.extend_from_slice(value.get(1..)?),
            ELSEWHERE => {
                let (page, length) = (self.word(value, 4)?, self.word(value, 8)? as usize);
                self.read_overflow(page, length, header)?;
            }
            _ => return None,
        }
        Some(())
    }

    /// `length` bytes from a chain of overflow pages.
    fn read_overflow(&mut self, mut number: u32, length: usize, header: &mut Vec<u8>) -> Option<()> {
        if length > MOST_BYTES {
            return None;
        }
        self.overflow.resize(self.page_bytes, 0);
        // Pages of a chain are full but for the last: a chain of many that are not leads nowhere, maybe round.
        let mut pages = 2 * (length / self.page_bytes) + 2;
        while header.len() < length {
            pages = pages.checked_sub(1)?;
            self.file.read_exact_at(&mut self.overflow, u64::from(number) * self.page_bytes as u64).ok()?;
            let bytes = self.overflow.get(HEAD..HEAD + self.short(&self.overflow, 22)?)?;
            if self.overflow.get(25) != Some(&OVERFLOW) {
                return None;
            }
            header.extend_from_slice(bytes);
            number = self.word(&self.overflow, 16)?;
        }
        header.truncate(length);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{Header, tag};
    use super::*;
    use crate::sql::testing::Tree;

    /// Made by db5.3_load (Berkeley DB 5.3) from the headers that rpm 4.18 had put into rpmdb.sqlite beside it.
    const DATABASE: &[u8] = include_bytes!("../../../../tests/data/rpm/Packages");

    fn names(tree: &Tree, bytes: &[u8]) -> Vec<String> {
        tree.file("/Packages", bytes);
        let Some(mut hash) = Hash::open(File::open(tree.place("/Packages")).unwrap()) else { return Vec::new() };
        let mut header = Vec::new();
        let name = |bytes: &[u8]| Header::of(bytes).map(|header| header.text(tag::NAME).to_vec()).unwrap_or_default();
        let names = std::iter::from_fn(|| hash.next(&mut header).then(|| name(&header)));
        let mut names: Vec<_> = names.map(|name| String::from_utf8_lossy(&name).into_owned()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn headers_of_a_real_database() {
        assert_eq!(names(&Tree::new("hash"), DATABASE), ["alpha", "beta"]);
    }

    #[test]
    fn broken_databases_end() {
        let tree = Tree::new("hash-broken");
        for length in [0, 71, 72, 512, 1023, 1024, 1500, DATABASE.len() - 1] {
            assert!(names(&tree, &DATABASE[..length]).len() <= 2, "{length}");
        }
        for at in (0..DATABASE.len()).filter(|at| at % 1024 < 40 || at % 31 == 0) {
            for value in [0, 0xff, DATABASE[at] ^ 1] {
                let mut bad = DATABASE.to_vec();
                bad[at] = value;
                assert!(names(&tree, &bad).len() < 100, "{at}");
            }
        }
    }
}
