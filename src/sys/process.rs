//! Facts about this process and about processes in general.

use std::mem;

/// Our own pid.
pub fn pid() -> u32 {
    std::process::id()
}

/// Whether the effective user is root.
pub fn is_root() -> bool {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// CPU time this process has used, user and system, microseconds (getrusage(2)).
pub fn cpu_us() -> i64 {
    // SAFETY: the structure is live; RUSAGE_SELF always exists.
    let usage = unsafe {
        let mut usage: libc::rusage = mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    // The fields are narrower on 32-bit machines.
    #[allow(clippy::unnecessary_cast)]
    let us = |time: libc::timeval| (time.tv_sec as i64) * 1_000_000 + time.tv_usec as i64;
    us(usage.ru_utime) + us(usage.ru_stime)
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
