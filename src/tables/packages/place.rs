//! Where packages are looked for: on this machine, in the file system of another process (`pid_with_namespace`), or in
//! somebody's home. One set of questions for the three, so that a table need not know which it is.
//!
//! In a home no link is followed ([`crate::sys::home`]), in another process's file system none leads out of it
//! ([`crate::sys::inside`]).

use crate::sql::table::{Context, Query, Value};
use crate::sys::inside::Inside;
use crate::sys::root::{Lines, MOST_BYTES, Names};
use crate::tables::files::namespace::Namespace;
use crate::tables::users::homes::Owner;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

/// See the module's head. Paths are absolute, but in a home, where they begin below it.
pub struct Place {
    context: Rc<Context>,
    view: View,
    namespace: Namespace,
}

enum View {
    Machine,
    /// None: it is not there or may not be looked at.
    Process(Option<Inside>),
    Home(Owner),
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Texts, one behind the other. (One function for all of them: the standard library's is compiled anew for each length.)
#[inline(never)]
pub fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A file or directory in a directory.
pub fn join(directory: &[u8], name: impl AsRef<[u8]>) -> Vec<u8> {
    concat(&[directory.strip_suffix(b"/").unwrap_or(directory), b"/", name.as_ref()])
}

impl Place {
    fn new(context: &Rc<Context>, view: View) -> Self {
        Place { context: context.clone(), view, namespace: Namespace::default() }
    }

    /// This machine.
    pub fn machine(context: &Rc<Context>) -> Self {
        Self::new(context, View::Machine)
    }

    /// The process that the query names in a column; 0 and less: this machine.
    pub fn of(query: &Query, column: usize) -> Self {
        let namespace = Namespace::of(query, column);
        let inside = |pid: i64| Inside::of(&query.context.root, u32::try_from(pid).ok()?).ok();
        let view = namespace.pid().map_or(View::Machine, |pid| View::Process(inside(pid)));
        Place { namespace, ..Self::new(&query.context, view) }
    }

    /// A home.
    pub fn home(context: &Rc<Context>, owner: Owner) -> Self {
        Self::new(context, View::Home(owner))
    }

    /// Whether it is this machine's file system, without bounds.
    pub fn is_machine(&self) -> bool {
        matches!(self.view, View::Machine)
    }

    /// What `pid_with_namespace` says.
    pub fn pid(&self) -> Value {
        self.namespace.pid().unwrap_or(0).into()
    }

    /// What `mount_namespace_id` says: the number of the process's mount namespace; '' for this machine.
    pub fn namespace(&self) -> Value {
        Value::text(self.namespace.id())
    }

    /// Whose it is: the home's owner, or root.
    pub fn uid(&self) -> Value {
        let uid = if let View::Home(owner) = &self.view { owner.uid } else { 0 };
        i64::from(uid).into()
    }

    /// The whole path of something, as programs there would say it.
    pub fn shown(&self, path: &[u8]) -> Vec<u8> {
        if let View::Home(owner) = &self.view { owner.path(path) } else { path.to_vec() }
    }

    /// The connection's context.
    pub fn context(&self) -> &Rc<Context> {
        &self.context
    }

    /// Opens a regular file.
    ///
    /// # Errors
    /// The system's; InvalidInput for anything but a regular file.
    pub fn open(&self, path: &[u8]) -> io::Result<File> {
        let root = &self.context.root;
        match &self.view {
            View::Machine => root.open(path_of(path)),
            View::Process(Some(inside)) => inside.open(root, path_of(path)),
            View::Process(None) => Err(io::ErrorKind::NotFound.into()),
            View::Home(owner) => root.open_in_home(owner.home(), path_of(path)),
        }
    }

    /// The lines of a file; None if it cannot be read.
    pub fn lines(&self, path: &[u8]) -> Option<Lines> {
        self.open(path).ok().map(Lines::of)
    }

    /// A whole file of at most `most` bytes; None if it cannot be read or is larger.
    pub fn read(&self, path: &[u8], most: u64) -> Option<Vec<u8>> {
        let most = most.min(MOST_BYTES);
        let mut text = Vec::new();
        self.open(path).and_then(|file| file.take(most + 1).read_to_end(&mut text)).ok()?;
        Some(text).filter(|text| text.len() as u64 <= most)
    }

    /// The names in a directory, in the system's order; none if it cannot be read.
    pub fn names(&self, path: &[u8]) -> Names {
        let root = &self.context.root;
        match &self.view {
            View::Machine => root.names(path_of(path)),
            View::Process(Some(inside)) => inside.names(root, path_of(path)),
            View::Process(None) => Names::none(),
            View::Home(owner) => root.names_in_home(owner.home(), path_of(path)),
        }
    }

    /// The names in a directory that end with `end`, sorted: for directories known to be small, [`MOST_NAMES`] of them.
    pub fn sorted_names(&self, path: &[u8], end: &str) -> Vec<OsString> {
        let is_such = |name: &OsString| name.as_bytes().ends_with(end.as_bytes());
        let mut names: Vec<_> = self.names(path).filter(is_such).take(MOST_NAMES).collect();
        names.sort_unstable();
        names
    }

    /// Whether something is a symbolic link; in a home nothing is, as none is followed there.
    pub fn is_link(&self, path: &[u8]) -> bool {
        let root = &self.context.root;
        match &self.view {
            View::Machine => root.symlink_metadata(path_of(path)).is_ok_and(|status| status.is_symlink()),
            View::Process(Some(inside)) => inside.is_link(root, path_of(path)),
            View::Process(None) | View::Home(_) => false,
        }
    }
}

/// Most names of [`Place::sorted_names`].
pub const MOST_NAMES: usize = 4096;
