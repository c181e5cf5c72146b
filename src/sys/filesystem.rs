//! What a file system says of itself: fstatfs(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `f_type` of procfs (statfs(2)).
pub const PROC: i64 = 0x9fa0;

/// Figures of a file system; all are 0 where it keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Figures {
    /// Its number, as [`PROC`].
    pub kind: i64,
    /// Bytes of a block; the next three count blocks.
    pub block_bytes: i64,
    pub blocks: i64,
    pub free: i64,
    /// Free to those who are not root.
    pub available: i64,
    pub inodes: i64,
    pub inodes_free: i64,
}

/// The file system on which an open file lies; O_PATH will do (since Linux 3.12).
///
/// # Errors
/// The system's.
// The widths of `struct statfs` differ between targets.
#[allow(clippy::unnecessary_cast)]
pub fn figures(fd: BorrowedFd<'_>) -> io::Result<Figures> {
    // SAFETY: all zero is a statfs like another; it is live and the system's to be filled; the descriptor is open.
    let out = unsafe {
        let mut out = std::mem::zeroed::<libc::statfs64>();
        if libc::fstatfs64(fd.as_raw_fd(), &raw mut out) != 0 {
            return Err(io::Error::last_os_error());
        }
        out
    };
    Ok(Figures {
        kind: out.f_type as i64,
        block_bytes: out.f_bsize as i64,
        blocks: out.f_blocks as i64,
        free: out.f_bfree as i64,
        available: out.f_bavail as i64,
        inodes: out.f_files as i64,
        inodes_free: out.f_ffree as i64,
    })
}
