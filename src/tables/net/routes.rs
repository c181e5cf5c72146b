//! `routes`: the kernel's IPv4 and IPv6 routes of all its tables, from rtnetlink (RTM_GETROUTE). Streams: a router with a
//! million routes needs one buffer. Where a route has several next hops there is a row for each.
//!
//! osquery's conventions: `type` is gateway for every unicast route, `other` for blackholes, multicast and the like; `mtu`,
//! `metric` and `hopcount` are 0 where the route says nothing. `netmask` is the prefix's length, for hosts too.

use super::address;
use super::link::{self, Link};
use crate::sql::table::{ADDITIONAL, Column, Each, Rows, Table, Type, Value, column};
use crate::sys::rtnetlink::{Ask, Attributes, Dump, Message, number_at};
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    column("destination", Type::Text, 0, "Address of the network or host; 0.0.0.0 or :: is the default route."),
    column("netmask", Type::Integer, 0, "Bits of the network's prefix."),
    column("gateway", Type::Text, 0, "Address of the next hop; empty if there is none."),
    column("source", Type::Text, 0, "Preferred source address."),
    column("flags", Type::Integer, 0, "RTM_F_* and RTNH_F_* bits: 1 dead, 4 on-link, 16 link down, …"),
    column("interface", Type::Text, 0, "Interface of the next hop."),
    column("mtu", Type::Integer, 0, "Largest packet, bytes; 0 if the route sets none."),
    column("metric", Type::Integer, 0, "Priority: the lowest wins."),
    column("type", Type::Text, ADDITIONAL, "gateway, local, broadcast, anycast or other."),
    column("hopcount", Type::Integer, 0, "Hop limit; 0 if the route sets none."),
];

/// RTA_VIA and the metrics of RTA_METRICS (include/uapi/linux/rtnetlink.h), which libc does not name everywhere.
const RTA_VIA: u16 = 18;
const RTAX_MTU: u16 = 2;
const RTAX_HOPLIMIT: u16 = 10;
const RTMSG_BYTES: usize = 12;
const NEXT_HOP_BYTES: usize = 8;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "routes",
    help: "Routing tables of the kernel",
    columns: COLUMNS,
    open: |query| {
        let links = link::links(&query.context.root);
        if links.is_empty() {
            return Ok(Rows::of(Vec::new()));
        }
        let all = [0; RTMSG_BYTES];
        let Ok(mut dump) = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETROUTE, Ask::All, &all) else {
            return Ok(Rows::of(Vec::new()));
        };
        let mut rows = Vec::new();
        Ok(Each::of(move || {
            while rows.is_empty() {
                rows = routes(dump.next_message()?, &links).unwrap_or_default();
                rows.reverse();
            }
            rows.pop()
        }))
    },
};

/// What a next hop is: a gateway, an interface and flags.
#[derive(Default)]
struct Hop {
    gateway: String,
    interface: u32,
    flags: u32,
}

impl Hop {
    /// Takes an attribute that may stand in a route or in one of its next hops.
    fn take(&mut self, kind: u16, value: &[u8]) {
        match kind {
            libc::RTA_OIF => self.interface = number_at(value, 0, 4).unwrap_or(0) as u32,
            libc::RTA_GATEWAY => self.gateway = address(value),
            // struct rtvia: a family, then an address of it.
            RTA_VIA => self.gateway = address(value.get(2..).unwrap_or(&[])),
            _ => {}
        }
    }
}

