//! Waiting for descriptors (poll(2)) and for signals as descriptors (signalfd(2)).

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Waits until one of `fds` is readable or `timeout_ms` has passed (`None`: for ever). Bit i of the result: fd i is
/// readable or in error. An interrupted wait is a wait that ended with nothing.
pub fn readable(fds: &[BorrowedFd<'_>], timeout_ms: Option<u32>) -> io::Result<u32> {
    const MOST: usize = 8;
    let mut set: [libc::pollfd; MOST] = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; MOST];
    for (slot, fd) in set.iter_mut().zip(fds) {
        slot.fd = fd.as_raw_fd();
    }
    let timeout = timeout_ms.map_or(-1, |ms| ms.min(i32::MAX as u32) as libc::c_int);
    let count = fds.len().min(MOST) as libc::nfds_t;
    // SAFETY: `set` is live and at least `count` long.
    if unsafe { libc::poll(set.as_mut_ptr(), count, timeout) } < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(0) } else { Err(error) };
    }
    Ok(set.iter().enumerate().fold(0, |bits, (index, slot)| bits | (u32::from(slot.revents != 0) << index)))
}

/// Signals delivered as readable bytes instead of handlers.
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks `signals` for this process and opens a descriptor that tells of them. SIGPIPE is ignored as well.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        // SAFETY: the set is initialised by sigemptyset before use; the descriptor is owned at once.
        unsafe {
            let mut set: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for &signal in signals {
                libc::sigaddset(&raw mut set, signal);
            }
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) < 0 {
                return Err(io::Error::last_os_error());
            }
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Signals { fd: OwnedFd::from_raw_fd(fd) }) }
        }
    }

    /// The next waiting signal's number.
    pub fn take(&mut self) -> Option<i32> {
        // SAFETY: reads exactly one structure into a live one.
        unsafe {
            let mut info: libc::signalfd_siginfo = mem::zeroed();
            let size = mem::size_of::<libc::signalfd_siginfo>();
            let read = libc::read(self.fd.as_raw_fd(), (&raw mut info).cast(), size);
            (read == size as isize).then_some(info.ssi_signo as i32)
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
