//! Files of stanzas, lines `Name: value` that a blank line ends, as dpkg, opkg, apt, apk and Python keep them
//! (deb822(5), RFC 822). Of each stanza the fields are kept that somebody asked for; names are compared without regard
//! to case. Streamed: one stanza's fields in memory, each at most [`VALUE_BYTES`].

use crate::sys::root::{LINE_BYTES, Lines};

/// Longest value, bytes; what is longer is cut.
const VALUE_BYTES: usize = LINE_BYTES;

/// See the module's head.
pub struct Stanzas {
    lines: Lines,
    names: &'static [&'static str],
    values: Vec<Vec<u8>>,
    is_exact: bool,
    over: bool,
}

impl Stanzas {
    /// Begins before the first stanza of a file; `names` are the fields to keep.
    pub fn new(lines: Lines, names: &'static [&'static str]) -> Self {
        Stanzas { lines, names, values: vec![Vec::new(); names.len()], is_exact: false, over: false }
    }

    /// The same for files where `P` and `p` are two fields.
    pub fn exact(lines: Lines, names: &'static [&'static str]) -> Self {
        Stanzas { is_exact: true, ..Self::new(lines, names) }
    }

    /// Goes to the next stanza; false when there is none.
    pub fn advance(&mut self) -> bool {
        self.values.iter_mut().for_each(Vec::clear);
        let (mut is_there, mut last) = (false, None);
        while !self.over {
            let Some(line) = self.lines.next_line() else {
                self.over = true;
                break;
            };
            let line = line.trim_ascii_end();
            match line.first() {
                None if is_there => break,
                None | Some(b'#') => continue,
                Some(b' ' | b'\t') => {
                    if let Some(value) = last.and_then(|last: usize| self.values.get_mut(last)) {
                        append(value, line.trim_ascii_start());
                    }
                }
                Some(_) => {
                    is_there = true;
                    last = field(line, self.names, self.is_exact);
                    if let Some(last) = last
                        && let Some((value, name)) = self.values.get_mut(last).zip(self.names.get(last))
                    {
                        let text = line.get(name.len() + 1..).unwrap_or(&[]).trim_ascii_start();
                        value.clear();
                        value.extend_from_slice(text);
                    }
                }
            }
        }
        is_there
    }

    /// The value of a field by its place in the list of names; lines that continue it are joined by newlines. Empty if
    /// the stanza has no such field.
    pub fn value(&self, place: usize) -> &[u8] {
        self.values.get(place).map_or(&[], Vec::as_slice)
    }
}

fn field(line: &[u8], names: &[&str], is_exact: bool) -> Option<usize> {
    let is_named = |name: &&str| {
        let start = line.get(..name.len()).filter(|_| line.get(name.len()) == Some(&b':'));
        start.is_some_and(|start| start == name.as_bytes() || !is_exact && start.eq_ignore_ascii_case(name.as_bytes()))
    };
    names.iter().position(is_named)
}

fn append(value: &mut Vec<u8>, line: &[u8]) {
    if value.len() + line.len() < VALUE_BYTES {
        if !value.is_empty() {
            value.push(b'\n');
        }
        value.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;
    use std::fs::File;

    fn stanzas(name: &str, text: &[u8]) -> Vec<Vec<String>> {
        let tree = Tree::new(name);
        tree.file("/file", text);
        let lines = Lines::of(File::open(tree.place("/file")).unwrap());
        let mut stanzas = Stanzas::new(lines, &["Package", "Long", "P"]);
        let mut all = Vec::new();
        while stanzas.advance() {
            all.push((0..3).map(|i| String::from_utf8_lossy(stanzas.value(i)).into_owned()).collect());
        }
        all
    }

    #[test]
    fn fields_of_all_forms() {
        let text = b"\n\n# comment\nPackage: a\nlong: one\n two\n\tthree\n# inside\nOther: x\n more\n\n \nPACKAGE:b\r\nP:c\nno colon\n\n\n";
        let wanted = [["a", "one\ntwo\nthree", ""], ["b", "", "c"]];
        assert_eq!(stanzas("stanza-forms", text), wanted);
        assert_eq!(stanzas("stanza-empty", b""), Vec::<Vec<String>>::new());
        assert_eq!(stanzas("stanza-blank", b"\n \n\n"), Vec::<Vec<String>>::new());
        assert_eq!(stanzas("stanza-end", b"Package: x"), [["x", "", ""]]);
        assert_eq!(stanzas("stanza-twice", b"P: 1\nP: 2\nPackage"), [["", "", "2"]]);
    }

    #[test]
    fn a_value_without_end_is_cut() {
        let text = [b"Long:\n".to_vec(), b" 0123456789\n".repeat(100_000), b"Package: a\n".to_vec()].concat();
        let all = stanzas("stanza-long", &text);
        assert_eq!(all[0][0], "a");
        assert!(all[0][1].len() <= VALUE_BYTES);
    }
}
