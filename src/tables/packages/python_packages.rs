//! `python_packages`: Python distributions, from the directories `*.dist-info` (file METADATA) and `*.egg-info` (PKG-INFO,
//! or itself a file) beside the modules: in the system's site-packages and dist-packages, and in users' own (pip's,
//! pyenv's, pipx's, uv's, mise's, asdf's, Poetry's, conda's). With `directory = …` in that one alone.
//!
//! Streamed: the head of one file in memory. Cost: one file for each distribution.

use super::place::{Place, join};
use super::sites::{Sites, Usual};
use super::stanza::Stanzas;
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, HIDDEN, INDEX, LISTS, OPTIMIZED, Query, Table, TableError, Type, Value, column,
};
use crate::sys::root::Names;
use crate::tables::users::homes::Owners;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name of the distribution."),
    column("uid", Type::BigInt, INDEX, "The user whose it is; 0 for the system's. Without a constraint also who asks."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("summary", Type::Text, 0, "What it is, in a line."),
    column("author", Type::Text, 0, "Author, or the author's address."),
    column("license", Type::Text, 0, "License."),
    column("path", Type::Text, 0, "Where its description is."),
    column("directory", Type::Text, INDEX | OPTIMIZED | LISTS, "Directory that it is installed in."),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
];
const UID: usize = 1;
const DIRECTORY: usize = 7;
const PID: usize = 8;
const FIELDS: &[&str] = &["Name", "Version", "Summary", "Author", "License", "Author-email", "License-Expression"];
const USUAL: Usual = Usual {
    machine: &[
        "/usr/lib/python*/dist-packages",
        "/usr/lib/python*/site-packages",
        "/usr/lib64/python*/site-packages",
        "/usr/local/lib/python*/dist-packages",
        "/usr/local/lib/python*/site-packages",
        "/usr/local/lib64/python*/site-packages",
        "/opt/*/lib/python*/site-packages",
    ],
    homes: &[
        ".local/lib/python*/site-packages",
        ".pyenv/versions/*/lib/python*/site-packages",
        ".local/share/pipx/venvs/*/lib/python*/site-packages",
        ".local/pipx/venvs/*/lib/python*/site-packages",
        ".local/share/uv/tools/*/lib/python*/site-packages",
        ".local/share/uv/python/*/lib/python*/site-packages",
        ".local/share/mise/installs/python/*/lib/python*/site-packages",
        ".asdf/installs/python/*/lib/python*/site-packages",
        ".cache/pypoetry/virtualenvs/*/lib/python*/site-packages",
        "miniconda3/lib/python*/site-packages",
        "miniconda3/envs/*/lib/python*/site-packages",
        "miniforge3/lib/python*/site-packages",
        "miniforge3/envs/*/lib/python*/site-packages",
        "anaconda3/lib/python*/site-packages",
        "anaconda3/envs/*/lib/python*/site-packages",
    ],
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "python_packages",
    help: "Python distributions that are installed",
    columns: COLUMNS,
    open: |query| {
        let sites = sites(&query);
        let (site, path) = (Vec::new(), Vec::new());
        Ok(Box::new(Scan { sites, pid: Place::of(&query, PID).pid(), site, names: Names::none(), path, head: None }))
    },
};

fn sites(query: &Query) -> Sites {
    let place = Place::of(query, PID);
    // The directories of a query are named by who asks, so they are root's or nobody's.
    let is_named = query.equals(DIRECTORY).next().is_some();
    let owners = (place.is_machine() && !is_named).then(|| Owners::of(query, TABLE.name, UID));
    let is_roots = query.equal(UID).is_none_or(|uid| uid.as_integer() == Some(0));
    let usual = if is_roots { USUAL } else { Usual { machine: &[], ..USUAL } };
    Sites::new(query, DIRECTORY, place, &usual, owners)
}

struct Scan {
    sites: Sites,
    pid: Value,
    site: Vec<u8>,
    names: Names,
    path: Vec<u8>,
    head: Option<Stanzas>,
}

impl Scan {
    /// The description in a site's entry.
    fn read(&mut self, name: &[u8]) -> Option<Stanzas> {
        let is_info = name.ends_with(b".dist-info");
        if !is_info && !name.ends_with(b".egg-info") {
            return None;
        }
        self.path = join(&self.site, name);
        let lines = |name: &str| self.sites.place.lines(&join(&self.path, name));
        let lines = match is_info {
            true => lines("METADATA"),
            false => lines("PKG-INFO").or_else(|| self.sites.place.lines(&self.path)),
        };
        let mut head = Stanzas::new(lines?, FIELDS);
        head.advance().then_some(head)
    }

