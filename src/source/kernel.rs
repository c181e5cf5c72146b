//! Rungs 1 to 3: audit's socket, with the proc connector where the kernel has it.

use super::connector::Connector;
use super::{Gathered, Life, Rung, Source};
use crate::audit::control;
use crate::audit::session::Access;
use crate::capacity;
use crate::sys::netlink::{Batch, Netlink};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Nearly three pages a datagram: MAX_AUDIT_MESSAGE_LENGTH (8970) and the header fit, and short records touch one page or
/// two. No multiple of a page, since all datagrams would then begin in the same few sets of the processor's first cache.
const STRIDE: usize = 12 * 1024 - 448;

/// Audit and (on rungs 1 and 2) the proc connector.
pub struct Kernel {
    audit: Netlink,
    connector: Option<Connector>,
    rung: Rung,
    batch: Batch,
}

impl Kernel {
    /// Puts the sockets together.
    pub fn new(audit: Netlink, access: Access, connector: Option<Connector>) -> Self {
        let rung = match (&connector, access) {
            (None, _) => Rung::AuditAlone,
            (Some(_), Access::Owner) => Rung::OwnerAndConnector,
            (Some(_), Access::Multicast) => Rung::MulticastAndConnector,
        };
        Kernel { audit, connector, rung, batch: Batch::new(capacity::RECV_BATCH, STRIDE) }
    }
}

impl Source for Kernel {
    fn rung(&self) -> Rung {
        self.rung
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.audit.as_fd()
    }

    fn gather(&mut self, life: &mut dyn FnMut(Life)) -> io::Result<Gathered> {
        let mut gathered = Gathered::default();
        match self.batch.receive(&self.audit) {
            Ok(count) => {
                gathered.records = count;
                gathered.drained = count < self.batch.capacity();
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => gathered.overflows += 1,
            Err(error) => return Err(error),
        }
        if let Some(connector) = &mut self.connector {
            let (lives, overflow) = connector.drain(life)?;
            gathered.lives = lives;
            gathered.overflows += u32::from(overflow);
        }
        Ok(gathered)
    }

    fn record(&self, index: usize) -> Option<(u16, &[u8])> {
        self.batch.get(index).and_then(control::split)
    }
}
