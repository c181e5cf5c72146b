//! Honest: what the kernel lost while the collector could not read is counted as the kernel counts it, and afterwards
//! chains are complete again.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::agent::{Daemon, kill};
use crate::compare::{ALL, compare};
use crate::machine::{Machine, Scratch, audit_number};
use crate::truth::{Generator, storm};

#[test]
fn losses_are_the_kernels_own_number() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    let database = scratch.path().join("db");
    fs::create_dir_all(&database).expect("a directory");
    let before = audit_number("lost");
    let mut daemon = Daemon::start(&database, &[]);
    let mut storm = Killed(storm(10_000_000, 4, 0).spawn().expect("the storm starts"));
    sleep(Duration::from_millis(500));
    kill(daemon.pid(), "STOP");
    sleep(Duration::from_secs(10));
    kill(daemon.pid(), "CONT");
    storm.end();

    daemon.settle();
    let end = Instant::now() + Duration::from_secs(10);
    let mut lost = audit_number("lost");
    while daemon.status_number("kernel_lost") != lost && Instant::now() < end {
        sleep(Duration::from_millis(500));
        lost = audit_number("lost");
    }
    println!("the kernel lost {} records in 10 s", lost - before);
    assert!(lost > before, "nothing was lost: the storm was too weak to test this");
    assert_eq!(daemon.status_number("kernel_lost"), lost);
    assert_eq!(daemon.status_number("kernel_lost_before"), before);

    let truth = Generator::start(scratch.path(), "after", &["--execs", "1000"]).finish();
    daemon.settle();
    let status = daemon.stop("TERM");
    assert!(status.success(), "{status}");
    compare(&database, &truth, "after", ALL);
}

/// A child that does not outlive the test. Its own children notice that it is gone, or end by themselves.
struct Killed(std::process::Child);

impl Killed {
    fn end(&mut self) {
        let children = format!("/proc/{0}/task/{0}/children", self.0.id());
        let children = fs::read_to_string(children).unwrap_or_default();
        let _ = self.0.kill();
        for pid in children.split_whitespace() {
            let _ = std::process::Command::new("kill").args(["-9", pid]).status();
        }
        let _ = self.0.wait();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.end();
    }
}
