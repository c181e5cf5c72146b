//! `block_devices`: disks and partitions from /sys/block, with what udev's database or the superblock says they hold (see
//! [`super::superblock`]); that is read only for the columns that need it, and needs root where there is no udev. One row a
//! device.

use super::devices::{self, Device, property};
use super::superblock::Content;
use crate::sql::table::{Column, Context, Cursor, INDEX, Table, TableError, Type, Value, column};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "Path of the device's node."),
    column("parent", Type::Text, 0, "The disk of a partition; the device below a mapped one, if it is only one."),
    column("vendor", Type::Text, 0, "Maker, as the device says it."),
    column("model", Type::Text, 0, "Model, as the device says it."),
    column("serial", Type::Text, 0, "Serial number, as the device says it."),
    column("size", Type::BigInt, 0, "Size in blocks of block_size."),
    column(
        "block_size",
        Type::Integer,
        0,
        "Bytes of a block as the device addresses them; a partition's are its disk's.",
    ),
    Column { collate: "NOCASE", ..column("uuid", Type::Text, 0, "UUID of what it holds.") },
    column("type", Type::Text, 0, "What it holds: a file system, swap, crypto_LUKS, LVM2_member, …"),
    column("label", Type::Text, 0, "Label of what it holds."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "block_devices",
    help: "Disks and partitions, and what they hold",
    columns: COLUMNS,
    open: |query| {
        let mut devices = devices::all(&query.context);
        if let Some(Value::Text(name)) = query.equal(0) {
            devices.retain(|device| device.node().as_bytes() == name);
        }
        let context = query.context.clone();
        Ok(Box::new(Scan { context, devices: devices.into_iter(), device: None, udev: None, content: None }))
    },
};

struct Scan {
    context: Rc<Context>,
    devices: std::vec::IntoIter<Device>,
    device: Option<Device>,
    udev: Option<Vec<u8>>,
    content: Option<Content>,
}

impl Scan {
    fn udev(&mut self, device: &Device) -> &[u8] {
        self.udev.get_or_insert_with(|| device.udev(&self.context))
    }

    fn content(&mut self, device: &Device) -> &Content {
        if self.content.is_none() {
            let udev = self.udev(device).to_vec();
            self.content = Some(device.content(&self.context, &udev).unwrap_or_default());
        }
        self.content.get_or_insert_default()
    }

    /// A line of a file of the disk, or else a property that udev has.
    fn said(&mut self, device: &Device, files: &[&str], key: &str) -> Value {
        if device.disk.is_some() {
            return Value::text("");
        }
        let lines = files.iter().map(|file| device.line(&self.context, file));
        match lines.into_iter().find(|line| !line.is_empty()) {
            Some(line) => Value::Text(line),
            None => Value::text(property(self.udev(device), key)),
        }
    }

    fn parent(&self, device: &Device) -> Value {
        let parts = device.parts(&self.context);
        match (&device.disk, &*parts) {
            (Some(disk), _) => Value::text(devices::node(disk)),
            (None, [part]) => Value::text(devices::node(part)),
            _ => Value::text(""),
        }
    }

