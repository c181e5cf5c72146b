//! The kernel's proc connector: births, images and deaths as they happen, from `NETLINK_CONNECTOR`
//! (`drivers/connector/cn_proc.c`, `include/uapi/linux/cn_proc.h`). Needs root in the initial namespaces and
//! CONFIG_PROC_EVENTS. One message is 76 bytes; time stamps are CLOCK_MONOTONIC.

use super::{Life, LifeKind};
use crate::sys::clock;
use crate::sys::netlink::{Batch, Netlink};
use crate::sys::poll;
use std::io;
use std::os::fd::AsFd;

const GROUP_PROC: u32 = 1;
const LISTEN: u32 = 1;
const IGNORE: u32 = 2;
const EVENT_NONE: u32 = 0;
const EVENT_FORK: u32 = 1;
const EVENT_EXEC: u32 = 2;
const EVENT_EXIT: u32 = 0x8000_0000;
/// Where the proc_event begins: after nlmsghdr (16) and cn_msg (20).
const PAYLOAD: usize = 36;
const NLMSG_DONE: u16 = 3;

/// How long the kernel may take to acknowledge. A kernel without CONFIG_PROC_EVENTS says nothing at all.
const ACK_NS: i64 = 100_000_000;
/// Datagrams per system call.
const BATCH: usize = 64;
/// Longest datagram we care for.
const MESSAGE_BYTES: usize = 128;
/// Receive buffer: at about 770 bytes of kernel memory a message, some 20,000 messages: a disk that lets the loop wait
/// for a second or two must not cost births.
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// A subscription to FORK, EXEC and EXIT.
pub struct Connector {
    socket: Netlink,
    batch: Batch,
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// A datagram that is none of the connector's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// What a connector datagram says: None for events that are none of births, images and deaths.
///
/// # Errors
/// [`Unreadable`]: too short, or what no kernel says: a pid that is no `pid_t`, a process that is its own parent, a time
/// before the clock's zero or more than a century after it.
pub fn parse(datagram: &[u8]) -> Result<Option<Life>, Unreadable> {
    let parsed = || {
        let event = datagram.get(PAYLOAD..)?;
        let word = |index: usize| u32_at(event, 16 + index * 4);
        let time_ns = i64::from_ne_bytes(event.get(8..16)?.try_into().ok()?);
        // Threads carry a pid other than their tgid.
        let (pid, kind) = match u32_at(event, 0)? {
            EVENT_FORK => {
                let (parent, child, child_tgid) = (word(1)?, word(2)?, word(3)?);
                (child_tgid, if child == child_tgid { LifeKind::Fork { parent } } else { LifeKind::ThreadBegun })
            }
            // Whichever thread calls it, after an exec only the leader is left.
            EVENT_EXEC => (word(1)?, LifeKind::Exec),
            EVENT_EXIT => {
                let (pid, tgid, status) = (word(0)?, word(1)?, word(2)?);
                (tgid, if pid == tgid { LifeKind::Exit { status } } else { LifeKind::ThreadEnded { status } })
            }
            // UID, SID, COMM and others: kernels before 6.6 send them unasked.
            _ => return Some(None),
        };
        let sane = |pid: u32| i32::try_from(pid).is_ok();
        let parent = if let LifeKind::Fork { parent } = kind { parent } else { 0 };
        // 0: the idle task of a processor that has come up.
        if pid == 0 {
            return Some(None);
        }
        let said = pid != parent && sane(pid) && sane(parent) && (0..=i64::MAX / 2).contains(&time_ns);
        said.then_some(Some(Life { pid, time_ns, kind }))
    };
    parsed().ok_or(Unreadable)
}

/// Hands what a datagram says to `life`; true: it says nothing that can be read, and something is lost by that.
pub(super) fn tell(datagram: &[u8], life: &mut dyn FnMut(Life)) -> bool {
    match parse(datagram) {
        Ok(told) => told.into_iter().for_each(life),
        Err(Unreadable) => return true,
    }
    false
}

fn subscription(operation: u32, mask: Option<u32>) -> Vec<u8> {
    let mut body = operation.to_ne_bytes().to_vec();
    body.extend(mask.map(u32::to_ne_bytes).iter().flatten());
    let mut message = Vec::with_capacity(PAYLOAD + body.len());
    message.extend_from_slice(&((PAYLOAD + body.len()) as u32).to_ne_bytes());
    message.extend_from_slice(&NLMSG_DONE.to_ne_bytes());
    message.extend_from_slice(&0u16.to_ne_bytes());
    message.extend_from_slice(&0u32.to_ne_bytes());
    message.extend_from_slice(&std::process::id().to_ne_bytes());
    // cn_msg: idx CN_IDX_PROC, val CN_VAL_PROC, seq, ack, len, flags.
    for word in [GROUP_PROC, 1, 0, 0] {
        message.extend_from_slice(&word.to_ne_bytes());
    }
    message.extend_from_slice(&(body.len() as u16).to_ne_bytes());
    message.extend_from_slice(&0u16.to_ne_bytes());
    message.extend_from_slice(&body);
    message
}

impl Connector {
    /// Subscribes: with an event mask (8-byte form, since Linux 6.6), else to everything (4-byte form).
    ///
    /// # Errors
    /// EPERM without root in the initial namespaces; EPROTONOSUPPORT without CONFIG_CONNECTOR; TimedOut without
    /// CONFIG_PROC_EVENTS.
    pub fn subscribe() -> io::Result<Self> {
        let socket = Netlink::open(libc::NETLINK_CONNECTOR, GROUP_PROC)?;
        socket.set_receive_buffer(RECEIVE_BUFFER_BYTES)?;
        let mut connector = Connector { socket, batch: Batch::new(BATCH, MESSAGE_BYTES) };
        for mask in [Some(EVENT_FORK | EVENT_EXEC | EVENT_EXIT), None] {
            connector.socket.send(&subscription(LISTEN, mask))?;
            if connector.acknowledged()? {
                return Ok(connector);
            }
        }
        Err(io::Error::from(io::ErrorKind::TimedOut))
    }

