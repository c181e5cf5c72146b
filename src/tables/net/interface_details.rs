//! `interface_details`: the network interfaces, from rtnetlink (RTM_GETLINK, 64-bit counters); speed and place on the PCI
//! bus from /sys/class/net, read only when asked for. Some hundred interfaces at most.
//!
//! osquery's conventions: `type` is the hardware type's low byte, `metric` 0 and `last_change` -1 always, `link_speed` 0
//! and `pci_slot` -1 where unknown.

use super::link::{self, Link};
use super::mac;
use crate::sql::table::{Column, Context, Cursor, Query, Table, TableError, Type, Value, column, elsewhere};
use std::collections::btree_map::IntoValues;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("interface", Type::Text, 0, "Name."),
    Column { collate: "NOCASE", ..column("mac", Type::Text, 0, "Hardware address, six bytes in hex.") },
    column("type", Type::Integer, 0, "Hardware type (ARPHRD_*), its low byte: 1 is Ethernet, 4 the loopback."),
    column("mtu", Type::Integer, 0, "Largest packet, bytes."),
    column("metric", Type::Integer, 0, "Always 0 on Linux."),
    column("flags", Type::Integer, 0, "IFF_* bits, promiscuous as the interface really is."),
    column("ipackets", Type::BigInt, 0, "Packets received."),
    column("opackets", Type::BigInt, 0, "Packets sent."),
    column("ibytes", Type::BigInt, 0, "Bytes received."),
    column("obytes", Type::BigInt, 0, "Bytes sent."),
    column("ierrors", Type::BigInt, 0, "Errors of receiving."),
    column("oerrors", Type::BigInt, 0, "Errors of sending."),
    column("idrops", Type::BigInt, 0, "Received packets dropped."),
    column("odrops", Type::BigInt, 0, "Packets to send dropped."),
    column("collisions", Type::BigInt, 0, "Collisions."),
    column("last_change", Type::BigInt, 0, "Always -1 on Linux."),
    column("link_speed", Type::BigInt, 0, "Speed, Mbit/s; 0 if unknown."),
    column("pci_slot", Type::Text, 0, "Place on the PCI bus, or the device's name; -1 if there is no device."),
    elsewhere("friendly_name", Type::Text),
    elsewhere("description", Type::Text),
    elsewhere("manufacturer", Type::Text),
    elsewhere("connection_id", Type::Text),
    elsewhere("connection_status", Type::Text),
    elsewhere("enabled", Type::Integer),
    elsewhere("physical_adapter", Type::Integer),
    elsewhere("speed", Type::Integer),
    elsewhere("service", Type::Text),
    elsewhere("dhcp_enabled", Type::Integer),
    elsewhere("dhcp_lease_expires", Type::Text),
    elsewhere("dhcp_lease_obtained", Type::Text),
    elsewhere("dhcp_server", Type::Text),
    elsewhere("dns_domain", Type::Text),
    elsewhere("dns_domain_suffix_search_order", Type::Text),
    elsewhere("dns_host_name", Type::Text),
    elsewhere("dns_server_search_order", Type::Text),
];

/// IFF_UP, DEBUG, NOTRAILERS, NOARP, PROMISC, ALLMULTI, MULTICAST, PORTSEL, AUTOMEDIA and DYNAMIC: bits that osquery takes
/// from /sys, where they say what is, not what was asked for.
const FROM_SYS: u32 = 0xf3a5;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "interface_details",
    help: "Network interfaces: addresses, flags, counters",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan::new(&query))),
};

struct Scan {
    context: Rc<Context>,
    links: IntoValues<u32, Link>,
    link: Link,
}

impl Scan {
    fn new(query: &Query) -> Self {
        let links = link::links(&query.context.root).into_values();
        Scan { context: query.context.clone(), links, link: Link::default() }
    }

    /// A file of the interface's directory in /sys.
    fn place(&self, file: &str) -> PathBuf {
        let directory = Path::new("/sys/class/net").join(OsStr::from_bytes(&self.link.name));
        if file.is_empty() { directory } else { directory.join(file) }
    }

    fn sys(&self, file: &str) -> Option<String> {
        String::from_utf8(self.context.root.line(self.place(file))).ok()
    }

    fn flags(&self) -> u32 {
        let shown = self.sys("flags").and_then(|text| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok());
        shown.map_or(self.link.flags, |flags| self.link.flags & !FROM_SYS | flags & FROM_SYS)
    }

    fn speed(&self) -> i64 {
        // -1 and 4294967295 say that nobody knows.
        let speed = self.sys("speed").and_then(|text| text.parse().ok()).unwrap_or(0);
        if (1..i64::from(u32::MAX)).contains(&speed) { speed } else { 0 }
    }
}

