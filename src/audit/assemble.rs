//! Puts records together into events: fixed slots keyed by stamp, because events interleave and serials go backwards.
//!
//! EOE is always the last record of an event and delivers it. An event without EOE is delivered by [`Assembler::expire`]
//! or when its slot is needed. All memory is taken at construction: a slot has [`capacity::EVENT_TEXT`] bytes of text,
//! of which only touched pages cost anything, and a large event's pages are given back after it.

use super::event::{Event, Exec, Exit, FileIds, Fork, Ids, Stamp, Syscall};
use super::record::{self, Record, decimal, hexadecimal, kind};
use super::syscalls::{self, Call};
use crate::capacity;
use crate::sys::memory::Region;
use std::io;
use std::ops::Range;

/// Room for exe and for cwd (PATH_MAX).
const PATH_BYTES: usize = 4096;
/// An event of which a record is missing waits this long (or for its EOE, where that is not filtered out), ms.
pub const TIMEOUT_MS: u64 = 2000;
/// More text than this is given back after the event.
const SMALL_BYTES: usize = 16 * 1024;
/// Events delivered lately: a record that comes twice must not open them again.
const RECENT: usize = 32;
/// CLONE_THREAD.
const CLONE_THREAD: u64 = 0x0001_0000;

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
pub(super) struct Header {
    pub(super) call: Option<Call>,
    success: bool,
    pub(super) exit: u64,
    first: u64,
    pub(super) pid: u32,
    ppid: u32,
    ids: Ids,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    pub(super) used: bool,
    /// Not wanted: its records are passed over.
    pub(super) ignored: bool,
    pub(super) stamp: Stamp,
    since_ms: u64,
    pub(super) header: Option<Header>,
    file: Option<FileIds>,
    exe: usize,
    cwd: Option<usize>,
    command: usize,
    argc: Option<u32>,
    /// Argument and piece that come next.
    next: (u32, u32),
    gap: bool,
    cut: bool,
}

