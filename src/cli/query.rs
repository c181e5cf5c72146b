//! `stemma query`: one SQL text, answered and gone.

use super::output::{Mode, Printer, Style};
use crate::sql::engine::Engine;
use crate::sql::limits::Limits;
use crate::sys::signal;
use argh::FromArgs;
use std::io::{self, BufWriter, Read};
use std::path::PathBuf;

/// Answer SQL about this machine and what ran on it.
#[derive(FromArgs)]
#[argh(subcommand, name = "query")]
pub struct Query {
    /// events.db, or its directory (default /var/lib/stemma)
    #[argh(option)]
    database: Option<PathBuf>,
    /// JSON, a line per row
    #[argh(switch)]
    json: bool,
    /// JSON, indented
    #[argh(switch)]
    json_pretty: bool,
    /// JSON with numbers as numbers and NULL as null, columns in their order
    #[argh(switch)]
    json_typed: bool,
    /// comma-separated values (the separator is `|` as in osquery, see --separator)
    #[argh(switch)]
    csv: bool,
    /// a line per value
    #[argh(switch)]
    line: bool,
    /// values without quotes
    #[argh(switch)]
    list: bool,
    /// a table with rules (the default)
    #[argh(switch)]
    pretty: bool,
    /// between values of csv and list (default |)
    #[argh(option, default = "String::from(\"|\")")]
    separator: String,
    /// a header row for csv and list: true or false (default true)
    #[argh(option, default = "true")]
    header: bool,
    /// what NULL looks like (default nothing)
    #[argh(option, default = "String::new()")]
    nullvalue: String,
    /// memory the query may take, MiB; 0: any (default 64)
    #[argh(option, default = "64")]
    memory_limit: u64,
    /// time the query may take, seconds; 0: any (default 600)
    #[argh(option, default = "600")]
    time_limit: u64,
    /// CPU time the query may take, seconds; 0: any (default 0)
    #[argh(option, default = "0")]
    cpu_limit: u64,
    /// rows the result may have; 0: any (default 0)
    #[argh(option, default = "0")]
    row_limit: u64,
    /// the SQL; - or nothing: from standard input
    #[argh(positional)]
    sql: Option<String>,
}

impl Query {
    /// A query without flags.
    pub fn plain(sql: String) -> Self {
        Query {
            database: None,
            json: false,
            json_pretty: false,
            json_typed: false,
            csv: false,
            line: false,
            list: false,
            pretty: false,
            separator: "|".into(),
            header: true,
            nullvalue: String::new(),
            memory_limit: 64,
            time_limit: 600,
            cpu_limit: 0,
            row_limit: 0,
            sql: Some(sql),
        }
    }

    /// osquery's precedence: list, line, csv, then JSON, then pretty.
    fn mode(&self) -> Mode {
        let order = [
            (self.list, Mode::List),
            (self.line, Mode::Line),
            (self.csv, Mode::Csv),
            (self.json_typed, Mode::JsonTyped),
            (self.json_pretty, Mode::JsonPretty),
            (self.json, Mode::Json),
        ];
        order.iter().find(|(given, _)| *given && !self.pretty).map_or(Mode::Pretty, |(_, mode)| *mode)
    }

    fn limits(&self) -> Limits {
        Limits {
            heap_bytes: self.memory_limit.saturating_mul(1 << 20),
            wall_ms: self.time_limit.saturating_mul(1000),
            cpu_ms: self.cpu_limit.saturating_mul(1000),
            rows: self.row_limit,
        }
    }

    /// Runs; returns the exit code, which for a failed statement is SQLite's result code.
    pub fn run(self) -> u8 {
        let (mode, limits) = (self.mode(), self.limits());
        let sql = match self.sql.as_deref() {
            Some(sql) if sql != "-" => sql.to_string(),
            _ => {
                let mut text = String::new();
                if let Err(error) = io::stdin().read_to_string(&mut text) {
                    super::complain(&format!("Error: reading SQL from standard input: {error}"));
                    return 1;
                }
                text
            }
        };
        let style =
            Style { mode, separator: self.separator, header: self.header, null: self.nullvalue, ..Style::default() };
        let mut out = BufWriter::new(io::stdout().lock());
        let mut printer = Printer::new(&style, &mut out);
        let database = super::database_path(self.database.as_deref(), false);
        signal::catch_interrupt();
        let result = Engine::open(database).and_then(|engine| {
            let engine = engine.within(limits);
            let result = engine.run(&sql, &mut printer);
            engine.leave();
            result
        });
        // What came before an error is printed, as osquery does: the error and the exit code say that it is not all.
        let trouble = printer.finish();
        if let Err(error) = result {
            super::complain(&format!("Error: {}", error.message));
            signal::end_if_interrupted();
            return u8::try_from(error.code).unwrap_or(1);
        }
        super::written(trouble)
    }
}
