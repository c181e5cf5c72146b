//! A statement that people wait for: Ctrl-C ends it (`sqlite3_interrupt`), and one that runs for a second or more says
//! on stderr what it is reading. SIGINT and SIGALRM handlers, async-signal-safe: they read and write atomics, call
//! `sqlite3_interrupt` (which stores a flag) and write(2) from the stack.
//!
//! Signals and not SQLite's progress handler: that one is called between instructions of SQLite's machine, so it would be
//! silent while a table reads a slow file, and it is the limits' own.

use crate::sql::table::{Query, Table};
use rusqlite::{Connection, ffi};
use std::io::{self, Write};
use std::marker::PhantomData;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::SeqCst};

/// The connection whose statement SIGINT ends.
static CONNECTION: AtomicPtr<ffi::sqlite3> = AtomicPtr::new(ptr::null_mut());
/// How often SIGINT came during this watch.
static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
/// The table being read.
static READING: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());
/// Seconds since the watch began.
static SECONDS: AtomicU32 = AtomicU32::new(0);
/// A line about the table stands on the terminal.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// So many times Ctrl-C, and the process ends at once: whatever it waits for does not let itself be interrupted.
const ENOUGH: u32 = 3;
/// Back to the line's begin, and erase it.
const ERASE: &[u8] = b"\r\x1b[K";

extern "C" fn on_interrupt(_: libc::c_int) {
    if INTERRUPTS.fetch_add(1, SeqCst) + 1 >= ENOUGH {
        super::tty::restore();
        // SAFETY: ends the process, without its exit handlers: allowed in a signal handler.
        unsafe { libc::_exit(130) };
    }
    let connection = CONNECTION.load(SeqCst);
    if !connection.is_null() {
        // SAFETY: the pointer is reset before the connection goes (`Watch` borrows it); the call only stores a flag.
        unsafe { ffi::sqlite3_interrupt(connection) };
    }
}

extern "C" fn on_alarm(_: libc::c_int) {
    let seconds = SECONDS.fetch_add(1, SeqCst) + 1;
    let table = READING.load(SeqCst);
    // SAFETY: errno is this thread's and is put back, `table` came from a &'static, the buffer is on the stack and
    // write(2) and alarm(2) are async-signal-safe.
    unsafe {
        let errno = *libc::__errno_location();
        if !table.is_null() {
            let mut line = [0u8; 160];
            let room = line.len();
            let mut rest = &mut line[..];
            // Cut where the buffer ends: it is for reading.
            let _ = rest.write_all(ERASE);
            let _ = rest.write_all(b"reading ");
            let _ = rest.write_all((*table).name.as_bytes());
            let _ = rest.write_all(b", ");
            decimal(&mut rest, seconds);
            let _ = rest.write_all(b" s (Ctrl-C ends it)");
            let length = room - rest.len();
            libc::write(2, line.as_ptr().cast(), length);
            SHOWN.store(true, SeqCst);
        }
        libc::alarm(1);
        *libc::__errno_location() = errno;
    }
}

/// A number in decimal, without formatting's machinery, which a signal handler should not trust.
fn decimal(out: &mut &mut [u8], number: u32) {
    let mut divisor = 1_000_000_000;
    while divisor > 1 && number / divisor == 0 {
        divisor /= 10;
    }
    while divisor > 0 {
        let _ = out.write_all(&[b'0' + (number / divisor % 10) as u8]);
        divisor /= 10;
    }
}

/// To be told of scans ([`crate::sql::table::Context::on_scan`]): remembers which table is being read.
pub fn reading(table: &'static Table, _: &Query) {
    READING.store(ptr::from_ref(table).cast_mut(), SeqCst);
}

/// Whether SIGINT came during the watch that is.
pub fn interrupted() -> bool {
    INTERRUPTS.load(SeqCst) > 0
}

/// Takes the line about the table off the terminal, and says no more: output follows.
pub fn quiet() {
    // SAFETY: takes back a timer.
    unsafe { libc::alarm(0) };
    if SHOWN.swap(false, SeqCst) {
        let _ = io::stderr().write_all(ERASE);
    }
}

/// See the module's head. One at a time.
pub struct Watch<'connection> {
    before: [(libc::c_int, libc::sigaction); 2],
    connection: PhantomData<&'connection Connection>,
}

fn handle(
    signal: libc::c_int,
    handler: extern "C" fn(libc::c_int),
    flags: libc::c_int,
) -> (libc::c_int, libc::sigaction) {
    // SAFETY: both structures are live; zero is a valid value for them; the handler is async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        let mut before: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        action.sa_flags = flags;
        libc::sigaction(signal, &raw const action, &raw mut before);
        (signal, before)
    }
}

impl<'connection> Watch<'connection> {
    /// Begins: from now on SIGINT ends this connection's statement. Lines about what is read appear if stderr is a
    /// terminal.
    pub fn begin(connection: &'connection Connection) -> Self {
        INTERRUPTS.store(0, SeqCst);
        SECONDS.store(0, SeqCst);
        READING.store(ptr::null_mut(), SeqCst);
        // SAFETY: the pointer is used by the handler alone, which is gone before the connection is.
        CONNECTION.store(unsafe { connection.handle() }, SeqCst);
        // A sleep or a read that waits must come back for the one, and not for the other.
        let before = [handle(libc::SIGINT, on_interrupt, 0), handle(libc::SIGALRM, on_alarm, libc::SA_RESTART)];
        if io::IsTerminal::is_terminal(&io::stderr()) {
            // SAFETY: sets a timer.
            unsafe { libc::alarm(1) };
        }
        Watch { before, connection: PhantomData }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        quiet();
        for (signal, before) in &self.before {
            // SAFETY: puts back what was there.
            unsafe { libc::sigaction(*signal, before, ptr::null_mut()) };
        }
        CONNECTION.store(ptr::null_mut(), SeqCst);
        INTERRUPTS.store(0, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_are_written_without_formatting() {
        for number in [0, 7, 10, 4_294_967_295] {
            let mut line = [0u8; 16];
            let mut rest = &mut line[..];
            decimal(&mut rest, number);
            let length = 16 - rest.len();
            assert_eq!(String::from_utf8_lossy(&line[..length]), number.to_string());
        }
    }
}
