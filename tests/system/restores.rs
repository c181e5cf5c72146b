//! Restores: after the collector, audit's settings and rules read as before it.

use std::thread::sleep;
use std::time::Duration;

use crate::agent::Daemon;
use crate::machine::{AuditState, Machine, Scratch, audit_number, run};

/// Each way to end, from whatever state the machine is in now.
fn comes_and_goes() {
    let scratch = Scratch::new();
    let before = AuditState::now();
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::start(scratch.path(), &[]);
        let during = AuditState::now();
        assert_eq!(audit_number("enabled"), 1);
        assert_eq!(audit_number("pid"), i64::from(daemon.pid()));
        assert!(during.rules.contains("execve"), "its rules are there: {}", during.rules);
        let status = daemon.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal}\n{}", daemon.log());
        assert_eq!(before, AuditState::now(), "after {signal}");
    }
    for rounds in [1, 2] {
        for _ in 0..rounds {
            let mut daemon = Daemon::start(scratch.path(), &[]);
            sleep(Duration::from_millis(300));
            daemon.stop("KILL");
        }
        let mut daemon = Daemon::start(scratch.path(), &[]);
        let during = AuditState::now();
        let own = during.rules.lines().filter(|line| !before.rules.contains(line)).count();
        let distinct: std::collections::BTreeSet<&str> = during.rules.lines().collect();
        assert_eq!(distinct.len(), during.rules.lines().count(), "rules twice ({own} are its own): {}", during.rules);
        let status = daemon.stop("TERM");
        assert_eq!(status.code(), Some(0), "{}", daemon.log());
        assert_eq!(before, AuditState::now(), "after {rounds} times kill -9, a new start and a clean exit");
    }
}

#[test]
fn as_found() {
    let Some(_machine) = Machine::take() else { return };
    comes_and_goes();
}

#[test]
fn foreign_rules_and_settings_stay() {
    let Some(_machine) = Machine::take() else { return };
    run("auditctl", &["-w", "/etc/passwd", "-p", "wa", "-k", "foreign"]);
    run("auditctl", &["-a", "always,exit", "-F", "arch=b64", "-S", "settimeofday", "-F", "key=other"]);
    run("auditctl", &["-a", "never,exclude", "-F", "msgtype=CRYPTO_KEY_USER"]);
    run("auditctl", &["-b", "320"]);
    run("auditctl", &["--backlog_wait_time", "7000"]);
    run("auditctl", &["-r", "0"]);
    run("auditctl", &["-e", "1"]);
    comes_and_goes();
}
