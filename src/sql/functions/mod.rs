//! What osquery adds to SQLite's functions: one file per family, each with its list; [`FAMILIES`] has them all, for the
//! engine, help and tests. `like`, `instr`, `printf`, `strftime`, JSON and the like are SQLite's own.
//!
//! Texts are bytes up to their first NUL, as osquery's C strings are; numbers are converted as SQLite converts them.

pub mod hashing;
pub mod math;
pub mod network;
pub mod operations;
pub mod paths;
pub mod regex;
pub mod strings;
pub mod versions;

use super::table::{Context, TableError, Value};
use crate::sys::function::{Arguments, Kind};
use std::ffi::CStr;

/// When a function may be called again, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The same arguments give the same answer: SQLite may call it once for many rows.
    Pure,
    /// Called for each row.
    Volatile,
    /// One answer for all rows of a group.
    Aggregate,
}

/// What a call gives.
pub type Outcome = Result<Value, TableError>;

/// One function.
pub struct Function {
    /// Its name.
    pub name: &'static CStr,
    /// With how many arguments it may be called; -1: any number, the function checks it.
    pub arguments: &'static [i32],
    /// See [`Nature`].
    pub nature: Nature,
    /// One line of help: how to call it, what it gives.
    pub help: &'static str,
    /// Answers a call.
    pub call: fn(&Arguments<'_>, &Context) -> Outcome,
}

impl Function {
    /// Its name as text.
    pub fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or("")
    }

    /// Whether a word is its name, in any case.
    pub fn is_named(&self, word: &str) -> bool {
        self.name.to_bytes().eq_ignore_ascii_case(word.as_bytes())
    }
}

/// Every function there is, by family.
pub static FAMILIES: &[(&str, &[Function])] = &[
    ("strings", strings::FUNCTIONS),
    ("regular expressions", regex::FUNCTIONS),
    ("hashes and encodings", hashing::FUNCTIONS),
    ("network", network::FUNCTIONS),
    ("mathematics", math::FUNCTIONS),
    ("paths", paths::FUNCTIONS),
    ("versions", versions::FUNCTIONS),
    ("operations", operations::FUNCTIONS),
];

const fn function(
    name: &'static CStr,
    arguments: &'static [i32],
    help: &'static str,
    call: fn(&Arguments<'_>, &Context) -> Outcome,
) -> Function {
    Function { name, arguments, nature: Nature::Pure, help, call }
}

/// A text where the argument is of type TEXT and nothing else.
fn strict_text<'call>(arguments: &Arguments<'call>, index: usize) -> Option<&'call [u8]> {
    if arguments.kind(index) == Kind::Text { arguments.text(index) } else { None }
}

/// An answer for a text, NULL for NULL.
fn of_text(arguments: &Arguments<'_>, answer: impl FnOnce(&[u8]) -> Value) -> Outcome {
    Ok(arguments.text(0).map_or(Value::Null, answer))
}

fn is_space(byte: u8) -> bool {
    // C's isspace, vertical tab included.
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sql::engine::tests::{answer, failure};

    /// Each SQL expression has this answer, as [`answer`] shows it.
    pub(crate) fn check(expectations: &[(&str, &str)]) {
        for (sql, wanted) in expectations {
            assert_eq!(answer(&format!("SELECT {sql}")), *wanted, "{sql}");
        }
    }

    /// Each SQL expression fails with this message.
    pub(crate) fn check_failures(expectations: &[(&str, &str)]) {
        for (sql, wanted) in expectations {
            let error = failure(&format!("SELECT {sql}"));
            assert_eq!((error.code, error.message.as_str()), (1, *wanted), "{sql}");
        }
    }

    #[test]
    fn the_lists_are_whole_and_helpful() {
        let mut names = Vec::new();
        for (family, functions) in FAMILIES {
            assert!(!functions.is_empty(), "{family}");
            for function in *functions {
                let name = function.name();
                assert!(function.help.starts_with(&format!("{name}(")), "{name}: {}", function.help);
                assert!(function.help.ends_with('.'), "{name}: {}", function.help);
                assert!(!function.arguments.is_empty(), "{name}");
                names.push(name);
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name stands twice");
    }

    #[test]
    fn sqlite_knows_them_all_with_their_arguments_and_nature() {
        for (_, functions) in FAMILIES {
            for function in *functions {
                let name = function.name();
                for count in function.arguments {
                    let sql = format!(
                        "SELECT group_concat(type || (flags & 2048), ' ') FROM pragma_function_list
                         WHERE name = '{name}' AND narg = {count} AND builtin = 0"
                    );
                    let wanted = match function.nature {
                        Nature::Pure => "s2048",
                        Nature::Volatile => "s0",
                        Nature::Aggregate => "w0",
                    };
                    let found = answer(&sql).replace("a0", "w0");
                    assert_eq!(found, wanted, "{name} of {count}");
                }
            }
        }
    }

    #[test]
    fn the_wrong_number_of_arguments_is_an_error() {
        for call in ["split('a', 'b')", "md5()", "pi(1)", "power(1)", "community_id_v1('a', 'b', 1, 2)", "sleep()"] {
            let name = call.split('(').next().unwrap();
            check_failures(&[(call, &format!("wrong number of arguments to function {name}()"))]);
        }
    }

    #[test]
    fn sqlites_mathematics_are_not_there() {
        for call in ["ln(1)", "log2(1)", "pow(1, 1)", "mod(1, 1)", "trunc(1)", "atan2(1, 1)", "ceiling(1)", "sinh(1)"] {
            let name = call.split('(').next().unwrap();
            check_failures(&[(call, &format!("no such function: {name}"))]);
        }
    }
}
