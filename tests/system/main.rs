//! System tests: the built binary, the real kernel, and a generator that knows the truth (tests/families).
//!
//! They need root in the initial namespaces, kernel audit that nobody else owns, `auditctl`, and a C compiler. Where one
//! of these is missing a test says `skipped: needs …` and passes; with `STEMMA_REQUIRE_AUDIT=1` it fails. Audit is one
//! thing for the whole machine: each test holds a lock (/run/lock/stemma-audit.lock) and puts back what it found,
//! panic or not. `STEMMA_BIN` names another binary to test, for instance the static release build.

// clippy.toml allows these in test functions only; everything here is test.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agent;
mod bounded;
mod compare;
mod complete;
mod crash;
mod exits;
mod honest;
mod limits;
mod machine;
mod restores;
mod truth;
