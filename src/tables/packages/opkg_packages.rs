//! `opkg_packages`: what opkg has installed (OpenWrt before 25, Entware, Yocto), from its file `status`; columns that it
//! does not have come from the package's own `info/NAME.control` beside it. Streamed: one package in memory.

use super::place::{Place, concat, join};
use super::stanza::Stanzas;
use crate::sql::table::{Column, Cursor, Query, Table, TableError, Type, Value, column};
use crate::tables::text::number;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Package name."),
    column("version", Type::Text, 0, "Version."),
    column("arch", Type::Text, 0, "Architecture; all for any."),
    column("status", Type::Text, 0, "Wanted action, flags and state: install user installed."),
    column("install_time", Type::BigInt, 0, "When it was installed, seconds since the epoch."),
    column("auto_installed", Type::Integer, 0, "Whether it came because another needs it: 1 or 0."),
    column("essential", Type::Integer, 0, "Whether it must not be removed: 1 or 0."),
    column("depends", Type::Text, 0, "Packages that it needs."),
    column("provides", Type::Text, 0, "Names that it also goes by."),
    column("size", Type::BigInt, 0, "Size when installed, bytes."),
    column("section", Type::Text, 0, "Section."),
    column("source", Type::Text, 0, "Where it was built from."),
    column("license", Type::Text, 0, "License."),
    column("maintainer", Type::Text, 0, "Who maintains the package."),
    column("description", Type::Text, 0, "What it is."),
    column("directory", Type::Text, 0, "opkg's directory."),
];
/// Fields of a stanza, each at the place of its column.
const FIELDS: &[&str] = &[
    "Package",
    "Version",
    "Architecture",
    "Status",
    "Installed-Time",
    "Auto-Installed",
    "Essential",
    "Depends",
    "Provides",
    "Installed-Size",
    "Section",
    "Source",
    "License",
    "Maintainer",
    "Description",
];
const NAME: usize = 0;
const STATUS: usize = 3;
/// From here on a stanza of `status` may lack what the package's own has.
const OWN: usize = 9;
const DIRECTORY: usize = 15;
const DIRECTORIES: &[&str] = &["/usr/lib/opkg", "/var/lib/opkg", "/opt/lib/opkg"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "opkg_packages",
    help: "Packages that opkg has installed (OpenWrt, Entware, Yocto)",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan::new(&query))),
};

struct Scan {
    place: Place,
    directories: std::slice::Iter<'static, &'static str>,
    directory: &'static str,
    stanzas: Option<Stanzas>,
    wants_own: bool,
    /// The package's own stanza.
    own: Option<Stanzas>,
}

impl Scan {
    fn new(query: &Query) -> Self {
        let place = Place::machine(&query.context);
        let wants_own = (OWN..DIRECTORY).any(|column| query.wants(column));
        Scan { place, directories: DIRECTORIES.iter(), directory: "", stanzas: None, wants_own, own: None }
    }

    fn is_installed(&self) -> bool {
        let value = |place| self.stanzas.as_ref().map_or(&[][..], |stanzas: &Stanzas| stanzas.value(place));
        !value(NAME).is_empty() && !value(STATUS).ends_with(b" not-installed")
    }

    fn read_own(&mut self) {
        let name = self.stanzas.as_ref().map_or(&[][..], |stanzas| stanzas.value(NAME));
        let path = concat(&[self.directory.as_bytes(), b"/info/", name, b".control"]);
        self.own = None;
        if self.wants_own && !name.contains(&b'/') {
            let stanzas = self.place.lines(&path).map(|lines| Stanzas::new(lines, FIELDS));
            self.own = stanzas.and_then(|mut stanzas| stanzas.advance().then_some(stanzas));
        }
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while self.stanzas.as_mut().is_some_and(Stanzas::advance) {
                if self.is_installed() {
                    self.read_own();
                    return Ok(true);
                }
            }
            self.place.context().budget.tick()?;
            let Some(directory) = self.directories.next() else { return Ok(false) };
            self.directory = directory;
            // What is reached by another of the names is there already.
            if !self.place.is_link(directory.as_bytes()) {
                let lines = self.place.lines(&join(directory.as_bytes(), "status"));
                self.stanzas = lines.map(|lines| Stanzas::new(lines, FIELDS));
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let value = |stanzas: &Option<Stanzas>| stanzas.as_ref().map(|stanzas| stanzas.value(column).to_vec());
        let text = value(&self.stanzas).filter(|text| !text.is_empty() || column < OWN).or_else(|| value(&self.own));
        let text = text.unwrap_or_default();
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "install_time" | "size" => number::<i64>(&text).into(),
            "auto_installed" | "essential" => i64::from(text.eq_ignore_ascii_case(b"yes")).into(),
            "directory" => Value::text(self.directory),
            _ => Value::Text(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn stanzas_become_rows() {
        let tree = Tree::new("opkg_packages");
        let status = "Package: dropbear\nVersion: 2022.82-6\nDepends: libc\nStatus: install user installed\n\
            Architecture: mipsel_24kc\nConffiles:\n /etc/config/dropbear 0123\nInstalled-Time: 1700000000\n\n\
            Package: libc\nVersion: 1.2.4-4\nStatus: install ok installed\nEssential: yes\nArchitecture: mipsel_24kc\n\
            Installed-Time: 1700000001\nAuto-Installed: yes\n\nPackage: gone\nStatus: deinstall ok not-installed\n\n";
        tree.file("/usr/lib/opkg/status", status);
        let control = "Package: dropbear\nVersion: 2022.82-6\nSource: package/network/services/dropbear\nLicense: MIT\n\
            Section: net\nMaintainer: K B\nInstalled-Size: 112640\nDescription:  A small SSH2 server/client\n designed so.\n";
        tree.file("/usr/lib/opkg/info/dropbear.control", control);
        tree.file("/opt/lib/opkg/status", "Package: entware-opt\nVersion: 1\nStatus: install user installed\n");
        let sql =
            "SELECT name, version, arch, status, install_time, auto_installed, essential, depends FROM opkg_packages";
        let wanted = [
            ["dropbear", "2022.82-6", "mipsel_24kc", "install user installed", "1700000000", "0", "0", "libc"],
            ["libc", "1.2.4-4", "mipsel_24kc", "install ok installed", "1700000001", "1", "1", ""],
            ["entware-opt", "1", "", "install user installed", "NULL", "0", "0", ""],
        ];
        assert_eq!(tree.rows(sql), wanted);
        let sql =
            "SELECT size, section, source, license, maintainer, description, directory FROM opkg_packages LIMIT 2";
        let text = "A small SSH2 server/client\ndesigned so.";
        let wanted = [
            ["112640", "net", "package/network/services/dropbear", "MIT", "K B", text, "/usr/lib/opkg"],
            ["NULL", "", "", "", "", "", "/usr/lib/opkg"],
        ];
        assert_eq!(tree.rows(sql), wanted);
    }
}
