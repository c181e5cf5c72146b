//! Kernel audit: from datagrams to typed events, and the owning of it.
//!
//! [`control`] speaks the request side of NETLINK_AUDIT, [`rules`] encodes rules, [`session`] takes audit over (or reads
//! beside its owner) and puts everything back. [`event`] is what the records of one event say once put together.
//! [`log`] reads records from the lines of a log, and `order` hands a log's events on in the order of what they did.

mod arguments;
pub mod assemble;
pub mod control;
pub mod event;
pub mod filter;
pub mod log;
mod order;
pub mod record;
pub mod rules;
pub mod session;
mod slot;
pub mod syscalls;
