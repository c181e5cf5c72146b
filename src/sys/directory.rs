//! Directories and what lies in them, by descriptor: openat(2), openat2(2), getdents64(2), statx(2), readlinkat(2). For
//! walks: a name is looked up in the directory that is open, so nobody can swap a directory above it for a link.

use std::ffi::{CStr, c_int};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Bytes of names that the system gives at a time.
const BUFFER_BYTES: usize = 32 << 10;
/// Where the fields of a linux_dirent64 begin (getdents64(2)): d_off, d_reclen, d_type, d_name.
const FIELDS: [usize; 4] = [8, 16, 18, 19];

fn raw(directory: Option<BorrowedFd<'_>>) -> c_int {
    directory.map_or(libc::AT_FDCWD, |fd| fd.as_raw_fd())
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    let fd = c_int::try_from(fd).unwrap_or(-1);
    // SAFETY: a descriptor that the system has just made, or -1, which is looked at first.
    if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) }
}

/// openat(2), close-on-exec; without a directory from the working directory.
///
/// # Errors
/// The system's.
pub fn open_at(directory: Option<BorrowedFd<'_>>, path: &CStr, flags: c_int) -> io::Result<OwnedFd> {
    // SAFETY: the path is terminated.
    owned(unsafe { libc::openat(raw(directory), path.as_ptr(), flags | libc::O_CLOEXEC) }.into())
}

/// openat2(2) with RESOLVE_IN_ROOT, close-on-exec: `root` is `/` for the path and for every link on the way.
///
/// # Errors
/// The system's; ENOSYS before Linux 5.6, EPERM in some sandboxes.
pub fn open_inside(root: BorrowedFd<'_>, path: &CStr, flags: c_int) -> io::Result<OwnedFd> {
    // struct open_how: flags, mode, resolve, 64 bits each.
    let how = [u64::from((flags | libc::O_CLOEXEC) as u32), 0, libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS];
    let bytes = std::mem::size_of_val(&how);
    // SAFETY: the path is terminated, `how` is live and of the stated size.
    owned(unsafe { libc::syscall(libc::SYS_openat2, root.as_raw_fd(), path.as_ptr(), how.as_ptr(), bytes) })
}

/// What an O_PATH descriptor stands for, opened for reading: by /proc/self/fd, so that nobody can have swapped it.
///
/// # Errors
/// The system's; ENOENT where /proc is not mounted.
pub fn reopen(fd: BorrowedFd<'_>, flags: c_int) -> io::Result<File> {
    open_at(None, &link_of(fd), flags).map(File::from)
}

/// The path that the system gives for a descriptor; empty where /proc is not mounted.
pub fn path_of(fd: BorrowedFd<'_>) -> Vec<u8> {
    read_link_at(None, &link_of(fd)).unwrap_or_default()
}

/// `/proc/self/fd/N`, under which a descriptor has a path.
pub fn link_of(fd: BorrowedFd<'_>) -> std::ffi::CString {
    std::ffi::CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap_or_default()
}

/// readlinkat(2), at most 4095 bytes (PATH_MAX without its NUL).
///
/// # Errors
/// The system's; EINVAL if it is no link.
pub fn read_link_at(directory: Option<BorrowedFd<'_>>, path: &CStr) -> io::Result<Vec<u8>> {
    let mut text = vec![0u8; 4095];
    // SAFETY: the path is terminated, the buffer live and of the stated length.
    let count = unsafe { libc::readlinkat(raw(directory), path.as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    text.truncate(usize::try_from(count).map_err(|_| io::Error::last_os_error())?);
    Ok(text)
}

/// What a name stands for (`d_type` of getdents64(2), file type of statx(2)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    /// The file system does not tell without a stat.
    #[default]
    Unknown,
    Fifo,
    Character,
    Directory,
    Block,
    Regular,
    Link,
    Socket,
}

impl Kind {
    /// From the four bits of `st_mode >> 12`, which are those of `d_type` too.
    fn of(bits: u32) -> Self {
        match bits {
            1 => Kind::Fifo,
            2 => Kind::Character,
            4 => Kind::Directory,
            6 => Kind::Block,
            8 => Kind::Regular,
            10 => Kind::Link,
            12 => Kind::Socket,
            _ => Kind::Unknown,
        }
    }
}

/// What statx(2) says. Times in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Status {
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky bit.
    pub mode: u32,
    /// The file system's device, and the number in it.
    pub device: u64,
    pub inode: u64,
    /// The device that a device node stands for.
    pub node_device: u64,
    pub uid: u32,
    pub gid: u32,
    pub bytes: u64,
    /// Preferred size of reads and writes, bytes.
    pub block_bytes: u32,
    pub links: u32,
    pub accessed: i64,
    pub modified: i64,
    pub changed: i64,
    /// 0: the file system does not keep it.
    pub born: i64,
}

