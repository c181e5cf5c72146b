//! A simulated machine that knows the truth: processes fork, exec, end, leave orphans to reapers and pids to others; its
//! kernel says so in connector messages and in audit records as a real one writes them, and its /proc shows the living.

use super::{Gathered, Life, LifeKind, Rung, Source};
use crate::audit::event::Ids;
use crate::capacity;
use crate::fuzzed::checks::texts::{self, Call, Text};
use crate::lineage::tests::Seeded;
use crate::lineage::{Procfs, Seen};
use crate::sys::clock::Clock;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// What a process runs.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Image {
    pub(super) exe: Vec<u8>,
    pub(super) cmdline: Vec<u8>,
    pub(super) cwd: Vec<u8>,
}

impl fmt::Debug for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cmdline = &self.cmdline[..self.cmdline.len().min(40)];
        write!(out, "{} `{}` in {}", self.exe.escape_ascii(), cmdline.escape_ascii(), self.cwd.escape_ascii())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) start_ns: i64,
    /// Forker, then whoever adopted it; the first process has none.
    pub(super) parents: Vec<usize>,
    /// What the forker ran at the birth, then its own.
    pub(super) images: Vec<Image>,
    pub(super) end: Option<(i64, u32)>,
    /// What its first thread ended with, each time: once more if others execed after that.
    pub(super) statuses: Vec<u32>,
    /// Audit's event of its birth; 0: none.
    pub(super) born_serial: u64,
    /// Beside the first.
    threads: u32,
    /// The first thread has ended, others have not.
    leader_gone: bool,
    reaper: bool,
}

/// An exec that succeeded, as audit saw it.
#[derive(Clone, Debug)]
pub(super) struct Exec {
    pub(super) process: usize,
    pub(super) ppid: u32,
    pub(super) image: Image,
}

/// What the kernel has to say and nobody has asked for yet.
pub(super) struct Sockets {
    audit: VecDeque<Text>,
    lives: VecDeque<Life>,
    batch: Vec<Text>,
    rung: Rung,
    nothing: File,
}

pub(super) struct Machine {
    pub(super) processes: Vec<Process>,
    pub(super) execs: BTreeMap<u64, Exec>,
    pub(super) now_ns: i64,
    pids: u32,
    next_pid: u32,
    serial: u64,
    living: Vec<usize>,
    random: Seeded,
    /// The last event in audit's queue: whose, and how many records. Another's may still come in between.
    last: Option<(usize, usize)>,
    rung: Rung,
    filtered: bool,
}

/// Beyond the first of these, what the clocks say differs.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;
const SUSPENDED_NS: i64 = 5_000_000_000;
const TICK_NS: i64 = 10_000_000;
/// A command line of which this is a part is long, but has room.
const LONG: usize = if capacity::EVENT_TEXT > 100_000 { 8_500 } else { 2_700 };

impl Machine {
    /// With so many pids, and some processes that are older than anything said. `filtered`: the kernel keeps from us what
    /// nobody reads (see `audit::filter`).
    pub(super) fn new(pids: u32, rung: Rung, filtered: bool, seed: u64) -> (Self, Sockets) {
        let image = Image { exe: b"/sbin/init".to_vec(), cmdline: b"init".to_vec(), cwd: b"/".to_vec() };
        let init = Process {
            pid: 1,
            start_ns: 1,
            parents: Vec::new(),
            images: vec![image],
            end: None,
            statuses: Vec::new(),
            born_serial: 0,
            threads: 0,
            leader_gone: false,
            reaper: true,
        };
        let mut machine = Machine {
            processes: vec![init],
            execs: BTreeMap::new(),
            now_ns: 1_000_000_000,
            pids,
            next_pid: 2,
            serial: 100,
            living: vec![0],
            random: Seeded::new(seed),
            last: None,
            rung,
            filtered,
        };
        let nothing = File::open("/dev/null").unwrap();
        let mut sockets = Sockets { audit: VecDeque::new(), lives: VecDeque::new(), batch: Vec::new(), rung, nothing };
        for _ in 0..12 {
            machine.step(&mut sockets, 40_000_000);
        }
        sockets.audit.clear();
        sockets.lives.clear();
        machine.execs.clear();
        (machine, sockets)
    }

    pub(super) fn clock(&self) -> Clock {
        Clock { monotonic_ns: self.now_ns, epoch_offset_ns: EPOCH_NS, boot_offset_ns: SUSPENDED_NS }
    }

