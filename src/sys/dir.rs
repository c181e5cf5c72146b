//! Directories read through open descriptors (openat(2), getdents64(2)), for /proc: hundreds of small files by short
//! names that live on the stack, and `/proc/PID` held open, so that what is read in it is of one process even if its
//! pid is used again.
//!
//! Everything lies below [`Root`](super::root::Root) and counts as its accesses. Nothing waits: files are opened
//! without blocking, and where a reading has no bound of its own only regular files are taken. No heap but the buffers
//! of the callers and one of 4 KiB for a listing.

use super::root::Lines;
use crate::sql::table::Context;
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::rc::Rc;

/// Bytes of a listing that are asked for at once: some 150 entries of /proc.
const LISTING_BYTES: usize = 4096;
const NAME_BYTES: usize = 64;

/// A path of at most 63 bytes below a directory, put together on the stack.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// Zeros after the name: the terminator is always there.
    bytes: [u8; NAME_BYTES],
    /// [`NAME_BYTES`] or more: too long.
    length: usize,
}

impl Name {
    /// From its bytes.
    pub fn new(text: &[u8]) -> Self {
        Name { bytes: [0; NAME_BYTES], length: 0 }.with(text)
    }

    /// A decimal number: `/proc/PID`, `/proc/PID/fd/N`.
    pub fn number(number: u32) -> Self {
        let mut digits = [0u8; 10];
        let mut rest = number;
        let mut start = digits.len();
        while let Some(digit) = start.checked_sub(1).and_then(|at| digits.get_mut(at)) {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            start -= 1;
            if rest == 0 {
                break;
            }
        }
        Name::new(digits.get(start..).unwrap_or(&[]))
    }

    /// The same with `text` after it. What is too long is refused when it is used.
    #[must_use]
    pub fn with(mut self, text: &[u8]) -> Self {
        let end = self.length.saturating_add(text.len());
        if end < NAME_BYTES
            && let Some(place) = self.bytes.get_mut(self.length..end)
        {
            place.copy_from_slice(text);
        }
        self.length = end;
        self
    }

    fn terminated(&self) -> io::Result<*const libc::c_char> {
        match self.bytes.get(..self.length) {
            Some(text) if self.length < NAME_BYTES && !text.contains(&0) => Ok(self.bytes.as_ptr().cast()),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }
}

/// An open directory.
pub struct Dir {
    fd: OwnedFd,
    context: Rc<Context>,
}

/// What is known of a file without opening it (statx(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Kind and permissions (inode(7)).
    pub mode: u32,
    /// Inode number.
    pub inode: u64,
    /// Device number, major and minor.
    pub device: (u32, u32),
}

impl Status {
    /// Whether it is the same file as another path's.
    pub fn is(&self, other: &Metadata) -> bool {
        (self.inode, self.device) == (other.ino(), (libc::major(other.dev()), libc::minor(other.dev())))
    }
}

impl Dir {
    /// Opens a directory of the root.
    ///
    /// # Errors
    /// The system's; ENOTDIR if it is none.
    pub fn open(context: &Rc<Context>, path: &str) -> io::Result<Self> {
        let place = CString::new(context.root.access(Path::new(path))?.as_os_str().as_bytes())?;
        // SAFETY: the path is terminated; the descriptor is owned as soon as it is known to be one.
        let fd = unsafe { owned(libc::openat(libc::AT_FDCWD, place.as_ptr(), LISTED))? };
        Ok(Dir { fd, context: context.clone() })
    }

    /// One of its directories, for looking up names in it but not for listing, which needs no permission to read it.
    ///
    /// # Errors
    /// The system's.
    pub fn sub(&self, name: &Name) -> io::Result<Self> {
        Ok(Dir { fd: self.opened(name, libc::O_PATH | libc::O_DIRECTORY)?, context: self.context.clone() })
    }

