//! Puts records together into events: fixed slots keyed by stamp, because events interleave and serials go backwards.
//!
//! EOE is always the last record of an event and delivers it. An event without EOE is delivered by [`Assembler::expire`]
//! or when its slot is needed. All memory is taken at construction: a slot has [`capacity::EVENT_TEXT`] bytes of text,
//! of which only touched pages cost anything, and a large event's pages are given back after it.

use super::arguments::Arguments;
use super::event::{Event, Exec, Exit, FileIds, Fork, Ids, Stamp, Syscall};
use super::record::{self, Record, decimal, hexadecimal, kind};
use super::syscalls::{self, Call};
use crate::capacity;
use crate::sys::memory::Region;
use std::io;
use std::ops::Range;

/// Room for exe and for cwd (PATH_MAX).
const PATH_BYTES: usize = 4096;
/// An event without EOE waits this long, ms.
pub const TIMEOUT_MS: u64 = 2000;
/// More text than this is given back after the event.
const SMALL_BYTES: usize = 16 * 1024;
/// Events delivered lately: a record that comes twice must not open them again.
const RECENT: usize = 16;
/// CLONE_THREAD.
const CLONE_THREAD: u64 = 0x0001_0000;
/// What nobody told.
const UNSET: Ids = Ids {
    auid: u32::MAX,
    uid: u32::MAX,
    gid: u32::MAX,
    euid: u32::MAX,
    suid: u32::MAX,
    fsuid: u32::MAX,
    egid: u32::MAX,
    sgid: u32::MAX,
    fsgid: u32::MAX,
};

/// What was met; all since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssemblerCounters {
    /// Records given.
    pub records: u64,
    /// Records that could not be read.
    pub malformed: u64,
    /// Events delivered without all of their records.
    pub partial: u64,
    /// Events delivered early because their slot was needed.
    pub evicted: u64,
    /// Events whose text was cut.
    pub truncated: u64,
    /// Records that came again.
    pub duplicates: u64,
    /// Events dropped because their SYSCALL record never came.
    pub without_syscall: u64,
}

/// What a SYSCALL record says.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    call: Option<Call>,
    success: bool,
    /// `exit=`, where that can be a pid; 0: it cannot.
    child: u32,
    first: u64,
    pid: u32,
    ppid: u32,
    ids: Ids,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    used: bool,
    /// Not wanted: its records are passed over until EOE.
    ignored: bool,
    stamp: Stamp,
    since_ms: u64,
    header: Option<Header>,
    /// PATH item 0 came.
    item: bool,
    file: Option<FileIds>,
    exe: usize,
    cwd: Option<usize>,
    arguments: Arguments,
    /// exe or cwd did not fit, or came cut.
    cut: bool,
}

/// See the module's head.
pub struct Assembler {
    slots: Vec<Slot>,
    text: Region,
    recent: [Stamp; RECENT],
    recent_at: usize,
    /// Counters.
    pub counters: AssemblerCounters,
}

/// Where a slot's texts lie in the region.
fn range(slot: usize) -> Range<usize> {
    slot * capacity::EVENT_TEXT..(slot + 1) * capacity::EVENT_TEXT
}

impl Assembler {
    /// Takes the memory.
    ///
    /// # Errors
    /// The system has no address space for it.
    pub fn new() -> io::Result<Self> {
        Ok(Assembler {
            slots: vec![Slot::default(); capacity::ASSEMBLER_SLOTS],
            text: Region::new(capacity::ASSEMBLER_SLOTS * capacity::EVENT_TEXT)?,
            recent: [Stamp { ms: u64::MAX, serial: u64::MAX }; RECENT],
            recent_at: 0,
            counters: AssemblerCounters::default(),
        })
    }

    /// Takes one record; events that it completes go to `sink`.
    pub fn push(&mut self, kind: u16, body: &[u8], now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        self.counters.records += 1;
        if !matches!(kind, kind::SYSCALL | kind::PATH | kind::CWD | kind::EXECVE | kind::EOE) {
            return;
        }
        let Ok(record) = Record::parse(body) else {
            self.counters.malformed += 1;
            return;
        };
        let found = self.slots.iter().position(|slot| slot.used && slot.stamp == record.stamp);
        if kind == kind::EOE {
            match found {
                Some(index) => self.deliver(index, sink),
                None => self.counters.duplicates += u64::from(self.recent.contains(&record.stamp)),
            }
            return;
        }
        if found.is_none() && self.recent.contains(&record.stamp) {
            self.counters.duplicates += 1;
            return;
        }
        let index = match found {
            Some(index) => index,
            None => self.open(record.stamp, now_ms, sink),
        };
        self.add(index, kind, &record);
    }

