//! Tables about the machine's networks. What the kernel tells by netlink is about this machine alone: over the files of
//! another one these tables are empty.

pub mod arp_cache;
pub mod dns_resolvers;
pub mod interface_addresses;
pub mod interface_details;
pub mod interface_ipv6;
pub mod iptables;
pub mod link;
pub mod routes;
pub mod wireless_stations;

use std::net::{IpAddr, Ipv6Addr};

/// An address of 4 or 16 bytes in network order as people write it; nothing for another length.
fn address(bytes: &[u8]) -> String {
    let address = match *bytes {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => IpAddr::V6(Ipv6Addr::from(bytes)),
            Err(_) => return String::new(),
        },
    };
    address.to_string()
}

/// The mask of `prefix` bits of an address `length` bytes long, as people write it.
fn mask(prefix: u8, length: usize) -> String {
    let bits = |index: usize| usize::from(prefix).saturating_sub(index * 8).min(8);
    let mut bytes = [0u8; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = !(0xff_u16 >> bits(index)) as u8;
    }
    address(bytes.get(..length).unwrap_or(&[]))
}

/// A hardware address as six bytes in hex; shorter ones are filled with zeros, as osquery shows them.
fn mac(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(HEX.get(usize::from(value & 15)).copied().unwrap_or(b'?'));
    let mut text = String::with_capacity(17);
    for index in 0..6 {
        let byte = bytes.get(index).copied().unwrap_or(0);
        if index > 0 {
            text.push(':');
        }
        text.push(digit(byte >> 4));
        text.push(digit(byte));
    }
    text
}

/// Text that ends at the first NUL.
fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the calling test again in a network namespace of its own, made ready by a shell script; true in there. Where
    /// that cannot be had (no unshare, no right to it, a script that ends with 77) the test says `skipped` and passes.
    pub fn in_namespace(test: &str, script: &str) -> bool {
        if std::env::var_os("STEMMA_TEST_NAMESPACE").is_some() {
            return true;
        }
        let rerun = format!("ip link set lo up || exit 77\n{script}\nexec \"$0\" --exact \"$1\" --nocapture");
        let own = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new("unshare");
        command.args(["-r", "-n", "sh", "-c", &rerun]).arg(own).arg(test).env("STEMMA_TEST_NAMESPACE", "1");
        let Ok(out) = command.output() else {
            println!("skipped: needs unshare");
            return false;
        };
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        if out.status.code() == Some(77) || said.contains("unshare:") {
            println!("skipped: needs a network namespace: {said}");
            return false;
        }
        assert!(out.status.success() && said.contains("1 passed"), "{said}");
        false
    }

    #[test]
    fn addresses_and_masks_read_as_people_write_them() {
        assert_eq!(address(&[192, 0, 2, 1]), "192.0.2.1");
        assert_eq!(address(&[0; 16]), "::");
        assert_eq!(address(&[1, 2, 3]), "");
        assert_eq!(
            (mask(24, 4), mask(0, 4), mask(32, 4)),
            ("255.255.255.0".into(), "0.0.0.0".into(), "255.255.255.255".into())
        );
        assert_eq!(
            (mask(64, 16), mask(127, 16)),
            ("ffff:ffff:ffff:ffff::".into(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe".into())
        );
        assert_eq!(mac(&[2, 0xfc, 0, 0, 0xab]), "02:fc:00:00:ab:00");
        assert_eq!(until_nul(b"eth0\0\0x"), b"eth0");
    }
}
