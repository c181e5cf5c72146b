//! The commands: dispatch, and what they share.

pub mod daemon;
pub mod output;
pub mod pretty;
pub mod query;
pub mod tree;
pub mod value;

use argh::FromArgs;
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
    Tree(tree::Tree),
}

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
fn written(trouble: Option<std::io::Error>) -> u8 {
    match trouble {
        // Whoever read us has seen enough.
        Some(error) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Some(error) => {
            eprintln!("Error: writing the result: {error}");
            1
        }
        None => 0,
    }
}

/// Whether a first argument is SQL and no command.
fn is_sql(argument: &str) -> bool {
    argument.contains([' ', ';', '\n']) && !argument.starts_with('-')
}

/// From the command line to an exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    ExitCode::from(run(&arguments))
}

fn run(arguments: &[String]) -> u8 {
    match arguments {
        [version] if matches!(version.as_str(), "--version" | "-version" | "version") => {
            println!("stemma version {}", env!("CARGO_PKG_VERSION"));
            return 0;
        }
        [sql] if is_sql(sql) => return query::Query::plain(sql.clone()).run(),
        _ => {}
    }
    let mut options = Default::default();
    let mut words = arguments.to_vec();
    if let [command, rest @ ..] = arguments
        && command == "daemon"
    {
        match daemon::Daemon::flags(rest) {
            Ok((given, rest)) => {
                options = given;
                words = std::iter::once(command.clone()).chain(rest).collect();
            }
            Err(sentence) => {
                eprintln!("stemma daemon: {sentence}");
                return 1;
            }
        }
    }
    // `--name=value` is how osquery's flags are written; the parser below wants two words.
    let pair = |word: &'_ String| match word.split_once('=') {
        Some((name, value)) if name.starts_with("--") => vec![name.to_string(), value.to_string()],
        _ => vec![word.clone()],
    };
    let words: Vec<String> = words.iter().flat_map(pair).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match Stemma::from_args(&["stemma"], &words) {
        Ok(Stemma { command: Command::Daemon(daemon) }) => daemon.run(options),
        Ok(Stemma { command: Command::Query(query) }) => query.run(),
        Ok(Stemma { command: Command::Tree(tree) }) => tree.run(),
        Err(exit) => {
            let failed = exit.status.is_err();
            if failed {
                eprint!("{}", exit.output)
            } else {
                print!("{}", exit.output)
            }
            if !failed && words.first() == Some(&"daemon") {
                print!("{}", daemon::options_help());
            }
            u8::from(failed)
        }
    }
}