    /// Takes note of a datagram that is no record.
    pub fn unreadable(&mut self) {
        self.counters.records += 1;
        self.counters.malformed += 1;
    }

    /// Delivers what has waited for its EOE for [`TIMEOUT_MS`] (`u64::MAX`: everything).
    pub fn expire(&mut self, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        for index in 0..self.slots.len() {
            if self.slots.get(index).is_some_and(|slot| slot.used && now_ms.saturating_sub(slot.since_ms) >= TIMEOUT_MS)
            {
                self.deliver(index, sink);
            }
        }
    }

    /// A slot for a new event: a free one, else the oldest, whose event goes out as it is.
    fn open(&mut self, stamp: Stamp, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) -> usize {
        let index = self.slots.iter().position(|slot| !slot.used).unwrap_or_else(|| {
            let oldest = self.slots.iter().enumerate().min_by_key(|(_, slot)| (slot.since_ms, slot.stamp));
            let index = oldest.map_or(0, |(index, _)| index);
            self.counters.evicted += 1;
            self.deliver(index, sink);
            index
        });
        if let Some(slot) = self.slots.get_mut(index) {
            *slot = Slot { used: true, stamp, since_ms: now_ms, ..Slot::default() };
        }
        index
    }

    fn add(&mut self, index: usize, kind: u16, record: &Record<'_>) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        let Some(text) = self.text.bytes_mut().get_mut(range(index)) else { return };
        if slot.ignored {
            return;
        }
        let (paths, command) = text.split_at_mut(2 * PATH_BYTES.min(capacity::EVENT_TEXT / 4));
        let (exe, cwd) = paths.split_at_mut(paths.len() / 2);
        let taken = match kind {
            kind::SYSCALL => slot.syscall(record, exe),
            kind::CWD => slot.directory(record, cwd),
            kind::PATH => slot.path(record),
            _ if slot.arguments.take(record, command) => Taken::Again,
            _ => Taken::New,
        };
        self.counters.duplicates += u64::from(taken == Taken::Again);
        self.counters.malformed += u64::from(taken == Taken::Malformed);
    }

