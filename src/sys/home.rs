//! Files in somebody's home directory. Its owner may put anything there, a link to /etc/shadow for example, and we may
//! be root. So below the home no symbolic link is followed, neither as a file nor as a directory on the way, and a hard
//! link to a file of somebody else is not read. The way to the home itself is /etc/passwd's word and is followed.

use super::root::{Lines, Names, Root};
use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

/// A home directory and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// Its path.
    pub directory: &'a Path,
    /// Its owner's user id.
    pub uid: u32,
}

/// open(2), or openat(2) below an open directory.
fn open_at(directory: Option<&OwnedFd>, name: &[u8], flags: libc::c_int) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    let directory = directory.map_or(libc::AT_FDCWD, OwnedFd::as_raw_fd);
    // SAFETY: the name is terminated; the descriptor is owned as soon as it is known to be one.
    unsafe {
        let fd = libc::openat(directory, name.as_ptr(), flags | libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

impl Root {
    /// Opens what lies at `below` in a home, without following links on the way; `last` are the last component's flags.
    fn open_below(&self, home: Home<'_>, below: &Path, last: libc::c_int) -> io::Result<OwnedFd> {
        let place = self.access(home.directory)?;
        // A directory on the way need not be readable.
        let way = libc::O_PATH | libc::O_DIRECTORY;
        let mut fd = open_at(None, place.as_os_str().as_bytes(), way)?;
        let mut components = below.components().peekable();
        while let Some(component) = components.next() {
            let Component::Normal(name) = component else { return Err(io::ErrorKind::InvalidInput.into()) };
            let flags = if components.peek().is_some() { way } else { last };
            fd = open_at(Some(&fd), name.as_bytes(), flags | libc::O_NOFOLLOW)?;
        }
        Ok(fd)
    }

    /// Opens a regular file in a home for reading.
    ///
    /// # Errors
    /// The system's (ELOOP for a link); InvalidInput for anything but a regular file, which is closed unread, and for
    /// `..` in the path; PermissionDenied for a file of another user that has a second name.
    pub fn open_in_home(&self, home: Home<'_>, below: impl AsRef<Path>) -> io::Result<File> {
        // Without O_NONBLOCK the opening of a FIFO would wait for a writer.
        let file = File::from(self.open_below(home, below.as_ref(), libc::O_NONBLOCK | libc::O_NOCTTY)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if metadata.nlink() > 1 && metadata.uid() != home.uid {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(file)
    }

    /// The lines of a file in a home.
    ///
    /// # Errors
    /// As of [`Root::open_in_home`].
    pub fn lines_in_home(&self, home: Home<'_>, below: impl AsRef<Path>) -> io::Result<Lines> {
        Ok(Lines::of(self.open_in_home(home, below)?))
    }

    /// The names in a directory of a home, in the system's order; none if it cannot be read or is a link.
    pub fn names_in_home(&self, home: Home<'_>, below: impl AsRef<Path>) -> Names {
        let fd = self.open_below(home, below.as_ref(), libc::O_DIRECTORY);
        // The descriptor is the one thing that cannot be exchanged for a link any more: it is listed through /proc.
        Names(fd.and_then(|fd| fs::read_dir(format!("/proc/self/fd/{}", fd.as_raw_fd()))).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::Home;
    use crate::sql::testing::Tree;
    use crate::sys::process::effective_uid;
    use crate::sys::root::Root;
    use std::io::{ErrorKind, Read};
    use std::path::Path;

    #[test]
    fn links_in_a_home_lead_nowhere() {
        let tree = Tree::new("home");
        tree.file("/secret", "secret").file("/home/a/.ssh/key", "own").file("/other/key", "other");
        tree.link("/home/a/.ssh/link", "/secret").link("/home/a/dir", "../../other").link("/home/b", "a");
        let root = Root::new(tree.path());
        let home = Home { directory: Path::new("/home/a"), uid: effective_uid() };
        let read = |home: Home<'_>, path: &str| {
            let mut text = String::new();
            root.open_in_home(home, path)?.read_to_string(&mut text)?;
            Ok::<_, std::io::Error>(text)
        };
        assert_eq!(read(home, ".ssh/key").unwrap(), "own");
        // The home itself may be reached through a link.
        assert_eq!(read(Home { directory: Path::new("/home/b"), ..home }, ".ssh/key").unwrap(), "own");
        for path in [".ssh/link", "dir/key", "../../secret", "/secret", ".ssh", "none"] {
            assert!(read(home, path).is_err(), "{path}");
        }
        let names = |path: &str| root.names_in_home(home, path).count();
        assert_eq!([names(".ssh"), names("dir"), names("none"), names("../../other")], [2, 0, 0, 0]);
        root.fail_from(1);
        assert_eq!(names(".ssh"), 0);
    }

    #[test]
    fn a_fifo_and_somebody_elses_file_are_not_read() {
        let tree = Tree::new("home-special");
        tree.file("/home/a/file", "text").file("/home/a/alone", "text");
        std::fs::hard_link(tree.place("/home/a/file"), tree.place("/home/a/second")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(tree.place("/home/a/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let root = Root::new(tree.path());
        let kind = |uid, path: &str| {
            let home = Home { directory: Path::new("/home/a"), uid };
            root.open_in_home(home, path).map_err(|error| error.kind()).map(|_| ())
        };
        let own = effective_uid();
        assert_eq!(kind(own, "fifo"), Err(ErrorKind::InvalidInput));
        assert_eq!(kind(own, "second"), Ok(()));
        // A file of two names may be a stranger's; one that the administrator put there is not.
        assert_eq!(kind(own + 1, "second"), Err(ErrorKind::PermissionDenied));
        assert_eq!(kind(own + 1, "alone"), Ok(()));
    }
}