    fn text(&self, places: [usize; 2]) -> Value {
        let value = |place| self.head.as_ref().map_or(&[][..], |head: &Stanzas| head.value(place));
        let [first, second] = places.map(value);
        // Some put a whole text in, or say that they do not know.
        let is_said = !first.is_empty() && first != b"UNKNOWN";
        Value::text(if is_said { first } else { second })
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.sites.place.context().budget.tick()?;
            if let Some(name) = self.names.next() {
                self.head = self.read(name.as_bytes());
                if self.head.is_some() {
                    return Ok(true);
                }
            } else if let Some(site) = self.sites.next_site() {
                self.names = self.sites.place.names(&site);
                self.site = site;
            } else {
                return Ok(false);
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        const NONE: usize = FIELDS.len();
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "name" => self.text([0, NONE]),
            "uid" => self.sites.place.uid(),
            "version" => self.text([1, NONE]),
            "summary" => self.text([2, NONE]),
            "author" => self.text([3, 5]),
            "license" => self.text([4, 6]),
            "path" => Value::Text(self.sites.place.shown(&self.path)),
            "directory" => Value::Text(self.sites.place.shown(&self.site)),
            _ => self.pid.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};
    use crate::sys::process::effective_uid;

    fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        let metadata = "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0\nSummary: YAML: a parser\nAuthor: Kirill\n\
            License: MIT\nClassifier: x\n\nName: not this\n";
        tree.file("/usr/lib/python3/dist-packages/PyYAML-6.0.dist-info/METADATA", metadata);
        let modern = "Name: new\nVersion: 1\nAuthor: UNKNOWN\nAuthor-email: A <a@b>\nLicense-Expression: Apache-2.0\n";
        tree.file("/usr/lib/python3/dist-packages/new-1.dist-info/METADATA", modern);
        tree.file("/usr/lib/python3/dist-packages/yaml/METADATA", metadata)
            .file("/usr/lib/python3/dist-packages/b.py", "");
        tree.file("/usr/local/lib/python3.9/site-packages/old.egg-info/PKG-INFO", "Name: old\nVersion: 0.1\n");
        tree.file("/usr/local/lib/python3.9/site-packages/file-2.egg-info", "Name: file\nVersion: 2\n");
        tree.file("/usr/local/lib/python3.9/site-packages/~bad.dist-info/RECORD", "");
        tree.link("/usr/lib64", "lib");
        let own = format!("u:x:{}:0::/home/u:\nv:x:4000:0::/home/v:\nw:x:4001:0::/home/w:\n", effective_uid());
        tree.file("/etc/passwd", own);
        for (user, way) in [("u", ".local"), ("v", ".pyenv/versions/3.11"), ("w", ".asdf/installs/python/3")] {
            let path = format!("/home/{user}/{way}/lib/python3.11/site-packages/p-1.dist-info/METADATA");
            tree.file(path, format!("Name: {user}\nVersion: 1\n"));
        }
        tree
    }

    #[test]
    fn descriptions_become_rows() {
        let tree = tree("python_packages");
        let sql = "SELECT name, version, summary, author, license, path, directory FROM python_packages WHERE uid = 0 \
                   AND path LIKE '/usr%' ORDER BY name";
        let (debian, local) = ("/usr/lib/python3/dist-packages", "/usr/local/lib/python3.9/site-packages");
        let path = |directory: &str, name: &str| format!("{directory}/{name}");
        let wanted = [
            ["PyYAML", "6.0", "YAML: a parser", "Kirill", "MIT", &path(debian, "PyYAML-6.0.dist-info"), debian],
            ["file", "2", "", "", "", &path(local, "file-2.egg-info"), local],
            ["new", "1", "", "A <a@b>", "Apache-2.0", &path(debian, "new-1.dist-info"), debian],
            ["old", "0.1", "", "", "", &path(local, "old.egg-info"), local],
        ];
        assert_eq!(tree.rows(sql), wanted);
    }

    #[test]
    fn users_have_their_own() {
        let tree = tree("python_packages-users");
        let names = |condition: &str| {
            let sql = ["SELECT name FROM python_packages ", condition, " ORDER BY name"].concat();
            tree.rows(&sql).into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(""), "PyYAML file new old u");
        assert_eq!(names("WHERE uid = 4000"), "v");
        assert_eq!(names("WHERE uid IN (4000, 4001)"), "v w");
        assert_eq!(names("WHERE directory = '/usr/local/lib/python3.9/site-packages'"), "file old");
        assert_eq!(names("WHERE directory IN ('/usr/lib/python3/dist-packages/', 'relative', '/none')"), "PyYAML new");
        let home = "/home/v/.pyenv/versions/3.11/lib/python3.11/site-packages";
        assert_eq!(tree.rows("SELECT uid, directory FROM python_packages WHERE uid = 4000"), [["4000", home]]);
        assert_eq!(names("WHERE pid_with_namespace = 5"), "");
    }

    #[test]
    fn says_what_python_says() {
        let program = "import importlib.metadata as m, sys\nfor p in sys.path:\n  if p.endswith('-packages'):\n   for d in \
            m.distributions(path=[p]):\n    print(p, d.metadata['Name'], d.version, sep='|')";
        let Some(wanted) = host("python3", &["-c", program]).filter(|wanted| !wanted.is_empty()) else {
            println!("skipped: needs python3 with packages");
            return;
        };
        for line in wanted.lines() {
            let [directory, name, version] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            let sql = format!(
                "SELECT count(*) FROM python_packages WHERE directory = '{directory}' AND name = '{name}' \
                               AND version = '{version}'"
            );
            assert_ne!(rows("", &sql), [["0"]], "{line}");
        }
        let directories: std::collections::BTreeSet<_> =
            wanted.lines().map(|line| line.split('|').next().unwrap()).collect();
        for directory in directories {
            let ours = rows("", &format!("SELECT count(*) FROM python_packages WHERE directory = '{directory}'"));
            let count = wanted.lines().filter(|line| line.starts_with(&format!("{directory}|"))).count();
            assert_eq!(ours, [[count.to_string()]], "{directory}");
        }
    }
}
