//! `stemma replay`: an audit log into a database of its own.

use crate::agent;
use crate::agent::replay::{Replay as Run, SOURCE, Tally, Trouble};
use crate::config::options::Options;
use crate::store::reader;
use crate::store::writer::Writer;
use crate::sys::file::Lock;
use argh::FromArgs;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Read an audit log into a database of its own, which answers the same SQL: auditd's log (RAW or ENRICHED, with node=
/// or without), or the kernel's audit lines as they stand in syslog, the journal or dmesg.
#[derive(FromArgs)]
#[argh(
    subcommand,
    name = "replay",
    note = "The database keeps everything unless --events_max=N (events), --events_max_bytes=N or --events_expiry=SECONDS \
            (before the log's last record) says otherwise. --process_ancestry_cache_size=N (default 32768) is the number \
            of process images whose children can be linked at any time.

A database that an earlier replay made is begun anew; one that an agent recorded is refused.",
    example = "{command_name} /var/log/audit/audit.log && stemma query --database audit.log.db \"SELECT * FROM process_events\"",
    error_code(1, "Nothing could be read, or the database could not be written.")
)]
pub struct Replay {
    /// the database: a file, or a directory for events.db (default: in the current directory, FILE's name with .db
    /// after it; replay.db for -)
    #[argh(option)]
    database: Option<PathBuf>,
    /// in a log of several machines (node=NAME): whose records to read (default: those of the first one met)
    #[argh(option)]
    node: Option<String>,
    /// the log; - is standard input
    #[argh(positional)]
    file: String,
}

/// A number with its noun.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The sentence at the end.
fn summary(tally: &Tally, database: &Path) -> String {
    let mut text = format!(
        "{}, {}, {}",
        count(tally.lines, "line"),
        count(tally.records, "audit record"),
        count(tally.execs, "exec")
    );
    if tally.partial > 0 {
        text.push_str(&format!(" ({} with records missing)", tally.partial));
    }
    text.push_str(&format!(", {} malformed", count(tally.malformed, "line")));
    if tally.elsewhere > 0 {
        text.push_str(&format!(", {} of other machines left out (see --node)", count(tally.elsewhere, "record")));
    }
    if tally.boots > 0 {
        text.push_str(&format!(", {}", count(tally.boots, "reboot")));
    }
    format!("{text}; into {}", database.display())
}

impl Replay {
    /// Runs; returns the exit code.
    pub fn run(self, options: &Options) -> u8 {
        match self.replay(options) {
            Ok(()) => 0,
            Err(sentence) => {
                eprintln!("stemma replay: {sentence}");
                1
            }
        }
    }

    fn database(&self) -> PathBuf {
        match (&self.database, self.file.as_str()) {
            (Some(path), _) => super::database_path(Some(path), true),
            (None, "-") => PathBuf::from("replay.db"),
            (None, file) => {
                let name = Path::new(file).file_name().unwrap_or_default();
                PathBuf::from(format!("{}.db", name.to_string_lossy()))
            }
        }
    }

    fn replay(&self, options: &Options) -> Result<(), String> {
        // The log first: where there is none, an earlier database stays.
        let input: Box<dyn Read> = match self.file.as_str() {
            "-" => Box::new(io::stdin().lock()),
            file if Path::new(file).is_dir() => return Err(format!("{file} is a directory: name the log in it")),
            file => Box::new(File::open(file).map_err(|error| format!("opening {file}: {error}"))?),
        };
        let name = if self.file == "-" { "standard input" } else { &self.file };
        let database = self.database();
        let (lock, lock_path) = begin(&database)?;
        let result = self.record(options, name, &database, input);
        lock.remove(&lock_path);
        result
    }

    fn record(&self, options: &Options, name: &str, database: &Path, input: Box<dyn Read>) -> Result<(), String> {
        let writer = Writer::unsynced(database, agent::limits(options))?;
        let (tally, result) = Run::new(writer, options, name, self.node.as_deref())?.run(input);
        eprintln!("{name}: {}", summary(&tally, database));
        match result {
            Err(Trouble::Database(sentence)) => Err(sentence),
            Err(Trouble::Log(error)) => Err(format!("reading {name}: {error}; what follows is not in the database")),
            Ok(()) if tally.records == 0 => Err(format!("{name} holds no audit record that can be read")),
            Ok(()) => Ok(()),
        }
    }
}

/// Takes the database for ourselves and removes what an earlier replay left there. The lock, and its file.
fn begin(database: &Path) -> Result<(Lock, PathBuf), String> {
    let shown = database.display();
    let lock_path = PathBuf::from(format!("{shown}.lock"));
    let lock = Lock::take(&lock_path)
        .map_err(|error| format!("{shown} cannot be written: locking {}: {error}", lock_path.display()))?
        .ok_or_else(|| format!("an agent or another replay writes {shown}: give --database another place"))?;
    match clear(database) {
        Ok(()) => Ok((lock, lock_path)),
        Err(sentence) => {
            lock.remove(&lock_path);
            Err(sentence)
        }
    }
}

/// Makes sure that nothing is lost by writing the database, and that nothing is there.
fn clear(database: &Path) -> Result<(), String> {
    let shown = database.display();
    let is_empty = fs::metadata(database).map_or(true, |file| file.is_file() && file.len() == 0);
    if !is_empty {
        let agent = reader::open(database).and_then(|connection| reader::agent(&connection));
        let agent = agent.map_err(|why| format!("{why}: not overwriting it, give --database another place"))?;
        if !agent.is_some_and(|(_, row)| row.source.starts_with(SOURCE)) {
            return Err(format!("{shown} is what an agent recorded and stays: give --database another place"));
        }
    }
    for suffix in ["-wal", "-shm", ""] {
        let path = PathBuf::from(format!("{shown}{suffix}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("removing what an earlier replay left in {}: {error}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
