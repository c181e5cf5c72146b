//! `dns_resolvers`: what the C library's resolver would use, from /etc/resolv.conf (resolv.conf(5)): name servers (at most
//! three), search domains (six) and the sort list (ten), as glibc takes them.
//!
//! `options` is glibc's bit mask (resolv.h: RES_*), as osquery shows it: 705 is the default. Unlike osquery, name servers
//! with IPv6 addresses and every search domain are named, and there is no row for a server that the file does not name.

use crate::sql::table::{ADDITIONAL, Column, HIDDEN, Rows, Table, Type, Value, column};
use crate::sys::root::{Lines, Root};
use std::net::Ipv4Addr;

const COLUMNS: &[Column] = &[
    column("id", Type::Integer, 0, "Number within its type, from 0."),
    column("type", Type::Text, 0, "nameserver, sortlist or search."),
    column("address", Type::Text, 0, "Address of the server, network to sort by, or domain to search."),
    column("netmask", Type::Text, 0, "Bits of the network to sort by; 32 for a server."),
    column("options", Type::BigInt, 0, "The resolver's options, glibc's RES_* bits."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own file is read."),
];

const MOST_SERVERS: usize = 3;
const MOST_DOMAINS: usize = 6;
const MOST_SORTED: usize = 10;
/// RES_INIT, RES_RECURSE, RES_DEFNAMES and RES_DNSRCH.
const DEFAULT: i64 = 0x2c1;
/// Words after `options` and their bits (glibc, resolv/res_init.c and resolv/resolv.h).
const OPTIONS: &[(&[u8], i64)] = &[
    (b"debug", 0x2),
    (b"use-vc", 0x8),
    (b"inet6", 0x2000),
    (b"rotate", 0x4000),
    (b"no-check-names", 0x8000),
    (b"edns0", 0x10_0000),
    (b"single-request", 0x20_0000),
    (b"single-request-reopen", 0x40_0000),
    (b"no-tld-query", 0x100_0000),
    (b"no-reload", 0x200_0000),
    (b"trust-ad", 0x400_0000),
    (b"no-aaaa", 0x800_0000),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "dns_resolvers",
    help: "Name servers, search domains and options of the resolver",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query.context.root))),
};

fn rows(root: &Root) -> Vec<Vec<Value>> {
    let Ok(mut lines) = root.lines("/etc/resolv.conf") else { return Vec::new() };
    let resolver = parse(&mut lines);
    let row = |id: usize, kind: &str, address: &[u8], mask: &str| {
        let (id, options) = (Value::Integer(id as i64), Value::Integer(resolver.options));
        vec![id, Value::text(kind), Value::text(address), Value::text(mask), options, Value::Integer(0)]
    };
    let servers = resolver.servers.iter().enumerate().map(|(id, address)| row(id, "nameserver", address, "32"));
    let sorted = resolver.sorted.iter().enumerate().map(|(id, (address, bits))| row(id, "sortlist", address, bits));
    let domains = resolver.domains.iter().enumerate().map(|(id, domain)| row(id, "search", domain, ""));
    servers.chain(sorted).chain(domains).collect()
}

#[derive(Default)]
struct Resolver {
    servers: Vec<Vec<u8>>,
    sorted: Vec<(Vec<u8>, String)>,
    domains: Vec<Vec<u8>>,
    options: i64,
}

fn parse(lines: &mut Lines) -> Resolver {
    let mut resolver = Resolver { options: DEFAULT, ..Resolver::default() };
    while let Some(line) = lines.next_line() {
        // The keyword begins the line: a blank before it makes the line none.
        if line.first().is_none_or(|first| matches!(first, b' ' | b'\t')) {
            continue;
        }
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|word| !word.is_empty());
        match words.next() {
            Some(b"nameserver") if resolver.servers.len() < MOST_SERVERS => {
                resolver.servers.extend(words.next().map(<[u8]>::to_vec));
            }
            // The last of these holds.
            Some(b"search") => resolver.domains = words.take(MOST_DOMAINS).map(<[u8]>::to_vec).collect(),
            Some(b"domain") => resolver.domains = words.take(1).map(<[u8]>::to_vec).collect(),
            Some(b"sortlist") => resolver.sorted.extend(words.filter_map(sorted).take(MOST_SORTED)),
            Some(b"options") => {
                let bit = |word: &[u8]| OPTIONS.iter().find(|(name, _)| *name == word).map_or(0, |(_, bit)| *bit);
                resolver.options = words.fold(resolver.options, |options, word| options | bit(word));
            }
            _ => {}
        }
    }
    resolver.sorted.truncate(MOST_SORTED);
    resolver
}

/// `address` or `address/mask` of a sort list: the address and its bits; without a mask those of its class.
fn sorted(word: &[u8]) -> Option<(Vec<u8>, String)> {
    let mut parts = word.splitn(2, |byte| matches!(byte, b'/' | b'&'));
    let parsed = |part: &[u8]| std::str::from_utf8(part).ok()?.parse::<Ipv4Addr>().ok();
    let address = parts.next()?;
    let number = parsed(address)?.to_bits();
    let bits = match parts.next().map(parsed) {
        Some(Some(mask)) => mask.to_bits().count_ones(),
        Some(None) => return None,
        None if number >> 31 == 0 => 8,
        None if number >> 30 == 0b10 => 16,
        None => 24,
    };
    Some((address.to_vec(), bits.to_string()))
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn reads_what_glibc_reads() {
        let tree = Tree::new("resolv");
        let text = "# comment\n; another\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 \n nameserver 192.0.2.99\n\
                    nameserver 192.0.2.54\nnameserver 192.0.2.55\nnameserver\ndomain old.example\n\
                    search example.org lan\noptions ndots:2 rotate edns0\noptions trust-ad unknown\r\n\
                    sortlist 192.0.2.0/255.255.255.0 10.0.0.0 nonsense 172.16.0.0/x\n";
        tree.file("/etc/resolv.conf", text);
        let options = (0x2c1_i64 | 0x4000 | 0x10_0000 | 0x400_0000).to_string();
        let wanted = [
            ["0", "nameserver", "192.0.2.53", "32"],
            ["1", "nameserver", "2001:db8::53", "32"],
            ["2", "nameserver", "192.0.2.54", "32"],
            ["0", "sortlist", "192.0.2.0", "24"],
            ["1", "sortlist", "10.0.0.0", "8"],
            ["0", "search", "example.org", ""],
            ["1", "search", "lan", ""],
        ];
        assert_eq!(tree.rows("SELECT id, type, address, netmask FROM dns_resolvers"), wanted);
        assert_eq!(
            tree.rows("SELECT DISTINCT options, pid_with_namespace FROM dns_resolvers"),
            [[options.as_str(), "0"]]
        );
    }

    #[test]
    fn names_this_machines_servers() {
        let Ok(text) = std::fs::read_to_string("/etc/resolv.conf") else {
            return println!("skipped: needs resolv.conf");
        };
        let theirs = text.lines().filter_map(|line| line.strip_prefix("nameserver "));
        let theirs: Vec<_> = theirs.map(|address| vec![address.trim().to_string()]).take(3).collect();
        assert_eq!(rows("", "SELECT address FROM dns_resolvers WHERE type = 'nameserver'"), theirs);
    }
}
