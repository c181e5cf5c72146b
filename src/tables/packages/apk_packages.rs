//! `apk_packages`: what Alpine's apk has installed (also OpenWrt's since 25), from /lib/apk/db/installed, and from
//! /etc/apk/world which of it somebody asked for by name. Streamed: one package in memory, and that list.

use super::names::NameSet;
use super::place::Place;
use super::stanza::Stanzas;
use crate::sql::table::{Column, Cursor, Table, TableError, Type, Value, column};
use crate::sys::root::Lines;
use crate::tables::text::{number, words};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Package name."),
    column("version", Type::Text, 0, "Version, with its revision."),
    column("arch", Type::Text, 0, "Architecture; noarch for any."),
    column("origin", Type::Text, 0, "Package that it was built with."),
    column("description", Type::Text, 0, "What it is."),
    column("url", Type::Text, 0, "Its page."),
    column("license", Type::Text, 0, "License."),
    column("maintainer", Type::Text, 0, "Who maintains the package."),
    column("package_size", Type::BigInt, 0, "Size of the package, bytes."),
    column("size", Type::BigInt, 0, "Size when installed, bytes."),
    column("build_time", Type::BigInt, 0, "When it was built, seconds since the epoch."),
    column("commit_id", Type::Text, 0, "Commit that it was built from."),
    column("checksum", Type::Text, 0, "Checksum of its control segment: Q1 and SHA-1, base64."),
    column("depends", Type::Text, 0, "What it needs."),
    column("provides", Type::Text, 0, "What it provides."),
    column("repository_tag", Type::Text, 0, "Tag of the repository that it is pinned to."),
    column("world", Type::Integer, 0, "Whether somebody asked for it by name: 1 or 0."),
];
/// Fields of a stanza, each at the place of its column.
const FIELDS: &[&str] = &["P", "V", "A", "o", "T", "U", "L", "m", "S", "I", "t", "c", "C", "D", "p", "s"];
const NAME: usize = 0;
const FILES: [&[u8]; 2] = [b"/lib/apk/db/installed", b"/usr/lib/apk/db/installed"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "apk_packages",
    help: "Packages that apk has installed (Alpine, OpenWrt)",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        // One of the two may be a link to the other.
        let lines = FILES.iter().find_map(|file| place.lines(file));
        let world = world(&place);
        Ok(Box::new(Scan { place, stanzas: lines.map(|lines| Stanzas::exact(lines, FIELDS)), world }))
    },
};

fn world(place: &Place) -> NameSet {
    let mut world = NameSet::default();
    let mut lines = place.lines(b"/etc/apk/world");
    while let Some(line) = lines.as_mut().and_then(Lines::next_line) {
        for word in words(line) {
            // A version and a tag may follow: name>=1.2@edge. One with `!` must not be there.
            let name = word.split(|byte| b"<>=~@".contains(byte)).next().unwrap_or(word);
            if !name.starts_with(b"!") {
                world.insert(name);
            }
        }
    }
    world
}

struct Scan {
    place: Place,
    stanzas: Option<Stanzas>,
    world: NameSet,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while let Some(stanzas) = self.stanzas.as_mut()
            && stanzas.advance()
        {
            if !stanzas.value(NAME).is_empty() {
                return Ok(true);
            }
            self.place.context().budget.tick()?;
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let value = |place| self.stanzas.as_ref().map_or(&[][..], |stanzas: &Stanzas| stanzas.value(place));
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "package_size" | "size" | "build_time" => number::<i64>(value(column)).into(),
            "world" => i64::from(self.world.contains(value(NAME))).into(),
            _ => Value::text(value(column)),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn stanzas_become_rows() {
        let tree = Tree::new("apk_packages");
        let installed = "C:Q1aCu0LmUDoAFSOX49uHvkYC1WasQ=\nP:musl\nV:1.2.3-r0\nA:x86_64\nS:383304\nI:622592\n\
            T:the musl c library\nU:https://musl.libc.org/\nL:MIT\no:musl\nm:T T <t@x>\nt:1649396308\nc:ee13d43a\n\
            p:so:libc.musl-x86_64.so.1=1\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1ZZ=\n\n\
            P:busybox\nV:1.35.0-r17\nD:so:libc.musl-x86_64.so.1\ns:edge\n\n\nV:nameless\n";
        tree.file("/lib/apk/db/installed", installed).file("/etc/apk/world", "alpine-base\nbusybox>=1@edge !musl\n");
        let wanted = [
            [
                "musl",
                "1.2.3-r0",
                "x86_64",
                "musl",
                "the musl c library",
                "https://musl.libc.org/",
                "MIT",
                "T T <t@x>",
                "383304",
                "622592",
                "1649396308",
                "ee13d43a",
                "Q1aCu0LmUDoAFSOX49uHvkYC1WasQ=",
                "",
                "so:libc.musl-x86_64.so.1=1",
                "",
                "0",
            ],
            [
                "busybox",
                "1.35.0-r17",
                "",
                "",
                "",
                "",
                "",
                "",
                "NULL",
                "NULL",
                "NULL",
                "",
                "",
                "so:libc.musl-x86_64.so.1",
                "",
                "edge",
                "1",
            ],
        ];
        assert_eq!(tree.rows("SELECT * FROM apk_packages"), wanted);
    }

    #[test]
    fn says_what_apk_says() {
        let Some(wanted) = host("apk", &["info", "-v"]).filter(|wanted| !wanted.is_empty()) else {
            println!("skipped: needs apk");
            return;
        };
        let mut ours: Vec<_> =
            rows("", "SELECT name || '-' || version FROM apk_packages").into_iter().flatten().collect();
        let mut wanted: Vec<_> = wanted.lines().map(str::to_string).collect();
        ours.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(ours, wanted);
    }
}
