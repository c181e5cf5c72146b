//! What the shell tells about itself: .help, .show, .features, .version, --help.

use super::dot::Flow;
use super::session::Session;
use crate::cli::complain;
use crate::config::flags::{self, Kind, Type};
use std::fmt::Write;

const HELP: &str = "\
This shell answers SQL about this machine and what ran on it. Statements end with a semicolon.

.all TABLE         All rows of a table
.bail ON|OFF       Stop at the first error of a script
.echo ON|OFF       Print commands and statements before they run
.exit [CODE]       Leave the shell
.features          Flags that turn things on and off, and their values
.headers ON|OFF    Header rows in the modes csv, list and column
.help              This text
.mode MODE         Print results as:
                     column       aligned, see .width
                     csv          values separated by commas
                     json         a line per row, every value a text
                     json_pretty  the same, a line per value
                     json_typed   numbers as numbers, NULL as null
                     line         a line per value
                     list         values separated by .separator
                     pretty       a table with rules (the default)
.nullvalue TEXT    What NULL is printed as
.print TEXT...     Print this
.quit              Leave the shell
.schema [PREFIX]   Tables as CREATE statements
.separator TEXT    What stands between values in the modes csv and list
.show              Settings and flags (also .summary)
.tables [PREFIX]   Names of tables (also .list)
.timeout MS        How long to wait for a locked database
.timer ON|OFF      Print how long each statement took
.types SQL;        Names and types of a statement's columns
.version           Versions
.width N...        Widths for mode column; negative: aligned to the right, 0: as needed

.connect, .disconnect and .socket are osquery's; extension sockets are not supported.
Ctrl-C ends a statement that runs, Ctrl-D leaves, Tab completes, Ctrl-R searches what was typed before.";

/// .help: to stderr, as osquery does.
pub fn help(_: &mut Session, _: &[String]) -> Flow {
    complain(HELP);
    Flow::Go
}

/// .version.
pub fn version(session: &Session) -> String {
    format!("{} {}\nusing SQLite {}", session.product, env!("CARGO_PKG_VERSION"), rusqlite::version())
}

/// .features: the switches whose names begin with disable_ and enable_.
pub fn features(session: &mut Session, _: &[String]) -> Flow {
    let switches = flags::all().filter(|flag| {
        flag.value == Type::Bool && (flag.name.starts_with("disable_") || flag.name.starts_with("enable_"))
    });
    let lines: Vec<String> = switches.map(|flag| format!("{}: {}", flag.name, session.flags.text(flag.name))).collect();
    session.say_lines(&lines)
}

/// A text as C writes it: in quotes, with backslashes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'"' => out.push_str("\\\""),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to memory cannot fail.
            _ => drop(write!(out, "\\{byte:03o}")),
        }
    }
    out.push('"');
    out
}

fn on_off(value: bool) -> String {
    if value { "on" } else { "off" }.to_string()
}

/// .show, .summary.
pub fn show(session: &mut Session, _: &[String]) -> Flow {
    let flags = &session.flags;
    let style = &session.style;
    let place = |plugin: &str, path: &str| format!("{plugin} ({path})");
    let widths: String =
        style.widths.iter().take_while(|width| **width != 0).map(|width| format!("{width} ")).collect();
    let output = flags.text("output");
    let general = [
        ("Flagfile", session.flag_file.clone()),
        ("Config", place(flags.text("config_plugin"), flags.text("config_path"))),
        ("Logger", place(flags.text("logger_plugin"), flags.text("logger_path"))),
        ("Distributed", flags.text("distributed_plugin").to_string()),
        ("Database", place("sqlite", flags.text("database_path"))),
        ("Extensions", String::new()),
        ("Socket", String::new()),
    ];
    let shell = [
        ("echo", on_off(session.echo)),
        ("headers", on_off(style.header)),
        ("mode", style.mode.name().to_string()),
        ("nullvalue", quoted(&style.null)),
        ("output", if matches!(output, "" | "-") { "stdout" } else { output }.to_string()),
        ("separator", quoted(&style.separator)),
        ("width", widths),
    ];
    let section = |rows: &[(&str, String)]| -> String {
        rows.iter().map(|(name, value)| format!("{name:>13}: {value}\n")).collect()
    };
    let changed: String = flags
        .all_given()
        .filter(|(name, value)| flags::find(name).is_some_and(|flag| flag.default != *value))
        .map(|(name, value)| format!("\n  {name}: {value}"))
        .collect();
    let text = format!(
        "{}\n\nGeneral settings:\n{}\nShell settings:\n{}\nNon-default flags/options:{changed}",
        version(session),
        section(&general),
        section(&shell)
    );
    session.say(&text)
}

/// The text of --help.
pub fn usage(program: &str) -> String {
    let mut text = format!(
        "Usage: {program} [FLAG]... [SQL | .COMMAND]\n\n\
         Without SQL: a shell if standard input is a terminal, otherwise the SQL that comes from there.\n\
         Flags are --name=value, --name value, --switch or --noswitch; --flagfile FILE reads a file of them,\n\
         --version tells the version. A flag of osquery that is not listed here is accepted and does nothing.\n"
    );
    for (kind, title) in [(Kind::Shell, "Shell"), (Kind::CommandLine, "Command line"), (Kind::Everywhere, "Agent")] {
        let _ = write!(text, "\n{title}:\n");
        for flag in flags::all().filter(|flag| flag.kind == kind) {
            let about = flag.about();
            if !about.is_empty() {
                let dashes = if flag.name.len() == 1 { "-" } else { "--" };
                let name = format!("{dashes}{}={}", flag.name, flag.default);
                let name = if flag.value == Type::Text && flag.default.is_empty() { name + "TEXT" } else { name };
                let _ = writeln!(text, "  {name}\n      {about}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_as_c_does() {
        assert_eq!(super::quoted("a\"\\\t\n\r\u{1}é~"), "\"a\\\"\\\\\\t\\n\\r\\001\\303\\251~\"");
    }
}
