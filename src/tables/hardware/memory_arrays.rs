//! `memory_arrays`: what memory modules are plugged into: SMBIOS structures of type 16 (DSP0134, 7.17), root only.

use super::smbios::{self, Structure, hex, number};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("location", Type::Text, 0, "Where it is: System board or motherboard …"),
    column("use", Type::Text, 0, "What it is for: System memory …"),
    column("memory_error_correction", Type::Text, 0, "none, Single-bit ECC, Multi-bit ECC …"),
    column("max_capacity", Type::Integer, 0, "Most memory it takes, GiB."),
    column("memory_error_info_handle", Type::Text, 0, "Handle of its last error's memory_error_info row; empty: none."),
    column("number_memory_devices", Type::Integer, 0, "Sockets it has."),
];

const LOCATIONS: &[&str] = &[
    "Other",
    "Unknown",
    "System board or motherboard",
    "ISA add-on card",
    "EISA add-on card",
    "PCI add-on card",
    "MCA add-on card",
    "PCMCIA add-on card",
    "Proprietary add-on card",
    "NuBus",
];
/// From code A0h on.
const MORE_LOCATIONS: &[&str] = &[
    "PC-98/C20 add-on card",
    "PC-98/C24 add-on card",
    "PC-98/E add-on card",
    "PC-98/Local bus add-on card",
    "CXL add-on card",
];
const USES: &[&str] =
    &["Other", "Unknown", "System memory", "Video memory", "Flash memory", "Non-volatile RAM", "Cache memory"];
const CORRECTIONS: &[&str] = &["Other", "Unknown", "none", "Parity", "Single-bit ECC", "Multi-bit ECC", "CRC"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_arrays",
    help: "Arrays of memory sockets (SMBIOS)",
    columns: COLUMNS,
    open: |query| Ok(smbios::scan(&query, Some(16), |array, rows| rows.push_back(row(array)))),
};

fn row(array: &Structure<'_>) -> Vec<Value> {
    let location = match array.byte(0x04) {
        Some(code @ 0xa0..) => smbios::name(MORE_LOCATIONS, code - 0x9f),
        code => code.and_then(|code| smbios::name(LOCATIONS, code)),
    };
    // KiB, unless it is more than they can say: then bytes.
    let capacity = match array.dword(0x07) {
        Some(0x8000_0000..) => array.qword(0x0f).map(|bytes| (bytes >> 30) as i64),
        kib => kib.map(|kib| i64::from(kib >> 20)),
    };
    let error = array.word(0x0b).filter(|&handle| handle < 0xfffe);
    vec![
        array.reference(0x02),
        Value::text(location.unwrap_or("")),
        array.name(0x05, USES),
        array.name(0x06, CORRECTIONS),
        capacity.into(),
        error.map_or(Value::text(""), |handle| hex(u64::from(handle), 4)),
        number(array.word(0x0d)),
    ]
}
