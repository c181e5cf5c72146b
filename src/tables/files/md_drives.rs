//! `md_drives`: the members of software RAID arrays, from /proc/mdstat and /sys/block/MD/md. One row a member, and one for
//! each slot that has none.

use super::arrays;
use super::devices::node;
use crate::procfs::mdstat;
use crate::sql::table::{Column, Context, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("md_device_name", Type::Text, 0, "Kernel's name of the array: md0."),
    column("drive_name", Type::Text, 0, "Path of the member's node; unknown for a slot without one."),
    column("slot", Type::Integer, 0, "Its place in the array."),
    column("state", Type::Text, 0, "active sync, faulty, spare, recovering, journal or removed; and writemostly."),
];

/// Slots of an array that are looked for: the kernel's own bound for old arrays is 27, for new ones 1920.
const MOST_SLOTS: i64 = 1920;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "md_drives",
    help: "Members of software RAID arrays",
    columns: COLUMNS,
    open: |query| {
        let text = query.context.root.read("/proc/mdstat").unwrap_or_default();
        let arrays = mdstat::arrays(&text);
        let arrays = arrays.iter().filter_map(|array| std::str::from_utf8(array.name).ok());
        Ok(Rows::of(arrays.flat_map(|array| rows(&query.context, array)).collect()))
    },
};

fn rows(context: &Context, array: &str) -> Vec<Vec<Value>> {
    let members = arrays::members(context, array);
    let row = |drive: &str, slot: Option<i64>, state: &str| {
        vec![Value::text(array), Value::text(drive), slot.into(), Value::text(state)]
    };
    let mut rows: Vec<_> =
        members.iter().map(|member| row(&node(&member.name), member.slot, &member.shown())).collect();
    let slots = arrays::number(context, array, "raid_disks").unwrap_or(0).min(MOST_SLOTS);
    let is_empty = |slot: &i64| members.iter().all(|member| member.slot != Some(*slot));
    rows.extend((0..slots).filter(is_empty).map(|slot| row("unknown", Some(slot), "removed")));
    rows
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn members_and_empty_slots() {
        let tree = Tree::new("md-drives");
        tree.file("proc/mdstat", "Personalities : [raid5]\nmd0 : active raid5 sda1[0] sdb1[1]\n      10 blocks\n");
        for (file, text) in [
            ("raid_disks", "4"),
            ("dev-sdb1/slot", "0"),
            ("dev-sdb1/state", "in_sync,write_mostly"),
            ("dev-sda1/slot", "1"),
            ("dev-sda1/state", "spare"),
            ("dev-sdc1/slot", "none"),
            ("dev-sdc1/state", "faulty"),
            ("dev-sdd1/slot", "none"),
            ("dev-sdd1/state", "spare"),
            ("dev-broken/other", ""),
        ] {
            tree.file(format!("sys/block/md0/md/{file}"), format!("{text}\n"));
        }
        let found = tree.rows("SELECT md_device_name, drive_name, slot, state FROM md_drives");
        let wanted = [
            "md0|/dev/sdb1|0|active sync writemostly",
            "md0|/dev/sda1|1|recovering",
            "md0|/dev/broken|NULL|spare",
            "md0|/dev/sdc1|NULL|faulty",
            "md0|/dev/sdd1|NULL|spare",
            "md0|unknown|2|removed",
            "md0|unknown|3|removed",
        ];
        assert_eq!(found.into_iter().map(|row| row.join("|")).collect::<Vec<_>>(), wanted);
    }
}
