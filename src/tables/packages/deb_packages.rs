//! `deb_packages`: what dpkg knows, from its file `status` (dpkg(1), deb822(5)): packages that are installed, half
//! installed, or removed but for their configuration, as the column `status` says. In images without dpkg (distroless)
//! each file in `status.d` is a package's stanza; without a field Status it is installed.
//!
//! Streamed: one package in memory. Cost: one pass over the file. Not read: `updates`, where a dpkg that runs right now
//! notes what it changes until it writes `status` anew.

use super::place::{Place, concat, join};
use super::stanza::Stanzas;
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, HIDDEN, LISTS, OPTIMIZED, Query, Table, TableError, Type, Value, column,
};
use crate::sys::root::Names;
use crate::tables::text::number;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Package name."),
    Column { collate: "VERSION_DPKG", ..column("version", Type::Text, 0, "Version, with epoch and revision.") },
    column("source", Type::Text, 0, "Source package, if it has another name or version."),
    column("size", Type::BigInt, 0, "Size when installed, KiB, as the package states it."),
    column("arch", Type::Text, 0, "Architecture; all for any."),
    column("revision", Type::Text, 0, "Debian revision: the version's part after the last hyphen."),
    column("status", Type::Text, 0, "Wanted action, error flag and state: install ok installed."),
    column("maintainer", Type::Text, 0, "Who maintains the package."),
    column("section", Type::Text, 0, "Section of the archive."),
    column("priority", Type::Text, 0, "How important it is; unknown if not stated."),
    column(
        "admindir",
        Type::Text,
        ADDITIONAL | OPTIMIZED | LISTS,
        "dpkg's directory; /var/lib/dpkg unless one is given.",
    ),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
    column("mount_namespace_id", Type::Text, HIDDEN, "That process's mount namespace."),
];
/// Fields of a stanza, each at the place of its column; `revision` is a part of another's.
const FIELDS: &[&str] = &[
    "Package",
    "Version",
    "Source",
    "Installed-Size",
    "Architecture",
    "-",
    "Status",
    "Maintainer",
    "Section",
    "Priority",
];
const NAME: usize = 0;
const VERSION: usize = 1;
const SIZE: usize = 3;
const REVISION: usize = 5;
const STATUS: usize = 6;
const PRIORITY: usize = 9;
const ADMINDIR: usize = 10;
const PID: usize = 11;

/// Where dpkg keeps its files.
pub const ADMIN_DIRECTORY: &[u8] = b"/var/lib/dpkg";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "deb_packages",
    help: "Packages that dpkg knows (Debian and its kin)",
    columns: COLUMNS,
    open: |query| {
        let directories = directories(&query, ADMINDIR).into_iter();
        let (place, directory) = (Place::of(&query, PID), Vec::new());
        Ok(Box::new(Scan { place, directories, directory, folder: None, stanzas: None, is_loose: false }))
    },
};

/// dpkg's directories that a query asks for.
pub fn directories(query: &Query, column: usize) -> Vec<Vec<u8>> {
    let given = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
    let given: Vec<_> = query.equals(column).filter_map(given).filter(|text| text.starts_with(b"/")).collect();
    if query.equals(column).next().is_none() { vec![ADMIN_DIRECTORY.to_vec()] } else { given }
}

struct Scan {
    place: Place,
    directories: std::vec::IntoIter<Vec<u8>>,
    directory: Vec<u8>,
    /// The names in `status.d`.
    folder: Option<Names>,
    stanzas: Option<Stanzas>,
    /// The stanza is from `status.d`.
    is_loose: bool,
}

impl Scan {
    /// Opens the next file; false when there is none.
    fn next_file(&mut self) -> bool {
        let path = if let Some(folder) = &mut self.folder {
            self.is_loose = true;
            match folder.next() {
                Some(name) if name.as_bytes().ends_with(b".md5sums") => return true,
                Some(name) => concat(&[&self.directory, b"/status.d/", name.as_bytes()]),
                None => {
                    self.folder = None;
                    return true;
                }
            }
        } else if let Some(directory) = self.directories.next() {
            self.folder = Some(self.place.names(&join(&directory, "status.d")));
            (self.directory, self.is_loose) = (directory, false);
            join(&self.directory, "status")
        } else {
            return false;
        };
        self.stanzas = self.place.lines(&path).map(|lines| Stanzas::new(lines, FIELDS));
        true
    }

