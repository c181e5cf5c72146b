//! `pci_devices`: devices on the PCI buses, from /sys/bus/pci/devices (`Documentation/ABI/testing/sysfs-bus-pci`),
//! 128 at a time. Names come from pci.ids where it is installed ([`super::ids`]); it is read once for 128 devices,
//! and only if a name is wanted. Without it, only classes have names.

use super::ids::{self, Key, Names};
use super::sysfs;
use crate::sql::table::{Column, Query, Table, Type, Value, column};
use crate::sys::root::Root;
use std::ffi::OsString;
use std::path::Path;

const COLUMNS: &[Column] = &[
    column("pci_slot", Type::Text, 0, "Place: domain:bus:device.function."),
    column("pci_class", Type::Text, 0, "Name of its class: Network controller."),
    column("driver", Type::Text, 0, "Driver that has taken it."),
    column("vendor", Type::Text, 0, "Name of the vendor."),
    Column { collate: "NOCASE", ..column("vendor_id", Type::Text, 0, "Number of the vendor, hexadecimal.") },
    column("model", Type::Text, 0, "Name of the device."),
    Column { collate: "NOCASE", ..column("model_id", Type::Text, 0, "Number of the device, hexadecimal.") },
    Column { collate: "NOCASE", ..column("pci_class_id", Type::Text, 0, "Number of its class, hexadecimal.") },
    Column { collate: "NOCASE", ..column("pci_subclass_id", Type::Text, 0, "Number of its subclass, hexadecimal.") },
    column("pci_subclass", Type::Text, 0, "Name of its subclass: Ethernet controller."),
    Column {
        collate: "NOCASE",
        ..column("subsystem_vendor_id", Type::Text, 0, "Number of the vendor of the card it is on, hexadecimal.")
    },
    column("subsystem_vendor", Type::Text, 0, "Name of the vendor of the card it is on."),
    Column {
        collate: "NOCASE",
        ..column("subsystem_model_id", Type::Text, 0, "Number of the card it is on, hexadecimal.")
    },
    column("subsystem_model", Type::Text, 0, "Name of the card it is on."),
];

const PLACE: &str = "/sys/bus/pci/devices";
/// Columns that are names.
const NAMES: [usize; 6] = [1, 3, 5, 9, 11, 13];

/// Names of classes from 0 on (PCI Code and ID Assignment Specification, chapter 1).
const CLASSES: [&str; 20] = [
    "Unclassified device",
    "Mass storage controller",
    "Network controller",
    "Display controller",
    "Multimedia controller",
    "Memory controller",
    "Bridge",
    "Communication controller",
    "Generic system peripheral",
    "Input device controller",
    "Docking station",
    "Processor",
    "Serial bus controller",
    "Wireless controller",
    "Intelligent controller",
    "Satellite communications controller",
    "Encryption controller",
    "Signal processing controller",
    "Processing accelerators",
    "Non-Essential Instrumentation",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "pci_devices",
    help: "Devices on the PCI buses",
    columns: COLUMNS,
    open: |query| Ok(sysfs::in_batches(query, PLACE, rows)),
};

struct Device {
    slot: OsString,
    driver: Vec<u8>,
    /// Vendor, device, vendor and device of the card; None: not said.
    ids: [Option<u16>; 4],
    class: Option<(u8, u8)>,
}

impl Device {
    fn read(root: &Root, slot: OsString) -> Self {
        let place = Path::new(PLACE).join(&slot);
        let number = |file: &str| sysfs::hex(&root.line(place.join(file)));
        let ids = ["vendor", "device", "subsystem_vendor", "subsystem_device"];
        let ids = ids.map(|file| number(file).and_then(|number| u16::try_from(number).ok()));
        let class = number("class").map(|class| ((class >> 16) as u8, (class >> 8) as u8));
        let driver = root.read_link(place.join("driver")).unwrap_or_default();
        let driver = driver.rsplit(|&byte| byte == b'/').next().unwrap_or(&[]).to_vec();
        Device { slot, driver, ids, class }
    }

    /// The keys of vendor, device, vendor of the card, and card.
    fn keys(&self) -> [Option<Key>; 4] {
        let [vendor, device, card_vendor, _] = self.ids;
        let card = match self.ids {
            [Some(vendor), Some(device), Some(card_vendor), Some(card)] => Some([vendor, device, card_vendor, card]),
            _ => None,
        };
        [
            vendor.map(Key::Vendor),
            vendor.zip(device).map(|(vendor, device)| Key::Device(vendor, device)),
            card_vendor.map(Key::Vendor),
            card.map(Key::Subsystem),
        ]
    }

    fn class_keys(&self) -> [Option<Key>; 2] {
        [self.class.map(|(class, _)| Key::Class(class)), self.class.map(|(class, sub)| Key::Subclass(class, sub))]
    }

