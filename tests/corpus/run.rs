//! One query through the binary, as one user, with a time limit.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// What a query may take, seconds.
const TIME_LIMIT_S: u64 = 20;
/// After this the query's own limit has failed and the process is killed.
const PATIENCE: Duration = Duration::from_secs(TIME_LIMIT_S + 10);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the test.
    Caller,
    /// uid and gid 65534, without any group more.
    Nobody,
}

/// How a query went.
pub enum Outcome {
    Ran,
    /// A table that is not there, and the reason if one is given.
    NoTable {
        name: String,
        reason: Option<String>,
    },
    /// All that is wrong, in one text.
    Failed(String),
}

/// A directory that everybody can enter, with a copy of the binary.
pub struct Bench(PathBuf);

impl Bench {
    pub fn new() -> Bench {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("stemma-corpus-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a directory for all");
        let binary = std::env::var_os("STEMMA_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_stemma").into());
        // A copy, for the build's own directory may be closed to others.
        fs::copy(binary, path.join("stemma")).expect("the binary");
        fs::set_permissions(path.join("stemma"), fs::Permissions::from_mode(0o755)).expect("a binary for all");
        Bench(path)
    }

    /// Who can ask here: root asks as nobody too.
    pub fn users(&self) -> Vec<User> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let root = status.lines().any(|line| line.starts_with("Uid:\t0\t0"));
        let nobody =
            root && self.command(User::Nobody).args(["query", "select 1"]).output().is_ok_and(|o| o.status.success());
        if nobody { vec![User::Caller, User::Nobody] } else { vec![User::Caller] }
    }

    /// The binary, as this user, in the bench's directory.
    pub fn command(&self, user: User) -> Command {
        let binary = self.0.join("stemma");
        let mut command = match user {
            User::Caller => Command::new(binary),
            User::Nobody => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(binary);
                command
            }
        };
        command.current_dir(&self.0).stdin(Stdio::null());
        command
    }

    /// Runs a query to its end.
    pub fn run(&self, user: User, sql: &str) -> Outcome {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        let place = |what: &str| self.0.join(format!("{number}.{what}"));
        // Files, not pipes: nobody need read while it runs, and neither can grow past what a query prints.
        let (out, err) = (place("out"), place("err"));
        let limit = TIME_LIMIT_S.to_string();
        let mut child = self
            .command(user)
            .args(["query", "--json", "--time-limit", &limit, "--database", "events.db", "--", sql])
            .stdout(File::create(&out).expect("a file"))
            .stderr(File::create(&err).expect("a file"))
            .spawn()
            .expect("the binary runs");
        let began = Instant::now();
        let status = loop {
            match child.try_wait().expect("its status") {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => {
                    child.kill().expect("to end it");
                    break child.wait().expect("its status");
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let text = |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).expect("output")).into_owned();
        let outcome = judged(status, &text(&out), &text(&err));
        let _ = (fs::remove_file(out), fs::remove_file(err));
        outcome
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// glog's form: the severity's letter, then month and day.
fn is_warning(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.len() > 5 && bytes[0] == b'W' && bytes[1..5].iter().all(u8::is_ascii_digit)
}

fn judged(status: ExitStatus, out: &str, err: &str) -> Outcome {
    let told: Vec<_> = err.lines().filter(|line| !is_warning(line)).collect();
    if let [line] = told[..] {
        if let Some(rest) = line.strip_prefix("Error: no such table: ") {
            let (name, reason) =
                rest.split_once(" (not supported: ").map_or((rest, None), |(name, why)| (name, Some(why)));
            return Outcome::NoTable { name: name.to_string(), reason: reason.map(str::to_string) };
        }
    }
    let mut faults = told.join("; ");
    let malformed = serde_json::from_str::<Vec<serde_json::Value>>(out).err().filter(|_| status.success());
    if let Some(signal) = status.signal() {
        faults += &format!(" [ended by signal {signal}]");
    } else if !status.success() && faults.is_empty() {
        faults = format!("exit code {}", status.code().unwrap_or(-1));
    } else if let Some(error) = malformed {
        faults += &format!(" [its output is no JSON: {error}]");
    }
    if faults.is_empty() { Outcome::Ran } else { Outcome::Failed(faults) }
}

#[test]
fn a_run_is_judged_by_its_status_its_output_and_what_it_says() {
    let ok = ExitStatus::from_raw(0);
    assert!(matches!(judged(ok, "[\n\n]\n", "W1124 22:19:27.000000 1 stemma] no events.db\n"), Outcome::Ran));
    let faults = |status: i32, out: &str, err: &str| match judged(ExitStatus::from_raw(status), out, err) {
        Outcome::Failed(faults) => faults,
        _ => panic!("{status} {out} {err}: not failed"),
    };
    assert_eq!(faults(0, "[]", "E1124 22:19:27.000000 1 stemma] denied\n"), "E1124 22:19:27.000000 1 stemma] denied");
    assert_eq!(faults(1 << 8, "[]", "Error: no such column: a\n"), "Error: no such column: a");
    assert_eq!(faults(1 << 8, "[]", ""), "exit code 1");
    assert_eq!(faults(6, "", "thread 'main' panicked\n"), "thread 'main' panicked [ended by signal 6]");
    assert!(faults(0, "[{", "").contains("no JSON"));
    let missing = judged(ExitStatus::from_raw(1 << 8), "[]", "Error: no such table: x (not supported: why)\n");
    assert!(matches!(missing, Outcome::NoTable { name, reason: Some(_) } if name == "x"));
}
