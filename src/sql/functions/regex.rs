//! `regex_match` and `regex_split` (osquery: `osquery/sql/sqlite_string.cpp`, C++ `std::regex` of bytes in ECMAScript's
//! syntax). The engine is regex-lite: time is linear in pattern times text, whatever the pattern; it has no lookahead
//! and no backreferences, which are "Invalid regex" here.
//!
//! Bound: patterns of 256 bytes; the last [`KEPT`] compiled ones are kept.

use super::strings::no_separator;
use super::{Function, Outcome, function};
use crate::sql::table::{Context, TableError, Value};
use crate::sys::function::Arguments;
use regex_lite::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(
        c"regex_match",
        &[3],
        "regex_match(TEXT, REGEX, N): what group N matches (0: the whole) where the regex first matches, or NULL.",
        matched,
    ),
    function(
        c"regex_split",
        &[3],
        "regex_split(TEXT, REGEX, I): piece I, from 0, of a text cut where the regex matches; empty pieces count.",
        split,
    ),
];

/// Longest pattern, bytes (osquery: `regex_max_size`).
const LONGEST: usize = 256;
/// Compiled patterns kept.
const KEPT: usize = 8;
/// Most memory of a compiled pattern: `(a{99}){99}` needs more.
const COMPILED_BYTES: usize = 1 << 20;

/// The last few compiled patterns, the newest first.
#[derive(Default)]
pub struct Patterns(RefCell<Vec<(Vec<u8>, Rc<Regex>)>>);

fn invalid() -> TableError {
    TableError::new("Invalid regex")
}

impl Patterns {
    fn compiled(&self, pattern: &[u8]) -> Result<Rc<Regex>, TableError> {
        let mut kept = self.0.borrow_mut();
        if let Some(place) = kept.iter().position(|(known, _)| known == pattern) {
            if let Some(part) = kept.get_mut(..=place) {
                part.rotate_right(1);
            }
        } else {
            let source = translated(&latin(pattern)).ok_or_else(invalid)?;
            let regex = RegexBuilder::new(&source).size_limit(COMPILED_BYTES).build().map_err(|_| invalid())?;
            kept.truncate(KEPT - 1);
            kept.insert(0, (pattern.to_vec(), Rc::new(regex)));
        }
        kept.first().map(|(_, regex)| regex.clone()).ok_or_else(invalid)
    }
}

/// Bytes as characters U+0000 to U+00FF, since `std::regex` sees bytes and file names need not be UTF-8.
fn latin(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// The way back from [`latin`].
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u32::from(character) as u8).collect()
}

/// ECMAScript's syntax in regex-lite's: `.` is no carriage return either, `[` means itself within a class, `[]` and
/// `[^]` are whole classes, and `(?` begins nothing but `(?:`. None: not valid.
fn translated(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let (word, becomes): (&str, &str) = if rest.starts_with('\\') {
            let word = rest.get(..1 + rest.chars().nth(1)?.len_utf8())?;
            (word, word)
        } else if in_class {
            match character {
                '[' if rest.starts_with("[:") => ("[:", "[:"),
                '[' => ("[", "\\["),
                ':' if rest.starts_with(":]") => (":]", ":]"),
                '&' => ("&", "\\&"),
                '~' => ("~", "\\~"),
                ']' => ("]", "]"),
                _ => (rest.get(..character.len_utf8())?, rest.get(..character.len_utf8())?),
            }
        } else {
            match character {
                '[' if rest.starts_with("[^]") => ("[^]", "[\\s\\S]"),
                '[' if rest.starts_with("[]") => ("[]", "[^\\s\\S]"),
                '[' if rest.starts_with("[^") => ("[^", "[^"),
                '.' => (".", "[^\\n\\r]"),
                '(' if rest.starts_with("(?") && !rest.starts_with("(?:") => return None,
                _ => (rest.get(..character.len_utf8())?, rest.get(..character.len_utf8())?),
            }
        };
        in_class = match becomes {
            "[" | "[^" => true,
            "]" => false,
            _ => in_class,
        };
        out.push_str(becomes);
        rest = rest.get(word.len()..)?;
    }
    Some(out)
}

