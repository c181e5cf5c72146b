//! `apt_sources`: where apt gets binary packages from (sources.list(5)): /etc/apt/sources.list and its directory's files
//! in both formats, lines (`.list`) and stanzas (`.sources`). One row for each pair of an address and a suite. What the
//! repository says of itself is from the copy of its Release file that `apt update` left; empty where there is none.
//!
//! Streamed, one file at a time. Cost: the files, and for each row a Release file as far as its lists of sums.

use super::place::{Place, concat, join};
use super::stanza::Stanzas;
use crate::sql::table::{ADDITIONAL, Column, Cursor, HIDDEN, Table, TableError, Type, Value, column};
use crate::sys::root::Lines;
use crate::tables::text::{without_comment, words};
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Address without its protocol, and suite."),
    column("source", Type::Text, 0, "File that names it."),
    column("base_uri", Type::Text, 0, "Address."),
    column("release", Type::Text, 0, "Codename, as the repository says."),
    Column { collate: "VERSION_DPKG", ..column("version", Type::Text, 0, "Version, as the repository says.") },
    column("maintainer", Type::Text, 0, "Origin, as the repository says."),
    column("components", Type::Text, 0, "Components that the repository has."),
    column("architectures", Type::Text, 0, "Architectures that the repository has."),
    column(
        "pid_with_namespace",
        Type::Integer,
        HIDDEN | ADDITIONAL,
        "Process whose file system is read; 0: this machine's.",
    ),
];
const SOURCE: usize = 1;
const RELEASE: usize = 3;
const PID: usize = 8;
/// Fields of a Release file, in the columns' order from `release` on.
const RELEASE_FIELDS: &[&str] = &["Codename", "Version", "Origin", "Components", "Architectures"];
/// Fields of a stanza of a `.sources` file.
const SOURCE_FIELDS: &[&str] = &["Types", "URIs", "Suites", "Enabled"];
const LISTS: &[u8] = b"/var/lib/apt/lists";
/// Most pairs of one line or stanza.
const MOST_PAIRS: usize = 4096;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "apt_sources",
    help: "Repositories that apt gets packages from (Debian and its kin)",
    columns: COLUMNS,
    open: |query| {
        let place = Place::of(&query, PID);
        let named = |end| place.sorted_names(b"/etc/apt/sources.list.d", end).into_iter();
        let mut files = vec![b"/etc/apt/sources.list".to_vec()];
        files.extend(
            named(".list").chain(named(".sources")).map(|name| join(b"/etc/apt/sources.list.d", name.as_bytes())),
        );
        let files = files.into_iter();
        let (pairs, row) = (Vec::new().into_iter(), Pair::default());
        Ok(Box::new(Scan { place, files, file: Vec::new(), reader: Reader::None, pairs, row, release: None }))
    },
};

enum Reader {
    None,
    Lines(Lines),
    Stanzas(Stanzas),
}

#[derive(Default)]
struct Pair {
    address: Vec<u8>,
    suite: Vec<u8>,
}

struct Scan {
    place: Place,
    files: std::vec::IntoIter<Vec<u8>>,
    file: Vec<u8>,
    reader: Reader,
    /// Of the line or stanza, still to be given.
    pairs: std::vec::IntoIter<Pair>,
    row: Pair,
    /// What the repository says; None: it has not been asked.
    release: Option<Vec<Vec<u8>>>,
}

impl Pair {
    fn of(address: &[u8], suite: &[u8]) -> Option<Self> {
        let length = address.iter().rposition(|&byte| byte != b'/')? + 1;
        let address = address.get(..length)?.to_vec();
        address.contains(&b':').then(|| Pair { address, suite: suite.to_vec() })
    }

    /// The address without its protocol.
    fn host(&self) -> &[u8] {
        let after = memchr::memchr(b':', &self.address).map_or(0, |colon| colon + 1);
        let host = self.address.get(after..).unwrap_or(&[]);
        host.strip_prefix(b"//").unwrap_or(host)
    }

    fn name(&self) -> Vec<u8> {
        concat(&[self.host(), b" ", &self.suite])
    }

