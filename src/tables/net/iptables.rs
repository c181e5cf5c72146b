//! `iptables`: IPv4 packet filter rules of the tables that /proc/net/ip_tables_names lists, read from the kernel by
//! getsockopt(2), with CAP_NET_ADMIN. Empty where the kernel has no iptables; rules of nftables are not among them.
//!
//! As osquery shows them: a row for each rule of a chain, in order, then one for the chain itself, with nothing but its
//! policy and counters. Unlike osquery a rule's `packets` and `bytes` are its own, and ports are shown only where the rule
//! matches ports. A `!` stands before what is inverted.

use super::{address, until_nul};
use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::iptables::{Ruleset, ruleset};
use crate::sys::root::Root;
use crate::sys::rtnetlink::number_at;
use std::collections::BTreeMap;

const COLUMNS: &[Column] = &[
    column("filter_name", Type::Text, 0, "Table: filter, nat, mangle, raw or security."),
    column("chain", Type::Text, 0, "Chain."),
    column("policy", Type::Text, 0, "The chain's policy; empty for chains of the user."),
    column("target", Type::Text, 0, "What becomes of a packet: ACCEPT, DROP, a chain, an extension; empty: nothing."),
    column("protocol", Type::Integer, 0, "Protocol number; 0 is any."),
    column("src_port", Type::Text, 0, "Source ports of a TCP or UDP match, FIRST:LAST."),
    column("dst_port", Type::Text, 0, "Destination ports of a TCP or UDP match, FIRST:LAST."),
    column("src_ip", Type::Text, 0, "Source address."),
    column("src_mask", Type::Text, 0, "Its mask."),
    column("iniface", Type::Text, 0, "Interface it came in by; all is any."),
    column("iniface_mask", Type::Text, 0, "Bytes of its name that are compared, in hex."),
    column("dst_ip", Type::Text, 0, "Destination address."),
    column("dst_mask", Type::Text, 0, "Its mask."),
    column("outiface", Type::Text, 0, "Interface it goes out by; all is any."),
    column("outiface_mask", Type::Text, 0, "Bytes of its name that are compared, in hex."),
    column("match", Type::Text, 0, "yes for every rule, empty for a chain."),
    column("packets", Type::Integer, 0, "Packets that met the rule, or the chain's policy."),
    column("bytes", Type::Integer, 0, "Their bytes."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "iptables",
    help: "IPv4 packet filter rules (iptables)",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query.context.root))),
};

fn rows(root: &Root) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    if let Ok(mut lines) = root.lines("/proc/net/ip_tables_names")
        && root.is_live()
    {
        while let Some(name) = lines.next_line() {
            if let Ok(ruleset) = ruleset(name) {
                chains(name, &ruleset, &mut rows);
            }
        }
    }
    rows
}

/// Layout of `struct ipt_entry` (include/uapi/linux/netfilter_ipv4/ip_tables.h), the same on every machine.
mod at {
    pub const SOURCE: usize = 0;
    pub const DESTINATION: usize = 4;
    pub const SOURCE_MASK: usize = 8;
    pub const DESTINATION_MASK: usize = 12;
    pub const IN: usize = 16;
    pub const OUT: usize = 32;
    pub const IN_MASK: usize = 48;
    pub const OUT_MASK: usize = 64;
    pub const PROTOCOL: usize = 80;
    pub const INVERTED: usize = 83;
    pub const TARGET_OFFSET: usize = 88;
    pub const NEXT_OFFSET: usize = 90;
    pub const PACKETS: usize = 96;
    pub const BYTES: usize = 104;
    pub const MATCHES: usize = 112;
    /// In a match or target: its size (16 bits), its name (29 bytes), its revision; then its data.
    pub const NAME: usize = 2;
    pub const REVISION: usize = 31;
    pub const DATA: usize = 32;
}

/// IPT_INV_*: bits of what is inverted.
const IN_INVERTED: u8 = 0x01;
const OUT_INVERTED: u8 = 0x02;
const SOURCE_INVERTED: u8 = 0x08;
const DESTINATION_INVERTED: u8 = 0x10;
const PROTOCOL_INVERTED: u8 = 0x40;
const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// A checked view of an entry: a rule, a chain's policy or the head of a user's chain.
#[derive(Clone, Copy)]
struct Entry<'a> {
    /// Where in the table it begins.
    offset: usize,
    bytes: &'a [u8],
    target: &'a [u8],
}

impl<'a> Entry<'a> {
    fn at(entries: &'a [u8], offset: usize) -> Option<Self> {
        let rest = entries.get(offset..)?;
        let bytes = rest.get(..number_at(rest, at::NEXT_OFFSET, 2)? as usize)?;
        let target = bytes.get(number_at(bytes, at::TARGET_OFFSET, 2)? as usize..)?;
        (bytes.len() >= at::MATCHES && target.len() >= at::DATA).then_some(Entry { offset, bytes, target })
    }

