//! Files without allocating: for /proc, where a path is short and a buffer is at hand.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// A path of at most 63 bytes with the NUL that the system wants.
fn terminated(path: &[u8]) -> io::Result<[u8; 64]> {
    let mut text = [0u8; 64];
    match text.get_mut(..path.len()) {
        Some(start) if path.len() < 64 && !path.contains(&0) => start.copy_from_slice(path),
        _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
    Ok(text)
}

/// Reads a file from its start until it ends or `buffer` is full; returns the number of bytes.
pub fn read_into(path: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
    let path = terminated(path)?;
    // SAFETY: the path is terminated; the descriptor is owned as soon as it is known to be one.
    let fd = unsafe {
        let fd = libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOCTTY);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    fill(&fd, buffer)
}

fn fill(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` is live and of the stated length.
        let count = unsafe { libc::read(fd.as_raw_fd(), rest.as_mut_ptr().cast(), rest.len()) };
        match count {
            0 => break,
            1.. => filled += count as usize,
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    Ok(filled)
}

/// readlink(2) into `buffer`; returns the number of bytes (cut where the buffer ends).
pub fn read_link(path: &[u8], buffer: &mut [u8]) -> io::Result<usize> {
    let path = terminated(path)?;
    // SAFETY: the path is terminated, the buffer live and of the stated length.
    let count = unsafe { libc::readlink(path.as_ptr().cast(), buffer.as_mut_ptr().cast(), buffer.len()) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// An exclusive lock on a file (flock(2)), held until dropped.
pub struct Lock(#[allow(dead_code)] Option<std::fs::File>);

impl Lock {
    /// Takes the lock; None if somebody else holds it.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn take(path: &std::path::Path) -> io::Result<Option<Self>> {
        loop {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            // SAFETY: a descriptor that is open for the length of the call.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
                return match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                    error => Err(error),
                };
            }
            // Its last holder may have removed it since it was opened: then it keeps nobody out.
            let ours = file.metadata()?;
            if std::fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
                return Ok(Some(Lock(Some(file))));
            }
        }
    }

    /// Removes the file and gives the lock up.
    pub fn remove(self, path: &std::path::Path) {
        let _ = std::fs::remove_file(path);
    }

    /// No lock, where none can be had and none is needed.
    pub fn none() -> Self {
        Lock(None)
    }
}
