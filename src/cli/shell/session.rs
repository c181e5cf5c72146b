//! The shell's state, and what everything in it comes down to: answer SQL, say a line, complain about one.

use super::dot::Flow;
use super::out::Out;
use crate::cli::complain;
use crate::cli::output::{Mode, Printer, Style};
use crate::cli::value::push;
use crate::config::flags::Flags;
use crate::config::gflags::Parsed;
use crate::sql::engine::{Engine, Sink, SqlError};
use crate::sql::limits::Limits;
use crate::sql::names::Names;
use crate::sql::table::{Context, Query, Table};
use crate::sys::interrupt;
use rusqlite::types::ValueRef;
use std::io::{self, Write};
use std::path::Path;

/// See the module's head.
pub struct Session {
    engine: Engine,
    /// The flags as given.
    pub flags: Flags,
    /// The flag file that was read.
    pub flag_file: String,
    /// How results are printed.
    pub style: Style,
    /// Who says so in .version: osquery or stemma.
    pub product: &'static str,
    /// A person types: Ctrl-C ends a statement and not the shell.
    pub interactive: bool,
    /// Commands and statements are printed before they run.
    pub echo: bool,
    /// A script ends with its first error.
    pub bail: bool,
    /// How long a statement took is printed.
    pub timer: bool,
    out: Out,
    /// What went wrong with the output: there is nobody to talk to any more.
    pub broken: Option<io::Error>,
}

/// osquery's precedence: list, line, csv, then JSON, then pretty.
fn mode(flags: &Flags) -> Mode {
    let order = [
        ("list", Mode::List),
        ("line", Mode::Line),
        ("csv", Mode::Csv),
        ("json_typed", Mode::JsonTyped),
        ("json_pretty", Mode::JsonPretty),
        ("json", Mode::Json),
    ];
    order.iter().find(|(flag, _)| flags.is_on(flag)).map_or(Mode::Pretty, |(_, mode)| *mode)
}

/// A person can press Ctrl-C, so time is without limit unless one is given.
fn limits(flags: &Flags) -> Limits {
    let number = |name: &str, unit: u64| flags.number(name).saturating_mul(unit);
    Limits {
        heap_bytes: number("memory_limit", 1 << 20),
        wall_ms: number("time_limit", 1000),
        cpu_ms: number("cpu_limit", 1000),
        rows: number("row_limit", 1),
    }
}

/// `--planner`: tells of each scan.
fn plan(table: &'static Table, query: &Query) {
    interrupt::reading(table, query);
    let name = |index: usize| table.columns.get(index).map_or("?", |column| column.name);
    let mut line = format!("osquery planner: reading {}, columns", table.name);
    for index in (0..table.columns.len()).filter(|index| query.wants(*index)) {
        line.push(' ');
        line.push_str(name(index));
    }
    for constraint in &query.constraints {
        let mut value = Vec::new();
        push(&mut value, constraint.value.as_ref(), "NULL");
        let (name, op) = (name(constraint.column), constraint.op.name());
        line.push_str(&format!(", {name} {op} {}", String::from_utf8_lossy(&value)));
    }
    complain(&line);
}

impl Session {
    /// A session as the flags say.
    ///
    /// # Errors
    /// A sentence: there is no memory, or `--output` cannot be written.
    pub fn open(parsed: Parsed, product: &'static str) -> Result<Self, String> {
        let Parsed { flags, flag_file, .. } = parsed;
        let listed = |flag: &str, table: &str| flags.text(flag).split(',').any(|name| name.trim() == table);
        let all = flags.text("enable_tables").is_empty();
        let chosen = |table: &str| (all || listed("enable_tables", table)) && !listed("disable_tables", table);
        let on_scan = if flags.is_on("planner") { plan } else { interrupt::reading };
        let database = crate::cli::database_path(Some(Path::new(flags.text("database_path"))), false);
        let context = Context { database, flags: flags.clone(), on_scan: Some(on_scan), ..Context::default() };
        let engine =
            Engine::with(context, Names::chosen(&chosen)).map_err(|error| error.message)?.within(limits(&flags));
        let path = flags.text("output");
        let out = Out::to(path).map_err(|error| format!("cannot write {path}: {error}"))?;
        let style = Style {
            mode: mode(&flags),
            separator: flags.text("separator").to_string(),
            header: flags.is_on("header"),
            null: flags.text("nullvalue").to_string(),
            widths: Vec::new(),
        };
        Ok(Session {
            engine,
            flags,
            flag_file,
            style,
            product,
            interactive: false,
            echo: false,
            bail: false,
            timer: false,
            out,
            broken: None,
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The tables there are, by name.
    pub fn tables(&self) -> Vec<&'static Table> {
        crate::cli::schema::by_name(self.engine.tables())
    }

    /// Runs statements and prints their rows.
    ///
    /// # Errors
    /// The first statement that fails; what came before is printed.
    pub fn answer(&mut self, sql: &str) -> Result<(), SqlError> {
        let watch = self.interactive.then(|| self.engine.watch());
        let mut printer = Printer::new(&self.style, &mut self.out);
        printer.echo(self.echo);
        let result = self.engine.run(sql, &mut printer);
        // Whoever interrupts does not want to see the rest of it.
        let trouble = if interrupt::interrupted() { None } else { printer.finish() };
        let stopped = interrupt::interrupted();
        drop(watch);
        if stopped {
            self.out.forget();
            return Err(SqlError { code: 9, message: "interrupted".to_string() });
        }
        self.broken = self.broken.take().or(trouble);
        result
    }

    /// Runs statements and says what is wrong with them; returns the exit code, which is SQLite's result code.
    pub fn query(&mut self, sql: &str) -> u8 {
        match self.answer(sql) {
            Ok(()) => 0,
            Err(error) => {
                complain(&format!("Error: {}", error.message));
                u8::try_from(error.code).unwrap_or(1)
            }
        }
    }

    /// .types: names and types of a statement's columns. What is wrong with it is said where they would be.
    pub fn types(&mut self, sql: &str) -> Flow {
        let columns = match self.engine.types(sql) {
            Ok(columns) => columns,
            Err(error) => return self.say(&format!("Error {}: {}", error.code, error.message)),
        };
        let mut printer = Printer::new(&self.style, &mut self.out);
        printer.columns(&["name", "type"]);
        for (name, kind) in &columns {
            printer.row(&[ValueRef::Text(name.as_bytes()), ValueRef::Text(kind.as_bytes())]);
        }
        self.broken = self.broken.take().or(printer.finish());
        Flow::Go
    }

    /// Prints a line, or lines.
    pub fn say(&mut self, text: &str) -> Flow {
        let result = self.out.write_all(text.as_bytes()).and_then(|()| self.out.write_all(b"\n"));
        self.broken = self.broken.take().or(result.and_then(|()| self.out.flush()).err());
        Flow::Go
    }

    /// Prints lines; no line for none.
    pub fn say_lines(&mut self, lines: &[String]) -> Flow {
        if lines.is_empty() { Flow::Go } else { self.say(&lines.join("\n")) }
    }
}
