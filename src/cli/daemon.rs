//! `stemma daemon`: from the command line to the collector's loop.

use crate::agent::{self, Agent, session};
use crate::config::file;
use crate::config::flags::Flags;
use crate::config::options::{Options, Taken, take_flags};
use crate::log;
use crate::store::writer::{Writer, database_file};
use crate::sys::file::Lock;
use crate::sys::poll::Signals;
use crate::sys::process;
use argh::FromArgs;
use std::path::{Path, PathBuf};

/// Exit codes: audit cannot be used.
const NO_AUDIT: u8 = 3;
/// Exit codes: anything else that kept the agent from starting.
const NO_START: u8 = 1;

/// Record every process with its whole ancestry until SIGTERM or SIGINT.
#[derive(FromArgs)]
#[argh(subcommand, name = "daemon")]
pub struct Daemon {
    /// an osquery.conf; its `options` are read (default /etc/osquery/osquery.conf, if there)
    #[argh(option)]
    config: Option<PathBuf>,
    /// events.db, or the directory for it (default /var/lib/stemma)
    #[argh(option)]
    database: Option<PathBuf>,
    /// stay in the foreground and log to stderr
    #[argh(switch)]
    foreground: bool,
}

/// The options that arguments and a config file give: osquery lets the file overrule the command line.
fn options(config: Option<&Path>, flags: Options) -> Result<Options, String> {
    let mut options = flags;
    let default = Path::new("/etc/osquery/osquery.conf");
    let path = match config {
        Some(path) => path,
        None if default.exists() => default,
        None => return Ok(options),
    };
    for (name, value) in file::options(path)? {
        match options.set(&name, &value) {
            Taken::Yes => {}
            Taken::Unknown => log::warning(&format!("{}: unknown option {name} is ignored", path.display())),
            Taken::Not(kind) => return Err(format!("{}: {name} must be {kind}, not '{value}'", path.display())),
        }
    }
    Ok(options)
}

/// What keeps the agent from starting: a sentence and the exit code.
struct Trouble(String, u8);

impl Daemon {
    /// Takes option flags out of the arguments that follow `daemon` (or `replay`); `options`: what holds without them.
    ///
    /// # Errors
    /// One sentence about a flag's value.
    pub fn flags(mut options: Options, arguments: &[String]) -> Result<(Options, Vec<String>), String> {
        let rest = take_flags(&mut options, arguments)?;
        Ok((options, rest))
    }

    /// Runs; returns the exit code.
    pub fn run(self, flags: Options) -> u8 {
        match self.start(flags) {
            Ok(()) => 0,
            Err(Trouble(sentence, code)) => {
                log::error(&sentence);
                code
            }
        }
    }

    /// Runs as osqueryd does with these flags: in the foreground unless --daemonize says otherwise.
    pub fn run_as_osqueryd(flags: &Flags) -> u8 {
        let mut options = Options::default();
        for (name, value) in flags.all_given() {
            // Flags that are no options of ours are osquery's, and accepted.
            options.set(name, value);
        }
        let path = |name: &str| flags.given(name).map(PathBuf::from);
        let foreground = !flags.is_on("daemonize");
        Daemon { config: path("config_path"), database: path("database_path"), foreground }.run(options)
    }

    fn start(self, flags: Options) -> Result<(), Trouble> {
        let options = options(self.config.as_deref(), flags).map_err(|text| Trouble(text, NO_START))?;
        if options.disable_audit || !options.audit_allow_process_events {
            let name = if options.disable_audit { "disable_audit" } else { "audit_allow_process_events" };
            return Err(Trouble(format!("the option {name} leaves nothing to record: remove it"), NO_START));
        }
        let database = database_file(&super::database_path(self.database.as_deref(), true));
        let lock = lock(&database)?;
        let ready = if self.foreground { None } else { Some(detach()?) };
        let stop = [libc::SIGTERM, libc::SIGINT];
        let mut signals =
            Signals::new(&stop).map_err(|error| Trouble(format!("blocking signals: {error}"), NO_START))?;
        if options.priority_boost > 0
            && let Err(error) = process::boost_priority(options.priority_boost.min(40) as u8)
        {
            log::warning(&format!(
                "raising the agent's priority: {error}; give it CAP_SYS_NICE, or --priority_boost=0"
            ));
        }
        let (kernel, audit) = session::begin(&options).map_err(|refusal| Trouble(refusal.sentence(), NO_AUDIT))?;
        let writer = Writer::open(&database, agent::limits(&options));
        let words = crate::source::Source::rung(&kernel).name();
        let mut agent = Agent::new(kernel, Box::new(audit), writer, &options)
            .map_err(|error| Trouble(format!("taking memory: {error}"), NO_START))?;
        agent.seed();
        log::info(&format!("recording into {} from {words}", database.display()));
        if let Some(ready) = ready {
            ready.tell();
            log::use_syslog();
        }
        let signal = agent.run(&mut signals).map_err(|error| Trouble(format!("reading audit: {error}"), NO_START))?;
        log::info(&format!("stopped by signal {signal}, audit is as it was found"));
        drop(lock);
        Ok(())
    }
}

/// One agent a database.
fn lock(database: &Path) -> Result<Lock, Trouble> {
    if let Some(directory) = database.parent() {
        let made = std::fs::create_dir_all(directory);
        made.map_err(|error| Trouble(format!("making the directory {}: {error}", directory.display()), NO_START))?;
    }
    let path = PathBuf::from(format!("{}.lock", database.display()));
    match Lock::take(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => {
            let sentence =
                format!("another agent writes {}: stop it, or give --database another place", database.display());
            Err(Trouble(sentence, NO_START))
        }
        // A read-only directory: recording goes on in memory, and nobody else can write there either.
        Err(error) => {
            log::warning(&format!("locking {}: {error}", path.display()));
            Ok(Lock::none())
        }
    }
}

/// Goes to the background; the parent waits until the child records, and ends as it does.
fn detach() -> Result<process::Ready, Trouble> {
    process::detach().map_err(|error| Trouble(format!("going to the background: {error}"), NO_START))
}

/// The options, for `stemma daemon --help`.
pub fn options_help() -> String {
    let mut help = String::from("\nRecording (flags --name=value, or \"options\" of the config file):\n");
    for (name, what, default) in Options::list() {
        help.push_str(&format!("  --{name}={default}\n     {}\n", what.trim()));
    }
    help
}
