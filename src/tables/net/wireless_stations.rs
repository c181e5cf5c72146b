//! `wireless_stations`: who is connected by radio: the stations of each wireless interface, from nl80211 by generic
//! netlink (include/uapi/linux/nl80211.h). On an access point its clients, on a client its access point. Streams.
//!
//! Empty where there is no wireless hardware (/sys/class/ieee80211), which is looked at first because asking for nl80211
//! would load its module.

use super::{mac, until_nul};
use crate::sql::table::{Column, Each, Rows, Table, Type, Value, column};
use crate::sys::root::Root;
use crate::sys::rtnetlink::{Ask, Attributes, Dump, number, number_at, push_attribute};

const COLUMNS: &[Column] = &[
    column("interface", Type::Text, 0, "Wireless interface."),
    Column { collate: "NOCASE", ..column("mac", Type::Text, 0, "Address of the station's hardware.") },
    column("signal", Type::Integer, 0, "Signal of the last frame received, dBm."),
    column("signal_average", Type::Integer, 0, "Signal, running average, dBm."),
    column("rx_bitrate", Type::BigInt, 0, "Rate of receiving, kbit/s."),
    column("tx_bitrate", Type::BigInt, 0, "Rate of sending, kbit/s."),
    column("rx_bytes", Type::BigInt, 0, "Bytes received from the station."),
    column("tx_bytes", Type::BigInt, 0, "Bytes sent to the station."),
    column("rx_packets", Type::BigInt, 0, "Packets received from the station."),
    column("tx_packets", Type::BigInt, 0, "Packets sent to the station."),
    column("tx_retries", Type::BigInt, 0, "Packets sent more than once."),
    column("tx_failed", Type::BigInt, 0, "Packets given up."),
    column("connected_time", Type::BigInt, 0, "Time since the station connected, seconds."),
    column("inactive_time", Type::BigInt, 0, "Time since the station was last heard, ms."),
];

/// Generic netlink: the family of families, its request, and the attributes that name and number a family.
const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
/// Before the attributes: command, version, two spare bytes.
const GENL_BYTES: usize = 4;
const CMD_GET_INTERFACE: u8 = 5;
const CMD_GET_STATION: u8 = 17;
const ATTR_IFINDEX: u16 = 3;
const ATTR_IFNAME: u16 = 4;
const ATTR_MAC: u16 = 6;
const ATTR_STA_INFO: u16 = 21;
const STA_INFO_SIGNAL: u16 = 7;
const STA_INFO_TX_BITRATE: u16 = 8;
const STA_INFO_SIGNAL_AVG: u16 = 13;
const STA_INFO_RX_BITRATE: u16 = 14;
const RATE_INFO_BITRATE: u16 = 1;
const RATE_INFO_BITRATE32: u16 = 5;
/// NL80211_STA_INFO_* of the columns from `rx_bytes` on: the wide form, and the older one or the same again.
const COUNTERS: [(u16, u16); 8] = [(23, 2), (24, 3), (9, 9), (10, 10), (11, 11), (12, 12), (16, 16), (1, 1)];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "wireless_stations",
    help: "Stations connected by wireless LAN",
    columns: COLUMNS,
    open: |query| {
        let Some((family, interfaces)) = interfaces(&query.context.root) else { return Ok(Rows::of(Vec::new())) };
        let mut interfaces = interfaces.into_iter();
        let mut at: Option<(Vec<u8>, Dump)> = None;
        Ok(Each::of(move || {
            loop {
                if let Some((name, dump)) = &mut at
                    && let Some(message) = dump.next_message()
                {
                    if let Some(row) = row(name, message.payload) {
                        return Some(row);
                    }
                    continue;
                }
                let (index, name) = interfaces.next()?;
                at =
                    ask(family, CMD_GET_STATION, Ask::All, ATTR_IFINDEX, &index.to_ne_bytes()).map(|dump| (name, dump));
            }
        }))
    },
};

/// A request of generic netlink with one attribute, or none where `value` is empty.
fn ask(family: u16, command: u8, ask: Ask, attribute: u16, value: &[u8]) -> Option<Dump> {
    let mut request = vec![command, 0, 0, 0];
    if !value.is_empty() {
        push_attribute(&mut request, attribute, value);
    }
    Dump::open(libc::NETLINK_GENERIC, family, ask, &request).ok()
}

/// A wireless interface: number and name.
type Interface = (u32, Vec<u8>);

/// The number of nl80211 and the wireless interfaces.
fn interfaces(root: &Root) -> Option<(u16, Vec<Interface>)> {
    root.names("/sys/class/ieee80211").next()?;
    if !root.is_live() {
        return None;
    }
    let mut answer = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, Ask::One, CTRL_ATTR_FAMILY_NAME, b"nl80211\0")?;
    let family = Attributes(answer.next_message()?.payload.get(GENL_BYTES..)?).number(CTRL_ATTR_FAMILY_ID)? as u16;
    let mut dump = ask(family, CMD_GET_INTERFACE, Ask::All, 0, &[])?;
    let mut interfaces = Vec::new();
    while let Some(message) = dump.next_message() {
        let attributes = Attributes(message.payload.get(GENL_BYTES..)?);
        // What has no interface of the network has no name here.
        if let (Some(index), Some(name)) = (attributes.number(ATTR_IFINDEX), attributes.value(ATTR_IFNAME)) {
            interfaces.push((index as u32, until_nul(name).to_vec()));
        }
    }
    Some((family, interfaces))
}

