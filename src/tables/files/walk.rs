//! A walk over the paths that a query asks for: depth first, a name at a time. `file`, `hash` and the others that have a
//! column `path` share it.
//!
//! Bytes come from getdents64; nothing is looked at closer until it is asked for. Memory does not grow with the number of
//! files: the stack has a directory per level, at most [`OPEN`] of them open (32 KiB each), the others a few words; a
//! path is at most [`PATH_BYTES`] long, what lies deeper is left out. Cost: a getdents64 per some 800 names, an openat per
//! directory.
//!
//! Links: a walk below a directory (`%%`) does not enter directories through links, so it ends and sees each once. osquery
//! goes through them and remembers which it has seen, so that one of two paths to a directory is left out, now this one,
//! now that. A link on the way to where the walk begins, or where a `%` in the middle of a pattern found it
//! (`/sys/class/net/%/address`), is followed, as osquery does.

use super::pattern::{Pattern, Shown, is_match};
use crate::sql::table::{Context, Op, Query, TableError, Value};
use crate::sys::directory::{self, Directory, Kind, Status};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

/// Directories open at a time.
pub const OPEN: usize = 16;
/// Longest path, bytes.
pub const PATH_BYTES: usize = 16 << 10;
const LIST: i32 = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NONBLOCK | libc::O_NOCTTY;

/// A directory on the way.
struct Level {
    /// None: closed for the sake of a deeper one, to be opened again.
    directory: Option<Directory>,
    /// Of a closed one: where its reading had come to, its device and inode.
    position: i64,
    identity: (u64, u64),
    /// Length of the path up to its names.
    names: usize,
    /// The step that its names must match.
    step: usize,
    /// It lies below the last step's: all its names are wanted.
    below: bool,
}

/// See the module's head.
pub struct Walk {
    pub(super) context: Rc<Context>,
    /// What stands for `/`, where that is another directory than the system's.
    pub(super) anchor: Option<OwnedFd>,
    /// Length of the anchor's own path, with which `path` begins.
    pub(super) prefix: usize,
    patterns: Vec<Pattern>,
    /// How many of the patterns have been begun.
    begun: usize,
    levels: Vec<Level>,
    spare: Vec<Vec<u8>>,
    /// What was found, or the directory that is being read; with a NUL at its end.
    pub(super) path: Vec<u8>,
    /// Where in it the part behind the open directory begins; 0: no directory is open for it.
    pub(super) name: usize,
    pub(super) kind: Kind,
    /// A `/` belongs to its end.
    pub(super) slash: bool,
    /// It is to be entered before the next name.
    enter: bool,
    /// Names looked at, from 0 again after 255: then it is asked whether the query goes on.
    steps: u8,
    /// What statx said of it, and of what a link leads to.
    pub(super) own: Option<Status>,
    pub(super) target: Option<Status>,
}

/// The paths that a query asks for by its columns `path` and `directory`. A single value is better than a pattern, and a
/// list of paths better than one of directories: every row must fulfil all of them.
pub fn asked(query: &Query, path: usize, directory: Option<usize>) -> Vec<Pattern> {
    let texts = |column: Option<usize>, op: Op| {
        let asks =
            move |constraint: &&crate::sql::table::Constraint| Some(constraint.column) == column && constraint.op == op;
        query.constraints.iter().filter(asks).filter_map(|constraint| match &constraint.value {
            Value::Text(text) if !text.is_empty() && !text.contains(&0) => Some(text.as_slice()),
            _ => None,
        })
    };
    let has = |column: Option<usize>| {
        query.constraints.iter().any(|constraint| Some(constraint.column) == column && constraint.op == Op::Equal)
    };
    if has(Some(path)) {
        return texts(Some(path), Op::Equal).map(Pattern::exact).collect();
    }
    if has(directory) {
        return texts(directory, Op::Equal).map(Pattern::children).collect();
    }
    let here = match query.context.root.directory().as_os_str().is_empty() {
        true => std::env::current_dir().map(|path| path.into_os_string().into_vec()).unwrap_or_default(),
        false => Vec::new(),
    };
    let paths = texts(Some(path), Op::Like).map(|text| Pattern::like(text, &here));
    paths.chain(texts(directory, Op::Like).map(|text| Pattern::children_like(text, &here))).collect()
}

fn identity_of(fd: BorrowedFd<'_>) -> io::Result<(u64, u64)> {
    let status = directory::status_at(Some(fd), c"", false)?;
    Ok((status.device, status.inode))
}

