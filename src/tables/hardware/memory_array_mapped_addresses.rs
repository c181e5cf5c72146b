//! `memory_array_mapped_addresses`: where arrays of memory lie in the address space: SMBIOS structures of type 19
//! (DSP0134, 7.20), root only. Addresses are in KiB (8 digits), or in bytes (12 digits) where those do not reach.

use super::smbios::{self, Structure, hex, number};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("memory_array_handle", Type::Text, 0, "Handle of the memory_arrays row."),
    column("starting_address", Type::Text, 0, "First address: KiB if 8 digits, bytes if 12."),
    column("ending_address", Type::Text, 0, "Last address: KiB if 8 digits, bytes if 12."),
    column("partition_width", Type::Integer, 0, "Modules that form one row."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_array_mapped_addresses",
    help: "Addresses of memory arrays (SMBIOS)",
    columns: COLUMNS,
    open: |query| Ok(smbios::scan(&query, Some(19), |map, rows| rows.push_back(row(map)))),
};

fn row(map: &Structure<'_>) -> Vec<Value> {
    let [start, end] = addresses(map, 0x0f);
    vec![map.reference(0x02), map.reference(0x0c), start, end, number(map.byte(0x0e))]
}

/// First and last address of a mapping; `extended` is where they are in bytes if KiB cannot say them.
pub fn addresses(map: &Structure<'_>, extended: usize) -> [Value; 2] {
    let shown = |address: Option<u64>, digits| address.map_or(Value::text(""), |address| hex(address, digits));
    if map.dword(0x04) == Some(u32::MAX) {
        return [extended, extended + 8].map(|at| shown(map.qword(at), 12));
    }
    [0x04, 0x08].map(|at| shown(map.dword(at).map(u64::from), 8))
}