/// The next hops of RTA_MULTIPATH: struct rtnexthop, each followed by its attributes.
fn hops(mut bytes: &[u8]) -> Vec<Hop> {
    let mut hops = Vec::new();
    while let Some(length) =
        number_at(bytes, 0, 2).map(|length| length as usize).filter(|&length| length >= NEXT_HOP_BYTES)
    {
        let Some(one) = bytes.get(..length) else { break };
        let mut hop = Hop {
            flags: number_at(one, 2, 1).unwrap_or(0) as u32,
            interface: number_at(one, 4, 4).unwrap_or(0) as u32,
            ..Hop::default()
        };
        Attributes(one.get(NEXT_HOP_BYTES..).unwrap_or(&[])).for_each(|(kind, value)| hop.take(kind, value));
        hops.push(hop);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    hops
}

fn routes(message: Message<'_>, links: &BTreeMap<u32, Link>) -> Option<Vec<Vec<Value>>> {
    let &[family, prefix, _, _, _, _, _, kind, ..] = message.payload else { return None };
    let none = match i32::from(family) {
        libc::AF_INET => "0.0.0.0",
        libc::AF_INET6 => "::",
        _ => return None,
    };
    if message.kind != libc::RTM_NEWROUTE {
        return None;
    }
    let (mut destination, mut source, mut metric, mut metrics) = (none.to_string(), String::new(), 0, Attributes(&[]));
    let (mut hop, mut more) = (Hop::default(), Vec::new());
    let flags = number_at(message.payload, 8, 4)?;
    for (kind, value) in Attributes(message.payload.get(RTMSG_BYTES..)?) {
        match kind {
            libc::RTA_DST => destination = address(value),
            libc::RTA_PREFSRC => source = address(value),
            libc::RTA_PRIORITY => metric = number_at(value, 0, 4)?,
            libc::RTA_METRICS => metrics = Attributes(value),
            libc::RTA_MULTIPATH => more = hops(value),
            _ => hop.take(kind, value),
        }
    }
    let kind = match kind {
        libc::RTN_UNICAST => "gateway",
        libc::RTN_LOCAL => "local",
        libc::RTN_BROADCAST => "broadcast",
        libc::RTN_ANYCAST => "anycast",
        _ => "other",
    };
    if more.is_empty() {
        more.push(hop);
    }
    let number = |number: Option<u64>| Value::Integer(number.unwrap_or(0) as i64);
    let row = |hop: Hop| {
        vec![
            Value::text(&destination),
            Value::Integer(i64::from(prefix)),
            Value::text(hop.gateway),
            Value::text(&source),
            number(Some(flags | u64::from(hop.flags))),
            Value::text(links.get(&hop.interface).map_or(&[][..], |link| &link.name)),
            number(metrics.number(RTAX_MTU)),
            number(Some(metric)),
            Value::text(kind),
            number(metrics.number(RTAX_HOPLIMIT)),
        ]
    };
    Some(more.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::in_namespace;
    use super::*;
    use crate::sql::testing::{Tree, host, rows};
    use serde_json::Value as Json;

    const COMPARED: &str = "SELECT destination, netmask, gateway, source, interface, metric, type FROM routes ORDER BY 1, 2, 3, 4, 5, 6, 7";

    /// The rows of iproute2's JSON: those of a route, one for each of its next hops.
    fn their(route: &Json, is_v6: bool) -> Vec<Vec<String>> {
        let text = |from: &Json, name: &str| from[name].as_str().unwrap_or("").to_string();
        let kind = match route["type"].as_str().unwrap_or("unicast") {
            "unicast" => "gateway",
            kind @ ("local" | "broadcast" | "anycast") => kind,
            _ => "other",
        };
        let destination = match route["dst"].as_str().unwrap() {
            "default" if is_v6 => "::/0",
            "default" => "0.0.0.0/0",
            other => other,
        };
        let (network, prefix) = destination.split_once('/').unwrap_or((destination, if is_v6 { "128" } else { "32" }));
        let row = |hop: &Json| {
            let gateway = hop["gateway"].as_str().or(hop["via"]["host"].as_str()).unwrap_or("").to_string();
            let metric = route["metric"].as_u64().unwrap_or(0).to_string();
            vec![network.into(), prefix.into(), gateway, text(route, "prefsrc"), text(hop, "dev"), metric, kind.into()]
        };
        match route["nexthops"].as_array() {
            Some(hops) => hops.iter().map(row).collect(),
            None => vec![row(route)],
        }
    }

    fn iproutes() -> Option<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        for family in ["-4", "-6"] {
            let out: Json =
                serde_json::from_str(&host("ip", &[family, "-j", "route", "show", "table", "all"])?).ok()?;
            rows.extend(out.as_array()?.iter().flat_map(|route| their(route, family == "-6")));
        }
        rows.sort();
        Some(rows)
    }

    #[test]
    fn are_those_of_iproute() {
        let Some(theirs) = iproutes() else { return println!("skipped: needs ip (iproute2)") };
        assert_eq!(rows("", COMPARED), theirs);
    }

    #[test]
    fn are_those_of_iproute_in_a_namespace() {
        let script = "ip link add veth0 type veth peer name veth1 || exit 77
            ip link set veth0 up; ip link set veth1 up; ip addr add 192.0.2.1/24 dev veth0; ip addr add 198.51.100.1/24 dev veth1
            ip route add default via 192.0.2.254 metric 100; ip route add default via 198.51.100.254 metric 200
            ip route add 203.0.113.0/24 via 192.0.2.2 mtu 1200 hoplimit 9; ip route add 203.0.113.9 dev veth1 src 192.0.2.1
            ip route add 10.0.0.0/8 nexthop via 192.0.2.3 dev veth0 weight 1 nexthop via 198.51.100.3 dev veth1 weight 2
            ip route add 172.16.0.0/12 via inet6 fe80::1 dev veth0; ip route add blackhole 10.1.0.0/16
            ip route add prohibit 10.2.0.0/16 table 77; ip route add 10.4.0.0/16 via 192.0.2.4 dev veth0 onlink
            ip -6 route add 2001:db8:1::/48 via fe80::2 dev veth0 metric 7
            ip -6 route add 2001:db8:2::/48 nexthop via fe80::3 dev veth0 nexthop via fe80::4 dev veth1
            ip -6 route add unreachable 2001:db8:3::/48; ip -6 route add default via fe80::9 dev veth1 metric 1024
            for i in $(seq 0 255); do for j in 1 2 3 4 5 6; do echo route add 100.64.$i.$j/32 dev veth0; done; done | ip -batch -";
        if !in_namespace("tables::net::routes::tests::are_those_of_iproute_in_a_namespace", script) {
            return;
        }
        let ours = rows("", COMPARED);
        assert_eq!(ours, iproutes().unwrap());
        assert!(ours.len() > 1536 + 20);
        let sql = "SELECT gateway, flags & 4, mtu, hopcount FROM routes WHERE destination LIKE ";
        assert_eq!(rows("", &format!("{sql}'203.0.113.0'")), [["192.0.2.2", "0", "1200", "9"]]);
        assert_eq!(rows("", &format!("{sql}'10.4.0.0'")), [["192.0.2.4", "4", "0", "0"]]);
        assert_eq!(rows("", &format!("{sql}'172.16.0.0'")), [["fe80::1", "0", "0", "0"]]);
    }

    #[test]
    fn a_message_cut_anywhere_is_no_crash() {
        let links = BTreeMap::new();
        let mut dump = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETROUTE, Ask::All, &[0; RTMSG_BYTES]).unwrap();
        while let Some(message) = dump.next_message() {
            for cut in 0..message.payload.len() {
                let cut = Message { payload: &message.payload[..cut], ..message };
                assert!(routes(cut, &links).is_none_or(|rows| rows.len() == 1));
            }
        }
        for length in 0..64u16 {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.resize(40, 0xff);
            assert!(hops(&bytes).len() <= 5);
        }
    }

    #[test]
    fn another_machine_has_none() {
        assert!(Tree::new("routes").rows("SELECT * FROM routes").is_empty());
    }
}
