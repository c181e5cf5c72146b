//! RPM's own database, `Packages.db`: pages of slots, each of which says where in the file a header lies (rpm's
//! lib/backend/ndb). Numbers are little-endian. Read without a lock: what changes meanwhile does not fit its own marks
//! and is passed over. Memory: one page of slots, one header.

use super::database::MOST_BYTES;
use std::fs::File;
use std::os::unix::fs::FileExt;

const PAGE: usize = 4096;
/// Bytes of a slot, and the unit of places in the file.
const UNIT: usize = 16;

/// See the module's head.
pub struct Slots {
    file: File,
    pages: u32,
    page: u32,
    slots: Vec<u8>,
    next: usize,
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    let word = bytes.get(offset..offset + 4).and_then(|word| word.try_into().ok());
    word.map_or(0, u32::from_le_bytes)
}

impl Slots {
    /// None if the file is no such database.
    pub fn open(file: File) -> Option<Self> {
        let mut head = [0; 2 * UNIT];
        file.read_exact_at(&mut head, 0).ok()?;
        let is_known = head.starts_with(b"RpmP") && word(&head, 4) == 0;
        is_known.then_some(Slots { file, pages: word(&head, 12), page: 0, slots: Vec::new(), next: 0 })
    }

    /// Reads the next header into `header`; false when there is none.
    pub fn next(&mut self, header: &mut Vec<u8>) -> bool {
        loop {
            if let Some(slot) = self.slots.get(self.next..self.next + UNIT) {
                let (is_used, place) = (slot.starts_with(b"Slot"), [word(slot, 4), word(slot, 8)]);
                self.next += UNIT;
                if is_used && self.read(place, header).is_some() {
                    return true;
                }
            } else if self.read_page().is_none() {
                return false;
            }
        }
    }

    fn read_page(&mut self) -> Option<()> {
        if self.page >= self.pages {
            return None;
        }
        self.slots.resize(PAGE, 0);
        self.file.read_exact_at(&mut self.slots, u64::from(self.page) * PAGE as u64).ok()?;
        // The file's own head takes the place of the first two.
        self.next = if self.page == 0 { 2 * UNIT } else { 0 };
        self.page += 1;
        Some(())
    }

    /// The header of package number `package` at `block`: marks before it and behind it, each with its length.
    fn read(&self, [package, block]: [u32; 2], header: &mut Vec<u8>) -> Option<()> {
        let start = u64::from(block) * UNIT as u64;
        let mut head = [0; 16];
        self.file.read_exact_at(&mut head, start).ok()?;
        let length = word(&head, 12);
        if block == 0 || !head.starts_with(b"BlbS") || word(&head, 4) != package || length as usize > MOST_BYTES {
            return None;
        }
        // The mark behind it ends with the last unit.
        let end = start + (16 + u64::from(length) + 12).next_multiple_of(UNIT as u64);
        let mut tail = [0; 12];
        self.file.read_exact_at(&mut tail, end - 12).ok()?;
        if !tail.ends_with(b"BlbE") || word(&tail, 4) != length {
            return None;
        }
        header.resize(length as usize, 0);
        self.file.read_exact_at(header, start + 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;

    /// A database of these headers, as rpm lays it out.
    fn database(headers: &[&[u8]]) -> Vec<u8> {
        let word = |number: usize| (number as u32).to_le_bytes();
        let mut bytes = [&b"RpmP"[..], &word(0), &word(1), &word(1), &word(headers.len() + 1)].concat();
        bytes.resize(32, 0);
        let mut blobs = Vec::new();
        for (index, header) in headers.iter().enumerate() {
            let (block, blocks) = ((PAGE + blobs.len()) / UNIT, (16 + header.len() + 12).div_ceil(UNIT));
            bytes.extend_from_slice(&[&b"Slot"[..], &word(index + 1), &word(block), &word(blocks)].concat());
            let end = blobs.len() + blocks * UNIT - 12;
            blobs.extend_from_slice(&[&b"BlbS"[..], &word(index + 1), &word(0), &word(header.len()), header].concat());
            blobs.resize(end, 0);
            blobs.extend_from_slice(&[&word(0)[..], &word(header.len()), b"BlbE"].concat());
        }
        while bytes.len() < PAGE {
            bytes.extend_from_slice(b"Slot");
            bytes.resize(bytes.len().next_multiple_of(UNIT), 0);
        }
        [bytes, blobs].concat()
    }

    fn read(name: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
        let tree = Tree::new(name);
        tree.file("/Packages.db", bytes);
        let Some(mut slots) = Slots::open(File::open(tree.place("/Packages.db")).unwrap()) else { return Vec::new() };
        let mut header = Vec::new();
        std::iter::from_fn(|| slots.next(&mut header).then(|| header.clone())).collect()
    }

    #[test]
    fn headers_of_all_lengths() {
        let headers: Vec<Vec<u8>> = (0..40).map(|length| vec![7; length]).collect();
        let views: Vec<_> = headers.iter().map(Vec::as_slice).collect();
        assert_eq!(read("slots", &database(&views)), headers);
        assert_eq!(read("slots-none", &database(&[])), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn broken_databases_end() {
        let good = database(&[b"one", b"two"]);
        for length in [0, 10, 32, 4095, 4096, 4100, good.len() - 1] {
            assert!(read("slots-short", &good[..length]).len() < 2, "{length}");
        }
        for at in (0..64).chain(4096..good.len()) {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            assert!(read("slots-bad", &bad).len() <= 2, "{at}");
        }
        assert_eq!(read("slots-other", b"Rpm"), Vec::<Vec<u8>>::new());
    }
}
