//! `stemma shell`, and the same binary called `osqueryi`: osquery's shell, its flags and commands.
//!
//! From the outside in: this file decides where the SQL comes from; [`script`] makes statements of lines, [`dot`] runs
//! commands, [`show`] is what the shell says about itself, [`session`] answers, [`out`] is where the answer goes.
//! [`interactive`] is for people: [`keys`], [`line`], [`history`], [`complete`] and [`edit`] around them.

pub mod complete;
pub mod dot;
pub mod edit;
pub mod history;
pub mod interactive;
pub mod keys;
pub mod line;
pub mod out;
pub mod script;
pub mod session;
pub mod show;

use super::{complain, tell};
use crate::config::gflags::{self, Parsed};
use crate::config::packs;
use crate::log;
use crate::sql::engine::Sink;
use rusqlite::types::ValueRef;
use session::Session;
use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

/// Reads the command line; the exit code if there is nothing more to do.
///
/// # Errors
/// The exit code.
pub fn flags(program: &str, arguments: &[String]) -> Result<Parsed, u8> {
    let given = |words: &[&str]| arguments.iter().any(|word| words.contains(&word.as_str()));
    if given(&["--help", "-help", "--h", "-h"]) {
        return Err(tell(&show::usage(program)));
    }
    if given(&["--version", "-version"]) {
        return Err(tell(&format!("{program} version {}\n", env!("CARGO_PKG_VERSION"))));
    }
    let parsed = gflags::parse(arguments, gflags::DEFAULT_FILE).map_err(|errors| {
        errors.iter().for_each(|error| complain(&format!("ERROR: {error}")));
        1
    })?;
    parsed.warnings.iter().for_each(|warning| log::warning(warning));
    let config = Path::new(parsed.flags.text("config_path"));
    if parsed.flags.is_on("config_check") {
        return Err(packs::check(config).map_or_else(
            |fault| {
                complain(&format!("Error reading config: {fault}"));
                1
            },
            |()| 0,
        ));
    }
    if parsed.flags.is_on("config_dump") {
        let sources = packs::sources(config);
        let sources: Vec<String> =
            sources.iter().map(|(path, text)| format!("{{\"{}\": {text}}}\n", path.display())).collect();
        return Err(tell(&sources.concat()));
    }
    Ok(parsed)
}

/// Runs the shell; `product` is osquery or stemma. Returns the exit code.
pub fn run(parsed: Parsed, product: &'static str) -> u8 {
    for unsupported in ["connect", "extension"] {
        if parsed.flags.given(unsupported).is_some() {
            complain(&format!("Error: --{unsupported}: extension sockets are not supported"));
            return 1;
        }
    }
    let first = parsed.rest.first().cloned();
    let mut session = match Session::open(parsed, product) {
        Ok(session) => session,
        Err(sentence) => {
            complain(&format!("Error: {sentence}"));
            return 1;
        }
    };
    let code = if session.flags.given("profile").is_some_and(|count| count != "0") {
        profile(&mut session, first)
    } else {
        serve(&mut session, first)
    };
    match session.broken.take() {
        Some(error) => super::written(Some(error)),
        None => code,
    }
}

/// osquery's precedence: `-L` or `-A`, `--pack`, `--query`, `--query_file`, the first word, standard input.
fn serve(session: &mut Session, first: Option<String>) -> u8 {
    let text = |name: &str| session.flags.text(name).to_string();
    let (table, pack, sql, file) = (text("A"), text("pack"), text("query"), text("query_file"));
    if session.flags.is_on("L") {
        command(session, ".tables")
    } else if !table.is_empty() {
        command(session, &format!(".all {table}"))
    } else if !pack.is_empty() {
        run_pack(session, &pack)
    } else if !sql.is_empty() {
        session.query(&sql)
    } else if !file.is_empty() {
        match fs::read(&file) {
            Ok(sql) => session.query(&String::from_utf8_lossy(&sql)),
            Err(error) => {
                complain(&format!("Error: cannot read {file}: {error}"));
                1
            }
        }
    } else if let Some(first) = first {
        if first.starts_with('.') { command(session, &first) } else { session.query(&first) }
    } else if io::stdin().is_terminal() {
        interactive::run(session)
    } else {
        script::run(session, &mut script::from_stdin())
    }
}

fn command(session: &mut Session, line: &str) -> u8 {
    match dot::run(session, line) {
        dot::Flow::Go | dot::Flow::Exit(None) => 0,
        dot::Flow::Failed(code) | dot::Flow::Exit(Some(code)) => code,
    }
}

/// All queries of a pack, by name, until one fails.
fn run_pack(session: &mut Session, pack: &str) -> u8 {
    let path = session.flags.text("config_path").to_string();
    let queries = match packs::queries(Path::new(&path), pack) {
        Ok(queries) => queries,
        Err(sentence) => {
            complain(&format!("Error: {sentence}"));
            return 1;
        }
    };
    for query in queries {
        let code = session.query(&query.sql);
        if code != 0 {
            complain(&format!("Could not execute query {}: {}", query.name, query.sql));
            return code;
        }
    }
    0
}

/// Takes rows and does nothing with them.
struct Nowhere;

impl Sink for Nowhere {
    fn columns(&mut self, _: &[&str]) {}
    fn row(&mut self, _: &[ValueRef<'_>]) -> bool {
        true
    }
}

/// `--profile N`: one query, from standard input's first line or the first word, N times, and nothing printed.
fn profile(session: &mut Session, first: Option<String>) -> u8 {
    let sql = if io::stdin().is_terminal() {
        let Some(first) = first else {
            complain("No query provided via stdin or args to profile...");
            return 2;
        };
        first
    } else {
        let mut line = String::new();
        // What cannot be read is an empty query.
        let _ = io::stdin().lock().read_line(&mut line);
        if line.trim().is_empty() { first.unwrap_or_default() } else { line }
    };
    std::thread::sleep(std::time::Duration::from_secs(session.flags.number("profile_delay")));
    for _ in 0..session.flags.number("profile") {
        if let Err(error) = session.engine().run(&sql, &mut Nowhere) {
            complain(&format!("Query failed ({}): {}", error.code, error.message));
            return u8::try_from(error.code).unwrap_or(1);
        }
    }
    0
}