    fn opened(&self, name: &Name, flags: libc::c_int) -> io::Result<OwnedFd> {
        let text = name.terminated()?;
        self.allow()?;
        // SAFETY: the name is terminated; the descriptor is owned as soon as it is known to be one.
        unsafe { owned(libc::openat(self.fd.as_raw_fd(), text, flags | libc::O_CLOEXEC)) }
    }

    fn allow(&self) -> io::Result<()> {
        self.context.root.access(Path::new("")).map(|_| ())
    }

    /// Opens a file without reading it yet.
    ///
    /// # Errors
    /// The system's.
    pub fn file(&self, name: &Name) -> io::Result<File> {
        let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOCTTY;
        self.opened(name, flags).map(File::from)
    }

    /// Reads the start of a file: as much as one pread(2) gives, which for the files that the kernel makes in one piece
    /// (stat, status, cmdline, io, cgroup, environ) is all that fits.
    ///
    /// # Errors
    /// The system's; ESRCH from a process that has ended.
    pub fn read(&self, name: &Name, buffer: &mut [u8]) -> io::Result<usize> {
        read(&self.file(name)?, buffer)
    }

    /// The same whole: `buffer` grows as it must, up to `most` bytes, where the file is cut. What is read lies in its
    /// beginning; the length is returned.
    ///
    /// # Errors
    /// As of [`Dir::read`].
    pub fn read_whole(&self, name: &Name, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        let mut length = self.read(name, buffer)?;
        // The kernel makes the text anew at each opening, so a longer one is read from its start.
        while length == buffer.len() && length < most {
            make_room(buffer, length.saturating_mul(4).clamp(LISTING_BYTES, most));
            length = self.read(name, buffer)?;
        }
        Ok(length)
    }

    /// Has `lines` give the lines of a file.
    ///
    /// # Errors
    /// The system's; InvalidInput for anything but a regular file.
    pub fn lines(&self, name: &Name, lines: &mut Lines) -> io::Result<()> {
        let file = self.file(name)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        lines.begin(file);
        Ok(())
    }

    /// Where a link leads, into `buffer` (cut where it ends); returns the number of bytes.
    ///
    /// # Errors
    /// The system's; EINVAL if it is no link.
    pub fn read_link(&self, name: &Name, buffer: &mut [u8]) -> io::Result<usize> {
        let text = name.terminated()?;
        self.allow()?;
        // SAFETY: the name is terminated, the buffer live and of the stated length.
        let count = unsafe { libc::readlinkat(self.fd.as_raw_fd(), text, buffer.as_mut_ptr().cast(), buffer.len()) };
        if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
    }

    /// What a name is, or with `follow` what the link of this name leads to. Servers of network file systems are not
    /// asked.
    ///
    /// # Errors
    /// The system's.
    pub fn status(&self, name: &Name, follow: bool) -> io::Result<Status> {
        let text = name.terminated()?;
        self.allow()?;
        let flags = if follow { 0 } else { libc::AT_SYMLINK_NOFOLLOW };
        let mut out = MaybeUninit::<libc::statx>::zeroed();
        // SAFETY: the name is terminated, the structure live and zero is a valid value of it.
        let (result, out) = unsafe {
            let (fd, wanted) = (self.fd.as_raw_fd(), libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_INO);
            let flags = flags | libc::AT_STATX_DONT_SYNC;
            (libc::syscall(libc::SYS_statx, fd, text, flags, wanted, out.as_mut_ptr()), out.assume_init())
        };
        if result == 0 {
            let device = (out.stx_dev_major, out.stx_dev_minor);
            return Ok(Status { mode: u32::from(out.stx_mode), inode: out.stx_ino, device });
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOSYS) => self.status_of_old(text, flags),
            error => Err(error),
        }
    }

    /// fstatat(2), for kernels before 4.11.
    #[allow(clippy::unnecessary_cast)]
    fn status_of_old(&self, name: *const libc::c_char, flags: libc::c_int) -> io::Result<Status> {
        // SAFETY: the name is terminated (see `status`), the structure live and zero is a valid value of it.
        let (result, out) = unsafe {
            let mut out: libc::stat = mem::zeroed();
            (libc::fstatat(self.fd.as_raw_fd(), name, &raw mut out, flags), out)
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let device = (libc::major(out.st_dev) as u32, libc::minor(out.st_dev) as u32);
        Ok(Status { mode: out.st_mode as u32, inode: out.st_ino as u64, device })
    }
}

