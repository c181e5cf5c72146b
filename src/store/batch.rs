//! The SQL that the writer and retention run, and how a batch is written: one transaction.

use super::pending::Pending;
use super::row::{ImageRow, Kind, Link, RowId};
use super::status::Numbers;
use super::writer::AgentTexts;
use crate::audit::event::{FileIds, Ids, Syscall};
use crate::sys::prepared::Prepared;
use rusqlite::Statement;

macro_rules! image_values {
    () => {
        " INTO image VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,\
         ?26,?27,?28,?29,?30,?31,?32)"
    };
}

/// Every statement of the writer's connection; the number is its place in [`Prepared`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Sql {
    Begin,
    Commit,
    Insert,
    Replace,
    UpdateEnd,
    Agent,
    PageCount,
    FreelistCount,
    Oldest,
    Hide,
    Kept,
    HasChild,
    Delete,
    Vacuum,
    Checkpoint,
    Truncate,
}

impl Sql {
    /// In the order of their numbers.
    pub const ALL: [Sql; 16] = [
        Sql::Begin,
        Sql::Commit,
        Sql::Insert,
        Sql::Replace,
        Sql::UpdateEnd,
        Sql::Agent,
        Sql::PageCount,
        Sql::FreelistCount,
        Sql::Oldest,
        Sql::Hide,
        Sql::Kept,
        Sql::HasChild,
        Sql::Delete,
        Sql::Vacuum,
        Sql::Checkpoint,
        Sql::Truncate,
    ];

    /// The statement; `agent` is [`agent_insert`].
    pub fn text(self, agent: &str) -> &str {
        match self {
            Sql::Begin => "BEGIN IMMEDIATE",
            Sql::Commit => "COMMIT",
            Sql::Insert => concat!("INSERT", image_values!()),
            Sql::Replace => concat!("INSERT OR REPLACE", image_values!()),
            Sql::UpdateEnd => "UPDATE image SET end_ns = ?2, status = ?3 WHERE id = ?1",
            Sql::Agent => agent,
            Sql::PageCount => "PRAGMA page_count",
            Sql::FreelistCount => "PRAGMA freelist_count",
            Sql::Oldest => "SELECT id, stamp_ms FROM image WHERE id > ?1 AND visible = 1 ORDER BY id LIMIT ?2",
            Sql::Hide => "UPDATE image SET visible = 0 WHERE id = ?1",
            Sql::Kept => "SELECT id FROM image WHERE visible = 0 AND id > ?1 ORDER BY id LIMIT ?2",
            Sql::HasChild => "SELECT EXISTS(SELECT 1 FROM image WHERE parent = ?1)",
            Sql::Delete => "DELETE FROM image WHERE id = ?1",
            // Pages given back in one step: 64.
            Sql::Vacuum => "PRAGMA incremental_vacuum(64)",
            Sql::Checkpoint => "PRAGMA wal_checkpoint(PASSIVE)",
            Sql::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        }
    }
}

/// [`Sql::Agent`]: the agent's row.
pub(super) fn agent_insert() -> String {
    let names = Numbers::NAMES;
    let marks: Vec<_> = (1..=names.len() + 4).map(|number| format!("?{number}")).collect();
    format!(
        "INSERT OR REPLACE INTO agent(id, version, source, last_error, instance_id, {}) VALUES(1, {})",
        names.join(", "),
        marks.join(", ")
    )
}

/// What one transaction brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// By how many the visible rows grew.
    pub visible: i64,
    /// The newest row in the file.
    pub newest: RowId,
}

