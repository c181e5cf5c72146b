//! `memory_device_mapped_addresses`: where memory modules lie in the address space: SMBIOS structures of type 20
//! (DSP0134, 7.21), root only. Addresses are in KiB (8 digits), or in bytes (12 digits) where those do not reach.

use super::memory_array_mapped_addresses::addresses;
use super::smbios::{self, Structure, number};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("memory_device_handle", Type::Text, 0, "Handle of the memory_devices row."),
    column("memory_array_mapped_address_handle", Type::Text, 0, "Handle of the memory_array_mapped_addresses row."),
    column("starting_address", Type::Text, 0, "First address: KiB if 8 digits, bytes if 12."),
    column("ending_address", Type::Text, 0, "Last address: KiB if 8 digits, bytes if 12."),
    column("partition_row_position", Type::Integer, 0, "Place in the row of modules; 255: unknown."),
    column("interleave_position", Type::Integer, 0, "Place in the interleaving; 0: none, 255: unknown."),
    column("interleave_data_depth", Type::Integer, 0, "Rows taken in one go; 0: none, 255: unknown."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "memory_device_mapped_addresses",
    help: "Addresses of memory modules (SMBIOS)",
    columns: COLUMNS,
    open: |query| Ok(smbios::scan(&query, Some(20), |map, rows| rows.push_back(row(map)))),
};

fn row(map: &Structure<'_>) -> Vec<Value> {
    let [start, end] = addresses(map, 0x13);
    let mut row = [0x02, 0x0c, 0x0e].map(|at| map.reference(at)).to_vec();
    row.extend([start, end]);
    row.extend([0x10, 0x11, 0x12].map(|at| number(map.byte(at))));
    row
}
