//! TCP sockets of our own network namespace from the kernel's socket diagnosis (sock_diag(7), `net/ipv4/inet_diag.c`),
//! which says the same as /proc/net/tcp and tcp6 but passes empty places of its hash table over at once. A kernel
//! without it (CONFIG_INET_DIAG) says so at the beginning. One buffer of 32 KiB.

use crate::procfs::net::Inet;
use crate::sys::netlink::{Batch, Netlink};
use crate::sys::root::Root;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A bit for each state of TCP.
pub const ALL_STATES: u32 = 0xfff;

/// The largest datagram the kernel makes of a dump (`af_netlink.c: netlink_dump`).
const DATAGRAM_BYTES: usize = 32 << 10;
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST_AND_DUMP: u16 = 0x301;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const TCP: u8 = 6;

/// Sockets as they come.
pub struct TcpDump {
    socket: Netlink,
    batch: Batch,
    /// Where in the datagram the next message begins.
    at: usize,
}

fn request(family: u8, states: u32) -> [u8; 72] {
    // struct nlmsghdr, struct inet_diag_req_v2; an id of zeros: any socket.
    let mut request = [0u8; 72];
    let parts: [&[u8]; 8] = [
        &72u32.to_ne_bytes(),
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &REQUEST_AND_DUMP.to_ne_bytes(),
        &1u32.to_ne_bytes(),
        &0u32.to_ne_bytes(),
        &[family, TCP],
        &[0, 0],
        &states.to_ne_bytes(),
    ];
    request.iter_mut().zip(parts.concat()).for_each(|(place, byte)| *place = byte);
    request
}

/// A message: its type, its length, what it says.
fn message(rest: &[u8]) -> Option<(u16, usize, &[u8])> {
    let header: &[u8; 16] = rest.first_chunk()?;
    let [a, b, c, d, e, f, ..] = *header;
    let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).ok()?;
    let body = rest.get(16..length)?;
    Some((u16::from_ne_bytes([e, f]), length.next_multiple_of(4), body))
}

/// struct inet_diag_msg.
fn inet(body: &[u8]) -> Option<Inet> {
    let bytes = |from: usize| body.get(from..)?.first_chunk::<4>().copied();
    let address = |from: usize| -> Option<IpAddr> {
        let whole: [u8; 16] = *body.get(from..)?.first_chunk()?;
        let [a, b, c, d, ..] = whole;
        Some(if i32::from(*body.first()?) == libc::AF_INET {
            Ipv4Addr::new(a, b, c, d).into()
        } else {
            Ipv6Addr::from(whole).into()
        })
    };
    let [local_high, local_low, remote_high, remote_low] = bytes(4)?;
    Some(Inet {
        local: address(8)?,
        local_port: u16::from_be_bytes([local_high, local_low]),
        remote: address(24)?,
        remote_port: u16::from_be_bytes([remote_high, remote_low]),
        state: *body.get(1)?,
        inode: u64::from(u32::from_ne_bytes(bytes(68)?)),
    })
}

impl TcpDump {
    /// Asks for the sockets of AF_INET or AF_INET6 that are in one of `states`, a bit for each.
    ///
    /// # Errors
    /// `root` is not our own, or the kernel cannot tell.
    pub fn begin(root: &Root, family: i64, states: u32) -> io::Result<Self> {
        root.access(Path::new(""))?;
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        if !root.is_own() {
            return Err(unsupported());
        }
        let socket = Netlink::open(NETLINK_SOCK_DIAG, 0)?;
        socket.send(&request(u8::try_from(family).unwrap_or(0), states))?;
        let mut dump = TcpDump { socket, batch: Batch::new(1, DATAGRAM_BYTES), at: 0 };
        dump.batch.receive(&dump.socket)?;
        match dump.batch.get(0).and_then(message) {
            None | Some((ERROR, ..)) => Err(unsupported()),
            Some(_) => Ok(dump),
        }
    }