    /// How the names of apt's copies of the repository's files begin: apt writes `/` as `_`, and some others by number.
    fn list_name(&self) -> Vec<u8> {
        // A suite that ends with a slash is the whole path.
        let is_path = self.suite.ends_with(b"/");
        let suite = self.suite.strip_suffix(b"/").unwrap_or(&self.suite);
        let path = concat(&[self.host(), if is_path { b"/" } else { b"/dists/" }, suite, b"/"]);
        let mut name = Vec::with_capacity(path.len());
        for byte in path {
            match byte {
                b'/' => name.push(b'_'),
                byte if b"\\|{}[]<>\"^~_=!@#$%&*".contains(&byte) => {
                    name.extend_from_slice(format!("%{byte:02x}").as_bytes());
                }
                byte => name.push(byte),
            }
        }
        name
    }
}

/// A line `deb [options] address suite components`.
fn line_pair(line: &[u8]) -> Option<Pair> {
    let (line, _) = without_comment(line);
    let rest =
        line.trim_ascii().strip_prefix(b"deb").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))?;
    let rest = rest.trim_ascii_start();
    let rest = match rest.first()? {
        b'[' => rest.get(memchr::memchr(b']', rest)? + 1..)?,
        _ => rest,
    };
    // A disk's name has blanks, in brackets.
    let (address, rest) = match memchr::memmem::find(rest, b":[") {
        Some(_) => rest.split_at_checked(memchr::memrchr(b']', rest)? + 1)?,
        None => rest
            .trim_ascii_start()
            .split_at_checked(rest.trim_ascii_start().iter().position(u8::is_ascii_whitespace)?)?,
    };
    let slash = rest.iter().position(u8::is_ascii_whitespace)?;
    let (end, rest) = rest.split_at_checked(slash)?;
    Pair::of(&concat(&[address.trim_ascii(), end]), words(rest).next()?)
}

/// The pairs of a stanza.
fn stanza_pairs(stanzas: &Stanzas) -> Vec<Pair> {
    let [types, addresses, suites, enabled] = [0, 1, 2, 3].map(|place| stanzas.value(place));
    let is_off = [&b"no"[..], b"false", b"without", b"off", b"disable", b"0"];
    let is_on = !is_off.iter().any(|word| enabled.eq_ignore_ascii_case(word));
    if !is_on || !words(types).any(|word| word == b"deb") {
        return Vec::new();
    }
    let pairs = words(addresses).flat_map(|address| words(suites).filter_map(move |suite| Pair::of(address, suite)));
    pairs.take(MOST_PAIRS).collect()
}

