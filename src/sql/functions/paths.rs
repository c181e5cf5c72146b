//! `find_file_path_in_cmd`, `is_path_deterministic` and `parent_directory` (osquery: `osquery/sql/sqlite_filesystem.cpp`,
//! by its described rules): which file a command line without quotes names. One stat per word of it.

use super::{Function, Outcome, function, is_space, strict_text};
use crate::sql::table::{TableError, Value};
use crate::sys::function::Arguments;
use crate::sys::root::Root;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(
        c"find_file_path_in_cmd",
        &[-1],
        "find_file_path_in_cmd(COMMAND [, QUOTES [, ESCAPE]]): the shortest beginning that names a file, or ''.",
        |arguments, context| match Command::of(arguments) {
            Some(command) => Ok(Value::text(command.files(&context.root).next().unwrap_or_default())),
            None => Err(TableError::new("Invalid inputs to find_binary_path_from_cmd")),
        },
    ),
    function(
        c"is_path_deterministic",
        &[-1],
        "is_path_deterministic(COMMAND [, QUOTES [, ESCAPE]]): 0 if the command may name more than one file, else 1.",
        |arguments, context| deterministic(arguments, &context.root),
    ),
    function(
        c"parent_directory",
        &[1],
        "parent_directory(PATH): what stands before the last slash; NULL where there is none.",
        |arguments, _| match strict_text(arguments, 0) {
            Some(path) => {
                Ok(memchr::memrchr(b'/', path).and_then(|slash| path.get(..slash)).map_or(Value::Null, Value::text))
            }
            None => Err(TableError::new("Invalid inputs to parent_directory, TEXT was expected")),
        },
    ),
];

/// A command line and how to read it.
struct Command<'call> {
    text: &'call [u8],
    quotes: bool,
    escape: u8,
}

impl<'call> Command<'call> {
    /// From the arguments; None where they are not valid.
    fn of(arguments: &Arguments<'call>) -> Option<Self> {
        if (0..arguments.count()).any(|index| arguments.is_null(index)) {
            return None;
        }
        let escape = match arguments.count() {
            0..=2 => b'\\',
            _ => match arguments.text(2)? {
                [escape] => *escape,
                _ => return None,
            },
        };
        let quotes = arguments.count() > 1 && arguments.integer(1) != 0;
        Some(Command { text: arguments.text(0)?, quotes, escape })
    }

    /// Its beginnings that end before a space or at the end and name a file, the shortest first.
    fn files(&self, root: &Root) -> impl Iterator<Item = Vec<u8>> {
        let mut rest = self.text;
        while let [first, behind @ ..] = rest
            && is_space(*first)
        {
            rest = behind;
        }
        let mut bytes = rest.iter().copied();
        let (mut path, mut quoted, mut over) = (Vec::new(), false, false);
        let next = move || loop {
            match bytes.next() {
                None if over => return None,
                None => {
                    over = true;
                    return Some(path.clone());
                }
                Some(b'"') if self.quotes => quoted = !quoted,
                Some(byte) if byte == self.escape => path.extend(bytes.next()),
                Some(byte) if is_space(byte) && !quoted => {
                    let beginning = path.clone();
                    path.push(byte);
                    return Some(beginning);
                }
                Some(byte) => path.push(byte),
            }
        };
        std::iter::from_fn(next).filter(|path| is_file(root, path))
    }
}

fn is_file(root: &Root, path: &[u8]) -> bool {
    root.metadata(OsStr::from_bytes(path)).is_ok_and(|metadata| !metadata.is_dir())
}

fn deterministic(arguments: &Arguments<'_>, root: &Root) -> Outcome {
    let command = Command::of(arguments).ok_or_else(|| TableError::new("Invalid inputs to is_path_deterministic"))?;
    let mut files = command.files(root);
    let shortest = files.next().map_or(0, |path| path.len());
    let longest = files.last().map_or(shortest, |path| path.len());
    Ok(Value::Integer(i64::from(shortest == longest || shortest == command.text.len())))
}

#[cfg(test)]
mod tests {
    use crate::sql::functions::tests::{check, check_failures};
    use std::fs;

    #[test]
    fn finds_the_file_of_a_command() {
        let dir = std::env::temp_dir().join(format!("stemma-paths-{}", std::process::id()));
        fs::create_dir_all(dir.join("a dir")).unwrap();
        for name in ["one", "one two", "back\\slash", "a dir/file", "with\"quote"] {
            fs::write(dir.join(name), "").unwrap();
        }
        let d = dir.display();
        check(&[
            (&format!("find_file_path_in_cmd('{d}/one two three')"), &format!("{d}/one")),
            (&format!("find_file_path_in_cmd('  {d}/one -x')"), &format!("{d}/one")),
            (&format!("find_file_path_in_cmd('{d}/a dir/file -x')"), &format!("{d}/a dir/file")),
            (&format!("find_file_path_in_cmd('{d}/one')"), &format!("{d}/one")),
            (&format!("find_file_path_in_cmd('{d}/a')"), ""),
            (&format!("find_file_path_in_cmd('{d}/none -x')"), ""),
            ("find_file_path_in_cmd('')", ""),
            (&format!("find_file_path_in_cmd('{d}/a dir')"), ""),
            (&format!("find_file_path_in_cmd('\"{d}/one two\" three')"), ""),
            (&format!("find_file_path_in_cmd('\"{d}/one two\" three', 1)"), &format!("{d}/one two")),
            (&format!("find_file_path_in_cmd('\"{d}/one two\" three', 0)"), ""),
            (&format!("find_file_path_in_cmd('{d}/one\\ two three')"), &format!("{d}/one two")),
            (&format!("find_file_path_in_cmd('{d}/one^ two three', 1, '^')"), &format!("{d}/one two")),
            (&format!("find_file_path_in_cmd('{d}/back\\\\slash')"), &format!("{d}/back\\slash")),
            (&format!("find_file_path_in_cmd('{d}/back\\slash', 0, '^')"), &format!("{d}/back\\slash")),
            (&format!("is_path_deterministic('{d}/one two three')"), "0"),
            (&format!("is_path_deterministic('{d}/one three')"), "1"),
            (&format!("is_path_deterministic('{d}/one two')"), "0"),
            (&format!("is_path_deterministic('{d}/one')"), "1"),
            (&format!("is_path_deterministic('{d}/none three')"), "1"),
            (&format!("is_path_deterministic('\"{d}/one two\" three', 1)"), "1"),
            ("is_path_deterministic('')", "1"),
        ]);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn bad_arguments_are_errors() {
        for (name, sentence) in [
            ("find_file_path_in_cmd", "Invalid inputs to find_binary_path_from_cmd"),
            ("is_path_deterministic", "Invalid inputs to is_path_deterministic"),
        ] {
            for arguments in ["", "NULL", "'x', NULL", "'x', 1, NULL", "'x', 1, ''", "'x', 1, 'ab'"] {
                check_failures(&[(&format!("{name}({arguments})"), sentence)]);
            }
        }
    }

    #[test]
    fn parents() {
        check(&[
            ("parent_directory('/usr/bin/env')", "/usr/bin"),
            ("parent_directory('/usr/bin/')", "/usr/bin"),
            ("parent_directory('/a')", ""),
            ("parent_directory('a')", "NULL"),
            ("parent_directory('')", "NULL"),
        ]);
        let sentence = "Invalid inputs to parent_directory, TEXT was expected";
        check_failures(&[("parent_directory(NULL)", sentence), ("parent_directory(1)", sentence)]);
    }
}
