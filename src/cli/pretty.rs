//! The table with rules, which has to see all rows for its widths: the one mode that keeps a result in memory, as its
//! text and 8 bytes a cell.
//!
//! As osquery prints it (`osquery/devtools/printer.cpp`, by its behaviour): the columns are those of the first
//! statement that had rows; equal names have one value, the last; of a later statement only columns of these names are
//! seen, what it lacks is NULL.

/// In place of a cell's end: the statement has no such column.
const LACKING: usize = usize::MAX;

/// A result on its way to a table.
#[derive(Default)]
pub struct Pretty {
    names: Vec<String>,
    widths: Vec<usize>,
    /// For each shown column: which of the statement's it is.
    source: Vec<Option<usize>>,
    text: Vec<u8>,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

/// Width in code points, as osquery counts them: bytes that begin one, and whatever byte is the first.
pub fn width(text: &[u8]) -> usize {
    text.iter().enumerate().filter(|(index, byte)| *index == 0 || **byte & 0xc0 != 0x80).count()
}

impl Pretty {
    /// Another statement's columns.
    pub fn columns(&mut self, names: &[&str]) {
        if self.ends.is_empty() {
            self.names = names.iter().map(|name| name.to_string()).collect();
            self.widths = names.iter().map(|name| width(name.as_bytes())).collect();
        }
        self.source = self.names.iter().map(|name| names.iter().rposition(|other| other == name)).collect();
    }

    /// A row of this statement; `push` appends the text of a column.
    pub fn row(&mut self, push: &mut dyn FnMut(&mut Vec<u8>, usize)) {
        for (source, most) in self.source.iter().zip(&mut self.widths) {
            let Some(column) = source else {
                self.ends.push(LACKING);
                continue;
            };
            let start = self.text.len();
            push(&mut self.text, *column);
            self.ends.push(self.text.len());
            *most = (*most).max(width(self.text.get(start..).unwrap_or_default()));
        }
    }

    /// Bytes held.
    pub fn held_bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Writes the table in pieces; nothing for a result without rows. `write`: false if no more can be written.
    pub fn print(&self, null: &str, write: &mut dyn FnMut(&[u8]) -> bool) {
        if self.ends.is_empty() {
            return;
        }
        let mut rule = Vec::new();
        for width in &self.widths {
            rule.push(b'+');
            rule.resize(rule.len() + width + 2, b'-');
        }
        rule.extend_from_slice(b"+\n");
        let mut line = rule.clone();
        for (name, most) in self.names.iter().zip(&self.widths) {
            cell(&mut line, name.as_bytes(), most - width(name.as_bytes()));
        }
        line.extend_from_slice(b"|\n");
        line.extend_from_slice(&rule);
        let mut start = 0;
        for row in self.ends.chunks(self.names.len().max(1)) {
            if !write(&line) {
                return;
            }
            line.clear();
            for ((end, most), name) in row.iter().zip(&self.widths).zip(&self.names) {
                if *end == LACKING {
                    cell(&mut line, null.as_bytes(), name.len().saturating_sub(width(null.as_bytes())));
                    continue;
                }
                let value = self.text.get(start..*end).unwrap_or_default();
                cell(&mut line, value, most - width(value));
                start = *end;
            }
            line.extend_from_slice(b"|\n");
        }
        line.extend_from_slice(&rule);
        write(&line);
    }
}

/// Appends so many spaces: many at a time, since a wide column is mostly made of them.
pub(super) fn spaces(line: &mut Vec<u8>, count: usize) {
    const MANY: &[u8] = &[b' '; 64];
    let mut left = count;
    while left > 0 {
        let some = left.min(MANY.len());
        line.extend_from_slice(MANY.get(..some).unwrap_or(MANY));
        left -= some;
    }
}

fn cell(line: &mut Vec<u8>, value: &[u8], padding: usize) {
    line.extend_from_slice(b"| ");
    line.extend_from_slice(value);
    spaces(line, padding + 1);
}

#[cfg(test)]
mod tests {
    use super::width;

    #[test]
    fn width_counts_what_begins_a_code_point() {
        for (text, wanted) in
            [(&b""[..], 0), (b"abc", 3), ("é日".as_bytes(), 2), (b"\xff\xfe", 2), (b"\x80\x80a", 2), (b"a\x80", 1)]
        {
            assert_eq!(width(text), wanted, "{text:?}");
        }
    }
}
