//! Netlink requests that the kernel answers with a list (netlink(7), rtnetlink(7)): one message after the other, and
//! bounds-checked views on what is in them. Also good for generic netlink, whose messages are built alike.
//!
//! Bound: one buffer of 32 KiB (the kernel makes no larger datagram for a list), however long the list is; a kernel that
//! says nothing is waited for [`WAIT_MS`]. Cost: a system call per 32 KiB.

use super::netlink::{Batch, Netlink};
use super::poll;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;

/// How long to wait for the next part of a list, ms. The kernel makes it while we ask, so this is for surprises only.
pub const WAIT_MS: u32 = 1000;
/// Largest datagram (`af_netlink.c`: netlink_recvmsg grows the datagrams of a list up to what the reader offers, and to
/// 32 KiB at most).
const DATAGRAM_BYTES: usize = 32 << 10;
const HEADER_BYTES: usize = 16;
/// Padding of messages and attributes.
const ALIGN: usize = 4;

/// A list being read.
pub struct Dump {
    socket: Netlink,
    batch: Batch,
    /// What of the datagram at hand is not read yet.
    rest: Range<usize>,
    over: bool,
    refused: bool,
}

/// One message of a list.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its type: RTM_NEWROUTE, …, or a generic family's number.
    pub kind: u16,
    /// What follows the netlink header.
    pub payload: &'a [u8],
}

/// What stands between the request and its fixed part: for the kernel to answer with everything or with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Ask {
    All,
    One,
}

impl Dump {
    /// Asks: `protocol` is `libc::NETLINK_ROUTE` or another with messages of its form, `kind` the request's type, `payload` its fixed
    /// part and attributes.
    ///
    /// # Errors
    /// EPROTONOSUPPORT where the kernel lacks the protocol.
    pub fn open(protocol: i32, kind: u16, ask: Ask, payload: &[u8]) -> io::Result<Self> {
        let socket = Netlink::open(protocol, 0)?;
        let all = if ask == Ask::All { libc::NLM_F_DUMP } else { 0 };
        let mut request = Vec::with_capacity(HEADER_BYTES + payload.len());
        request.extend_from_slice(&((HEADER_BYTES + payload.len()) as u32).to_ne_bytes());
        request.extend_from_slice(&kind.to_ne_bytes());
        request.extend_from_slice(&((libc::NLM_F_REQUEST | all) as u16).to_ne_bytes());
        request.extend_from_slice(&[0; 8]);
        request.extend_from_slice(payload);
        socket.send(&request)?;
        Ok(Dump { socket, batch: Batch::new(1, DATAGRAM_BYTES), rest: 0..0, over: false, refused: false })
    }

    /// The next message; None at the list's end, and when the kernel refuses or says nothing more.
    pub fn next_message(&mut self) -> Option<Message<'_>> {
        while self.rest.is_empty() {
            self.receive()?;
        }
        let bytes = self.batch.get(0)?.get(self.rest.clone()).unwrap_or(&[]);
        let Some((length, kind, flags)) = header(bytes) else {
            self.over = true;
            self.rest = 0..0;
            return None;
        };
        let payload = self.rest.start + HEADER_BYTES..self.rest.start + length;
        self.rest.start = (self.rest.start + length.next_multiple_of(ALIGN)).min(self.rest.end);
        let is_end = i32::from(kind) == libc::NLMSG_DONE || i32::from(kind) == libc::NLMSG_ERROR;
        self.refused |= i32::from(kind) == libc::NLMSG_ERROR;
        if is_end || i32::from(flags) & libc::NLM_F_MULTI == 0 {
            self.over = true;
            self.rest = 0..0;
        }
        if is_end { None } else { Some(Message { kind, payload: self.batch.get(0)?.get(payload)? }) }
    }

    /// Whether the list ended because the kernel refused: it does not know what is asked for, or not from us.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// The next datagram; None if there is none.
    fn receive(&mut self) -> Option<()> {
        while !self.over {
            match self.batch.receive(&self.socket) {
                Ok(0) => {
                    let ready = poll::readable(&[self.socket.as_fd()], Some(WAIT_MS)).unwrap_or(0);
                    self.over = ready == 0;
                }
                Ok(_) => {
                    self.rest = 0..self.batch.get(0).map_or(0, <[u8]>::len);
                    return Some(());
                }
                Err(_) => self.over = true,
            }
        }
        None
    }
}