impl Walk {
    /// A walk over all paths that the patterns stand for, one pattern after the other, none twice for two of them. With a
    /// process, paths are those that it sees: none if there is no such process, or the system is older than Linux 5.6.
    pub fn new(context: &Rc<Context>, patterns: Vec<Pattern>, process: Option<i64>) -> Self {
        let mut walk = Walk {
            context: context.clone(),
            anchor: None,
            prefix: 0,
            patterns,
            begun: 0,
            levels: Vec::new(),
            spare: Vec::new(),
            path: Vec::new(),
            name: 0,
            kind: Kind::Unknown,
            slash: false,
            enter: false,
            steps: 0,
            own: None,
            target: None,
        };
        walk.path = match process {
            Some(pid) => context.root.place(format!("/proc/{pid}/root")).into_os_string().into_vec(),
            None => context.root.directory().as_os_str().to_owned().into_vec(),
        };
        walk.prefix = walk.path.len();
        if walk.prefix > 0 {
            walk.path.push(0);
            walk.anchor = walk.anchored();
            if walk.anchor.is_none() && process.is_some() {
                walk.patterns.clear();
            }
            walk.patterns.retain(|pattern| pattern.head.starts_with(b"/"));
        }
        walk
    }

    /// The anchor, if the system can keep links inside it.
    fn anchored(&self) -> Option<OwnedFd> {
        self.context.root.permit().ok()?;
        let anchor = directory::open_at(None, self.terminated(0), libc::O_PATH | libc::O_DIRECTORY).ok()?;
        directory::open_inside(anchor.as_fd(), c"/", libc::O_PATH).ok()?;
        Some(anchor)
    }

    /// A walk that has found one path, if it is there.
    pub fn to(context: &Rc<Context>, path: &[u8], process: Option<i64>) -> Option<Self> {
        let mut walk = Walk::new(context, vec![Pattern::exact(path)], process);
        walk.advance().is_ok_and(|found| found).then_some(walk)
    }

