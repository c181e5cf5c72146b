//! The clocks (clock_gettime(2)), read together.

use std::mem;

fn read(clock: libc::clockid_t) -> i64 {
    // SAFETY: the clock ids used here exist on every kernel we run on, and the structure is live.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        libc::clock_gettime(clock, &raw mut time);
        time
    };
    (time.tv_sec as i64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as i64)
}

/// One reading of three clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// CLOCK_MONOTONIC, ns: the proc connector's time stamps (`cn_proc.c: ktime_get_ns`).
    pub monotonic_ns: i64,
    /// Add to a monotonic time to get ns since the epoch.
    pub epoch_offset_ns: i64,
    /// Add to a monotonic time to get ns since boot, suspended time included (`/proc/PID/stat` start times).
    pub boot_offset_ns: i64,
}

impl Clock {
    /// Reads the clocks now.
    pub fn now() -> Self {
        let monotonic_ns = read(libc::CLOCK_MONOTONIC);
        Clock {
            monotonic_ns,
            epoch_offset_ns: read(libc::CLOCK_REALTIME) - monotonic_ns,
            boot_offset_ns: read(libc::CLOCK_BOOTTIME) - monotonic_ns,
        }
    }

    /// Now, ns since the epoch.
    pub fn epoch_ns(&self) -> i64 {
        self.monotonic_ns + self.epoch_offset_ns
    }
}

/// CLOCK_MONOTONIC now, ns.
pub fn monotonic_ns() -> i64 {
    read(libc::CLOCK_MONOTONIC)
}