impl Scan {
    /// What the repository says, in the columns' order from `release` on.
    fn release(&self) -> Vec<Vec<u8>> {
        let name = self.row.list_name();
        let lines = [&b"InRelease"[..], b"Release"]
            .iter()
            .find_map(|end| self.place.lines(&join(LISTS, concat(&[name.as_slice(), end]))));
        let Some(lines) = lines else { return Vec::new() };
        let mut stanzas = Stanzas::new(lines, RELEASE_FIELDS);
        // What is signed begins with a stanza of the signature's own.
        for _ in 0..2 {
            let is_there = stanzas.advance();
            let values: Vec<_> = (0..RELEASE_FIELDS.len()).map(|place| stanzas.value(place).to_vec()).collect();
            if is_there && values.iter().any(|value| !value.is_empty()) {
                return values;
            }
        }
        Vec::new()
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if let Some(pair) = self.pairs.next() {
                (self.row, self.release) = (pair, None);
                return Ok(true);
            }
            let is_more = match &mut self.reader {
                Reader::Lines(lines) => match lines.next_line() {
                    Some(line) => {
                        self.pairs = Vec::from_iter(line_pair(line)).into_iter();
                        true
                    }
                    None => false,
                },
                Reader::Stanzas(stanzas) => {
                    let is_more = stanzas.advance();
                    self.pairs = stanza_pairs(stanzas).into_iter();
                    is_more
                }
                Reader::None => false,
            };
            self.place.context().budget.tick()?;
            if is_more {
                continue;
            }
            let Some(file) = self.files.next() else { return Ok(false) };
            self.reader = match self.place.lines(&file) {
                Some(lines) if file.ends_with(b".sources") => Reader::Stanzas(Stanzas::new(lines, SOURCE_FIELDS)),
                Some(lines) => Reader::Lines(lines),
                None => Reader::None,
            };
            self.file = file;
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            0 => Value::Text(self.row.name()),
            SOURCE => Value::text(&self.file),
            2 => Value::text(&self.row.address),
            PID => self.place.pid(),
            column => {
                if self.release.is_none() {
                    self.release = Some(self.release());
                }
                let said = self.release.as_ref().and_then(|release| release.get(column - RELEASE));
                Value::text(said.map_or(&[][..], Vec::as_slice))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const RELEASE: &str = "Origin: Debian\nLabel: Debian\nSuite: stable\nVersion: 12.5\nCodename: bookworm\n\
        Date: x\nArchitectures: all amd64\nComponents: main contrib\nDescription: y\nSHA256:\n abc 1 main/x\n";

    #[test]
    fn lines_and_stanzas_become_rows() {
        let tree = Tree::new("apt_sources");
        let list = "# deb http://off/ x main\ndeb http://deb.debian.org/debian/ bookworm main # why\n\
            deb-src http://deb.debian.org/debian bookworm main\n deb [ arch=amd64 signed-by=/k ]  https://a_b.c/d  s/u/ \n\
            deb\tfile:/srv/mirror ./\ndeb nothing\ndeb [broken\ndebx http://x y\ndeb cdrom:[Debian 12 - x]/ bookworm main\n";
        tree.file("/etc/apt/sources.list", list);
        let sources = "Types: deb deb-src\nURIs: http://one/x\n http://two/\nSuites: s s-updates\nComponents: main\n\n\
            Types: deb-src\nURIs: http://three\nSuites: s\n\nEnabled: No\nTypes: deb\nURIs: http://four\nSuites: s\n";
        tree.file("/etc/apt/sources.list.d/z.sources", sources)
            .file("/etc/apt/sources.list.d/a.list", "deb http://a b c");
        tree.file("/etc/apt/sources.list.d/a.list.save", "deb http://no b c");
        let signed = ["-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n", RELEASE].concat();
        tree.file("/var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_InRelease", signed);
        tree.file("/var/lib/apt/lists/a%5fb.c_d_s_u_Release", "Codename: flat\n");
        let wanted = [
            ["deb.debian.org/debian bookworm", "http://deb.debian.org/debian", "bookworm"],
            ["a_b.c/d s/u/", "https://a_b.c/d", "flat"],
            ["/srv/mirror ./", "file:/srv/mirror", ""],
            ["[Debian 12 - x] bookworm", "cdrom:[Debian 12 - x]", ""],
            ["a b", "http://a", ""],
            ["one/x s", "http://one/x", ""],
            ["one/x s-updates", "http://one/x", ""],
            ["two s", "http://two", ""],
            ["two s-updates", "http://two", ""],
        ];
        assert_eq!(tree.rows("SELECT name, base_uri, release FROM apt_sources"), wanted);
        let sql = "SELECT source, version, maintainer, components, architectures, pid_with_namespace FROM apt_sources LIMIT 1";
        let wanted = ["/etc/apt/sources.list", "12.5", "Debian", "main contrib", "all amd64", "0"];
        assert_eq!(tree.rows(sql), [wanted]);
        assert_eq!(tree.rows("SELECT source FROM apt_sources GROUP BY source").len(), 3);
    }

    #[test]
    fn apt_gets_packages_from_there() {
        let list = host("apt-get", &["indextargets", "--format", "$(SITE) $(RELEASE)", "Created-By: Packages"]);
        let Some(list) = list.filter(|list| !list.trim().is_empty()) else {
            println!("skipped: needs apt-get and what it knows of repositories");
            return;
        };
        let ours: Vec<_> = rows("", "SELECT base_uri, name FROM apt_sources");
        for wanted in list.lines() {
            let (site, release) = wanted.split_once(' ').unwrap();
            let is_it = |row: &Vec<String>| row[0].starts_with(site.trim_end_matches('/')) && row[1].ends_with(release);
            assert!(ours.iter().any(is_it), "{wanted}: {ours:?}");
        }
    }
}
