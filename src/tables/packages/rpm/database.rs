//! The database of RPM that a machine has: the first of the files that RPM's versions have used, in the directories where
//! distributions keep them. A header at a time.

use super::hash::Hash;
use super::header::{Header, tag};
use super::slots::Slots;
use super::sqlite::Packages;
use crate::sql::table::{Context, Query, TableError, Value};
use crate::tables::packages::place::{Place, join};
use std::rc::Rc;

/// Largest header, bytes (a package of some 100,000 files); larger ones are passed over.
pub const MOST_BYTES: usize = 32 << 20;

/// Where distributions keep the database; the second since Fedora 36, the third on rpm-ostree's systems.
const DIRECTORIES: [&[u8]; 3] = [b"/var/lib/rpm", b"/usr/lib/sysimage/rpm", b"/usr/share/rpm"];

/// Which headers are wanted.
pub enum Wanted {
    /// All.
    All,
    /// Those of packages of this name.
    Package(Vec<u8>),
    /// Those of packages that have a file of this path, and maybe some more.
    Path(Vec<u8>),
}

impl Wanted {
    /// From a query's constraints on the column of packages' names and that of paths.
    pub fn of(query: &Query, name: usize, path: Option<usize>) -> Self {
        let text = |column| if let Some(Value::Text(text)) = query.equal(column) { Some(text.clone()) } else { None };
        match (text(name), path.and_then(text)) {
            (Some(name), _) => Wanted::Package(name),
            (None, Some(path)) => Wanted::Path(path),
            (None, None) => Wanted::All,
        }
    }
}

enum Kind {
    None,
    Sqlite(Packages),
    Slots(Slots),
    Hash(Hash),
}

/// See the module's head.
pub struct Database {
    kind: Kind,
    wanted: Wanted,
    context: Rc<Context>,
    /// The header's bytes, and how many of them the budget knows of.
    bytes: Vec<u8>,
    charged: usize,
}

impl Database {
    /// Begins before the first header; where there is no database there is none.
    pub fn open(place: &Place, wanted: Wanted) -> Self {
        let kind = DIRECTORIES.iter().find_map(|directory| {
            let open = |name: &str| place.open(&join(directory, name)).ok();
            let sqlite = || Packages::open(open("rpmdb.sqlite")?, &wanted).map(Kind::Sqlite);
            let slots = || Slots::open(open("Packages.db")?).map(Kind::Slots);
            let hash = || Hash::open(open("Packages")?).map(Kind::Hash);
            sqlite().or_else(slots).or_else(hash)
        });
        let context = place.context().clone();
        Database { kind: kind.unwrap_or(Kind::None), wanted, context, bytes: Vec::new(), charged: 0 }
    }

    /// Goes to the next header; false when there is none.
    ///
    /// # Errors
    /// The database is broken, or is being changed.
    pub fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.context.budget.tick()?;
            let is_there = match &mut self.kind {
                Kind::None => false,
                Kind::Sqlite(packages) => packages
                    .next(&mut self.bytes)
                    .map_err(|error| TableError::new(format!("reading RPM's database: {error}")))?,
                Kind::Slots(slots) => slots.next(&mut self.bytes),
                Kind::Hash(hash) => hash.next(&mut self.bytes),
            };
            if !is_there {
                return Ok(false);
            }
            let wanted = |header: &Header<'_>| match &self.wanted {
                Wanted::Package(name) => header.text(tag::NAME) == name,
                Wanted::All | Wanted::Path(_) => true,
            };
            self.context.budget.release(std::mem::take(&mut self.charged));
            self.context.budget.charge(self.bytes.len())?;
            self.charged = self.bytes.len();
            if self.header().as_ref().is_some_and(wanted) {
                return Ok(true);
            }
        }
    }

    /// The header.
    pub fn header(&self) -> Option<Header<'_>> {
        Header::of(&self.bytes)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.context.budget.release(self.charged);
    }
}
