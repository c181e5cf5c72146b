//! `process_events`: execs (and forks, where the agent was told to keep them), from events.db.
//!
//! Rows come in pages of [`PAGE`], so memory does not grow with the table; text that is not wanted is not read.
//! Constraints on `time`, `time_ns`, `eid` and `pid` become SQL. `ancestry` is made when it is asked for.

use super::ancestry::Chains;
use super::db;
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, HIDDEN, INDEX, Op, Query, Rows, Table, TableError, Type, Value, column, elsewhere,
};
use rusqlite::types::ValueRef;

const COLUMNS: &[Column] = &[
    column("pid", Type::BigInt, INDEX, "Process id, initial pid namespace."),
    column("path", Type::Text, 0, "Path of the new image (of the interpreter, for a script)."),
    column("mode", Type::Text, 0, "Mode of the file, octal; empty if not known."),
    column("cmdline", Type::Text, 0, "Arguments joined by single spaces."),
    column("cmdline_size", Type::BigInt, HIDDEN, "Bytes of cmdline."),
    column("env", Type::Text, HIDDEN, "Environment; audit does not tell it."),
    column("env_count", Type::BigInt, HIDDEN, "Variables in the environment; always 0."),
    column("env_size", Type::BigInt, HIDDEN, "Bytes of the environment; always 0."),
    column("cwd", Type::Text, 0, "Working directory."),
    column("auid", Type::BigInt, 0, "Login user id; 4294967295: none."),
    column("uid", Type::BigInt, 0, "Real user id."),
    column("euid", Type::BigInt, 0, "Effective user id."),
    column("gid", Type::BigInt, 0, "Real group id."),
    column("egid", Type::BigInt, 0, "Effective group id."),
    column("owner_uid", Type::BigInt, 0, "Owner of the file."),
    column("owner_gid", Type::BigInt, 0, "Group of the file."),
    column("atime", Type::BigInt, 0, "Access time of the file; always 0, audit does not tell it."),
    column("mtime", Type::BigInt, 0, "Modification time of the file; always 0."),
    column("ctime", Type::BigInt, 0, "Change time of the file; always 0."),
    column("btime", Type::BigInt, 0, "Birth time of the file; always 0."),
    column("overflows", Type::Text, HIDDEN, "What was cut; always empty."),
    column("parent", Type::BigInt, 0, "Parent's pid as audit saw it at the exec; the forker is original_parent."),
    column("time", Type::BigInt, ADDITIONAL, "Time of the event, seconds since the epoch."),
    column("uptime", Type::BigInt, 0, "Time of the event, seconds since boot."),
    column("eid", Type::Text, HIDDEN | INDEX, "Event id, grows with time."),
    elsewhere("status", Type::BigInt),
    column("fsuid", Type::BigInt, 0, "Filesystem user id."),
    column("suid", Type::BigInt, 0, "Saved user id."),
    column("fsgid", Type::BigInt, 0, "Filesystem group id."),
    column("sgid", Type::BigInt, 0, "Saved group id."),
    column("syscall", Type::Text, 0, "execve, execveat, fork, vfork, clone, clone3; empty if not known."),
    column("ancestry", Type::Text, 0, "All ancestors, nearest first, as JSON."),
    column("time_ns", Type::BigInt, HIDDEN | ADDITIONAL, "Time of the exec, ns since the epoch."),
    column("serial", Type::BigInt, HIDDEN, "Audit's event serial; 0: audit did not report this exec, /proc did."),
    column("original_parent", Type::BigInt, HIDDEN, "Pid of the true forker; 0: not known."),
    column("exit_code", Type::BigInt, HIDDEN, "Exit code, once it has exited by itself."),
    column("exit_signal", Type::BigInt, HIDDEN, "Signal that ended it (0: none), once it has ended."),
    column("duration_ms", Type::BigInt, HIDDEN, "From its fork to its end, ms, once it has ended."),
];

/// Rows read at a time.
const PAGE: usize = 256;

/// What a page row holds, in this order; the three texts are NULL when not wanted.
const SELECT: &str = "SELECT i.id, i.parent, i.pid, i.ppid, i.forker, i.start_ns, i.time_ns, i.stamp_ms, i.uptime_s, \
    i.serial, i.syscall, coalesce(i.auid, o.auid), coalesce(i.uid, o.uid), coalesce(i.euid, o.euid), \
    coalesce(i.gid, o.gid), coalesce(i.egid, o.egid), coalesce(i.fsuid, o.fsuid), coalesce(i.suid, o.suid), \
    coalesce(i.fsgid, o.fsgid), coalesce(i.sgid, o.sgid), i.mode, i.owner_uid, i.owner_gid, i.end_ns, i.status, \
    {path}, {cmdline}, {cwd} FROM image i LEFT JOIN image o ON i.origin <> 0 AND o.id = i.origin \
    WHERE i.visible = 1 AND i.kind <= 2 AND i.id > ?1";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_events",
    help: "Every exec with its whole ancestry",
    columns: COLUMNS,
    open: |query| match db::events(&query.context)? {
        Some(_) => Ok(Box::new(Scan::new(query)?)),
        None => Ok(Rows::of(Vec::new())),
    },
};

struct Scan {
    query: Query,
    sql: String,
    parameters: Vec<i64>,
    page: Vec<Vec<Value>>,
    at: usize,
    last_id: i64,
    over: bool,
    depth: usize,
    chains: Chains,
}

fn index_of(name: &str) -> usize {
    COLUMNS.iter().position(|column| column.name == name).unwrap_or(usize::MAX)
}

