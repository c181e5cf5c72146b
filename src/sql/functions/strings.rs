//! `split`, `concat` and `concat_ws` (osquery: `osquery/sql/sqlite_string.cpp`, by its described rules). The last two
//! replace SQLite's own of the same names.

use super::{Function, Outcome, function, is_space};
use crate::sql::table::{TableError, Value};
use crate::sys::function::Arguments;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(
        c"split",
        &[3],
        "split(TEXT, CHARACTERS, I): piece I, from 0, of a text cut at each of these characters; no empty ones, trimmed.",
        |arguments, _| split(arguments),
    ),
    function(c"concat", &[-1], "concat(A, B, …): the arguments in a row; a NULL is left out.", |arguments, _| {
        Ok(if arguments.count() == 0 { Value::Null } else { joined(arguments, 0, b"") })
    }),
    function(
        c"concat_ws",
        &[-1],
        "concat_ws(SEPARATOR, A, B, …): the arguments in a row with the separator between them; a NULL is left out.",
        |arguments, _| match arguments.count() {
            0 => Err(TableError::new("Missing separator to concat_ws")),
            1 => Ok(Value::Null),
            _ => Ok(joined(arguments, 1, arguments.text(0).unwrap_or(b""))),
        },
    ),
];

pub(super) fn no_separator() -> TableError {
    TableError::new("Invalid input to split function")
}

fn split(arguments: &Arguments<'_>) -> Outcome {
    let (Some(text), Some(delimiters)) = (arguments.text(0), arguments.text(1)) else { return Ok(Value::Null) };
    if arguments.is_null(2) {
        return Ok(Value::Null);
    }
    if delimiters.is_empty() {
        return Err(no_separator());
    }
    let Ok(index) = usize::try_from(arguments.integer(2)) else { return Ok(Value::Null) };
    // Empty pieces go before the trimming: one of spaces stays, and is empty then.
    let mut pieces = text.split(|byte| delimiters.contains(byte)).filter(|piece| !piece.is_empty());
    Ok(pieces.nth(index).map_or(Value::Null, |piece| Value::text(trimmed(piece))))
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

/// osquery's separator follows each argument that is not the last one, so a NULL at the end leaves it standing.
fn joined(arguments: &Arguments<'_>, from: usize, separator: &[u8]) -> Value {
    let mut out = Vec::new();
    for index in from..arguments.count() {
        let Some(text) = arguments.text(index) else { continue };
        out.extend_from_slice(text);
        if index + 1 < arguments.count() {
            out.extend_from_slice(separator);
        }
    }
    Value::Text(out)
}

#[cfg(test)]
mod tests {
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn split_cuts_at_a_set_of_characters() {
        check(&[
            ("split('192.168.0.1', '.', 1)", "168"),
            ("split('192.168.0.1', '.0', 0)", "192"),
            ("split('a.b-c', '-.', 2)", "c"),
            ("split('a..b', '.', 1)", "b"),
            ("split('..a', '.', 0)", "a"),
            ("split(' a . b ', '.', 1)", "b"),
            ("split(char(9) || 'a' || char(11, 13, 10) || ',b', ',', 0)", "a"),
            ("split('a, ,b', ',', 1)", ""),
            ("split('a', ',', 0)", "a"),
            ("split('a', ',', 1)", "NULL"),
            ("split('a,b', ',', -1)", "NULL"),
            ("split('', ',', 0)", "NULL"),
            ("split('a,b', ',', '1')", "b"),
            ("split('a,b', ',', 'x')", "a"),
            ("split(1.5, '.', 1)", "5"),
            ("split(NULL, ',', 0)", "NULL"),
            ("split('a', NULL, 0)", "NULL"),
            ("split('a', '', NULL)", "NULL"),
            ("split(x'612cff', ',', 1) = CAST(x'ff' AS TEXT)", "1"),
        ]);
        check_failures(&[
            ("split('a', '', 0)", "Invalid input to split function"),
            ("split('', '', 0)", "Invalid input to split function"),
        ]);
    }

    #[test]
    fn concat_leaves_nulls_out() {
        check(&[
            ("concat()", "NULL"),
            ("concat(NULL)", ""),
            ("concat(NULL, NULL)", ""),
            ("concat('a', NULL, 'b')", "ab"),
            ("concat('a', 1, 1.5, x'62')", "a11.5b"),
            ("typeof(concat(1))", "text"),
            ("concat('')", ""),
        ]);
    }

    #[test]
    fn concat_ws_keeps_the_separator_before_a_null_at_the_end() {
        check(&[
            ("concat_ws(',')", "NULL"),
            ("concat_ws(NULL)", "NULL"),
            ("concat_ws(',', 'a')", "a"),
            ("concat_ws(',', 'a', 'b')", "a,b"),
            ("concat_ws(',', 'a', NULL, 'b')", "a,b"),
            ("concat_ws(',', NULL, 'b')", "b"),
            ("concat_ws(',', 'a', NULL)", "a,"),
            ("concat_ws(',', NULL, NULL)", ""),
            ("concat_ws('', 'a', 'b')", "ab"),
            ("concat_ws(NULL, 'a', 'b')", "ab"),
            ("concat_ws('--', 1, 2.0)", "1--2.0"),
        ]);
        check_failures(&[("concat_ws()", "Missing separator to concat_ws")]);
    }
}