/// The place on the PCI bus (or another one) of an interface whose directory is really `path`: the device above `net`, of
/// virtio devices the one above that.
fn pci_slot(path: &[u8]) -> &[u8] {
    let mut names = path.rsplit(|&byte| byte == b'/').skip_while(|name| *name != b"net").skip(1);
    match (names.next(), names.next()) {
        (None | Some(b"virtual"), _) => b"-1",
        (Some(name), Some(parent)) if name.starts_with(b"virtio") => parent,
        (Some(name), _) => name,
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        let next = self.links.next();
        let more = next.is_some();
        self.link = next.unwrap_or_default();
        Ok(more)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let link = &self.link;
        let counter = |index: usize| Value::Integer(link.counters.get(index).copied().unwrap_or(0) as i64);
        Ok(match column {
            0 => Value::text(&link.name),
            1 => Value::text(mac(&link.address)),
            2 => Value::Integer(i64::from(link.kind & 0xff)),
            3 => Value::Integer(i64::from(link.mtu)),
            4 => Value::Integer(0),
            5 => Value::Integer(i64::from(self.flags())),
            6..=13 => counter(column - 6),
            14 => counter(9),
            15 => Value::Integer(-1),
            16 => Value::Integer(self.speed()),
            17 => Value::text(pci_slot(&self.context.root.read_link(self.place("")).unwrap_or_default())),
            _ => Value::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::in_namespace;
    use super::*;
    use crate::sql::testing::{Tree, host, rows};
    use serde_json::Value as Json;

    fn compare_with_iproute() {
        let Some(out) = host("ip", &["-j", "-s", "link"]) else { return println!("skipped: needs ip (iproute2)") };
        let theirs: Json = serde_json::from_str(&out).unwrap();
        let sql =
            "SELECT interface, mac, mtu, flags & 1, ipackets, ibytes, opackets, obytes, type FROM interface_details";
        let ours = rows("", sql);
        assert_eq!(ours.len(), theirs.as_array().unwrap().len());
        for (our, their) in ours.iter().zip(theirs.as_array().unwrap()) {
            assert_eq!(Some(our[0].as_str()), their["ifname"].as_str());
            if let Some(address) = their["address"].as_str().filter(|address| address.len() == 17) {
                assert_eq!(our[1], address);
            }
            assert_eq!(our[2], their["mtu"].to_string());
            let up = their["flags"].as_array().unwrap().iter().any(|flag| flag == "UP");
            assert_eq!(our[3], u8::from(up).to_string());
            for (column, (side, what)) in
                [("rx", "packets"), ("rx", "bytes"), ("tx", "packets"), ("tx", "bytes")].iter().enumerate()
            {
                // We asked a moment later.
                let (our, their) =
                    (our[4 + column].parse::<u64>().unwrap(), their["stats64"][side][what].as_u64().unwrap());
                assert!(our >= their && our - their < 100_000_000, "{side} {what}: {our} {their}");
            }
            let kinds = [("loopback", "4"), ("ether", "1"), ("none", "254")];
            if let Some((_, kind)) = kinds.iter().find(|(name, _)| their["link_type"] == *name) {
                assert_eq!(our[8], *kind);
            }
        }
    }

    #[test]
    fn are_those_of_iproute() {
        compare_with_iproute();
        for row in rows("", "SELECT interface, flags, link_speed, pci_slot, metric, last_change FROM interface_details")
        {
            let read =
                |file: &str| std::fs::read_to_string(format!("/sys/class/net/{}/{file}", row[0])).unwrap_or_default();
            if let Some(flags) = read("flags").trim().strip_prefix("0x") {
                let sys = u32::from_str_radix(flags, 16).unwrap();
                assert_eq!(row[1].parse::<u32>().unwrap() & FROM_SYS, sys & FROM_SYS);
            }
            assert_eq!((row[4].as_str(), row[5].as_str()), ("0", "-1"));
            assert!(row[2].parse::<i64>().unwrap() >= 0);
            assert_eq!(row[3] == "-1", std::fs::read_link(format!("/sys/class/net/{}/device", row[0])).is_err());
        }
    }

    #[test]
    fn are_those_of_iproute_in_a_namespace() {
        let script = "ip link add veth0 address 02:00:00:00:00:01 mtu 1300 type veth peer name veth1 || exit 77
            ip link set veth0 up; ip link set veth0 promisc on; ip link add br0 type bridge
            ip tuntap add tun0 mode tun || exit 77";
        if in_namespace("tables::net::interface_details::tests::are_those_of_iproute_in_a_namespace", script) {
            compare_with_iproute();
            let sql = "SELECT mac, mtu, type FROM interface_details WHERE interface IN ('veth0', 'tun0') ORDER BY 1";
            assert_eq!(rows("", sql), [["00:00:00:00:00:00", "1500", "254"], ["02:00:00:00:00:01", "1300", "1"]]);
        }
    }

    #[test]
    fn places_on_the_bus() {
        let slot = |path: &str| String::from_utf8_lossy(pci_slot(path.as_bytes())).into_owned();
        assert_eq!(slot("../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0"), "0000:00:03.0");
        assert_eq!(slot("../../devices/pci0000:00/0000:00:1f.6/net/enp0s31f6"), "0000:00:1f.6");
        assert_eq!(slot("../../devices/platform/soc/1c30000.ethernet/net/eth0"), "1c30000.ethernet");
        assert_eq!(slot("../../devices/virtual/net/lo"), "-1");
        assert_eq!((slot(""), slot("net"), slot("/net/x")), ("-1".into(), "-1".into(), "".into()));
    }

    #[test]
    fn another_machine_has_none() {
        let tree = Tree::new("interface-details");
        tree.file("/sys/class/net/eth0/flags", "0x1003\n");
        assert!(tree.rows("SELECT * FROM interface_details").is_empty());
    }
}
