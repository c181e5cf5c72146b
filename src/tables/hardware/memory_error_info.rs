//! `memory_error_info`: errors of memory that the firmware has seen: SMBIOS structures of type 18 (DSP0134, 7.19),
//! root only.

use super::smbios::{self, Structure, hex};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("error_type", Type::Text, 0, "OK, Parity error, Single-bit error …"),
    column("error_granularity", Type::Text, 0, "Device level or Memory partition level."),
    column("error_operation", Type::Text, 0, "Read, Write or Partial write."),
    column("vendor_syndrome", Type::Text, 0, "Syndrome of the vendor, hexadecimal; empty: unknown."),
    column("memory_array_error_address", Type::Text, 0, "Address in the array, hexadecimal; empty: unknown."),
    column("device_error_address", Type::Text, 0, "Address in the module, hexadecimal; empty: unknown."),
    column("error_resolution", Type::Text, 0, "How exact the addresses are, bytes, hexadecimal; empty: unknown."),
];

const TYPES: &[&str] = &[
    "Other",
    "Unknown",
    "OK",
    "Bad read",
    "Parity error",
    "Single-bit error",
    "Double-bit error",
    "Multi-bit error",
    "Nibble error",
    "Checksum error",
    "CRC error",
    "Corrected single-bit error",
    "Corrected error",
    "Uncorrectable error",
];
const GRANULARITIES: &[&str] = &["Other", "Unknown", "Device level", "Memory partition level"];
const OPERATIONS: &[&str] = &["Other", "Unknown", "Read", "Write", "Partial write"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_error_info",
    help: "Errors of memory that the firmware has seen (SMBIOS)",
    columns: COLUMNS,
    open: |query| Ok(smbios::scan(&query, Some(18), |error, rows| rows.push_back(row(error)))),
};

fn row(error: &Structure<'_>) -> Vec<Value> {
    let known = |at: usize, unknown: u32| {
        let number = error.dword(at).filter(|&number| number != unknown);
        number.map_or(Value::text(""), |number| hex(u64::from(number), 8))
    };
    vec![
        error.reference(0x02),
        error.name(0x04, TYPES),
        error.name(0x05, GRANULARITIES),
        error.name(0x06, OPERATIONS),
        known(0x07, 0),
        known(0x0b, 0x8000_0000),
        known(0x0f, 0x8000_0000),
        known(0x13, 0x8000_0000),
    ]
}
