//! `secureboot`: whether UEFI Secure Boot is on, one row. From the firmware's variables SecureBoot and SetupMode (UEFI
//! Specification, 3.3): a byte after four of attributes in /sys/firmware/efi/efivars, or alone in the older
//! /sys/firmware/efi/vars (root only). NULL where the firmware is no UEFI or does not say.

use crate::sql::table::{Column, Rows, Table, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use std::io::Read;

const COLUMNS: &[Column] = &[
    column("secure_boot", Type::Integer, 0, "1: on, 0: off, -1: another value."),
    elsewhere("secure_mode", Type::Integer),
    elsewhere("description", Type::Text),
    elsewhere("kernel_extensions", Type::Integer),
    elsewhere("mdm_operations", Type::Integer),
    column("setup_mode", Type::Integer, 0, "1: keys may be written freely, 0: not, -1: another value."),
];

/// The vendor of the variables that the specification defines.
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "secureboot",
    help: "UEFI Secure Boot, one row",
    columns: COLUMNS,
    open: |query| {
        let state = |name| variable(&query.context.root, name).into();
        let none = Value::Null;
        let row = vec![state("SecureBoot"), none.clone(), none.clone(), none.clone(), none, state("SetupMode")];
        Ok(Rows::of(vec![row]))
    },
};

fn variable(root: &Root, name: &str) -> Option<i64> {
    let read = |path: String, skipped: usize| {
        let mut bytes = Vec::new();
        root.open(path).and_then(|file| file.take(8).read_to_end(&mut bytes)).ok()?;
        bytes.get(skipped).map(|&byte| if byte > 1 { -1 } else { i64::from(byte) })
    };
    read(format!("/sys/firmware/efi/efivars/{name}-{GLOBAL}"), 4)
        .or_else(|| read(format!("/sys/firmware/efi/vars/{name}-{GLOBAL}/data"), 0))
}

#[cfg(test)]
mod tests {
    use super::GLOBAL;
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn variables_new_and_old() {
        let tree = Tree::new("secureboot");
        let sql = "select secure_boot, setup_mode from secureboot";
        assert_eq!(tree.rows(sql), [["NULL", "NULL"]]);
        tree.file(format!("/sys/firmware/efi/vars/SetupMode-{GLOBAL}/data"), [1u8]);
        tree.file(format!("/sys/firmware/efi/efivars/SecureBoot-{GLOBAL}"), [6u8, 0, 0, 0]);
        assert_eq!(tree.rows(sql), [["NULL", "1"]]);
        tree.file(format!("/sys/firmware/efi/efivars/SecureBoot-{GLOBAL}"), [6u8, 0, 0, 0, 1]);
        tree.file(format!("/sys/firmware/efi/efivars/SetupMode-{GLOBAL}"), [6u8, 0, 0, 0, 7]);
        assert_eq!(tree.rows(sql), [["1", "-1"]]);
        tree.file(format!("/sys/firmware/efi/efivars/SecureBoot-{GLOBAL}"), [6u8, 0, 0, 0, 0]);
        assert_eq!(tree.rows(sql), [["0", "-1"]]);
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("mokutil", &["--sb-state"]) else {
            println!("skipped: needs mokutil and UEFI");
            return;
        };
        let wanted = if said.contains("enabled") { "1" } else { "0" };
        assert_eq!(rows("", "select secure_boot from secureboot"), [[wanted]]);
    }
}
