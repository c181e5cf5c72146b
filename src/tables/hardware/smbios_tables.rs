//! `smbios_tables`: every SMBIOS structure, root only: type, handle, sizes and an MD5 of all of it, so that a change
//! of the firmware shows.

use super::smbios;
use crate::sql::digest::{self, Wanted};
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("number", Type::Integer, 0, "Place of the structure among the others, from 0."),
    column("type", Type::Integer, 0, "Number of its type."),
    column("description", Type::Text, 0, "Name of its type."),
    column("handle", Type::Integer, 0, "What other structures call it by."),
    column("header_size", Type::Integer, 0, "Bytes of header and fields."),
    column("size", Type::Integer, 0, "Bytes, strings included."),
    Column { collate: "NOCASE", ..column("md5", Type::Text, 0, "MD5 of all its bytes.") },
];

/// Names of the types from 0 on (DSP0134, table 5).
const TYPES: &[&str] = &[
    "BIOS Information",
    "System Information",
    "Base Board or Module Information",
    "System Enclosure or Chassis",
    "Processor Information",
    "Memory Controller Information",
    "Memory Module Information",
    "Cache Information",
    "Port Connector Information",
    "System Slots",
    "On Board Devices Information",
    "OEM Strings",
    "System Configuration Options",
    "BIOS Language Information",
    "Group Associations",
    "System Event Log",
    "Physical Memory Array",
    "Memory Device",
    "32-bit Memory Error Information",
    "Memory Array Mapped Address",
    "Memory Device Mapped Address",
    "Built-in Pointing Device",
    "Portable Battery",
    "System Reset",
    "Hardware Security",
    "System Power Controls",
    "Voltage Probe",
    "Cooling Device",
    "Temperature Probe",
    "Electrical Current Probe",
    "Out-of-Band Remote Access",
    "Boot Integrity Services",
    "System Boot Information",
    "64-bit Memory Error Information",
    "Management Device",
    "Management Device Component",
    "Management Device Threshold Data",
    "Memory Channel",
    "IPMI Device Information",
    "System Power Supply",
    "Additional Information",
    "Onboard Devices Extended Info",
    "Management Controller Host Interface",
    "TPM Device",
    "Processor Additional Information",
    "Firmware Inventory Information",
    "String Property",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "smbios_tables",
    help: "Structures of the SMBIOS tables",
    columns: COLUMNS,
    open: |query| {
        Ok(smbios::scan(&query, None, |structure, rows| {
            let sum = digest::sums(Wanted { md5: true, ..Wanted::default() }, structure.whole).md5.unwrap_or_default();
            rows.push_back(vec![
                Value::Integer(structure.number.into()),
                Value::Integer(structure.kind().into()),
                Value::text(description(structure.kind())),
                Value::Integer(structure.handle().into()),
                Value::Integer(structure.length() as i64),
                Value::Integer(structure.whole.len() as i64),
                Value::Text(digest::hex(&sum)),
            ]);
        }))
    },
};

fn description(kind: u8) -> &'static str {
    match kind {
        126 => "Inactive",
        127 => "End-of-Table",
        130 => "Memory SPD Data",
        131 => "OEM Processor Type",
        132 => "OEM Processor Bus Speed",
        kind => TYPES.get(usize::from(kind)).copied().unwrap_or("Unknown"),
    }
}
