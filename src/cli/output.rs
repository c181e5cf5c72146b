//! Output modes, byte for byte as osquery's shell prints them (osquery: `osquery/devtools/printer.cpp`,
//! `osquery/devtools/shell.cpp`, by their described behaviour). Modes that can, print each row as it comes; `pretty` has
//! to see all rows for its widths.

use crate::sql::engine::Sink;
use crate::sql::json::push_string;
use rusqlite::types::ValueRef;
use std::io::{self, Write};

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Mode {
    Pretty,
    Json,
    JsonPretty,
    Csv,
    Line,
    List,
}

/// A mode and its settings.
#[derive(Clone, Debug)]
pub struct Style {
    /// Which.
    pub mode: Mode,
    /// Between values, for csv and list.
    pub separator: String,
    /// A header row, for csv and list.
    pub header: bool,
    /// What NULL looks like.
    pub null: String,
}

/// Prints results to `out`.
pub struct Printer<W: Write> {
    style: Style,
    out: W,
    names: Vec<String>,
    /// For JSON: the columns in the order of their names, of equal names the last.
    sorted: Vec<usize>,
    rows: Vec<Vec<Vec<u8>>>,
    held_bytes: usize,
    count: usize,
    json_open: bool,
    /// The first thing that went wrong with `out`.
    pub error: Option<io::Error>,
}

/// A value as text, as osquery shows it: doubles with 15 digits and always a point.
fn text(value: ValueRef<'_>, null: &str) -> Vec<u8> {
    match value {
        ValueRef::Null => null.as_bytes().to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => real(number).into_bytes(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            bytes.get(..memchr::memchr(0, bytes).unwrap_or(bytes.len())).unwrap_or(bytes).to_vec()
        }
    }
}

/// `%.15g`, with `.0` where there is no point.
fn real(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => digits.to_string(),
    };
    let mut shown = if (-5..15).contains(&exponent) {
        trim(&format!("{number:.*}", usize::try_from(14 - exponent).unwrap_or(0)))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", trim(mantissa), exponent.abs())
    };
    if !shown.contains('.') {
        shown.push_str(".0");
    }
    shown
}

