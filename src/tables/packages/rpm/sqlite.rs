//! RPM's database since 4.16, `rpmdb.sqlite`: a table of headers by number, and a table for each tag by which rpm
//! searches. Read as it lies there ([`crate::sys::immutable`]): no lock is taken and nothing written beside it, and what
//! an rpm that runs right now has not yet put into the file itself is not seen.

use super::database::{MOST_BYTES, Wanted};
use crate::sys::immutable::Database;
use rusqlite::types::ValueRef;
use std::fs::File;

/// See the module's head.
pub struct Packages {
    database: Database,
    sql: String,
    /// What is searched for.
    key: Option<String>,
    number: i64,
}

impl Packages {
    /// Begins before the first header of those that are wanted; None if the file is no such database.
    pub fn open(file: File, wanted: &Wanted) -> Option<Self> {
        let database = Database::open(file).ok()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (table, key) = match wanted {
            Wanted::All => ("", None),
            Wanted::Package(name) => ("Name", Some(text(name))),
            Wanted::Path(path) => ("Basenames", Some(text(path.rsplit(|&byte| byte == b'/').next()?))),
        };
        let most = MOST_BYTES;
        let all = format!("SELECT hnum, iif(length(blob) <= {most}, blob, '') FROM Packages WHERE hnum > ?1");
        let among = match table {
            "" => String::new(),
            table => format!(" AND hnum IN (SELECT hnum FROM {table} WHERE key = ?2)"),
        };
        let order = " ORDER BY hnum LIMIT 1";
        let sql = [&all, among.as_str(), order].concat();
        let mut packages = Packages { database, sql, key, number: i64::MIN };
        // A database without the table that would help is read as a whole.
        if packages.database.connection().prepare(&packages.sql).is_err() {
            (packages.sql, packages.key) = ([&all, order].concat(), None);
            packages.database.connection().prepare(&packages.sql).ok()?;
        }
        Some(packages)
    }

    /// Reads the next header into `header`; false when there is none.
    ///
    /// # Errors
    /// SQLite's.
    pub fn next(&mut self, header: &mut Vec<u8>) -> rusqlite::Result<bool> {
        let mut statement = self.database.connection().prepare_cached(&self.sql)?;
        statement.raw_bind_parameter(1, self.number)?;
        if let Some(key) = &self.key {
            statement.raw_bind_parameter(2, key)?;
        }
        let mut rows = statement.raw_query();
        let Some(row) = rows.next()? else { return Ok(false) };
        self.number = row.get(0)?;
        header.clear();
        if let ValueRef::Blob(blob) = row.get_ref(1)? {
            header.extend_from_slice(blob);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;

    const DATABASE: &[u8] = include_bytes!("../../../../tests/data/rpm/rpmdb.sqlite");

    fn headers(tree: &Tree, wanted: &Wanted) -> usize {
        let mut packages = Packages::open(File::open(tree.place("/db")).unwrap(), wanted).unwrap();
        std::iter::from_fn(|| packages.next(&mut Vec::new()).unwrap().then_some(())).count()
    }

    #[test]
    fn the_indexes_of_rpm_are_used_where_they_are() {
        let tree = Tree::new("rpm-sqlite");
        tree.file("/db", DATABASE);
        let (name, path) = (|name: &str| Wanted::Package(name.into()), |path: &str| Wanted::Path(path.into()));
        let wanted = [name("beta"), name("none"), path("/usr/bin/alpha"), path("/x/none"), Wanted::All];
        assert_eq!(wanted.each_ref().map(|wanted| headers(&tree, wanted)), [1, 0, 1, 0, 2]);
        let writer = rusqlite::Connection::open(tree.place("/db")).unwrap();
        writer.execute_batch("PRAGMA journal_mode = delete; DROP TABLE Name; DROP TABLE Basenames").unwrap();
        assert_eq!(wanted.each_ref().map(|wanted| headers(&tree, wanted)), [2; 5]);
        writer.execute_batch("DROP TABLE Packages").unwrap();
        assert!(Packages::open(File::open(tree.place("/db")).unwrap(), &Wanted::All).is_none());
    }
}
