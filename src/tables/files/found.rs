//! What a [`Walk`] has found: its path, its name, what statx(2) says, where a link leads, its bytes. Each is computed when
//! it is asked for.

use super::pattern::Shown;
use super::walk::Walk;
use crate::sys::directory::{self, Kind, Status};
use crate::sys::filesystem;
use crate::sys::root::Lines;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

/// What is read of a file in /proc, bytes: /proc/kcore is as large as all address space.
const PROC_BYTES: u64 = 8 << 20;
/// Opened without waiting, whatever it is.
const READ: i32 = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;

impl Walk {
    /// Its path.
    pub fn path(&self) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len());
        path.extend_from_slice(self.shown_path());
        if self.slash {
            path.push(b'/');
        }
        path
    }

    /// Its path where it lies; None if a `/` belongs behind it.
    pub fn lying_path(&self) -> Option<&[u8]> {
        (!self.slash).then(|| self.shown_path())
    }

    /// What the column `directory` says, see [`Shown`].
    pub fn directory(&self) -> Vec<u8> {
        let whole = self.shown_path();
        let until = |end: usize| whole.get(..end.max(usize::from(whole.starts_with(b"/")))).unwrap_or(&[]).to_vec();
        match self.pattern().map(|pattern| &pattern.shown) {
            Some(Shown::Given(directory)) => directory.clone(),
            Some(Shown::Read { slash }) => until((self.name - self.prefix).saturating_sub(usize::from(!slash))),
            _ if self.slash => whole.to_vec(),
            _ if whole == b"/" => Vec::new(),
            _ => until(memchr::memrchr(b'/', whole).unwrap_or(0)),
        }
    }

    /// Its name: what stands behind the last `/`; `.` if nothing does, as osquery's users see it.
    pub fn filename(&self) -> &[u8] {
        let whole = self.shown_path();
        match memchr::memrchr(b'/', whole).map_or(Some(whole), |slash| whole.get(slash + 1..)) {
            _ if whole == b"/" => b"/",
            Some(name) if !self.slash && !name.is_empty() => name,
            _ => b".",
        }
    }

    /// What it is, as far as that is known without a closer look.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What statx(2) says of it, or of what it leads to; asked once.
    ///
    /// # Errors
    /// The system's: it may have gone, and a link may lead nowhere.
    pub fn status(&mut self, follow: bool) -> io::Result<&Status> {
        let is_link = match (&self.own, self.kind) {
            (Some(own), _) => own.kind == Kind::Link,
            (None, kind) => matches!(kind, Kind::Link | Kind::Unknown),
        };
        // What is no link leads to itself.
        let follow = follow && is_link;
        if (if follow { &self.target } else { &self.own }).is_none() {
            let status = self.ask_status(follow)?;
            *(if follow { &mut self.target } else { &mut self.own }) = Some(status);
        }
        (if follow { &self.target } else { &self.own }).as_ref().ok_or(io::ErrorKind::NotFound.into())
    }

    /// What [`Walk::status`] has said of what it leads to, or else of itself.
    pub fn seen(&self) -> Option<&Status> {
        self.target.as_ref().or(self.own.as_ref())
    }

    fn ask_status(&self, follow: bool) -> io::Result<Status> {
        let name = self.terminated(self.name);
        if self.anchor.is_some() && (follow || self.here().is_none() || name.to_bytes().contains(&b'/')) {
            let flags = if follow { libc::O_PATH } else { libc::O_PATH | libc::O_NOFOLLOW };
            return directory::status_at(Some(self.open_path(flags)?.as_fd()), c"", follow);
        }
        self.context.root.permit()?;
        directory::status_at(self.here(), name, follow)
    }

    /// Where a link leads in the end, as a path without links; where it leads nowhere, what it says. Empty if it is none.
    pub fn target(&mut self) -> Vec<u8> {
        if !self.status(false).is_ok_and(|status| status.kind == Kind::Link) {
            return Vec::new();
        }
        if let Ok(fd) = self.open_path(libc::O_PATH) {
            let path = directory::path_of(fd.as_fd());
            let base = self.anchor.as_ref().map_or(Vec::new(), |anchor| directory::path_of(anchor.as_fd()));
            let base = if base == b"/" { &[] } else { base.as_slice() };
            if let Some(path) = path.strip_prefix(base).filter(|path| path.starts_with(b"/")) {
                return path.to_vec();
            }
        }
        let flags = libc::O_PATH | libc::O_NOFOLLOW;
        let read = |fd: BorrowedFd<'_>| directory::read_link_at(Some(fd), c"");
        self.open_path(flags).and_then(|fd| read(fd.as_fd())).unwrap_or_default()
    }

    /// It, or what it leads to, opened for reading if that is a regular file: nothing else is opened, for an opening may do
    /// things (a watchdog begins to bite) or wait.
    ///
    /// # Errors
    /// The system's; InvalidInput for what is no regular file.
    pub fn open(&mut self) -> io::Result<Opened> {
        self.open_as(&[Kind::Regular])
    }

    /// The same if it is one of these kinds.
    ///
    /// # Errors
    /// The system's; InvalidInput for what is none of them.
    pub fn open_as(&mut self, kinds: &[Kind]) -> io::Result<Opened> {
        let refused = || Err(io::Error::from(io::ErrorKind::InvalidInput));
        // Cheap, and right but for a race.
        if !kinds.contains(&self.status(true)?.kind) {
            return refused();
        }
        let fd = self.open_path(libc::O_PATH)?;
        if !kinds.contains(&directory::status_at(Some(fd.as_fd()), c"", false)?.kind) {
            return refused();
        }
        let is_proc = filesystem::figures(fd.as_fd()).is_ok_and(|figures| figures.kind == filesystem::PROC);
        // Reading it takes the messages away from those who wait for them.
        if is_proc && self.filename() == b"kmsg" {
            return refused();
        }
        let file = match directory::reopen(fd.as_fd(), READ) {
            // /proc is not mounted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::from(self.open_path(READ)?),
            file => file?,
        };
        Ok(Opened { file, left: if is_proc { PROC_BYTES } else { u64::MAX } })
    }
}

/// A regular file that is open. Reading never waits for anybody; of a file in /proc only a beginning is read, and more is
/// an error.
pub struct Opened {
    file: File,
    left: u64,
}

impl Opened {
    /// Bytes from an offset on; returns how many there were, 0 for errors too.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        self.file.read_at(buffer, offset).unwrap_or(0)
    }

    /// Its lines, and how many bytes of them may be read.
    pub fn lines(self) -> (Lines, u64) {
        (Lines::of(self.file), self.left)
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}
