//! The commands: dispatch, and what they share.

pub mod daemon;
pub mod output;
pub mod pretty;
pub mod query;
pub mod replay;
pub mod schema;
pub mod shell;
pub mod tree;
pub mod value;

use argh::FromArgs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Knows what ran on this machine, and who started it. `stemma "SELECT …"` is short for `stemma query "SELECT …"`.
#[derive(FromArgs)]
struct Stemma {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Daemon(daemon::Daemon),
    Query(query::Query),
    Replay(replay::Replay),
    Schema(schema::Schema),
    Shell(Shell),
    Tree(tree::Tree),
}

/// Answer SQL that is typed or comes as a script: osquery's shell, also under the name osqueryi.
#[derive(FromArgs)]
#[argh(subcommand, name = "shell")]
struct Shell {}

/// The database's place: what was given, or /var/lib/stemma; a directory holds events.db. `make`: it will be written,
/// so a path that does not exist and has no extension is a directory to be made.
pub fn database_path(given: Option<&Path>, make: bool) -> PathBuf {
    let path = given.unwrap_or(Path::new("/var/lib/stemma"));
    if make && !path.exists() && path.extension().is_none() {
        // What goes wrong here is told when the database is opened.
        let _ = std::fs::create_dir_all(path);
    }
    crate::store::writer::database_file(path)
}

/// The exit code after writing a result; says what went wrong with it.
fn written(trouble: Option<io::Error>) -> u8 {
    match trouble {
        // Whoever read us has seen enough.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
        Some(error) => {
            complain(&format!("Error: writing the result: {error}"));
            1
        }
        None => 0,
    }
}

/// Prints text to standard output; returns the exit code. (`print!` would end the program if nobody reads.)
fn tell(text: &str) -> u8 {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()).err())
}

/// Prints a line about what is wrong. Whoever does not listen to stderr is not told.
fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a first argument is SQL and no command.
fn is_sql(argument: &str) -> bool {
    argument.contains([' ', ';', '\n']) && !argument.starts_with('-')
}

/// From the command line to an exit code.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = arguments.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or("");
    let arguments: Vec<String> = arguments.collect();
    ExitCode::from(match (program, arguments.as_slice()) {
        ("osqueryi" | "osqueryd", _) => osquery(program, &arguments),
        (_, [shell, rest @ ..]) if shell == "shell" => match shell::flags("stemma shell", rest) {
            Ok(parsed) => shell::run(parsed, "stemma"),
            Err(code) => code,
        },
        _ => run(&arguments),
    })
}

/// Under osquery's names, with its flags: the shell, or the daemon.
fn osquery(program: &str, arguments: &[String]) -> u8 {
    match shell::flags(program, arguments) {
        Ok(parsed) => {
            let is_daemon = program == "osqueryd" && !parsed.flags.is_on("S");
            if is_daemon || parsed.flags.is_on("D") {
                daemon::Daemon::run_as_osqueryd(&parsed.flags)
            } else {
                shell::run(parsed, "osquery")
            }
        }
        Err(code) => code,
    }
}

/// `--some_name=value` is how osquery's flags are written; argh wants `--some-name value`.
fn as_argh_wants(word: &str) -> Vec<String> {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let is_flag = name.starts_with("--") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    match (is_flag, value) {
        (false, _) => vec![word.to_string()],
        (true, value) => [name.replace('_', "-")].into_iter().chain(value.map(str::to_string)).collect(),
    }
}

fn run(arguments: &[String]) -> u8 {
    match arguments {
        [version] if matches!(version.as_str(), "--version" | "-version" | "version") => {
            return tell(&format!("stemma version {}\n", env!("CARGO_PKG_VERSION")));
        }
        [sql] if is_sql(sql) => return query::Query::plain(sql.clone()).run(),
        _ => {}
    }
    let mut options = Default::default();
    let mut words = arguments.to_vec();
    if let [command, rest @ ..] = arguments
        && matches!(command.as_str(), "daemon" | "replay")
    {
        if command == "replay" {
            options = crate::agent::replay::Replay::defaults();
        }
        match daemon::Daemon::flags(options.clone(), rest) {
            Ok((given, rest)) => {
                options = given;
                words = std::iter::once(command.clone()).chain(rest).collect();
            }
            Err(sentence) => {
                complain(&format!("stemma {command}: {sentence}"));
                return 1;
            }
        }
    }
    let words: Vec<String> = words.iter().flat_map(|word| as_argh_wants(word)).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The parser takes a last `-` for an option; here it is standard input.
    if let [.., before, "-"] = words.as_slice()
        && !before.starts_with('-')
    {
        words.insert(words.len() - 1, "--");
    }
    match Stemma::from_args(&["stemma"], &words) {
        Ok(Stemma { command: Command::Daemon(daemon) }) => daemon.run(options),
        Ok(Stemma { command: Command::Query(query) }) => query.run(),
        Ok(Stemma { command: Command::Replay(replay) }) => replay.run(&options),
        Ok(Stemma { command: Command::Schema(schema) }) => schema.run(),
        Ok(Stemma { command: Command::Shell(Shell {}) }) => 0,
        Ok(Stemma { command: Command::Tree(tree) }) => tree.run(),
        Err(exit) => {
            let failed = exit.status.is_err();
            if failed {
                complain(exit.output.trim_end());
                return 1;
            }
            let more = match words.first() {
                Some(&"daemon") => daemon::options_help(),
                _ => String::new(),
            };
            tell(&(exit.output + &more))
        }
    }
}
