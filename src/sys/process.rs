//! Facts about this process and about processes in general.

use std::mem;

/// Our own pid.
pub fn pid() -> u32 {
    std::process::id()
}

/// The effective user id.
pub fn effective_uid() -> u32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() }
}

/// Whether the effective user is root.
pub fn is_root() -> bool {
    effective_uid() == 0
}

/// Lowers this process's nice level by `steps` (setpriority(2)).
///
/// # Errors
/// EACCES or EPERM without CAP_SYS_NICE.
pub fn boost_priority(steps: u8) -> std::io::Result<()> {
    // SAFETY: no pointers involved.
    let result = unsafe {
        let nice = libc::getpriority(libc::PRIO_PROCESS as _, 0);
        libc::setpriority(libc::PRIO_PROCESS as _, 0, nice - libc::c_int::from(steps))
    };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// CPU time this process has used, user and system, microseconds (getrusage(2)).
pub fn cpu_us() -> i64 {
    let (user, system) = cpu_times_us();
    user + system
}

/// CPU time this process has used, microseconds: in user mode, and in the kernel (getrusage(2)).
pub fn cpu_times_us() -> (i64, i64) {
    // SAFETY: the structure is live; RUSAGE_SELF always exists.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    // The fields are narrower on 32-bit machines.
    #[allow(clippy::unnecessary_cast)]
    let us = |time: libc::timeval| (time.tv_sec as i64) * 1_000_000 + time.tv_usec as i64;
    (us(usage.ru_utime), us(usage.ru_stime))
}

/// Clock ticks per second of `/proc/PID/stat` (sysconf(3)).
pub fn ticks_per_second() -> i64 {
    // SAFETY: no pointers involved.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    if ticks > 0 { ticks as i64 } else { 100 }
}

/// Bytes per memory page (sysconf(3)).
pub fn page_bytes() -> i64 {
    // SAFETY: no pointers involved.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    if bytes > 0 { bytes as i64 } else { 4096 }
}

/// Whether a process of this pid exists (kill(2) with signal 0; EPERM counts as existing).
pub fn exists(pid: u32) -> bool {
    // SAFETY: signal 0 only asks.
    let result = unsafe { libc::kill(pid as libc::pid_t, 0) };
    result == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

/// The machine's AUDIT_ARCH numbers, native first, 32-bit second where the kernel may run such programs
/// (`include/uapi/linux/audit.h`).
pub fn audit_archs() -> &'static [u32] {
    if cfg!(target_arch = "x86_64") {
        &[0xc000_003e, 0x4000_0003]
    } else if cfg!(target_arch = "aarch64") {
        &[0xc000_00b7, 0x4000_0028]
    } else if cfg!(target_arch = "x86") {
        &[0x4000_0003]
    } else {
        &[0x4000_0028]
    }
}

/// The end of a pipe on which a detached child tells its waiting parent that it works.
pub struct Ready(std::os::fd::OwnedFd);

impl Ready {
    /// Lets the parent end with exit code 0, and closes stderr's way to the terminal.
    pub fn tell(self) {
        use std::os::fd::AsRawFd;
        // SAFETY: writes one byte from a live buffer; the descriptors are ours, /dev/null's are checked before use.
        unsafe {
            libc::write(self.0.as_raw_fd(), [0u8].as_ptr().cast(), 1);
            let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            if null >= 0 {
                for fd in 0..3 {
                    libc::dup2(null, fd);
                }
                libc::close(null);
            }
        }
    }
}

/// Forks: the child goes on in a session of its own; the parent waits until the child says [`Ready::tell`] or ends, and
/// ends with 0 or the child's exit code. Call it before any thread or signal mask exists.
pub fn detach() -> std::io::Result<Ready> {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    // SAFETY: plain system calls of a process with one thread; descriptors are owned at once.
    unsafe {
        let mut ends = [0; 2];
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let [read, write] = ends.map(|fd| OwnedFd::from_raw_fd(fd));
        match libc::fork() {
            -1 => Err(std::io::Error::last_os_error()),
            0 => {
                drop(read);
                libc::setsid();
                Ok(Ready(write))
            }
            child => {
                drop(write);
                let mut byte = [0u8];
                if libc::read(read.as_raw_fd(), byte.as_mut_ptr().cast(), 1) == 1 {
                    libc::_exit(0);
                }
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
                libc::_exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1 });
            }
        }
    }
}
