//! `npm_packages`: Node's packages, from the package.json files below `node_modules`: of the directories that `directory
//! = …` names, or of those where global packages are installed (npm's own, and users' with nvm, fnm, volta, asdf, mise,
//! pnpm and yarn). Packages have packages below them: column `depth`, and `max_depth = …` to stop earlier.
//!
//! Streamed: one package in memory, and an open directory for each level, [`MOST_DEPTH`] at most. A link is entered as a
//! package of the first level only (`npm link`), so a walk ends. Cost: a file for each package, parsed by SQLite.

use super::place::{Place, join};
use super::sites::{Sites, Usual};
use crate::sql::document::Document;
use crate::sql::table::{
    ADDITIONAL, Column, Cursor, HIDDEN, INDEX, LISTS, OPTIMIZED, Table, TableError, Type, Value, column,
};
use crate::sys::root::Names;
use crate::tables::users::homes::Owners;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Package name, with its scope."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("description", Type::Text, 0, "What it is."),
    column("author", Type::Text, 0, "Author."),
    column("license", Type::Text, 0, "License, or its address."),
    column("homepage", Type::Text, 0, "Its page."),
    column("path", Type::Text, 0, "Its package.json."),
    column("directory", Type::Text, INDEX | OPTIMIZED | LISTS, "Directory that has the node_modules."),
    column("depth", Type::Integer, 0, "How many packages it is below."),
    column("max_depth", Type::Integer, HIDDEN | ADDITIONAL, "Largest depth that is looked at; 10 unless one is given."),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
    column("mount_namespace_id", Type::Text, HIDDEN, "That process's mount namespace."),
];
const DIRECTORY: usize = 7;
const MAX_DEPTH: usize = 9;
const PID: usize = 10;
/// Largest depth, whatever a query says.
const MOST_DEPTH: i64 = 10;
/// Largest package.json, bytes.
const FILE_BYTES: u64 = 1 << 20;
const USUAL: Usual = Usual {
    machine: &["/usr/local/lib", "/usr/lib", "/home/linuxbrew/.linuxbrew/lib"],
    homes: &[
        ".npm-global/lib",
        ".local/lib",
        ".nvm/versions/node/*/lib",
        ".fnm/node-versions/*/installation/lib",
        ".local/share/fnm/node-versions/*/installation/lib",
        ".volta/tools/image/node/*/lib",
        ".volta/tools/image/packages/*/lib",
        ".asdf/installs/nodejs/*/lib",
        ".local/share/mise/installs/node/*/lib",
        ".local/share/pnpm/global/*",
        ".config/yarn/global",
    ],
};
/// The columns before `path`. An author may be an object, and so may a license, in old packages.
const SELECT: &str = "SELECT iif(json_type(j, '$.name') = 'text', j->>'$.name', ''), \
    iif(json_type(j, '$.version') = 'text', j->>'$.version', ''), \
    iif(json_type(j, '$.description') = 'text', j->>'$.description', ''), \
    CASE json_type(j, '$.author') WHEN 'text' THEN j->>'$.author' WHEN 'object' THEN j->>'$.author.name' END, \
    CASE json_type(j, '$.license') WHEN 'text' THEN j->>'$.license' \
        WHEN 'object' THEN coalesce(j->>'$.license.url', j->>'$.license.type') END, \
    iif(json_type(j, '$.homepage') = 'text', j->>'$.homepage', '') FROM d WHERE json_type(j) = 'object'";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "npm_packages",
    help: "Node's packages that are installed",
    columns: COLUMNS,
    open: |query| {
        let place = Place::of(&query, PID);
        let (pid, namespace) = (place.pid(), place.namespace());
        let owners = place.is_machine().then(|| Owners::all(&query.context));
        let given = query.equal(MAX_DEPTH).and_then(Value::as_integer);
        Ok(Box::new(Scan {
            sites: Sites::new(&query, DIRECTORY, place, &USUAL, owners),
            pid,
            namespace,
            given: given.unwrap_or(MOST_DEPTH),
            site: Vec::new(),
            levels: Vec::new(),
            document: Document::parse(b"null"),
            path: Vec::new(),
            depth: 0,
            row: Vec::new(),
        }))
    },
};

/// A directory of packages: a node_modules, or a scope in one.
struct Level {
    names: Names,
    path: Vec<u8>,
    depth: i64,
    is_scope: bool,
}

struct Scan {
    sites: Sites,
    pid: Value,
    namespace: Value,
    /// What `max_depth` says.
    given: i64,
    site: Vec<u8>,
    levels: Vec<Level>,
    /// Parses the files, one after the other.
    document: Option<Document>,
    path: Vec<u8>,
    depth: i64,
    /// The columns before `path`.
    row: Vec<Value>,
}

impl Scan {
    fn enter(&mut self, path: Vec<u8>, depth: i64, is_scope: bool) {
        if depth <= self.given.min(MOST_DEPTH) {
            let names = self.sites.place.names(&path);
            self.levels.push(Level { names, path, depth, is_scope });
        }
    }