/// A row from a station's message.
fn row(interface: &[u8], payload: &[u8]) -> Option<Vec<Value>> {
    let attributes = Attributes(payload.get(GENL_BYTES..)?);
    let address = attributes.value(ATTR_MAC)?;
    let station = Attributes(attributes.value(ATTR_STA_INFO).unwrap_or(&[]));
    // dBm as a signed byte.
    let signal =
        |kind| station.value(kind).and_then(|value| number_at(value, 0, 1)).map(|dbm| i64::from(dbm as u8 as i8));
    let rate = |kind| {
        let rate = Attributes(station.value(kind)?);
        let hundreds = rate.number(RATE_INFO_BITRATE32).or_else(|| rate.number(RATE_INFO_BITRATE))?;
        Some(hundreds as i64 * 100)
    };
    let mut row = vec![
        Value::text(interface),
        Value::text(mac(address)),
        signal(STA_INFO_SIGNAL).into(),
        signal(STA_INFO_SIGNAL_AVG).into(),
        rate(STA_INFO_RX_BITRATE).into(),
        rate(STA_INFO_TX_BITRATE).into(),
    ];
    let counter = |(wide, narrow)| station.value(wide).or_else(|| station.value(narrow)).and_then(number);
    row.extend(COUNTERS.map(|kinds| Value::from(counter(kinds).map(|number| number as i64))));
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, rows};
    use std::path::Path;

    fn nested(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        attributes.iter().for_each(|(kind, value)| push_attribute(&mut out, *kind, value));
        out
    }

    /// A station as a kernel describes it (net/wireless/nl80211.c: nl80211_send_station).
    fn station(info: &[(u16, &[u8])]) -> Vec<u8> {
        let attributes: &[(u16, &[u8])] = &[
            (ATTR_IFINDEX, &4u32.to_ne_bytes()),
            (ATTR_MAC, &[2, 0, 0, 0, 1, 0xab]),
            (46, &7u32.to_ne_bytes()),
            (ATTR_STA_INFO | 0x8000, &nested(info)),
        ];
        [vec![19, 1, 0, 0], nested(attributes)].concat()
    }

    fn texts(row: &[Value]) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Value::Integer(number) => number.to_string(),
            _ => "NULL".into(),
        };
        row.iter().map(text).collect()
    }

    #[test]
    fn reads_a_station() {
        let rate32 =
            nested(&[(RATE_INFO_BITRATE, &[0xff, 0xff]), (RATE_INFO_BITRATE32, &8667u32.to_ne_bytes()), (2, &[9])]);
        let rate = nested(&[(RATE_INFO_BITRATE, &60u16.to_ne_bytes())]);
        let message = station(&[
            (1, &250u32.to_ne_bytes()),
            (2, &u32::MAX.to_ne_bytes()),
            (23, &5_000_000_000u64.to_ne_bytes()),
            (3, &77u32.to_ne_bytes()),
            (STA_INFO_SIGNAL, &[0xc4]),
            (STA_INFO_TX_BITRATE | 0x8000, &rate32),
            (STA_INFO_RX_BITRATE | 0x8000, &rate),
            (9, &10u32.to_ne_bytes()),
            (16, &3600u32.to_ne_bytes()),
        ]);
        let wanted =
            ["wlan0", "02:00:00:00:01:ab", "-60", "NULL", "6000", "866700", "5000000000", "77", "10", "NULL", "NULL"];
        let row = row(b"wlan0", &message).unwrap();
        assert_eq!(texts(&row)[..11], wanted);
        assert_eq!(texts(&row)[11..], ["NULL", "3600", "250"]);
        assert_eq!(row.len(), COLUMNS.len());
        for cut in 0..message.len() {
            assert!(super::row(b"wlan0", &message[..cut]).is_none_or(|row| row.len() == COLUMNS.len()));
        }
    }

    #[test]
    fn nobody_without_wireless_hardware() {
        let tree = Tree::new("wireless");
        tree.file("/sys/class/ieee80211/phy0/name", "phy0\n");
        assert!(tree.rows("SELECT * FROM wireless_stations").is_empty());
        if !Path::new("/sys/class/ieee80211").exists() {
            assert!(rows("", "SELECT * FROM wireless_stations").is_empty());
        }
    }

    #[test]
    fn a_family_that_the_kernel_has_is_found_by_its_name() {
        let mut answer = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, Ask::One, CTRL_ATTR_FAMILY_NAME, b"nlctrl\0").unwrap();
        let payload = answer.next_message().unwrap().payload;
        assert_eq!(Attributes(&payload[GENL_BYTES..]).number(CTRL_ATTR_FAMILY_ID), Some(u64::from(GENL_ID_CTRL)));
        let unknown = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, Ask::One, CTRL_ATTR_FAMILY_NAME, b"stemma-has-none\0");
        assert!(unknown.unwrap().next_message().is_none());
    }
}