/// One transaction. `newest`: the newest row that the file has had from this run.
pub(super) fn write(
    prepared: &mut Prepared,
    pending: &Pending,
    base: i64,
    newest: RowId,
    agent: Option<(&Numbers, &AgentTexts<'_>)>,
    last_error: &str,
) -> rusqlite::Result<Written> {
    prepared.run(Sql::Begin as usize, [])?;
    let written = (|| {
        let mut written = Written { visible: 0, newest };
        let mut before = [None; 2];
        pending.each_row(|row| {
            // REPLACE keeps a journal for each statement, 64 KiB that are allocated and given back: only where it may
            // have something to replace, which is where a better version of a row comes.
            let new = row.id > written.newest;
            let insert = prepared.statement(if new { Sql::Insert } else { Sql::Replace } as usize)?;
            let [before_new, before_old] = &mut before;
            bind_row(insert, row, base, if new { before_new } else { before_old })?;
            written.visible += i64::from(row.visible);
            written.newest = written.newest.max(row.id);
            insert.raw_execute().map(|_| ())
        })?;
        let update = prepared.statement(Sql::UpdateEnd as usize)?;
        for (id, end) in pending.ends() {
            update.execute((base + i64::from(id.0), end.time_ns, end.status))?;
        }
        if let Some((numbers, texts)) = agent {
            write_agent(prepared.statement(Sql::Agent as usize)?, numbers, texts, last_error)?;
        }
        prepared.run(Sql::Commit as usize, [])?;
        Ok(written)
    })();
    if written.is_err() {
        let _ = prepared.connection().execute_batch("ROLLBACK");
    }
    written
}

fn write_agent(
    statement: &mut Statement<'_>,
    numbers: &Numbers,
    texts: &AgentTexts<'_>,
    last_error: &str,
) -> rusqlite::Result<()> {
    let fixed = [env!("CARGO_PKG_VERSION"), texts.source, last_error, texts.instance_id];
    for (index, text) in fixed.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, text)?;
    }
    for (index, value) in numbers.values().iter().enumerate() {
        statement.raw_bind_parameter(fixed.len() + index + 1, value)?;
    }
    statement.raw_execute().map(|_| ())
}

/// Text where it is text, bytes where it is not: not a byte is lost.
fn bind_text(statement: &mut Statement<'_>, index: usize, bytes: &[u8]) -> rusqlite::Result<()> {
    match std::str::from_utf8(bytes) {
        Ok(text) => statement.raw_bind_parameter(index, text),
        Err(_) => statement.raw_bind_parameter(index, bytes),
    }
}

/// Parameters of a row that mostly are those of the row before it: bound once, they stay bound until they change.
#[derive(Clone, Copy, PartialEq)]
struct Lasting {
    kind: Kind,
    visible: bool,
    link: Link,
    syscall: Option<Syscall>,
    ids: Option<Ids>,
    file: Option<FileIds>,
}

impl Lasting {
    fn of(row: &ImageRow<'_>) -> Self {
        let syscall = if matches!(row.kind, Kind::Exec | Kind::Fork) { row.syscall } else { None };
        Lasting { kind: row.kind, visible: row.visible, link: row.link, syscall, ids: row.ids, file: row.file }
    }

    fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        for (index, number) in [(4, self.kind as i64), (5, i64::from(self.visible)), (6, self.link as i64)] {
            statement.raw_bind_parameter(index, number)?;
        }
        statement.raw_bind_parameter(15, self.syscall.map(Syscall::name))?;
        let ids = self.ids.unwrap_or_default();
        let who = [ids.auid, ids.uid, ids.gid, ids.euid, ids.suid, ids.fsuid, ids.egid, ids.sgid, ids.fsgid];
        for (index, who) in who.iter().enumerate() {
            statement.raw_bind_parameter(index + 16, self.ids.map(|_| who))?;
        }
        let file = self.file.map(|file| [file.mode, file.uid, file.gid]);
        for index in 0..3 {
            statement.raw_bind_parameter(index + 25, file.as_ref().and_then(|file| file.get(index)))?;
        }
        Ok(())
    }
}

/// Binds a row. `before`: what lasts of the row that this statement had before, if all of that is still bound.
fn bind_row(
    statement: &mut Statement<'_>,
    row: &ImageRow<'_>,
    base: i64,
    before: &mut Option<Lasting>,
) -> rusqlite::Result<()> {
    let id = |id: RowId| if id.is_some() { base + i64::from(id.0) } else { 0 };
    let lasting = Lasting::of(row);
    if *before != Some(lasting) {
        *before = None;
        lasting.bind(statement)?;
        *before = Some(lasting);
    }
    let numbers = [
        (1, id(row.id)),
        (2, id(row.parent)),
        (3, id(row.origin)),
        (7, i64::from(row.pid)),
        (8, i64::from(row.ppid)),
        (9, i64::from(row.forker)),
        (10, row.start_ns),
        (11, row.time_ns),
        (12, row.stamp_ms),
        (13, row.uptime_s),
        (14, row.serial as i64),
    ];
    for (index, number) in numbers {
        statement.raw_bind_parameter(index, number)?;
    }
    for (index, text) in [row.path, row.cmdline, row.cwd].into_iter().enumerate() {
        bind_text(statement, index + 28, text)?;
    }
    statement.raw_bind_parameter(31, row.end.map(|end| end.time_ns))?;
    statement.raw_bind_parameter(32, row.end.and_then(|end| end.status))
}
