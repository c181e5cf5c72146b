//! Values as text, as osquery's shell shows them: SQLite's own text of a value (`sqlite3_column_text`), up to the first
//! NUL byte.

use crate::sql::json::push_string;
use rusqlite::types::ValueRef;
use std::io::Write;

/// Appends a value's text.
pub fn push(out: &mut Vec<u8>, value: ValueRef<'_>, null: &str) {
    match value {
        ValueRef::Null => out.extend_from_slice(null.as_bytes()),
        // Writing to memory cannot fail.
        ValueRef::Integer(number) => drop(write!(out, "{number}")),
        ValueRef::Real(number) => out.extend_from_slice(real(number).as_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            out.extend_from_slice(bytes.get(..memchr::memchr(0, bytes).unwrap_or(bytes.len())).unwrap_or(bytes));
        }
    }
}

/// Appends a value as JSON with its own type: numbers as numbers, NULL as null. JSON has no infinity: null as well.
pub fn push_typed(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Real(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        ValueRef::Integer(_) | ValueRef::Real(_) => push(out, value, ""),
        ValueRef::Text(_) | ValueRef::Blob(_) => {
            let mut text = Vec::new();
            push(&mut text, value, "");
            push_string(out, &text);
        }
    }
}

/// A double as SQLite writes it, `%!.15g`: 15 significant digits, always a point.
fn real(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Inf" } else { "-Inf" }.to_string();
    }
    if number == 0.0 {
        // Minus zero too.
        return "0.0".to_string();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |digits: &str| {
        let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
        let point = if digits.contains('.') { "" } else { ".0" };
        format!("{digits}{point}")
    };
    if (-4..15).contains(&exponent) {
        trimmed(&format!("{number:.*}", usize::try_from(14 - exponent).unwrap_or(0)))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_as_sqlite_writes_them() {
        let sqlite = rusqlite::Connection::open_in_memory().unwrap();
        let mut statement = sqlite.prepare("SELECT CAST(?1 AS TEXT)").unwrap();
        let numbers = [
            0.0,
            -0.0,
            1.0,
            -2.5,
            0.1,
            0.1 + 0.2,
            1.0 / 3.0,
            1e15,
            1e14,
            123_456_789_012_345.0,
            999_999_999_999_999.9,
            0.0001,
            0.000_099_999_999_999_999_9,
            1.5e-5,
            1.5e-7,
            1e100,
            -1e-300,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let mut text = |number: f64| -> String { statement.query_row([number], |row| row.get(0)).unwrap() };
        for number in numbers {
            assert_eq!(real(number), text(number), "{number:e}");
        }
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..2000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            for number in [random as i64 as f64 / 1e6, f64::from_bits(random & !(1 << 62))] {
                // SQLite rounds a decimal that is rounded already: the fifteenth digit may differ by one.
                let (ours, wanted) = (real(number), text(number));
                let apart = (ours.parse::<f64>().unwrap() - wanted.parse::<f64>().unwrap()).abs();
                assert!(ours == wanted || apart <= number.abs() * 1e-14, "{number:e}: {ours}, {wanted}");
            }
        }
    }

    #[test]
    fn text_ends_at_nul_and_types_stay_in_json() {
        let mut out = Vec::new();
        push(&mut out, ValueRef::Blob(b"ab\0c"), "");
        push(&mut out, ValueRef::Null, "-");
        assert_eq!(out, b"ab-");
        out.clear();
        for value in [
            ValueRef::Null,
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(1e15),
            ValueRef::Real(f64::INFINITY),
            ValueRef::Text(b"1\"\xff"),
        ] {
            push_typed(&mut out, value);
            out.push(b' ');
        }
        assert_eq!(String::from_utf8(out).unwrap(), "null -9223372036854775808 1.0e+15 null \"1\\\"\u{fffd}\" ");
    }
}
