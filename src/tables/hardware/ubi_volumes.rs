//! `ubi_volumes`: volumes of UBI, the layer that spreads wear over raw flash, and the health of what they lie on; from
//! /sys/class/ubi/ubiX_Y and ubiX (`Documentation/ABI/stable/sysfs-class-ubi`), a volume at a time.

use super::sysfs;
use crate::sql::table::{Column, Query, Table, Type, Value, column};
use crate::sys::root::Root;
use std::ffi::OsString;

const COLUMNS: &[Column] = &[
    column("device", Type::Text, 0, "Name of the volume's device: ubi0_1."),
    column("ubi", Type::Integer, 0, "Number of the UBI device it is on."),
    column("volume_id", Type::Integer, 0, "Number of the volume on it."),
    column("name", Type::Text, 0, "What the volume is called: rootfs_data."),
    column("type", Type::Text, 0, "dynamic (may change) or static (written once, with a checksum)."),
    column("size", Type::BigInt, 0, "Bytes reserved for it."),
    column("data_bytes", Type::BigInt, 0, "Bytes it holds."),
    column("corrupted", Type::Integer, 0, "1 if a static volume's checksum was wrong."),
    column("update_marker", Type::Integer, 0, "1 if an update of it was interrupted."),
    column("mtd", Type::Integer, 0, "Number of the mtd_partitions device that the UBI device is on."),
    column("block_size", Type::BigInt, 0, "Bytes of an erase block of the UBI device."),
    column("free_blocks", Type::Integer, 0, "Erase blocks of the UBI device that no volume has."),
    column("bad_blocks", Type::Integer, 0, "Erase blocks of the UBI device that are broken."),
    column("spare_blocks", Type::Integer, 0, "Erase blocks of it that are kept for others that break."),
    column("max_erase_count", Type::Integer, 0, "How often its most worn block was erased."),
];

const PLACE: &str = "/sys/class/ubi";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "ubi_volumes",
    help: "Volumes on raw flash memory (UBI) and its wear",
    columns: COLUMNS,
    open: |query| Ok(sysfs::in_batches(query, PLACE, rows)),
};

fn rows(query: &Query, names: Vec<OsString>) -> Vec<Vec<Value>> {
    let volumes = names.iter().filter_map(|name| {
        let name = name.to_str()?;
        let (ubi, volume) = name.strip_prefix("ubi")?.split_once('_')?;
        Some((name, ubi.parse::<u32>().ok()?, volume.parse::<u32>().ok()?))
    });
    volumes.map(|(name, ubi, volume)| row(&query.context.root, name, ubi, volume)).collect()
}

fn row(root: &Root, name: &str, ubi: u32, volume: u32) -> Vec<Value> {
    let volume_file = |file: &str| format!("{PLACE}/{name}/{file}");
    let number = |file: &str| sysfs::number(root, &volume_file(file));
    let below = |file: &str| Value::from(sysfs::number(root, &format!("{PLACE}/ubi{ubi}/{file}")));
    // An erase block of a volume is a little smaller than one of the device.
    let size = number("reserved_ebs").and_then(|blocks| blocks.checked_mul(number("usable_eb_size")?));
    vec![
        Value::text(name),
        Value::Integer(ubi.into()),
        Value::Integer(volume.into()),
        sysfs::text(root, &volume_file("name")),
        sysfs::text(root, &volume_file("type")),
        size.into(),
        number("data_bytes").into(),
        number("corrupted").into(),
        number("upd_marker").into(),
        below("mtd_num"),
        below("eraseblock_size"),
        below("avail_eraseblocks"),
        below("bad_peb_count"),
        below("reserved_for_bad"),
        below("max_ec"),
    ]
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn volumes_of_a_router() {
        let tree = Tree::new("ubi");
        assert!(tree.rows("select * from ubi_volumes").is_empty());
        for (path, text) in [
            ("version", "1"),
            ("ubi0/mtd_num", "5"),
            ("ubi0/eraseblock_size", "126976"),
            ("ubi0/avail_eraseblocks", "0"),
            ("ubi0/bad_peb_count", "3"),
            ("ubi0/reserved_for_bad", "17"),
            ("ubi0/max_ec", "42"),
            ("ubi0_1/name", "rootfs_data"),
            ("ubi0_1/type", "dynamic"),
            ("ubi0_1/reserved_ebs", "100"),
            ("ubi0_1/usable_eb_size", "126976"),
            ("ubi0_1/data_bytes", "12697600"),
            ("ubi0_1/corrupted", "0"),
            ("ubi0_1/upd_marker", "0"),
            ("ubi1_0/reserved_ebs", "9223372036854775807"),
            ("ubi1_0/usable_eb_size", "2"),
            ("ubix_1/name", "x"),
        ] {
            tree.file(format!("/sys/class/ubi/{path}"), format!("{text}\n"));
        }
        let rows = tree.rows("select * from ubi_volumes");
        let first = "ubi0_1|0|1|rootfs_data|dynamic|12697600|12697600|0|0|5|126976|0|3|17|42";
        assert_eq!((rows.len(), rows[0].join("|").as_str()), (2, first));
        assert_eq!(rows[1][..6], ["ubi1_0", "1", "0", "", "", "NULL"]);
    }
}