    /// Waits for the kernel's PROC_EVENT_NONE. Events that come before it are dropped: /proc is read after subscribing.
    fn acknowledged(&mut self) -> io::Result<bool> {
        let deadline = clock::monotonic_ns() + ACK_NS;
        loop {
            let count = self.batch.receive(&self.socket)?;
            for datagram in (0..count).filter_map(|index| self.batch.get(index)) {
                if u32_at(datagram, PAYLOAD) == Some(EVENT_NONE) {
                    return match u32_at(datagram, PAYLOAD + 16) {
                        Some(0) | None => Ok(true),
                        Some(error) => Err(io::Error::from_raw_os_error(error as i32)),
                    };
                }
            }
            let left_ms = (deadline - clock::monotonic_ns()) / 1_000_000;
            if left_ms <= 0 {
                return Ok(false);
            }
            if count == 0 {
                poll::readable(&[self.socket.as_fd()], Some(left_ms as u32))?;
            }
        }
    }

    /// Hands everything that waits to `life`; returns how many messages there were and whether some
    /// were lost before, or could not be read.
    pub fn drain(&mut self, life: &mut dyn FnMut(Life)) -> io::Result<(usize, bool)> {
        let (mut total, mut overflow) = (0, false);
        loop {
            let count = match self.batch.receive(&self.socket) {
                Ok(count) => count,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    overflow = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            for datagram in (0..count).filter_map(|index| self.batch.get(index)) {
                overflow |= tell(datagram, life);
            }
            total += count;
            if count < self.batch.capacity() {
                return Ok((total, overflow));
            }
        }
    }
}

impl Drop for Connector {
    /// Kernels before 6.6 count listeners and do not notice a closed socket: say goodbye.
    fn drop(&mut self) {
        let _ = self.socket.send(&subscription(IGNORE, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzed::checks::connector::datagram;

    fn fork(pid: u32, parent: u32, time_ns: i64) -> Vec<u8> {
        datagram(&Life { pid, time_ns, kind: LifeKind::Fork { parent } })
    }

    #[test]
    fn what_no_kernel_says_cannot_be_read_and_counts_as_lost() {
        assert!(parse(&fork(2, 0, 1)).is_ok_and(|life| life.is_some()), "the first of the kernel's have parent 0");
        for wrong in [fork(5, 5, 1), fork(5, u32::MAX, 1), fork(1 << 31, 1, 1)] {
            assert_eq!(parse(&wrong), Err(Unreadable));
        }
        for time_ns in [-1, i64::MIN, i64::MAX] {
            assert_eq!(parse(&fork(5, 1, time_ns)), Err(Unreadable), "offsets are added to it");
        }
        let whole = fork(5, 1, 1);
        assert!((0..PAYLOAD + 32).all(|length| parse(&whole[..length]) == Err(Unreadable)));
        assert!(tell(&whole[..60], &mut |_| panic!()));
    }

    #[test]
    fn threads_are_told_from_processes_and_other_events_say_nothing() {
        let mut thread = fork(6, 1, 1);
        thread[PAYLOAD + 28..PAYLOAD + 32].copy_from_slice(&5u32.to_ne_bytes());
        assert_eq!(parse(&thread), Ok(Some(Life { pid: 5, time_ns: 1, kind: LifeKind::ThreadBegun })));
        assert_eq!(parse(&fork(0, 1, 1)), Ok(None), "an idle task");
        for what in [EVENT_NONE, 4, 0x40, 0x4000_0000] {
            let mut other = fork(6, 1, 1);
            other[PAYLOAD..PAYLOAD + 4].copy_from_slice(&what.to_ne_bytes());
            assert_eq!(parse(&other), Ok(None));
        }
    }
}