    /// One thing happens.
    pub(super) fn step(&mut self, out: &mut Sockets, step_ns: i64) {
        self.now_ns += step_ns;
        let one = self.living[self.random.below(self.living.len())];
        match self.random.below(100) {
            0..36 if self.living.len() < 16 => drop(self.fork(one, out)),
            36..62 if one != 0 => self.exec(one, out),
            62..65 => self.failed_exec(one, out),
            65..67 => self.processes[one].reaper = true,
            67..72 => {
                self.processes[one].threads += 1;
                self.tell(one, LifeKind::ThreadBegun, out);
            }
            72..74 if self.processes[one].threads > 1 => self.thread_ends(one, 0, out),
            74..77 if self.processes[one].threads > 0 && !self.processes[one].leader_gone => self.leader_ends(one, out),
            77..81 if self.living.len() < 15 => {
                // A daemon is born: its forker ends before it execs.
                let Some(between) = self.fork(one, out) else { return };
                let Some(daemon) = self.fork(between, out) else { return };
                self.exit(between, out);
                self.exec(daemon, out);
            }
            _ if one != 0 => self.exit(one, out),
            _ => {}
        }
    }

    fn tell(&self, process: usize, kind: LifeKind, out: &mut Sockets) {
        if self.rung != Rung::AuditAlone {
            out.lives.push_back(Life { pid: self.processes[process].pid, time_ns: self.now_ns, kind });
        }
    }

    fn fork(&mut self, parent: usize, out: &mut Sockets) -> Option<usize> {
        self.now_ns += 1_000;
        self.last = None;
        let taken = |pid: u32| self.by_pid(pid).is_some();
        let pid = (0..self.pids).map(|step| 2 + (self.next_pid - 2 + step) % self.pids).find(|&pid| !taken(pid))?;
        self.next_pid = pid + 1;
        let forker = &self.processes[parent];
        let (forker_pid, image) = (forker.pid, forker.images[forker.images.len() - 1].clone());
        self.processes.push(Process {
            pid,
            start_ns: self.now_ns,
            parents: vec![parent],
            images: vec![image],
            end: None,
            statuses: Vec::new(),
            born_serial: 0,
            threads: 0,
            leader_gone: false,
            reaper: false,
        });
        let child = self.processes.len() - 1;
        self.living.push(child);
        self.tell(child, LifeKind::Fork { parent: forker_pid }, out);
        if self.rung == Rung::AuditAlone {
            let call = Call { number: 56, exit: i64::from(pid), first: 0x0120_0011, ..self.call(parent) };
            self.processes[child].born_serial = call.serial;
            self.emit(parent, call.alone(), out);
        }
        Some(child)
    }

    fn thread_ends(&mut self, process: usize, status: u32, out: &mut Sockets) {
        self.processes[process].threads -= 1;
        self.tell(process, LifeKind::ThreadEnded { status }, out);
    }

    fn leader_ends(&mut self, process: usize, out: &mut Sockets) {
        self.processes[process].leader_gone = true;
        self.processes[process].statuses.push(0);
        self.tell(process, LifeKind::Exit { status: 0 }, out);
    }

    fn exec(&mut self, process: usize, out: &mut Sockets) {
        self.now_ns += 1_000;
        // The caller ends all others; if it is not the first thread it becomes that, and its own end is never told.
        let Process { threads, leader_gone, .. } = self.processes[process];
        if threads > 0 && !leader_gone && self.random.below(3) == 0 {
            self.leader_ends(process, out);
        }
        let caller_is_first = !self.processes[process].leader_gone;
        while self.processes[process].threads > u32::from(!caller_is_first) {
            self.thread_ends(process, 0, out);
        }
        self.processes[process].threads = 0;
        self.processes[process].leader_gone = false;
        self.tell(process, LifeKind::Exec, out);
        let serial = self.serial + 1;
        let exes: [&[u8]; 4] = [b"/usr/bin/cat", b"/tmp/a b", b"/memfd:x (deleted)", b"/opt/\xc3\xa4/tool"];
        let cwds: [&[u8]; 3] = [b"/", b"/root", b"/home/a b"];
        let exe = exes[self.random.below(exes.len())].to_vec();
        let cwd = cwds[self.random.below(cwds.len())].to_vec();
        let mut argv = vec![format!("x{serial}").into_bytes()];
        match self.random.below(40) {
            0..16 => argv.push(b"plain".to_vec()),
            16..30 => argv.extend([b"two words".to_vec(), Vec::new(), b"\"it's\"".to_vec()]),
            30 => argv.extend([vec![b'y'; LONG], b"last one".to_vec()]),
            31 => argv.extend((0..120).map(|number| format!("argument {number}").into_bytes())),
            _ => {}
        }
        let image = Image { exe: exe.clone(), cmdline: argv.join(&b' '), cwd: cwd.clone() };
        self.processes[process].images.push(image.clone());
        let script = (self.random.below(4) == 0).then_some(&b"/tmp/script.sh"[..]);
        let call = Call { number: 59, exe, ..self.call(process) };
        self.execs.insert(call.serial, Exec { process, ppid: call.ppid, image });
        self.emit(process, call.exec(&argv, &cwd, script), out);
    }

    fn failed_exec(&mut self, process: usize, out: &mut Sockets) {
        let image = &self.processes[process].images;
        let exe = image[image.len() - 1].exe.clone();
        let call = Call { number: 59, success: false, exit: -2, exe, ..self.call(process) };
        self.emit(process, call.alone(), out);
    }

