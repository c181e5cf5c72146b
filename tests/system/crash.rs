//! kill -9 at any moment leaves a readable database that has lost at most the last second.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use crate::agent::{Daemon, query};
use crate::compare::compare;
use crate::machine::{Machine, Scratch, have, run};
use crate::truth::Generator;

/// A second, and what a busy machine may add to a timer.
const MAY_BE_LOST_NS: i64 = 1_200_000_000;

#[test]
fn killed_in_a_storm() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    let database = scratch.path().join("db");
    fs::create_dir_all(&database).expect("a directory");
    for round in 0..5 {
        let name = format!("round{round}");
        let mut daemon = Daemon::start(&database, &[]);
        let storm = Generator::start(scratch.path(), &name, &["--execs", "100000", "--rate", "800"]);
        // No two rounds alike, and over a second, so that there is something to be kept.
        let noise = now_ns().unsigned_abs() / 1000 % 900;
        sleep(Duration::from_millis(1600 + noise));
        let killed_ns = now_ns();
        daemon.stop("KILL");
        let truth = storm.cut_short();
        if have("sqlite3") {
            let file = database.join("events.db");
            assert_eq!(run("sqlite3", &[&file.to_string_lossy(), "PRAGMA integrity_check"]).trim(), "ok");
        }
        assert!(!query(&database, "select pid from process_events limit 1").is_empty());
        let until_ns = killed_ns - MAY_BE_LOST_NS;
        let due = truth.images().iter().filter(|n| n.now_ns < until_ns).count();
        println!("round {round}: {due} of {} execs had to be there", truth.images().len());
        assert!(due > 100, "the storm was too weak");
        compare(&database, &truth, &name, until_ns);
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_nanos()).expect("before 2262")
}