/// See the module's head.
pub struct Assembler {
    pub(super) slots: Vec<Slot>,
    text: Region,
    /// For a log: see `order`.
    ordered: bool,
    /// The slot used last: the records of an event mostly come together.
    last: usize,
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
        Self::with_slots(capacity::ASSEMBLER_SLOTS, false)
    }

    pub(super) fn with_slots(slots: usize, ordered: bool) -> io::Result<Self> {
        Ok(Assembler {
            slots: vec![Slot::default(); slots],
            text: Region::new(slots * capacity::EVENT_TEXT)?,
            ordered,
            last: 0,
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
        let found = self.find(record.stamp);
        if kind == kind::EOE {
            match found {
                Some(_) if self.ordered => {}
                Some(index) => self.deliver(index, sink),
                None => self.counters.duplicates += u64::from(self.recent.contains(&record.stamp)),
            }
            return;
        }
        if found.is_none() && self.recent.contains(&record.stamp) {
            // What comes after PATH item 0 was not waited for.
            self.counters.duplicates +=
                u64::from(kind != kind::PATH || record.body.trim_ascii_start().starts_with(b"item=0"));
            return;
        }
        let index = match found {
            Some(index) => index,
            None => self.open(record.stamp, now_ms, sink),
        };
        self.last = index;
        self.add(index, kind, &record);
        if !self.ordered && self.slots.get(index).is_some_and(Slot::is_complete) {
            self.deliver(index, sink);
        }
    }

    fn find(&self, stamp: Stamp) -> Option<usize> {
        let ours = |slot: &Slot| slot.used && slot.stamp == stamp;
        if self.slots.get(self.last).is_some_and(ours) { Some(self.last) } else { self.slots.iter().position(ours) }
    }

    /// Delivers what has waited for its other records for [`TIMEOUT_MS`] (`u64::MAX`: everything; of a log, only that).
    pub fn expire(&mut self, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        if self.ordered {
            return self.expire_in_order(now_ms, sink);
        }
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
            if self.ordered {
                return self.make_room(sink);
            }
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
        let again = match kind {
            kind::SYSCALL => {
                let again = slot.header.is_some();
                if !again {
                    slot.syscall(record, exe);
                }
                again
            }
            kind::CWD => {
                let again = slot.cwd.is_some();
                if let Some((_, value)) = record.fields().find(|(name, _)| *name == b"cwd") {
                    slot.cwd = Some(slot.fitted(record::decode(value, cwd), cwd.len()));
                }
                again
            }
            kind::PATH => slot.path(record),
            _ => slot.arguments(record, command),
        };
        self.counters.duplicates += u64::from(again);
    }

    /// Hands an event out, if it is one, and frees its slot.
    pub(super) fn deliver(&mut self, index: usize, sink: &mut dyn FnMut(Event<'_>)) {
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
                let arguments_missing = slot.arguments_missing();
                let partial = arguments_missing || slot.cwd.is_none() || slot.file.is_none() || slot.cut;
                let exec = Exec {
                    stamp: slot.stamp,
                    syscall,
                    pid: header.pid,
                    ppid: header.ppid,
                    ids: header.ids,
                    path,
                    cmdline: command.get(..slot.command).unwrap_or(&[]),
                    cwd: cwd.get(..slot.cwd.unwrap_or(0)).unwrap_or(&[]),
                    file: slot.file,
                    partial,
                };
                (partial, Event::Exec(exec))
            }
            Some(Call::Process(syscall)) => {
                let child = u32::try_from(header.exit).unwrap_or(0);
                let flags = if syscall == Syscall::Clone { header.first } else { 0 };
                let Header { pid, ppid, ids, .. } = header;
                (false, Event::Fork(Fork { stamp: slot.stamp, syscall, pid, ppid, child, ids, path, flags }))
            }
            Some(Call::Exit { group }) => {
                let code = header.first as u8;
                (false, Event::Exit(Exit { stamp: slot.stamp, pid: header.pid, group, code }))
            }
            None => return,
        };
        self.counters.partial += u64::from(partial);
        self.counters.truncated += u64::from(slot.cut);
        let used = slot.command;
        sink(event);
        if used > SMALL_BYTES {
            let whole = range(index);
            self.text.release(whole.start + SMALL_BYTES..whole.end);
        }
    }
}

impl Slot {
    /// Whether everything that is read of an event has come. EOE says no more: records of an event may be missing before
    /// it as well.
    fn is_complete(&self) -> bool {
        let Some(header) = &self.header else { return false };
        let exec = matches!(header.call, Some(Call::Process(Syscall::Execve | Syscall::Execveat)));
        self.ignored || !exec || !self.arguments_missing() && self.cwd.is_some() && self.file.is_some()
    }

    fn arguments_missing(&self) -> bool {
        self.gap || self.argc.is_none_or(|argc| self.next.0 < argc)
    }

    /// How much of `wanted` bytes there was room for.
    fn fitted(&mut self, wanted: usize, room: usize) -> usize {
        self.cut |= wanted > room;
        wanted.min(room)
    }

