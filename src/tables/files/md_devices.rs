//! `md_devices`: software RAID arrays from /proc/mdstat, /sys/block/MD/md and, for the time of the last update alone, the
//! superblock on the first member that can be read (root). One row an array.

use super::arrays::{self, Member};
use super::devices::Device;
use super::walk::Walk;
use crate::procfs::mdstat::{self, Array};
use crate::sql::table::{Column, Context, Query, Rows, Table, Type, Value, column};
use crate::sys::directory::Kind;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("device_name", Type::Text, 0, "Kernel's name of the array: md0."),
    column("status", Type::Text, 0, "active or inactive."),
    column("raid_level", Type::Integer, 0, "RAID level; -1 linear, -4 multipath, -5 faulty."),
    column("size", Type::BigInt, 0, "Size, KiB."),
    column("chunk_size", Type::BigInt, 0, "Bytes of a chunk."),
    column("raid_disks", Type::Integer, 0, "Slots of the array."),
    column("nr_raid_disks", Type::Integer, 0, "Members that it has."),
    column("working_disks", Type::Integer, 0, "Members that have not failed."),
    column("active_disks", Type::Integer, 0, "Members in use and in sync."),
    column("failed_disks", Type::Integer, 0, "Members that have failed."),
    column("spare_disks", Type::Integer, 0, "Members that wait, or are being rebuilt."),
    column("superblock_state", Type::Text, 0, "clean and bitmap_present, or unknown."),
    column("superblock_version", Type::Text, 0, "Format of the superblock: 1.2."),
    column("superblock_update_time", Type::BigInt, 0, "Last update of the superblock, seconds since the epoch."),
    column("bitmap_on_mem", Type::Text, 0, "Pages of the bitmap in memory."),
    column("bitmap_chunk_size", Type::Text, 0, "Chunk of the bitmap."),
    column("bitmap_external_file", Type::Text, 0, "File in which the bitmap lies."),
    column("recovery_progress", Type::Text, 0, "How far the recovery has come."),
    column("recovery_finish", Type::Text, 0, "How long the recovery will take."),
    column("recovery_speed", Type::Text, 0, "How fast the recovery is."),
    column("resync_progress", Type::Text, 0, "How far the resync has come."),
    column("resync_finish", Type::Text, 0, "How long the resync will take."),
    column("resync_speed", Type::Text, 0, "How fast the resync is."),
    column("reshape_progress", Type::Text, 0, "How far the reshaping has come."),
    column("reshape_finish", Type::Text, 0, "How long the reshaping will take."),
    column("reshape_speed", Type::Text, 0, "How fast the reshaping is."),
    column("check_array_progress", Type::Text, 0, "How far the check has come."),
    column("check_array_finish", Type::Text, 0, "How long the check will take."),
    column("check_array_speed", Type::Text, 0, "How fast the check is."),
    column("unused_devices", Type::Text, 0, "Devices that are members of no array."),
    column("other", Type::Text, 0, "The rest of the array's line in /proc/mdstat."),
];

const UPDATE_TIME: usize = 13;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "md_devices",
    help: "Software RAID arrays",
    columns: COLUMNS,
    open: |query| {
        let text = query.context.root.read("/proc/mdstat").unwrap_or_default();
        let unused = mdstat::unused(&text);
        Ok(Rows::of(mdstat::arrays(&text).iter().filter_map(|array| row(&query, array, unused)).collect()))
    },
};

fn row(query: &Query, array: &Array<'_>, unused: &[u8]) -> Option<Vec<Value>> {
    let context = &query.context;
    let name = std::str::from_utf8(array.name).ok()?;
    let members = arrays::members(context, name);
    let count =
        |is: &dyn Fn(&Member) -> bool| Value::Integer(members.iter().filter(|member| is(member)).count() as i64);
    let version = arrays::line(context, name, "metadata_version");
    let updated = match query.wants(UPDATE_TIME) {
        true => members.iter().find_map(|member| updated(context, &member.name, &version)),
        false => None,
    };
    let mut row = vec![
        Value::text(name),
        Value::text(array.status),
        level(array.level).into(),
        array.blocks.into(),
        arrays::number(context, name, "chunk_size").into(),
        arrays::number(context, name, "raid_disks").or(array.disks).into(),
        count(&|_| true),
        count(&|member| !member.is("faulty")),
        count(&|member| member.is("in_sync")),
        count(&|member| member.is("faulty")),
        count(&|member| member.is("spare")),
        Value::text(superblock_state(context, name)),
        Value::text(&version),
        updated.into(),
    ];
    row.extend(array.bitmap.iter().map(Value::text));
    let parts = |action: &mdstat::Action<'_>| [action.progress, action.finish, action.speed].map(Value::text);
    row.extend(array.actions.iter().flat_map(parts));
    row.extend([Value::text(unused), Value::text(array.other)]);
    Some(row)
}

