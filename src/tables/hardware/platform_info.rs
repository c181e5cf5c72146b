//! `platform_info`: the firmware, one row. From the SMBIOS structure of type 0 (DSP0134, 7.1), which root may read;
//! else from /sys/class/dmi/id, which has less; else, on boards with a device tree, the boot loader's version. No row
//! where none of them is.

use super::device_tree;
use super::smbios::{Structure, Tables, hex};
use crate::sql::table::{Column, Query, Rows, Table, Type, Value, column};
use crate::sys::root::Root;

const COLUMNS: &[Column] = &[
    column("vendor", Type::Text, 0, "Maker of the firmware."),
    Column { collate: "version", ..column("version", Type::Text, 0, "Version of the firmware.") },
    column("date", Type::Text, 0, "Date of its release as the maker wrote it."),
    column("revision", Type::Text, 0, "Its revision, major and minor."),
    column("extra", Type::Text, 0, "Always empty."),
    column("firmware_type", Type::Text, 0, "uefi, bios or unknown."),
    column("address", Type::Text, 0, "Where its code starts, segment in hexadecimal."),
    column("size", Type::Text, 0, "Bytes it takes in its ROM."),
    column("volume_size", Type::Integer, 0, "Always 0."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "platform_info",
    help: "The machine's firmware, one row",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(row(&query).into_iter().collect())),
};

fn row(query: &Query) -> Option<Vec<Value>> {
    let root = &query.context.root;
    let mut tables = Tables::read(root);
    while let Some(structure) = tables.next_structure() {
        if structure.kind() == 0 {
            return Some(of_smbios(root, &structure));
        }
    }
    let [vendor, version, date, revision] =
        ["vendor", "version", "date", "release"].map(|name| root.line(format!("/sys/class/dmi/id/bios_{name}")));
    if !vendor.is_empty() || !version.is_empty() {
        return Some(filled(
            root,
            [vendor, version, date, revision].map(Value::Text),
            Value::text(""),
            Value::text(""),
        ));
    }
    let version = device_tree::text(root, "chosen/u-boot,version");
    let texts = [Value::text("U-Boot"), Value::text(&version), Value::text(""), Value::text("")];
    (!version.is_empty()).then(|| filled(root, texts, Value::text(""), Value::text("")))
}

fn of_smbios(root: &Root, bios: &Structure<'_>) -> Vec<Value> {
    let revision = match (bios.byte(0x14), bios.byte(0x15)) {
        // FFh each: the firmware has none.
        (Some(major), Some(minor)) if (major, minor) != (0xff, 0xff) => format!("{major}.{minor}"),
        _ => String::new(),
    };
    let texts = [bios.text(0x04), bios.text(0x05), bios.text(0x08), Value::text(revision)];
    let address = bios.word(0x06).map_or(Value::text(""), |segment| hex(u64::from(segment), 4));
    let size = rom_bytes(bios).map_or(Value::text(""), |bytes| Value::text(bytes.to_string()));
    filled(root, texts, address, size)
}

/// 64 KiB blocks less one; FFh: see the extended size, whose upper two bits say MiB or GiB.
fn rom_bytes(bios: &Structure<'_>) -> Option<u64> {
    let blocks = bios.byte(0x09)?;
    match bios.word(0x18).filter(|_| blocks == 0xff) {
        Some(size) if size >> 14 == 0 => Some(u64::from(size & 0x3fff) << 20),
        Some(size) if size >> 14 == 1 => Some(u64::from(size & 0x3fff) << 30),
        _ => Some((u64::from(blocks) + 1) << 16),
    }
}

fn filled(root: &Root, texts: [Value; 4], address: Value, size: Value) -> Vec<Value> {
    let kind = if root.exists("/sys/firmware/efi") {
        "uefi"
    } else if root.exists("/sys/class/dmi/id") || root.exists("/sys/firmware/dmi") {
        "bios"
    } else {
        "unknown"
    };
    let mut row = texts.to_vec();
    row.extend([Value::text(""), Value::text(kind), address, size, Value::Integer(0)]);
    row
}
