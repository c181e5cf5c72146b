//! `deb_package_files`: the files of dpkg's packages, from `info/PACKAGE.list` and `info/PACKAGE:ARCH.list` in its
//! directory, line by line as they stand there (`/.` is the root); in images without dpkg from the checksums in
//! `status.d/PACKAGE.md5sums`. Diversions (dpkg-divert(1)) are not applied.
//!
//! Streamed: one line in memory. Cost: one file for each package; with `package = …` those of that package.

use super::deb_packages::directories;
use super::place::{Place, concat, join};
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, INDEX, LISTS, OPTIMIZED, Query, Table, TableError, Type, Value, column,
};
use crate::sys::root::{Lines, Names};
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("package", Type::Text, INDEX | OPTIMIZED | LISTS, "Package name."),
    column("path", Type::Text, INDEX, "Path of a file, directory or link of it."),
    column(
        "admindir",
        Type::Text,
        ADDITIONAL | OPTIMIZED | LISTS,
        "dpkg's directory; /var/lib/dpkg unless one is given.",
    ),
];
const PACKAGE: usize = 0;
const PATH: usize = 1;
const ADMINDIR: usize = 2;
/// Where packages of several architectures may be installed side by side, a list is named after its own: those of
/// Debian and its ports. Others are in the file `arch`.
const ARCHITECTURES: &[&str] = &[
    "amd64", "arm64", "armel", "armhf", "hppa", "i386", "ia64", "loong64", "m68k", "mips64el", "mipsel", "powerpc",
    "ppc64", "ppc64el", "riscv64", "s390x", "sh4", "sparc64", "x32",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "deb_package_files",
    help: "Files of dpkg's packages (Debian and its kin)",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        let directories = directories(&query, ADMINDIR).into_iter();
        let wanted = if let Some(Value::Text(path)) = query.equal(PATH) { Some(path.clone()) } else { None };
        let (directory, path) = (Vec::new(), Vec::new());
        Ok(Box::new(Scan { place, query, directories, directory, files: Files::None, file: None, path, wanted }))
    },
};

enum Files {
    None,
    /// Those that the wanted packages may have.
    Given(std::vec::IntoIter<Vec<u8>>),
    /// Those in a directory.
    All(Names, &'static str),
}

struct Scan {
    place: Place,
    query: Query,
    directories: std::vec::IntoIter<Vec<u8>>,
    directory: Vec<u8>,
    files: Files,
    file: Option<File>,
    path: Vec<u8>,
    /// The one path that is wanted.
    wanted: Option<Vec<u8>>,
}

struct File {
    package: Vec<u8>,
    lines: Lines,
    has_sums: bool,
}

impl Scan {
    /// What files the directory may have for the packages that the query names; None if it names none.
    fn given(&self) -> Option<Vec<Vec<u8>>> {
        self.query.equals(PACKAGE).next()?;
        let mut architectures: Vec<Vec<u8>> = ARCHITECTURES.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut lines = self.place.lines(&join(&self.directory, "arch"));
        while let Some(line) = lines.as_mut().and_then(Lines::next_line) {
            if !architectures.iter().any(|known| known == line) && architectures.len() < 64 {
                architectures.push(line.to_vec());
            }
        }
        let mut files = Vec::new();
        for package in self.query.equals(PACKAGE) {
            let Value::Text(name) = package else { continue };
            if name.contains(&b'/') || name.contains(&0) {
                continue;
            }
            files.push(concat(&[b"info/", name, b".list"]));
            files.extend(architectures.iter().map(|arch| concat(&[b"info/", name, b":", arch, b".list"])));
            files.push(concat(&[b"status.d/", name, b".md5sums"]));
        }
        Some(files)
    }

    /// The next file's name below dpkg's directory; None when there is none.
    fn next_name(&mut self) -> Option<Vec<u8>> {
        loop {
            match &mut self.files {
                Files::Given(files) => match files.next() {
                    Some(file) => return Some(file),
                    None => self.files = Files::None,
                },
                Files::All(names, directory) => match names.next() {
                    Some(name) => return Some(concat(&[directory.as_bytes(), name.as_bytes()])),
                    None if *directory == "info/" => {
                        self.files = Files::All(self.place.names(&join(&self.directory, "status.d")), "status.d/");
                    }
                    None => self.files = Files::None,
                },
                Files::None => {
                    self.directory = self.directories.next()?;
                    self.files = match self.given() {
                        Some(files) => Files::Given(files.into_iter()),
                        None => Files::All(self.place.names(&join(&self.directory, "info")), "info/"),
                    };
                }
            }
        }
    }