/// Width in code points; bytes that are no UTF-8 count one each.
fn width(text: &[u8]) -> usize {
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

impl<W: Write> Printer<W> {
    /// A printer.
    pub fn new(style: Style, out: W) -> Self {
        Printer {
            style,
            out,
            names: Vec::new(),
            sorted: Vec::new(),
            rows: Vec::new(),
            held_bytes: 0,
            count: 0,
            json_open: false,
            error: None,
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none()
            && let Err(error) = self.out.write_all(bytes)
        {
            self.error = Some(error);
        }
    }

    /// Prints what was waiting for the last row; returns what went wrong with the output, if anything did.
    pub fn finish(mut self) -> Option<io::Error> {
        match self.style.mode {
            Mode::Pretty => self.pretty(),
            Mode::Json if self.count > 0 => self.write(b"\n]\n"),
            Mode::Json if self.json_open => self.write(b"[\n\n]\n"),
            Mode::JsonPretty if self.count > 0 => self.write(b"\n]\n"),
            Mode::JsonPretty if self.json_open => self.write(b"[]\n"),
            _ => {}
        }
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
        self.error
    }

    fn pretty(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.rows);
        let names: Vec<Vec<u8>> = self.names.iter().map(|name| name.clone().into_bytes()).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| width(name)).collect();
        for row in &rows {
            for (most, value) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(value));
            }
        }
        let mut rule: Vec<u8> = Vec::new();
        for width in &widths {
            rule.push(b'+');
            rule.resize(rule.len() + width + 2, b'-');
        }
        rule.extend_from_slice(b"+\n");
        let line = |row: &[Vec<u8>]| {
            let mut line = Vec::new();
            for (value, most) in row.iter().zip(&widths) {
                line.extend_from_slice(b"| ");
                line.extend_from_slice(value);
                line.resize(line.len() + most - width(value) + 1, b' ');
            }
            line.extend_from_slice(b"|\n");
            line
        };
        self.write(&rule);
        self.write(&line(&names));
        self.write(&rule);
        for row in &rows {
            self.write(&line(row));
        }
        self.write(&rule);
    }

    fn json(&mut self, row: &[Vec<u8>], indent: bool) {
        let mut line = Vec::new();
        line.extend_from_slice(if self.count == 1 { b"[\n" } else { b",\n" });
        line.extend_from_slice(if indent { b"  {\n" } else { b"  {" });
        for (index, &column) in self.sorted.iter().enumerate() {
            if index > 0 {
                line.extend_from_slice(if indent { b",\n" } else { b"," });
            }
            if indent {
                line.extend_from_slice(b"    ");
            }
            push_string(&mut line, self.names.get(column).map_or(b"", |name| name.as_bytes()));
            line.extend_from_slice(if indent { b": " } else { b":" });
            push_string(&mut line, row.get(column).map_or(b"", Vec::as_slice));
        }
        line.extend_from_slice(if indent { b"\n  }" } else { b"}" });
        self.write(&line);
    }

    fn line(&mut self, row: &[Vec<u8>]) {
        let widest = self.names.iter().map(|name| name.len()).max().unwrap_or(0).max(5);
        let mut text = if self.count > 1 { vec![b'\n'] } else { Vec::new() };
        for (name, value) in self.names.iter().zip(row) {
            text.extend_from_slice(format!("{name:>widest$} = ").as_bytes());
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        self.write(&text);
    }

    fn separated(&mut self, row: &[Vec<u8>], nulls: &[bool]) {
        let quoting = self.style.mode == Mode::Csv;
        let mut line = Vec::new();
        for (index, value) in row.iter().enumerate() {
            if index > 0 {
                line.extend_from_slice(self.style.separator.as_bytes());
            }
            let plain = nulls.get(index).copied().unwrap_or(false) || !self.needs_quotes(value);
            if !quoting || plain {
                line.extend_from_slice(value);
                continue;
            }
            line.push(b'"');
            for &byte in value {
                line.push(byte);
                if byte == b'"' {
                    line.push(b'"');
                }
            }
            line.push(b'"');
        }
        line.push(b'\n');
        self.write(&line);
    }

    fn needs_quotes(&self, value: &[u8]) -> bool {
        let special = |byte: &u8| *byte <= b' ' || matches!(byte, b'"' | b'\'') || *byte >= 0x7f;
        let separator = self.style.separator.as_bytes();
        let separated = !separator.is_empty() && memchr::memmem::find(value, separator).is_some();
        value.is_empty() || value.iter().any(special) || separated
    }
}

