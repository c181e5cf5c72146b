//! Tests of the shell: the built binary under osquery's names, with flags, scripts, and a person at a pseudo-terminal.
//!
//! `STEMMA_BIN` names another binary to test, for instance the static release build. No test needs root or kernel audit.

// clippy.toml allows these in test functions only; everything here is test.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bench;
mod config;
mod flags;
mod interactive;
mod modes;
mod pty;
mod schema;
mod script;
