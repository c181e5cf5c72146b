//! Dot-commands: which there are, how they are read, what they do. Names may be shortened, as in osquery's shell: the
//! first command of the list that fits in name and number of arguments is meant.

use super::session::Session;
use super::show;
use crate::cli::complain;
use crate::cli::output::Mode;
use crate::cli::schema;
use std::time::Duration;

/// What to do after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Go,
    /// Go on; it failed with this code.
    Failed(u8),
    /// End; with this code, if it says one.
    Exit(Option<u8>),
}

/// A command: its name, the shortest form of it, least and most arguments, what it does.
struct Command(&'static str, usize, usize, usize, fn(&mut Session, &[String]) -> Flow);

/// Arguments of one command at most; the rest is not read.
const MOST: usize = 49;
/// Longest .nullvalue and .separator, bytes.
const LONGEST: usize = 19;
/// Widest .width.
const WIDEST: i64 = 10_000;

const COMMANDS: [Command; 25] = [
    Command("all", 1, 1, 1, all),
    Command("socket", 1, 0, 0, no_sockets),
    Command("connect", 1, 1, 1, no_sockets),
    Command("disconnect", 1, 0, 0, no_sockets),
    Command("bail", 3, 1, 1, |session, arguments| switch(&mut session.bail, arguments)),
    Command("echo", 1, 1, 1, |session, arguments| switch(&mut session.echo, arguments)),
    Command("exit", 1, 0, MOST, |_, arguments| match arguments.first().map(|code| integer(code)) {
        None | Some(0) => Flow::Exit(None),
        // As exit(3): the low byte.
        Some(code) => Flow::Exit(Some((code & 0xff) as u8)),
    }),
    Command("features", 1, 0, 0, show::features),
    Command("headers", 1, 1, 1, |session, arguments| switch(&mut session.style.header, arguments)),
    Command("help", 1, 0, MOST, show::help),
    Command("mode", 1, 1, 1, mode),
    Command("nullvalue", 1, 1, 1, |session, arguments| text(&mut session.style.null, arguments)),
    Command("print", 3, 0, MOST, |session, arguments| session.say(&arguments.join(" "))),
    Command("quit", 1, 0, 0, |_, _| Flow::Exit(None)),
    Command("schema", 1, 0, 1, |session, arguments| {
        let lines: Vec<String> = named(session, arguments).iter().map(|table| schema::create(table) + ";").collect();
        session.say_lines(&lines)
    }),
    Command("separator", 1, 1, 1, |session, arguments| text(&mut session.style.separator, arguments)),
    Command("show", 1, 0, 0, show::show),
    Command("summary", 1, 0, 0, show::show),
    Command("tables", 2, 0, 1, tables),
    Command("list", 2, 0, 1, tables),
    Command("timeout", 5, 1, 1, timeout),
    Command("timer", 5, 1, 1, |session, arguments| switch(&mut session.timer, arguments)),
    Command("types", 2, 1, MOST, |session, arguments| session.types(&arguments.join(" "))),
    Command("version", 1, 0, MOST, |session, _| session.say(&show::version(session))),
    Command("width", 1, 1, MOST, width),
];

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.0)
}

/// Runs a line that begins with a dot.
pub fn run(session: &mut Session, line: &str) -> Flow {
    let words = words(line.get(1..).unwrap_or(""));
    let Some((name, arguments)) = words.split_first() else { return Flow::Go };
    let fits = |command: &&Command| {
        command.0.starts_with(name.as_str())
            && name.len() >= command.1
            && (command.2..=command.3).contains(&arguments.len())
    };
    match COMMANDS.iter().find(fits) {
        // SQL is no list of words: its quotes are its own.
        Some(Command("types", ..)) => session.types(line.split_once(char::is_whitespace).map_or("", |(_, sql)| sql)),
        Some(command) => (command.4)(session, arguments),
        None => {
            complain(&format!("Error: unknown command or invalid arguments:  \"{name}\". Enter \".help\" for help"));
            Flow::Failed(1)
        }
    }
}

