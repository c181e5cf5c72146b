//! A person at a terminal: a pseudo-terminal (openpty(3)) with the shell behind it.
#![allow(unsafe_code)]

use crate::bench::Bench;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Terminal {
    person: File,
    /// Kept open, so that its settings can be looked at when the shell is gone.
    shell: OwnedFd,
    child: Child,
    /// All there was to see.
    seen: Vec<u8>,
    /// What of it was waited for already.
    taken: usize,
}

impl Terminal {
    /// Starts a program on a terminal of so many columns.
    pub fn start(bench: &Bench, program: &str, arguments: &[&str], term: &str, columns: u16) -> Self {
        let (mut person, mut shell) = (0, 0);
        let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: plain libc; descriptors are owned at once.
        let (person, shell) = unsafe {
            let made = libc::openpty(
                &raw mut person,
                &raw mut shell,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                &raw const size as *mut _,
            );
            assert_eq!(made, 0, "openpty");
            // Other tests' shells must not keep this terminal open.
            libc::fcntl(person, libc::F_SETFD, libc::FD_CLOEXEC);
            libc::fcntl(shell, libc::F_SETFD, libc::FD_CLOEXEC);
            (OwnedFd::from_raw_fd(person), OwnedFd::from_raw_fd(shell))
        };
        let end = || Stdio::from(shell.try_clone().expect("a descriptor"));
        let mut command = bench.command(program, arguments);
        command.env("TERM", term).stdin(end()).stdout(end()).stderr(end());
        // SAFETY: setsid(2) and ioctl(2) are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().expect("the shell runs");
        Terminal { person: File::from(person), shell, child, seen: Vec::new(), taken: 0 }
    }

    /// Types.
    pub fn types(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).expect("typing");
    }

    /// Reads what there is within a moment; false: nothing.
    fn look(&mut self) -> bool {
        let mut poll = libc::pollfd { fd: self.person.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one live structure.
        if unsafe { libc::poll(&raw mut poll, 1, 100) } <= 0 {
            return false;
        }
        let mut buffer = [0; 4096];
        let count = self.person.read(&mut buffer).unwrap_or(0);
        self.seen.extend_from_slice(&buffer[..count]);
        count > 0
    }

    /// Waits until this is to be seen; returns everything up to it.
    pub fn sees(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let new = &self.seen[self.taken..];
            if let Some(at) = new.windows(text.len()).position(|window| window == text.as_bytes()) {
                let seen = String::from_utf8_lossy(&new[..at + text.len()]).into_owned();
                self.taken += at + text.len();
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", String::from_utf8_lossy(new));
            self.look();
        }
    }

    /// Everything that was to be seen, once nothing more comes.
    pub fn all(&mut self) -> Vec<u8> {
        while self.look() {}
        self.taken = self.seen.len();
        self.seen.clone()
    }

    /// Ends the shell as the kernel would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The terminal goes away, as a connection that breaks; waits until the shell is gone too.
    pub fn hangs_up(mut self) {
        self.person = File::open("/dev/null").expect("/dev/null");
        let begun = Instant::now();
        while self.child.try_wait().expect("its status").is_none() {
            assert!(begun.elapsed() < PATIENCE, "the shell outlives its terminal");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The exit code, and whether the terminal is again as people want it: by lines and with an echo.
    pub fn ends(mut self) -> (i32, bool) {
        let begun = Instant::now();
        let code = loop {
            self.look();
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status.code().unwrap_or(-1);
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", String::from_utf8_lossy(&self.seen));
        };
        // SAFETY: fills a live structure.
        let flags = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            libc::tcgetattr(self.shell.as_raw_fd(), &raw mut settings);
            settings.c_lflag
        };
        (code, flags & libc::ICANON != 0 && flags & libc::ECHO != 0 && flags & libc::ISIG != 0)
    }
}

impl Drop for Terminal {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a terminal of so many columns shows after these bytes: rows, and the cursor's row and column. Knows what the shell
/// uses: CR, LF, `ESC [ n A`, `ESC [ n C`, `ESC [ J`, `ESC [ K`, `ESC [ H`, `ESC [ 2 J`; colours are skipped.
pub fn screen(bytes: &[u8], columns: usize) -> (Vec<String>, (usize, usize)) {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let text = String::from_utf8_lossy(bytes);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\r' => column = 0,
            '\n' => row += 1,
            '\x1b' => {
                assert_eq!(characters.next(), Some('['));
                let mut number = String::new();
                let last = loop {
                    match characters.next().expect("the rest of a sequence") {
                        digit if digit.is_ascii_digit() || digit == ';' => number.push(digit),
                        last => break last,
                    }
                };
                let count: usize = number.parse().unwrap_or(1);
                match (last, number.as_str()) {
                    ('A', _) => row -= count,
                    ('C', _) => column = (column + count).min(columns - 1),
                    ('J', "") => {
                        rows.truncate(row + 1);
                        rows[row].truncate(column);
                    }
                    ('J', "2") => rows = vec![Vec::new()],
                    ('K', _) => rows[row].truncate(column),
                    ('H', _) => (row, column) = (0, 0),
                    _ => {}
                }
            }
            character => {
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                rows.resize(rows.len().max(row + 1), Vec::new());
                let length = rows[row].len().max(column + 1);
                rows[row].resize(length, ' ');
                rows[row][column] = character;
                column += 1;
            }
        }
        rows.resize(rows.len().max(row + 1), Vec::new());
    }
    (rows.into_iter().map(|row| row.into_iter().collect()).collect(), (row, column))
}
