//! `listening_ports`: sockets that anybody may send to or connect to. Of the sockets of
//! [`process_open_sockets`](super::process_open_sockets), from the same source at the same cost, these are TCP sockets
//! that listen, other IP sockets that are connected to nobody, Unix sockets that listen or receive datagrams at a path,
//! and packet sockets. A socket that several processes have open is listed for each.

use super::sockets::{Choice, Sockets};
use crate::sql::table::{Column, Cursor, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, 0, "Process id; -1: open in no process that may be looked into."),
    column("port", Type::Integer, 0, "Port; of raw sockets the protocol; 0 but for IP."),
    column(
        "protocol",
        Type::Integer,
        0,
        "6 TCP, 17 UDP, 136 UDP-Lite, 1 and 58 ICMP, 255 raw; packet: that of Ethernet.",
    ),
    column("family", Type::Integer, 0, "1 Unix, 2 IPv4, 10 IPv6, 17 packet."),
    column("address", Type::Text, 0, "Address; empty but for IP."),
    column("fd", Type::BigInt, 0, "File descriptor; -1 where the pid is."),
    column("socket", Type::BigInt, 0, "The socket's inode."),
    column("path", Type::Text, 0, "Path of a Unix socket, with @ before an abstract name."),
    column("net_namespace", Type::Text, 0, "Inode of the network namespace."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "listening_ports",
    help: "Sockets that listen or are bound, and the processes that have them open",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan(Sockets::all(&query.context, Choice::OpenToAll)?))),
};

struct Scan(Sockets);

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        Ok(self.0.advance())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let socket = self.0.socket();
        Ok(match column {
            0 => self.0.holder().0.into(),
            1 => socket.local.map_or(0, |(_, port)| i64::from(port)).into(),
            2 => socket.protocol.into(),
            3 => socket.family.into(),
            4 => Value::text(socket.local.map_or(String::new(), |(address, _)| address.to_string())),
            5 => self.0.holder().1.into(),
            6 => (socket.inode as i64).into(),
            7 => Value::text(&socket.path),
            _ => Value::text(self.0.space().to_string()),
        })
    }
}