/// Splits into words: quoted by `'` as they are, by `"` and unquoted with C's backslashes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    while words.len() <= MOST {
        rest = rest.trim_ascii_start();
        let Some(&quote) = rest.first() else { break };
        let (word, after) = if matches!(quote, b'\'' | b'"') {
            quoted(rest.get(1..).unwrap_or_default(), quote)
        } else {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            rest.split_at(end)
        };
        let word = if quote == b'\'' { word.to_vec() } else { unescaped(word) };
        words.push(String::from_utf8_lossy(&word).into_owned());
        rest = after;
    }
    words
}

/// What stands before the closing quote, and what after it.
fn quoted(text: &[u8], quote: u8) -> (&[u8], &[u8]) {
    let mut end = 0;
    while let Some(&byte) = text.get(end).filter(|byte| **byte != quote) {
        end += if byte == b'\\' && quote == b'"' && end + 1 < text.len() { 2 } else { 1 };
    }
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, b""));
    (word, rest.get(1..).unwrap_or_default())
}

fn unescaped(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut bytes = word.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) {
                        code = code * 8 + u32::from(digit - b'0');
                    }
                }
                out.push((code & 0xff) as u8);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// An integer as C's shell reads it: sign, decimal or 0x, a unit such as K, MiB; what is none counts as far as it goes.
fn integer(text: &str) -> i64 {
    const UNITS: [(&str, i64); 9] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("k", 1000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
    ];
    let digits = text.trim_start_matches(['-', '+']);
    let (digits, radix) = digits.strip_prefix("0x").map_or((digits, 10), |digits| (digits, 16));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, unit) = digits.split_at(end);
    let number = i64::from_str_radix(digits, radix).unwrap_or(0);
    let unit = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map_or(1, |(_, factor)| *factor);
    let number = number.saturating_mul(unit);
    if text.starts_with('-') { -number } else { number }
}

/// Whether a word means yes.
fn boolean(word: &str) -> Option<bool> {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(integer(word) != 0);
    }
    match word.to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "ok" | "enable" => Some(true),
        "n" | "no" | "f" | "false" | "off" | "disable" => Some(false),
        _ => None,
    }
}

fn switch(setting: &mut bool, arguments: &[String]) -> Flow {
    let word = arguments.first().map_or("", String::as_str);
    if boolean(word).is_none() {
        complain(&format!("ERROR: Not a boolean value: \"{word}\". Assuming \"no\"."));
    }
    *setting = boolean(word).unwrap_or(false);
    Flow::Go
}

fn text(setting: &mut String, arguments: &[String]) -> Flow {
    let text = arguments.first().map_or("", String::as_str);
    let fits = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=LONGEST.min(text.len())).rev().find(fits).unwrap_or(0);
    *setting = text.get(..end).unwrap_or("").to_string();
    Flow::Go
}

fn all(session: &mut Session, arguments: &[String]) -> Flow {
    let table = arguments.first().map_or("", String::as_str);
    match session.answer(&format!("SELECT * FROM {table}")) {
        Ok(()) => Flow::Go,
        Err(error) => {
            complain(&format!("Error querying table: {table}"));
            Flow::Failed(u8::try_from(error.code).unwrap_or(1))
        }
    }
}

fn no_sockets(_: &mut Session, _: &[String]) -> Flow {
    complain("Error: extension sockets are not supported");
    Flow::Failed(1)
}

fn mode(session: &mut Session, arguments: &[String]) -> Flow {
    let Some(mode) = arguments.first().and_then(|name| Mode::named(name)) else {
        let names: Vec<&str> = Mode::names().collect();
        complain(&format!("Error: mode should be one of: {}", names.join(" ")));
        return Flow::Failed(1);
    };
    session.style.mode = mode;
    if mode == Mode::Csv {
        session.style.separator = ",".to_string();
    }
    Flow::Go
}

