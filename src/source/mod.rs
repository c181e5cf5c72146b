//! Where births, images and deaths come from: the ladder's rungs behind one trait.
//!
//! | rung | images | births and deaths |
//! |---|---|---|
//! | 1 | audit, as its owner | proc connector |
//! | 2 | audit's multicast group, beside another owner | proc connector |
//! | 3 | audit | audit's fork family; no deaths |
//! | 0 | a log (`replay`) | what it has of them, else `ppid=` |
//!
//! A [`Source`] hands over raw audit records and typed [`Life`] messages. The order in which it collects them is what
//! makes lineage complete: a batch of audit first, the connector drained fully after it. A FORK message is queued before
//! the child can run and an EXEC message before the exec's audit records exist, so whatever an audit record speaks of
//! has been told by the connector by then.

pub mod connector;
#[cfg(test)]
mod faults;
pub mod kernel;
pub mod procscan;

use std::io;
use std::os::fd::BorrowedFd;

/// The rung of the ladder in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Audit as owner, and the proc connector.
    OwnerAndConnector = 1,
    /// Audit through the multicast group, and the proc connector.
    MulticastAndConnector = 2,
    /// Audit alone, with rules for the fork family.
    AuditAlone = 3,
    /// No kernel at all: a log, replayed.
    Log = 0,
}

impl Rung {
    /// Words for `stemma_status.source`.
    pub fn name(self) -> &'static str {
        match self {
            Rung::OwnerAndConnector => "audit (owner) + proc connector",
            Rung::MulticastAndConnector => "audit (multicast) + proc connector",
            Rung::AuditAlone => "audit alone",
            Rung::Log => "replay",
        }
    }
}

/// What happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeKind {
    /// `pid` was born, forked by `parent` (both tgids in the initial pid namespace).
    Fork {
        /// The true forker.
        parent: u32,
    },
    /// A thread beside the leader began in process `pid`.
    ThreadBegun,
    /// A thread of process `pid` ended that was not its leader.
    ThreadEnded {
        /// As of `Exit`.
        status: u32,
    },
    /// `pid` got a new image.
    Exec,
    /// The leader of process `pid`'s threads ended with this wait status: its last thread, unless others were begun.
    Exit {
        /// `code << 8 | signal`, bit 7: core dumped.
        status: u32,
    },
}

/// A message of the proc connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Whose life.
    pub pid: u32,
    /// CLOCK_MONOTONIC, ns.
    pub time_ns: i64,
    /// What happened.
    pub kind: LifeKind,
}

/// What one call of [`Source::gather`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Audit datagrams in hand, to be had by [`Source::record`].
    pub records: usize,
    /// Connector messages handed over.
    pub lives: usize,
    /// Nothing more was waiting in the audit socket.
    pub drained: bool,
    /// Sockets that reported an overflow (ENOBUFS): something is lost, /proc must be read again.
    pub overflows: u32,
}

/// A source of births, images and deaths.
pub trait Source {
    /// Which rung this is.
    fn rung(&self) -> Rung;

    /// What to poll.
    fn fd(&self) -> BorrowedFd<'_>;

    /// Takes one batch of audit records, then everything the connector has, each message handed to `life` at once.
    /// Work is bounded by the batch and by what the connector's buffer holds. Never blocks.
    ///
    /// # Errors
    /// Anything but a lack of data or an overflow: the socket is unusable.
    fn gather(&mut self, life: &mut dyn FnMut(Life)) -> io::Result<Gathered>;

    /// Audit datagram `index` of the last gathering: record type and text.
    fn record(&self, index: usize) -> Option<(u16, &[u8])>;
}
