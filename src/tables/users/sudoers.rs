//! `sudoers`: rules of /etc/sudoers and of the files it includes (sudoers(5)), in the order in which sudo reads them.
//! Only root may read them, others get no rows. A row is a line, with its continuations joined, cut after its first
//! word; an include is a row too, and its file's rows follow it. `#` begins a comment unless digits follow (a uid) or
//! it is an include.
//!
//! Bounds: files nest 128 deep, as with sudo; a file that includes itself is not read again; 1,024 files in all; a line
//! and its continuations have 256 KiB at most. `%h` in a path is not replaced: such a file is not found.

use crate::sql::table::{Column, Context, Each, Table, Type, Value, column};
use crate::sys::root::Lines;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("source", Type::Text, 0, "Path of the file."),
    column("header", Type::Text, 0, "First word: a user or group, Defaults, an alias's kind, an include."),
    column("rule_details", Type::Text, 0, "The rest."),
];

const DEPTH: usize = 128;
const FILES: usize = 1024;
const RULE_BYTES: usize = 256 << 10;
const BLANKS: &[u8] = b" \t\x0b";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "sudoers",
    help: "Rules of sudo",
    columns: COLUMNS,
    open: |query| {
        let mut scan = Scan { context: query.context.clone(), open: Vec::new(), waiting: Vec::new(), files: 0 };
        scan.include(b"/etc/sudoers".to_vec());
        Ok(Each::of(move || scan.next_rule()))
    },
};

/// A file that is being read.
struct Source {
    path: Vec<u8>,
    lines: Lines,
}

struct Scan {
    context: Rc<Context>,
    /// Each includes the next one.
    open: Vec<Source>,
    /// Files of a directory that are to be read before the file of this depth goes on.
    waiting: Vec<(usize, VecDeque<Vec<u8>>)>,
    /// How many have been opened.
    files: usize,
}

impl Scan {
    fn include(&mut self, path: Vec<u8>) {
        let again = self.open.iter().any(|source| source.path == path);
        if again || self.open.len() >= DEPTH || self.files >= FILES {
            return;
        }
        self.files += 1;
        if let Ok(lines) = self.context.root.lines(OsStr::from_bytes(&path)) {
            self.open.push(Source { path, lines });
        }
    }

    /// Names with a dot or with `~` at the end are passed over, as sudo does.
    fn include_directory(&mut self, directory: &[u8]) {
        let names = self.context.root.sorted_names(OsStr::from_bytes(directory)).into_iter().map(OsStringExt::into_vec);
        let names = names.filter(|name| !name.contains(&b'.') && !name.ends_with(b"~"));
        let paths = names.map(|name| [directory.strip_suffix(b"/").unwrap_or(directory), b"/", &name].concat());
        self.waiting.push((self.open.len(), paths.take(FILES).collect()));
    }

    fn next_rule(&mut self) -> Option<Vec<Value>> {
        loop {
            if let Some((depth, paths)) = self.waiting.last_mut()
                && *depth == self.open.len()
            {
                match paths.pop_front() {
                    Some(path) => self.include(path),
                    None => drop(self.waiting.pop()),
                }
                continue;
            }
            let source = self.open.last_mut()?;
            let Some(rule) = next_line(&mut source.lines) else {
                self.open.pop();
                continue;
            };
            let path = source.path.clone();
            if let Some(row) = self.rule(&path, &rule) {
                return Some(row);
            }
        }
    }

    /// The row of a line, after what it includes is made ready.
    fn rule(&mut self, source: &[u8], line: &[u8]) -> Option<Vec<Value>> {
        let length = line.iter().position(|byte| BLANKS.contains(byte)).unwrap_or(line.len());
        let (header, rest) = line.split_at_checked(length)?;
        let rest = rest.trim_ascii();
        let included = match header {
            b"#include" | b"@include" | b"#includedir" | b"@includedir" if rest.is_empty() => return None,
            b"#include" | b"@include" => Some(false),
            b"#includedir" | b"@includedir" => Some(true),
            [] => return None,
            [b'#', digit, ..] if digit.is_ascii_digit() => None,
            [b'#', ..] => return None,
            _ => None,
        };
        if let Some(is_directory) = included {
            let name = rest.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(rest);
            // A relative path begins where the file lies.
            let slash = source.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
            let directory = if name.starts_with(b"/") { &[] } else { source.get(..slash).unwrap_or(&[]) };
            let path = [directory, name].concat();
            if is_directory { self.include_directory(&path) } else { self.include(path) }
        }
        Some([source, header, rest].map(Value::text).to_vec())
    }
}