    /// Goes to the next path; false when there is none.
    ///
    /// # Errors
    /// The query's time is over, or it was interrupted.
    pub fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.steps = self.steps.wrapping_add(1);
            if self.steps == 0 {
                self.context.check()?;
            }
            (self.own, self.target) = (None, None);
            if std::mem::take(&mut self.enter) {
                self.descend(b"");
            }
            let found = if self.levels.is_empty() {
                let Some(pattern) = self.patterns.get(self.begun) else { return Ok(false) };
                let head = pattern.head.clone();
                let one = pattern.steps.is_empty();
                self.begun += 1;
                self.begin(&head, one)
            } else {
                self.next_name()
            };
            if found && !self.is_covered() {
                return Ok(true);
            }
        }
    }

    /// The pattern that is being walked.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.patterns.get(self.begun.checked_sub(1)?)
    }

    /// Begins with a pattern; true if that has found something.
    fn begin(&mut self, head: &[u8], one: bool) -> bool {
        self.path.truncate(self.prefix);
        self.path.extend_from_slice(head);
        self.path.push(0);
        (self.name, self.kind, self.slash) = (0, Kind::Unknown, false);
        if one {
            return self.status(false).is_ok_and(|status| {
                self.kind = status.kind;
                true
            });
        }
        if let Ok(fd) = self.open_path(LIST) {
            self.path.pop();
            self.push(fd, 0, false);
        }
        false
    }

    /// Reads a name of the last level; true if it is one that was asked for.
    fn next_name(&mut self) -> bool {
        let Some(pattern) = self.patterns.get(self.begun.wrapping_sub(1)) else { return false };
        let Some(level) = self.levels.last_mut() else { return false };
        let (step_index, below) = (level.step, level.below);
        let Some(step) = pattern.steps.get(step_index) else { return false };
        let Some((name, kind)) = level.directory.as_mut().and_then(Directory::next_name) else {
            self.leave();
            return false;
        };
        if !below && !is_match(&step.name, name) {
            return false;
        }
        self.path.truncate(level.names);
        self.path.extend_from_slice(name);
        self.path.push(0);
        (self.name, self.kind, self.slash) = (level.names, kind, false);
        if step_index + 1 < pattern.steps.len() {
            let tail = step.tail.clone();
            self.descend(&tail);
            return false;
        }
        let (recursive, marks, shown) = (pattern.recursive, pattern.marks(below), below || !pattern.below_only);
        match step.tail.len() {
            0 | 1 => {
                let directories = !step.tail.is_empty();
                self.found(recursive, marks || directories, directories) && shown
            }
            _ => {
                let tail = step.tail.clone();
                self.path.pop();
                self.path.extend_from_slice(&tail);
                self.path.push(0);
                self.kind = Kind::Unknown;
                self.status(false).map(|status| self.kind = status.kind).is_ok()
            }
        }
    }

    /// Whether a name found is wanted; notes whether it is to be entered and how it is written.
    fn found(&mut self, recursive: bool, marks: bool, directories: bool) -> bool {
        if self.kind == Kind::Unknown && (recursive || marks) {
            self.kind = self.status(false).map_or(Kind::Unknown, |status| status.kind);
        }
        self.enter = recursive && self.kind == Kind::Directory;
        self.slash = marks
            && (self.kind == Kind::Directory
                || self.kind == Kind::Link && self.status(true).is_ok_and(|status| status.kind == Kind::Directory));
        self.slash || !directories
    }

    /// Enters what was found: below it (`tail` empty), or what follows it in the pattern.
    fn descend(&mut self, tail: &[u8]) {
        if self.path.len() + tail.len() > PATH_BYTES {
            return;
        }
        let below = tail.is_empty();
        let step = self.levels.last().map_or(0, |level| level.step + usize::from(!below));
        let opened = if below {
            self.context
                .root
                .permit()
                .and_then(|()| directory::open_at(self.here(), self.terminated(self.name), LIST | libc::O_NOFOLLOW))
        } else if matches!(self.kind, Kind::Directory | Kind::Link | Kind::Unknown) {
            self.path.pop();
            self.path.extend_from_slice(tail);
            self.path.push(0);
            self.open_path(LIST)
        } else {
            return;
        };
        if let Ok(fd) = opened {
            self.path.pop();
            if below {
                self.path.push(b'/');
            }
            self.push(fd, step, below);
        }
    }

    fn push(&mut self, fd: OwnedFd, step: usize, below: bool) {
        let directory = Directory::new(fd, self.spare.pop().unwrap_or_default());
        let (names, identity) = (self.path.len(), (0, 0));
        self.levels.push(Level { directory: Some(directory), position: 0, identity, names, step, below });
        let deep = self.levels.len().checked_sub(OPEN + 1).and_then(|index| self.levels.get_mut(index));
        let Some(level) = deep else { return };
        if let Some(directory) = level.directory.take() {
            level.position = directory.position();
            level.identity = identity_of(directory.fd()).unwrap_or_default();
            self.spare.push(directory.into_buffer());
        }
    }

    /// Goes back to the directory above, which may have to be opened again.
    fn leave(&mut self) {
        let Some(left) = self.levels.pop() else { return };
        if let Some(level) = self.levels.last_mut()
            && level.directory.is_none()
        {
            let (names, position, identity) = (level.names, level.position, level.identity);
            self.path.truncate(names);
            self.path.push(0);
            let same = |fd: &OwnedFd| identity_of(fd.as_fd()).is_ok_and(|found| found == identity);
            let above = left.directory.as_ref().and_then(|left| directory::open_at(Some(left.fd()), c"..", LIST).ok());
            self.name = 0;
            if let Some(fd) = above.filter(same).or_else(|| self.open_path(LIST).ok().filter(same))
                && let Some(level) = self.levels.last_mut()
            {
                let mut directory = Directory::new(fd, self.spare.pop().unwrap_or_default());
                // A directory that cannot be gone on with is left, as one that cannot be read.
                level.directory = directory.seek(position).is_ok().then_some(directory);
            }
        }
        if let Some(directory) = left.directory {
            self.spare.push(directory.into_buffer());
        }
    }

    /// Whether a pattern walked before has given this path.
    fn is_covered(&self) -> bool {
        // The values of a list differ from each other.
        let is_listed = |pattern: &Pattern| pattern.steps.is_empty() || matches!(pattern.shown, Shown::Given(_));
        if self.begun < 2 || self.pattern().is_none_or(is_listed) {
            return false;
        }
        let before = self.patterns.get(..self.begun - 1).unwrap_or(&[]);
        before.iter().any(|pattern| pattern.covers(self.shown_path()))
    }

    /// The directory in which [`Walk::name`] is looked up; None: none, it is a whole path.
    pub(super) fn here(&self) -> Option<BorrowedFd<'_>> {
        if self.name == 0 { None } else { self.levels.last()?.directory.as_ref().map(Directory::fd) }
    }

    pub(super) fn terminated(&self, from: usize) -> &CStr {
        self.path.get(from..).and_then(|path| CStr::from_bytes_with_nul(path).ok()).unwrap_or(c"")
    }

    /// The path without the anchor's, and without a `/` that belongs to its end.
    pub(super) fn shown_path(&self) -> &[u8] {
        self.path.get(self.prefix..self.path.len().saturating_sub(1)).unwrap_or(&[])
    }

    /// Opens what was found; links are followed.
    pub(super) fn open_path(&self, flags: i32) -> io::Result<OwnedFd> {
        self.context.root.permit()?;
        match &self.anchor {
            Some(anchor) => directory::open_inside(anchor.as_fd(), self.terminated(self.prefix), flags),
            None => directory::open_at(self.here(), self.terminated(self.name), flags),
        }
    }
}