/// A constraint as SQL over `i`, for those that can be; the number that goes with it.
fn term(column: &str, op: Op, value: i64) -> Option<(String, i64)> {
    let sign = match op {
        Op::Equal => "=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        _ => return None,
    };
    let field = match column {
        "pid" => "i.pid",
        "eid" if op == Op::Equal => "i.id",
        "time" => "i.stamp_ms / 1000",
        "time_ns" => "i.time_ns",
        _ => return None,
    };
    Some((format!("{field} {sign}"), value))
}

impl Scan {
    fn new(query: Query) -> Result<Self, TableError> {
        let text = |name: &str| {
            let field = if name == "cwd" { "i.cwd".to_string() } else { format!("coalesce(o.{name}, i.{name})") };
            let wanted = query.wants(index_of(name)) || name == "cmdline" && query.wants(index_of("cmdline_size"));
            if wanted { field } else { "NULL".to_string() }
        };
        let mut sql = SELECT
            .replace("{path}", &text("path"))
            .replace("{cmdline}", &text("cmdline"))
            .replace("{cwd}", &text("cwd"));
        let mut parameters = Vec::new();
        for constraint in &query.constraints {
            let name = COLUMNS.get(constraint.column).map_or("", |column| column.name);
            let Some(value) = constraint.value.as_integer() else { continue };
            if let Some((term, value)) = term(name, constraint.op, value) {
                parameters.push(value);
                sql.push_str(&format!(" AND {term} ?{}", parameters.len() + 1));
            }
        }
        sql.push_str(&format!(" ORDER BY i.id LIMIT {PAGE}"));
        let depth = db::agent(&query.context)?.map_or(32, |(numbers, _)| numbers.ancestry_max_depth);
        Ok(Scan {
            query,
            sql,
            parameters,
            page: Vec::new(),
            at: 0,
            last_id: 0,
            over: false,
            depth: usize::try_from(depth).unwrap_or(0),
            chains: Chains::default(),
        })
    }

    fn next_page(&mut self) -> Result<(), TableError> {
        self.page.clear();
        self.at = 0;
        let Some(connection) = db::events(&self.query.context)? else { return Ok(()) };
        let mut statement = connection.prepare_cached(&self.sql).map_err(db::failure)?;
        let parameters = std::iter::once(&self.last_id).chain(&self.parameters);
        let mut rows = statement.query(rusqlite::params_from_iter(parameters)).map_err(db::failure)?;
        while let Some(row) = rows.next().map_err(db::failure)? {
            let mut values = Vec::with_capacity(28);
            for index in 0..28 {
                values.push(match row.get_ref(index).map_err(db::failure)? {
                    ValueRef::Integer(number) => Value::Integer(number),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::text(bytes),
                    _ => Value::Null,
                });
            }
            self.page.push(values);
        }
        self.over = self.page.len() < PAGE;
        Ok(())
    }

    fn field(&self, index: usize) -> Value {
        self.page.get(self.at.wrapping_sub(1)).and_then(|row| row.get(index)).cloned().unwrap_or(Value::Null)
    }

    fn number(&self, index: usize) -> Option<i64> {
        match self.field(index) {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    fn text(&self, index: usize) -> Value {
        match self.field(index) {
            Value::Null => Value::text(""),
            other => other,
        }
    }

    fn ancestry(&mut self) -> Result<Value, TableError> {
        let parent = self.number(1).unwrap_or(0);
        let Some(connection) = db::events(&self.query.context)? else { return Ok(Value::Null) };
        Ok(Value::Text(self.chains.json(connection, parent, self.depth)?))
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        if self.at >= self.page.len() {
            if self.over {
                return Ok(false);
            }
            self.next_page()?;
            if self.page.is_empty() {
                return Ok(false);
            }
        }
        self.at += 1;
        self.last_id = self.number(0).unwrap_or(self.last_id);
        Ok(true)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "eid" => Value::text(format!("{:010}", self.number(0).unwrap_or(0))),
            "pid" => self.field(2),
            "parent" => self.field(3),
            "original_parent" => self.field(4),
            "time_ns" => self.field(6),
            "time" => self.number(7).map(|ms| ms / 1000).into(),
            "uptime" => self.field(8),
            "serial" => self.field(9),
            "syscall" => self.text(10),
            "auid" => self.field(11),
            "uid" => self.field(12),
            "euid" => self.field(13),
            "gid" => self.field(14),
            "egid" => self.field(15),
            "fsuid" => self.field(16),
            "suid" => self.field(17),
            "fsgid" => self.field(18),
            "sgid" => self.field(19),
            "mode" => Value::text(self.number(20).map_or(String::new(), |mode| format!("0{mode:o}"))),
            "owner_uid" => self.field(21),
            "owner_gid" => self.field(22),
            "exit_code" => self.number(24).filter(|status| status & 127 == 0).map(|status| status >> 8 & 255).into(),
            "exit_signal" => self.number(24).map(|status| status & 127).into(),
            "duration_ms" => match (self.number(23), self.number(5)) {
                (Some(end_ns), Some(start_ns)) if start_ns > 0 => Value::Integer((end_ns - start_ns) / 1_000_000),
                _ => Value::Null,
            },
            "path" => self.text(25),
            "cmdline" => self.text(26),
            "cmdline_size" => match self.field(26) {
                Value::Text(text) => Value::Integer(text.len() as i64),
                _ => Value::Integer(0),
            },
            "cwd" => self.text(27),
            "ancestry" => self.ancestry()?,
            "env_count" | "env_size" | "atime" | "mtime" | "ctime" | "btime" => Value::Integer(0),
            "env" | "overflows" => Value::text(""),
            _ => Value::Null,
        })
    }
}