/// statx(2) of a path in a directory; an empty path is the directory's descriptor itself. Never mounts anything.
///
/// # Errors
/// The system's.
pub fn status_at(directory: Option<BorrowedFd<'_>>, path: &CStr, follow: bool) -> io::Result<Status> {
    let mut flags = if follow { libc::AT_NO_AUTOMOUNT } else { libc::AT_NO_AUTOMOUNT | libc::AT_SYMLINK_NOFOLLOW };
    // The system looks twice at a path that may be empty.
    if path.is_empty() {
        flags |= libc::AT_EMPTY_PATH;
    }
    let mask = libc::STATX_BASIC_STATS | libc::STATX_BTIME;
    // SAFETY: all zero is a statx like another; it is live and the system's to be filled; the path is terminated.
    let out = unsafe {
        let mut out = std::mem::zeroed::<libc::statx>();
        if libc::syscall(libc::SYS_statx, raw(directory), path.as_ptr(), flags, mask, &raw mut out) < 0 {
            return match io::Error::last_os_error() {
                // Before Linux 4.11, and in sandboxes that do not know it.
                error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    older_status_at(directory, path, flags)
                }
                error => Err(error),
            };
        }
        out
    };
    let device = |major: u32, minor: u32| libc::makedev(major, minor) as u64;
    Ok(Status {
        kind: Kind::of(u32::from(out.stx_mode) >> 12),
        mode: u32::from(out.stx_mode) & 0o7777,
        device: device(out.stx_dev_major, out.stx_dev_minor),
        inode: out.stx_ino,
        node_device: device(out.stx_rdev_major, out.stx_rdev_minor),
        uid: out.stx_uid,
        gid: out.stx_gid,
        bytes: out.stx_size,
        block_bytes: out.stx_blksize,
        links: out.stx_nlink,
        accessed: out.stx_atime.tv_sec,
        modified: out.stx_mtime.tv_sec,
        changed: out.stx_ctime.tv_sec,
        born: if out.stx_mask & libc::STATX_BTIME != 0 { out.stx_btime.tv_sec } else { 0 },
    })
}

/// The widths of `struct stat` differ between targets.
#[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
fn older_status_at(directory: Option<BorrowedFd<'_>>, path: &CStr, flags: c_int) -> io::Result<Status> {
    // SAFETY: as in `status_at`.
    let out = unsafe {
        let mut out = std::mem::zeroed::<libc::stat>();
        if libc::fstatat(raw(directory), path.as_ptr(), &raw mut out, flags) != 0 {
            return Err(io::Error::last_os_error());
        }
        out
    };
    Ok(Status {
        kind: Kind::of(out.st_mode >> 12),
        mode: out.st_mode & 0o7777,
        device: out.st_dev as u64,
        inode: out.st_ino as u64,
        node_device: out.st_rdev as u64,
        uid: out.st_uid,
        gid: out.st_gid,
        bytes: out.st_size as u64,
        block_bytes: out.st_blksize as u32,
        links: out.st_nlink as u32,
        accessed: out.st_atime as i64,
        modified: out.st_mtime as i64,
        changed: out.st_ctime as i64,
        born: 0,
    })
}

/// Names about which [`Directory::look_ahead`] asks at a time.
const AHEAD: usize = 64;

/// A linux_dirent64: where its name lies (a NUL is behind it), where the next one begins.
struct Record {
    name: (usize, usize),
    kind: Kind,
    end: usize,
    position: i64,
}

fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// An open directory and where its reading has come to.
#[derive(Debug)]
pub struct Directory {
    fd: OwnedFd,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What is known of the next names; None: nothing.
    ahead: Vec<Option<Status>>,
    /// How many of those names have been given.
    given: usize,
    /// The system's cookie behind the last name given.
    position: i64,
}

impl Directory {
    /// Reads from where `fd` stands. `buffer` is memory to be used again, or an empty one.
    pub fn new(fd: OwnedFd, buffer: Vec<u8>) -> Self {
        let buffer = if buffer.len() == BUFFER_BYTES { buffer } else { vec![0; BUFFER_BYTES] };
        Directory { fd, buffer, start: 0, end: 0, ahead: Vec::new(), given: 0, position: 0 }
    }

    /// The memory back.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Its descriptor.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Where the reading has come to, for [`Directory::seek`] on another descriptor of the same directory.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Goes on behind the name at which [`Directory::position`] was asked.
    ///
    /// # Errors
    /// The system's.
    pub fn seek(&mut self, position: i64) -> io::Result<()> {
        // SAFETY: a descriptor that is open for the length of the call.
        if unsafe { libc::lseek64(self.fd.as_raw_fd(), position, libc::SEEK_SET) } < 0 {
            return Err(io::Error::last_os_error());
        }
        (self.start, self.end, self.position) = (0, 0, position);
        self.ahead.clear();
        self.given = 0;
        Ok(())
    }

