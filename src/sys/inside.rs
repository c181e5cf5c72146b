//! Files as another process sees them: below its root directory, /proc/PID/root, in its mount namespace. Found by
//! openat2(2) with RESOLVE_IN_ROOT (Linux 5.6), so that no link leads out of there; before that there are none.
//!
//! Whoever rules in there may put a device where a file is expected, and the opening of some devices does something. So
//! what is there is looked at without opening it (O_PATH), and only regular files and directories are opened.

use super::directory::{open_inside, reopen};
use super::root::{Names, Root};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The root directory of a process.
pub struct Inside(File);

impl Inside {
    /// The root directory of the process `pid`.
    ///
    /// # Errors
    /// The system's: there is no such process, it is somebody else's.
    pub fn of(root: &Root, pid: u32) -> io::Result<Self> {
        let place = root.access(Path::new(&format!("/proc/{pid}/root")))?;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        Ok(Inside(OpenOptions::new().read(true).custom_flags(flags).open(place)?))
    }

    fn find(&self, root: &Root, path: &Path, flags: libc::c_int) -> io::Result<File> {
        root.access(path)?;
        let path = CString::new(path.as_os_str().as_bytes())?;
        open_inside(self.0.as_fd(), &path, flags | libc::O_PATH).map(File::from)
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// The system's; InvalidInput for anything but a regular file, which is not opened.
    pub fn open(&self, root: &Root, path: &Path) -> io::Result<File> {
        let found = self.find(root, path, 0)?;
        if !found.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        reopen(found.as_fd(), libc::O_RDONLY)
    }

    /// The names in a directory, in the system's order; none if it cannot be read.
    pub fn names(&self, root: &Root, path: &Path) -> Names {
        let found = self.find(root, path, libc::O_DIRECTORY);
        Names(found.and_then(|found| fs::read_dir(format!("/proc/self/fd/{}", found.as_raw_fd()))).ok())
    }

    /// Whether something is a symbolic link.
    pub fn is_link(&self, root: &Root, path: &Path) -> bool {
        let found = self.find(root, path, libc::O_NOFOLLOW).and_then(|found| found.metadata());
        found.is_ok_and(|status| status.is_symlink())
    }
}

impl Names {
    /// No names.
    pub fn none() -> Self {
        Names(None)
    }
}

#[cfg(test)]
mod tests {
    use super::Inside;
    use crate::sql::testing::Tree;
    use crate::sys::root::Root;
    use std::io::{ErrorKind, Read};
    use std::path::Path;

    #[test]
    fn links_stay_below_the_root_of_the_process() {
        let tree = Tree::new("inside");
        tree.file("/etc/secret", "outside").file("/proc/7/root/etc/file", "inside");
        tree.link("/proc/7/root/etc/absolute", "/etc/file").link("/proc/7/root/etc/up", "../../../../../etc/secret");
        tree.link("/proc/7/root/dir", "/etc");
        let made = std::process::Command::new("mkfifo").arg(tree.place("/proc/7/root/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let root = Root::new(tree.path());
        let Ok(inside) = Inside::of(&root, 7) else { panic!("no inside") };
        let read = |path: &str| {
            let mut text = String::new();
            inside.open(&root, Path::new(path)).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text)
        };
        if read("/etc/file").is_err_and(|error| error.raw_os_error() == Some(libc::ENOSYS)) {
            println!("skipped: needs openat2, Linux 5.6");
            return;
        }
        for path in ["/etc/file", "etc/file", "/etc/absolute", "/dir/file"] {
            assert_eq!(read(path).unwrap(), "inside", "{path}");
        }
        assert_eq!(read("/etc/up").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read("/fifo").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(inside.names(&root, Path::new("/dir")).count(), 3);
        assert!(inside.is_link(&root, Path::new("/dir")) && !inside.is_link(&root, Path::new("/etc")));
        assert!(Inside::of(&root, 8).is_err());
        root.fail_from(1);
        assert!(read("/etc/file").is_err());
    }
}
