//! `yum_sources`: where yum, dnf and zypper get packages from: the sections of /etc/yum.conf and /etc/dnf/dnf.conf other
//! than `main`, and of the `.repo` files in the directories that their `reposdir` names or in /etc/yum.repos.d, and of
//! zypper's in /etc/zypp/repos.d. Values as they stand there, several lines joined by blanks. Streamed.

use super::ini::Sections;
use super::place::{Place, join};
use crate::sql::table::{ADDITIONAL, Column, Cursor, HIDDEN, Table, TableError, Type, Value, column};
use crate::tables::text::words;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name for people."),
    column("source", Type::Text, 0, "File that names it."),
    column("baseurl", Type::Text, 0, "Address."),
    column("mirrorlist", Type::Text, 0, "Address of a list of mirrors."),
    column("metalink", Type::Text, 0, "Address of a metalink file."),
    column("enabled", Type::Text, 0, "Whether it is used, as it stands there."),
    column("gpgcheck", Type::Text, 0, "Whether packages' signatures are checked, as it stands there."),
    column("gpgkey", Type::Text, 0, "Address of the keys."),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
];
/// Keys of a section, each at the place of its column.
const KEYS: &[&str] = &["name", "-", "baseurl", "mirrorlist", "metalink", "enabled", "gpgcheck", "gpgkey"];
const SOURCE: usize = 1;
const PID: usize = 8;
const MAIN: [&[u8]; 2] = [b"/etc/yum.conf", b"/etc/dnf/dnf.conf"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "yum_sources",
    help: "Repositories that yum, dnf and zypper get packages from",
    columns: COLUMNS,
    open: |query| {
        let place = Place::of(&query, PID);
        let mut directories = Vec::new();
        for file in MAIN {
            directories.extend(named_directories(&place, file));
        }
        if directories.is_empty() {
            directories.push(b"/etc/yum.repos.d".to_vec());
        }
        directories.push(b"/etc/zypp/repos.d".to_vec());
        let mut files: Vec<_> = MAIN.iter().map(|file| file.to_vec()).collect();
        for directory in directories {
            let names = place.sorted_names(&directory, ".repo");
            files.extend(names.into_iter().map(|name| join(&directory, name.as_bytes())));
        }
        Ok(Box::new(Scan { place, files: files.into_iter(), file: Vec::new(), sections: None }))
    },
};

/// The directories that a configuration's section `main` names.
fn named_directories(place: &Place, file: &[u8]) -> Vec<Vec<u8>> {
    let Some(lines) = place.lines(file) else { return Vec::new() };
    let mut sections = Sections::new(lines, &["reposdir"]);
    while sections.advance() {
        if sections.name == b"main" {
            let texts = sections.value(0).split(|&byte| byte == b',').flat_map(words);
            return texts.filter(|text| text.starts_with(b"/")).map(<[u8]>::to_vec).take(16).collect();
        }
    }
    Vec::new()
}

struct Scan {
    place: Place,
    files: std::vec::IntoIter<Vec<u8>>,
    file: Vec<u8>,
    sections: Option<Sections>,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while let Some(sections) = self.sections.as_mut()
                && sections.advance()
            {
                if sections.name != b"main" {
                    return Ok(true);
                }
            }
            let Some(file) = self.files.next() else { return Ok(false) };
            self.sections = self.place.lines(&file).map(|lines| Sections::new(lines, KEYS));
            self.file = file;
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            SOURCE => Value::text(&self.file),
            PID => self.place.pid(),
            column => Value::text(self.sections.as_ref().map_or(&[][..], |sections| sections.value(column))),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn sections_become_rows() {
        let tree = Tree::new("yum_sources");
        tree.file("/etc/yum.conf", "[main]\ngpgcheck=1\n[inline]\nname=In line\nbaseurl=http://i\n");
        let repo = "[base]\nname=CentOS-$releasever - Base\nmirrorlist=http://m/?release=$releasever\n#baseurl=http://x\n\
            gpgcheck=1\ngpgkey=file:///k1\n  file:///k2\n\n[extra]\nbaseurl = http://e/\nenabled=0\nmetalink=http://l\n";
        tree.file("/etc/yum.repos.d/base.repo", repo).file("/etc/yum.repos.d/base.repo.rpmsave", repo);
        tree.file("/etc/zypp/repos.d/oss.repo", "[oss]\nname=OSS\nbaseurl=http://oss\nenabled=1\n");
        let wanted = [
            ["In line", "/etc/yum.conf", "http://i", "", "", "", "", ""],
            [
                "CentOS-$releasever - Base",
                "/etc/yum.repos.d/base.repo",
                "",
                "http://m/?release=$releasever",
                "",
                "",
                "1",
                "file:///k1 file:///k2",
            ],
            ["", "/etc/yum.repos.d/base.repo", "http://e/", "", "http://l", "0", "", ""],
            ["OSS", "/etc/zypp/repos.d/oss.repo", "http://oss", "", "", "1", "", ""],
        ];
        assert_eq!(tree.rows("SELECT * FROM yum_sources"), wanted);
    }

    #[test]
    fn other_directories() {
        let tree = Tree::new("yum_sources-dirs");
        tree.file("/etc/dnf/dnf.conf", "[main]\nreposdir=/a, /b\n").file("/etc/yum.repos.d/x.repo", "[no]\n");
        tree.file("/a/1.repo", "[one]\nname=1\n").file("/b/2.repo", "[two]\nname=2\n");
        assert_eq!(tree.rows("SELECT name FROM yum_sources"), [["1"], ["2"]]);
    }
}
