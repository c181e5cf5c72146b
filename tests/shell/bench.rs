//! The workbench of a test: a directory with the binary under osquery's names, which is HOME as well.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes away.
pub struct Bench {
    directory: PathBuf,
}

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: i32,
}

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("STEMMA_BIN").map_or_else(|| env!("CARGO_BIN_EXE_stemma").into(), PathBuf::from)
}

impl Bench {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("stemma-shell-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory");
        let binary = fs::canonicalize(binary()).expect("the binary");
        for name in ["osqueryi", "osqueryd", "stemma"] {
            std::os::unix::fs::symlink(&binary, directory.join(name)).expect("a link");
        }
        Bench { directory }
    }

    /// A file in it, made.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path(program));
        command.args(arguments).current_dir(&self.directory).env("HOME", &self.directory).env("TERM", "xterm");
        command
    }

    /// Runs a program with bytes on its standard input; output as bytes.
    pub fn bytes(&self, program: &str, arguments: &[&str], input: &[u8]) -> (Vec<u8>, Vec<u8>, i32) {
        let mut command = self.command(program, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        // It may end before it has read everything.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        let output = child.wait_with_output().expect("its output");
        (output.stdout, output.stderr, output.status.code().unwrap_or(-1))
    }

    pub fn run(&self, program: &str, arguments: &[&str], input: &str) -> Ran {
        let (out, err, code) = self.bytes(program, arguments, input.as_bytes());
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ran { out: text(out), err: text(err), code }
    }

    /// `osqueryi` with these arguments and no input.
    pub fn shell(&self, arguments: &[&str]) -> Ran {
        self.run("osqueryi", arguments, "")
    }

    /// `osqueryi` with this script and these arguments.
    pub fn script(&self, arguments: &[&str], script: &str) -> Ran {
        self.run("osqueryi", arguments, script)
    }

    pub fn as_path(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A run that went well and printed this.
pub fn printed(out: &str) -> Ran {
    Ran { out: out.into(), err: String::new(), code: 0 }
}

/// A run that failed.
pub fn failed(out: &str, err: &str, code: i32) -> Ran {
    Ran { out: out.into(), err: err.into(), code }
}
