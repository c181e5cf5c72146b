//! `inet_aton` and `in_cidr_block` (osquery: `osquery/sql/sqlite_string.cpp`, `sqlite_network.cpp`, by their described
//! rules).

use super::{Function, Outcome, function, of_text, strict_text};
use crate::sql::table::{TableError, Value};
use crate::sys::function::Arguments;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    function(c"inet_aton", &[1], "inet_aton(IPV4): the address as a number; NULL for what is none.", |arguments, _| {
        of_text(arguments, |text| {
            parsed::<Ipv4Addr>(text).map_or(Value::Null, |address| Value::Integer(i64::from(address.to_bits())))
        })
    }),
    function(
        c"in_cidr_block",
        &[2],
        "in_cidr_block(BLOCK, IP): 1 if the address is a host of the block, else 0; not an IPv4 network or broadcast address.",
        |arguments, _| in_block(arguments),
    ),
];

fn parsed<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// ADDRESS/BITS, the bits at most `most`.
fn block<T: FromStr>(text: &[u8], most: u32) -> Option<(T, u32)> {
    let slash = memchr::memchr(b'/', text)?;
    let digits = text.get(slash + 1..)?;
    // `parse` would take a sign.
    let bits = digits.iter().all(u8::is_ascii_digit).then(|| parsed::<u32>(digits))??;
    Some((parsed(text.get(..slash)?)?, bits)).filter(|_| bits <= most)
}

fn in_block(arguments: &Arguments<'_>) -> Outcome {
    let error = |sentence: &str| Err(TableError::new(sentence));
    let Some(cidr) = strict_text(arguments, 0) else { return error("CIDR must be a string") };
    let Some(address) = strict_text(arguments, 1) else { return error("IP address must be a string") };
    let within = match parsed(address) {
        Some(IpAddr::V4(address)) => {
            let Some((network, bits)) = block::<Ipv4Addr>(cidr, 32) else {
                return error("CIDR for IP address v4 cannot be parsed");
            };
            is_host(network.to_bits(), bits, address.to_bits())
        }
        Some(IpAddr::V6(address)) => {
            let Some((network, bits)) = block::<std::net::Ipv6Addr>(cidr, 128) else {
                return error("CIDR for IP address v6 cannot be parsed");
            };
            (network.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        None => return error("IP address cannot be parsed"),
    };
    Ok(Value::Integer(i64::from(within)))
}

/// osquery asks for the hosts of an IPv4 block: its first and last address are none, unless the block is one address.
fn is_host(network: u32, bits: u32, address: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let (first, last) = (network & mask, network | !mask);
    if bits == 32 { address == network } else { first < address && address < last }
}

#[cfg(test)]
mod tests {
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn inet_aton_is_the_number_of_a_dotted_quad() {
        check(&[
            ("inet_aton('1.2.3.4')", "16909060"),
            ("inet_aton('255.255.255.255')", "4294967295"),
            ("inet_aton('0.0.0.0')", "0"),
            ("inet_aton('::1')", "NULL"),
            ("inet_aton('1.2.3')", "NULL"),
            ("inet_aton('1.2.3.256')", "NULL"),
            ("inet_aton('01.2.3.4')", "NULL"),
            ("inet_aton(' 1.2.3.4')", "NULL"),
            ("inet_aton('')", "NULL"),
            ("inet_aton(1)", "NULL"),
            ("inet_aton(NULL)", "NULL"),
        ]);
    }

    #[test]
    fn a_block_of_ipv4_has_hosts_only() {
        check(&[
            ("in_cidr_block('198.51.100.0/24', '198.51.100.7')", "1"),
            ("in_cidr_block('198.51.100.9/24', '198.51.100.7')", "1"),
            ("in_cidr_block('198.51.100.0/24', '198.51.100.0')", "0"),
            ("in_cidr_block('198.51.100.0/24', '198.51.100.255')", "0"),
            ("in_cidr_block('198.51.100.0/24', '198.51.101.1')", "0"),
            ("in_cidr_block('10.0.0.1/32', '10.0.0.1')", "1"),
            ("in_cidr_block('10.0.0.1/32', '10.0.0.2')", "0"),
            ("in_cidr_block('10.0.0.0/31', '10.0.0.0')", "0"),
            ("in_cidr_block('10.0.0.0/31', '10.0.0.1')", "0"),
            ("in_cidr_block('10.0.0.0/30', '10.0.0.1')", "1"),
            ("in_cidr_block('0.0.0.0/0', '1.2.3.4')", "1"),
            ("in_cidr_block('0.0.0.0/0', '0.0.0.0')", "0"),
            ("in_cidr_block('0.0.0.0/0', '255.255.255.255')", "0"),
            ("in_cidr_block('10.0.0.0/024', '10.0.0.1')", "1"),
        ]);
    }

    #[test]
    fn a_block_of_ipv6_is_whole() {
        check(&[
            ("in_cidr_block('2001:db8::/32', '2001:db8::')", "1"),
            ("in_cidr_block('2001:db8::/32', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')", "1"),
            ("in_cidr_block('2001:db8::/32', '2001:db9::')", "0"),
            ("in_cidr_block('::1/128', '::1')", "1"),
            ("in_cidr_block('::1/128', '::2')", "0"),
            ("in_cidr_block('::/0', 'ffff::')", "1"),
        ]);
    }

    #[test]
    fn what_cannot_be_parsed_is_an_error() {
        check_failures(&[
            ("in_cidr_block(NULL, '1.1.1.1')", "CIDR must be a string"),
            ("in_cidr_block(1, '1.1.1.1')", "CIDR must be a string"),
            ("in_cidr_block('1.1.1.0/24', NULL)", "IP address must be a string"),
            ("in_cidr_block('1.1.1.0/24', 1)", "IP address must be a string"),
            ("in_cidr_block('1.1.1.0/24', '1.1.1')", "IP address cannot be parsed"),
            ("in_cidr_block('1.1.1.0/33', '1.1.1.1')", "CIDR for IP address v4 cannot be parsed"),
            ("in_cidr_block('1.1.1.0', '1.1.1.1')", "CIDR for IP address v4 cannot be parsed"),
            ("in_cidr_block('1.1.1.0/', '1.1.1.1')", "CIDR for IP address v4 cannot be parsed"),
            ("in_cidr_block('1.1.1.0/+8', '1.1.1.1')", "CIDR for IP address v4 cannot be parsed"),
            ("in_cidr_block('2001:db8::/32', '1.1.1.1')", "CIDR for IP address v4 cannot be parsed"),
            ("in_cidr_block('1.1.1.0/24', '::1')", "CIDR for IP address v6 cannot be parsed"),
            ("in_cidr_block('::/129', '::1')", "CIDR for IP address v6 cannot be parsed"),
        ]);
    }
}
