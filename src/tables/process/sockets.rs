//! Sockets and who has them open, for `process_open_sockets` and `listening_ports`: the lists in /proc/PID/net, once
//! for each network namespace that a process is in, put together with the links in /proc/PID/fd, which read
//! `socket:[INODE]`.
//!
//! First all descriptors are gone through, and the sockets among them kept, 16 bytes each, sorted by inode. Then the
//! lists are streamed. TCP's, for which the kernel walks a hash table made for the machine's memory at every reading,
//! are asked for by netlink where that can be ([`tcp_dump`](super::tcp_dump)), which is ten times as fast. A socket
//! comes once for each descriptor that it is open on, and with neither pid nor descriptor if it is open on none that we
//! may see. Sockets that the kernel lists nowhere (of families not named here, TCP sockets that are neither bound to
//! listen nor connected) are not to be had.

use super::living::{Descriptor, Descriptors, Held, Holder, Living, sort};
use super::process_namespaces::inode as namespace;
use super::tcp_dump::{self, TcpDump};
use crate::procfs::net::{self, Inet};
use crate::sql::table::{Context, Query, TableError};
use crate::sys::dir::{Dir, Name};
use crate::sys::root::Lines;
use std::net::IpAddr;
use std::rc::Rc;

/// An address and its port.
type Place = (IpAddr, u16);

/// A socket as the kernel lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// AF_UNIX 1, AF_INET 2, AF_INET6 10, AF_NETLINK 16, AF_PACKET 17.
    pub family: i64,
    /// IPPROTO_…; for packet sockets the Ethernet protocol, for netlink the netlink family.
    pub protocol: i64,
    /// Of the internet protocols only.
    pub local: Option<Place>,
    /// Unspecified, port 0: not connected.
    pub remote: Option<Place>,
    /// Of Unix sockets only.
    pub path: Vec<u8>,
    /// In osquery's words, for TCP and packet sockets.
    pub state: &'static str,
    /// Its inode; 0: none, so it is open nowhere.
    pub inode: u64,
    /// Whoever likes may send to it or connect to it.
    pub is_open_to_all: bool,
    /// The kernel's own.
    is_kernels: bool,
}

/// A network namespace, and processes that were seen in it (0: none), by which it is entered.
#[derive(Clone, Copy, Debug)]
struct Space {
    inode: u64,
    pids: [u32; 4],
}

#[derive(Clone, Copy)]
enum Form {
    Inet,
    Unix,
    Packet,
    Netlink,
}

/// Files of /proc/PID/net, family, protocol. For raw sockets osquery says IPPROTO_RAW, and the real protocol is the
/// port.
const FILES: [(&[u8], i64, i64, Form); 13] = [
    (b"tcp", 2, 6, Form::Inet),
    (b"tcp6", 10, 6, Form::Inet),
    (b"udp", 2, 17, Form::Inet),
    (b"udp6", 10, 17, Form::Inet),
    (b"udplite", 2, 136, Form::Inet),
    (b"udplite6", 10, 136, Form::Inet),
    (b"icmp", 2, 1, Form::Inet),
    (b"icmp6", 10, 58, Form::Inet),
    (b"raw", 2, 255, Form::Inet),
    (b"raw6", 10, 255, Form::Inet),
    (b"unix", 1, 0, Form::Unix),
    (b"packet", 17, 0, Form::Packet),
    (b"netlink", 16, 0, Form::Netlink),
];

const TCP: i64 = 6;
/// A reading of a list of TCP sockets gives lines as long as they fit into a page, 200 bytes each at most: one that
/// gives less than this is the last. To see the end by reading on would let the kernel walk its table once more.
const FULL_BYTES: usize = 4096 - 512;
const TCP_LISTEN: u8 = 10;
const SOCK_DGRAM: u8 = 2;
/// By the kernel's number (`include/net/tcp_states.h`), in osquery's words.
const TCP_STATES: [&str; 13] = [
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",
];

/// Which sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All.
    All,
    /// Those that [`Socket::is_open_to_all`] says.
    OpenToAll,
}

/// The sockets, one after the other, each for every descriptor it is open on.
pub struct Sockets {
    living: Living,
    context: Rc<Context>,
    _held: Held,
    choice: Choice,
    /// By inode.
    holders: Vec<Holder>,
    /// Certain processes are asked about: sockets that are not theirs are passed over, and the search ends with their
    /// last.
    sought: Option<usize>,
    spaces: std::vec::IntoIter<Space>,
    space: u64,
    /// The process in whose /proc/PID/net the lists are read; None: our own, /proc/net.
    guide: Option<Dir>,
    lines: Lines,
    /// Used instead of `lines` while it is there.
    dump: Option<TcpDump>,
    /// Of [`FILES`], that of the next list.
    file: usize,
    socket: Socket,
    /// The socket's holders that are still to come; what was given last.
    rest: std::ops::Range<usize>,
    holder: Option<Holder>,
}

