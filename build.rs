//! Generates `OUT_DIR/capacity.rs` (fixed capacities: the shipped ones, or tiny ones with the feature `tiny`, so that
//! eviction and overflow run all the time under test) and the version and platform strings of `osquery_info`.

use std::{env, error::Error, fs, path::Path};

/// Name, shipped value, tiny value, what it bounds.
const CAPACITIES: &[(&str, usize, usize, &str)] = &[
    ("ASSEMBLER_SLOTS", 32, 4, "Audit events being put together at once."),
    ("LOG_SLOTS", 64, 8, "Audit events of a log being put together and in order at once."),
    ("EVENT_TEXT", 256 * 1024, 16 * 1024, "Bytes of text (command line, paths) one audit event may carry."),
    ("RECV_BATCH", 32, 8, "Datagrams taken from the audit socket in one recvmmsg."),
    ("CONNECTOR_RING", 8192, 64, "Proc connector events waiting for their place in time."),
    ("PENDING_ROWS", 1024, 16, "Rows waiting for the database."),
    ("PENDING_TEXT", 1024 * 1024, 64 * 1024, "Bytes of text of the rows waiting for the database."),
    ("PENDING_UPDATES", 1024, 16, "Exit updates waiting for the database."),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let tiny = env::var_os("CARGO_FEATURE_TINY").is_some();
    let mut out = String::new();
    for (name, shipped, small, help) in CAPACITIES {
        let value = if tiny { small } else { shipped };
        out.push_str(&format!("/// {help}\npub const {name}: usize = {value};\n"));
    }
    let dir = env::var("OUT_DIR")?;
    fs::write(Path::new(&dir).join("capacity.rs"), out)?;
    println!("cargo::rustc-env=STEMMA_TARGET={}", env::var("TARGET")?);
    Ok(())
}