    /// The next name and what it stands for; `.` and `..` are left out. A reading error ends it like the directory's end.
    pub fn next_name(&mut self) -> Option<(&[u8], Kind)> {
        loop {
            if self.start >= self.end && !self.fill() {
                return None;
            }
            let record = self.record(self.start)?;
            (self.start, self.position) = (record.end, record.position);
            let name = self.buffer.get(record.name.0..record.name.1)?;
            if !is_dots(name) {
                self.given += 1;
                return Some((self.buffer.get(record.name.0..record.name.1)?, record.kind));
            }
        }
    }

    /// Asks statx(2), without following links, about the next names that have been read, [`AHEAD`] at most. One after the
    /// other they cost a fifth less than with other work in between.
    pub fn look_ahead(&mut self) {
        if self.given < self.ahead.len() {
            return;
        }
        self.ahead.clear();
        self.given = 0;
        let mut start = self.start;
        while self.ahead.len() < AHEAD
            && let Some(record) = self.record(start)
        {
            start = record.end;
            let name = self.buffer.get(record.name.0..=record.name.1).map(CStr::from_bytes_with_nul);
            let Some(Ok(name)) = name else { return };
            if !is_dots(name.to_bytes()) {
                let status = status_at(Some(self.fd.as_fd()), name, false);
                self.ahead.push(status.ok());
            }
        }
    }

    /// What [`Directory::look_ahead`] has found out about the name given last.
    pub fn status(&self) -> Option<Status> {
        *self.ahead.get(self.given.checked_sub(1)?)?
    }

    fn record(&self, start: usize) -> Option<Record> {
        let record = self.buffer.get(start..self.end)?;
        let [offset, length, kind, name] = FIELDS;
        let position = i64::from_ne_bytes(record.get(offset..offset + 8)?.try_into().ok()?);
        let length = usize::from(u16::from_ne_bytes(record.get(length..length + 2)?.try_into().ok()?));
        let kind = Kind::of(u32::from(*record.get(kind)?));
        let end = name + memchr::memchr(0, record.get(name..length)?)?;
        Some(Record { name: (start + name, start + end), kind, end: start + length, position })
    }

    fn fill(&mut self) -> bool {
        // SAFETY: the buffer is live and of the stated length.
        let count = unsafe {
            libc::syscall(libc::SYS_getdents64, self.fd.as_raw_fd(), self.buffer.as_mut_ptr(), self.buffer.len())
        };
        (self.start, self.end) = (0, usize::try_from(count).unwrap_or(0));
        self.end > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;
    use std::collections::BTreeSet;
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;

    fn open(path: &std::path::Path) -> OwnedFd {
        let path = CString::new(path.as_os_str().as_bytes()).unwrap();
        open_at(None, &path, libc::O_DIRECTORY).unwrap()
    }

    #[test]
    fn names_are_the_directorys_also_after_going_back() {
        let tree = Tree::new("directory-names");
        for index in 0..3000 {
            tree.file(format!("a name of some length {index}\n"), "");
        }
        let all: BTreeSet<_> =
            std::fs::read_dir(tree.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let mut directory = Directory::new(open(tree.path()), Vec::new());
        let mut seen = BTreeSet::new();
        while let Some((name, kind)) = directory.next_name() {
            assert!(matches!(kind, Kind::Regular | Kind::Unknown));
            assert!(seen.insert(std::ffi::OsStr::from_bytes(name).to_owned()));
            if seen.len() % 1000 == 500 {
                let position = directory.position();
                directory = Directory::new(open(tree.path()), directory.into_buffer());
                directory.seek(position).unwrap();
            }
        }
        assert_eq!(seen, all);
    }

    #[test]
    fn status_is_what_stat_says() {
        for path in ["/etc/passwd", "/dev/null", "/proc/self/exe", "/", "/tmp"] {
            let (ours, theirs) =
                (status_at(None, &CString::new(path).unwrap(), true).unwrap(), std::fs::metadata(path).unwrap());
            assert_eq!(
                (ours.device, ours.inode, ours.node_device),
                (theirs.dev(), theirs.ino(), theirs.rdev()),
                "{path}"
            );
            assert_eq!((ours.mode, ours.uid, ours.gid), (theirs.mode() & 0o7777, theirs.uid(), theirs.gid()));
            assert_eq!((u64::from(ours.links), ours.modified), (theirs.nlink(), theirs.mtime()));
            let older = older_status_at(None, &CString::new(path).unwrap(), 0).unwrap();
            assert_eq!(Status { born: 0, ..ours }, older, "{path}");
        }
        assert_eq!(status_at(None, c"/proc/self/exe", false).unwrap().kind, Kind::Link);
        assert_eq!(status_at(None, c"/nonexistent", true).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn nothing_leads_out_of_a_root() {
        let tree = Tree::new("directory-inside");
        tree.file("etc/name", "inside").link("absolute", "/etc/name").link("above", "../../../etc/name");
        let root = open(tree.path());
        for path in [c"/absolute", c"above", c"/../../etc/name"] {
            let file = match open_inside(root.as_fd(), path, libc::O_RDONLY) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => return,
                file => File::from(file.unwrap()),
            };
            assert_eq!(io::read_to_string(file).unwrap(), "inside");
        }
    }
}
