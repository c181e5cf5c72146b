//! Joining audit's exec events with what the connector said: the exact way of it is in the head of [`super`], and what
//! happens to an event that comes too late for it is here.

use super::World;
use super::node::{AWAITING, FILLED, Idx, NONE, Node};
use super::tracker::{AWAIT_NS, STAMP_STEP_NS, Tracker};
use crate::audit::event::Exec;
use crate::source::{Life, LifeKind};

/// How much the wall clock may be slewed between a stamp and now.
const SLEW_NS: i64 = 2_000_000;
/// How much later than an exec's stamp its process may seem to be born.
const BIRTH_STEP_NS: i64 = STAMP_STEP_NS + SLEW_NS;
/// An event whose stamp is so much older than what the cache knows comes late: the assembler waited for the rest of it,
/// or audit is far behind the connector.
const LATE_NS: i64 = 1_000_000_000;

impl Tracker {
    /// Something is told of this moment. A leap counts once something else agrees: one time alone may be wrong.
    pub(super) fn told_until(&mut self, time_ns: i64, world: &World<'_>) {
        let time_ns = time_ns.min(world.clock.monotonic_ns);
        let leap = time_ns.saturating_sub(self.newest_ns) > LATE_NS;
        if leap && time_ns.saturating_sub(self.leap_ns).saturating_abs() > LATE_NS {
            self.leap_ns = time_ns;
            return;
        }
        self.newest_ns = self.newest_ns.max(time_ns);
    }

    /// Whether an event comes late: then it is of the past, and who holds its pids now is not for it to say.
    pub(super) fn is_late(&self, pid: u32, stamp_ns: i64) -> bool {
        self.is_held_since(pid, stamp_ns) || stamp_ns < self.newest_ns - LATE_NS
    }

    /// An exec event of audit: becomes a row.
    pub fn exec(&mut self, event: &Exec<'_>, world: &mut World<'_>) {
        self.execs += 1;
        let stamp_ns = (event.stamp.ms as i64).saturating_mul(1_000_000) - world.clock.epoch_offset_ns;
        self.told_until(stamp_ns, world);
        let mut idx = self.awaiting(event.pid, stamp_ns);
        if idx == NONE {
            idx = self.catch_up(event.pid, stamp_ns, world);
        }
        if idx == NONE {
            idx = self.exec_untold(event, stamp_ns, world);
        }
        self.cache.touch(idx);
        self.fill(idx, event, world);
    }

    /// The oldest image of `pid` that awaits an event and can be what this one tells of.
    fn awaiting(&self, pid: u32, stamp_ns: i64) -> Idx {
        let fits = |node: &Node| {
            can_be(node, stamp_ns) && (node.is(AWAITING) || node.is(FILLED) && node.exec_ns - stamp_ns <= AWAIT_NS)
        };
        self.cache
            .images(pid)
            .filter(|(_, node)| fits(node))
            .min_by_key(|(_, node)| node.exec_ns)
            .map_or(NONE, |(i, _)| i)
    }

    /// Applies the ring up to the EXEC message that belongs to an event of `pid`, if it holds one. An event that was long
    /// in coming may find the EXEC of another process, which has the pid by now: that stays for its own event.
    fn catch_up(&mut self, pid: u32, stamp_ns: i64, world: &mut World<'_>) -> Idx {
        let exec = |life: &Life| life.kind == LifeKind::Exec && life.time_ns + SLEW_NS >= stamp_ns;
        let born = |life: &Life| matches!(life.kind, LifeKind::Fork { .. }) && life.time_ns > stamp_ns + BIRTH_STEP_NS;
        let told = self.ring.iter().enumerate().find(|(_, life)| life.pid == pid && (exec(life) || born(life)));
        let Some(place) = told.filter(|(_, life)| exec(life)).map(|(place, _)| place) else { return NONE };
        for _ in 0..place {
            let Some(life) = self.ring.pop_front() else { break };
            self.apply(life, world);
        }
        match self.ring.pop_front() {
            Some(life) => {
                let idx = self.exec_seen(pid, life.time_ns, world);
                if can_be(self.cache.at(idx), stamp_ns) { idx } else { NONE }
            }
            None => NONE,
        }
    }
}

/// Whether an exec event of this stamp can be this image's: not exec'd before the stamp, and not born after it.
fn can_be(node: &Node, stamp_ns: i64) -> bool {
    let born =
        if node.fork_ns == 0 { node.exec_ns - stamp_ns <= LATE_NS } else { node.fork_ns <= stamp_ns + BIRTH_STEP_NS };
    born && node.exec_ns + SLEW_NS >= stamp_ns
}
