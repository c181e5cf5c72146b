//! `oem_strings`: free text of the maker: SMBIOS structures of type 11 (DSP0134, 7.12), root only; at most 255 rows
//! for each.

use super::smbios;
use crate::sql::table::{Column, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("handle", Type::Text, 0, "Handle of the structure, hexadecimal."),
    column("number", Type::Integer, 0, "Place of the text in it, from 1."),
    column("value", Type::Text, 0, "The text."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "oem_strings",
    help: "Free text of the machine's maker (SMBIOS)",
    columns: COLUMNS,
    open: |query| {
        Ok(smbios::scan(&query, Some(11), |texts, rows| {
            for number in 1..=texts.byte(0x04).unwrap_or(0) {
                let value = Value::text(texts.string(number));
                rows.push_back(vec![texts.reference(0x02), Value::Integer(number.into()), value]);
            }
        }))
    },
};
