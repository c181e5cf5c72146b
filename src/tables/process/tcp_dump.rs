//! TCP sockets of our own network namespace from the kernel's socket diagnosis (sock_diag(7), `net/ipv4/inet_diag.c`),
//! which says the same as /proc/net/tcp and tcp6 but passes empty places of its hash table over at once. A kernel
//! without it (CONFIG_INET_DIAG) says so at the beginning. One buffer of 32 KiB.

use crate::procfs::net::Inet;
use crate::sys::root::Root;
use crate::sys::rtnetlink::{Ask, Dump};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A bit for each state of TCP.
pub const ALL_STATES: u32 = 0xfff;

const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const TCP: u8 = 6;

/// Sockets as they come.
pub struct TcpDump {
    dump: Dump,
    /// The first, which was read to see whether there are any.
    first: Option<Inet>,
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
    /// `root` is not the running machine, or the kernel cannot tell.
    pub fn begin(root: &Root, family: i64, states: u32) -> io::Result<Self> {
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        if !root.is_live() {
            return Err(unsupported());
        }
        // struct inet_diag_req_v2: family, protocol, no extensions, the states; then an id of zeros: any socket.
        let mut request = vec![u8::try_from(family).unwrap_or(0), TCP, 0, 0];
        request.extend_from_slice(&states.to_ne_bytes());
        request.resize(56, 0);
        let dump = Dump::open(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, Ask::All, &request)?;
        let mut dump = TcpDump { dump, first: None };
        dump.first = dump.next();
        if dump.dump.is_refused() { Err(unsupported()) } else { Ok(dump) }
    }

    /// The next socket.
    pub fn next(&mut self) -> Option<Inet> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            let message = self.dump.next_message()?;
            if let Some(inet) = inet(message.payload).filter(|_| message.kind == SOCK_DIAG_BY_FAMILY) {
                return Some(inet);
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
        for length in 0..72 {
            assert!(inet(&vec![0; length]).is_none());
        }
        assert!(inet(&[2; 72]).is_some());
    }
}
