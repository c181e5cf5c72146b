//! Network interfaces as rtnetlink lists them (RTM_GETLINK): for the tables that show or name them.

use super::until_nul;
use crate::sys::root::Root;
use crate::sys::rtnetlink::{Ask, Attributes, Dump, Message, number_at};
use std::collections::BTreeMap;

/// IFLA_STATS64, which libc does not name everywhere.
const IFLA_STATS64: u16 = 23;
/// Counters of `struct rtnl_link_stats64` that are kept.
const COUNTERS: usize = 10;

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Its name, at most 15 bytes.
    pub name: Vec<u8>,
    /// Hardware type (ARPHRD_*).
    pub kind: u16,
    /// IFF_*.
    pub flags: u32,
    /// Hardware address; its length depends on the type.
    pub address: Vec<u8>,
    /// Largest packet, bytes.
    pub mtu: u32,
    /// In the kernel's order: packets in and out, bytes in and out, errors in and out, drops in and out, multicast,
    /// collisions.
    pub counters: [u64; COUNTERS],
}

/// All interfaces by number; none where the root is not this machine's.
pub fn links(root: &Root) -> BTreeMap<u32, Link> {
    let mut links = BTreeMap::new();
    if !root.is_live() {
        return links;
    }
    // struct ifinfomsg: nothing of it is asked for.
    let Ok(mut dump) = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETLINK, Ask::All, &[0; 16]) else { return links };
    while let Some(message) = dump.next_message() {
        if let Some(link) = link(message) {
            links.insert(link.index, link);
        }
    }
    links
}

fn link(message: Message<'_>) -> Option<Link> {
    if message.kind != libc::RTM_NEWLINK {
        return None;
    }
    let mut link = Link {
        kind: number_at(message.payload, 2, 2)? as u16,
        index: number_at(message.payload, 4, 4)? as u32,
        flags: number_at(message.payload, 8, 4)? as u32,
        ..Link::default()
    };
    for (kind, value) in Attributes(message.payload.get(16..)?) {
        match kind {
            libc::IFLA_IFNAME => link.name = until_nul(value).to_vec(),
            libc::IFLA_ADDRESS => link.address = value.to_vec(),
            libc::IFLA_MTU => link.mtu = number_at(value, 0, 4)? as u32,
            IFLA_STATS64 => {
                for (index, counter) in link.counters.iter_mut().enumerate() {
                    *counter = number_at(value, index * 8, 8).unwrap_or(0);
                }
            }
            _ => {}
        }
    }
    Some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cut_anywhere_is_no_crash() {
        let mut dump = Dump::open(libc::NETLINK_ROUTE, libc::RTM_GETLINK, Ask::All, &[0; 16]).unwrap();
        while let Some(message) = dump.next_message() {
            let whole = link(message).unwrap();
            assert!(!whole.name.is_empty() && whole.index > 0);
            for cut in 0..message.payload.len() {
                if let Some(link) = link(Message { payload: &message.payload[..cut], ..message }) {
                    assert_eq!(link.index, whole.index);
                }
            }
        }
    }

    #[test]
    fn only_the_running_machine_has_them() {
        assert!(links(&Root::new("/nonexistent")).is_empty());
        let root = Root::default();
        root.fail_from(1);
        assert!(links(&root).is_empty());
        assert!(links(&Root::default()).values().any(|link| link.name == b"lo"));
    }
}