fn matched(arguments: &Arguments<'_>, context: &Context) -> Outcome {
    let (Some(text), Some(pattern)) = (arguments.text(0), arguments.text(1)) else { return Ok(Value::Null) };
    if arguments.is_null(2) {
        return Ok(Value::Null);
    }
    if pattern.len() > LONGEST {
        return Err(TableError::new(format!("Invalid regex: too big, max size is {LONGEST} bytes")));
    }
    let regex = context.patterns.compiled(pattern)?;
    let Ok(index) = usize::try_from(arguments.integer(2)) else { return Ok(Value::Null) };
    let text = latin(text);
    Ok(match regex.captures(&text) {
        Some(groups) if index < groups.len() => {
            Value::Text(groups.get(index).map_or(Vec::new(), |group| bytes(group.as_str())))
        }
        _ => Value::Null,
    })
}

fn split(arguments: &Arguments<'_>, context: &Context) -> Outcome {
    let (Some(text), Some(pattern)) = (arguments.text(0), arguments.text(1)) else { return Ok(Value::Null) };
    if arguments.is_null(2) {
        return Ok(Value::Null);
    }
    if pattern.is_empty() {
        return Err(no_separator());
    }
    if pattern.len() > LONGEST {
        return Err(invalid());
    }
    let regex = context.patterns.compiled(pattern)?;
    let Ok(index) = usize::try_from(arguments.integer(2)) else { return Ok(Value::Null) };
    Ok(piece(&regex, &latin(text), index).map_or(Value::Null, |piece| Value::Text(bytes(piece))))
}