    fn block_bytes(&self, device: &Device) -> Option<i64> {
        let disk = Device { name: device.disk.clone().unwrap_or(device.name.clone()), disk: None };
        disk.number(&self.context, "queue/logical_block_size").filter(|bytes| *bytes >= 512)
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        (self.device, self.udev, self.content) = (self.devices.next(), None, None);
        Ok(self.device.is_some())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(device) = self.device.clone() else { return Ok(Value::Null) };
        Ok(match column {
            0 => Value::text(device.node()),
            1 => self.parent(&device),
            2 => self.said(&device, &["device/vendor"], "ID_VENDOR"),
            3 => self.said(&device, &["device/model", "device/name"], "ID_MODEL"),
            4 => self.said(&device, &["device/serial", "serial"], "ID_SERIAL_SHORT"),
            5 => {
                // /sys counts in 512 bytes whatever the device does.
                let block = self.block_bytes(&device).unwrap_or(512);
                device.number(&self.context, "size").map(|sectors| sectors / (block / 512)).into()
            }
            6 => self.block_bytes(&device).into(),
            7 => Value::text(&self.content(&device).uuid),
            8 => Value::text(&self.content(&device).kind),
            _ => Value::text(&self.content(&device).label),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    fn tree() -> Tree {
        let tree = Tree::new("block-devices");
        for (file, text) in [
            ("sda/size", "2000"),
            ("sda/dev", "8:0"),
            ("sda/device/vendor", "ATA     "),
            ("sda/device/model", "A Disk"),
            ("sda/queue/logical_block_size", "512"),
            ("sda/queue/sda_no_partition", ""),
            ("sda/sda1/size", "1000"),
            ("sda/sda1/dev", "8:1"),
            ("sda/sda1/partition", "1"),
            ("sda/sda2/size", "500"),
            ("sda/sda2/dev", "8:2"),
            ("sda/sda2/partition", "2"),
            ("nvme0n1/size", "8000"),
            ("nvme0n1/queue/logical_block_size", "4096"),
            ("nvme0n1/device/serial", "S1  "),
            ("dm-0/size", "400"),
            ("dm-0/slaves/sda2/size", "500"),
            ("cciss!c0d0/size", "0"),
        ] {
            tree.file(format!("sys/block/{file}"), format!("{text}\n"));
        }
        tree.file("run/udev/data/b8:0", "E:ID_SERIAL_SHORT=XYZ\n");
        tree.file("run/udev/data/b8:1", "E:ID_FS_TYPE=ext4\nE:ID_FS_UUID=AB-1\nE:ID_FS_LABEL_ENC=my\\x20root\n");
        let mut swap = vec![0; 5000];
        swap[4086..4096].copy_from_slice(b"SWAPSPACE2");
        swap[1052..1056].copy_from_slice(b"swap");
        tree.file("dev/sda2", swap);
        tree
    }

    #[test]
    fn disks_and_partitions_of_a_fixture() {
        let tree = tree();
        let sql = "SELECT name, parent, vendor, model, serial, size, block_size, uuid, type, label FROM block_devices";
        let wanted = [
            "/dev/cciss/c0d0|||||0|NULL|||",
            "/dev/dm-0|/dev/sda2||||400|NULL|||",
            "/dev/nvme0n1||||S1|1000|4096|||",
            "/dev/sda||ATA|A Disk|XYZ|2000|512|||",
            "/dev/sda1|/dev/sda||||1000|512|AB-1|ext4|my root",
            "/dev/sda2|/dev/sda||||500|512||swap|swap",
        ];
        let joined = |sql: &str| tree.rows(sql).into_iter().map(|row| row.join("|")).collect::<Vec<_>>();
        assert_eq!(joined(sql), wanted);
        assert_eq!(joined(&format!("{sql} WHERE name = '/dev/sda1'")), &wanted[4..5]);
        assert_eq!(joined("SELECT name FROM block_devices WHERE uuid = 'ab-1'"), ["/dev/sda1"]);
        assert!(tree.rows(&format!("{sql} WHERE name = '/dev/sda3'")).is_empty());
    }

    #[test]
    fn the_hosts_devices_are_those_of_lsblk() {
        let arguments = ["-b", "-a", "-P", "-o", "KNAME,SIZE,LOG-SEC,MODEL,VENDOR,FSTYPE,UUID,LABEL"];
        let Some(theirs) = host("lsblk", &arguments) else { return println!("skipped: needs lsblk") };
        let ours = rows("", "SELECT name, size * block_size, model, vendor, type, uuid, label FROM block_devices");
        let known: std::collections::BTreeSet<_> = ours.iter().map(|row| row[0].clone()).collect();
        let mut count = 0;
        for line in theirs.lines() {
            let value = |key: &str| {
                let start = line.find(&format!("{key}=\"")).unwrap() + key.len() + 2;
                line[start..].split('"').next().unwrap().trim().to_string()
            };
            let Some(row) = ours.iter().find(|row| row[0] == format!("/dev/{}", value("KNAME"))) else {
                panic!("{line} is missing of {known:?}")
            };
            count += 1;
            assert_eq!(row[1], value("SIZE"), "{line}");
            // lsblk knows the last three from udev alone, or by reading as root.
            for (index, key) in [(2, "MODEL"), (3, "VENDOR"), (4, "FSTYPE"), (5, "UUID"), (6, "LABEL")] {
                assert!(value(key).is_empty() || row[index] == value(key), "{key}: {row:?} {line}");
            }
        }
        // lsblk does not speak of RAM disks.
        assert_eq!(count, known.iter().filter(|name| !name.starts_with("/dev/ram")).count());
    }
}
