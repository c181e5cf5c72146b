//! `disk_encryption`: which block devices are encrypted, one row each. A device is encrypted if it holds a LUKS header, if
//! device-mapper says that it is a crypt device (/sys/block/*/dm/uuid), or if all devices of which it is made are
//! (logical volumes, arrays and partitions on an encrypted device). Version and cipher come from the LUKS header, which
//! only root may read; without that, and without udev's word, the status is `undefined`. Bound: eight devices on each
//! other. Cost: the first 68 KiB of each device.

use super::devices::{self, Device, property};
use super::superblock;
use crate::sql::table::{Column, Context, Cursor, INDEX, Table, TableError, Type, Value, column, elsewhere};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "Path of the device's node."),
    Column { collate: "NOCASE", ..column("uuid", Type::Text, 0, "UUID of what it holds.") },
    column("encrypted", Type::Integer, 0, "1 if it is encrypted, else 0."),
    column("type", Type::Text, 0, "Format and cipher: LUKS2-aes-xts-plain64."),
    column("encryption_status", Type::Text, 0, "encrypted, not encrypted, or undefined if it cannot be read."),
    elsewhere("uid", Type::Text),
    Column { collate: "NOCASE", ..elsewhere("user_uuid", Type::Text) },
    elsewhere("filevault_status", Type::Text),
];

/// Devices on each other.
const MOST_LEVELS: usize = 8;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "disk_encryption",
    help: "Which block devices are encrypted",
    columns: COLUMNS,
    open: |query| {
        let all = devices::all(&query.context);
        let mut rows = all.clone();
        if let Some(Value::Text(name)) = query.equal(0) {
            rows.retain(|device| device.node().as_bytes() == name);
        }
        Ok(Box::new(Scan { context: query.context.clone(), all, rows: rows.into_iter(), row: None }))
    },
};

struct Scan {
    context: Rc<Context>,
    all: Vec<Device>,
    rows: std::vec::IntoIter<Device>,
    row: Option<(Device, Option<State>)>,
}

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// With the format and cipher.
    Encrypted(String),
    Plain,
    Unknown,
}

impl Scan {
    fn named(&self, name: &str) -> Option<&Device> {
        self.all.iter().find(|device| device.name == name)
    }

    fn state(&self, device: &Device, levels: usize) -> State {
        if levels == 0 {
            return State::Unknown;
        }
        let parts = device.parts(&self.context);
        let below = |name: &String| self.named(name).map_or(State::Unknown, |device| self.state(device, levels - 1));
        if let Some(format) = self.mapped(device) {
            // The cipher stands in the header of the device below.
            return match parts.first().map(below) {
                Some(State::Encrypted(cipher)) if cipher.starts_with(&format) => State::Encrypted(cipher),
                _ => State::Encrypted(format),
            };
        }
        let own = self.held(device);
        if matches!(own, State::Encrypted(_)) {
            return own;
        }
        let states: Vec<State> = match &device.disk {
            Some(disk) if self.named(disk).is_some_and(|disk| !disk.parts(&self.context).is_empty()) => {
                vec![below(disk)]
            }
            _ => parts.iter().map(below).collect(),
        };
        let encrypted = states.iter().all(|state| matches!(state, State::Encrypted(_)));
        states.into_iter().next().filter(|_| encrypted).unwrap_or(own)
    }

    /// The format of a crypt device, by its name in device-mapper: `CRYPT-LUKS2-<uuid>-<name>`.
    fn mapped(&self, device: &Device) -> Option<String> {
        let uuid = device.line(&self.context, "dm/uuid");
        let format = uuid.strip_prefix(b"CRYPT-")?.split(|&byte| byte == b'-').next()?;
        Some(String::from_utf8_lossy(format).into_owned())
    }

