//! Limits of this process (getrlimit(2)), through prlimit64, whose numbers have 64 bits on every machine.

use std::io;

/// Names as in limits.conf(5), and resources, sorted by name.
// The constants' type is not the same in all C libraries.
#[allow(clippy::unnecessary_cast)]
pub const RESOURCES: [(&str, u32); 16] = [
    ("as", libc::RLIMIT_AS as u32),
    ("core", libc::RLIMIT_CORE as u32),
    ("cpu", libc::RLIMIT_CPU as u32),
    ("data", libc::RLIMIT_DATA as u32),
    ("fsize", libc::RLIMIT_FSIZE as u32),
    ("locks", libc::RLIMIT_LOCKS as u32),
    ("memlock", libc::RLIMIT_MEMLOCK as u32),
    ("msgqueue", libc::RLIMIT_MSGQUEUE as u32),
    ("nice", libc::RLIMIT_NICE as u32),
    ("nofile", libc::RLIMIT_NOFILE as u32),
    ("nproc", libc::RLIMIT_NPROC as u32),
    ("rss", libc::RLIMIT_RSS as u32),
    ("rtprio", libc::RLIMIT_RTPRIO as u32),
    ("rttime", libc::RLIMIT_RTTIME as u32),
    ("sigpending", libc::RLIMIT_SIGPENDING as u32),
    ("stack", libc::RLIMIT_STACK as u32),
];

/// Soft and hard limit of a resource, in the unit of getrlimit(2); None: unlimited.
///
/// # Errors
/// The system's: EINVAL for a resource that it does not know.
pub fn limits(resource: u32) -> io::Result<(Option<u64>, Option<u64>)> {
    let mut limits = [0u64; 2];
    // SAFETY: the two numbers are live; nothing is set.
    let result =
        unsafe { libc::syscall(libc::SYS_prlimit64, 0, resource, std::ptr::null::<[u64; 2]>(), limits.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let [soft, hard] = limits.map(|limit| (limit != u64::MAX).then_some(limit));
    Ok((soft, hard))
}
