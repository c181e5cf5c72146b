//! `stemma tree`: the living as a tree, or the chain of one process, dead or alive, as pstree draws them.

use crate::lineage::Procfs;
use crate::source::procscan::ProcScan;
use crate::store::reader;
use argh::FromArgs;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Draw the living processes; with a PID (living, or recorded and dead): its chain from the first ancestor down to it.
#[derive(FromArgs)]
#[argh(subcommand, name = "tree")]
pub struct Tree {
    /// events.db, or its directory (default /var/lib/stemma)
    #[argh(option)]
    database: Option<PathBuf>,
    /// the event whose chain to draw (process_events.eid)
    #[argh(option)]
    eid: Option<String>,
    /// processes whose chains to draw
    #[argh(positional)]
    pids: Vec<u32>,
}

/// The lines a tree is drawn with.
struct Lines {
    branch: &'static str,
    last: &'static str,
    pass: &'static str,
}

const UTF8: Lines = Lines { branch: "├─", last: "└─", pass: "│ " };
const ASCII: Lines = Lines { branch: "|-", last: "`-", pass: "| " };

fn lines() -> Lines {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale =
        set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default().to_ascii_uppercase();
    if locale.contains("UTF-8") || locale.contains("UTF8") { UTF8 } else { ASCII }
}

