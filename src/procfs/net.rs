//! The socket lists in `/proc/net`: tcp, udp, udplite, icmp and raw with their 6 (`net/ipv4/tcp_ipv4.c:
//! tcp4_seq_show` and its likes), unix (`net/unix/af_unix.c: unix_seq_show`), packet (`net/packet/af_packet.c`) and
//! netlink (`net/netlink/af_netlink.c`). One function per form of line; a heading, like every malformed line, is None.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A socket of the internet protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Inet {
    pub local: IpAddr,
    pub local_port: u16,
    /// Unspecified, port 0: not connected.
    pub remote: IpAddr,
    pub remote_port: u16,
    /// As TCP numbers them (`include/net/tcp_states.h`).
    pub state: u8,
    /// 0: no process's any more (TIME_WAIT), or not yet.
    pub inode: u64,
}

/// A Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Unix<'a> {
    pub protocol: u16,
    /// It listens.
    pub listens: bool,
    /// SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_SEQPACKET 5.
    pub kind: u8,
    pub inode: u64,
    /// Empty if it is bound to none; abstract ones begin with `@`.
    pub path: &'a [u8],
}

/// A packet or a netlink socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Plain {
    /// Ethernet protocol, or the netlink family.
    pub protocol: u16,
    /// The netlink port, by custom the pid of whoever opened it; 0: the kernel's. For packet sockets 0.
    pub port: u32,
    pub inode: u64,
}

/// `__SO_ACCEPTCON` (`include/linux/net.h`).
const LISTENS: u64 = 0x10000;

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `0100007F:0016`: words of 32 bits as the machine holds them, for they lie in network order; the port as it is.
fn address(text: &[u8]) -> Option<(IpAddr, u16)> {
    let colon = memchr::memchr(b':', text)?;
    let (host, port) = (text.get(..colon)?, text.get(colon + 1..)?);
    let port = u16::try_from(hex(port)?).ok()?;
    let word = |text: &[u8]| u32::try_from(hex(text)?).ok().map(u32::to_ne_bytes);
    let host = match host.len() {
        8 => Ipv4Addr::from(word(host)?).into(),
        32 => {
            let mut bytes = [0u8; 16];
            for (place, text) in bytes.chunks_exact_mut(4).zip(host.chunks_exact(8)) {
                place.copy_from_slice(&word(text)?);
            }
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some((host, port))
}

/// A line of tcp, udp, udplite, icmp, raw, or of one of them with a 6.
pub fn inet(line: &[u8]) -> Option<Inet> {
    let mut words = words(line).skip(1);
    let (local, local_port) = address(words.next()?)?;
    let (remote, remote_port) = address(words.next()?)?;
    let state = u8::try_from(hex(words.next()?)?).ok()?;
    // Queues, timer, retransmissions, uid, timeouts.
    let inode = decimal(words.nth(5)?)?;
    Some(Inet { local, local_port, remote, remote_port, state, inode })
}

/// A line of unix.
pub fn unix(line: &[u8]) -> Option<Unix<'_>> {
    let mut words = words(line).skip(2);
    let protocol = u16::try_from(hex(words.next()?)?).ok()?;
    let listens = hex(words.next()?)? & LISTENS != 0;
    let kind = u8::try_from(hex(words.next()?)?).ok()?;
    let inode_text = words.nth(1)?;
    let inode = decimal(inode_text)?;
    // The path is the rest of the line: it may hold blanks.
    let end = inode_text.as_ptr_range().end.addr() - line.as_ptr().addr();
    Some(Unix { protocol, listens, kind, inode, path: line.get(end + 1..).unwrap_or(&[]) })
}

/// A line of packet.
pub fn packet(line: &[u8]) -> Option<Plain> {
    let mut words = words(line).skip(3);
    let protocol = u16::try_from(hex(words.next()?)?).ok()?;
    Some(Plain { protocol, port: 0, inode: decimal(words.nth(4)?)? })
}

/// A line of netlink.
pub fn netlink(line: &[u8]) -> Option<Plain> {
    let mut words = words(line).skip(1);
    let protocol = u16::try_from(decimal(words.next()?)?).ok()?;
    let port = u32::try_from(decimal(words.next()?)?).ok()?;
    Some(Plain { protocol, port, inode: decimal(words.nth(6)?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 28413 1 0000000000000000 100 0 0 10 0";
    const TCP6: &str = " 100: 0000000000000000FFFF00000100007F:0016 B80D01200000000000000000010000FF:1F90 01 00000000:00000000 02:000AFC80 00000000     0        0 18446744073709551615 2 0 20 4 30 10 -1";

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_ports_states_and_inodes() {
        let socket = inet(TCP.as_bytes()).unwrap();
        assert_eq!((socket.local.to_string().as_str(), socket.local_port), ("127.0.0.1", 3306));
        assert_eq!((socket.remote.to_string().as_str(), socket.remote_port), ("0.0.0.0", 0));
        assert_eq!((socket.state, socket.inode), (10, 28413));
        let socket = inet(TCP6.as_bytes()).unwrap();
        assert_eq!((socket.local.to_string().as_str(), socket.local_port), ("::ffff:127.0.0.1", 22));
        assert_eq!((socket.remote.to_string().as_str(), socket.remote_port), ("2001:db8::ff00:1", 8080));
        assert_eq!((socket.state, socket.inode), (1, u64::MAX));
    }

    #[test]
    fn paths_are_the_rest_of_the_line() {
        let line = b"00000000d3faa2d4: 00000002 00000000 00010000 0005 01  1646 /run/a b  @c";
        let socket = Unix { protocol: 0, listens: true, kind: 5, inode: 1646, path: b"/run/a b  @c" };
        assert_eq!(unix(line), Some(socket));
        let line = b"0000000072205eeb: 00000003 00000000 00000000 0001 03 19417";
        assert_eq!(unix(line), Some(Unix { listens: false, kind: 1, inode: 19417, path: b"", ..socket }));
        let line = b"0000000072205eeb: 00000003 00000000 00000000 0002 01 19418 @";
        assert_eq!(unix(line), Some(Unix { listens: false, kind: 2, inode: 19418, path: b"@", ..socket }));
    }

    #[test]
    fn packet_and_netlink() {
        let line = b"000000003d1b0e3f 3      3    0003   2     1 0      0      27190 ";
        assert_eq!(packet(line), Some(Plain { protocol: 3, port: 0, inode: 27190 }));
        let line = b"0000000064d2d1b8 15  4294963017 00000001 0        0        0     2        0        1582    ";
        assert_eq!(netlink(line), Some(Plain { protocol: 15, port: 4_294_963_017, inode: 1582 }));
    }

    #[test]
    fn headings_and_torn_lines_are_none() {
        let headings = [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
            "Num       RefCount Protocol Flags    Type St Inode Path",
            "sk               RefCnt Type Proto  Iface R Rmem   User   Inode",
            "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode",
            "",
            "  ",
        ];
        for line in headings.map(str::as_bytes) {
            assert_eq!((inet(line), unix(line), packet(line), netlink(line)), (None, None, None, None));
        }
        for line in [TCP, TCP6].map(str::as_bytes) {
            for length in 0..line.len() {
                let cut = &line[..length];
                assert!(inet(cut).is_none_or(|socket| socket.local == inet(line).unwrap().local));
                let _ = (unix(cut), packet(cut), netlink(cut));
            }
        }
    }
}
