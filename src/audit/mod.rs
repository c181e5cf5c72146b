//! Kernel audit: from datagrams to typed events, and the owning of it.
//!
//! [`control`] speaks the request side of NETLINK_AUDIT, [`rules`] encodes rules, [`session`] takes audit over (or reads
//! beside its owner) and puts everything back. [`event`] is what the records of one event say once put together.

mod arguments;
pub mod assemble;
pub mod control;
pub mod event;
pub mod record;
pub mod rules;
pub mod session;
pub mod syscalls;
