//! `md_personalities`: the levels of software RAID that the kernel can do, from the first line of /proc/mdstat.

use crate::procfs::mdstat;
use crate::sql::table::{Column, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[column("name", Type::Text, 0, "Name of the level: raid1, linear, …")];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "md_personalities",
    help: "Levels of software RAID that the kernel can do",
    columns: COLUMNS,
    open: |query| {
        let text = query.context.root.read("/proc/mdstat").unwrap_or_default();
        Ok(Rows::of(mdstat::personalities(&text).map(|name| vec![Value::text(name)]).collect()))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn names_of_the_first_line() {
        let tree = Tree::new("md-personalities");
        tree.file("proc/mdstat", "Personalities : [raid1] [linear] odd\nunused devices: <none>\n");
        assert_eq!(tree.rows("SELECT name FROM md_personalities"), [["raid1"], ["linear"]]);
    }
}
