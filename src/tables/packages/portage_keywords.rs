//! `portage_keywords`: what the administrator of a Gentoo machine accepts, masks and unmasks, from package.keywords,
//! package.accept_keywords, package.mask and package.unmask in /etc/portage (portage(5)), each a file or a directory of
//! files. Lines about the same packages are one row. Memory: the rows, at most [`MOST_ENTRIES`].

use super::place::{Place, join};
use super::portage::parts;
use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::tables::text::{without_comment, words};
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("package", Type::Text, 0, "Category and name of the package."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Which versions; empty for all.") },
    column("keyword", Type::Text, 0, "Keywords that are accepted; more than one joined by blanks."),
    column("mask", Type::Integer, 0, "Whether it is masked: 1 or 0."),
    column("unmask", Type::Integer, 0, "Whether it is unmasked: 1 or 0."),
];
/// Most rows.
const MOST_ENTRIES: usize = 16 << 10;
const FILES: [(&[u8], Kind); 4] = [
    (b"/etc/portage/package.keywords", Kind::Keywords),
    (b"/etc/portage/package.accept_keywords", Kind::Keywords),
    (b"/etc/portage/package.mask", Kind::Mask),
    (b"/etc/portage/package.unmask", Kind::Unmask),
];

#[derive(Clone, Copy)]
enum Kind {
    Keywords,
    Mask,
    Unmask,
}

#[derive(Default)]
struct Entry {
    keywords: Vec<u8>,
    is_masked: bool,
    is_unmasked: bool,
}

/// Sorted by what they are about.
type Entries = Vec<(Vec<u8>, Entry)>;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "portage_keywords",
    help: "Keywords and masks of Gentoo's packages",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        let mut entries = Entries::new();
        for (path, kind) in FILES {
            read(&place, path, kind, &mut entries);
            for name in place.sorted_names(path, "") {
                read(&place, &join(path, name.as_bytes()), kind, &mut entries);
            }
        }
        let row = |(atom, entry): (Vec<u8>, Entry)| {
            let (package, version) = parts(&atom);
            let (mask, unmask) = (i64::from(entry.is_masked), i64::from(entry.is_unmasked));
            vec![Value::text(package), Value::Text(version), Value::Text(entry.keywords), mask.into(), unmask.into()]
        };
        Ok(Rows::of(entries.into_iter().map(row).collect()))
    },
};

fn read(place: &Place, path: &[u8], kind: Kind, entries: &mut Entries) {
    let Some(mut lines) = place.lines(path) else { return };
    while let Some(line) = lines.next_line() {
        let mut words = words(without_comment(line).0);
        let Some(atom) = words.next() else { continue };
        let place = match entries.binary_search_by(|(known, _)| known.as_slice().cmp(atom)) {
            Ok(place) => place,
            Err(_) if entries.len() >= MOST_ENTRIES => return,
            Err(place) => {
                entries.insert(place, (atom.to_vec(), Entry::default()));
                place
            }
        };
        let Some((_, entry)) = entries.get_mut(place) else { continue };
        match kind {
            Kind::Keywords => {
                entry.keywords.clear();
                for word in words {
                    entry.keywords.extend_from_slice(if entry.keywords.is_empty() { b"" } else { b" " });
                    entry.keywords.extend_from_slice(word);
                }
            }
            Kind::Mask => entry.is_masked = true,
            Kind::Unmask => entry.is_unmasked = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn files_and_directories_become_rows() {
        let tree = Tree::new("portage_keywords");
        tree.file("/etc/portage/package.keywords", "# c\n=dev-lang/python-3.9* ~amd64 ~x86 # why\na/b\n");
        tree.file("/etc/portage/package.accept_keywords/one", "c/d **\n")
            .file("/etc/portage/package.mask/x", ">=a/b-2\nc/d\n");
        tree.file("/etc/portage/package.unmask", "a/b\n\n");
        let wanted = [
            ["dev-lang/python", "3.9*", "~amd64 ~x86", "0", "0"],
            ["a/b", ">=2", "", "1", "0"],
            ["a/b", "", "", "0", "1"],
            ["c/d", "", "**", "1", "0"],
        ];
        assert_eq!(tree.rows("SELECT * FROM portage_keywords"), wanted);
    }
}