/// The tables whose names begin with the argument, by name.
fn named(session: &Session, arguments: &[String]) -> Vec<&'static crate::sql::table::Table> {
    let prefix = arguments.first().map_or("", String::as_str);
    session.tables().into_iter().filter(|table| table.name.starts_with(prefix)).collect()
}

fn tables(session: &mut Session, arguments: &[String]) -> Flow {
    let lines: Vec<String> = named(session, arguments).iter().map(|table| format!("  => {}", table.name)).collect();
    session.say_lines(&lines)
}

fn timeout(session: &mut Session, arguments: &[String]) -> Flow {
    let ms = arguments.first().map_or(0, |ms| integer(ms)).clamp(0, i64::from(i32::MAX));
    match session.engine().busy_timeout(Duration::from_millis(ms.unsigned_abs())) {
        Ok(()) => Flow::Go,
        Err(_) => Flow::Failed(1),
    }
}

fn width(session: &mut Session, arguments: &[String]) -> Flow {
    for (index, width) in arguments.iter().enumerate() {
        let width = integer(width).clamp(-WIDEST, WIDEST);
        match session.style.widths.get_mut(index) {
            Some(old) => *old = width,
            None => session.style.widths.push(width),
        }
    }
    Flow::Go
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_in_c() {
        for (line, wanted) in [
            ("", &[][..]),
            ("print a  b", &["print", "a", "b"]),
            (" mode\tcsv ", &["mode", "csv"]),
            ("print 'a b' \"c\\\"d\"e", &["print", "a b", "c\"d", "e"]),
            ("print 'a\\n' \"a\\n\\101\\\\\" \\x\\t\\", &["print", "a\\n", "a\nA\\", "x\t"]),
            ("print \\303\\251 'open", &["print", "é", "open"]),
            ("print \"", &["print", ""]),
        ] {
            assert_eq!(words(line), wanted, "{line}");
        }
        assert_eq!(words(&"x ".repeat(99)).len(), MOST + 1);
    }

    #[test]
    fn integers_and_booleans() {
        for (text, wanted) in
            [("7", 7), ("-12", -12), ("0x1F", 31), ("2KiB", 2048), ("3k", 3000), ("1x", 1), ("x", 0), ("", 0)]
        {
            assert_eq!(integer(text), wanted, "{text}");
        }
        for (word, wanted) in [
            ("1", Some(true)),
            ("0", Some(false)),
            ("ON", Some(true)),
            ("disable", Some(false)),
            ("maybe", None),
            ("", None),
        ] {
            assert_eq!(boolean(word), wanted, "{word}");
        }
        let mut setting = String::new();
        text(&mut setting, &["é".repeat(12)]);
        assert_eq!(setting, "é".repeat(9), "cut between characters");
    }

    #[test]
    fn the_first_command_that_fits_is_meant() {
        let find = |name: &str, count: usize| {
            let fits = |c: &&Command| c.0.starts_with(name) && name.len() >= c.1 && (c.2..=c.3).contains(&count);
            COMMANDS.iter().find(fits).map(|command| command.0)
        };
        for (name, count, wanted) in [
            ("s", 0, Some("socket")),
            ("s", 1, Some("schema")),
            ("se", 1, Some("separator")),
            ("sh", 0, Some("show")),
            ("su", 0, Some("summary")),
            ("e", 1, Some("echo")),
            ("e", 0, Some("exit")),
            ("h", 1, Some("headers")),
            ("h", 0, Some("help")),
            ("t", 0, None),
            ("ta", 0, Some("tables")),
            ("l", 0, None),
            ("timeo", 1, Some("timeout")),
            ("time", 1, None),
            ("timer", 0, None),
            ("b", 1, None),
            ("bai", 1, Some("bail")),
            ("p", 1, None),
            ("header", 1, Some("headers")),
            ("all", 0, None),
            ("quit", 1, None),
        ] {
            assert_eq!(find(name, count), wanted, "{name}/{count}");
        }
    }
}
