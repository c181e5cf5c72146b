//! Ctrl-C while a query runs: SIGINT sets a flag that SQLite, the tables and `sleep` look at. The second one kills, so a
//! query that hangs in the kernel can still be ended.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: libc::c_int) {
    INTERRUPTED.store(true, Relaxed);
}

/// From now on the next SIGINT sets the flag and the one after it kills. A SIGINT that was ignored stays ignored, as in
/// what a shell runs in the background.
pub fn catch_interrupt() {
    INTERRUPTED.store(false, Relaxed);
    // SAFETY: both structures are live; the handler does nothing but store to an atomic.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut action) != 0 || action.sa_sigaction == libc::SIG_IGN
        {
            return;
        }
        action = std::mem::zeroed();
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // No SA_RESTART: a sleep or a read that waits must come back.
        action.sa_flags = libc::SA_RESETHAND;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut());
    }
}

/// Whether SIGINT has come since [`catch_interrupt`].
pub fn interrupted() -> bool {
    INTERRUPTED.load(Relaxed)
}

/// Ends this process by SIGINT if it was interrupted, as a shell that runs it in a loop must see it to stop the loop.
pub fn end_if_interrupted() {
    if interrupted() {
        // SAFETY: no pointers involved; the disposition is the default again since the handler ran.
        unsafe { libc::raise(libc::SIGINT) };
    }
}

/// Sleeps for at most `ns`; a signal ends it early.
pub fn nap(ns: u64) {
    // SAFETY: zero is a valid time (on some machines the structure has more than its two fields), and it is live; what is
    // left of the time is not asked for.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        time.tv_sec = (ns / 1_000_000_000) as _;
        time.tv_nsec = (ns % 1_000_000_000) as libc::c_long;
        libc::nanosleep(&raw const time, std::ptr::null_mut());
    }
}
