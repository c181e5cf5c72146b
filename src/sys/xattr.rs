//! Extended attributes of an open file (xattr(7)), also of one that is open with O_PATH: listxattr(2) and getxattr(2) on
//! its path in /proc/self/fd.

use super::directory::link_of;
use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;

/// The system's bound for the names of a file and for a value (XATTR_LIST_MAX, XATTR_SIZE_MAX), bytes.
const MOST_BYTES: usize = 64 << 10;

/// The names, each with a NUL behind it.
///
/// # Errors
/// The system's; ENOTSUP where the file system has none, ENOENT where /proc is not mounted.
pub fn names(fd: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    let path = link_of(fd);
    let mut text = vec![0u8; MOST_BYTES];
    // SAFETY: the path is terminated, the buffer live and of the stated length.
    let count = unsafe { libc::listxattr(path.as_ptr(), text.as_mut_ptr().cast(), text.len()) };
    shortened(text, count)
}

/// The value of a name.
///
/// # Errors
/// The system's; ENODATA if it has gone, EPERM if it may not be read.
pub fn value(fd: BorrowedFd<'_>, name: &CStr) -> io::Result<Vec<u8>> {
    let path = link_of(fd);
    let mut value = vec![0u8; MOST_BYTES];
    // SAFETY: path and name are terminated, the buffer live and of the stated length.
    let count = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    shortened(value, count)
}

fn shortened(mut bytes: Vec<u8>, count: libc::ssize_t) -> io::Result<Vec<u8>> {
    bytes.truncate(usize::try_from(count).map_err(|_| io::Error::last_os_error())?);
    Ok(bytes)
}

/// For tests: sets an attribute; false where the file system or the user cannot.
#[cfg(test)]
pub fn set(path: &std::path::Path, name: &CStr, value: &[u8]) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: path and name are terminated, the value is of the stated length.
    unsafe { libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) == 0 }
}
