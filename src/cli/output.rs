//! Output modes, byte for byte as osquery's shell prints them (osquery: `osquery/devtools/printer.cpp`,
//! `osquery/devtools/shell.cpp`, by their described behaviour). All modes but `pretty` print each row as it comes.

use super::pretty::{Pretty, spaces};
use super::value::{push, push_typed};
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
    JsonTyped,
    Csv,
    Line,
    List,
    Column,
}

/// Names of the modes; of a mode's names the first is shown.
const MODES: [(&str, Mode); 10] = [
    ("column", Mode::Column),
    ("columns", Mode::Column),
    ("csv", Mode::Csv),
    ("json", Mode::Json),
    ("json_pretty", Mode::JsonPretty),
    ("json_typed", Mode::JsonTyped),
    ("line", Mode::Line),
    ("lines", Mode::Line),
    ("list", Mode::List),
    ("pretty", Mode::Pretty),
];

impl Mode {
    /// A mode by its name.
    pub fn named(name: &str) -> Option<Mode> {
        MODES.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }

    /// The names of all modes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MODES.iter().filter(|(name, mode)| mode.name() == *name).map(|(name, _)| *name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        MODES.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// A mode and its settings.
#[derive(Clone, Debug)]
pub struct Style {
    /// Which.
    pub mode: Mode,
    /// Between values, for csv and list.
    pub separator: String,
    /// A header row, for csv, list and column.
    pub header: bool,
    /// What NULL looks like.
    pub null: String,
    /// Widths for column, in bytes; 0: what the first row needs; negative: aligned to the right.
    pub widths: Vec<i64>,
}

impl Default for Style {
    fn default() -> Self {
        Style { mode: Mode::Pretty, separator: "|".into(), header: true, null: String::new(), widths: Vec::new() }
    }
}

/// Prints the result of some statements to `out`.
pub struct Printer<'a> {
    style: &'a Style,
    out: &'a mut dyn Write,
    /// Statements are printed before they run.
    echo: bool,
    names: Vec<String>,
    /// For JSON: columns in the order in which they are printed, and their keys as JSON.
    keys: Vec<(usize, Vec<u8>)>,
    pretty: Pretty,
    /// Rows of this statement, and of all.
    rows: u64,
    total: u64,
    widths: Vec<i64>,
    line: Vec<u8>,
    /// The first thing that went wrong with `out`.
    pub error: Option<io::Error>,
}

impl<'a> Printer<'a> {
    /// A printer.
    pub fn new(style: &'a Style, out: &'a mut dyn Write) -> Self {
        Printer {
            style,
            out,
            echo: false,
            names: Vec::new(),
            keys: Vec::new(),
            pretty: Pretty::default(),
            rows: 0,
            total: 0,
            widths: Vec::new(),
            line: Vec::new(),
            error: None,
        }
    }

    /// Prints each statement's text before it runs.
    pub fn echo(&mut self, echo: bool) {
        self.echo = echo;
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
        self.error.is_none()
    }

    /// Prints what was waiting for the last row; returns what went wrong with the output, if anything did.
    pub fn finish(mut self) -> Option<io::Error> {
        match self.style.mode {
            Mode::Pretty => {
                let pretty = std::mem::take(&mut self.pretty);
                let null = &self.style.null;
                pretty.print(null, &mut |bytes| self.write(bytes));
            }
            Mode::Csv | Mode::Line | Mode::List | Mode::Column => {}
            mode => {
                let empty: &[u8] = if mode == Mode::JsonPretty { b"[]\n" } else { b"[\n\n]\n" };
                self.write(if self.total > 0 { b"\n]\n" } else { empty });
            }
        }
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
        self.error
    }