/// A line without blanks around it, and with those that a backslash at its end joins to it.
fn next_line(lines: &mut Lines) -> Option<Vec<u8>> {
    let mut rule = lines.next_line()?.trim_ascii().to_vec();
    // A comment ends with its line.
    let is_comment = rule.first() == Some(&b'#') && !rule.get(1).is_some_and(u8::is_ascii_digit);
    while !is_comment && rule.ends_with(b"\\") {
        rule.pop();
        let Some(line) = lines.next_line() else { break };
        if rule.len() < RULE_BYTES {
            rule.extend_from_slice(line.trim_ascii());
        } else {
            rule.extend(line.trim_ascii().ends_with(b"\\").then_some(b'\\'));
        }
    }
    Some(rule)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    fn shown(tree: &Tree) -> Vec<String> {
        tree.rows("SELECT * FROM sudoers").iter().map(|row| row.join("|")).collect()
    }

    #[test]
    fn rules_comments_and_continuations() {
        let tree = Tree::new("sudoers");
        assert_eq!(shown(&tree).len(), 0);
        let text = "# comment \\\nDefaults\tenv_reset\n\n  root ALL=(ALL:ALL) ALL\n\
                    User_Alias A = a, \\\n   b, \\\n\tc\n\
                    #1000 ALL = NOPASSWD: ALL\n#not a rule\n%sudo\\\n ALL=(ALL) ALL # why\n#include\nlast\\";
        tree.file("/etc/sudoers", text);
        let wanted = [
            "/etc/sudoers|Defaults|env_reset",
            "/etc/sudoers|root|ALL=(ALL:ALL) ALL",
            "/etc/sudoers|User_Alias|A = a, b, c",
            "/etc/sudoers|#1000|ALL = NOPASSWD: ALL",
            "/etc/sudoers|%sudoALL=(ALL)|ALL # why",
            "/etc/sudoers|last|",
        ];
        assert_eq!(shown(&tree), wanted);
    }

    #[test]
    fn includes_of_files_and_directories() {
        let tree = Tree::new("sudoers-includes");
        tree.file("/etc/sudoers", "#includedir /etc/sudoers.d\n@include \"local\"\nend e\n@include /none\n");
        tree.file("/etc/sudoers.d/b", "b 2").file("/etc/sudoers.d/a", "a 1\n@include ../extra\na 3\n");
        tree.file("/etc/sudoers.d/c.bak", "no no").file("/etc/sudoers.d/d~", "no no").file("/etc/extra", "x y\n");
        tree.file("/etc/local", "@includedir sub/\nl m\n@include /etc/local\n").file("/etc/sub/s", "s t");
        let wanted = [
            "/etc/sudoers|#includedir|/etc/sudoers.d",
            "/etc/sudoers.d/a|a|1",
            "/etc/sudoers.d/a|@include|../extra",
            "/etc/sudoers.d/../extra|x|y",
            "/etc/sudoers.d/a|a|3",
            "/etc/sudoers.d/b|b|2",
            "/etc/sudoers|@include|\"local\"",
            "/etc/local|@includedir|sub/",
            "/etc/sub/s|s|t",
            "/etc/local|l|m",
            "/etc/local|@include|/etc/local",
            "/etc/sudoers|end|e",
            "/etc/sudoers|@include|/none",
        ];
        assert_eq!(shown(&tree), wanted);
    }

    #[test]
    fn includes_end() {
        let tree = Tree::new("sudoers-loops");
        // Each file includes the next one twice: 2^40 files without a bound.
        for level in 0..40 {
            let path = format!("/etc/{}", if level == 0 { "sudoers".into() } else { level.to_string() });
            tree.file(path, format!("@include {0}\n@include {0}\n", level + 1));
        }
        let count = shown(&tree).len();
        assert!(count > 1000 && count < 4096, "{count}");
        // Files that include each other under ever new names.
        let tree = Tree::new("sudoers-names");
        tree.file("/etc/sudoers", "@include ./sudoers\n");
        assert_eq!(shown(&tree).len(), 128);
        tree.file("/etc/sudoers", [b"x y \\\n".repeat(200_000), b"z".to_vec()].concat());
        assert_eq!(tree.rows("SELECT length(rule_details) < 300000 FROM sudoers"), [["1"]]);
    }
}
