//! The machine under test: who may use it, what its audit settings were, and putting them back.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const LOCK: &str = "/run/lock/stemma-audit.lock";
/// Lines of `auditctl -s` that change by themselves.
const MOVING: [&str; 3] = ["lost ", "backlog ", "backlog_wait_time_actual "];

/// Runs a program to its end and returns its standard output; panics when it fails.
pub fn run(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(out.status.success(), "{program} {args:?}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Whether a program can be found.
pub fn have(program: &str) -> bool {
    Command::new("sh").args(["-c", "command -v \"$0\" > /dev/null", program]).status().is_ok_and(|s| s.success())
}

/// One number of `auditctl -s`.
pub fn audit_number(name: &str) -> i64 {
    let text = run("auditctl", &["-s"]);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|v| v.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// What `auditctl` says, without the numbers that move by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditState {
    pub status: String,
    pub rules: String,
}

impl AuditState {
    pub fn now() -> AuditState {
        let status = run("auditctl", &["-s"]);
        let status = status.lines().filter(|line| !MOVING.iter().any(|m| line.starts_with(m)));
        AuditState { status: status.collect::<Vec<_>>().join("\n"), rules: run("auditctl", &["-l"]) }
    }

    fn number(&self, name: &str) -> String {
        let line = self.status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or("0").trim().to_owned()
    }

    fn put_back(&self) {
        let now = AuditState::now();
        if now.rules != self.rules {
            let _ = Command::new("auditctl").arg("-D").output();
            for rule in self.rules.lines().filter(|line| line.starts_with('-')) {
                let _ = Command::new("auditctl").args(rule.split_whitespace()).output();
            }
        }
        let settings = [
            ("-b", "backlog_limit"),
            ("--backlog_wait_time", "backlog_wait_time"),
            ("-r", "rate_limit"),
            ("-f", "failure"),
        ];
        for (option, name) in settings {
            let _ = Command::new("auditctl").args([option, &self.number(name)]).output();
        }
        let _ = Command::new("auditctl").args(["-e", &self.number("enabled")]).output();
    }
}

/// The right to change audit and sysctls. Everything is put back when it is dropped.
pub struct Machine {
    before: AuditState,
    sysctls: Vec<(PathBuf, String)>,
    _lock: File,
}

impl Machine {
    /// Waits for the lock. None: something is missing, and that has been said.
    // File::lock is of Rust 1.89; tests are built by the toolchain of rust-toolchain.toml.
    #[allow(clippy::incompatible_msrv)]
    pub fn take() -> Option<Machine> {
        let missing = match missing() {
            Some(what) => what,
            None => {
                let lock = OpenOptions::new().create(true).append(true).open(LOCK).expect(LOCK);
                lock.lock().expect("flock");
                let owner = audit_number("pid");
                if owner == 0 || !Path::new(&format!("/proc/{owner}")).exists() {
                    return Some(Machine { before: AuditState::now(), sysctls: Vec::new(), _lock: lock });
                }
                format!("kernel audit for itself (pid {owner} owns it)")
            }
        };
        skip(&missing);
        None
    }

    /// Sets a sysctl until the end of the test.
    pub fn set_sysctl(&mut self, name: &str, value: &str) {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        let old = fs::read_to_string(&path).expect("a sysctl");
        fs::write(&path, value).unwrap_or_else(|e| panic!("{name}={value}: {e}"));
        self.sysctls.push((path, old));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for (path, old) in self.sysctls.drain(..).rev() {
            let _ = fs::write(path, old.trim());
        }
        self.before.put_back();
    }
}

/// Says what is missing; fails where that is not allowed.
pub fn skip(missing: &str) {
    assert!(std::env::var_os("STEMMA_REQUIRE_AUDIT").is_none_or(|v| v != "1"), "needs {missing}");
    // Not eprintln!: the test harness would keep it to itself.
    let _ = writeln!(std::io::stderr(), "skipped: needs {missing}");
}

fn missing() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t0"));
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    // PROC_PID_INIT_INO of the kernel.
    if !root || namespace.as_os_str() != "pid:[4026531836]" {
        return Some("root in the initial pid namespace".into());
    }
    for (program, package) in [("auditctl", "auditd"), ("cc", "gcc")] {
        if !have(program) {
            return Some(format!("{program} (Debian: {package})"));
        }
    }
    let audit = Command::new("auditctl").arg("-s").output();
    (!audit.is_ok_and(|o| o.status.success())).then(|| "kernel audit".into())
}

/// A directory of its own, removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stemma-system-{}-{n}", std::process::id()));
        fs::create_dir_all(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("STEMMA_KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}
