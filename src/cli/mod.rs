//! The commands.

pub mod daemon;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The database's place: what was given, or /var/lib/stemma. `make`: it will be written, so a path that does not exist
/// and has no extension is a directory to be made.
pub fn database_path(given: Option<&Path>, make: bool) -> PathBuf {
    let path = given.unwrap_or(Path::new("/var/lib/stemma")).to_path_buf();
    if make && !path.exists() && path.extension().is_none() {
        let _ = std::fs::create_dir_all(&path);
    }
    crate::store::writer::database_file(&path)
}

/// Entry.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    match daemon::Daemon::flags(&arguments) {
        Ok((options, rest)) => {
            let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
            let daemon = <daemon::Daemon as argh::FromArgs>::from_args(&["stemma daemon"], &rest);
            match daemon {
                Ok(daemon) => ExitCode::from(daemon.run(options)),
                Err(e) => {
                    eprintln!("{}", e.output);
                    ExitCode::from(1)
                }
            }
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(1)
        }
    }
}