fn socket_inode(link: &[u8]) -> Option<u64> {
    let inode = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

impl Space {
    fn note(spaces: &mut Vec<Space>, inode: u64, pid: u32) {
        match spaces.binary_search_by_key(&inode, |space| space.inode) {
            Ok(index) => {
                let free = spaces.get_mut(index).and_then(|space| space.pids.iter_mut().find(|pid| **pid == 0));
                free.into_iter().for_each(|place| *place = pid);
            }
            Err(index) => spaces.insert(index, Space { inode, pids: [pid, 0, 0, 0] }),
        }
    }
}

/// Goes through all descriptors: who holds which socket, and which network namespaces there are. Kernel threads have no
/// descriptors, and are in the first namespace.
fn survey(descriptors: &mut Descriptors, held: &mut Held) -> Result<(Vec<Holder>, Vec<Space>), TableError> {
    let (mut holders, mut spaces, mut last) = (Vec::new(), Vec::new(), 0);
    while let Some(Descriptor { pid, fd, link, .. }) = descriptors.next() {
        holders.extend(socket_inode(link).map(|inode| Holder { key: inode, pid, fd }));
        if std::mem::replace(&mut last, pid) != pid {
            held.grow(holders.capacity() * size_of::<Holder>())?;
            let link = Name::number(pid).with(b"/ns/net");
            if let Some(inode) = descriptors.proc().and_then(|proc| namespace(proc, &link, b"net")) {
                Space::note(&mut spaces, inode, pid);
            }
        }
    }
    sort(&mut holders);
    Ok((holders, spaces))
}

impl Sockets {
    /// Those of a choice.
    ///
    /// # Errors
    /// The query must end before all descriptors are gone through.
    pub fn all(context: &Rc<Context>, choice: Choice) -> Result<Self, TableError> {
        Sockets::over(context, Living::all(context), choice)
    }

    /// All that are open on descriptors of the processes which the constraint on column `pid` names; without one, or
    /// where it names -1, all that there are.
    ///
    /// # Errors
    /// As of [`Sockets::all`].
    pub fn of(query: &Query, pid: usize) -> Result<Self, TableError> {
        if query.equals(pid).any(|pid| pid.as_integer() == Some(-1)) {
            return Sockets::all(&query.context, Choice::All);
        }
        Sockets::over(&query.context, Living::of(query, pid), Choice::All)
    }

    fn over(context: &Rc<Context>, living: Living, choice: Choice) -> Result<Self, TableError> {
        // The longest link that must be seen whole is `socket:[INODE]`.
        let mut descriptors = Descriptors::of(living, 64);
        let mut held = Held::new(context);
        let (holders, mut spaces) = survey(&mut descriptors, &mut held)?;
        let living = descriptors.into_living();
        let sought = living.is_asked().then(|| holders.chunk_by(|one, other| one.key == other.key).count());
        // Where /proc/self is not to be had, in a tree copied from elsewhere, process 1 stands for the machine.
        let links = [b"self/ns/net".as_slice(), b"1/ns/net"];
        let ours = links.iter().find_map(|link| namespace(living.proc()?, &Name::new(link), b"net")).unwrap_or(0);
        let space = Space { inode: ours, pids: [0; 4] };
        spaces.retain(|space| space.inode != ours);
        if sought.is_some() {
            // A process's sockets are seldom elsewhere than in its own namespace.
            spaces.push(space);
        } else {
            spaces.insert(0, space);
        }
        Ok(Sockets {
            living,
            context: context.clone(),
            _held: held,
            choice,
            holders,
            sought,
            spaces: spaces.into_iter(),
            space: 0,
            guide: None,
            lines: Lines::default(),
            dump: None,
            file: FILES.len(),
            socket: Socket::default(),
            rest: 0..0,
            holder: None,
        })
    }

    /// Goes to the next; false when there is none.
    pub fn advance(&mut self) -> bool {
        loop {
            if let Some(index) = self.rest.next() {
                self.holder = self.holders.get(index).copied();
                return true;
            }
            if self.sought == Some(0) || !self.next_socket() {
                return false;
            }
            let from = self.holders.partition_point(|holder| holder.key < self.socket.inode);
            let held = self.holders.get(from..).unwrap_or(&[]);
            let count = held.partition_point(|holder| holder.key == self.socket.inode);
            self.rest = from..from + count;
            match &mut self.sought {
                Some(sought) => *sought -= usize::from(count > 0),
                None if count == 0 && !self.socket.is_kernels => {
                    self.holder = None;
                    return true;
                }
                None => {}
            }
        }
    }

    /// The next socket of the choice into `socket`.
    fn next_socket(&mut self) -> bool {
        loop {
            let kind = FILES.get(self.file.wrapping_sub(1)).copied();
            while let Some((_, family, protocol, form)) = kind {
                let base = Socket { family, protocol, ..Socket::default() };
                let is_there = match (&mut self.dump, self.lines.next_line()) {
                    (Some(dump), _) => dump.next().map(|inet| self.socket = of_inet(base, &inet)).is_some(),
                    (None, Some(line)) if !read(&mut self.socket, line, base, form) => continue,
                    (None, line) => line.is_some(),
                };
                if !is_there {
                    break;
                }
                if self.choice == Choice::All || self.socket.is_open_to_all {
                    return true;
                }
            }
            if !self.next_list() {
                return false;
            }
        }
    }

    /// Begins the next list, the first of the next namespace after the last. Lists that cannot be opened are passed
    /// over: not every kernel has all.
    fn next_list(&mut self) -> bool {
        self.dump = None;
        loop {
            let Some((name, family, protocol, _)) = FILES.get(self.file).copied() else {
                if !self.next_space() {
                    return false;
                }
                self.file = 0;
                continue;
            };
            self.file += 1;
            if protocol == TCP && self.guide.is_none() {
                let states = if self.choice == Choice::All { tcp_dump::ALL_STATES } else { 1 << TCP_LISTEN };
                self.dump = TcpDump::begin(&self.context.root, family, states).ok();
                if self.dump.is_some() {
                    return true;
                }
            }
            let Some(dir) = self.guide.as_ref().or(self.living.proc()) else { return false };
            if dir.lines(&Name::new(b"net/").with(name), &mut self.lines).is_ok() {
                if protocol == TCP {
                    self.lines.end_below(FULL_BYTES);
                }
                return true;
            }
        }
    }

    fn next_space(&mut self) -> bool {
        for space in self.spaces.by_ref() {
            self.space = space.inode;
            self.guide = None;
            if space.pids == [0; 4] {
                return true;
            }
            let Some(proc) = self.living.proc() else { return false };
            // The pid may be another's by now, or the process elsewhere.
            let is_there = |dir: &Dir| namespace(dir, &Name::new(b"ns/net"), b"net") == Some(space.inode);
            let open = |pid: &u32| proc.sub(&Name::number(*pid)).ok().filter(is_there);
            self.guide = space.pids.iter().filter(|pid| **pid != 0).find_map(open);
            if self.guide.is_some() {
                return true;
            }
        }
        false
    }

    /// The socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Pid and descriptor of who has it open; -1 twice for nobody that we may see.
    pub fn holder(&self) -> (i64, i64) {
        self.holder.map_or((-1, -1), |holder| (i64::from(holder.pid), i64::from(holder.fd)))
    }

    /// Inode of the network namespace; 0: not known.
    pub fn space(&self) -> u64 {
        self.space
    }
}

/// Takes a line over into `socket`; false if it is none.
fn read(socket: &mut Socket, line: &[u8], base: Socket, form: Form) -> bool {
    let mut path = std::mem::take(&mut socket.path);
    path.clear();
    let found = match form {
        Form::Inet => net::inet(line).map(|inet| of_inet(base, &inet)),
        Form::Unix => net::unix(line).map(|unix| {
            path.extend_from_slice(unix.path);
            // Connections that a listener accepted bear its path too.
            let is_open_to_all = unix.listens || (unix.kind == SOCK_DGRAM && !unix.path.is_empty());
            Socket { protocol: unix.protocol.into(), inode: unix.inode, is_open_to_all, ..base }
        }),
        Form::Packet => net::packet(line).map(|plain| {
            let protocol = plain.protocol.into();
            Socket { protocol, inode: plain.inode, state: "NONE", is_open_to_all: true, ..base }
        }),
        Form::Netlink => net::netlink(line).map(|plain| {
            let protocol = plain.protocol.into();
            Socket { protocol, inode: plain.inode, is_kernels: plain.port == 0, ..base }
        }),
    };
    let is_socket = found.is_some();
    *socket = Socket { path, ..found.unwrap_or_default() };
    is_socket
}

fn of_inet(base: Socket, inet: &Inet) -> Socket {
    let is_tcp = base.protocol == TCP;
    let state = TCP_STATES.get(usize::from(inet.state)).copied().unwrap_or("UNKNOWN");
    Socket {
        local: Some((inet.local, inet.local_port)),
        remote: Some((inet.remote, inet.remote_port)),
        state: if is_tcp { state } else { "" },
        inode: inet.inode,
        is_open_to_all: if is_tcp { inet.state == TCP_LISTEN } else { inet.remote_port == 0 },
        ..base
    }
}

#[cfg(test)]
mod tests;