    fn is_package(&self) -> bool {
        let value = |place| self.stanzas.as_ref().map_or(&[][..], |stanzas: &Stanzas| stanzas.value(place));
        let state = value(STATUS).rsplit(|&byte| byte == b' ').next().unwrap_or(&[]);
        !value(NAME).is_empty() && state != b"not-installed" && (self.is_loose || !state.is_empty())
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while self.stanzas.as_mut().is_some_and(Stanzas::advance) {
                if self.is_package() {
                    return Ok(true);
                }
            }
            if !self.next_file() {
                return Ok(false);
            }
            self.place.context().budget.tick()?;
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(stanzas) = &self.stanzas else { return Ok(Value::Null) };
        let or =
            |value: &'static [u8]| Value::text(Some(stanzas.value(column)).filter(|v| !v.is_empty()).unwrap_or(value));
        Ok(match column {
            SIZE => number::<i64>(stanzas.value(SIZE)).into(),
            REVISION => Value::text(revision(stanzas.value(VERSION))),
            STATUS => or(b"install ok installed"),
            PRIORITY => or(b"unknown"),
            ADMINDIR => Value::text(&self.directory),
            PID => self.place.pid(),
            column if column > PID => self.place.namespace(),
            column => Value::text(stanzas.value(column)),
        })
    }
}

fn revision(version: &[u8]) -> &[u8] {
    let hyphen = memchr::memrchr(b'-', version).map_or(version.len(), |hyphen| hyphen + 1);
    version.get(hyphen..).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const STATUS: &str = "Package: adduser\nStatus: install ok installed\nPriority: important\nSection: admin\n\
        Installed-Size: 300\nMaintainer: A B <a@b>\nArchitecture: all\nMulti-Arch: foreign\nSource: adduser-src (1:2)\n\
        Version: 1:3.134-2+b1\nDepends: passwd\nDescription: add users\n Status: not this\n .\n more\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 2.0\nArchitecture: amd64\nInstalled-Size: x\n\n\
        Package: never\nStatus: unknown ok not-installed\nVersion: 9\n\nPackage: stateless\nVersion: 1\n\nVersion: 5\n\n";

    #[test]
    fn stanzas_become_rows() {
        let tree = Tree::new("deb_packages");
        tree.file("/var/lib/dpkg/status", STATUS);
        tree.file("/var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: amd64\n");
        tree.file("/var/lib/dpkg/status.d/base.md5sums", "d41d8cd98f00b204e9800998ecf8427e  etc/file\n");
        let wanted = [
            [
                "adduser",
                "1:3.134-2+b1",
                "adduser-src (1:2)",
                "300",
                "all",
                "2+b1",
                "install ok installed",
                "A B <a@b>",
                "admin",
                "important",
            ],
            ["gone", "2.0", "", "NULL", "amd64", "", "deinstall ok config-files", "", "", "unknown"],
            ["base-files", "12", "", "NULL", "amd64", "", "install ok installed", "", "", "unknown"],
        ];
        let columns = "name, version, source, size, arch, revision, status, maintainer, section, priority";
        assert_eq!(tree.rows(&format!("SELECT {columns} FROM deb_packages")), wanted);
        assert_eq!(tree.rows("SELECT count(*), admindir FROM deb_packages"), [["3", "/var/lib/dpkg"]]);
    }

    #[test]
    fn other_directories_and_other_file_systems() {
        let tree = Tree::new("deb_packages-dirs");
        tree.file("/opt/dpkg/status", STATUS).file("/var/lib/dpkg/status", STATUS);
        tree.file("/proc/42/root/var/lib/dpkg/status", STATUS.replace("adduser", "inside"));
        tree.link("/proc/42/ns/mnt", "mnt:[4026532100]");
        let sql = "SELECT name, admindir FROM deb_packages WHERE admindir IN ('/opt/dpkg', '/none', 'relative', '') ";
        assert_eq!(tree.rows(&[sql, "AND name = 'gone'"].concat()), [["gone", "/opt/dpkg"]]);
        let sql = "SELECT name, pid_with_namespace, mount_namespace_id FROM deb_packages \
                   WHERE pid_with_namespace = 42 AND size > 0";
        assert_eq!(tree.rows(sql), [["inside", "42", "4026532100"]]);
        let sql = "SELECT count(*) FROM deb_packages WHERE pid_with_namespace = ";
        assert_eq!(tree.rows(&[sql, "43"].concat()), [["0"]]);
        assert_eq!(tree.rows(&[sql, "0"].concat()), [["2"]]);
    }

    #[test]
    fn says_what_dpkg_query_says() {
        let format = "${Package}|${Version}|${source:Package}|${Installed-Size}|${Architecture}|${Status}|${Maintainer}|${Section}|${Priority}\\n";
        let Some(wanted) = host("dpkg-query", &["-W", "-f", format]) else {
            println!("skipped: needs dpkg-query");
            return;
        };
        let sql = "SELECT concat_ws('|', name, version, iif(source = '', name, split(source, ' ', 0)), coalesce(size, ''), arch, status, \
                   maintainer, section, priority) FROM deb_packages";
        let mut ours: Vec<_> = rows("", sql).into_iter().flatten().collect();
        let mut wanted: Vec<_> = wanted.lines().map(str::to_string).collect();
        ours.sort_unstable();
        wanted.sort_unstable();
        assert!(!ours.is_empty());
        assert_eq!(ours, wanted);
    }
}
