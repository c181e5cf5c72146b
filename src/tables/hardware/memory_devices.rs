//! `memory_devices`: memory modules and empty slots for them: SMBIOS structures of type 17 (DSP0134, 7.18), root only.
//! Fields that a structure is too short for are NULL or ''.

use super::smbios::{self, Structure, number};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("array_handle", Type::Text, 0, "Handle of its memory_arrays row."),
    column("form_factor", Type::Text, 0, "DIMM, SODIMM, Chip …"),
    column("total_width", Type::Integer, 0, "Bits, those for error correction included."),
    column("data_width", Type::Integer, 0, "Bits of data."),
    column("size", Type::Integer, 0, "MiB; 0: nothing is plugged in."),
    column("set", Type::Integer, 0, "Number of the set of modules it belongs to; 0: none."),
    column("device_locator", Type::Text, 0, "Label of the socket."),
    column("bank_locator", Type::Text, 0, "Label of the bank."),
    column("memory_type", Type::Text, 0, "DDR4, LPDDR4 …"),
    column("memory_type_details", Type::Text, 0, "Synchronous, Registered (Buffered) …, separated by spaces."),
    column("max_speed", Type::Integer, 0, "Highest speed, MT/s."),
    column("configured_clock_speed", Type::Integer, 0, "Speed it runs at, MT/s."),
    column("manufacturer", Type::Text, 0, "Maker."),
    column("serial_number", Type::Text, 0, "Serial number."),
    column("asset_tag", Type::Text, 0, "Label of the owner."),
    column("part_number", Type::Text, 0, "Part number."),
    column("min_voltage", Type::Integer, 0, "Lowest voltage, mV."),
    column("max_voltage", Type::Integer, 0, "Highest voltage, mV."),
    column("configured_voltage", Type::Integer, 0, "Voltage it runs at, mV."),
];

const FORM_FACTORS: &[&str] = &[
    "Other",
    "Unknown",
    "SIMM",
    "SIP",
    "Chip",
    "DIP",
    "ZIP",
    "Proprietary Card",
    "DIMM",
    "TSOP",
    "Row of chips",
    "RIMM",
    "SODIMM",
    "SRIMM",
    "FB-DIMM",
    "Die",
    "CAMM",
];

const TYPES: &[&str] = &[
    "Other",
    "Unknown",
    "DRAM",
    "EDRAM",
    "VRAM",
    "SRAM",
    "RAM",
    "ROM",
    "FLASH",
    "EEPROM",
    "FEPROM",
    "EPROM",
    "CDRAM",
    "3DRAM",
    "SDRAM",
    "SGRAM",
    "RDRAM",
    "DDR",
    "DDR2",
    "DDR2 FB-DIMM",
    "RESERVED",
    "RESERVED",
    "RESERVED",
    "DDR3",
    "FBD2",
    "DDR4",
    "LPDDR",
    "LPDDR2",
    "LPDDR3",
    "LPDDR4",
    "Logical non-volatile device",
    "HBM",
    "HBM2",
    "DDR5",
    "LPDDR5",
    "HBM3",
];

/// By bit.
const DETAILS: &[&str] = &[
    "Reserved",
    "Other",
    "Unknown",
    "Fast-paged",
    "Static column",
    "Pseudo-static",
    "RAMBUS",
    "Synchronous",
    "CMOS",
    "EDO",
    "Window DRAM",
    "Cache DRAM",
    "Non-volatile",
    "Registered (Buffered)",
    "Unbuffered (Unregistered)",
    "LRDIMM",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_devices",
    help: "Memory modules and their sockets (SMBIOS)",
    columns: COLUMNS,
    open: |query| Ok(smbios::scan(&query, Some(17), |module, rows| rows.push_back(row(module)))),
};

fn row(module: &Structure<'_>) -> Vec<Value> {
    let width = |at| number(module.word(at).filter(|&bits| bits != 0xffff));
    let voltage = |at| number(module.word(at).filter(|&mv| mv != 0));
    vec![
        module.reference(0x02),
        module.reference(0x04),
        module.name(0x0e, FORM_FACTORS),
        width(0x08),
        width(0x0a),
        size_mib(module).into(),
        number(module.byte(0x0f).filter(|&set| set != 0xff)),
        module.text(0x10),
        module.text(0x11),
        module.name(0x12, TYPES),
        details(module),
        speed(module, 0x15, 0x54),
        speed(module, 0x20, 0x58),
        module.text(0x17),
        module.text(0x18),
        module.text(0x19),
        module.text(0x1a),
        voltage(0x22),
        voltage(0x24),
        voltage(0x26),
    ]
}

/// MiB, or KiB with the highest bit; 7FFFh: see the extended size; FFFFh: unknown.
fn size_mib(module: &Structure<'_>) -> Option<i64> {
    match module.word(0x0c)? {
        0xffff => None,
        0x7fff => module.dword(0x1c).map(|mib| i64::from(mib & 0x7fff_ffff)),
        size if size & 0x8000 != 0 => Some(i64::from(size & 0x7fff) / 1024),
        size => Some(i64::from(size)),
    }
}

/// 0: unknown; FFFFh: see the extended speed.
fn speed(module: &Structure<'_>, at: usize, extended: usize) -> Value {
    let speed = match module.word(at) {
        Some(0xffff) => module.dword(extended).map(|speed| i64::from(speed & 0x7fff_ffff)),
        speed => speed.map(i64::from),
    };
    speed.filter(|&speed| speed != 0).into()
}

fn details(module: &Structure<'_>) -> Value {
    let bits = module.word(0x13).unwrap_or(0);
    let names = DETAILS.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    Value::text(names.map(|(_, name)| *name).collect::<Vec<_>>().join(" "))
}
