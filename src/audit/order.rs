//! Events of a log, handed on in the order of what they did.
//!
//! auditd writes no EOE, so nothing in a log says that an event is complete, and nobody waits for it either. Events
//! therefore stay in their slots until the room is needed. Then the lowest serial goes first (the kernel gives it when
//! the system call is over, so it is the order of what had happened), with one exception: the call that made a process
//! ends after the process has begun to run, a vfork only after the child's exec. So before an event of process P goes the
//! fork that made P, as long as both are here. Cost: a look at each slot for an event, and one more for a birth.

use super::assemble::Assembler;
use super::event::{Event, Syscall};
use super::syscalls::Call;
use crate::capacity;
use std::io;

impl Assembler {
    /// For the records of a log: see the module's head. Each event waits until its slot is needed, or for
    /// [`Assembler::expire`] with `u64::MAX`.
    ///
    /// # Errors
    /// The system has no address space for it.
    pub fn for_log() -> io::Result<Self> {
        Self::with_slots(capacity::LOG_SLOTS, true)
    }

    /// Frees a slot by handing on what is next. Returns the slot.
    pub(super) fn make_room(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> usize {
        let next = self.next_in_order().unwrap_or(0);
        self.deliver_after_births(next, sink);
        next
    }

    /// Hands everything on, at the end of time.
    pub(super) fn expire_in_order(&mut self, now_ms: u64, sink: &mut dyn FnMut(Event<'_>)) {
        while let Some(next) = self.next_in_order().filter(|_| now_ms == u64::MAX) {
            self.deliver_after_births(next, sink);
        }
    }

    /// What nobody wants goes first: it only takes room.
    fn next_in_order(&self) -> Option<usize> {
        let used = self.slots.iter().enumerate().filter(|(_, slot)| slot.used);
        used.min_by_key(|(_, slot)| (!slot.ignored, slot.stamp.serial, slot.stamp.ms)).map(|(index, _)| index)
    }

    fn deliver_after_births(&mut self, index: usize, sink: &mut dyn FnMut(Event<'_>)) {
        let mut line = [0usize; capacity::LOG_SLOTS];
        let (mut at, mut length) = (index, 0);
        // The fork that made a process may itself be of a process whose birth is still here. A damaged log may go round.
        while let Some(place) = line.get_mut(length) {
            *place = at;
            length += 1;
            let before = line.get(..length).unwrap_or(&[]);
            match self.birth_before(at).filter(|birth| !before.contains(birth)) {
                Some(birth) => at = birth,
                None => break,
            }
        }
        for &index in line.iter().take(length).rev() {
            self.deliver(index, sink);
        }
    }

    /// The fork that made the process of this event, if it waits here. It was entered before its child could do anything.
    fn birth_before(&self, index: usize) -> Option<usize> {
        let slot = self.slots.get(index).filter(|slot| !slot.ignored)?;
        let pid = slot.header?.pid;
        self.slots.iter().position(|other| {
            let born = other.used && !other.ignored && other.stamp.ms <= slot.stamp.ms;
            born && other.header.is_some_and(|header| header.child == pid && is_fork(header.call))
        })
    }
}

fn is_fork(call: Option<Call>) -> bool {
    matches!(call, Some(Call::Process(Syscall::Fork | Syscall::Vfork | Syscall::Clone | Syscall::Clone3)))
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::record::kind;
    use super::*;

    /// What came out: `exec 12`, `fork 10>12`, `exit 12`.
    fn told(event: &Event<'_>) -> String {
        match event {
            Event::Exec(exec) => format!("exec {}", exec.pid),
            Event::Fork(fork) => format!("fork {}>{}", fork.pid, fork.child),
            Event::Exit(exit) => format!("exit {}", exit.pid),
        }
    }

    struct Log(Assembler, Vec<String>);

    impl Log {
        fn new() -> Self {
            Log(Assembler::for_log().unwrap(), Vec::new())
        }
        /// A SYSCALL record: system call of x86_64, at a serial.
        fn call(&mut self, serial: u64, ms: u64, number: u32, pid: u32, exit: u32) {
            let body = format!(
                "audit(1.{ms:03}:{serial}): arch=c000003e syscall={number} success=yes exit={exit} a0=0 ppid=1 pid={pid} \
                 exe=\"/x\" key=(null)"
            );
            self.push(kind::SYSCALL, &body);
        }
        fn push(&mut self, kind: u16, body: &str) {
            let out = &mut self.1;
            self.0.push(kind, body.as_bytes(), 0, &mut |event| out.push(told(&event)));
        }
        fn end(mut self) -> Vec<String> {
            let out = &mut self.1;
            self.0.expire(u64::MAX, &mut |event| out.push(told(&event)));
            self.1
        }
    }

    const EXECVE: u32 = 59;
    const FORK: u32 = 57;
    const VFORK: u32 = 58;
    const EXIT: u32 = 231;

    #[test]
    fn a_birth_goes_before_what_its_child_does() {
        let mut log = Log::new();
        log.call(5, 100, EXECVE, 10, 0);
        log.call(6, 104, EXECVE, 12, 0);
        log.call(7, 104, EXIT, 12, 0);
        log.call(8, 104, VFORK, 11, 12);
        log.call(9, 104, FORK, 10, 11);
        assert_eq!(log.end(), ["exec 10", "fork 10>11", "fork 11>12", "exec 12", "exit 12"]);
    }

    #[test]
    fn a_later_birth_of_the_same_pid_waits_for_its_turn() {
        let mut log = Log::new();
        log.call(5, 100, EXIT, 12, 0);
        log.call(6, 104, FORK, 10, 12);
        log.call(7, 104, EXECVE, 12, 0);
        assert_eq!(log.end(), ["exit 12", "fork 10>12", "exec 12"]);
    }

    #[test]
    fn births_that_go_round_do_not_hang() {
        let mut log = Log::new();
        log.call(5, 100, FORK, 10, 11);
        log.call(6, 100, FORK, 11, 10);
        log.call(7, 100, FORK, 12, 12);
        assert_eq!(log.end(), ["fork 11>10", "fork 10>11"], "nobody makes itself");
    }

    #[test]
    fn whatever_the_order_of_lines_serials_rule_as_far_as_there_is_room() {
        let mut log = Log::new();
        let slots = capacity::LOG_SLOTS as u64;
        // Blocks of as many as fit, each backwards.
        for block in 0..4 {
            for serial in (0..slots).rev() {
                log.call(1 + block * slots + serial, 100, EXECVE, 1000 + (block * slots + serial) as u32, 0);
            }
        }
        let wanted: Vec<_> = (0..4 * slots).map(|pid| format!("exec {}", 1000 + pid)).collect();
        assert_eq!(log.end(), wanted);
    }

    #[test]
    fn no_end_of_event_is_needed_and_none_is_harmful() {
        let mut log = Log::new();
        log.call(5, 100, EXECVE, 10, 0);
        log.push(kind::EOE, "audit(1.100:5): ");
        log.push(kind::CWD, "audit(1.100:5): cwd=\"/\"");
        assert!(log.1.is_empty(), "{:?}", log.1);
        let mut assembler = log.0;
        let mut cwd = Vec::new();
        assembler.expire(100_000, &mut |_| panic!("a log's time is no reason"));
        assembler.expire(u64::MAX, &mut |event| {
            if let Event::Exec(exec) = event {
                cwd = exec.cwd.to_vec();
            }
        });
        assert_eq!(cwd, b"/");
    }

    #[test]
    fn what_nobody_wants_takes_no_room() {
        let mut log = Log::new();
        log.call(1, 100, EXECVE, 10, 0);
        for serial in 2..1000 {
            log.call(serial, 100, 2, 10, 3);
            log.push(kind::CWD, &format!("audit(1.100:{serial}): cwd=\"/\""));
        }
        assert!(log.1.is_empty(), "the exec still waits for what may come: {:?}", log.1);
        assert_eq!(log.0.counters.without_syscall + log.0.counters.evicted + log.0.counters.duplicates, 0);
        assert_eq!(log.end(), ["exec 10"]);
    }
}
