//! `process_open_sockets`: sockets and the processes that have them open. Bytes, bounds and cost: see
//! [`sockets`](super::sockets). `WHERE pid = …` goes through one process's descriptors alone, and reads the lists only
//! if there are sockets among them. Netlink sockets are listed beyond what osquery lists.

use super::sockets::Sockets;
use crate::sql::table::{ADDITIONAL, Column, Cursor, LISTS, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, ADDITIONAL | LISTS, "Process id; -1: open in no process that may be looked into."),
    column("fd", Type::BigInt, 0, "File descriptor; -1 likewise."),
    column("socket", Type::BigInt, 0, "The socket's inode; 0: it is no longer any process's."),
    column("family", Type::Integer, 0, "1 Unix, 2 IPv4, 10 IPv6, 16 netlink, 17 packet."),
    column(
        "protocol",
        Type::Integer,
        0,
        "6 TCP, 17 UDP, 136 UDP-Lite, 1 and 58 ICMP, 255 raw; packet: that of Ethernet; netlink: its family.",
    ),
    column("local_address", Type::Text, 0, "Own address; empty but for IP."),
    column("remote_address", Type::Text, 0, "The other side's address."),
    column("local_port", Type::Integer, 0, "Own port; of raw sockets the protocol; 0 but for IP."),
    column("remote_port", Type::Integer, 0, "The other side's port; 0: not connected."),
    column("path", Type::Text, 0, "Path of a Unix socket, with @ before an abstract name."),
    column("state", Type::Text, 0, "State of a TCP socket, such as ESTABLISHED; NONE for packet sockets."),
    column("net_namespace", Type::Text, 0, "Inode of the network namespace."),
];

const PID: usize = 0;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_open_sockets",
    help: "Open sockets of running processes",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan(Sockets::of(&query, PID)?))),
};

struct Scan(Sockets);

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        Ok(self.0.advance())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let socket = self.0.socket();
        let address = |place: &Option<(std::net::IpAddr, u16)>| {
            Value::text(place.map_or(String::new(), |(address, _)| address.to_string()))
        };
        Ok(match column {
            PID => self.0.holder().0.into(),
            1 => self.0.holder().1.into(),
            2 => (socket.inode as i64).into(),
            3 => socket.family.into(),
            4 => socket.protocol.into(),
            5 => address(&socket.local),
            6 => address(&socket.remote),
            7 => socket.local.map_or(0, |(_, port)| i64::from(port)).into(),
            8 => socket.remote.map_or(0, |(_, port)| i64::from(port)).into(),
            9 => Value::text(&socket.path),
            10 => Value::text(socket.state),
            _ => Value::text(self.0.space().to_string()),
        })
    }
}
