//! `usb_devices`: devices on the USB buses, from /sys/bus/usb/devices (`Documentation/ABI/testing/sysfs-bus-usb`),
//! 128 at a time. Names come from usb.ids where it is installed ([`super::ids`]), which is read once for 128 devices
//! and only if a name is wanted; else the vendor is what the device says, and the model that as udev writes it:
//! underscores for blanks, which queries that join with block_devices count on.

use super::ids::{self, Key, Names};
use super::sysfs;
use crate::procfs::status;
use crate::sql::table::{Column, Query, Table, Type, Value, column};
use crate::sys::root::Root;
use std::ffi::OsString;
use std::path::Path;

const COLUMNS: &[Column] = &[
    column("usb_address", Type::Integer, 0, "Number of the bus."),
    column("usb_port", Type::Integer, 0, "Number of the device on the bus."),
    column("vendor", Type::Text, 0, "Name of the vendor."),
    Column {
        collate: "NOCASE",
        ..column("vendor_id", Type::Text, 0, "Number of the vendor, four hexadecimal digits.")
    },
    Column { collate: "version", ..column("version", Type::Text, 0, "Release of the device, four digits.") },
    column("model", Type::Text, 0, "Name of the device."),
    Column { collate: "NOCASE", ..column("model_id", Type::Text, 0, "Number of the device, four hexadecimal digits.") },
    column("serial", Type::Text, 0, "Serial number."),
    column("class", Type::Text, 0, "Number of its class; 0: each interface has one of its own."),
    column("subclass", Type::Text, 0, "Number of its subclass."),
    column("protocol", Type::Text, 0, "Number of its protocol."),
    column("removable", Type::Integer, 0, "1: can be pulled, 0: built in, -1: unknown."),
];

const PLACE: &str = "/sys/bus/usb/devices";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "usb_devices",
    help: "Devices on the USB buses",
    columns: COLUMNS,
    open: |query| Ok(sysfs::in_batches(query, PLACE, rows)),
};

/// The ids that a device is looked up by.
fn ids(root: &Root, place: &Path) -> Option<(u16, u16)> {
    let number = |file: &str| sysfs::hex(&root.line(place.join(file))).and_then(|number| u16::try_from(number).ok());
    Some((number("idVendor")?, number("idProduct")?))
}

fn rows(query: &Query, names: Vec<OsString>) -> Vec<Vec<Value>> {
    let root = &query.context.root;
    // 1-2:1.0 is an interface of the device 1-2, and has no ids.
    let places = names.iter().map(|name| Path::new(PLACE).join(name));
    let devices: Vec<_> = places.filter_map(|place| Some((ids(root, &place)?, place))).collect();
    let names = if query.wants(2) || query.wants(5) {
        let keys = devices.iter().flat_map(|((vendor, model), _)| [Key::Vendor(*vendor), Key::Device(*vendor, *model)]);
        Names::read(root, &ids::USB, keys.collect())
    } else {
        Names::default()
    };
    devices.iter().map(|((vendor, model), place)| row(root, place, *vendor, *model, &names)).collect()
}

fn row(root: &Root, place: &Path, vendor: u16, model: u16, names: &Names) -> Vec<Value> {
    let line = |file: &str| root.line(place.join(file));
    let text = |file: &str| Value::Text(line(file));
    let number = |file: &str| Value::from(sysfs::decimal(&line(file)));
    let or = |name: &[u8], otherwise: Vec<u8>| Value::Text(if name.is_empty() { otherwise } else { name.to_vec() });
    let product = match as_udev(&line("product")) {
        none if none.is_empty() => line("idProduct"),
        product => product,
    };
    let events = line("uevent");
    let kind = status::line(&events, b"TYPE=").unwrap_or(&[]);
    let mut kinds = kind.split(|&byte| byte == b'/').map(Value::text).collect::<Vec<_>>();
    kinds.resize(3, Value::text(""));
    let removable = match line("removable").as_slice() {
        b"removable" => 1,
        b"fixed" => 0,
        _ => -1,
    };
    let mut row = vec![number("busnum"), number("devnum")];
    row.extend([or(names.get(Key::Vendor(vendor)), line("manufacturer")), text("idVendor"), text("bcdDevice")]);
    row.extend([or(names.get(Key::Device(vendor, model)), product), text("idProduct")]);
    row.push(Value::Text(as_udev(&line("serial"))));
    row.extend(kinds);
    row.push(Value::Integer(removable));
    row
}