    fn json(&mut self, values: &[ValueRef<'_>]) {
        let indent = self.style.mode == Mode::JsonPretty;
        let (open, comma, colon, close): (&[u8], &[u8], &[u8], &[u8]) =
            if indent { (b"  {\n    ", b",\n    ", b": ", b"\n  }") } else { (b"  {", b",", b":", b"}") };
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(if self.total == 1 { b"[\n" } else { b",\n" });
        let mut text = Vec::new();
        for (index, (column, key)) in self.keys.iter().enumerate() {
            line.extend_from_slice(if index == 0 { open } else { comma });
            line.extend_from_slice(key);
            line.extend_from_slice(colon);
            let value = values.get(*column).copied().unwrap_or(ValueRef::Null);
            if self.style.mode == Mode::JsonTyped {
                push_typed(&mut line, value);
            } else {
                text.clear();
                push(&mut text, value, &self.style.null);
                push_string(&mut line, &text);
            }
        }
        line.extend_from_slice(close);
        self.line = line;
    }

    fn lines(&mut self, values: &[ValueRef<'_>]) {
        let widest = self.names.iter().map(|name| name.len()).max().unwrap_or(0).max(5);
        if self.rows > 1 {
            self.line.push(b'\n');
        }
        for (name, value) in self.names.iter().zip(values) {
            spaces(&mut self.line, widest - name.len());
            self.line.extend_from_slice(name.as_bytes());
            self.line.extend_from_slice(b" = ");
            push(&mut self.line, *value, &self.style.null);
            self.line.push(b'\n');
        }
    }

    fn separated(&mut self, values: &[ValueRef<'_>]) {
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.line.extend_from_slice(self.style.separator.as_bytes());
            }
            let start = self.line.len();
            push(&mut self.line, *value, &self.style.null);
            if self.style.mode == Mode::Csv && *value != ValueRef::Null {
                self.quote(start);
            }
        }
        self.line.push(b'\n');
    }

    /// Quotes what stands in `line` from `start` on, if it has to be.
    fn quote(&mut self, start: usize) {
        let value = self.line.get(start..).unwrap_or_default();
        let special = |byte: &u8| *byte <= b' ' || matches!(byte, b'"' | b'\'') || *byte >= 0x7f;
        let separator = self.style.separator.as_bytes();
        let separated = !separator.is_empty() && value.windows(separator.len()).any(|part| part == separator);
        if !(value.is_empty() || value.iter().any(special) || separated) {
            return;
        }
        let value = self.line.split_off(start);
        self.line.push(b'"');
        for byte in value {
            self.line.push(byte);
            if byte == b'"' {
                self.line.push(b'"');
            }
        }
        self.line.push(b'"');
    }

    /// A row in columns, before the first of a statement its header. Widths are bytes, as C's `%-*.*s` counts.
    fn columned(&mut self, values: &[ValueRef<'_>]) {
        let texts: Vec<Vec<u8>> = values
            .iter()
            .map(|value| {
                let mut text = Vec::new();
                push(&mut text, *value, &self.style.null);
                text
            })
            .collect();
        if self.rows == 1 {
            let wanted = self.style.widths.iter().copied().chain(std::iter::repeat(0));
            let needed = self.names.iter().zip(&texts).map(|(name, text)| name.len().max(text.len()).max(10) as i64);
            self.widths =
                wanted.zip(needed).map(|(wanted, needed)| if wanted == 0 { needed } else { wanted }).collect();
            if self.style.header {
                for (index, name) in self.names.iter().enumerate() {
                    field(&mut self.line, name.as_bytes(), &self.widths, index);
                }
                let widths: Vec<i64> = self.widths.iter().map(|width| width.abs()).collect();
                for index in 0..widths.len() {
                    field(&mut self.line, &[b'-'; MOST_DASHES], &widths, index);
                }
            }
        }
        for (index, text) in texts.iter().enumerate() {
            field(&mut self.line, text, &self.widths, index);
        }
    }
}

/// Dashes under the header of a wide column: no more, as osquery has it.
const MOST_DASHES: usize = 93;

/// One field of mode column: cut or padded to its width, and what stands after it.
fn field(line: &mut Vec<u8>, text: &[u8], widths: &[i64], index: usize) {
    let width = widths.get(index).copied().unwrap_or(10);
    let bytes = usize::try_from(width.unsigned_abs()).unwrap_or(0);
    let text = text.get(..bytes).unwrap_or(text);
    let padding = bytes - text.len();
    if width < 0 {
        spaces(line, padding);
        line.extend_from_slice(text);
    } else {
        line.extend_from_slice(text);
        spaces(line, padding);
    }
    line.extend_from_slice(if index + 1 == widths.len() { b"\n" } else { b"  " });
}

/// The columns JSON prints, in its order; of equal names the last one, as in a map.
fn keys(names: &[&str], sorted: bool) -> Vec<(usize, Vec<u8>)> {
    let mut columns: Vec<(usize, &str)> = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names.iter().skip(index + 1).any(|later| later == name) {
            continue;
        }
        let place = if sorted { columns.partition_point(|(_, other)| other < name) } else { columns.len() };
        columns.insert(place, (index, name));
    }
    let json = |name: &str| {
        let mut key = Vec::new();
        push_string(&mut key, name.as_bytes());
        key
    };
    columns.into_iter().map(|(index, name)| (index, json(name))).collect()
}

impl Sink for Printer<'_> {
    fn wants_sql(&self) -> bool {
        self.echo
    }

