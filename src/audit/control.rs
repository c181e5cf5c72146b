//! Talking to the kernel's audit subsystem: its status and its rules (`include/uapi/linux/audit.h`, `kernel/audit.c`,
//! `kernel/auditfilter.c`). Every request asks for an ACK and waits for it with a timeout; replies are matched by type
//! and sequence, because AUDIT_GET's ACK comes before its answer.

use crate::audit::rules::Rule;
use crate::sys::clock;
use crate::sys::netlink::{Batch, Netlink};
use crate::sys::poll;
use std::io;
use std::os::fd::AsFd;

/// How long an answer may take, ns.
const TIMEOUT_NS: i64 = 1_000_000_000;
/// Longest message: a rule with its strings (MAX_AUDIT_MESSAGE_LENGTH and the header).
const MESSAGE_BYTES: usize = 9216;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;

const AUDIT_GET: u16 = 1000;
const AUDIT_SET: u16 = 1001;
const AUDIT_ADD_RULE: u16 = 1011;
const AUDIT_DEL_RULE: u16 = 1012;
const AUDIT_LIST_RULES: u16 = 1013;

/// `struct audit_status`, as far as kernels since 3.16 fill it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Status {
    /// 0 off, 1 on, 2 on and locked until reboot.
    pub enabled: u32,
    pub failure: u32,
    /// The owner's pid, 0 for none.
    pub pid: u32,
    pub rate_limit: u32,
    pub backlog_limit: u32,
    /// Records the kernel lost since boot (or since somebody reset it).
    pub lost: u32,
    pub backlog: u32,
    /// Ticks an audited process may be made to sleep while the backlog is full.
    pub backlog_wait_time: u32,
}

impl Status {
    /// AUDIT_GET's answer. What an older kernel leaves out is 0.
    pub fn parse(payload: &[u8]) -> Self {
        let field = |index: usize| u32_at(payload, index * 4).unwrap_or(0);
        Status {
            enabled: field(1),
            failure: field(2),
            pid: field(3),
            rate_limit: field(4),
            backlog_limit: field(5),
            lost: field(6),
            backlog: field(7),
            backlog_wait_time: field(9),
        }
    }
}

/// One setting to change, with its bit of `audit_status.mask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Setting {
    Enabled(u32),
    /// Become the owner (our pid) or give it up (0). The socket that sends it becomes the one that gets the records.
    Owner(u32),
    BacklogLimit(u32),
    BacklogWaitTime(u32),
}

/// A request socket.
pub struct Control {
    socket: Netlink,
    batch: Batch,
    sequence: u32,
}

/// A netlink message as received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `nlmsg_type`.
    pub kind: u16,
    /// `nlmsg_seq`: of the request that this answers.
    pub sequence: u32,
    /// Everything after the header.
    pub payload: &'a [u8],
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

/// The netlink message type of a datagram and its payload; None for one that is shorter than it says. The length comes
/// from the datagram, not from `nlmsg_len`, which unicast audit records carry 16 too small (`audit.c: audit_log_end`).
pub fn split(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let kind = datagram.get(4..6)?.try_into().ok().map(u16::from_ne_bytes)?;
    let cut = u32_at(datagram, 0)? as usize > datagram.len();
    datagram.get(16..).filter(|_| !cut).map(|payload| (kind, payload))
}

impl<'a> Message<'a> {
    /// A datagram, split.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (kind, payload) = split(datagram)?;
        Some(Message { kind, sequence: u32_at(datagram, 8)?, payload })
    }

    /// The error number of an NLMSG_ERROR (0: an ACK).
    pub fn error(&self) -> Option<i32> {
        (self.kind == NLMSG_ERROR).then(|| u32_at(self.payload, 0).map(|value| (value as i32).wrapping_neg()))?
    }
}

impl Control {
    /// A request socket; no record is ever sent to it unless it is used to set [`Setting::Owner`].
    ///
    /// # Errors
    /// EPROTONOSUPPORT: a kernel without audit. ECONNREFUSED on first use: inside a user namespace or container.
    pub fn open() -> io::Result<Self> {
        Ok(Self::over(Netlink::open(libc::NETLINK_AUDIT, 0)?))
    }

    /// Requests over a socket that exists.
    pub fn over(socket: Netlink) -> Self {
        Control { socket, batch: Batch::new(1, MESSAGE_BYTES), sequence: 0 }
    }

    /// The socket, for what comes after the requests.
    pub fn into_socket(self) -> Netlink {
        self.socket
    }

