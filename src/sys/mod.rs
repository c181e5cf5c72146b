//! The only unsafe code: thin, safe wrappers over libc and nothing more. Each wrapper returns `std::io::Result` with
//! the system's own error; policy (what to do about it, what to tell people) belongs to the callers.
#![allow(unsafe_code)]

pub mod aio;
pub mod alloc;
pub mod clock;
pub mod cpuid;
pub mod dir;
pub mod directory;
pub mod file;
pub mod filesystem;
pub mod function;
pub mod home;
pub mod immutable;
pub mod inside;
pub mod interrupt;
pub mod iptables;
pub mod limit;
pub mod local;
pub mod memory;
pub mod netlink;
pub mod poll;
pub mod prepared;
pub mod process;
pub mod root;
pub mod rtnetlink;
pub mod signal;
pub mod sqlite;
pub mod tty;
pub mod uname;
#[cfg(all(target_env = "musl", panic = "abort"))]
pub mod unwind;
pub mod vtab;
pub mod xattr;