    fn row(&self, names: &Names) -> Vec<Value> {
        let name = |key: Option<Key>| Value::text(key.map_or(&[][..], |key| names.get(key)));
        let id = |number: Option<u16>| Value::text(number.map_or(String::new(), |number| format!("0x{number:04x}")));
        let class_id =
            |number: Option<u8>| Value::text(number.map_or(String::new(), |number| format!("0x{number:02x}")));
        let [vendor, device, card_vendor, card] = self.keys().map(name);
        let [vendor_id, device_id, card_vendor_id, card_id] = self.ids.map(id);
        let [class, subclass] = self.class_keys();
        let class = match name(class) {
            Value::Text(text) if text.is_empty() => {
                let known = self.class.and_then(|(class, _)| CLASSES.get(usize::from(class)));
                Value::text(known.copied().unwrap_or(""))
            }
            said => said,
        };
        let (slot, driver) = (Value::text(self.slot.as_encoded_bytes()), Value::text(&self.driver));
        let class_ids = [self.class.map(|class| class.0), self.class.map(|class| class.1)].map(class_id);
        let mut row = vec![slot, class, driver, vendor, vendor_id, device, device_id];
        row.extend(class_ids);
        row.extend([name(subclass), card_vendor_id, card_vendor, card_id, card]);
        row
    }
}

fn rows(query: &Query, slots: Vec<OsString>) -> Vec<Vec<Value>> {
    let root = &query.context.root;
    let devices: Vec<_> = slots.into_iter().map(|slot| Device::read(root, slot)).collect();
    let names = if NAMES.iter().any(|&column| query.wants(column)) {
        let keys = devices.iter().flat_map(|device| device.keys().into_iter().chain(device.class_keys())).flatten();
        Names::read(root, &ids::PCI, keys.collect())
    } else {
        Names::default()
    };
    devices.iter().map(|device| device.row(&names)).collect()
}

#[cfg(test)]
mod tests {
    use super::PLACE;
    use crate::sql::testing::{Tree, host, rows};

    fn device(tree: &Tree, slot: &str, files: [&str; 5]) {
        for (name, text) in ["vendor", "device", "subsystem_vendor", "subsystem_device", "class"].iter().zip(files) {
            tree.file(format!("{PLACE}/{slot}/{name}"), format!("{text}\n"));
        }
    }

    #[test]
    fn devices_with_and_without_names() {
        let tree = Tree::new("pci");
        let sql = "select * from pci_devices";
        assert!(tree.rows(sql).is_empty());
        device(&tree, "0000:02:00.0", ["0x8086", "0x24FD", "0x8086", "0x1010", "0x028000"]);
        device(&tree, "0000:00:1f.3", ["", "x", "0xfffff", "", ""]);
        tree.link(format!("{PLACE}/0000:02:00.0/driver"), "../../../bus/pci/drivers/iwlwifi");
        let odd = ["0000:00:1f.3", "", "", "", "", "", "", "", "", "", "", "", "", ""];
        let unnamed = [
            "0000:02:00.0",
            "Network controller",
            "iwlwifi",
            "",
            "0x8086",
            "",
            "0x24fd",
            "0x02",
            "0x80",
            "",
            "0x8086",
            "",
            "0x1010",
            "",
        ];
        assert_eq!(tree.rows(sql), [odd, unnamed]);
        let list = "8086  Intel Corporation\n\t24fd  Wireless 8265 / 8275\n\t\t8086 1010  Dual Band Wireless-AC 8265\n\
            C 02  Network controller!\n\t80  Network controller\n";
        tree.file("/usr/share/misc/pci.ids", list);
        let columns = "vendor, model, subsystem_vendor, subsystem_model, pci_class, pci_subclass";
        let named = [
            "Intel Corporation",
            "Wireless 8265 / 8275",
            "Intel Corporation",
            "Dual Band Wireless-AC 8265",
            "Network controller!",
            "Network controller",
        ];
        assert_eq!(tree.rows(&format!("select {columns} from pci_devices where vendor_id = '0X8086'")), [named]);
    }

    #[test]
    fn more_devices_than_a_batch() {
        let tree = Tree::new("pci-many");
        for number in 0..300 {
            device(&tree, &format!("0000:{number:02x}:00.0"), ["0x1", "0x2", "0x3", "0x4", "0x5"]);
        }
        assert_eq!(tree.rows("select count(distinct pci_slot), count(*) from pci_devices"), [["300", "300"]]);
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("lspci", &["-Dvmmnnk"]) else {
            println!("skipped: needs lspci");
            return;
        };
        let wanted = said.split("\n\n").filter(|block| !block.trim().is_empty()).map(|block| {
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(&format!("{name}:\t")));
                line.unwrap_or("").to_string()
            };
            // A name and its number: `Intel Corporation [8086]`.
            let id = |name: &str| {
                field(name).rsplit_once('[').map_or(String::new(), |(_, id)| format!("0x{}", id.trim_end_matches(']')))
            };
            let class = id("Class");
            let mut row = vec![field("Slot"), field("Driver"), id("Vendor"), id("Device")];
            row.extend([class[..4].to_string(), format!("0x{}", &class[4..])]);
            row
        });
        let mut wanted: Vec<_> = wanted.collect();
        wanted.sort();
        let columns = "pci_slot, driver, vendor_id, model_id, pci_class_id, pci_subclass_id";
        assert_eq!(rows("", &format!("select {columns} from pci_devices order by pci_slot")), wanted);
        for row in rows("", "select pci_slot, vendor, model from pci_devices where model <> ''") {
            let block = said.split("\n\n").find(|block| block.contains(&row[0])).unwrap();
            assert!(block.contains(&format!("Vendor:\t{} [", row[1])), "{row:?} {block}");
            assert!(block.contains(&format!("Device:\t{} [", row[2])), "{row:?} {block}");
        }
    }
}
