//! `portage_packages`: what Gentoo has installed, from /var/db/pkg and the list /var/lib/portage/world. Streamed; the
//! files of a package are read for the columns that are wanted. Memory: the list.

use super::names::NameSet;
use super::place::Place;
use super::portage::{Installed, parts};
use crate::sql::table::{Column, Cursor, Table, TableError, Type, Value, column};
use crate::sys::root::Lines;
use crate::tables::text::number;

const COLUMNS: &[Column] = &[
    column("package", Type::Text, 0, "Category and name of the package."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version, with its revision.") },
    column("slot", Type::Text, 0, "Slot that it is installed in."),
    column("build_time", Type::BigInt, 0, "When it was built, seconds since the epoch."),
    column("repository", Type::Text, 0, "Repository that it is from."),
    column("eapi", Type::BigInt, 0, "Version of the interface that its ebuild is written for."),
    column("size", Type::BigInt, 0, "Size when installed, bytes."),
    column("world", Type::Integer, 0, "Whether somebody asked for it by name: 1 or 0."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "portage_packages",
    help: "Packages that Gentoo's portage has installed",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        let world = world(&place);
        Ok(Box::new(Scan { installed: Installed::new(place), world }))
    },
};

fn world(place: &Place) -> NameSet {
    let mut world = NameSet::default();
    let mut lines = place.lines(b"/var/lib/portage/world");
    while let Some(line) = lines.as_mut().and_then(Lines::next_line) {
        let (package, _) = parts(line.split(|&byte| byte == b':').next().unwrap_or(line));
        if !package.is_empty() && !package.starts_with(b"#") {
            world.insert(package);
        }
    }
    world
}

struct Scan {
    installed: Installed,
    world: NameSet,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        Ok(self.installed.advance())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let text = |name| Value::Text(self.installed.value(name));
        let integer = |name| number::<i64>(&self.installed.value(name)).into();
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "package" => Value::text(&self.installed.package),
            "version" => Value::text(&self.installed.version),
            "slot" => text("SLOT"),
            "build_time" => integer("BUILD_TIME"),
            "repository" => text("repository"),
            "eapi" => integer("EAPI"),
            "size" => integer("SIZE"),
            _ => i64::from(self.world.contains(&self.installed.package)).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn directories_become_rows() {
        let tree = Tree::new("portage_packages");
        for (name, value) in [
            ("SLOT", "3.9/3.9\n"),
            ("BUILD_TIME", "1600000000\n"),
            ("repository", "gentoo\n"),
            ("EAPI", "7\n"),
            ("SIZE", "123\n"),
        ] {
            tree.file(format!("/var/db/pkg/dev-lang/python-3.9.1-r2/{name}"), value);
        }
        tree.file("/var/db/pkg/app-misc/x-1/EAPI", "7-prefix\n").file("/var/db/pkg/app-misc/-MERGING-y-1/EAPI", "7\n");
        tree.file("/var/lib/portage/world", "# comment\ndev-lang/python:3.9\n\n");
        let wanted = [
            ["app-misc/x", "1", "", "NULL", "", "NULL", "NULL", "0"],
            ["dev-lang/python", "3.9.1-r2", "3.9/3.9", "1600000000", "gentoo", "7", "123", "1"],
        ];
        assert_eq!(tree.rows("SELECT * FROM portage_packages ORDER BY package"), wanted);
    }
}