    /// Goes on with an entry of a directory of packages; whether it is a package.
    fn visit(&mut self, path: Vec<u8>, depth: i64, is_scope: bool) -> bool {
        if depth > 0 && self.sites.place.is_link(&path) {
            return false;
        }
        if is_scope {
            self.enter(path, depth, true);
            return false;
        }
        self.enter(join(&path, "node_modules"), depth + 1, false);
        (self.path, self.depth) = (join(&path, "package.json"), depth);
        let parsed = || {
            let text = self.sites.place.read(&self.path, FILE_BYTES)?;
            let document = self.document.as_ref()?;
            document.replace(&text).then(|| document.select(SELECT, ""))?.pop()
        };
        let row = parsed();
        let is_package = row.is_some();
        self.row = row.unwrap_or_default();
        is_package
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.sites.place.context().budget.tick()?;
            if let Some(level) = self.levels.last_mut() {
                let Some(name) = level.names.next() else {
                    self.levels.pop();
                    continue;
                };
                let (name, depth) = (name.as_bytes(), level.depth);
                let is_scope = !level.is_scope && name.starts_with(b"@");
                let path = join(&level.path, name);
                if !name.starts_with(b".") && self.visit(path, depth, is_scope) {
                    return Ok(true);
                }
            } else if let Some(site) = self.sites.next_site() {
                self.enter(join(&site, "node_modules"), 0, false);
                self.site = site;
            } else {
                return Ok(false);
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "path" => Value::Text(self.sites.place.shown(&self.path)),
            "directory" => Value::Text(self.sites.place.shown(&self.site)),
            "depth" => self.depth.into(),
            "max_depth" => self.given.into(),
            "pid_with_namespace" => self.pid.clone(),
            "mount_namespace_id" => self.namespace.clone(),
            _ => match self.row.get(column) {
                None | Some(Value::Null) => Value::text(""),
                Some(value) => value.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        let npm = r#"{"name": "npm", "version": "9.2.0", "description": "a package manager", "license": "Artistic-2.0",
            "author": {"name": "GitHub Inc.", "email": "x"}, "homepage": "https://docs.npmjs.com/"}"#;
        tree.file("/usr/lib/node_modules/npm/package.json", npm);
        let old = r#"{"name": "old", "version": 1, "author": "A B", "license": {"type": "MIT", "url": "http://l"}}"#;
        tree.file("/usr/lib/node_modules/npm/node_modules/old/package.json", old);
        let scoped = r#"{"name": "@s/deep", "version": "1.0.0", "license": ["x"], "author": null}"#;
        tree.file("/usr/lib/node_modules/npm/node_modules/old/node_modules/@s/deep/package.json", scoped);
        tree.link("/usr/lib/node_modules/npm/node_modules/loop", "../../npm")
            .link("/usr/lib/node_modules/linked", "../../../srv/linked");
        tree.file("/srv/linked/package.json", r#"{"name": "linked"}"#).link("/srv/linked/node_modules/self", "..");
        tree.file("/usr/lib/node_modules/.bin/x/package.json", npm).file("/usr/lib/node_modules/bad/package.json", "{");
        tree.file("/usr/lib/node_modules/list/package.json", "[]").file("/usr/lib/node_modules/none/index.js", "");
        tree.file("/srv/app/node_modules/npm/package.json", npm);
        tree.file("/etc/passwd", "u:x:4000:0::/home/u:\n");
        tree.file("/home/u/.nvm/versions/node/v20/lib/node_modules/npm/package.json", npm.replace("9.2", "10"));
        tree
    }

    #[test]
    fn packages_of_all_depths_become_rows() {
        let tree = tree("npm_packages");
        let sql = "SELECT name, version, description, author, license, homepage, depth FROM npm_packages \
                   WHERE directory = '/usr/lib' ORDER BY depth, name";
        let wanted = [
            ["linked", "", "", "", "", "", "0"],
            ["npm", "9.2.0", "a package manager", "GitHub Inc.", "Artistic-2.0", "https://docs.npmjs.com/", "0"],
            ["old", "", "", "A B", "http://l", "", "1"],
            ["@s/deep", "1.0.0", "", "", "", "", "2"],
        ];
        assert_eq!(tree.rows(sql), wanted);
        let count = |condition: &str| tree.rows(&["SELECT count(*) FROM npm_packages WHERE ", condition].concat());
        assert_eq!(count("directory = '/usr/lib' AND max_depth = 1"), [["3"]]);
        assert_eq!(count("max_depth = 0"), [["3"]]);
        assert_eq!(count("1"), [["5"]]);
        assert_eq!(count("directory IN ('/srv/app', '/usr/lib/', 'relative')"), [["5"]]);
        let sql = "SELECT path, directory FROM npm_packages WHERE version = '10.0'";
        let directory = "/home/u/.nvm/versions/node/v20/lib";
        assert_eq!(tree.rows(sql), [[&format!("{directory}/node_modules/npm/package.json"), directory]]);
    }

    #[test]
    fn says_what_npm_says() {
        let Some(wanted) = host("npm", &["ls", "-g", "--parseable", "--depth=0", "--long"]) else {
            println!("skipped: needs npm");
            return;
        };
        // /usr/lib/node_modules/npm:npm@9.2.0:…; the first line is the directory itself.
        let mut lines = wanted.lines();
        let Some(directory) = lines.next().and_then(|line| line.split(':').next()) else { return };
        let mut wanted: Vec<_> =
            lines.filter_map(|line| line.split(':').nth(1)).map(|name| vec![name.to_string()]).collect();
        let sql = format!(
            "SELECT name || '@' || version FROM npm_packages WHERE directory = '{directory}' AND max_depth = 0"
        );
        let mut ours = rows("", &sql);
        wanted.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, wanted);
    }
}
