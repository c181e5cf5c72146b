//! `process_envs`: the variables that processes were started with, or have made of them since, from /proc/PID/environ.
//! Only the owner and root may read it. One row at a time; the bound is one process's environment, cut at
//! [`MOST_BYTES`].

use super::living::Living;
use crate::sql::table::{Column, Cursor, INDEX, LISTS, OPTIMIZED, Table, TableError, Type, Value, column};
use crate::sys::dir::Name;

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, INDEX | OPTIMIZED | LISTS, "Process id."),
    column("key", Type::Text, 0, "Name of the variable; the whole text where there is no `=` in it."),
    column("value", Type::Text, 0, "Its value."),
];

const PID: usize = 0;
const KEY: usize = 1;
/// Longest environment read, bytes. The kernel lets a program be started with 6 MiB of arguments and variables at most,
/// unless its stack may grow beyond all custom.
const MOST_BYTES: usize = 8 << 20;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_envs",
    help: "Environment variables of running processes",
    columns: COLUMNS,
    open: |query| {
        let living = Living::of(&query, PID);
        Ok(Box::new(Scan { living, pid: 0, text: vec![0; 4096], length: 0, next: 0, variable: (0, 0) }))
    },
};

struct Scan {
    living: Living,
    pid: u32,
    /// The environment of the process: texts that end with NUL, `length` bytes in all.
    text: Vec<u8>,
    length: usize,
    next: usize,
    /// Where the row's text lies.
    variable: (usize, usize),
}

impl Scan {
    /// The next variable of the process. Empty texts are what a program left that wrote over its environment.
    fn next_variable(&mut self) -> bool {
        loop {
            let rest = self.text.get(self.next..self.length).unwrap_or(&[]);
            if rest.is_empty() {
                return false;
            }
            let length = memchr::memchr(0, rest).unwrap_or(rest.len());
            self.variable = (self.next, self.next + length);
            self.next += length + 1;
            if length > 0 {
                return true;
            }
        }
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while !self.next_variable() {
            let Some((pid, proc)) = self.living.next_pid().zip(self.living.proc()) else { return Ok(false) };
            let name = Name::number(pid).with(b"/environ");
            let length = proc.read_whole(&name, &mut self.text, MOST_BYTES).unwrap_or(0);
            (self.pid, self.length, self.next) = (pid, length, 0);
        }
        Ok(true)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let text = self.text.get(self.variable.0..self.variable.1).unwrap_or(&[]);
        let equals = memchr::memchr(b'=', text).unwrap_or(text.len());
        Ok(match column {
            PID => i64::from(self.pid).into(),
            KEY => Value::text(text.get(..equals).unwrap_or(&[])),
            _ => Value::text(text.get(equals + 1..).unwrap_or(&[])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::started;
    use crate::sql::testing::{Tree, rows};
    use std::process::Command;

    #[test]
    fn texts_without_a_name_and_empty_ones() {
        let tree = Tree::new("envs");
        let long = format!("LONG={}", "x".repeat(200_000));
        tree.file("/proc/5/environ", "A=1\0B==2\0\0\0nothing\0=odd\0LAST=end");
        tree.file("/proc/6/environ", "").file("/proc/7/stat", "").file("/proc/self/environ", "NO=1\0");
        tree.file("/proc/8/environ", format!("{long}\0C=\0"));
        let wanted = [["5", "A", "1"], ["5", "B", "=2"], ["5", "nothing", ""], ["5", "", "odd"], ["5", "LAST", "end"]];
        assert_eq!(tree.rows("SELECT * FROM process_envs WHERE pid = 5"), wanted);
        assert_eq!(tree.rows("SELECT pid, length(value) FROM process_envs WHERE key = 'LONG'"), [["8", "200000"]]);
        assert_eq!(tree.rows("SELECT count(*) FROM process_envs"), [["7"]]);
        assert_eq!(tree.rows("SELECT * FROM process_envs WHERE pid IN (6, 7, 9, -1, 'x')").len(), 0);
    }

    #[test]
    fn a_child_has_what_it_was_given() {
        let variables = [("STEMMA_A", "b c\n="), ("STEMMA_B", "")];
        let mut child = started(Command::new("sleep").arg("60").env_clear().envs(variables));
        let sql = format!("SELECT key, value FROM process_envs WHERE pid = {} ORDER BY key", child.id());
        let found = rows("", &sql);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [["STEMMA_A", "b c\n="], ["STEMMA_B", ""]]);
        assert_eq!(rows("", &sql).len(), 0);
    }
}
