//! `rpm_package_files`: the files of RPM's packages, from its database ([`super::rpm`]), as the packages state them. One
//! header in memory, and the places of its directories' names; with `package = …` or `path = …` only the headers of
//! packages that may have them are read, where the database has an index.

use super::place::{Place, concat};
use super::rpm::database::{Database, Wanted};
use super::rpm::header::{Header, next_text, tag};
use crate::sql::table::{Column, Cursor, INDEX, OPTIMIZED, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("package", Type::Text, INDEX | OPTIMIZED, "Package name."),
    column("path", Type::Text, INDEX, "Path of a file, directory or link of it."),
    column("username", Type::Text, 0, "Its owner's name."),
    column("groupname", Type::Text, 0, "Its group's name."),
    column("mode", Type::Text, 0, "Its permission bits, octal."),
    column("size", Type::BigInt, 0, "Its size, bytes."),
    Column { collate: "NOCASE", ..column("sha256", Type::Text, 0, "Its SHA-256, if the package has it.") },
];
const PACKAGE: usize = 0;
const PATH: usize = 1;
/// PGPHASHALGO_SHA256 (RFC 4880, 9.4).
const SHA256: i64 = 8;
/// The texts of which each file has one.
const TEXTS: [u32; 4] = [tag::BASE_NAMES, tag::FILE_USERS, tag::FILE_GROUPS, tag::FILE_DIGESTS];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "rpm_package_files",
    help: "Files of RPM's packages (Fedora, Red Hat, SUSE)",
    columns: COLUMNS,
    open: |query| {
        let place = Place::machine(&query.context);
        let database = Database::open(&place, Wanted::of(&query, PACKAGE, Some(PATH)));
        let wanted = if let Some(Value::Text(path)) = query.equal(PATH) { Some(path.clone()) } else { None };
        let directories = Vec::new();
        Ok(Box::new(Scan { database, wanted, files: 0, next: 0, offsets: [0; 4], texts: [0; 4], directories }))
    },
};

struct Scan {
    database: Database,
    /// The one path that is wanted.
    wanted: Option<Vec<u8>>,
    /// How many files the package has.
    files: usize,
    /// The file after this one.
    next: usize,
    /// Of each of [`TEXTS`] where the next file's begins, and where this one's does.
    offsets: [usize; 4],
    texts: [usize; 4],
    /// Where each directory's name begins.
    directories: Vec<usize>,
}

/// The text that begins at `offset` of several, and where the next one does.
fn text_at<'a>(header: &Header<'a>, tag: u32, offset: usize) -> Option<(&'a [u8], usize)> {
    let (texts, _) = header.texts(tag);
    let mut rest = texts.get(offset..)?;
    let text = next_text(&mut rest)?;
    Some((text, offset + text.len() + 1))
}

impl Scan {
    fn begin_package(&mut self) {
        (self.files, self.next, self.offsets) = (0, 0, [0; 4]);
        self.directories.clear();
        let Some(header) = self.database.header() else { return };
        let (_, directories) = header.texts(tag::DIRECTORY_NAMES);
        let mut offset = 0;
        while self.directories.len() < directories
            && let Some((_, next)) = text_at(&header, tag::DIRECTORY_NAMES, offset)
        {
            self.directories.push(offset);
            offset = next;
        }
        self.files = header.texts(tag::BASE_NAMES).1;
    }

    /// Goes to the package's next file; false when there is none.
    fn next_file(&mut self) -> bool {
        let Some(header) = self.database.header().filter(|_| self.next < self.files) else { return false };
        self.next += 1;
        self.texts = self.offsets;
        for (offset, tag) in self.offsets.iter_mut().zip(TEXTS) {
            match text_at(&header, tag, *offset) {
                Some((_, next)) => *offset = next,
                // The names end before their count says: so does the package.
                None if tag == tag::BASE_NAMES => return false,
                None => {}
            }
        }
        true
    }

    fn text(&self, place: usize) -> &[u8] {
        let text = || text_at(&self.database.header()?, *TEXTS.get(place)?, *self.texts.get(place)?);
        text().map_or(&[], |(text, _)| text)
    }

