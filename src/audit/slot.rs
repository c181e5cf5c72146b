//! One audit event while its records come in: what each record says is taken at once, in whatever order they come. What is
//! cut, or says what its kind cannot say, is noticed; a record costs one pass over its fields.

use super::arguments::Arguments;
use super::event::{Event, Exec, Exit, FileIds, Fork, Ids, Stamp, Syscall};
use super::record::{self, Record, decimal, hexadecimal};
use super::syscalls::{self, Call};

/// CLONE_THREAD.
const CLONE_THREAD: u64 = 0x0001_0000;
/// Names of fields, as [`record::key`] has them.
mod field {
    use super::super::record::key;
    pub const ARCH: u64 = key(b"arch");
    pub const SYSCALL: u64 = key(b"syscall");
    pub const SUCCESS: u64 = key(b"success");
    pub const EXIT: u64 = key(b"exit");
    pub const A0: u64 = key(b"a0");
    pub const PPID: u64 = key(b"ppid");
    pub const PID: u64 = key(b"pid");
    pub const EXE: u64 = key(b"exe");
    pub const AUID: u64 = key(b"auid");
    pub const UID: u64 = key(b"uid");
    pub const GID: u64 = key(b"gid");
    pub const EUID: u64 = key(b"euid");
    pub const SUID: u64 = key(b"suid");
    pub const FSUID: u64 = key(b"fsuid");
    pub const EGID: u64 = key(b"egid");
    pub const SGID: u64 = key(b"sgid");
    pub const FSGID: u64 = key(b"fsgid");
    pub const ITEM: u64 = key(b"item");
    pub const MODE: u64 = key(b"mode");
    pub const OUID: u64 = key(b"ouid");
    pub const OGID: u64 = key(b"ogid");
    pub const NAMETYPE: u64 = key(b"nametype");
}

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

/// What a SYSCALL record says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Header {
    pub(super) call: Option<Call>,
    success: bool,
    /// `exit=`, where that can be a pid; 0: it cannot.
    pub(super) child: u32,
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
    pub(super) since_ms: u64,
    pub(super) header: Option<Header>,
    /// PATH item 0 came.
    item: bool,
    file: Option<FileIds>,
    exe: usize,
    cwd: Option<usize>,
    pub(super) arguments: Arguments,
    /// exe or cwd did not fit, or came cut.
    pub(super) cut: bool,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    New,
    /// It had come before: the first one counts.
    Again,
    /// It does not say what its kind says: nothing was taken from it.
    Malformed,
}

impl Slot {
    /// A slot for a new event.
    pub(super) fn opened(stamp: Stamp, now_ms: u64) -> Self {
        Slot { used: true, stamp, since_ms: now_ms, ..Slot::default() }
    }

    /// A text, as far as there is room for it.
    fn text(&mut self, value: &[u8], out: &mut [u8]) -> usize {
        let wanted = record::decode(value, out);
        self.cut |= wanted > out.len() || !record::is_whole(value);
        wanted.min(out.len())
    }

    /// Whether everything that is read of an event has come. EOE says no more: records of an event may be missing before
    /// it as well.
    pub(super) fn is_complete(&self) -> bool {
        let Some(header) = &self.header else { return false };
        let exec = matches!(header.call, Some(Call::Process(Syscall::Execve | Syscall::Execveat)));
        self.ignored || !exec || !self.arguments.missing() && self.cwd.is_some() && self.item
    }