    fn sql(&mut self, text: &str) {
        self.write(text.as_bytes());
        self.write(b"\n");
    }

    fn columns(&mut self, names: &[&str]) {
        self.rows = 0;
        match self.style.mode {
            Mode::Pretty => self.pretty.columns(names),
            Mode::Json | Mode::JsonPretty => self.keys = keys(names, true),
            Mode::JsonTyped => self.keys = keys(names, false),
            _ => self.names = names.iter().map(|name| name.to_string()).collect(),
        }
    }

    fn row(&mut self, values: &[ValueRef<'_>]) -> bool {
        self.rows += 1;
        self.total += 1;
        self.line.clear();
        match self.style.mode {
            Mode::Pretty => {
                let null = &self.style.null;
                self.pretty.row(&mut |out, column| push(out, *values.get(column).unwrap_or(&ValueRef::Null), null));
                return true;
            }
            Mode::Json | Mode::JsonPretty | Mode::JsonTyped => self.json(values),
            Mode::Line => self.lines(values),
            Mode::Column => self.columned(values),
            Mode::Csv | Mode::List => {
                if self.rows == 1 && self.style.header {
                    let names = std::mem::take(&mut self.names);
                    let header: Vec<_> = names.iter().map(|name| ValueRef::Text(name.as_bytes())).collect();
                    self.separated(&header);
                }
                self.separated(values);
            }
        }
        let line = std::mem::take(&mut self.line);
        self.write(&line);
        self.line = line;
        self.error.is_none()
    }

    fn held_bytes(&self) -> usize {
        self.pretty.held_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Values<'v> = &'v [ValueRef<'v>];

    const T: fn(&str) -> ValueRef<'_> = |text| ValueRef::Text(text.as_bytes());
    const N: ValueRef<'_> = ValueRef::Null;

    fn printed_as(style: &Style, statements: &[(&[&str], &[Values<'_>])]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut printer = Printer::new(style, &mut out);
        for (names, rows) in statements {
            printer.columns(names);
            for row in *rows {
                assert!(printer.row(row));
            }
        }
        assert!(printer.finish().is_none());
        out
    }

    fn printed(mode: Mode, names: &[&str], rows: &[Values<'_>]) -> String {
        let style = Style { mode, ..Style::default() };
        String::from_utf8(printed_as(&style, &[(names, rows)])).unwrap()
    }

    #[test]
    fn modes_have_names() {
        for (name, mode) in MODES {
            assert_eq!(Mode::named(name), Some(mode));
            assert_eq!(Mode::named(mode.name()), Some(mode));
        }
        assert_eq!(Mode::named("col"), None);
    }

    #[test]
    fn no_rows() {
        for (mode, wanted) in [
            (Mode::Pretty, ""),
            (Mode::Json, "[\n\n]\n"),
            (Mode::JsonTyped, "[\n\n]\n"),
            (Mode::JsonPretty, "[]\n"),
            (Mode::Csv, ""),
            (Mode::Line, ""),
            (Mode::List, ""),
            (Mode::Column, ""),
        ] {
            assert_eq!(printed(mode, &["a", "b"], &[]), wanted, "{mode:?}");
            let style = Style { mode, ..Style::default() };
            assert_eq!(printed_as(&style, &[]), wanted.as_bytes(), "{mode:?} without a statement that has columns");
        }
    }

    #[test]
    fn pretty() {
        let rows: &[Values] = &[&[T("init"), ValueRef::Integer(1)], &[T("é日"), N]];
        let wanted =
            "+------+-----+\n| name | pid |\n+------+-----+\n| init | 1   |\n| é日   |     |\n+------+-----+\n";
        assert_eq!(printed(Mode::Pretty, &["name", "pid"], rows), wanted);
        // Nothing is escaped, and of equal names the last value is shown in both places.
        let wanted =
            "+-----+-----+---+\n| a   | a   | b |\n+-----+-----+---+\n| x\ny | x\ny | 2 |\n+-----+-----+---+\n";
        assert_eq!(printed(Mode::Pretty, &["a", "a", "b"], &[&[T("longer"), T("x\ny"), T("2")]]), wanted);
        let style = Style { null: "-".into(), ..Style::default() };
        let got = printed_as(&style, &[(&["name"], &[&[ValueRef::Text(b"\xff\xfe")], &[N]])]);
        assert_eq!(got, b"+------+\n| name |\n+------+\n| \xff\xfe   |\n| -    |\n+------+\n");
    }

    #[test]
    fn pretty_shows_later_statements_by_the_names_of_the_first() {
        let style = Style { null: "n".into(), ..Style::default() };
        let none: &[Values] = &[];
        let statements: &[(&[&str], &[Values])] =
            &[(&["x"], none), (&["a", "b"], &[&[T("1"), T("22")]]), (&["b", "c"], &[&[T("333"), T("4")]])];
        let wanted = "+---+-----+\n| a | b   |\n+---+-----+\n| 1 | 22  |\n| n | 333 |\n+---+-----+\n";
        assert_eq!(String::from_utf8(printed_as(&style, statements)).unwrap(), wanted);
    }

    #[test]
    fn json_sorts_keys_and_has_strings_only() {
        let rows: &[Values] =
            &[&[T("x\"\n"), ValueRef::Integer(1)], &[ValueRef::Text(b"\xffz"), ValueRef::Real(0.5)], &[N, N]];
        let wanted = "[\n  {\"a\":\"1\",\"b\":\"x\\\"\\n\"},\n  {\"a\":\"0.5\",\"b\":\"\u{fffd}z\"},\n  {\"a\":\"\",\"b\":\"\"}\n]\n";
        assert_eq!(printed(Mode::Json, &["b", "a"], rows), wanted);
        assert_eq!(
            printed(Mode::Json, &["a", "B", "a"], &[&[T("1"), N, T("2")]]),
            "[\n  {\"B\":\"\",\"a\":\"2\"}\n]\n"
        );
        let wanted =
            "[\n  {\n    \"a\": \"2\",\n    \"b\": \"1\"\n  },\n  {\n    \"a\": \"\",\n    \"b\": \"é\"\n  }\n]\n";
        assert_eq!(printed(Mode::JsonPretty, &["b", "a"], &[&[T("1"), T("2")], &[T("é"), N]]), wanted);
        let two: &[(&[&str], &[Values])] = &[(&["a"], &[&[T("1")]]), (&["b"], &[&[T("2")]])];
        let style = Style { mode: Mode::Json, ..Style::default() };
        assert_eq!(printed_as(&style, two), b"[\n  {\"a\":\"1\"},\n  {\"b\":\"2\"}\n]\n");
    }

    #[test]
    fn json_typed_keeps_types_and_order() {
        let row: Values = &[T("1"), ValueRef::Integer(1), ValueRef::Real(1.0), N, T("last")];
        let wanted = "[\n  {\"b\":\"1\",\"a\":1,\"c\":null,\"d\":\"last\"}\n]\n";
        assert_eq!(printed(Mode::JsonTyped, &["b", "a", "d", "c", "d"], &[row]), wanted);
        assert_eq!(printed(Mode::JsonTyped, &["r"], &[&[ValueRef::Real(0.25)]]), "[\n  {\"r\":0.25}\n]\n");
    }

    #[test]
    fn csv_and_list() {
        let row: Values =
            &[T("a b"), T("say \"x\""), N, T(""), T("p|q"), T("ok"), T("it's"), T("é"), T("1\n2"), T("a,b")];
        let names = ["a", "b", "c", "d", "e", "f", "g h", "i", "j", "k"];
        let wanted =
            "a|b|c|d|e|f|\"g h\"|i|j|k\n\"a b\"|\"say \"\"x\"\"\"||\"\"|\"p|q\"|ok|\"it's\"|\"é\"|\"1\n2\"|a,b\n";
        assert_eq!(printed(Mode::Csv, &names, &[row]), wanted);
        let wanted = "a|b|c|d|e|f|g h|i|j|k\na b|say \"x\"|||p|q|ok|it's|é|1\n2|a,b\n";
        assert_eq!(printed(Mode::List, &names, &[row]), wanted);
        let style =
            Style { mode: Mode::Csv, separator: ", ".into(), header: false, null: "N U".into(), ..Style::default() };
        let got = printed_as(&style, &[(&["a", "b"], &[&[T("1,2"), N], &[ValueRef::Text(b"\xff"), T("1")]])]);
        assert_eq!(got, b"1,2, N U\n\"\xff\", 1\n");
        let style = Style { mode: Mode::List, separator: String::new(), ..Style::default() };
        let got = printed_as(&style, &[(&["a", "a"], &[&[T("1"), T("2")]]), (&["c"], &[&[T("3")], &[T("4")]])]);
        assert_eq!(got, b"aa\n12\nc\n3\n4\n", "each statement has its header");
    }

    #[test]
    fn line() {
        let rows: &[Values] = &[&[T("1"), N], &[T("3\n4"), T("")]];
        let wanted = "     a = 1\nlonger = \n\n     a = 3\n4\nlonger = \n";
        assert_eq!(printed(Mode::Line, &["a", "longer"], rows), wanted);
        assert_eq!(printed(Mode::Line, &["a", "a"], &[&[T("1"), T("2")]]), "    a = 1\n    a = 2\n");
        // Bytes count, as they do for C.
        assert_eq!(printed(Mode::Line, &["é", "longer"], &[&[T("1"), T("2")]]), "    é = 1\nlonger = 2\n");
    }

    #[test]
    fn column() {
        let rows: &[Values] = &[&[T("x"), T("eleven chars"), N], &[T("longer than ten"), T("y"), T("é")]];
        let wanted = "a           b             c         \n----------  ------------  ----------\n\
                      x           eleven chars            \nlonger tha  y             é        \n";
        assert_eq!(printed(Mode::Column, &["a", "b", "c"], rows), wanted);
        let style = Style { mode: Mode::Column, widths: vec![3, -5, 0], null: "?".into(), ..Style::default() };
        let got = printed_as(&style, &[(&["alpha", "b", "c"], &[&[T("12345"), T("678"), N]])]);
        let wanted = "alp      b  c         \n---  -----  ----------\n123    678  ?         \n";
        assert_eq!(String::from_utf8(got).unwrap(), wanted);
        let style = Style { mode: Mode::Column, widths: vec![95], header: false, ..Style::default() };
        let got = printed_as(&style, &[(&["a"], &[&[ValueRef::Text(b"\xff\n")]])]);
        assert_eq!(got, [&b"\xff\n"[..], &[b' '; 93], b"\n"].concat());
        let style = Style { header: true, ..style };
        let got = String::from_utf8(printed_as(&style, &[(&["a"], &[&[T("1")]])])).unwrap();
        assert_eq!(got.lines().nth(1), Some(format!("{}  ", "-".repeat(93)).as_str()));
    }
}