    fn syscall(&mut self, record: &Record<'_>, exe: &mut [u8]) {
        let mut header = Header::default();
        let (mut arch, mut number) = (0, u64::MAX);
        for (name, value) in record.fields() {
            let id = || decimal(value).map_or(u32::MAX, |id| id as u32);
            match name {
                b"arch" => arch = hexadecimal(value).unwrap_or(0) as u32,
                b"syscall" => number = decimal(value).unwrap_or(u64::MAX),
                b"success" => header.success = value == b"yes",
                b"exit" => header.exit = decimal(value).unwrap_or(u64::MAX),
                b"a0" => header.first = hexadecimal(value).unwrap_or(0),
                b"ppid" => header.ppid = decimal(value).unwrap_or(0) as u32,
                b"pid" => header.pid = decimal(value).unwrap_or(0) as u32,
                b"auid" => header.ids.auid = id(),
                b"uid" => header.ids.uid = id(),
                b"gid" => header.ids.gid = id(),
                b"euid" => header.ids.euid = id(),
                b"suid" => header.ids.suid = id(),
                b"fsuid" => header.ids.fsuid = id(),
                b"egid" => header.ids.egid = id(),
                b"sgid" => header.ids.sgid = id(),
                b"fsgid" => header.ids.fsgid = id(),
                b"exe" => {
                    self.exe = self.fitted(record::decode(value, exe), exe.len());
                    // Nothing that is of use comes after exe: subject, key.
                    break;
                }
                _ => {}
            }
        }
        header.call = syscalls::call(arch, number);
        let thread = header.call == Some(Call::Process(Syscall::Clone)) && header.first & CLONE_THREAD != 0;
        // exit and exit_group do not return: they have no success.
        let wanted = matches!(header.call, Some(Call::Exit { .. })) || header.call.is_some() && header.success;
        self.ignored = !wanted || thread || header.pid == 0;
        self.header = Some(header);
    }

    /// PATH item 0; returns whether it had come before.
    fn path(&mut self, record: &Record<'_>) -> bool {
        let mut file = FileIds::default();
        for (name, value) in record.fields() {
            match name {
                b"item" if value != b"0" => return false,
                b"mode" => file.mode = value.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit & 7)),
                b"ouid" => file.uid = decimal(value).unwrap_or(0) as u32,
                b"ogid" => {
                    file.gid = decimal(value).unwrap_or(0) as u32;
                    break;
                }
                _ => {}
            }
        }
        let again = self.file.is_some();
        self.file = Some(file);
        again
    }

    /// An EXECVE record in any of its shapes: `a0="…"`, `a1=HEX`, `a2_len=N a2[0]=…`; returns whether all of it had
    /// come before (`auditsc.c: audit_log_execve_info`).
    fn arguments(&mut self, record: &Record<'_>, out: &mut [u8]) -> bool {
        let mut again = true;
        for (name, value) in record.fields() {
            if name == b"argc" {
                again &= self.argc.is_some();
                self.argc = decimal(value).map(|argc| argc as u32);
                continue;
            }
            let Some(name) = name.strip_prefix(b"a") else { continue };
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let Some(argument) = decimal(name.get(..digits).unwrap_or(&[])) else { continue };
            let piece = match name.get(digits..) {
                Some(b"") => None,
                Some([b'[', inner @ .., b']']) => match decimal(inner) {
                    Some(piece) => Some(piece as u32),
                    None => continue,
                },
                // aN_len: the pieces that follow say as much.
                _ => continue,
            };
            again &= !self.argument(argument as u32, piece, value, out);
        }
        again
    }

    /// Appends an argument or a piece of one; false if it had come before.
    fn argument(&mut self, argument: u32, piece: Option<u32>, value: &[u8], out: &mut [u8]) -> bool {
        let at = (argument, piece.unwrap_or(0));
        // Pieces of the argument that is being written count on from it; `next` names the argument after a whole one.
        let continues =
            piece.is_some_and(|piece| piece > 0) && self.next.1 > 0 && argument.checked_add(1) == Some(self.next.0);
        let expected = if continues { (argument, self.next.1) } else { (self.next.0, 0) };
        if at < expected {
            return false;
        }
        self.gap |= at != expected;
        if !continues && argument > 0 {
            self.space(out);
        }
        self.append(value, out);
        self.next = (argument.saturating_add(1), piece.map_or(0, |piece| piece.saturating_add(1)));
        true
    }

    fn append(&mut self, value: &[u8], out: &mut [u8]) {
        let room = out.get_mut(self.command..).unwrap_or(&mut []);
        let length = record::decode(value, room);
        let room = room.len();
        self.command += self.fitted(length, room);
    }

    fn space(&mut self, out: &mut [u8]) {
        match out.get_mut(self.command) {
            Some(byte) => {
                *byte = b' ';
                self.command += 1;
            }
            None => self.cut = true,
        }
    }
}
