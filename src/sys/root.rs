//! The file system as tables see it: everything below one directory, which is `/` but for tests and for images of other
//! machines mounted somewhere. Nothing here waits: what is no regular file is never read, whatever its name.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file that [`Root::read`] takes whole, bytes.
pub const MOST_BYTES: u64 = 8 << 20;
/// Longest line that [`Lines`] gives, bytes; what is longer is cut.
pub const LINE_BYTES: usize = 64 << 10;

/// A directory that stands for `/`.
#[derive(Debug, Default)]
pub struct Root {
    /// Empty: `/` itself.
    directory: PathBuf,
    /// Accesses made.
    accesses: Cell<u32>,
    /// The access, counted from 1, from which on every one fails with EIO; 0: none.
    failing: Cell<u32>,
}

impl Root {
    /// Everything below `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Root { directory: directory.into(), ..Root::default() }
    }

    /// For tests: every access from number `from` (1: the next) on fails with EIO; 0: none does.
    pub fn fail_from(&self, from: u32) {
        self.accesses.set(0);
        self.failing.set(from);
    }

    /// Accesses made since the last [`Root::fail_from`].
    pub fn accesses(&self) -> u32 {
        self.accesses.get()
    }

    /// Where a path lies for the system; an absolute path is taken from the root.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if self.directory.as_os_str().is_empty() {
            return path.to_path_buf();
        }
        self.directory.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The path as the root's own programs would say it: the opposite of [`Root::place`].
    pub fn shown<'a>(&self, place: &'a Path) -> &'a [u8] {
        let place = place.as_os_str().as_bytes();
        place.strip_prefix(self.directory.as_os_str().as_bytes()).unwrap_or(place)
    }

    /// The directory that stands for `/`; empty: `/` itself.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Counts an access; says whether it may be made. For accesses by descriptor: the others ask by themselves.
    ///
    /// # Errors
    /// EIO when the time has come (see [`Root::fail_from`]).
    pub fn permit(&self) -> io::Result<()> {
        let count = self.accesses.get().saturating_add(1);
        self.accesses.set(count);
        let failing = self.failing.get();
        if failing != 0 && count >= failing { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
    }

    pub(super) fn access(&self, path: &Path) -> io::Result<PathBuf> {
        self.permit()?;
        Ok(self.place(path))
    }

    /// Whether this is the running machine: only then may a table show what the kernel tells without files (netlink,
    /// socket options). Asking counts as an access.
    pub fn is_live(&self) -> bool {
        matches!(self.directory.as_os_str().as_bytes(), b"" | b"/") && self.access(Path::new("/")).is_ok()
    }

    /// Connects to a local stream socket, see [`super::local::connect`].
    ///
    /// # Errors
    /// The system's.
    pub fn connect(&self, path: impl AsRef<Path>, timeout: Duration) -> io::Result<UnixStream> {
        super::local::connect(&self.access(path.as_ref())?, timeout)
    }

    /// Opens a regular file for reading (links are followed).
    ///
    /// # Errors
    /// The system's; InvalidInput for anything but a regular file: FIFOs, devices and sockets are closed unread.
    pub fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let place = self.access(path.as_ref())?;
        // Without O_NONBLOCK the opening of a FIFO would wait for a writer.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(place)?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::from(io::ErrorKind::InvalidInput)) }
    }

    /// Opens a character device of this major number for reading, or a regular file in its place (an image's, a
    /// test's).
    ///
    /// # Errors
    /// The system's; InvalidInput for anything else.
    pub fn open_device(&self, path: impl AsRef<Path>, major: u32) -> io::Result<File> {
        let place = self.access(path.as_ref())?;
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        // Opening a device may set something off: look at what it is before and, for it may be another then, after.
        let is_wanted = |status: &Metadata| {
            let is_device = status.file_type().is_char_device() && libc::major(status.rdev()) == major;
            is_device || status.is_file()
        };
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        if !is_wanted(&fs::metadata(&place)?) {
            return Err(invalid());
        }
        let file = OpenOptions::new().read(true).custom_flags(flags).open(place)?;
        if is_wanted(&file.metadata()?) { Ok(file) } else { Err(invalid()) }
    }

    /// A whole file.
    ///
    /// # Errors
    /// As of [`Root::open`]; FileTooLarge beyond [`MOST_BYTES`].
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.open(path)?.take(MOST_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > MOST_BYTES { Err(io::Error::from(io::ErrorKind::FileTooLarge)) } else { Ok(text) }
    }

    /// A file of one short line, as in /sys: without the blanks at both ends; empty if it cannot be read.
    pub fn line(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let mut text = Vec::new();
        let read = self.open(path).and_then(|file| file.take(LINE_BYTES as u64).read_to_end(&mut text));
        if read.is_err() {
            text.clear();
        }
        text.trim_ascii().to_vec()
    }

    /// A file's lines one after the other, however large it is.
    ///
    /// # Errors
    /// As of [`Root::open`].
    pub fn lines(&self, path: impl AsRef<Path>) -> io::Result<Lines> {
        Ok(Lines::of(self.open(path)?))
    }

    /// The names in a directory, in the system's order, without `.` and `..`; none if it cannot be read.
    pub fn names(&self, path: impl AsRef<Path>) -> Names {
        Names(self.access(path.as_ref()).and_then(fs::read_dir).ok())
    }

    /// The same, sorted, all at once: for directories known to be small.
    pub fn sorted_names(&self, path: impl AsRef<Path>) -> Vec<OsString> {
        let mut names: Vec<_> = self.names(path).collect();
        names.sort_unstable();
        names
    }

    /// Where a symbolic link leads, as it stands there.
    ///
    /// # Errors
    /// The system's; EINVAL if it is no link.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        Ok(fs::read_link(self.access(path.as_ref())?)?.into_os_string().into_vec())
    }

    /// stat(2): links are followed.
    ///
    /// # Errors
    /// The system's.
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        fs::metadata(self.access(path.as_ref())?)
    }

    /// lstat(2): links are not followed.
    ///
    /// # Errors
    /// The system's.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        fs::symlink_metadata(self.access(path.as_ref())?)
    }

    /// Whether the path leads to something.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.metadata(path).is_ok()
    }
}