    fn all(entries: &'a [u8]) -> impl Iterator<Item = Entry<'a>> {
        std::iter::successors(Entry::at(entries, 0), move |entry| Entry::at(entries, entry.offset + entry.bytes.len()))
    }

    fn target_name(&self) -> &'a [u8] {
        until_nul(self.target.get(at::NAME..at::REVISION).unwrap_or(&[]))
    }

    /// The name of the user's chain that begins after it, or that there is nothing more.
    fn chain(&self) -> Option<&'a [u8]> {
        (self.target_name() == b"ERROR").then(|| until_nul(self.target.get(at::DATA..).unwrap_or(&[])))
    }

    /// The name of what becomes of a packet; `chains`: names of the user's chains by the offset of their first rule.
    fn verdict(&self, chains: &BTreeMap<usize, &'a [u8]>) -> &'a [u8] {
        let name = self.target_name();
        if !name.is_empty() {
            return name;
        }
        // The standard target: what netfilter is to do, negated and less one, or where to go on.
        match number_at(self.target, at::DATA, 4).map(|verdict| verdict as u32 as i32) {
            Some(-1) => b"DROP",
            Some(-2) => b"ACCEPT",
            Some(-4) => b"QUEUE",
            Some(-5) => b"RETURN",
            Some(next) => usize::try_from(next).ok().and_then(|next| chains.get(&next)).copied().unwrap_or(&[]),
            None => &[],
        }
    }

    /// Source and destination ports of its tcp or udp match, FIRST:LAST.
    fn ports(&self) -> Option<[String; 2]> {
        let end = self.bytes.len() - self.target.len();
        let mut rest = self.bytes.get(at::MATCHES..end)?;
        while rest.len() >= at::DATA {
            let data = rest.get(at::DATA..)?;
            // Where struct xt_tcp and struct xt_udp have the inversion's bits, source and destination.
            let inverted = match until_nul(rest.get(at::NAME..at::REVISION)?) {
                b"tcp" => number_at(data, 11, 1),
                b"udp" => number_at(data, 8, 1),
                _ => None,
            };
            if let Some(inverted) = inverted {
                let port = |index: usize| number_at(data, index * 2, 2);
                let range = |first: usize, bit: u64| {
                    let not = if inverted & bit != 0 { "!" } else { "" };
                    Some(format!("{not}{}:{}", port(first)?, port(first + 1)?))
                };
                return Some([range(0, 1)?, range(2, 2)?]);
            }
            rest = rest.get((number_at(rest, 0, 2)? as usize).max(at::DATA)..)?;
        }
        None
    }

    fn counters(&self) -> [Value; 2] {
        [at::PACKETS, at::BYTES].map(|offset| Value::Integer(number_at(self.bytes, offset, 8).unwrap_or(0) as i64))
    }

    /// `!` if one of the bits is set, and a text.
    fn perhaps_not(&self, bit: u8, text: impl AsRef<[u8]>) -> Value {
        let inverted = self.bytes.get(at::INVERTED).is_some_and(|bits| bits & bit != 0);
        let mut out = if inverted { b"!".to_vec() } else { Vec::new() };
        out.extend_from_slice(text.as_ref());
        Value::Text(out)
    }

    fn interface(&self, offset: usize, bit: u8) -> Value {
        let name = until_nul(self.bytes.get(offset..offset + 16).unwrap_or(&[]));
        if name.is_empty() { Value::text("all") } else { self.perhaps_not(bit, name) }
    }

    fn interface_mask(&self, offset: usize) -> Value {
        let mask = until_nul(self.bytes.get(offset..offset + 16).unwrap_or(&[]));
        Value::text(mask.iter().map(|byte| format!("{byte:02X}")).collect::<String>())
    }

    fn protocol(&self) -> Value {
        let number = number_at(self.bytes, at::PROTOCOL, 2).unwrap_or(0) as i64;
        match self.perhaps_not(PROTOCOL_INVERTED, number.to_string()) {
            Value::Text(text) if text.starts_with(b"!") => Value::Text(text),
            _ => Value::Integer(number),
        }
    }

    fn address(&self, offset: usize) -> String {
        address(self.bytes.get(offset..offset + 4).unwrap_or(&[]))
    }

    /// The columns from `target` on.
    fn row(&self, chains: &BTreeMap<usize, &'a [u8]>) -> Vec<Value> {
        let [source_port, destination_port] = self.ports().unwrap_or_default();
        let mut row = vec![
            Value::text(self.verdict(chains)),
            self.protocol(),
            Value::text(source_port),
            Value::text(destination_port),
            self.perhaps_not(SOURCE_INVERTED, self.address(at::SOURCE)),
            Value::text(self.address(at::SOURCE_MASK)),
            self.interface(at::IN, IN_INVERTED),
            self.interface_mask(at::IN_MASK),
            self.perhaps_not(DESTINATION_INVERTED, self.address(at::DESTINATION)),
            Value::text(self.address(at::DESTINATION_MASK)),
            self.interface(at::OUT, OUT_INVERTED),
            self.interface_mask(at::OUT_MASK),
            Value::text("yes"),
        ];
        row.extend(self.counters());
        row
    }
}