/// Bytes for a terminal: control bytes and invalid UTF-8 are escaped, so that an argument cannot draw.
fn shown(text: &[u8]) -> String {
    let mut out = String::new();
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() { out.extend(character.escape_default()) } else { out.push(character) }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

impl Tree {
    /// Runs; returns the exit code.
    pub fn run(self) -> u8 {
        let mut out = BufWriter::new(io::stdout().lock());
        let result = if self.pids.is_empty() && self.eid.is_none() { living(&mut out) } else { self.chains(&mut out) };
        let result = result.and_then(|()| out.flush().map_err(|error| error.to_string()));
        match result {
            Ok(()) => 0,
            Err(text) if text.contains("Broken pipe") => 0,
            Err(text) => {
                eprintln!("Error: {text}");
                1
            }
        }
    }

    fn chains(&self, out: &mut dyn Write) -> Result<(), String> {
        let path = super::database_path(self.database.as_deref(), false);
        let connection = if path.exists() { Some(reader::open(&path)?) } else { None };
        let mut first = true;
        let mut draw = |chain: Vec<String>| -> Result<(), String> {
            let gap = if first { "" } else { "\n" };
            first = false;
            write!(out, "{gap}{}", drawn(&chain)).map_err(|error| error.to_string())
        };
        if let Some(eid) = &self.eid {
            let id =
                eid.trim().parse().map_err(|_| format!("--eid must be a number as process_events.eid, not '{eid}'"))?;
            let missing = || format!("no event {eid} in {}", path.display());
            draw(connection.as_ref().and_then(|c| recorded(c, "id", id).transpose()).ok_or_else(missing)??)?;
        }
        for &pid in &self.pids {
            let known = connection.as_ref().and_then(|c| recorded(c, "pid", i64::from(pid)).transpose()).transpose()?;
            let chain = known.or_else(|| climbed(pid));
            draw(chain.ok_or_else(|| format!("process {pid} neither lives nor is recorded in {}", path.display()))?)?;
        }
        Ok(())
    }
}

/// A chain, first ancestor on top, each step further in.
fn drawn(chain: &[String]) -> String {
    let last = lines().last;
    chain
        .iter()
        .enumerate()
        .map(|(depth, line)| {
            let lead = if depth == 0 { String::new() } else { format!("{}{last}", "  ".repeat(depth - 1)) };
            format!("{lead}{line}\n")
        })
        .collect()
}

/// The chain of the newest recorded image with this id or pid, first ancestor first.
fn recorded(connection: &Connection, field: &str, value: i64) -> Result<Option<Vec<String>>, String> {
    let sql = format!(
        "WITH RECURSIVE chain(id, parent, depth) AS (
             SELECT id, parent, 0 FROM (SELECT id, parent FROM image WHERE {field} = ?1 ORDER BY id DESC LIMIT 1)
             UNION ALL SELECT i.id, i.parent, depth + 1 FROM chain JOIN image i ON i.id = chain.parent
             WHERE chain.parent < chain.id)
         SELECT i.pid, CAST(coalesce(nullif(o.cmdline, ''), i.cmdline) AS BLOB),
                CAST(coalesce(o.path, i.path) AS BLOB), i.kind, i.status, i.end_ns, i.start_ns,
                strftime('%Y-%m-%d %H:%M:%S', i.start_ns / 1000000000, 'unixepoch', 'localtime')
         FROM chain JOIN image i ON i.id = chain.id LEFT JOIN image o ON i.origin <> 0 AND o.id = i.origin
         ORDER BY chain.depth DESC"
    );
    let failed = |error: rusqlite::Error| format!("reading events.db: {error}");
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let rows = statement.query_map([value], |row| {
        let (pid, cmdline, path): (i64, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (kind, status, end_ns): (i64, Option<i64>, Option<i64>) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let (start_ns, start): (i64, Option<String>) = (row.get(6)?, row.get(7)?);
        let text = if cmdline.is_empty() { shown(&path) } else { shown(&cmdline) };
        let text = if text.is_empty() { "?".to_string() } else { text };
        let copy = if kind == 2 { ", forked copy" } else { "" };
        let since = start.filter(|_| start_ns > 0).map_or(String::new(), |start| format!(", from {start}"));
        Ok(format!("{text} ({pid}{copy}{since}{})", ended(status, end_ns, start_ns)))
    });
    let chain = rows.and_then(|rows| rows.collect::<rusqlite::Result<Vec<_>>>()).map_err(failed)?;
    Ok((!chain.is_empty()).then_some(chain))
}

fn ended(status: Option<i64>, end_ns: Option<i64>, start_ns: i64) -> String {
    let Some(end_ns) = end_ns else { return String::new() };
    let after = if start_ns > 0 { format!(" after {} ms", (end_ns - start_ns) / 1_000_000) } else { String::new() };
    match status {
        Some(status) if status & 127 != 0 => format!(", killed by signal {}{after}", status & 127),
        Some(status) => format!(", exit {}{after}", status >> 8 & 255),
        None => ", gone".to_string(),
    }
}

/// The chain of a living process, from /proc.
fn climbed(pid: u32) -> Option<Vec<String>> {
    let mut scan = ProcScan::new();
    let (mut chain, mut next) = (Vec::new(), pid);
    while next != 0 && chain.len() < 1024 {
        let Some(seen) = scan.read(next) else { break };
        chain.push(format!("{} ({next})", shown(seen.cmdline)));
        next = seen.ppid;
    }
    chain.reverse();
    (!chain.is_empty()).then_some(chain)
}

/// All living processes.
fn living(out: &mut dyn Write) -> Result<(), String> {
    let mut scan = ProcScan::new();
    let (mut pids, mut names, mut children) = (Vec::new(), BTreeMap::new(), BTreeMap::<u32, Vec<u32>>::new());
    scan.pids(&mut |pid| pids.push(pid));
    pids.sort_unstable();
    for pid in pids {
        let Some(seen) = scan.read(pid) else { continue };
        names.insert(pid, shown(seen.cmdline));
        children.entry(seen.ppid).or_default().push(pid);
    }
    let roots: Vec<u32> = children
        .iter()
        .filter(|(parent, _)| !names.contains_key(parent))
        .flat_map(|(_, children)| children.iter().copied())
        .collect();
    let lines = lines();
    // A stack and not recursion: (pid, what stands before its line, what stands before its children's).
    let mut stack: Vec<(u32, String, String)> =
        roots.iter().rev().map(|&pid| (pid, String::new(), String::new())).collect();
    while let Some((pid, lead, under)) = stack.pop() {
        let name = names.get(&pid).map_or("?", String::as_str);
        writeln!(out, "{lead}{name} ({pid})").map_err(|error| error.to_string())?;
        let below = children.get(&pid).map_or(&[][..], Vec::as_slice);
        for (index, &child) in below.iter().enumerate().rev() {
            let last = index + 1 == below.len();
            let (mark, pass) = if last { (lines.last, "  ") } else { (lines.branch, lines.pass) };
            stack.push((child, format!("{under}{mark}"), format!("{under}{pass}")));
        }
    }
    Ok(())
}