    fn open(&self, name: &[u8]) -> Option<File> {
        let (list, sums) = (name.strip_prefix(b"info/"), name.strip_prefix(b"status.d/"));
        let list = list.and_then(|name| name.strip_suffix(b".list"));
        let package = list.or_else(|| sums?.strip_suffix(b".md5sums"))?;
        let package = package.split(|&byte| byte == b':').next()?.to_vec();
        Some(File { package, lines: self.place.lines(&join(&self.directory, name))?, has_sums: list.is_none() })
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while let Some(file) = &mut self.file {
                let Some(line) = file.lines.next_line() else {
                    self.file = None;
                    break;
                };
                self.path.clear();
                if file.has_sums {
                    self.path.push(b'/');
                }
                // A sum has 32 digits; two blanks follow.
                self.path.extend_from_slice(if file.has_sums { line.get(34..).unwrap_or(&[]) } else { line });
                if !line.is_empty() && self.wanted.as_ref().is_none_or(|wanted| *wanted == self.path) {
                    return Ok(true);
                }
            }
            self.place.context().budget.tick()?;
            let Some(name) = self.next_name() else { return Ok(false) };
            self.file = self.open(&name);
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            PACKAGE => Value::text(self.file.as_ref().map_or(&[][..], |file| &file.package)),
            PATH => Value::text(&self.path),
            _ => Value::text(&self.directory),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        tree.file("/var/lib/dpkg/info/adduser.list", "/.\n/etc\n/etc/adduser.conf\n\n/with blank");
        tree.file("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/libc.so.6\n");
        tree.file("/var/lib/dpkg/info/libc6:odd.list", "/lib/odd/libc.so.6\n")
            .file("/var/lib/dpkg/arch", "amd64\nodd\n");
        tree.file("/var/lib/dpkg/info/libc6:amd64.md5sums", "no\n").file("/var/lib/dpkg/info/format", "1\n");
        tree.file("/var/lib/dpkg/status.d/base.md5sums", "d41d8cd98f00b204e9800998ecf8427e  etc/debian_version\n");
        tree.file("/var/lib/dpkg/status.d/base", "Package: base\n").file("/o/info/x.list", "/x\n");
        tree
    }

    #[test]
    fn lists_become_rows() {
        let tree = tree("deb_package_files");
        let all = tree.rows("SELECT package, path FROM deb_package_files ORDER BY package, path");
        let wanted = [
            ["adduser", "/."],
            ["adduser", "/etc"],
            ["adduser", "/etc/adduser.conf"],
            ["adduser", "/with blank"],
            ["base", "/etc/debian_version"],
            ["libc6", "/."],
            ["libc6", "/lib/libc.so.6"],
            ["libc6", "/lib/odd/libc.so.6"],
        ];
        assert_eq!(all, wanted);
    }

    #[test]
    fn one_package_one_path_one_directory() {
        let tree = tree("deb_package_files-one");
        let count = |condition: &str| {
            tree.rows(&["SELECT count(*) FROM deb_package_files WHERE ", condition].concat())[0][0]
                .parse::<u32>()
                .unwrap()
        };
        assert_eq!(count("package = 'libc6'"), 3);
        assert_eq!(count("package IN ('libc6', 'base', '../x', 'none')"), 4);
        assert_eq!(count("path = '/.'"), 2);
        assert_eq!(count("path = '/etc/debian_version' AND package = 'base'"), 1);
        assert_eq!(count("admindir = '/o'"), 1);
        assert_eq!(count("admindir = '/none'"), 0);
    }

    #[test]
    fn says_what_dpkg_says() {
        let Some(wanted) = host("dpkg", &["-L", "dpkg"]) else {
            println!("skipped: needs dpkg");
            return;
        };
        let ours = rows("", "SELECT path FROM deb_package_files WHERE package = 'dpkg'");
        // dpkg -L puts notes about diversions in between.
        let wanted: Vec<_> =
            wanted.lines().filter(|line| line.starts_with('/')).map(|line| vec![line.to_string()]).collect();
        assert_eq!(ours, wanted);
        let owners = rows("", "SELECT DISTINCT package FROM deb_package_files WHERE path = '/var/lib/dpkg'");
        assert!(owners.contains(&vec!["dpkg".to_string()]), "{owners:?}");
    }
}
