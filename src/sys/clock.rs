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

/// Year, month and day (UTC) of a day since the epoch: the civil calendar counted from 1 March, in eras of 400 years.
pub fn date(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// What the machine calls its time at a moment (seconds since the epoch), as TZ or /etc/localtime say: CET, CEST, …
/// (localtime_r(3)); empty if there is no name for it.
pub fn zone(epoch_s: i64) -> Vec<u8> {
    let time = epoch_s as _;
    // SAFETY: both structures are live; the zone's name, if there is one, is the C library's own terminated text, which
    // nothing but another call with another TZ could replace, and this program sets none.
    unsafe {
        let mut local: libc::tm = mem::zeroed();
        if libc::localtime_r(&raw const time, &raw mut local).is_null() || local.tm_zone.is_null() {
            return Vec::new();
        }
        std::ffi::CStr::from_ptr(local.tm_zone).to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn knows_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_781), (2026, 11, 24));
        assert_eq!(date(47_541), (2100, 3, 1));
        assert_eq!(date(-719_528), (0, 1, 1));
    }
}