/// Length, type and flags of the message that `bytes` begin with, if it is whole.
fn header(bytes: &[u8]) -> Option<(usize, u16, u16)> {
    let length = usize::try_from(number_at(bytes, 0, 4)?).ok()?;
    let (kind, flags) = (number_at(bytes, 4, 2)?, number_at(bytes, 6, 2)?);
    (length >= HEADER_BYTES && length <= bytes.len()).then_some((length, kind as u16, flags as u16))
}

/// The number of `length` (1, 2, 4 or 8) bytes at `offset`, in the machine's order.
pub fn number_at(bytes: &[u8], offset: usize, length: usize) -> Option<u64> {
    number(bytes.get(offset..offset.checked_add(length)?)?)
}

/// A number as long as `bytes`, in the machine's order; None unless they are 1, 2, 4 or 8.
pub fn number(bytes: &[u8]) -> Option<u64> {
    Some(match *bytes {
        [byte] => byte.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
        _ => u64::from_ne_bytes(bytes.try_into().ok()?),
    })
}

/// The attributes of a message, or of an attribute that holds others: type without its flag bits, and value.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::try_from(number_at(self.0, 0, 2)?).ok()?;
        let kind = number_at(self.0, 2, 2)? as u16 & 0x3fff;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(ALIGN)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

impl<'a> Attributes<'a> {
    /// The value of the attribute of a type.
    pub fn value(mut self, kind: u16) -> Option<&'a [u8]> {
        self.find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    /// The same as a number.
    pub fn number(self, kind: u16) -> Option<u64> {
        number(self.value(kind)?)
    }
}

/// Appends an attribute.
pub fn push_attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(ALIGN), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Dump {
        Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETLINK, Ask::All, &[0; 16]).unwrap()
    }

    #[test]
    fn the_kernels_interfaces_are_a_list_with_an_end() {
        let mut dump = links();
        let mut names = Vec::new();
        while let Some(message) = dump.next_message() {
            assert_eq!(message.kind, libc::RTM_NEWLINK);
            let name = Attributes(&message.payload[16..]).value(libc::IFLA_IFNAME).unwrap();
            names.push(String::from_utf8_lossy(name).trim_end_matches('\0').to_string());
        }
        assert!(names.iter().any(|name| name == "lo"), "{names:?}");
        assert!(dump.next_message().is_none());
    }

    #[test]
    fn one_thing_is_answered_by_one_message_and_a_refusal_by_none() {
        let mut request = vec![0; 16];
        push_attribute(&mut request, libc::IFLA_IFNAME, b"lo\0");
        let mut dump = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETLINK, Ask::One, &request).unwrap();
        assert_eq!(dump.next_message().map(|message| message.kind), Some(libc::RTM_NEWLINK));
        let start = std::time::Instant::now();
        assert!(dump.next_message().is_none());
        let mut refused = Dump::open(libc::NETLINK_ROUTE, 9999, Ask::All, &[0; 16]).unwrap();
        assert!(refused.next_message().is_none());
        assert!(refused.is_refused() && !dump.is_refused());
        assert!(start.elapsed().as_millis() < u128::from(WAIT_MS), "neither is waited for");
    }

    #[test]
    fn views_hold_with_every_cut_and_every_length() {
        let mut bytes = Vec::new();
        push_attribute(&mut bytes, 3, b"name\0");
        push_attribute(&mut bytes, 0x8004, &7u32.to_ne_bytes());
        assert_eq!(Attributes(&bytes).collect::<Vec<_>>(), [(3, &b"name\0"[..]), (4, &7u32.to_ne_bytes()[..])]);
        assert_eq!((Attributes(&bytes).number(4), Attributes(&bytes).number(3)), (Some(7), None));
        for cut in 0..bytes.len() {
            assert!(Attributes(&bytes[..cut]).count() <= 2);
            for length in 0..=u8::MAX {
                let mut bytes = bytes[..cut].to_vec();
                if let Some(first) = bytes.first_mut() {
                    *first = length;
                }
                assert!(Attributes(&bytes).count() <= bytes.len() / 4 + 1);
            }
        }
        assert_eq!(header(&[15, 0, 0, 0, 1, 0, 2, 0]), None);
        assert_eq!(number(&[1, 2, 3]), None);
    }
}