/// Appends the rows of all chains of a table.
fn chains(table: &[u8], ruleset: &Ruleset, rows: &mut Vec<Vec<Value>>) {
    let names: BTreeMap<_, _> = Entry::all(&ruleset.entries)
        .filter_map(|entry| Some((entry.offset + entry.bytes.len(), entry.chain()?)))
        .collect();
    let mut chain: &[u8] = b"";
    let mut policy = Value::text("");
    // The last entry of a chain is its policy, or a user's chain's return, and not a rule: what comes next tells.
    let mut held: Option<Entry<'_>> = None;
    for entry in Entry::all(&ruleset.entries) {
        let hook = ruleset
            .hooks
            .iter()
            .zip(CHAINS)
            .find(|(hook, _)| hook.is_some_and(|(first, _)| usize::try_from(first) == Ok(entry.offset)));
        if hook.is_some() || entry.chain().is_some() {
            if let Some(last) = held.take() {
                rows.push(chain_row(table, chain, &policy, last));
            }
            (chain, policy) = match hook {
                Some((hook, name)) => {
                    let last = hook.and_then(|(_, last)| Entry::at(&ruleset.entries, usize::try_from(last).ok()?));
                    (name.as_bytes(), Value::text(last.map_or(&[][..], |last| last.verdict(&names))))
                }
                None => (entry.chain().unwrap_or(&[]), Value::text("")),
            };
        } else if let Some(rule) = held {
            let mut row = vec![Value::text(table), Value::text(chain), policy.clone()];
            row.extend(rule.row(&names));
            rows.push(row);
        }
        held = Some(entry).filter(|entry| entry.chain().is_none());
    }
}

/// The row of a chain itself, whose last entry is `last`.
fn chain_row(table: &[u8], chain: &[u8], policy: &Value, last: Entry<'_>) -> Vec<Value> {
    let is_ours = *policy == Value::text("");
    let mut row = vec![Value::text(table), Value::text(chain), policy.clone()];
    row.resize(COLUMNS.len() - 2, Value::text(""));
    if let Some(protocol) = row.get_mut(4) {
        *protocol = Value::Null;
    }
    row.extend(if is_ours { [Value::Integer(0), Value::Integer(0)] } else { last.counters() });
    row
}

#[cfg(test)]
mod tests {
    use super::super::tests::in_namespace;
    use super::*;
    use crate::sql::testing::{Tree, host, rows};

    const SCRIPT: &str = "iptables-legacy -w -n -L >/dev/null || exit 77
        iptables-legacy-restore -w -c <<END || exit 1
*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [8:800]
:zz_last - [0:0]
:a-chain - [0:0]
[1:60] -A INPUT -i lo -j ACCEPT
[2:120] -A INPUT -p tcp -m tcp --dport 22 -j a-chain
[3:180] -A INPUT ! -s 192.0.2.0/24 -p udp -m udp --sport 1000:2000 ! --dport 53 -m conntrack --ctstate NEW -j REJECT --reject-with icmp-port-unreachable
[4:240] -A FORWARD ! -p tcp -i veth+ ! -o eth0 -d 198.51.100.7/32
[5:300] -A FORWARD ! -i eth1 -p icmp -j zz_last
[6:360] -A a-chain -m comment --comment some -p tcp -m tcp -j RETURN
[7:420] -A a-chain -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[9:540] -A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
END
        for i in $(seq 300); do echo \"-A OUTPUT -d 10.1.$((i / 256)).$((i % 256)) -j DROP\"; done | sed '1i*raw' | sed '$aCOMMIT' | iptables-legacy-restore -w";

