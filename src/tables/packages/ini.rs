//! Files of sections, `[name]` and below it lines `key = value`, as yum, zypper and Firefox keep them. Lines that begin
//! with `#` or `;` are comments; a line that begins with a blank continues the value before it. Streamed.

use crate::sys::root::Lines;
use crate::tables::text::split_once;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A section begins.
    Section(&'a [u8]),
    /// A key and its value.
    Entry(&'a [u8], &'a [u8]),
    /// More of the value before.
    More(&'a [u8]),
}

/// What a line says; None for a comment and what is nothing of that.
pub fn item(line: &[u8]) -> Option<Item<'_>> {
    let text = line.trim_ascii();
    match (line.first()?, text.first()?) {
        (_, b'#' | b';') => None,
        (b' ' | b'\t', _) => Some(Item::More(text)),
        (b'[', _) => Some(Item::Section(text.get(1..)?.split(|&byte| byte == b']').next()?)),
        _ => split_once(text, b'=').map(|(key, value)| Item::Entry(key.trim_ascii(), value.trim_ascii())),
    }
}

/// The values of some keys, section by section.
pub struct Sections {
    lines: Lines,
    keys: &'static [&'static str],
    values: Vec<Vec<u8>>,
    /// The section's name.
    pub name: Vec<u8>,
    /// That of the section whose head has been read.
    next: Option<Vec<u8>>,
}

/// Longest value, bytes; what would make it longer is left out.
const VALUE_BYTES: usize = 64 << 10;

impl Sections {
    /// Begins before the first section; `keys` are those to keep.
    pub fn new(lines: Lines, keys: &'static [&'static str]) -> Self {
        Sections { lines, keys, values: vec![Vec::new(); keys.len()], name: Vec::new(), next: None }
    }

    /// Goes to the next section; false when there is none.
    pub fn advance(&mut self) -> bool {
        self.values.iter_mut().for_each(Vec::clear);
        let mut is_there = self.next.take().map(|name| self.name = name).is_some();
        let mut last = None;
        while let Some(line) = self.lines.next_line() {
            match item(line) {
                Some(Item::Section(name)) if is_there => {
                    self.next = Some(name.to_vec());
                    return true;
                }
                Some(Item::Section(name)) => {
                    self.name = name.to_vec();
                    is_there = true;
                }
                Some(Item::Entry(key, value)) if is_there => {
                    last = self.keys.iter().position(|name| key.eq_ignore_ascii_case(name.as_bytes()));
                    if let Some(kept) = last.and_then(|last: usize| self.values.get_mut(last)) {
                        kept.clear();
                        kept.extend_from_slice(value);
                    }
                }
                Some(Item::More(more)) => {
                    if let Some(kept) = last.and_then(|last: usize| self.values.get_mut(last))
                        && kept.len() + more.len() < VALUE_BYTES
                    {
                        kept.extend_from_slice(if kept.is_empty() { b"" } else { b" " });
                        kept.extend_from_slice(more);
                    }
                }
                _ => {}
            }
        }
        is_there
    }

    /// The value of a key by its place in the list of keys, lines joined by blanks; empty if the section has none.
    pub fn value(&self, place: usize) -> &[u8] {
        self.values.get(place).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;
    use std::fs::File;

    #[test]
    fn sections_of_all_forms() {
        let tree = Tree::new("ini");
        let text = "stray = 1\n[main]\n# a\n;b\nKey=v = w\nother=x\n more\n[two] trailing\nkey =\n  one\n\ttwo\n\n[empty]\n[\n";
        tree.file("/file", text);
        let mut sections = Sections::new(Lines::of(File::open(tree.place("/file")).unwrap()), &["key", "none"]);
        let mut all = Vec::new();
        while sections.advance() {
            all.push((sections.name.clone(), sections.value(0).to_vec(), sections.value(1).to_vec()));
        }
        let section = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec(), vec![]);
        assert_eq!(all, [section("main", "v = w"), section("two", "one two"), section("empty", ""), section("", "")]);
    }
}