impl<W: Write> Sink for Printer<W> {
    fn columns(&mut self, names: &[&str]) {
        self.names = names.iter().map(|name| name.to_string()).collect();
        self.json_open = true;
        let mut sorted: Vec<usize> = (0..names.len()).collect();
        sorted.sort_by_key(|&index| names.get(index).copied());
        // Of equal names the last value stands, as in a map.
        sorted.reverse();
        sorted.dedup_by_key(|index| names.get(*index).copied());
        sorted.reverse();
        self.sorted = sorted;
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> bool {
        let row: Vec<Vec<u8>> = values.iter().map(|&value| text(value, &self.style.null)).collect();
        self.count += 1;
        match self.style.mode {
            Mode::Pretty => {
                self.held_bytes +=
                    size_of_val(&row) + row.iter().map(|value| value.capacity() + size_of_val(value)).sum::<usize>();
                self.rows.push(row);
                return true;
            }
            Mode::Json => self.json(&row, false),
            Mode::JsonPretty => self.json(&row, true),
            Mode::Line => self.line(&row),
            Mode::Csv | Mode::List => {
                if self.count == 1 && self.style.header {
                    let names: Vec<Vec<u8>> = self.names.iter().map(|name| name.clone().into_bytes()).collect();
                    self.separated(&names, &[]);
                }
                let nulls: Vec<bool> = values.iter().map(|value| *value == ValueRef::Null).collect();
                self.separated(&row, &nulls);
            }
        }
        self.error.is_none()
    }

    fn held_bytes(&self) -> usize {
        self.held_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(mode: Mode, names: &[&str], rows: &[&[ValueRef<'_>]]) -> String {
        let style = Style { mode, separator: "|".into(), header: true, null: String::new() };
        let mut out = Vec::new();
        let mut printer = Printer::new(style, &mut out);
        printer.columns(names);
        for row in rows {
            assert!(printer.row(row));
        }
        assert!(printer.finish().is_none());
        String::from_utf8_lossy(&out).into_owned()
    }

    const T: fn(&str) -> ValueRef<'_> = |text| ValueRef::Text(text.as_bytes());

    #[test]
    fn pretty() {
        let rows: &[&[ValueRef]] = &[&[T("init"), ValueRef::Integer(1)], &[T("é"), ValueRef::Null]];
        let wanted = "+------+-----+\n| name | pid |\n+------+-----+\n| init | 1   |\n| é    |     |\n+------+-----+\n";
        assert_eq!(printed(Mode::Pretty, &["name", "pid"], rows), wanted);
        assert_eq!(printed(Mode::Pretty, &["name"], &[]), "");
    }

    #[test]
    fn json_sorts_keys_and_has_strings_only() {
        let rows: &[&[ValueRef]] =
            &[&[T("x\"\n"), ValueRef::Integer(1)], &[ValueRef::Text(b"\xff"), ValueRef::Real(0.5)]];
        let wanted = "[\n  {\"a\":\"1\",\"b\":\"x\\\"\\n\"},\n  {\"a\":\"0.5\",\"b\":\"\u{fffd}\"}\n]\n";
        assert_eq!(printed(Mode::Json, &["b", "a"], rows), wanted);
        assert_eq!(printed(Mode::Json, &["b"], &[]), "[\n\n]\n");
        assert_eq!(printed(Mode::Json, &["a", "a"], &[&[T("1"), T("2")]]), "[\n  {\"a\":\"2\"}\n]\n");
        assert_eq!(printed(Mode::JsonPretty, &["a"], &[&[T("1")]]), "[\n  {\n    \"a\": \"1\"\n  }\n]\n");
        assert_eq!(printed(Mode::JsonPretty, &["a"], &[]), "[]\n");
    }

    #[test]
    fn csv_list_and_line() {
        let row: &[ValueRef] = &[T("a b"), T("say \"x\""), ValueRef::Null, T(""), T("p|q"), T("ok")];
        let names = ["a", "b", "c", "d", "e", "f"];
        assert_eq!(printed(Mode::Csv, &names, &[row]), "a|b|c|d|e|f\n\"a b\"|\"say \"\"x\"\"\"||\"\"|\"p|q\"|ok\n");
        assert_eq!(printed(Mode::List, &names, &[row]), "a|b|c|d|e|f\na b|say \"x\"|||p|q|ok\n");
        assert_eq!(printed(Mode::Csv, &names, &[]), "");
        let wanted = "    a = 1\nlonger = 2\n\n    a = 3\nlonger = 4\n".replace("    a", "     a");
        assert_eq!(printed(Mode::Line, &["a", "longer"], &[&[T("1"), T("2")], &[T("3"), T("4")]]), wanted);
        assert_eq!(printed(Mode::Line, &["a"], &[&[T("1")]]), "    a = 1\n");
    }

    #[test]
    fn doubles_have_fifteen_digits_and_a_point() {
        for (number, wanted) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333333333333"),
            (1e15, "1e+15.0"),
            (123456789012345.0, "123456789012345.0"),
            (1.5e-7, "1.5e-07"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(real(number), wanted);
        }
    }
}
