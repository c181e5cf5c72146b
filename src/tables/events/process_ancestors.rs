//! `process_ancestors`: one row per ancestor of an event (by `eid`) or of a living process (by `pid`), nearest first.
//!
//! `pid` in the WHERE clause names the process that is asked about; in a row it is the ancestor's. A pid is looked up in events.db (its newest image, if that has not ended), and where that does not know it, /proc is
//! climbed as it is now.

use super::ancestry::{self, Image};
use super::db;
use crate::lineage::Procfs;
use crate::source::procscan::ProcScan;
use crate::sql::table::{ARGUMENT, Column, Query, REQUIRED, Rows, Table, TableError, Type, Value, column};
use crate::sys::clock::Clock;

const COLUMNS: &[Column] = &[
    column("eid", Type::Text, REQUIRED, "Event whose ancestors are wanted (process_events.eid)."),
    column("depth", Type::Integer, 0, "1: the immediate parent."),
    column(
        "pid",
        Type::BigInt,
        REQUIRED | ARGUMENT,
        "The ancestor's pid. In WHERE: the living process that is asked about.",
    ),
    column("ppid", Type::BigInt, 0, "Its own parent's pid; 0: none, or not known."),
    column("exe_name", Type::Text, 0, "Last part of its path."),
    column("path", Type::Text, 0, "Its image when it forked."),
    column("cmdline", Type::Text, 0, "Its arguments then, joined by spaces."),
    column("uid", Type::BigInt, 0, "Its real user id."),
    column("start_time", Type::BigInt, 0, "Its start, seconds since the epoch; 0: not known."),
    column("start_time_ns", Type::BigInt, 0, "The same in ns."),
    column("source", Type::Text, 0, "Where the link to it comes from: connector, audit, procfs, inferred."),
];

const EID: usize = 0;
const PID: usize = 2;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_ancestors",
    help: "Ancestors of an event or of a living process, one row each",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query)?)),
};

fn rows(query: &Query) -> Result<Vec<Vec<Value>>, TableError> {
    let events = db::events(&query.context)?;
    if let Some(eid) = query.equal(EID) {
        let Some((connection, id)) = events.zip(eid.as_integer()) else { return Ok(Vec::new()) };
        let Some(image) = db::image_by_id(connection, id)? else { return Ok(Vec::new()) };
        let chain = ancestry::walk(connection, image.parent, 0)?;
        let mut rows = shown(eid, &image, &chain);
        // With an event given, pid is no question but a condition, which SQLite leaves to us.
        if let Some(pid) = query.equal(PID).and_then(Value::as_integer) {
            rows.retain(|row| row.get(PID) == Some(&Value::Integer(pid)));
        }
        return Ok(rows);
    }
    let Some(pid) = query.equal(PID).and_then(Value::as_integer) else { return Ok(Vec::new()) };
    if let Some(connection) = events
        && let Some(image) = db::image_by_pid(connection, pid)?.filter(lives)
    {
        let chain = ancestry::walk(connection, image.parent, 0)?;
        let eid = Value::text(format!("{:010}", image.id));
        return Ok(shown(&eid, &image, &chain));
    }
    let chain = climb(pid);
    Ok(match chain.split_first() {
        Some((image, ancestors)) => shown(&Value::text(""), image, ancestors),
        None => Vec::new(),
    })
}

/// Whether the process of an image is the one that has its pid now.
fn lives(image: &Image) -> bool {
    let Ok(pid) = u32::try_from(image.pid) else { return false };
    let clock = Clock::now();
    let start_ns = |boot_ns: i64| boot_ns - clock.boot_offset_ns + clock.epoch_offset_ns;
    // /proc has ticks of 10 ms, and the wall clock may have been slewed a little since.
    let near = |boot_ns: i64| (start_ns(boot_ns) - image.start_ns).abs() < 1_000_000_000;
    !image.ended && ProcScan::new().birth(pid).is_some_and(|(_, boot_ns)| near(boot_ns))
}

/// /proc as it is now: the process itself and its ancestors.
fn climb(pid: i64) -> Vec<Image> {
    let (mut scan, clock) = (ProcScan::new(), Clock::now());
    let mut chain: Vec<Image> = Vec::new();
    let mut next = u32::try_from(pid).unwrap_or(0);
    while next != 0 && chain.len() < 1024 {
        let Some(seen) = scan.read(next) else { break };
        chain.push(Image {
            id: 0,
            parent: 0,
            pid: i64::from(next),
            start_ns: seen.start_boot_ns - clock.boot_offset_ns + clock.epoch_offset_ns,
            link: crate::store::row::Link::Procfs as i64,
            uid: Some(i64::from(seen.ids.uid)),
            path: seen.path.to_vec(),
            cmdline: seen.cmdline.to_vec(),
            ended: false,
        });
        next = seen.ppid;
    }
    chain
}

fn shown(eid: &Value, image: &Image, chain: &[Image]) -> Vec<Vec<Value>> {
    let links = std::iter::once(image).chain(chain).map(|image| image.link);
    let parents = chain.iter().skip(1).map(|image| image.pid).chain([0]);
    chain
        .iter()
        .zip(links)
        .zip(parents)
        .enumerate()
        .map(|(index, ((ancestor, link), ppid))| {
            vec![
                eid.clone(),
                Value::Integer(index as i64 + 1),
                Value::Integer(ancestor.pid),
                Value::Integer(ppid),
                Value::text(ancestor.exe_name()),
                Value::text(&ancestor.path),
                Value::text(&ancestor.cmdline),
                ancestor.uid.into(),
                Value::Integer(ancestor.start_ns / 1_000_000_000),
                Value::Integer(ancestor.start_ns),
                Value::text(link_name(link)),
            ]
        })
        .collect()
}

fn link_name(link: i64) -> &'static str {
    use crate::store::row::Link;
    [Link::Connector, Link::Audit, Link::Procfs, Link::Inferred]
        .into_iter()
        .find(|known| *known as i64 == link)
        .map_or("", Link::name)
}