    fn request(&mut self, kind: u16, payload: &[u8]) -> io::Result<u32> {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let length = 16 + payload.len();
        let mut message = Vec::with_capacity(length.next_multiple_of(4));
        message.extend_from_slice(&(length as u32).to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&(NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0u32.to_ne_bytes());
        message.extend_from_slice(payload);
        message.resize(length.next_multiple_of(4), 0);
        self.socket.send(&message)?;
        Ok(self.sequence)
    }

    /// Hands every message of `sequence` to `each` until that says it has what it wants (true) or time is up.
    fn answers(&mut self, sequence: u32, mut each: impl FnMut(&Message) -> io::Result<bool>) -> io::Result<()> {
        let deadline = clock::monotonic_ns() + TIMEOUT_NS;
        loop {
            if self.batch.receive(&self.socket)? == 0 {
                let left_ms = (deadline - clock::monotonic_ns()) / 1_000_000;
                if left_ms <= 0 {
                    return Err(io::Error::from(io::ErrorKind::TimedOut));
                }
                poll::readable(&[self.socket.as_fd()], Some(left_ms as u32))?;
                continue;
            }
            let Some(message) = self.batch.get(0).and_then(Message::parse) else { continue };
            if message.sequence == sequence && each(&message)? {
                return Ok(());
            }
        }
    }

    fn acknowledged(&mut self, kind: u16, payload: &[u8]) -> io::Result<()> {
        let sequence = self.request(kind, payload)?;
        self.answers(sequence, |message| match message.error() {
            None => Ok(false),
            Some(0) => Ok(true),
            Some(error) => Err(io::Error::from_raw_os_error(error)),
        })
    }

    /// AUDIT_GET.
    ///
    /// # Errors
    /// EPERM without CAP_AUDIT_CONTROL, ECONNREFUSED outside the initial user and pid namespaces, TimedOut.
    pub fn status(&mut self) -> io::Result<Status> {
        let sequence = self.request(AUDIT_GET, &[])?;
        let mut status = Status::default();
        self.answers(sequence, |message| {
            match message.error() {
                Some(0) => return Ok(false),
                Some(error) => return Err(io::Error::from_raw_os_error(error)),
                None => {}
            }
            if message.kind != AUDIT_GET {
                return Ok(false);
            }
            status = Status::parse(message.payload);
            Ok(true)
        })?;
        Ok(status)
    }

    /// AUDIT_SET of one setting.
    ///
    /// # Errors
    /// EEXIST: another living process owns audit. EPERM: no CAP_AUDIT_CONTROL, or audit is locked.
    pub fn set(&mut self, setting: Setting) -> io::Result<()> {
        // Eleven words: mask, enabled, failure, pid, rate_limit, backlog_limit, lost, backlog, features, wait time, ….
        let mut words = [0u32; 11];
        let (mask, index, value) = match setting {
            Setting::Enabled(value) => (0x01, 1, value),
            Setting::Owner(value) => (0x04, 3, value),
            Setting::BacklogLimit(value) => (0x10, 5, value),
            Setting::BacklogWaitTime(value) => (0x20, 9, value),
        };
        for (at, word) in words.iter_mut().enumerate() {
            *word = if at == 0 {
                mask
            } else if at == index {
                value
            } else {
                0
            };
        }
        let mut payload = [0u8; 44];
        for (bytes, word) in payload.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        self.acknowledged(AUDIT_SET, &payload)
    }

    /// Adds a rule at the end of its list.
    ///
    /// # Errors
    /// EEXIST: the very same rule is there. EINVAL: the kernel does not know a field of it.
    pub fn add_rule(&mut self, rule: &Rule) -> io::Result<()> {
        self.acknowledged(AUDIT_ADD_RULE, rule.bytes())
    }

    /// Removes a rule equal to this one.
    ///
    /// # Errors
    /// ENOENT: there is none.
    pub fn delete_rule(&mut self, rule: &Rule) -> io::Result<()> {
        self.acknowledged(AUDIT_DEL_RULE, rule.bytes())
    }

    /// All rules in force, as the kernel tells them.
    pub fn rules(&mut self) -> io::Result<Vec<Rule>> {
        let sequence = self.request(AUDIT_LIST_RULES, &[])?;
        let mut rules = Vec::new();
        self.answers(sequence, |message| match (message.kind, message.error()) {
            (_, Some(error)) if error != 0 => Err(io::Error::from_raw_os_error(error)),
            (AUDIT_LIST_RULES, _) => {
                rules.extend(Rule::parse(message.payload));
                Ok(false)
            }
            (kind, _) => Ok(kind == NLMSG_DONE),
        })?;
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_shorter_than_it_says_is_none() {
        let mut datagram = [0u8; 40];
        for said in [0u32, 24, 40] {
            datagram[..4].copy_from_slice(&said.to_ne_bytes());
            assert_eq!(split(&datagram).map(|(_, payload)| payload.len()), Some(24), "records say 16 too little");
        }
        datagram[..4].copy_from_slice(&41u32.to_ne_bytes());
        assert_eq!(split(&datagram), None);
        assert_eq!(split(&datagram[..15]), None);
    }
}