    /// Hands an event out, if it is one, and frees its slot.
    fn deliver(&mut self, index: usize, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        slot.used = false;
        let slot = &*slot;
        if let Some(place) = self.recent.get_mut(self.recent_at % RECENT) {
            *place = slot.stamp;
        }
        self.recent_at = self.recent_at.wrapping_add(1);
        if slot.ignored {
            return;
        }
        let Some(header) = slot.header else {
            self.counters.without_syscall += 1;
            return;
        };
        let Some(text) = self.text.bytes().get(range(index)) else { return };
        let (paths, command) = text.split_at(2 * PATH_BYTES.min(capacity::EVENT_TEXT / 4));
        let (exe, cwd) = paths.split_at(paths.len() / 2);
        let path = exe.get(..slot.exe).unwrap_or(&[]);
        let (partial, event) = match header.call {
            Some(Call::Process(syscall @ (Syscall::Execve | Syscall::Execveat))) => {
                let partial = !slot.arguments.complete() || slot.cwd.is_none() || !slot.item || slot.cut;
                let exec = Exec {
                    stamp: slot.stamp,
                    syscall,
                    pid: header.pid,
                    ppid: header.ppid,
                    ids: header.ids,
                    path,
                    cmdline: command.get(..slot.arguments.length()).unwrap_or(&[]),
                    cwd: cwd.get(..slot.cwd.unwrap_or(0)).unwrap_or(&[]),
                    file: slot.file,
                    partial,
                };
                (partial, Event::Exec(exec))
            }
            Some(Call::Process(syscall)) => {
                let flags = if syscall == Syscall::Clone { header.first } else { 0 };
                let Header { pid, ppid, child, ids, .. } = header;
                (false, Event::Fork(Fork { stamp: slot.stamp, syscall, pid, ppid, child, ids, path, flags }))
            }
            Some(Call::Exit { group }) => {
                let code = header.first as u8;
                (false, Event::Exit(Exit { stamp: slot.stamp, pid: header.pid, group, code }))
            }
            None => return,
        };
        self.counters.partial += u64::from(partial);
        self.counters.truncated += u64::from(slot.cut || slot.arguments.cut);
        let used = slot.arguments.length();
        sink(event);
        if used > SMALL_BYTES {
            let whole = range(index);
            self.text.release(whole.start + SMALL_BYTES..whole.end);
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    New,
    /// It had come before: the first one counts.
    Again,
    /// It does not say what its kind says: nothing was taken from it.
    Malformed,
}

impl Slot {
    /// A text, as far as there is room for it.
    fn text(&mut self, value: &[u8], out: &mut [u8]) -> usize {
        let wanted = record::decode(value, out);
        self.cut |= wanted > out.len() || !record::is_whole(value);
        wanted.min(out.len())
    }

    /// Only a record that reaches `exe=` is taken: one that ends before it is cut, and its last number may be as well.
    fn syscall(&mut self, record: &Record<'_>, exe: &mut [u8]) -> Taken {
        if self.header.is_some() {
            return Taken::Again;
        }
        let mut header = Header { ids: UNSET, ..Header::default() };
        let (mut arch, mut number, mut ppid, mut whole) = (None, None, None, false);
        let mut fields = record.fields();
        while let Some((name, value)) = fields.next() {
            match name {
                b"arch" => arch = hexadecimal(value).and_then(|arch| u32::try_from(arch).ok()),
                b"syscall" => number = decimal(value),
                b"success" => header.success = value == b"yes",
                b"exit" => header.child = record::pid(value).unwrap_or(0),
                b"a0" => header.first = hexadecimal(value).unwrap_or(0),
                b"ppid" => ppid = if value == b"0" { Some(0) } else { record::pid(value) },
                b"pid" => header.pid = record::pid(value).unwrap_or(0),
                b"exe" => {
                    self.exe = self.text(value, exe);
                    // The key always follows, where the kernel writes it all.
                    self.cut |= fields.at_end() && !value.starts_with(b"\"");
                    whole = true;
                    break;
                }
                _ => set_id(&mut header.ids, name, value),
            }
        }
        let (Some(arch), Some(number), Some(ppid)) = (arch, number, ppid) else { return Taken::Malformed };
        header.ppid = ppid;
        header.call = syscalls::call(arch, number);
        let exec = matches!(header.call, Some(Call::Process(Syscall::Execve | Syscall::Execveat)));
        // exit and exit_group do not return: they have no success.
        let exits = matches!(header.call, Some(Call::Exit { .. }));
        let wanted = exits || header.call.is_some() && header.success;
        let childless = !exec && !exits && (header.child == 0 || header.child == header.pid);
        if !whole || header.pid == 0 || header.pid == ppid || wanted && childless {
            return Taken::Malformed;
        }
        let thread = header.call == Some(Call::Process(Syscall::Clone)) && header.first & CLONE_THREAD != 0;
        self.ignored = !wanted || thread;
        self.header = Some(header);
        Taken::New
    }

    fn directory(&mut self, record: &Record<'_>, cwd: &mut [u8]) -> Taken {
        if self.cwd.is_some() {
            return Taken::Again;
        }
        let Some((_, value)) = record.fields().find(|(name, _)| *name == b"cwd") else { return Taken::Malformed };
        self.cwd = Some(self.text(value, cwd));
        Taken::New
    }

    /// PATH item 0, whole or not at all: `rdev=` always follows `ogid=`.
    fn path(&mut self, record: &Record<'_>) -> Taken {
        let (mut item, mut mode, mut uid, mut gid, mut nameless) = (false, None, None, None, false);
        let mut fields = record.fields();
        while let Some((name, value)) = fields.next() {
            let number = || decimal(value).and_then(|id| u32::try_from(id).ok());
            match name {
                b"item" => match decimal(value) {
                    Some(0) => item = true,
                    Some(_) => return Taken::New,
                    None => return Taken::Malformed,
                },
                b"mode" => mode = octal(value),
                b"ouid" => uid = number(),
                b"ogid" => {
                    gid = number().filter(|_| !fields.at_end());
                    break;
                }
                // A name that stands for no inode has none of them.
                b"nametype" => nameless = mode.is_none() && uid.is_none(),
                _ => {}
            }
        }
        let file = match (mode, uid, gid) {
            (Some(mode), Some(uid), Some(gid)) => Some(FileIds { mode, uid, gid }),
            _ => None,
        };
        if !item || file.is_none() && !nameless {
            return Taken::Malformed;
        }
        if self.item {
            return Taken::Again;
        }
        (self.item, self.file) = (true, file);
        Taken::New
    }
}

fn set_id(ids: &mut Ids, name: &[u8], value: &[u8]) {
    let place = match name {
        b"auid" => &mut ids.auid,
        b"uid" => &mut ids.uid,
        b"gid" => &mut ids.gid,
        b"euid" => &mut ids.euid,
        b"suid" => &mut ids.suid,
        b"fsuid" => &mut ids.fsuid,
        b"egid" => &mut ids.egid,
        b"sgid" => &mut ids.sgid,
        b"fsgid" => &mut ids.fsgid,
        _ => return,
    };
    *place = decimal(value).and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX);
}

/// `mode=` as it is printed: `0100755`.
fn octal(value: &[u8]) -> Option<u32> {
    let digits = !value.is_empty() && value.len() <= 10 && value.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    digits.then(|| value.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit & 7)))
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
