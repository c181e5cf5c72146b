//! Lines for people: glog's form on stderr, as osquery writes them, or syslog's once there is no stderr any more.

use crate::sys::clock;
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
    let (_, month, day) = clock::date((now.as_secs() / 86_400) as i64);
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
