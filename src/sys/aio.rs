//! Syncing a file without waiting for the disk: the kernel's asynchronous I/O (io_submit(2), IOCB_CMD_FDSYNC, Linux
//! 4.18), through the system calls themselves, since musl has no functions for them. The kernel works on it in a thread
//! of its own; nothing runs beside the caller in this process.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// fdatasync(2) (include/uapi/linux/aio_abi.h).
const IOCB_CMD_FDSYNC: u16 = 3;

/// `struct iocb` of aio_abi.h: 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Request {
    data: u64,
    /// aio_key and aio_rw_flags, in an order that depends on the byte order; both 0.
    key_and_flags: u64,
    opcode: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    resfd: u32,
}

/// `struct io_event` of aio_abi.h.
#[repr(C)]
#[derive(Default)]
struct Done {
    data: u64,
    request: u64,
    result: i64,
    result2: i64,
}

/// At most one sync at a time, of whichever file.
pub struct FileSync {
    /// None: the kernel offers none, and a sync is waited for at once.
    context: Option<libc::c_ulong>,
    state: State,
    #[cfg(test)]
    permits: Option<std::rc::Rc<std::cell::Cell<u32>>>,
}

enum State {
    Nothing,
    Running,
    /// It was waited for at once.
    Over(io::Result<()>),
    /// Over as soon as there is a permit, which it takes.
    #[cfg(test)]
    Held,
}

/// How long [`FileSync::finished`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At most so many milliseconds.
    Ms(u32),
    /// Until it is over.
    Over,
}

impl FileSync {
    /// Asks the kernel for a place to put one request.
    pub fn of_kernel() -> Self {
        let mut context: libc::c_ulong = 0;
        // SAFETY: the kernel writes the context's number into a live variable.
        let code = unsafe { libc::syscall(libc::SYS_io_setup, 1, &raw mut context) };
        FileSync {
            context: (code == 0).then_some(context),
            state: State::Nothing,
            #[cfg(test)]
            permits: None,
        }
    }

    /// One that waits at once, as where the kernel offers no other.
    #[cfg(test)]
    pub fn waiting() -> Self {
        FileSync { context: None, state: State::Nothing, permits: None }
    }

    /// One that syncs nothing; each permit lets one sync be over.
    #[cfg(test)]
    pub fn held(permits: std::rc::Rc<std::cell::Cell<u32>>) -> Self {
        FileSync { context: None, state: State::Nothing, permits: Some(permits) }
    }

    /// Whether a sync is under way or its outcome not yet taken.
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, State::Nothing)
    }

    /// Begins to bring a file's data to the disk. The kernel holds the file itself meanwhile. Where it cannot do that
    /// aside (before Linux 4.18, without CONFIG_AIO), this waits.
    pub fn start(&mut self, file: &File) {
        #[cfg(test)]
        if self.permits.is_some() {
            self.state = State::Held;
            return;
        }
        if let Some(context) = self.context {
            let mut request =
                Request { opcode: IOCB_CMD_FDSYNC, fd: file.as_raw_fd().unsigned_abs(), ..Request::default() };
            let mut list = [&raw mut request];
            // SAFETY: the list holds one request; the kernel copies it before the call returns.
            if unsafe { libc::syscall(libc::SYS_io_submit, context, 1, list.as_mut_ptr()) } == 1 {
                self.state = State::Running;
                return;
            }
            // Older than Linux 4.18: it will not take the next one either.
            self.end();
        }
        self.state = State::Over(file.sync_data());
    }

    /// The outcome of what [`FileSync::start`] began; None while it is under way or if nothing is.
    pub fn finished(&mut self, wait: Wait) -> Option<io::Result<()>> {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Nothing => None,
            State::Over(result) => Some(result),
            #[cfg(test)]
            State::Held => {
                match self.permits.as_ref().map(|permits| permits.replace(permits.get().saturating_sub(1))) {
                    Some(1..) => Some(Ok(())),
                    _ => {
                        self.state = State::Held;
                        None
                    }
                }
            }
            State::Running => {
                let result = self.ask(wait);
                if result.is_none() {
                    self.state = State::Running;
                }
                result
            }
        }
    }

    fn ask(&self, wait: Wait) -> Option<io::Result<()>> {
        let context = self.context?;
        let mut done = Done::default();
        // Of longs, as this call's `struct timespec` is on every machine (kernel's __kernel_old_timespec).
        let time: [libc::c_long; 2] = match wait {
            Wait::Ms(ms) => [(ms / 1000) as libc::c_long, (ms % 1000 * 1_000_000) as libc::c_long],
            Wait::Over => [0; 2],
        };
        let time = if wait == Wait::Over { std::ptr::null() } else { time.as_ptr() };
        // SAFETY: one event is asked for and there is place for one; the time is NULL or alive.
        let count = unsafe { libc::syscall(libc::SYS_io_getevents, context, 1, 1, &raw mut done, time) };
        match count {
            1 if done.result < 0 => Some(Err(io::Error::from_raw_os_error(-done.result as i32))),
            1 => Some(Ok(())),
            0 => None,
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() == io::ErrorKind::Interrupted { None } else { Some(Err(error)) }
            }
        }
    }

    fn end(&mut self) {
        if let Some(context) = self.context.take() {
            // SAFETY: the context is this one's own; the kernel waits for what is under way.
            unsafe { libc::syscall(libc::SYS_io_destroy, context) };
        }
    }
}

impl Drop for FileSync {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::{FileSync, Wait};
    use std::fs::File;
    use std::io::Write;

    fn synced(mut sync: FileSync, path: &str) -> std::io::Result<()> {
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(path)?;
        file.write_all(b"text")?;
        assert!(sync.finished(Wait::Ms(0)).is_none() && !sync.is_busy());
        sync.start(&file);
        assert!(sync.is_busy());
        drop(file);
        let result = loop {
            if let Some(result) = sync.finished(Wait::Ms(1)) {
                break result;
            }
        };
        assert!(!sync.is_busy());
        result
    }

    #[test]
    fn a_file_is_synced_by_the_kernel_or_by_waiting() {
        let path = std::env::temp_dir().join(format!("stemma-aio-{}", std::process::id()));
        let path = path.to_str().unwrap();
        let sync = FileSync::of_kernel();
        assert!(sync.context.is_some(), "this kernel has asynchronous I/O");
        synced(sync, path).unwrap();
        synced(FileSync::waiting(), path).unwrap();
        std::fs::remove_file(path).unwrap();
        let mut sync = FileSync::of_kernel();
        sync.start(&File::open("/").unwrap());
        assert!(sync.finished(Wait::Over).unwrap().is_ok(), "waited for");
        // What cannot be synced (proc(5)) cannot be synced in either way.
        sync.start(&File::open("/proc/self/stat").unwrap());
        assert!(sync.finished(Wait::Over).unwrap().is_err());
    }
}