/// As udev makes ID_MODEL and ID_SERIAL_SHORT of what a device says: one underscore for blanks, one for each other
/// sign that is not plain.
fn as_udev(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut text = words.collect::<Vec<_>>().join(&b'_');
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"#+-.:=@_".contains(&byte) || !byte.is_ascii();
    text.iter_mut().filter(|byte| !is_plain(**byte)).for_each(|byte| *byte = b'_');
    text
}

#[cfg(test)]
mod tests {
    use super::{PLACE, as_udev};
    use crate::sql::testing::{Tree, host, rows};

    fn device(tree: &Tree, name: &str, files: &[(&str, &str)]) {
        for (file, text) in files {
            tree.file(format!("{PLACE}/{name}/{file}"), format!("{text}\n"));
        }
    }

    #[test]
    fn devices_with_and_without_names() {
        let tree = Tree::new("usb");
        let sql = "select * from usb_devices order by 1, 2";
        assert!(tree.rows(sql).is_empty());
        let hub = [
            ("busnum", "1"),
            ("devnum", "1"),
            ("idVendor", "1d6b"),
            ("idProduct", "0002"),
            ("bcdDevice", "0510"),
            ("manufacturer", "Linux 5.10.0 xhci-hcd"),
            ("product", "xHCI Host Controller"),
            ("serial", "0000:00:14.0"),
            ("removable", "unknown"),
            ("uevent", "MAJOR=189\nDEVTYPE=usb_device\nTYPE=9/0/1\nBUSNUM=001"),
        ];
        device(&tree, "usb1", &hub);
        let stick =
            [("busnum", "1"), ("devnum", "4"), ("idVendor", "0781"), ("idProduct", "5567"), ("removable", "removable")];
        device(&tree, "1-2", &stick);
        device(&tree, "1-2:1.0", &[("bInterfaceClass", "08")]);
        device(&tree, "1-3", &[("idVendor", "x"), ("idProduct", "5567")]);
        let wanted = [
            [
                "1",
                "1",
                "Linux 5.10.0 xhci-hcd",
                "1d6b",
                "0510",
                "xHCI_Host_Controller",
                "0002",
                "0000:00:14.0",
                "9",
                "0",
                "1",
                "-1",
            ],
            ["1", "4", "", "0781", "", "5567", "5567", "", "", "", "", "1"],
        ];
        assert_eq!(tree.rows(sql), wanted);
        tree.file("/var/lib/usbutils/usb.ids", "0781  SanDisk Corp.\n\t5567  Cruzer Blade\nC 09  Hub\n\t00  Unused\n");
        tree.file(format!("{PLACE}/1-2/removable"), "fixed\n");
        let sql = "select vendor, model, removable from usb_devices where vendor_id = '0781'";
        assert_eq!(tree.rows(sql), [["SanDisk Corp.", "Cruzer Blade", "0"]]);
    }

    #[test]
    fn texts_as_udev_has_them() {
        assert_eq!(as_udev(b"  Mass  Storage (x) "), b"Mass_Storage__x_");
        assert_eq!(as_udev(b"00-A.b:c"), b"00-A.b:c");
        assert_eq!(as_udev(b" \t "), b"");
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("lsusb", &[]) else {
            println!("skipped: needs lsusb and USB");
            return;
        };
        // Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub
        let words = said.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
        let number = |word: &str| word.trim_end_matches(':').parse::<u32>().unwrap();
        let mut wanted: Vec<_> =
            words.map(|words| format!("{} {} {}", number(words[1]), number(words[3]), words[5])).collect();
        wanted.sort();
        let columns = "usb_address || ' ' || usb_port || ' ' || vendor_id || ':' || model_id";
        let mut ours = rows("", &format!("select {columns} from usb_devices")).concat();
        ours.sort();
        assert_eq!(ours, wanted);
    }
}
