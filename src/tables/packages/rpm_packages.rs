//! `rpm_packages`: what RPM has installed, from its database ([`super::rpm`]). One header in memory; with `name = …` only
//! that package's headers are read, where the database has an index of names.

use super::place::Place;
use super::rpm::database::{Database, Wanted};
use super::rpm::header::tag;
use crate::sql::table::{ADDITIONAL, Column, Cursor, HIDDEN, INDEX, OPTIMIZED, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX | OPTIMIZED, "Package name."),
    Column { collate: "VERSION_RHEL", ..column("version", Type::Text, INDEX, "Version, without epoch and release.") },
    column("release", Type::Text, INDEX, "Release of the version."),
    column("source", Type::Text, 0, "File name of the source package."),
    column("size", Type::BigInt, 0, "Size when installed, bytes."),
    Column { collate: "NOCASE", ..column("sha1", Type::Text, 0, "SHA-1 of the package's header.") },
    column("arch", Type::Text, INDEX, "Architecture; noarch for any."),
    column("epoch", Type::Integer, INDEX, "Epoch of the version; NULL if it has none."),
    column("install_time", Type::Integer, 0, "When it was installed, seconds since the epoch."),
    column("vendor", Type::Text, 0, "Who distributes the package."),
    column("package_group", Type::Text, 0, "Group that the package is in."),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
    column("mount_namespace_id", Type::Text, HIDDEN, "That process's mount namespace."),
];
const NAME: usize = 0;
const PID: usize = 11;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "rpm_packages",
    help: "Packages that RPM has installed (Fedora, Red Hat, SUSE)",
    columns: COLUMNS,
    open: |query| {
        let place = Place::of(&query, PID);
        let database = Database::open(&place, Wanted::of(&query, NAME, None));
        Ok(Box::new(Scan { place, database }))
    },
};

struct Scan {
    place: Place,
    database: Database,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.database.advance()
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(header) = self.database.header() else { return Ok(Value::Null) };
        let (text, number) = (|tag| Value::text(header.text(tag)), |tag| header.number(tag));
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "name" => text(tag::NAME),
            "version" => text(tag::VERSION),
            "release" => text(tag::RELEASE),
            "source" => text(tag::SOURCE),
            "size" => number(tag::LONG_SIZE).or_else(|| number(tag::SIZE)).into(),
            "sha1" => text(tag::SHA1_HEADER),
            "arch" => text(tag::ARCH),
            "epoch" => number(tag::EPOCH).into(),
            "install_time" => number(tag::INSTALL_TIME).into(),
            "vendor" => text(tag::VENDOR),
            "package_group" => text(tag::GROUP),
            "pid_with_namespace" => self.place.pid(),
            _ => self.place.namespace(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    /// Made by rpm 4.18: two packages of our own; of its tables Packages, Name and Basenames are left.
    pub const SQLITE: &[u8] = include_bytes!("../../../tests/data/rpm/rpmdb.sqlite");
    const HASH: &[u8] = include_bytes!("../../../tests/data/rpm/Packages");
    /// What rpm -qa says of them.
    const ALPHA: [&str; 11] = [
        "alpha",
        "1.2.0",
        "4.el9",
        "alpha-1.2.0-4.el9.src.rpm",
        "31",
        "2295f1c0d90ff6212de8ffdc734fa6fefc27ba20",
        "noarch",
        "3",
        "1795557788",
        "Example Vendor",
        "System/Base",
    ];

    #[test]
    fn all_kinds_of_databases_say_what_rpm_says() {
        for (name, bytes) in [("/var/lib/rpm/rpmdb.sqlite", SQLITE), ("/usr/lib/sysimage/rpm/Packages", HASH)] {
            let tree = Tree::new("rpm_packages");
            tree.file(name, bytes);
            let all = tree.rows("SELECT * FROM rpm_packages ORDER BY name");
            assert_eq!(all[0], ALPHA, "{name}");
            let beta = ["beta", "2.0~rc1", "1", "beta-2.0~rc1-1.src.rpm", "0"];
            assert_eq!(all[1][..5], beta, "{name}");
            assert_eq!([&all[1][7], &all[1][9], &all[1][10]], ["NULL", "", "Unspecified"], "{name}");
            assert_eq!(all.len(), 2, "{name}");
            let sql = "SELECT name FROM rpm_packages WHERE name IN ('beta', 'gamma')";
            assert_eq!(tree.rows(sql), [["beta"]], "{name}");
        }
    }

    #[test]
    fn in_another_file_system() {
        let tree = Tree::new("rpm_packages-inside");
        tree.file("/proc/9/root/usr/lib/sysimage/rpm/rpmdb.sqlite", SQLITE);
        tree.link("/proc/9/root/var/lib/rpm", "/usr/lib/sysimage/rpm");
        let sql = "SELECT name, pid_with_namespace FROM rpm_packages WHERE pid_with_namespace = 9 AND name = 'alpha'";
        assert_eq!(tree.rows(sql), [["alpha", "9"]]);
        assert!(tree.rows("SELECT * FROM rpm_packages").is_empty());
    }

    #[test]
    fn broken_databases_have_no_rows_or_are_an_error() {
        let tree = Tree::new("rpm_packages-broken");
        for at in (100..SQLITE.len()).step_by(97) {
            let mut bad = SQLITE.to_vec();
            bad[at] ^= 0xff;
            bad[at + 1..at + 9.min(SQLITE.len() - at)].fill(0xff);
            tree.file("/var/lib/rpm/rpmdb.sqlite", &bad);
            let _ = crate::sql::testing::try_rows(tree.path(), "SELECT * FROM rpm_packages");
            let _ = crate::sql::testing::try_rows(tree.path(), "SELECT * FROM rpm_package_files");
        }
        tree.file("/var/lib/rpm/rpmdb.sqlite", "").file("/var/lib/rpm/Packages", HASH);
        assert_eq!(tree.rows("SELECT count(*) FROM rpm_packages"), [["2"]], "an empty file is no database");
    }

    #[test]
    fn says_what_rpm_says() {
        let format = "%{NAME}|%{VERSION}|%{RELEASE}|%{ARCH}|%{INSTALLTIME}\\n";
        let Some(wanted) = host("rpm", &["-qa", "--qf", format]).filter(|wanted| !wanted.is_empty()) else {
            println!("skipped: needs rpm and packages of it");
            return;
        };
        let sql = "SELECT concat_ws('|', name, version, release, arch, install_time) FROM rpm_packages";
        let mut ours: Vec<_> = rows("", sql).into_iter().flatten().collect();
        let mut wanted: Vec<_> = wanted.lines().map(str::to_string).collect();
        ours.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(ours, wanted);
    }
}
