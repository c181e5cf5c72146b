//! Bounded: memory, heap allocations and the size of the binary.

use std::fs;

use crate::agent::{Daemon, binary};
use crate::machine::{Machine, Scratch};
use crate::truth::storm;

/// Resident memory may move by this much between 20,000 and 200,000 execs, KiB.
const RSS_SLACK_KIB: i64 = 100;
/// Allocations allowed in 180,000 execs: room for a log line, none for work done once an event or a batch.
const ALLOCATIONS: i64 = 200;

#[test]
fn memory_stays_flat() {
    let Some(_machine) = Machine::take() else { return };
    let scratch = Scratch::new();
    // Flat out on all processors the kernel's own thread that hands records over may wait for its turn: buffers that it
    // takes (kernel memory, not the collector's) are made large enough, since losses are another test's matter.
    let mut daemon = Daemon::start(scratch.path(), &["--audit_backlog_limit=65536", "--audit_receive_buffer=67108864"]);
    let reading = |execs: u32| {
        let status = storm(execs, 4, 0).status().expect("the storm starts");
        assert!(status.success(), "storm: {status}");
        daemon.settle();
        (daemon.rss_kib(), daemon.status_number("heap_allocations"), daemon.status_number("exec_events"))
    };
    let early = reading(20_000);
    let late = reading(180_000);
    let (grown, allocated, execs) = (late.0 - early.0, late.1 - early.1, late.2 - early.2);
    println!(
        "RSS {} KiB after 20,000 execs, {} KiB after 200,000; {allocated} heap allocations in {execs} execs",
        early.0, late.0
    );
    assert!(execs >= 180_000, "only {execs} execs seen");
    assert!(grown.abs() <= RSS_SLACK_KIB, "RSS changed by {grown} KiB");
    assert!(allocated <= ALLOCATIONS, "{allocated} heap allocations in {execs} execs");
    let status = daemon.stop("TERM");
    assert!(status.success(), "{status}");
}

#[test]
fn binary_is_small() {
    // A debug build has no budget.
    if std::env::var_os("STEMMA_BIN").is_none() {
        return println!("skipped: needs STEMMA_BIN, the release binary");
    }
    let bytes = fs::metadata(binary()).expect("the binary under test").len();
    assert!(bytes <= 2_000_000, "{bytes} bytes");
}
