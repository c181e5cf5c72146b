//! Local stream sockets (unix(7)), connected without waiting for ever: a listener whose queue is full would otherwise
//! hold a connecting process for as long as it likes.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Connects to the socket at `path`; waits at most `timeout` for the listener's queue, and as long for each write.
///
/// # Errors
/// The system's; InvalidInput for a path longer than an address holds (107 bytes) or with a NUL; WouldBlock when the time
/// is over.
pub fn connect(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let bytes = path.as_os_str().as_bytes();
    // SAFETY: a plain C struct for which zero is a valid value.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // One byte must stay zero: the end of the path.
    if bytes.is_empty() || bytes.len() >= address.sun_path.len() || bytes.contains(&0) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    for (slot, byte) in address.sun_path.iter_mut().zip(bytes) {
        *slot = *byte as libc::c_char;
    }
    // SAFETY: the descriptor is owned from the moment it exists.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        UnixStream::from(OwnedFd::from_raw_fd(fd))
    };
    // The kernel takes the time to wait for a connection from the one for writing (net/unix/af_unix.c).
    socket.set_write_timeout(Some(timeout))?;
    // SAFETY: the address is initialised and of the stated length.
    let result = unsafe {
        let length = mem::size_of::<libc::sockaddr_un>() as libc::socklen_t;
        libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
}

#[cfg(test)]
mod tests {
    use super::connect;
    use std::io::ErrorKind;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::time::{Duration, Instant};

    #[test]
    fn a_full_queue_is_not_waited_for_longer_than_told() {
        let path = std::env::temp_dir().join(format!("stemma-local-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: the descriptor is open. A queue of one: std asks for a long one.
        assert_eq!(unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) }, 0);
        let start = Instant::now();
        let mut held = Vec::new();
        let error = loop {
            match connect(&path, Duration::from_millis(50)) {
                Ok(stream) => held.push(stream),
                Err(error) => break error,
            }
            assert!(held.len() < 100);
        };
        std::fs::remove_file(&path).unwrap();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(start.elapsed() < Duration::from_secs(5) && !held.is_empty());
    }

    #[test]
    fn says_what_is_wrong_with_a_path() {
        let timeout = Duration::from_secs(1);
        let kind = |path: &str| connect(Path::new(path), timeout).unwrap_err().kind();
        assert_eq!(kind("/nonexistent/socket"), ErrorKind::NotFound);
        assert_eq!(kind(&"/x".repeat(54)), ErrorKind::InvalidInput);
        assert_eq!(kind(""), ErrorKind::InvalidInput);
        let file = std::env::temp_dir().join(format!("stemma-local-file-{}", std::process::id()));
        std::fs::write(&file, "").unwrap();
        assert_eq!(kind(file.to_str().unwrap()), ErrorKind::ConnectionRefused);
        std::fs::remove_file(&file).unwrap();
    }
}
