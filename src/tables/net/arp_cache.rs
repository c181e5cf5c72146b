//! `arp_cache`: IPv4 neighbours, from /proc/net/arp (proc(5)), a line for each after the header. Streams.

use crate::sql::table::{Column, Each, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("address", Type::Text, 0, "IPv4 address."),
    Column { collate: "NOCASE", ..column("mac", Type::Text, 0, "Hardware address; zeros while it is unknown.") },
    column("interface", Type::Text, 0, "Interface behind which it is."),
    column("permanent", Type::Text, 0, "1 if it was set by hand and stays, else 0."),
];

/// ATF_COM and ATF_PERM (include/uapi/linux/if_arp.h).
const PERMANENT: u32 = 0x06;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "arp_cache",
    help: "IPv4 neighbours: addresses of hardware behind addresses of the network",
    columns: COLUMNS,
    open: |query| {
        let Ok(mut lines) = query.context.root.lines("/proc/net/arp") else { return Ok(Rows::of(Vec::new())) };
        lines.next_line();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = row(lines.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (address, _, flags, mac, _, interface) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let flags = u32::from_str_radix(std::str::from_utf8(flags).ok()?.strip_prefix("0x")?, 16).ok()?;
    let permanent = if flags & PERMANENT == PERMANENT { "1" } else { "0" };
    Some([address, mac, interface, permanent.as_bytes()].map(Value::text).to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::tests::in_namespace;
    use crate::sql::testing::{Tree, host, rows};
    use std::collections::BTreeSet;

    const HEADER: &str = "IP address       HW type     Flags       HW address            Mask     Device\n";

    #[test]
    fn reads_lines_and_skips_what_is_none() {
        let tree = Tree::new("arp");
        let text = "192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0\n\
                    192.0.2.9        0x1         0x6         02:FC:00:00:00:09     *        br-lan\n\
                    192.0.2.10       0x1         0xe         02:fc:00:00:00:0a     *        br-lan\n\
                    192.0.2.77       0x1         0x0         00:00:00:00:00:00     *        eth0\n\
                    half a line\n\n192.0.2.3 0x1 six 0 * eth0\n";
        tree.file("/proc/net/arp", format!("{HEADER}{text}"));
        let wanted = [
            ["192.0.2.1", "02:fc:00:00:00:05", "eth0", "0"],
            ["192.0.2.9", "02:FC:00:00:00:09", "br-lan", "1"],
            ["192.0.2.10", "02:fc:00:00:00:0a", "br-lan", "1"],
            ["192.0.2.77", "00:00:00:00:00:00", "eth0", "0"],
        ];
        assert_eq!(tree.rows("SELECT * FROM arp_cache"), wanted);
        assert_eq!(tree.rows("SELECT address FROM arp_cache WHERE mac = '02:fc:00:00:00:09'"), [["192.0.2.9"]]);
    }

    #[test]
    fn are_those_of_iproute_in_a_namespace() {
        let script =
            "ip link add veth0 type veth peer name veth1 || exit 77\nip link set veth0 up; ip link set veth1 up
            ip addr add 192.0.2.1/24 dev veth0
            ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev veth0
            ip neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 nud stale dev veth0";
        if !in_namespace("tables::net::arp_cache::tests::are_those_of_iproute_in_a_namespace", script) {
            return;
        }
        let theirs: serde_json::Value = serde_json::from_str(&host("ip", &["-4", "-j", "neigh"]).unwrap()).unwrap();
        let their = |entry: &serde_json::Value| {
            let permanent = u8::from(entry["state"][0] == "PERMANENT").to_string();
            let text = |name: &str| entry[name].as_str().unwrap().to_string();
            vec![text("dst"), text("lladdr"), text("dev"), permanent]
        };
        let theirs: BTreeSet<_> = theirs.as_array().unwrap().iter().map(their).collect();
        assert_eq!(theirs.len(), 2);
        assert_eq!(rows("", "SELECT * FROM arp_cache").into_iter().collect::<BTreeSet<_>>(), theirs);
    }
}
