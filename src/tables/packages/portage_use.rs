//! `portage_use`: the USE flags with which Gentoo's packages were built, from /var/db/pkg/*/*/USE. Streamed; memory: one
//! package's flags.

use super::place::Place;
use super::portage::Installed;
use crate::sql::table::{Column, Each, Table, Type, Value, column};
use crate::tables::text::words;

const COLUMNS: &[Column] = &[
    column("package", Type::Text, 0, "Category and name of the package."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version, with its revision.") },
    column("use", Type::Text, 0, "A flag that it was built with."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "portage_use",
    help: "USE flags of the packages that Gentoo's portage has installed",
    columns: COLUMNS,
    open: |query| {
        let mut installed = Installed::new(Place::machine(&query.context));
        let mut flags = Vec::new().into_iter();
        Ok(Each::of(move || {
            loop {
                if let Some(flag) = flags.next() {
                    return Some(vec![Value::text(&installed.package), Value::text(&installed.version), flag]);
                }
                if !installed.advance() {
                    return None;
                }
                flags = words(&installed.value("USE")).map(Value::text).collect::<Vec<_>>().into_iter();
            }
        }))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn flags_become_rows() {
        let tree = Tree::new("portage_use");
        tree.file("/var/db/pkg/a/b-1/USE", "ssl  -x abi_x86_64\n").file("/var/db/pkg/a/c-2/USE", "\n");
        tree.file("/var/db/pkg/a/d-2/SLOT", "0\n");
        let wanted = [["a/b", "1", "ssl"], ["a/b", "1", "-x"], ["a/b", "1", "abi_x86_64"]];
        assert_eq!(tree.rows("SELECT * FROM portage_use"), wanted);
    }
}
