//! One file out of a ZIP archive (PKWARE's APPNOTE.TXT; a .jar is one): found by the archive's directory at its end. The
//! directory is gone through in pieces; of the archive nothing else is read. Encrypted files and archives in parts are
//! not read.

use super::inflate::inflate;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of the end's record, and of an entry and of a file's head without their names.
const END: usize = 22;
const ENTRY: usize = 46;
const HEAD: usize = 30;
/// Bytes of the directory read at a time.
const PIECE: usize = 64 << 10;
/// How much of the directory is looked at, bytes.
const DIRECTORY: u64 = 4 << 20;

fn short(bytes: &[u8], offset: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?)))
}

fn word(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from(u32::from_le_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?)))
}

fn read(file: &File, place: u64, bytes: usize) -> Option<Vec<u8>> {
    let mut text = vec![0; bytes];
    file.read_exact_at(&mut text, place).ok()?;
    Some(text)
}

/// Place and length of the directory: the end's record is the last thing but a comment of at most 64 KiB.
fn directory(file: &File) -> Option<(u64, u64)> {
    let length = file.metadata().ok()?.len();
    let tail = length.min((END + usize::from(u16::MAX)) as u64);
    let text = read(file, length - tail, tail as usize)?;
    let mark = text.get(..text.len().checked_sub(END - 4)?)?.windows(4).rposition(|mark| mark == b"PK\x05\x06")?;
    let end = text.get(mark..)?;
    Some((word(end, 16)?, word(end, 12)?.min(DIRECTORY)))
}

/// A file of an archive by its name, at most `most` bytes; None if there is none, or it cannot be read.
pub fn extract(file: &File, name: &[u8], most: usize) -> Option<Vec<u8>> {
    let (mut place, mut left) = directory(file)?;
    let mut piece = Vec::new();
    let mut at = 0;
    loop {
        let rest = piece.get(at..).unwrap_or(&[]);
        let whole = |entry: &[u8]| Some(ENTRY + short(entry, 28)? + short(entry, 30)? + short(entry, 32)?);
        if let Some(length) = whole(rest).filter(|length| *length <= rest.len()) {
            let entry = rest.get(..length)?;
            if !entry.starts_with(b"PK\x01\x02") {
                return None;
            }
            if entry.get(ENTRY..ENTRY + name.len()) == Some(name) && short(entry, 28) == Some(name.len()) {
                return content(file, entry, most);
            }
            at += length;
            continue;
        }
        let more = left.min(PIECE as u64);
        if more == 0 {
            return None;
        }
        piece.drain(..at);
        at = 0;
        piece.extend_from_slice(&read(file, place, more as usize)?);
        (place, left) = (place + more, left - more);
    }
}

fn content(file: &File, entry: &[u8], most: usize) -> Option<Vec<u8>> {
    let (flags, method) = (short(entry, 8)?, short(entry, 10)?);
    let (packed, start) = (usize::try_from(word(entry, 20)?).ok()?, word(entry, 42)?);
    let head = read(file, start, HEAD)?;
    let is_plain = flags & 1 == 0 && head.starts_with(b"PK\x03\x04");
    if !is_plain || packed > most {
        return None;
    }
    let behind = (HEAD + short(&head, 26)? + short(&head, 28)?) as u64;
    let text = read(file, start + behind, packed)?;
    match method {
        0 => Some(text),
        8 => inflate(&text, most),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sql::testing::{Tree, host};

    /// An archive of files that are stored as they are.
    pub(crate) fn stored(files: &[(&str, &str)]) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        let (short, word) =
            (|number: usize| (number as u16).to_le_bytes(), |number: usize| (number as u32).to_le_bytes());
        for (name, text) in files {
            let start = archive.len();
            let sizes = [word(text.len()), word(text.len())].concat();
            let common = [&short(0)[..], &[0; 8], &sizes, &short(name.len()), &short(0)].concat();
            archive.extend(
                [b"PK\x03\x04".as_slice(), &short(20), &short(0), &common, name.as_bytes(), text.as_bytes()].concat(),
            );
            let entry = [
                b"PK\x01\x02".as_slice(),
                &short(20),
                &short(20),
                &short(0),
                &common,
                &[0; 10],
                &word(start),
                name.as_bytes(),
            ];
            directory.extend(entry.concat());
        }
        let counts = [short(files.len()), short(files.len())].concat();
        let end = [
            b"PK\x05\x06".as_slice(),
            &[0; 4],
            &counts,
            &word(directory.len()),
            &word(archive.len()),
            &short(3),
            b"end",
        ];
        [archive, directory, end.concat()].concat()
    }

    fn extracted(tree: &Tree, name: &str) -> Option<Vec<u8>> {
        extract(&File::open(tree.place("/x.zip")).unwrap(), name.as_bytes(), 1000)
    }

    #[test]
    fn files_are_found_in_small_and_large_directories() {
        let tree = Tree::new("zip");
        let names: Vec<_> = (0..3000).map(|i| format!("a/long/path/for/a/name/{i}")).collect();
        let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        files.push(("META-INF/plugin.xml", "<x/>"));
        files.push(("META-INF/plugin.xml.bak", "<no/>"));
        tree.file("/x.zip", stored(&files));
        assert_eq!(extracted(&tree, "META-INF/plugin.xml").as_deref(), Some(&b"<x/>"[..]));
        assert_eq!(extracted(&tree, "a/long/path/for/a/name/0").as_deref(), Some(&b"x"[..]));
        assert_eq!(extracted(&tree, "none"), None);
        tree.file("/x.zip", stored(&[]));
        assert_eq!(extracted(&tree, "none"), None);
    }

    #[test]
    fn broken_archives_have_nothing() {
        let tree = Tree::new("zip-broken");
        let good = stored(&[("a", "text"), ("b", "more")]);
        for at in 0..good.len() {
            for value in [0, 0xff, good[at] ^ 1] {
                let mut bad = good.clone();
                bad[at] = value;
                tree.file("/x.zip", &bad);
                let _ = extracted(&tree, "b");
            }
            tree.file("/x.zip", &good[..at]);
            assert_eq!(extracted(&tree, "b").filter(|text| text != b"more"), None);
        }
    }

    #[test]
    fn what_python_packs_is_unpacked() {
        let tree = Tree::new("zip-python");
        let (archive, text) = (tree.place("/x.zip"), "some text ".repeat(90));
        let program = format!(
            "import zipfile\nwith zipfile.ZipFile({archive:?}, 'w', zipfile.ZIP_DEFLATED) as z:\n  \
                               z.writestr('META-INF/plugin.xml', {text:?})"
        );
        if host("python3", &["-c", &program]).is_none() {
            println!("skipped: needs python3");
            return;
        }
        assert!(extracted(&tree, "META-INF/plugin.xml").is_some_and(|found| found == text.as_bytes()));
    }
}
