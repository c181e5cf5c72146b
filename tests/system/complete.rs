//! Complete: every exec of a storm of known families is one row, and its chain is right at every level up to pid 1.

use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::Daemon;
use crate::compare::{ALL, compare};
use crate::machine::{AuditState, Machine, Scratch, audit_number, have, run, skip};
use crate::truth::Generator;

/// A storm under a daemon; afterwards the truth must be in the database.
fn storm(scratch: &Path, daemon_options: &[&str], generator_options: &[&str]) -> u32 {
    let database = scratch.join("db");
    fs::create_dir_all(&database).expect("a directory");
    let lost = audit_number("lost");
    // A storm that fits the kernel's buffers, also where something else keeps the processors busy.
    let room = ["--audit_backlog_limit=65536", "--audit_receive_buffer=67108864"];
    let mut daemon = Daemon::start(&database, &[&room[..], daemon_options].concat());
    let truth = Generator::start(scratch, "storm", generator_options).finish();
    assert!(truth.images().len() >= 10_000, "only {} execs", truth.images().len());
    daemon.settle();
    let rung = daemon.status_number("rung");
    assert_eq!(daemon.status_number("kernel_lost"), daemon.status_number("kernel_lost_before"), "lost since the start");
    for counter in ["rows_dropped", "records_malformed", "events_evicted", "events_partial"] {
        assert_eq!(daemon.status_number(counter), 0, "{counter}");
    }
    assert_eq!(audit_number("lost"), lost, "the kernel's own count");
    let status = daemon.stop("TERM");
    assert!(status.success(), "{status}\n{}", daemon.log());
    compare(&database, &truth, "storm", ALL);
    rung as u32
}

#[test]
fn storm_of_families() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    assert_eq!(storm(scratch.path(), &[], &[]), 1, "audit is free: rung 1");
}

#[test]
fn pids_used_again() {
    let Some(mut machine) = Machine::take() else { return };
    // A thousand pids, three hundred of them reserved: some twenty rounds. Threads have pids too.
    machine.set_sysctl("kernel.pid_max", "1000");
    let scratch = Scratch::new();
    // Init takes its time to reap orphans, and a zombie keeps its pid: the generator adopts them itself.
    storm(scratch.path(), &[], &["--subreaper"]);
}

#[test]
fn cache_of_64() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    storm(scratch.path(), &["--process_ancestry_cache_size=64"], &[]);
}

/// A storm whose rows go to a disk that is as busy as can be: its syncs take up to a second here, and are not waited for.
#[test]
fn beside_a_busy_disk() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    let busy = BusyDisk::start(scratch.path().join("busy"));
    thread::sleep(Duration::from_secs(3));
    storm(scratch.path(), &[], &[]);
    println!("the disk took {} MiB meanwhile", busy.stop());
}

/// Somebody who writes and syncs without end.
struct BusyDisk {
    stop: Arc<AtomicBool>,
    writer: Option<thread::JoinHandle<u64>>,
}

impl BusyDisk {
    fn start(path: PathBuf) -> BusyDisk {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let writer = thread::spawn(move || {
            let (block, mut written) = (vec![0x5a; 1 << 20], 0);
            let mut file = File::create(&path).expect("a file");
            // The same 128 MiB again and again. Files of 1 GiB take so much of the machine's memory that the kernel finds
            // none for messages of the proc connector now and then, and drops them without a word (see README).
            while !told.load(Ordering::Relaxed) {
                file.rewind().expect("a file");
                for _ in 0..128 {
                    file.write_all(&block).expect("room for 128 MiB");
                    written += 1;
                }
                file.sync_all().expect("a disk");
            }
            written
        });
        BusyDisk { stop, writer: Some(writer) }
    }

    /// MiB written.
    fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.writer.take().map_or(0, |writer| writer.join().expect("it wrote"))
    }
}

impl Drop for BusyDisk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[test]
fn beside_auditd() {
    let Some(_machine) = Machine::take() else { return };
    if !have("auditd") {
        return skip("auditd (Debian: auditd)");
    }
    let scratch = Scratch::new();
    let auditd = Auditd::start(&scratch.path().join("auditd"));
    run("auditctl", &["-b", "65536"]);
    run("auditctl", &["-w", "/etc/hostname", "-p", "wa", "-k", "foreign"]);
    let before = AuditState::now();
    assert_eq!(storm(scratch.path(), &[], &[]), 2, "audit has an owner: rung 2");
    assert_eq!(before, AuditState::now(), "auditd's settings and rules");
    let logged = auditd.log();
    fs::write("/etc/hostname", fs::read("/etc/hostname").expect("a host name")).expect("writable");
    let end = Instant::now() + Duration::from_secs(10);
    while !auditd.log()[logged.len()..].contains("key=\"foreign\"") {
        assert!(Instant::now() < end, "auditd does not log any more");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Debian's auditd with a configuration and a log of its own.
struct Auditd {
    child: Child,
    log: std::path::PathBuf,
}

impl Auditd {
    fn start(folder: &Path) -> Auditd {
        let (log, plugins) = (folder.join("audit.log"), folder.join("plugins.d"));
        fs::create_dir_all(&plugins).expect("a directory");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("chmod");
        let config = format!(
            "log_file = {}\nlog_format = RAW\nlog_group = root\nflush = NONE\nmax_log_file = 500\n\
             max_log_file_action = IGNORE\nspace_left = 75\nspace_left_action = IGNORE\nadmin_space_left = 50\n\
             admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\nplugin_dir = {}\n",
            log.display(),
            plugins.display()
        );
        fs::write(folder.join("auditd.conf"), config).expect("writable");
        let child = Command::new("auditd").args(["-n", "-s", "enable", "-c"]).arg(folder).stdout(Stdio::null()).spawn();
        let auditd = Auditd { child: child.expect("auditd starts"), log };
        let end = Instant::now() + Duration::from_secs(10);
        while audit_number("pid") != i64::from(auditd.child.id()) {
            assert!(Instant::now() < end, "auditd does not own audit after 10 s");
            thread::sleep(Duration::from_millis(50));
        }
        auditd
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