    #[test]
    fn are_those_of_iptables_save_in_a_namespace() {
        if !in_namespace("tables::net::iptables::tests::are_those_of_iptables_save_in_a_namespace", SCRIPT) {
            return;
        }
        let some = "target, protocol, src_port, dst_port, src_ip, src_mask, iniface, dst_ip, outiface, packets, bytes";
        let sql = format!("SELECT {some} FROM iptables WHERE filter_name = 'filter' AND chain = ");
        let wanted = [
            ["ACCEPT", "0", "", "", "0.0.0.0", "0.0.0.0", "lo", "0.0.0.0", "all", "1", "60"],
            ["a-chain", "6", "0:65535", "22:22", "0.0.0.0", "0.0.0.0", "all", "0.0.0.0", "all", "2", "120"],
            ["REJECT", "17", "1000:2000", "!53:53", "!192.0.2.0", "255.255.255.0", "all", "0.0.0.0", "all", "3", "180"],
            ["", "NULL", "", "", "", "", "", "", "", "7", "700"],
        ];
        assert_eq!(rows("", &format!("{sql}'INPUT'")), wanted);
        let wanted = ["", "!6", "", "", "0.0.0.0", "0.0.0.0", "veth+", "198.51.100.7", "!eth0", "4", "240"];
        assert_eq!(rows("", &format!("{sql}'FORWARD' AND packets = 4")), [wanted]);
        let wanted = [
            ["RETURN", "6", "0:65535", "0:65535", "0.0.0.0", "0.0.0.0", "all", "0.0.0.0", "all", "6", "360"],
            ["DROP", "0", "", "", "0.0.0.0", "0.0.0.0", "all", "0.0.0.0", "all", "7", "420"],
            ["", "NULL", "", "", "", "", "", "", "", "0", "0"],
        ];
        assert_eq!(rows("", &format!("{sql}'a-chain'")), wanted);
        let sql = "SELECT filter_name, chain, policy, target, iniface, match FROM iptables WHERE filter_name <> 'raw' AND \
                   chain NOT IN ('INPUT', 'a-chain') ORDER BY 1";
        let wanted = [
            ["filter", "FORWARD", "ACCEPT", "", "veth+", "yes"],
            ["filter", "FORWARD", "ACCEPT", "zz_last", "!eth1", "yes"],
            ["filter", "FORWARD", "ACCEPT", "", "", ""],
            ["filter", "OUTPUT", "ACCEPT", "", "", ""],
            ["filter", "zz_last", "", "", "", ""],
            ["nat", "PREROUTING", "ACCEPT", "", "", ""],
            ["nat", "OUTPUT", "ACCEPT", "", "", ""],
            ["nat", "POSTROUTING", "ACCEPT", "MASQUERADE", "all", "yes"],
            ["nat", "POSTROUTING", "ACCEPT", "", "", ""],
        ];
        assert_eq!(rows("", sql), wanted);
        let sql = "SELECT iniface_mask, outiface_mask, src_mask, dst_mask FROM iptables WHERE iniface = 'veth+'";
        assert_eq!(rows("", sql), [["FFFFFFFF", "FFFFFFFFFF", "0.0.0.0", "255.255.255.255"]]);
        compare_with_save();
    }

    /// Every chain has as many rules as iptables-save prints, with the same targets in the same order.
    fn compare_with_save() {
        let saved = host("iptables-legacy-save", &[]).unwrap();
        let (mut table, mut theirs) = ("", Vec::new());
        for line in saved.lines() {
            if let Some(name) = line.strip_prefix('*') {
                table = name;
            } else if let Some(rule) = line.strip_prefix("-A ") {
                let chain = rule.split(' ').next().unwrap();
                let target = rule.split(" -j ").nth(1).map_or("", |rest| rest.split(' ').next().unwrap());
                theirs.push(vec![table.to_string(), chain.to_string(), target.to_string()]);
            }
        }
        let mut ours = rows("", "SELECT filter_name, chain, target FROM iptables WHERE match = 'yes'");
        theirs.sort_by(|a, b| a[..2].cmp(&b[..2]));
        ours.sort_by(|a, b| a[..2].cmp(&b[..2]));
        assert_eq!(ours, theirs);
        assert!(ours.len() > 300);
    }

    #[test]
    fn a_table_cut_anywhere_is_no_crash_in_a_namespace() {
        if !in_namespace("tables::net::iptables::tests::a_table_cut_anywhere_is_no_crash_in_a_namespace", SCRIPT) {
            return;
        }
        let whole = ruleset(b"filter").unwrap();
        let count = |ruleset: &Ruleset| {
            let mut rows = Vec::new();
            chains(b"filter", ruleset, &mut rows);
            rows.len()
        };
        let most = count(&whole);
        for cut in 0..whole.entries.len() {
            let entries = whole.entries[..cut].to_vec();
            assert!(count(&Ruleset { entries, ..whole.clone() }) <= most);
            // A damaged byte, whatever it meant.
            let mut damaged = whole.clone();
            damaged.entries[cut] ^= 0x55;
            count(&damaged);
        }
        assert!(ruleset(b"nothing").is_err() && ruleset(&[b'x'; 40]).is_err());
    }

    #[test]
    fn another_machine_has_none() {
        let tree = Tree::new("iptables");
        tree.file("/proc/net/ip_tables_names", "filter\nnat\n");
        assert!(tree.rows("SELECT * FROM iptables").is_empty());
    }
}
