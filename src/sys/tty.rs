//! The terminal: raw input (termios(3)), its width, and bytes as they are typed.

use super::poll;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::sync::OnceLock;

/// The settings to go back to, kept apart for [`restore`].
static BEFORE: OnceLock<libc::termios> = OnceLock::new();

/// Keys come one by one and unechoed until it is dropped. Output is as before: `\n` begins a new line.
///
/// It stays so while a statement runs, too: going back and forth would let the kernel's own line editing have what is
/// typed ahead, and eat its control characters.
pub struct Raw {
    settings: libc::termios,
}

impl Raw {
    /// Makes standard input raw.
    ///
    /// # Errors
    /// It is no terminal.
    pub fn enter() -> io::Result<Self> {
        // SAFETY: the structure is live, tcgetattr fills it before it is used.
        let before = unsafe {
            let mut before: libc::termios = mem::zeroed();
            if libc::tcgetattr(0, &raw mut before) < 0 {
                return Err(io::Error::last_os_error());
            }
            before
        };
        let mut settings = before;
        settings.c_iflag &= !(libc::BRKINT | libc::ICRNL | libc::INPCK | libc::ISTRIP | libc::IXON);
        settings.c_lflag &= !(libc::ECHO | libc::ICANON | libc::IEXTEN | libc::ISIG);
        settings.c_cc[libc::VMIN] = 1;
        settings.c_cc[libc::VTIME] = 0;
        // Of the keys that send signals Ctrl-C alone: stopped or dumped, we would leave the terminal raw.
        settings.c_cc[libc::VQUIT] = 0;
        settings.c_cc[libc::VSUSP] = 0;
        let _ = BEFORE.set(before);
        let mut raw = Raw { settings };
        raw.signals(false)?;
        Ok(raw)
    }

    /// Whether Ctrl-C sends SIGINT (to end a statement), or is a key like any other.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn signals(&mut self, on: bool) -> io::Result<()> {
        self.settings.c_lflag =
            if on { self.settings.c_lflag | libc::ISIG } else { self.settings.c_lflag & !libc::ISIG };
        // SAFETY: a live structure. TCSADRAIN and not TCSAFLUSH: what was typed ahead is not lost.
        if unsafe { libc::tcsetattr(0, libc::TCSADRAIN, &raw const self.settings) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal again what it was. May be called in a signal handler.
pub fn restore() {
    if let Some(before) = BEFORE.get() {
        // SAFETY: a live structure; tcsetattr(3) is async-signal-safe.
        unsafe { libc::tcsetattr(0, libc::TCSADRAIN, before) };
    }
}

/// Reads what was typed, waiting for it at most `timeout_ms` (`None`: for ever). `Ok(None)`: the time has passed;
/// `Ok(Some(0))`: there will be no more.
pub fn read(buffer: &mut [u8], timeout_ms: Option<u32>) -> io::Result<Option<usize>> {
    let stdin = io::stdin();
    if timeout_ms.is_some() && poll::readable(&[stdin.as_fd()], timeout_ms)? == 0 {
        return Ok(None);
    }
    loop {
        // SAFETY: the buffer is live and of the stated length. Not through `stdin()`, which would keep bytes to itself.
        let count = unsafe { libc::read(0, buffer.as_mut_ptr().cast(), buffer.len()) };
        if let Ok(count) = usize::try_from(count) {
            return Ok(Some(count));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Columns of the terminal at standard output; 80 where it does not say.
pub fn width() -> usize {
    // SAFETY: fills a live structure.
    let columns = unsafe {
        let mut size: libc::winsize = mem::zeroed();
        if libc::ioctl(1, libc::TIOCGWINSZ, &raw mut size) < 0 { 0 } else { size.ws_col }
    };
    if columns == 0 { 80 } else { usize::from(columns) }
}
