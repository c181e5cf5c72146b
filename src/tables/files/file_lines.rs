//! `file_lines` (ours): the lines of regular files, of a path or all that a pattern stands for (see [`super::pattern`]). A
//! line at a time, so a file of any size takes 80 KiB; of a line longer than 64 KiB the first 64 KiB are shown. A last line
//! without an end is a line. Cost: the reading.

use super::found::Opened;
use super::walk::{Walk, asked};
use crate::sql::table::{Column, Context, Cursor, REQUIRED, Table, TableError, Type, Value, column};
use crate::sys::root::Lines;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, REQUIRED, "Path of the file; asked for as in the table file."),
    column("line", Type::Text, 0, "The line without its end; 64 KiB of it at most."),
    column("line_number", Type::BigInt, 0, "Its number, from 1."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "file_lines",
    help: "Lines of text files by path or pattern",
    columns: COLUMNS,
    open: |query| {
        let walk = Walk::new(&query.context, asked(&query, 0, None), None);
        let context = query.context;
        Ok(Box::new(Scan {
            context,
            walk,
            path: Vec::new(),
            lines: Lines::default(),
            left: 0,
            line: Vec::new(),
            number: 0,
        }))
    },
};

/// Bytes that are read before it is asked whether the query goes on.
const PIECE_BYTES: u64 = 1 << 20;

struct Scan {
    context: Rc<Context>,
    walk: Walk,
    path: Vec<u8>,
    lines: Lines,
    /// Bytes of the file that may be read yet.
    left: u64,
    line: Vec<u8>,
    number: i64,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if let Some(line) = self.lines.next_line() {
                self.line.clear();
                self.line.extend_from_slice(line);
                self.number += 1;
                return Ok(true);
            }
            if !self.lines.is_paused() || self.left == 0 {
                if !self.walk.advance()? {
                    return Ok(false);
                }
                (self.lines, self.left) = self.walk.open().map(Opened::lines).unwrap_or_default();
                (self.path, self.number) = (self.walk.path(), 0);
            }
            self.context.check()?;
            let piece = self.left.min(PIECE_BYTES);
            self.left -= piece;
            self.lines.allow(piece);
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            0 => Value::text(&self.path),
            1 => Value::text(&self.line),
            _ => self.number.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn lines_come_with_their_numbers() {
        let tree = Tree::new("file-lines");
        tree.file("etc/a.conf", "one\n\nthree").file("etc/b.conf", "x\r\ny\n").file("etc/empty.conf", "");
        tree.file("etc/none.d/c.conf", "below\n").link("etc/l.conf", "a.conf").link("etc/loop.conf", "loop.conf");
        let lines = |condition: &str| {
            let sql =
                format!("SELECT path, line_number, line FROM file_lines WHERE {condition} ORDER BY path, line_number");
            tree.rows(&sql).into_iter().map(|row| row.join(":")).collect::<Vec<_>>()
        };
        let a = ["/etc/a.conf:1:one", "/etc/a.conf:2:", "/etc/a.conf:3:three"];
        assert_eq!(lines("path = '/etc/a.conf'"), a);
        assert_eq!(
            lines("path LIKE '/etc/%.conf' AND path <> '/etc/l.conf'"),
            [&a[..], &["/etc/b.conf:1:x\r", "/etc/b.conf:2:y"]].concat()
        );
        assert_eq!(lines("path LIKE '/etc/%%' AND line = 'below'"), ["/etc/none.d/c.conf:1:below"]);
        assert_eq!(lines("path = '/etc'"), Vec::<String>::new());
        assert_eq!(lines("path = '/etc/l.conf'").len(), 3);
    }

    #[test]
    fn long_lines_are_cut_and_bytes_stay() {
        let tree = Tree::new("file-lines-long");
        tree.file("long", [vec![b'x'; 10 << 20], b"\nnext\xff\0z\n".to_vec()].concat());
        let found = tree.rows("SELECT line_number, length(CAST(line AS BLOB)) FROM file_lines WHERE path = '/long'");
        assert_eq!(found, [["1", "65536"], ["2", "7"]]);
        let text = "a line of 21 bytes...\n".repeat(200_000);
        tree.file("many", &text);
        let found =
            tree.rows("SELECT count(*), sum(length(line)), max(line_number) FROM file_lines WHERE path = '/many'");
        assert_eq!(found, [["200000", "4200000", "200000"]]);
    }

    #[test]
    fn the_hosts_files_are_read() {
        let theirs = std::fs::read_to_string("/etc/passwd").unwrap();
        let ours: Vec<String> = rows("", "SELECT line FROM file_lines WHERE path = '/etc/passwd'")
            .into_iter()
            .map(|mut row| row.remove(0))
            .collect();
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>());
        let endless = rows("", "SELECT count(*) FROM (SELECT 1 FROM file_lines WHERE path = '/dev/zero')");
        assert_eq!(endless, [["0"]], "a device is not opened");
    }
}
