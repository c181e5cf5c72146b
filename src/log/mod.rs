//! Lines for people: glog's form on stderr, as osquery writes them, or syslog's once there is no stderr any more.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// What happened.
    Info,
    /// What somebody should look at.
    Warning,
    /// What failed.
    Error,
}

static TO_SYSLOG: AtomicBool = AtomicBool::new(false);

/// From now on lines go to /dev/log (daemon facility): stderr is gone.
pub fn use_syslog() {
    TO_SYSLOG.store(true, Relaxed);
}

/// Writes one line. A log that cannot be written is not an error: there is nobody to tell.
pub fn line(severity: Severity, text: &str) {
    if TO_SYSLOG.load(Relaxed) {
        let priority = 3 << 3 | [6, 4, 3].get(severity as usize).copied().unwrap_or(6);
        let datagram = format!("<{priority}>stemma[{}]: {text}", std::process::id());
        if let Ok(socket) = UnixDatagram::unbound() {
            let _ = socket.send_to(datagram.as_bytes(), "/dev/log");
        }
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let letter = ["I", "W", "E"].get(severity as usize).copied().unwrap_or("I");
    let (month, day) = month_and_day(now.as_secs() / 86_400);
    let (seconds, micros) = (now.as_secs() % 86_400, now.subsec_micros());
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let pid = std::process::id();
    let _ = writeln!(
        std::io::stderr().lock(),
        "{letter}{month:02}{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06} {pid} stemma] {text}"
    );
}

/// What happened.
pub fn info(text: &str) {
    line(Severity::Info, text);
}

/// What somebody should look at.
pub fn warning(text: &str) {
    line(Severity::Warning, text);
}

/// What failed.
pub fn error(text: &str) {
    line(Severity::Error, text);
}

/// Month and day (UTC) of a day since the epoch: the civil calendar counted from 1 March, in eras of 400 years.
fn month_and_day(days: u64) -> (u64, u64) {
    let day_of_era = (days + 719_468) % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    (if from_march < 10 { from_march + 3 } else { from_march - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::month_and_day;

    #[test]
    fn knows_the_calendar() {
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(11_016), (2, 29), "2000-02-29");
        assert_eq!(month_and_day(20_781), (11, 24), "2026-11-24");
        assert_eq!(month_and_day(20_818), (12, 31), "2026-12-31");
    }
}