/// See [`Root::names`].
#[derive(Debug)]
pub struct Names(pub(super) Option<fs::ReadDir>);

impl Iterator for Names {
    type Item = OsString;

    fn next(&mut self) -> Option<OsString> {
        self.0.as_mut()?.find_map(Result::ok).map(|entry| entry.file_name())
    }
}

/// See [`Root::lines`]. A reading error ends it like the file's end.
#[derive(Debug, Default)]
pub struct Lines {
    file: Option<File>,
    buffer: Vec<u8>,
    start: usize,
    /// The rest of a line that was cut is passed over.
    skipping: bool,
    over: bool,
    /// See [`Lines::end_below`].
    full: usize,
    /// Bytes that may be read before it pauses; None: all.
    allowed: Option<u64>,
}

impl Lines {
    /// The lines of a file that is open, from where it stands.
    pub fn of(file: File) -> Self {
        Lines { file: Some(file), ..Lines::default() }
    }

    /// Goes over to another file, and keeps the buffer.
    pub fn begin(&mut self, file: File) {
        self.buffer.clear();
        *self = Lines { file: Some(file), buffer: std::mem::take(&mut self.buffer), ..Lines::default() };
    }

    /// For a file of the kernel's: a reading that gives fewer bytes than `full` is known to be the last.
    pub fn end_below(&mut self, full: usize) {
        self.full = full;
    }

    /// Lets only so many bytes more be read; then there is no next line, and [`Lines::is_paused`], until more are allowed.
    /// For files that may be endless: a line of any length is passed over without giving anything.
    pub fn allow(&mut self, bytes: u64) {
        self.allowed = Some(bytes);
    }