/// The number of a level, as mdadm has it.
fn level(name: &[u8]) -> Option<i64> {
    match name {
        b"linear" => Some(-1),
        b"multipath" => Some(-4),
        b"faulty" => Some(-5),
        name => std::str::from_utf8(name.strip_prefix(b"raid")?).ok()?.parse().ok(),
    }
}

fn superblock_state(context: &Context, array: &str) -> String {
    let clean = matches!(&*arrays::line(context, array, "array_state"), b"clean" | b"readonly" | b"read-auto");
    let bitmap = matches!(arrays::line(context, array, "bitmap/location").first(), Some(b'+' | b'-'));
    match (clean, bitmap) {
        (true, true) => "clean bitmap_present",
        (true, false) => "clean",
        (false, true) => "bitmap_present",
        (false, false) => "unknown",
    }
    .to_string()
}

/// When a member's superblock was written, seconds since the epoch. It lies at the device's beginning (1.1), 4 KiB behind
/// it (1.2), or near its end (md(4)).
fn updated(context: &Rc<Context>, member: &str, version: &[u8]) -> Option<i64> {
    let disk = Device { name: member.to_string(), disk: None };
    let node = disk.node();
    let bytes = || {
        let sectors = String::from_utf8(context.root.line(format!("/sys/class/block/{member}/size"))).ok()?;
        sectors.parse::<u64>().ok()?.checked_mul(512)
    };
    let (offset, field, length) = match version {
        b"1.1" => (0, 192, 5),
        b"1.2" => (4096, 192, 5),
        b"1.0" => (bytes()?.checked_sub(8192)? & !4095, 192, 5),
        b"0.90" => ((bytes()? & !65535).checked_sub(65536)?, 128, 4),
        _ => return None,
    };
    let mut block = [0; 256];
    let count = Walk::to(context, node.as_bytes(), None)?
        .open_as(&[Kind::Block, Kind::Regular])
        .ok()?
        .read_at(offset, &mut block);
    if count < block.len() || !block.starts_with(&0xa92b_4efc_u32.to_le_bytes()) {
        return None;
    }
    let time = block.get(field..field + length)?.iter().rev().fold(0, |time, &byte| time << 8 | i64::from(byte));
    Some(time).filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn an_array_that_recovers() {
        let tree = Tree::new("md-devices");
        let text = "Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0]\n\
            \x20     9766 blocks super 1.2 [2/1] [U_]\n\
            \x20     [=>...]  recovery = 12.6% (370/292) finish=127.5min speed=33440K/sec\n\
            \x20     bitmap: 0/8 pages [0KB], 64KB chunk\n\nmd1 : inactive sdc[0](S)\n      4 blocks\n\
            unused devices: <none>\n";
        tree.file("proc/mdstat", text);
        for (file, text) in [
            ("metadata_version", "1.2"),
            ("raid_disks", "2"),
            ("chunk_size", "0"),
            ("array_state", "clean"),
            ("bitmap/location", "+8"),
            ("dev-sda1/state", "in_sync"),
            ("dev-sdb1/state", "spare"),
        ] {
            tree.file(format!("sys/block/md0/md/{file}"), format!("{text}\n"));
        }
        let mut member = vec![0; 8192];
        member[4096..4100].copy_from_slice(b"\xfc\x4e\x2b\xa9");
        member[4096 + 192..4096 + 200].copy_from_slice(&(1_700_000_000u64 | 77 << 40).to_le_bytes());
        tree.file("dev/sda1", member);
        let found = tree.rows("SELECT * FROM md_devices").into_iter().map(|row| row.join("|")).collect::<Vec<_>>();
        let wanted = [
            "md0|active|1|9766|0|2|2|2|1|0|1|clean bitmap_present|1.2|1700000000|0/8 pages [0KB]|64KB chunk||\
             12.6% (370/292)|127.5min|33440K/sec||||||||||<none>|super 1.2",
            "md1|inactive|NULL|4|NULL|NULL|0|0|0|0|0|unknown||NULL||||||||||||||||<none>|",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn superblocks_at_the_end_of_a_device() {
        for (version, offset, field) in [("1.0", 131_072 - 8192, 192), ("0.90", 65_536, 128), ("1.1", 0, 192)] {
            let tree = Tree::new(&format!("md-devices-{version}"));
            tree.file("proc/mdstat", "md0 : active raid1 sda1[0]\n").file("sys/class/block/sda1/size", "257\n");
            tree.file("sys/block/md0/md/metadata_version", version)
                .file("sys/block/md0/md/dev-sda1/state", "in_sync\n");
            let mut member = vec![0; 257 * 512];
            member[offset..offset + 4].copy_from_slice(b"\xfc\x4e\x2b\xa9");
            member[offset + field..offset + field + 4].copy_from_slice(&1_600_000_000u32.to_le_bytes());
            tree.file("dev/sda1", member);
            assert_eq!(tree.rows("SELECT superblock_update_time FROM md_devices"), [["1600000000"]], "{version}");
        }
    }
}