    /// What the device itself holds.
    fn held(&self, device: &Device) -> State {
        let head = device.head(&self.context).filter(|head| !head.is_empty());
        if let Some(content) = head.map(|head| superblock::of(&head)) {
            return match &*content.kind {
                "crypto_LUKS" => State::Encrypted(content.cipher),
                "BitLocker" => State::Encrypted(content.kind),
                _ => State::Plain,
            };
        }
        let udev = device.udev(&self.context);
        match property(&udev, "ID_FS_TYPE") {
            b"crypto_LUKS" => {
                State::Encrypted(format!("LUKS{}", String::from_utf8_lossy(property(&udev, "ID_FS_VERSION"))))
            }
            b"BitLocker" => State::Encrypted("BitLocker".into()),
            b"" if device.number(&self.context, "size") != Some(0) && udev.is_empty() => State::Unknown,
            _ => State::Plain,
        }
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.row = self.rows.next().map(|device| (device, None));
        Ok(self.row.is_some())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some((device, state)) = self.row.clone() else { return Ok(Value::Null) };
        match column {
            0 => return Ok(Value::text(device.node())),
            1 => {
                let content = device.content(&self.context, &device.udev(&self.context));
                return Ok(Value::text(content.unwrap_or_default().uuid));
            }
            _ => {}
        }
        let state = state.unwrap_or_else(|| self.state(&device, MOST_LEVELS));
        let value = match (column, &state) {
            (2, state) => i64::from(matches!(state, State::Encrypted(_))).into(),
            (3, State::Encrypted(format)) => Value::text(format),
            (3, _) => Value::text(""),
            (_, State::Encrypted(_)) => Value::text("encrypted"),
            (_, State::Plain) => Value::text("not encrypted"),
            (_, State::Unknown) => Value::text("undefined"),
        };
        self.row = Some((device, Some(state)));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn volumes_on_an_encrypted_device_are_encrypted() {
        let tree = Tree::new("disk-encryption");
        for (file, text) in [
            ("sda/size", "90"),
            ("sda/sda1/size", "10"),
            ("sda/sda1/partition", "1"),
            ("sda/sda2/size", "80"),
            ("sda/sda2/partition", "2"),
            ("sdb/size", "7"),
            ("loop0/size", "0"),
            ("dm-0/dm/uuid", "CRYPT-LUKS1-0123456789abcdef-root"),
            ("dm-0/slaves/sda2/x", ""),
            ("dm-1/dm/uuid", "LVM-abc"),
            ("dm-1/slaves/dm-0/x", ""),
            ("dm-2/dm/uuid", "LVM-def"),
            ("dm-2/slaves/dm-0/x", ""),
            ("dm-2/slaves/sda1/x", ""),
            ("dm-3/dm/uuid", "CRYPT-PLAIN-swap"),
            ("dm-4/slaves/dm-4/x", ""),
        ] {
            tree.file(format!("sys/block/{file}"), format!("{text}\n"));
        }
        let mut luks = vec![0; 8192];
        for (offset, bytes) in [(0, &b"LUKS\xba\xbe\0\x01"[..]), (8, b"aes"), (40, b"xts-plain64"), (168, b"11-22")] {
            luks[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
        tree.file("dev/sda2", luks).file("dev/sda1", [0; 8192]).file("dev/sda", [0; 8192]);
        for device in ["dm-0", "dm-1", "dm-2"] {
            tree.file(format!("dev/{device}"), [0; 8192]);
        }
        let found = tree.rows("SELECT name, encrypted, type, encryption_status, uuid FROM disk_encryption");
        let found: Vec<_> = found.into_iter().map(|row| row.join("|")).collect();
        let wanted = [
            "/dev/dm-0|1|LUKS1-aes-xts-plain64|encrypted|",
            "/dev/dm-1|1|LUKS1-aes-xts-plain64|encrypted|",
            "/dev/dm-2|0||not encrypted|",
            "/dev/dm-3|1|PLAIN|encrypted|",
            "/dev/dm-4|0||undefined|",
            "/dev/loop0|0||not encrypted|",
            "/dev/sda|0||not encrypted|",
            "/dev/sda1|0||not encrypted|",
            "/dev/sda2|1|LUKS1-aes-xts-plain64|encrypted|11-22",
            "/dev/sdb|0||undefined|",
        ];
        assert_eq!(found, wanted);
        let one = tree.rows("SELECT encrypted FROM disk_encryption WHERE name = '/dev/dm-1'");
        assert_eq!(one, [["1"]], "a device asked for by name knows what it lies on");
    }

    #[test]
    fn the_host_has_a_row_for_each_device() {
        let devices = rows("", "SELECT name FROM block_devices");
        assert_eq!(rows("", "SELECT name FROM disk_encryption WHERE encrypted IN (0, 1)"), devices);
    }
}