/// Makes a buffer at least so long. What was in it may be gone: memory that is zero already comes from the system, and
/// filling it byte by byte would take longer than what is read into it.
pub fn make_room(buffer: &mut Vec<u8>, length: usize) {
    if buffer.len() < length {
        *buffer = vec![0; length];
    }
}

/// How a directory is opened that will be listed.
const LISTED: libc::c_int = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;

/// # Safety
/// `fd` is what open returned just now, so nobody else has it.
unsafe fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd) }) }
}

/// One pread(2) of a file's start, taken up again if a signal interrupts it.
///
/// # Errors
/// The system's.
pub fn read(file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The names in a directory, one after the other, in the system's order.
#[derive(Default)]
pub struct Listing {
    dir: Option<Dir>,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
}

impl Listing {
    /// Begins with a directory that [`Dir::open`] opened.
    pub fn begin(&mut self, dir: Dir) {
        (self.dir, self.at, self.end) = (Some(dir), 0, 0);
    }

    /// Begins with a directory below another.
    ///
    /// # Errors
    /// The system's; there is nothing to list then.
    pub fn begin_at(&mut self, dir: &Dir, name: &Name) -> io::Result<()> {
        self.dir = None;
        let fd = dir.opened(name, LISTED)?;
        self.begin(Dir { fd, context: dir.context.clone() });
        Ok(())
    }

    /// The directory that is listed.
    pub fn dir(&self) -> Option<&Dir> {
        self.dir.as_ref()
    }

    /// The next name, `.` and `..` among them. An error ends the listing.
    fn next(&mut self) -> Option<&[u8]> {
        if self.at >= self.end {
            self.fill()?;
        }
        // struct linux_dirent64: inode and offset of 8 bytes each, the record's length, a byte of type, the name.
        let record = self.buffer.get(self.at..self.end)?;
        let length = usize::from(u16::from_ne_bytes([*record.get(16)?, *record.get(17)?]));
        let name = record.get(19..length)?;
        self.at += length;
        name.get(..memchr::memchr(0, name)?)
    }

    fn fill(&mut self) -> Option<()> {
        let dir = self.dir.as_ref()?;
        dir.allow().ok()?;
        make_room(&mut self.buffer, LISTING_BYTES);
        // SAFETY: the buffer is live and of the stated length.
        let count = unsafe {
            libc::syscall(libc::SYS_getdents64, dir.fd.as_raw_fd(), self.buffer.as_mut_ptr(), self.buffer.len())
        };
        (self.at, self.end) = (0, usize::try_from(count).unwrap_or(0));
        (self.end > 0).then_some(())
    }

    /// The next name that is a decimal number: a pid in /proc, a descriptor in /proc/PID/fd.
    pub fn next_number(&mut self) -> Option<u32> {
        loop {
            if let Some(number) = decimal(self.next()?) {
                return Some(number);
            }
        }
    }
}

/// A number of decimal digits and nothing else.
fn decimal(text: &[u8]) -> Option<u32> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    text.first()?;
    text.iter().try_fold(0u32, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;
    use crate::sys::root::Root;

    fn context(tree: &Tree) -> Rc<Context> {
        Rc::new(Context { root: Root::new(tree.path()), ..Context::default() })
    }

    fn listed(dir: Dir) -> Vec<u32> {
        let mut listing = Listing::default();
        listing.begin(dir);
        std::iter::from_fn(|| listing.next_number()).collect()
    }

    #[test]
    fn names_are_put_together_and_bounded() {
        for (number, text) in [(0, "0"), (7, "7"), (4_194_304, "4194304"), (u32::MAX, "4294967295")] {
            let name = Name::number(number).with(b"/fd");
            assert_eq!(&name.bytes[..name.length], format!("{text}/fd").as_bytes());
        }
        assert!(Name::new(&[b'x'; 63]).terminated().is_ok());
        assert!(Name::new(&[b'x'; 64]).terminated().is_err());
        assert!(Name::new(&[b'x'; 40]).with(&[b'y'; 40]).with(b"z").terminated().is_err());
        assert!(Name::new(b"a\0b").terminated().is_err());
    }

    #[test]
    fn a_long_listing_comes_in_pieces_and_without_what_is_no_number() {
        let tree = Tree::new("listing");
        let mut wanted: Vec<u32> = (1..1000).map(|number| number * 4_000_000).collect();
        for number in &wanted {
            tree.file(format!("/d/{number}"), "");
        }
        for name in ["self", "12a", "-1", "+1", "4294967296", "99999999999", " 1"] {
            tree.file(format!("/d/{name}"), "");
        }
        let mut numbers = listed(Dir::open(&context(&tree), "/d").unwrap());
        numbers.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(numbers, wanted);
    }

    #[test]
    fn reads_what_grows_and_never_waits() {
        let tree = Tree::new("dir");
        tree.file("/p/7/short", "text").file("/p/7/long", vec![b'x'; 100_000]).link("/p/7/exe", "/bin/x y");
        let made = std::process::Command::new("mkfifo").arg(tree.place("/p/7/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        let dir = Dir::open(&context(&tree), "/p").unwrap().sub(&Name::number(7)).unwrap();
        let mut buffer = vec![0; 10];
        assert_eq!(dir.read_whole(&Name::new(b"short"), &mut buffer, 1 << 20).unwrap(), 4);
        assert_eq!(dir.read_whole(&Name::new(b"long"), &mut buffer, 1 << 20).unwrap(), 100_000);
        assert_eq!(dir.read_whole(&Name::new(b"long"), &mut vec![], 50_000).unwrap(), 50_000);
        assert_eq!(dir.read(&Name::new(b"fifo"), &mut buffer).unwrap_or(0), 0);
        assert!(dir.lines(&Name::new(b"fifo"), &mut Lines::default()).is_err());
        assert_eq!(dir.read_link(&Name::new(b"exe"), &mut buffer).unwrap(), 8);
        assert!(buffer.starts_with(b"/bin/x y"));
        let fifo = dir.status(&Name::new(b"fifo"), true).unwrap();
        assert_eq!(fifo.mode & libc::S_IFMT, libc::S_IFIFO);
        assert!(dir.status(&Name::new(b"exe"), true).is_err());
        let link = dir.status(&Name::new(b"exe"), false).unwrap();
        assert_eq!(link.mode & libc::S_IFMT, libc::S_IFLNK);
        assert_eq!(
            link,
            dir.status_of_old(Name::new(b"exe").terminated().unwrap(), libc::AT_SYMLINK_NOFOLLOW).unwrap()
        );
    }

    #[test]
    fn accesses_fail_on_demand() {
        let tree = Tree::new("dir-fails");
        tree.file("/p/1/x", "text");
        let context = context(&tree);
        let dir = Dir::open(&context, "/p").unwrap();
        context.root.fail_from(1);
        let name = Name::number(1);
        assert!(dir.sub(&name).is_err());
        assert!(dir.read(&name, &mut [0; 8]).is_err());
        assert!(dir.read_link(&name, &mut [0; 8]).is_err());
        assert!(dir.status(&name, true).is_err());
        assert!(Dir::open(&context, "/p").is_err());
        assert_eq!(context.root.accesses(), 5);
        assert!(listed(dir).is_empty());
    }
}
