//! `openwrt_config`: OpenWrt's configuration, from the files in /etc/config ([`super::uci`]): a row for each option, and
//! one for each value of a list. A section without any is one row with an empty option. What `uci set` has changed and
//! `uci commit` not yet written is not seen. Memory: one file of at most [`FILE_BYTES`].

use super::place::{Place, join};
use super::uci::{Section, sections};
use crate::sql::table::{Column, Each, INDEX, LISTS, Table, Type, Value, column};
use crate::sys::root::Names;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("config", Type::Text, INDEX | LISTS, "Name of the file: network, wireless, …"),
    column("section", Type::Text, 0, "Name of the section; @type[number] for one without."),
    column("type", Type::Text, 0, "What the section describes."),
    column("option", Type::Text, 0, "Name of the option or list."),
    column("value", Type::Text, 0, "Its value, or one of the list's."),
    column("is_list", Type::Integer, 0, "Whether it is a list's value: 1 or 0."),
];
const CONFIG: usize = 0;
const DIRECTORY: &[u8] = b"/etc/config";
/// Largest file, bytes.
const FILE_BYTES: u64 = 1 << 20;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "openwrt_config",
    help: "OpenWrt's configuration in /etc/config",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let mut given: Vec<_> = query.equals(CONFIG).filter_map(text).collect();
        let mut names = if given.is_empty() { place.names(DIRECTORY) } else { Names::none() };
        let (mut sections, mut rows) = (Vec::new().into_iter(), Vec::new().into_iter());
        let mut config = Vec::new();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = rows.next() {
                    return Some(row);
                }
                if let Some(section) = sections.next() {
                    rows = section_rows(&config, &section).into_iter();
                    continue;
                }
                config = given.pop().or_else(|| names.next().map(|name| name.as_bytes().to_vec()))?;
                sections = read(&place, &config).into_iter();
            }
        }))
    },
};

/// The sections of a file. A name of other letters than libuci takes is that of a file that a package manager left.
fn read(place: &Place, name: &[u8]) -> Vec<Section> {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    if name.starts_with(b".") || !name.iter().all(is_letter) {
        return Vec::new();
    }
    place.read(&join(DIRECTORY, name), FILE_BYTES).map(|text| sections(&text)).unwrap_or_default()
}

fn section_rows(config: &[u8], section: &Section) -> Vec<Vec<Value>> {
    let row = |option: &[u8], value: &[u8], is_list: bool| {
        let texts = [config, &section.name, &section.kind, option, value].map(Value::text);
        texts.into_iter().chain([i64::from(is_list).into()]).collect()
    };
    let mut rows = Vec::new();
    for option in &section.options {
        rows.extend(option.values.iter().map(|value| row(&option.name, value, option.is_list)));
    }
    if rows.is_empty() {
        rows.push(row(b"", b"", false));
    }
    rows
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn options_become_rows() {
        let tree = Tree::new("openwrt_config");
        let network = "config interface 'lan'\n\toption device 'br-lan'\n\tlist dns '1.1.1.1'\n\tlist dns '9.9.9.9'\n\nconfig route\n";
        tree.file("/etc/config/network", network).file("/etc/config/network-opkg~", network);
        tree.file("/etc/config/system", "config system\n\toption hostname 'OpenWrt'\n")
            .file("/etc/config/.hidden", network);
        let wanted = [
            ["network", "lan", "interface", "device", "br-lan", "0"],
            ["network", "lan", "interface", "dns", "1.1.1.1", "1"],
            ["network", "lan", "interface", "dns", "9.9.9.9", "1"],
            ["network", "@route[0]", "route", "", "", "0"],
        ];
        assert_eq!(tree.rows("SELECT * FROM openwrt_config WHERE config = 'network'"), wanted);
        assert_eq!(tree.rows("SELECT count(*) FROM openwrt_config"), [["5"]]);
        let sql =
            "SELECT value FROM openwrt_config WHERE config IN ('system', '../passwd', 'none') AND option = 'hostname'";
        assert_eq!(tree.rows(sql), [["OpenWrt"]]);
    }
}
