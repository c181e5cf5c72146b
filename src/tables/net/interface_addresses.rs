//! `interface_addresses`: the IP addresses of the interfaces, from rtnetlink (RTM_GETADDR), a row for each as the kernel
//! lists them.
//!
//! As osquery has it from getifaddrs(3): an interface is called by the address's label where it has one, a link-local
//! address ends with `%interface`, an address that is its own other end stands in `broadcast` or `point_to_point`.

use super::link::{self, Link};
use super::{address, mask, until_nul};
use crate::sql::table::{Column, Rows, Table, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use crate::sys::rtnetlink::{Ask, Attributes, Dump, Message, number_at};
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    column("interface", Type::Text, 0, "Interface, or the address's label."),
    column("address", Type::Text, 0, "The address."),
    column("mask", Type::Text, 0, "Mask of its network."),
    column("broadcast", Type::Text, 0, "Broadcast address."),
    column("point_to_point", Type::Text, 0, "The other end's address on interfaces that have no broadcast."),
    column("type", Type::Text, 0, "How it was given: always unknown on Linux."),
    elsewhere("friendly_name", Type::Text),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "interface_addresses",
    help: "IP addresses of the network interfaces",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query.context.root))),
};

fn rows(root: &Root) -> Vec<Vec<Value>> {
    let links = link::links(root);
    if links.is_empty() {
        return Vec::new();
    }
    // struct ifaddrmsg: family 0, of all families.
    let Ok(mut dump) = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETADDR, Ask::All, &[0; 8]) else { return Vec::new() };
    let mut rows = Vec::new();
    while let Some(message) = dump.next_message() {
        rows.extend(row(message, &links));
    }
    rows
}

fn row(message: Message<'_>, links: &BTreeMap<u32, Link>) -> Option<Vec<Value>> {
    let &[family, prefix, ..] = message.payload else { return None };
    let is_ip = matches!(i32::from(family), libc::AF_INET | libc::AF_INET6);
    if message.kind != libc::RTM_NEWADDR || !is_ip {
        return None;
    }
    let link = links.get(&(number_at(message.payload, 4, 4)? as u32))?;
    let attributes = Attributes(message.payload.get(8..)?);
    let (local, other) = (attributes.value(libc::IFA_LOCAL), attributes.value(libc::IFA_ADDRESS));
    let own = local.or(other)?;
    // With both the second is the other end; a broadcast address, where there is one, takes its place.
    let other = attributes.value(libc::IFA_BROADCAST).or(local.and(other)).map(address).unwrap_or_default();
    let has_broadcast = link.flags & libc::IFF_BROADCAST as u32 != 0;
    let (broadcast, point_to_point) = if has_broadcast { (other, String::new()) } else { (String::new(), other) };
    let mut text = address(own).into_bytes();
    if matches!(*own, [0xfe, second, ..] if own.len() == 16 && second & 0xc0 == 0x80) {
        text.push(b'%');
        text.extend_from_slice(&link.name);
    }
    let name = attributes.value(libc::IFA_LABEL).map_or(link.name.as_slice(), until_nul);
    let mask = mask(prefix, own.len());
    let values = [name, &text, mask.as_bytes(), broadcast.as_bytes(), point_to_point.as_bytes(), b"unknown"];
    Some(values.map(Value::text).to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::tests::in_namespace;
    use crate::sql::testing::{host, rows};
    use serde_json::Value as Json;
    use std::collections::BTreeSet;

    /// (interface, address, prefix) as iproute2 says them.
    fn iproutes() -> Option<BTreeSet<(String, String, u64)>> {
        let interfaces: Json = serde_json::from_str(&host("ip", &["-j", "addr"])?).ok()?;
        let mut found = BTreeSet::new();
        for interface in interfaces.as_array()? {
            let name = interface["ifname"].as_str()?;
            for info in interface["addr_info"].as_array()? {
                let Some(local) = info["local"].as_str() else { continue };
                let label = info["label"].as_str().unwrap_or(name).to_string();
                let scope = if local.starts_with("fe80:") { format!("%{name}") } else { String::new() };
                found.insert((label, format!("{local}{scope}"), info["prefixlen"].as_u64()?));
            }
        }
        Some(found)
    }

    fn ours() -> BTreeSet<(String, String, u64)> {
        let ones = |mask: &str| match mask.parse::<std::net::IpAddr>().unwrap() {
            std::net::IpAddr::V4(mask) => u64::from(mask.to_bits().count_ones()),
            std::net::IpAddr::V6(mask) => u64::from(mask.to_bits().count_ones()),
        };
        let rows = rows("", "SELECT interface, address, mask FROM interface_addresses");
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone(), ones(&row[2]))).collect()
    }

    #[test]
    fn are_those_of_iproute() {
        let Some(theirs) = iproutes() else { return println!("skipped: needs ip (iproute2)") };
        assert_eq!(ours(), theirs);
    }

    #[test]
    fn are_those_of_iproute_in_a_namespace() {
        let script =
            "ip link add veth0 type veth peer name veth1 || exit 77\nip link set veth0 up; ip link set veth1 up
            ip addr add 192.0.2.1/24 broadcast 192.0.2.255 dev veth0 label veth0:one
            ip addr add 192.0.2.7/32 dev veth0
            ip addr add 198.51.100.1 peer 198.51.100.2/32 dev veth1
            ip -6 addr add 2001:db8::1/48 dev veth1 nodad; ip tuntap add tun0 mode tun || exit 77; ip link set tun0 up
            ip addr add 203.0.113.1 peer 203.0.113.2/32 dev tun0";
        if !in_namespace("tables::net::interface_addresses::tests::are_those_of_iproute_in_a_namespace", script) {
            return;
        }
        assert_eq!(ours(), iproutes().unwrap());
        let sql = "SELECT interface, address, mask, broadcast, point_to_point, type FROM interface_addresses \
                   WHERE address LIKE '%.%' ORDER BY address";
        let wanted = [
            ["lo", "127.0.0.1", "255.0.0.0", "", "127.0.0.1", "unknown"],
            ["veth0:one", "192.0.2.1", "255.255.255.0", "192.0.2.255", "", "unknown"],
            ["veth0", "192.0.2.7", "255.255.255.255", "192.0.2.7", "", "unknown"],
            ["veth1", "198.51.100.1", "255.255.255.255", "198.51.100.2", "", "unknown"],
            ["tun0", "203.0.113.1", "255.255.255.255", "", "203.0.113.2", "unknown"],
        ];
        assert_eq!(rows("", sql), wanted);
    }
}