    /// Only a record that reaches `exe=` is taken: one that ends before it is cut, and its last number may be as well.
    pub(super) fn syscall(&mut self, record: &Record<'_>, exe: &mut [u8]) -> Taken {
        if self.header.is_some() {
            return Taken::Again;
        }
        let mut header = Header { ids: UNSET, ..Header::default() };
        let (mut arch, mut number, mut ppid, mut whole) = (None, None, None, false);
        let mut fields = record.fields();
        while let Some((name, value)) = fields.next() {
            match record::key(name) {
                field::ARCH => arch = hexadecimal(value).and_then(|arch| u32::try_from(arch).ok()),
                field::SYSCALL => number = decimal(value),
                field::SUCCESS => header.success = value == b"yes",
                field::EXIT => header.child = record::pid(value).unwrap_or(0),
                field::A0 => header.first = hexadecimal(value).unwrap_or(0),
                field::PPID => ppid = if value == b"0" { Some(0) } else { record::pid(value) },
                field::PID => header.pid = record::pid(value).unwrap_or(0),
                field::EXE => {
                    self.exe = self.text(value, exe);
                    // The key always follows, where the kernel writes it all.
                    self.cut |= fields.at_end() && !value.starts_with(b"\"");
                    whole = true;
                    break;
                }
                name => set_id(&mut header.ids, name, value),
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

    pub(super) fn directory(&mut self, record: &Record<'_>, cwd: &mut [u8]) -> Taken {
        if self.cwd.is_some() {
            return Taken::Again;
        }
        let Some((_, value)) = record.fields().find(|(name, _)| *name == b"cwd") else { return Taken::Malformed };
        self.cwd = Some(self.text(value, cwd));
        Taken::New
    }

    /// PATH item 0, whole or not at all: `rdev=` always follows `ogid=`.
    pub(super) fn path(&mut self, record: &Record<'_>) -> Taken {
        let (mut item, mut mode, mut uid, mut gid, mut nameless) = (false, None, None, None, false);
        let mut fields = record.fields();
        while let Some((name, value)) = fields.next() {
            let number = || decimal(value).and_then(|id| u32::try_from(id).ok());
            match record::key(name) {
                field::ITEM => match decimal(value) {
                    Some(0) => item = true,
                    Some(_) => return Taken::New,
                    None => return Taken::Malformed,
                },
                field::MODE => mode = octal(value),
                field::OUID => uid = number(),
                field::OGID => {
                    gid = number().filter(|_| !fields.at_end());
                    break;
                }
                // A name that stands for no inode has none of them.
                field::NAMETYPE => nameless = mode.is_none() && uid.is_none(),
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

    /// What the records say, once no more are waited for; None for a call that is nothing to us. `exe`, `cwd` and
    /// `command` are the places of the texts.
    pub(super) fn event<'a>(&self, exe: &'a [u8], cwd: &'a [u8], command: &'a [u8]) -> Option<Event<'a>> {
        let Header { call, pid, ppid, child, ids, first, .. } = self.header?;
        let (stamp, path) = (self.stamp, exe.get(..self.exe).unwrap_or(&[]));
        Some(match call? {
            Call::Process(syscall @ (Syscall::Execve | Syscall::Execveat)) => {
                let cmdline = command.get(..self.arguments.length()).unwrap_or(&[]);
                let partial = !self.arguments.complete() || self.cwd.is_none() || !self.item || self.cut;
                let cwd = cwd.get(..self.cwd.unwrap_or(0)).unwrap_or(&[]);
                Event::Exec(Exec { stamp, syscall, pid, ppid, ids, path, cmdline, cwd, file: self.file, partial })
            }
            Call::Process(syscall) => {
                let flags = if syscall == Syscall::Clone { first } else { 0 };
                Event::Fork(Fork { stamp, syscall, pid, ppid, child, ids, path, flags })
            }
            Call::Exit { group } => Event::Exit(Exit { stamp, pid, group, code: first as u8 }),
        })
    }
}

fn set_id(ids: &mut Ids, name: u64, value: &[u8]) {
    let place = match name {
        field::AUID => &mut ids.auid,
        field::UID => &mut ids.uid,
        field::GID => &mut ids.gid,
        field::EUID => &mut ids.euid,
        field::SUID => &mut ids.suid,
        field::FSUID => &mut ids.fsuid,
        field::EGID => &mut ids.egid,
        field::SGID => &mut ids.sgid,
        field::FSGID => &mut ids.fsgid,
        _ => return,
    };
    *place = decimal(value).and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX);
}

/// `mode=` as it is printed: `0100755`.
fn octal(value: &[u8]) -> Option<u32> {
    let digits = !value.is_empty() && value.len() <= 10 && value.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    digits.then(|| value.iter().fold(0, |mode, digit| mode << 3 | u32::from(digit & 7)))
}