    fn number(&self, tag: u32) -> Option<i64> {
        self.database.header()?.numbers(tag).get(self.next.checked_sub(1)?)
    }

    fn path(&self) -> Vec<u8> {
        let directory = || {
            let index = usize::try_from(self.number(tag::DIRECTORY_INDEXES)?).ok()?;
            text_at(&self.database.header()?, tag::DIRECTORY_NAMES, *self.directories.get(index)?)
        };
        concat(&[directory().map_or(&[][..], |(name, _)| name), self.text(0)])
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while self.next_file() {
                if self.wanted.as_ref().is_none_or(|wanted| *wanted == self.path()) {
                    return Ok(true);
                }
            }
            if !self.database.advance()? {
                return Ok(false);
            }
            self.begin_package();
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(header) = self.database.header() else { return Ok(Value::Null) };
        Ok(match column {
            PACKAGE => Value::text(header.text(tag::NAME)),
            PATH => Value::Text(self.path()),
            2 => Value::text(self.text(1)),
            3 => Value::text(self.text(2)),
            4 => {
                let mode = self.number(tag::FILE_MODES).unwrap_or(0) & 0o7777;
                Value::Text(format!("{mode:04o}").into_bytes())
            }
            5 => self.number(tag::LONG_FILE_SIZES).or_else(|| self.number(tag::FILE_SIZES)).into(),
            _ => {
                let is_sha256 = header.number(tag::FILE_DIGEST_ALGORITHM) == Some(SHA256);
                Value::text(if is_sha256 { self.text(3) } else { b"" })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const SQLITE: &[u8] = include_bytes!("../../../tests/data/rpm/rpmdb.sqlite");
    const HASH: &[u8] = include_bytes!("../../../tests/data/rpm/Packages");
    /// What rpm -q --dump says.
    const FILES: [[&str; 7]; 4] = [
        [
            "alpha",
            "/usr/bin/alpha",
            "root",
            "adm",
            "4755",
            "21",
            "5cb4562dc4db0162e741664e62669aefd1e2fd63d14e2a0af28e3e195d9e077a",
        ],
        ["alpha", "/usr/bin/alpha-link", "root", "root", "0777", "5", ""],
        ["alpha", "/usr/share/alpha", "nobody", "nogroup", "1777", "0", ""],
        [
            "alpha",
            "/usr/share/alpha/deep/with blank",
            "root",
            "root",
            "0644",
            "5",
            "6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f",
        ],
    ];

    #[test]
    fn files_are_those_that_rpm_shows() {
        for (name, bytes) in [("/usr/share/rpm/rpmdb.sqlite", SQLITE), ("/var/lib/rpm/Packages", HASH)] {
            let tree = Tree::new("rpm_package_files");
            tree.file(name, bytes);
            let files: Vec<_> = FILES.iter().map(|file| file.map(|text| text.replace("4096", "0"))).collect();
            assert_eq!(tree.rows("SELECT * FROM rpm_package_files ORDER BY path"), files, "{name}");
            let paths = |condition: &str| tree.rows(&["SELECT path FROM rpm_package_files WHERE ", condition].concat());
            assert_eq!(paths("path = '/usr/bin/alpha'"), [["/usr/bin/alpha"]], "{name}");
            assert!(paths("path = '/bin/alpha'").is_empty() && paths("package = 'beta'").is_empty(), "{name}");
            assert_eq!(paths("package = 'alpha' AND mode LIKE '4%'").len(), 1, "{name}");
        }
    }

    #[test]
    fn says_what_rpm_says() {
        let Some(wanted) = host("rpm", &["-q", "--dump", "rpm"]) else {
            println!("skipped: needs rpm and its package");
            return;
        };
        let ours = rows("", "SELECT path || ' ' || size FROM rpm_package_files WHERE package = 'rpm'");
        let first_two = |line: &str| vec![line.split(' ').take(2).collect::<Vec<_>>().join(" ")];
        assert_eq!(ours, wanted.lines().map(first_two).collect::<Vec<_>>());
    }
}