    /// Whether there is no next line because no more may be read.
    pub fn is_paused(&self) -> bool {
        self.allowed == Some(0) && !self.over
    }

    /// The next line without its newline, at most [`LINE_BYTES`] of it.
    pub fn next_line(&mut self) -> Option<&[u8]> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or(&[]);
            let found = memchr::memchr(b'\n', rest);
            let (length, after) = match found {
                Some(length) => (length, 1),
                None if rest.len() >= LINE_BYTES => (LINE_BYTES, 0),
                None if self.over && rest.is_empty() => return None,
                None if self.over => (rest.len(), 0),
                None if self.is_paused() => return None,
                None => {
                    self.fill();
                    continue;
                }
            };
            let (from, to) = (self.start, self.start + length);
            self.start = to + after;
            // A cut line's rest ends with the newline that is met first.
            let skip = std::mem::replace(&mut self.skipping, after == 0 && !self.over);
            if !skip {
                return self.buffer.get(from..to.min(from + LINE_BYTES));
            }
        }
    }

    fn fill(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
        let length = self.buffer.len();
        let most = usize::try_from(self.allowed.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        self.buffer.resize(length + most.min(16 * 1024), 0);
        let count = loop {
            let Some(file) = &mut self.file else { break 0 };
            match file.read(self.buffer.get_mut(length..).unwrap_or(&mut [])) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        self.buffer.truncate(length + count);
        self.allowed = self.allowed.map(|allowed| allowed - count as u64);
        self.over |= count == 0 || count < self.full;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("stemma-root-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn lines(root: &Root, text: &[u8]) -> Vec<Vec<u8>> {
        fs::write(root.place("/lines"), text).unwrap();
        let mut lines = root.lines("/lines").unwrap();
        std::iter::from_fn(|| lines.next_line().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn lines_of_any_length_and_ending() {
        let root = Root::new(directory("lines"));
        assert_eq!(lines(&root, b""), Vec::<Vec<u8>>::new());
        assert_eq!(lines(&root, b"a\n\nb"), [b"a".to_vec(), vec![], b"b".to_vec()]);
        assert_eq!(lines(&root, b"a\n"), [b"a".to_vec()]);
        for length in [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, 10 << 20] {
            let text = [vec![b'x'; length], b"\nnext\n".to_vec()].concat();
            let read = lines(&root, &text);
            assert_eq!(read.len(), 2, "{length}");
            assert_eq!(read[0].len(), length.min(LINE_BYTES), "{length}");
            assert_eq!(read[1], b"next");
        }
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let root = Root::new(directory("fifo"));
        let made = std::process::Command::new("mkfifo").arg(root.place("/fifo")).status();
        assert!(made.is_ok_and(|status| status.success()));
        assert_eq!(root.read("/fifo").unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(root.read("/").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn devices_are_opened_by_their_kind() {
        // /dev/null has the major number 1 everywhere (Documentation/admin-guide/devices.txt).
        let root = Root::default();
        assert!(root.open_device("/dev/null", 1).is_ok());
        assert_eq!(root.open_device("/dev/null", 202).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(root.open_device("/", 1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        let root = Root::new(directory("device"));
        fs::write(root.place("/file"), b"x").unwrap();
        assert!(root.open_device("/file", 202).is_ok());
    }

    #[test]
    fn paths_lie_below_the_root_and_accesses_fail_on_demand() {
        let root = Root::new(directory("below"));
        fs::write(root.place("/name"), b" text\n").unwrap();
        assert_eq!(root.shown(&root.place("/name")), b"/name");
        assert_eq!(root.line("/name"), b"text");
        assert_eq!(root.sorted_names("/"), ["name"]);
        root.fail_from(2);
        assert!(root.exists("/name"));
        assert!(!root.exists("/name"));
        assert_eq!(root.sorted_names("/").len(), 0);
        assert_eq!(root.accesses(), 3);
    }
}
