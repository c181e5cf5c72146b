//! Which processes a scan is about: all in /proc, in its order, or those of `pid = …`; and their descriptors. Threads
//! are no processes here. A listing's buffer is all the memory it takes.

use crate::sql::table::{Context, Query, TableError, Value};
use crate::sys::dir::{Dir, Listing, Name};
use std::rc::Rc;

/// The living, one after the other; none where /proc cannot be read.
pub struct Living {
    listing: Listing,
    /// The pids that are asked about and not yet given.
    asked: Option<std::vec::IntoIter<u32>>,
}

impl Living {
    /// All.
    pub fn all(context: &Rc<Context>) -> Self {
        let mut listing = Listing::default();
        if let Ok(proc) = Dir::open(context, "/proc") {
            listing.begin(proc);
        }
        Living { listing, asked: None }
    }

    /// Those that the constraint on column `pid` leaves.
    pub fn of(query: &Query, pid: usize) -> Self {
        let all = Living::all(&query.context);
        if query.equals(pid).next().is_none() {
            return all;
        }
        let number = |pid: &Value| u32::try_from(pid.as_integer()?).ok().filter(|pid| *pid > 0);
        let mut asked: Vec<u32> = query.equals(pid).filter_map(number).collect();
        // 1 and '1' are one process.
        asked.sort_unstable();
        asked.dedup();
        Living { asked: Some(asked.into_iter()), ..all }
    }

    /// Whether certain pids are asked about.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The next pid. Those that are asked about need not be there.
    pub fn next_pid(&mut self) -> Option<u32> {
        match &mut self.asked {
            Some(asked) => asked.next(),
            None => self.listing.next_number(),
        }
    }

    /// /proc.
    pub fn proc(&self) -> Option<&Dir> {
        self.listing.dir()
    }

    /// The next process that has a directory, open.
    pub fn next_dir(&mut self) -> Option<(u32, Dir)> {
        loop {
            let pid = self.next_pid()?;
            if let Ok(dir) = self.proc()?.sub(&Name::number(pid)) {
                return Some((pid, dir));
            }
        }
    }
}

/// What the descriptors of processes lead to, one after the other, from the links in /proc/PID/fd. Processes that we
/// may not look into are passed over.
pub struct Descriptors {
    living: Living,
    listing: Listing,
    pid: u32,
    /// What a link reads, cut where this ends.
    text: Vec<u8>,
}

/// A descriptor.
pub struct Descriptor<'a> {
    /// The process's.
    pub pid: u32,
    /// Its number.
    pub fd: u32,
    /// What its link reads.
    pub link: &'a [u8],
    /// The directory in which the link is, named by the number.
    pub dir: &'a Dir,
}

/// Who has a socket or a pipe open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Of what is open, as its table has it.
    pub key: u64,
    /// A process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
}

/// Brings those of one thing together.
pub fn sort(holders: &mut [Holder]) {
    holders.sort_unstable();
}

impl Descriptors {
    /// Of these processes; of a link as many bytes as given.
    pub fn of(living: Living, bytes: usize) -> Self {
        Descriptors { living, listing: Listing::default(), pid: 0, text: vec![0; bytes] }
    }

    /// The processes again, when all descriptors have been given.
    pub fn into_living(self) -> Living {
        self.living
    }

    /// /proc.
    pub fn proc(&self) -> Option<&Dir> {
        self.living.proc()
    }

    /// The next descriptor.
    pub fn next(&mut self) -> Option<Descriptor<'_>> {
        let (fd, length) = self.find()?;
        let (link, dir) = (self.text.get(..length)?, self.listing.dir()?);
        Some(Descriptor { pid: self.pid, fd, link, dir })
    }

    fn find(&mut self) -> Option<(u32, usize)> {
        loop {
            while let Some((fd, dir)) = self.listing.next_number().zip(self.listing.dir()) {
                match dir.read_link(&Name::number(fd), &mut self.text) {
                    Ok(length) => return Some((fd, length)),
                    // What is refused once is refused for all descriptors of the process.
                    Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => break,
                    Err(_) => {}
                }
            }
            self.pid = self.living.next_pid()?;
            let name = Name::number(self.pid).with(b"/fd");
            // Where it fails the listing is empty.
            let _ = self.listing.begin_at(self.living.proc()?, &name);
        }
    }
}

/// Memory that a scan holds, charged to the query's budget until it is dropped.
pub struct Held {
    context: Rc<Context>,
    bytes: usize,
}

impl Held {
    /// None yet.
    pub fn new(context: &Rc<Context>) -> Self {
        Held { context: context.clone(), bytes: 0 }
    }

    /// Says how much it is now: to be called again and again while it grows.
    ///
    /// # Errors
    /// The query must end, for this or for another reason.
    pub fn grow(&mut self, bytes: usize) -> Result<(), TableError> {
        self.context.check()?;
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            self.context.budget.charge(more)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.context.budget.release(self.bytes);
    }
}