    /// The numbers of a system call that is being left now.
    fn call(&mut self, process: usize) -> Call {
        self.serial += 1;
        // Audit's clock has steps of 4 ms.
        let ms = ((EPOCH_NS + self.now_ns) / 4_000_000 * 4) as u64;
        let Process { pid, images, .. } = &self.processes[process];
        let exe = images[images.len() - 1].exe.clone();
        let (pid, ppid) = (*pid, self.ppid(process));
        Call { ms, serial: self.serial, pid, ppid, uid: 1000 + pid, exe, ..Call::default() }
    }

    /// Puts records into audit's queue, now and then mixed with those of the event before.
    fn emit(&mut self, process: usize, mut records: Vec<Text>, out: &mut Sockets) {
        let is_read = |(kind, body): &Text| match *kind {
            texts::PATH => body.windows(9).any(|part| part == b"): item=0"),
            kind => !matches!(kind, texts::EOE | texts::PROCTITLE),
        };
        records.retain(|record| !self.filtered || is_read(record));
        let count = records.len();
        match self.last.take() {
            Some((other, before)) if other != process && before <= out.audit.len() && self.random.below(3) == 0 => {
                let mut one = out.audit.split_off(out.audit.len() - before);
                let mut two = VecDeque::from(records);
                while let Some(record) =
                    if self.random.below(2) == 0 { one.pop_front() } else { None }.or_else(|| two.pop_front())
                {
                    out.audit.push_back(record);
                }
                out.audit.extend(one);
            }
            _ => {
                out.audit.extend(records);
                self.last = Some((process, count));
            }
        }
    }

    fn exit(&mut self, process: usize, out: &mut Sockets) {
        self.now_ns += 1_000;
        self.last = None;
        let status = (self.random.below(200) << 8) as u32;
        self.processes[process].end = Some((self.now_ns, status));
        self.living.retain(|&other| other != process);
        self.processes[process].statuses.push(status);
        let first = self.random.below(2) == 0;
        for leader in [first, !first] {
            if !leader {
                while self.processes[process].threads > 0 {
                    self.thread_ends(process, status, out);
                }
            } else if !self.processes[process].leader_gone {
                self.tell(process, LifeKind::Exit { status }, out);
            }
        }
        // The nearest ancestor that reaps and lives.
        let mut reaper = self.parent(process);
        while !self.processes[reaper].reaper || self.processes[reaper].end.is_some() {
            reaper = self.parent(reaper);
        }
        for &child in &self.living {
            if self.processes[child].parents.last() == Some(&process) {
                self.processes[child].parents.push(reaper);
            }
        }
    }

    fn parent(&self, process: usize) -> usize {
        self.processes[process].parents.last().copied().unwrap_or(0)
    }

    fn ppid(&self, process: usize) -> u32 {
        if process == 0 { 0 } else { self.processes[self.parent(process)].pid }
    }

    fn by_pid(&self, pid: u32) -> Option<usize> {
        self.living.iter().copied().find(|&process| self.processes[process].pid == pid)
    }
}

/// The machine's /proc.
pub(super) struct Shown<'a>(pub(super) &'a Machine);

impl Procfs for Shown<'_> {
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)> {
        let process = self.0.by_pid(pid)?;
        let start = self.0.processes[process].start_ns + SUSPENDED_NS;
        Some((self.0.ppid(process), start / TICK_NS * TICK_NS))
    }

    fn read(&mut self, pid: u32) -> Option<Seen<'_>> {
        let (ppid, start_boot_ns) = self.birth(pid)?;
        let process = self.0.by_pid(pid)?;
        let Image { exe, cmdline, cwd } = self.0.processes[process].images.last()?;
        Some(Seen { ppid, start_boot_ns, ids: Ids::default(), path: exe, cmdline, cwd, namespaced: false })
    }

    fn pids(&mut self, each: &mut dyn FnMut(u32)) {
        let mut pids: Vec<_> = self.0.living.iter().map(|&process| self.0.processes[process].pid).collect();
        pids.sort_unstable();
        pids.into_iter().for_each(each);
    }
}

impl Source for Sockets {
    fn rung(&self) -> Rung {
        self.rung
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.nothing.as_fd()
    }

    fn gather(&mut self, life: &mut dyn FnMut(Life)) -> io::Result<Gathered> {
        let records = self.audit.len().min(capacity::RECV_BATCH);
        self.batch = self.audit.drain(..records).collect();
        let lives = self.lives.len();
        self.lives.drain(..).for_each(life);
        Ok(Gathered { records, lives, drained: records < capacity::RECV_BATCH, overflows: 0 })
    }

    fn record(&self, index: usize) -> Option<(u16, &[u8])> {
        self.batch.get(index).map(|(kind, body)| (*kind, body.as_slice()))
    }
}
