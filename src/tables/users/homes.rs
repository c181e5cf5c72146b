//! Whose files a query about users' files means, and the lines of such files.
//!
//! As in osquery: with `uid = …` (a join with `users` gives it) the accounts of that uid, without it those of the user
//! who asks, root or not. Accounts come from /etc/passwd below the query's root. A home is looked at as
//! [`crate::sys::home`] says: no link below it is followed. Memory: one line and the names of one account's homes.

use super::passwd;
use crate::log;
use crate::sql::table::{Context, Query, Value};
use crate::sys::home::Home;
use crate::sys::process;
use crate::sys::root::{Lines, Names};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// An account that has a home.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Owner {
    pub uid: u32,
    pub name: Vec<u8>,
    /// Absolute.
    pub directory: Vec<u8>,
}

impl Owner {
    /// What [`crate::sys::home`] wants to know.
    pub fn home(&self) -> Home<'_> {
        Home { directory: Path::new(OsStr::from_bytes(&self.directory)), uid: self.uid }
    }

    /// The whole path of something below the home.
    pub fn path(&self, below: &[u8]) -> Vec<u8> {
        let directory = self.directory.strip_suffix(b"/").unwrap_or(&self.directory);
        [directory, b"/", below].concat()
    }
}

/// Whose homes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    One(Option<u32>),
    All,
}

/// Tells root, once, that he sees his own files alone and probably wants everybody's.
fn warn(table: &str) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Relaxed) {
        log::warning(&format!("{table} shows the asking user's files alone: join it with users, USING (uid), for all"));
    }
}

/// The accounts, each home of a uid once.
pub struct Owners {
    lines: Option<Lines>,
    wanted: Wanted,
    /// Homes that were given.
    seen: Vec<Vec<u8>>,
}

impl Owners {
    /// Those that a query of `table` means, whose uid column has the index `uid`.
    pub fn of(query: &Query, table: &str, uid: usize) -> Self {
        if process::is_root() && query.constraints.iter().all(|constraint| constraint.column != uid) {
            warn(table);
        }
        let uid = match query.equal(uid) {
            Some(uid) => uid.as_integer().and_then(|uid| u32::try_from(uid).ok()),
            None => Some(process::effective_uid()),
        };
        Self::new(&query.context, Wanted::One(uid))
    }

    /// All there are.
    pub fn all(context: &Context) -> Self {
        Self::new(context, Wanted::All)
    }

    fn new(context: &Context, wanted: Wanted) -> Self {
        let lines = if wanted == Wanted::One(None) { None } else { context.root.lines("/etc/passwd").ok() };
        Owners { lines, wanted, seen: Vec::new() }
    }
}

impl Iterator for Owners {
    type Item = Owner;

    fn next(&mut self) -> Option<Owner> {
        loop {
            let Some(account) = passwd::account(self.lines.as_mut()?.next_line()?) else { continue };
            let wanted = self.wanted == Wanted::All || self.wanted == Wanted::One(Some(account.uid));
            if !wanted || !account.directory.starts_with(b"/") {
                continue;
            }
            if self.wanted != Wanted::All {
                if self.seen.iter().any(|seen| seen == account.directory) {
                    continue;
                }
                self.seen.push(account.directory.to_vec());
            }
            let (name, directory) = (account.name.to_vec(), account.directory.to_vec());
            return Some(Owner { uid: account.uid, name, directory });
        }
    }
}

/// Which files have the lines.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    /// Paths below each home. One with `*` as the first letter of its last name means all files of the directory that
    /// end with the rest: `.dir/*.end`.
    pub homes: &'static [&'static str],
    /// The administrator's own file, which counts as uid 0's; links to it are followed. Empty: there is none.
    pub system: &'static str,
}

/// A scan over lines of users' files.
pub struct HomeLines {
    context: Rc<Context>,
    owners: Owners,
    sources: Sources,
    /// Whose files are being read.
    owner: Owner,
    /// Index of the next of the owner's sources.
    next: usize,
    /// The names in a directory, itself, and their end.
    folder: Option<(Names, &'static str, &'static str)>,
    system: bool,
    lines: Option<Lines>,
    /// The line's file.
    pub path: Vec<u8>,
    /// The line.
    pub line: Vec<u8>,
    /// Whether it is the first line of its file.
    pub is_first: bool,
}

impl HomeLines {
    /// Begins before the first line. `uid` is the index of the uid column of the query's `table`.
    pub fn new(query: &Query, table: &str, uid: usize, sources: Sources) -> Self {
        let root_is_meant = query.equal(uid).is_none_or(|uid| uid.as_integer() == Some(0));
        HomeLines {
            context: query.context.clone(),
            owners: Owners::of(query, table, uid),
            sources,
            owner: Owner::default(),
            next: sources.homes.len(),
            folder: None,
            system: root_is_meant && !sources.system.is_empty(),
            lines: None,
            path: Vec::new(),
            line: Vec::new(),
            is_first: false,
        }
    }

    /// Goes to the next line, empty or not; false when there is none.
    pub fn advance(&mut self) -> bool {
        self.is_first = false;
        loop {
            if let Some(line) = self.lines.as_mut().and_then(Lines::next_line) {
                self.line.clear();
                self.line.extend_from_slice(line);
                return true;
            }
            self.is_first = true;
            if !self.next_file() {
                return false;
            }
        }
    }

    /// The line's owner.
    pub fn uid(&self) -> Value {
        i64::from(self.owner.uid).into()
    }

    /// Opens the next file, if it can be; false when there is none.
    fn next_file(&mut self) -> bool {
        self.lines = None;
        if let Some((names, directory, end)) = &mut self.folder {
            let Some(name) = names.next() else {
                self.folder = None;
                return true;
            };
            if name.as_bytes().ends_with(end.as_bytes()) {
                let below = [directory.as_bytes(), b"/", name.as_bytes()].concat();
                self.open(&below);
            }
        } else if let Some(source) = self.sources.homes.get(self.next) {
            self.next += 1;
            match source.split_once("/*") {
                Some((directory, end)) => {
                    let names = self.context.root.names_in_home(self.owner.home(), directory);
                    self.folder = Some((names, directory, end));
                }
                None => self.open(source.as_bytes()),
            }
        } else if let Some(owner) = self.owners.next() {
            (self.owner, self.next) = (owner, 0);
        } else if std::mem::take(&mut self.system) {
            self.owner = Owner::default();
            self.path = self.sources.system.as_bytes().to_vec();
            self.lines = self.context.root.lines(self.sources.system).ok();
        } else {
            return false;
        }
        true
    }

    fn open(&mut self, below: &[u8]) {
        self.lines = self.context.root.lines_in_home(self.owner.home(), OsStr::from_bytes(below)).ok();
        self.path = self.owner.path(below);
    }
}