/// Piece `index` between the matches. As with C++'s token iterator nothing follows a match at the very end, and a text
/// without a match is one piece.
fn piece<'text>(regex: &Regex, text: &'text str, index: usize) -> Option<&'text str> {
    let (mut from, mut search, mut count) = (0, 0, 0);
    while let Some(found) = regex.find_at(text, search) {
        if count == index {
            return text.get(from..found.start());
        }
        count += 1;
        from = found.end();
        search = found.end();
        if found.start() == found.end() {
            // An empty match: go on behind the next character.
            let Some(next) = text.get(search..).and_then(|rest| rest.chars().next()) else { break };
            search += next.len_utf8();
        }
        if search > text.len() {
            break;
        }
    }
    let last = text.get(from..).filter(|last| !last.is_empty() || count == 0);
    if count == index { last } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn match_gives_groups_of_the_first_hit() {
        check(&[
            ("regex_match('hello world', 'l+', 0)", "ll"),
            ("regex_match('foo123bar', '([a-z]+)([0-9]+)', 2)", "123"),
            ("regex_match('foo123bar', '([a-z]+)([0-9]+)', 0)", "foo123"),
            ("regex_match('abc', 'B', 0)", "NULL"),
            ("regex_match('abc', 'b', 1)", "NULL"),
            ("regex_match('abc', 'b', -1)", "NULL"),
            ("regex_match('ac', 'a(b)?c', 1)", ""),
            ("regex_match('ac', 'a(b)?c', 2)", "NULL"),
            ("regex_match('0755', '[1357]', 0)", "7"),
            ("regex_match('fd00::1', '^f[cd][0-9a-f][0-9a-f]:[0-9a-f:]+', 0)", "fd00::1"),
            ("regex_match('', '', 0)", ""),
            ("regex_match('x', '', 0)", ""),
            ("regex_match('ab', 'a|ab', 0)", "a"),
            ("regex_match('aXbX', '^.*?X', 0)", "aX"),
            ("regex_match('a1', '\\d', 0)", "1"),
            ("regex_match(1234, '3.', 0)", "34"),
            ("regex_match(NULL, 'a', 0)", "NULL"),
            ("regex_match('a', NULL, 0)", "NULL"),
            ("regex_match('a', 'a', NULL)", "NULL"),
            ("regex_match('a', '(', NULL)", "NULL"),
        ]);
    }

    #[test]
    fn the_syntax_is_ecmascripts() {
        check(&[
            ("regex_match('a' || char(13, 10) || 'b', 'a.', 0)", "NULL"),
            ("regex_match('a[b', '[[]', 0)", "["),
            ("regex_match('a[b]', '[^[]+', 0)", "a"),
            ("regex_match('a-~&b', '[&&~~]+', 0)", "~&"),
            ("regex_match('a', '[]', 0)", "NULL"),
            ("regex_match(char(10), '[^]', 0) = char(10)", "1"),
            ("regex_match('ab1', '[[:digit:]]', 0)", "1"),
            ("regex_match('ab_1', '[[:alpha:]_]+', 0)", "ab_"),
            ("regex_match('a/b', '\\/', 0)", "/"),
            ("regex_match('a-b]', '[\\]\\-]+', 0)", "-"),
            ("regex_match('ab', '(?:a)(b)', 1)", "b"),
            ("regex_match('aab', 'a{2}', 0)", "aa"),
            ("regex_match('a b', '\\bb', 0)", "b"),
            ("regex_match('A', '\\x41|\\u0041', 0)", "A"),
        ]);
    }

    #[test]
    fn texts_are_bytes() {
        check(&[
            ("hex(regex_match('é', '.', 0))", "C3"),
            ("regex_match('aéb', 'a(.*)b', 1)", "é"),
            ("regex_match('aéb', 'é', 0)", "é"),
            ("hex(regex_match(x'61ff62', 'a(.)b', 1))", "FF"),
            ("hex(regex_split(x'61ff2c62', ',', 0))", "61FF"),
        ]);
    }

    #[test]
    fn bad_patterns_are_errors() {
        let long = "a".repeat(257);
        check_failures(&[
            ("regex_match('a', '(', 0)", "Invalid regex"),
            ("regex_match('a', '[a', 0)", "Invalid regex"),
            ("regex_match('a', '*', 0)", "Invalid regex"),
            ("regex_match('a', 'a\\', 0)", "Invalid regex"),
            ("regex_match('a', '(?i)A', 0)", "Invalid regex"),
            ("regex_match('a', '(?=a)', 0)", "Invalid regex"),
            ("regex_match('aa', '(a)\\1', 0)", "Invalid regex"),
            ("regex_match('a', '((a{99}){99}){99}', 0)", "Invalid regex"),
            ("regex_split('a', '(', 0)", "Invalid regex"),
            ("regex_split('a', '', 0)", "Invalid input to split function"),
            (&format!("regex_match('a', '{long}', 0)"), "Invalid regex: too big, max size is 256 bytes"),
            (&format!("regex_split('a', '{long}', 0)"), "Invalid regex"),
        ]);
        check(&[(&format!("regex_match('a', '{}', 0)", &long[1..]), "NULL")]);
    }

    #[test]
    fn split_keeps_empty_pieces_and_spaces() {
        check(&[
            ("regex_split('192.168.0.1', '\\.', 1)", "168"),
            ("regex_split('192.168.0.1', '\\.0', 0)", "192.168"),
            ("regex_split('a, b', ',', 1)", " b"),
            ("regex_split('a,,b', ',', 1)", ""),
            ("regex_split(',a', ',', 0)", ""),
            ("regex_split('a,', ',', 0)", "a"),
            ("regex_split('a,', ',', 1)", "NULL"),
            ("regex_split('a', ',', 0)", "a"),
            ("regex_split('', ',', 0)", ""),
            ("regex_split('a1b22c', '[0-9]+', 2)", "c"),
            ("regex_split('a1b22c', '[0-9]+', 3)", "NULL"),
            ("regex_split('a', ',', -1)", "NULL"),
            ("regex_split('abc', 'x*', 0)", ""),
            ("regex_split('abc', 'x*', 1)", "a"),
            ("regex_split('abc', 'x*', 3)", "c"),
            ("regex_split('abc', 'x*', 4)", "NULL"),
            ("regex_split('ab', '^', 1)", "ab"),
            ("regex_split(NULL, ',', 0)", "NULL"),
            ("regex_split('a', NULL, 0)", "NULL"),
            ("regex_split('a', ',', NULL)", "NULL"),
        ]);
    }

    #[test]
    fn the_last_patterns_are_kept_and_no_more() {
        let patterns = Patterns::default();
        let first = patterns.compiled(b"p0").unwrap();
        for i in 1..KEPT {
            patterns.compiled(format!("p{i}").as_bytes()).unwrap();
        }
        assert!(Rc::ptr_eq(&first, &patterns.compiled(b"p0").unwrap()), "kept, and the newest again");
        patterns.compiled(b"one more").unwrap();
        assert!(Rc::ptr_eq(&first, &patterns.compiled(b"p0").unwrap()));
        for i in 0..KEPT {
            patterns.compiled(format!("q{i}").as_bytes()).unwrap();
        }
        assert!(!Rc::ptr_eq(&first, &patterns.compiled(b"p0").unwrap()), "forgotten");
        assert!(patterns.0.borrow().len() <= KEPT);
    }
}