    /// The next socket. The kernel makes the next datagram when the one before is taken, so nothing is waited for.
    pub fn next(&mut self) -> Option<Inet> {
        loop {
            let Some((kind, length, body)) = self.batch.get(0)?.get(self.at..).and_then(message) else {
                self.batch.receive(&self.socket).ok()?;
                self.at = 0;
                continue;
            };
            self.at += length;
            match kind {
                DONE | ERROR => return None,
                SOCK_DIAG_BY_FAMILY => match inet(body) {
                    Some(inet) => return Some(inet),
                    None => continue,
                },
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::net;
    use std::net::{TcpListener, TcpStream};

    fn listed(path: &str) -> Vec<Inet> {
        let text = std::fs::read(path).unwrap_or_default();
        text.split(|&byte| byte == b'\n').filter_map(net::inet).collect()
    }

    fn dumped(family: i64, states: u32) -> Option<Vec<Inet>> {
        let mut dump = TcpDump::begin(&Root::default(), family, states).ok()?;
        Some(std::iter::from_fn(|| dump.next()).collect())
    }

    #[test]
    fn the_same_as_the_lists_of_proc() {
        // Enough for more than one datagram.
        let listeners: Vec<_> = (0..400).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let six = TcpListener::bind("[::1]:0").ok();
        let stream = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let (accepted, _) = listeners[0].accept().unwrap();
        for (family, path) in [(libc::AF_INET, "/proc/self/net/tcp"), (libc::AF_INET6, "/proc/self/net/tcp6")] {
            let before = listed(path);
            let Some(found) = dumped(family.into(), ALL_STATES) else {
                println!("skipped: needs a kernel with CONFIG_INET_DIAG");
                return;
            };
            let after = listed(path);
            for socket in before.iter().filter(|socket| after.contains(socket)) {
                assert!(found.contains(socket), "{socket:?}");
            }
            for socket in found.iter().filter(|socket| socket.inode != 0) {
                let was_there = before.iter().chain(&after).any(|other| other.inode == socket.inode);
                assert!(was_there || before.len() != after.len(), "{socket:?}");
            }
            let listening = dumped(family.into(), 1 << 10).unwrap();
            assert!(listening.iter().all(|socket| socket.state == 10 && socket.remote_port == 0));
        }
        let ports = |inets: Vec<Inet>| -> Vec<u16> { inets.iter().map(|socket| socket.local_port).collect() };
        let listening = ports(dumped(libc::AF_INET.into(), 1 << 10).unwrap());
        for listener in &listeners {
            assert!(listening.contains(&listener.local_addr().unwrap().port()));
        }
        let connected = dumped(libc::AF_INET.into(), 1 << 1).unwrap();
        for end in [&stream, &accepted] {
            let (local, remote) = (end.local_addr().unwrap(), end.peer_addr().unwrap());
            let is_end = |socket: &&Inet| (socket.local, socket.local_port) == (local.ip(), local.port());
            let found = connected.iter().find(is_end).unwrap();
            assert_eq!((found.remote, found.remote_port, found.state), (remote.ip(), remote.port(), 1));
        }
        if let Some(six) = six {
            assert!(ports(dumped(libc::AF_INET6.into(), 1 << 10).unwrap()).contains(&six.local_addr().unwrap().port()));
        }
    }

    #[test]
    fn torn_messages_are_none() {
        assert!(TcpDump::begin(&Root::new("/nonexistent"), 2, ALL_STATES).is_err());
        let mut text = request(2, ALL_STATES).to_vec();
        assert_eq!(message(&text).unwrap().1, 72);
        for length in 0..72 {
            assert!(message(&text[..length]).is_none());
        }
        text[0] = 3;
        assert!(message(&text).is_none());
        text[3] = 255;
        assert!(message(&text).is_none());
        for length in 0..72 {
            assert!(inet(&vec![0; length]).is_none());
        }
        assert!(inet(&[2; 72]).is_some());
    }
}
