//! Making rows of images: an exec event's, a fork's copy that something descends from, an image whose event is lost.

use super::node::{AWAITING, CURRENT, FILLED, IMAGE, Idx, NONE, Node};
use super::tracker::{START_STEP_NS, Tracker};
use super::{Seen, World};
use crate::audit::event::Exec;
use crate::store::row::{End, ImageRow, Kind, RowId};
use crate::sys::clock::Clock;

impl Tracker {
    /// Gives an image its event's row.
    pub(super) fn fill(&mut self, idx: Idx, event: &Exec<'_>, world: &mut World<'_>) {
        let parent = self.row_of_parent(idx, world);
        let node = *self.cache.at(idx);
        let id = if node.row.is_some() { node.row } else { self.new_row() };
        let offset_ns = world.clock.epoch_offset_ns;
        let stamp_ms = event.stamp.ms as i64;
        world.rows.image(&ImageRow {
            id,
            parent,
            origin: RowId::NONE,
            kind: Kind::Exec,
            visible: true,
            link: node.link,
            pid: event.pid,
            ppid: event.ppid,
            forker: node.forker,
            start_ns: if node.fork_ns == 0 { 0 } else { node.fork_ns + offset_ns },
            time_ns: if idx.is_some() { node.exec_ns + offset_ns } else { stamp_ms.saturating_mul(1_000_000) },
            stamp_ms,
            uptime_s: (node.exec_ns + world.clock.boot_offset_ns) / 1_000_000_000,
            serial: event.stamp.serial,
            syscall: Some(event.syscall),
            ids: Some(event.ids),
            file: event.file,
            path: event.path,
            cmdline: event.cmdline,
            cwd: event.cwd,
            end: end_of(&node, offset_ns),
        });
        let node = self.cache.at_mut(idx);
        node.row = id;
        node.parent_row = parent;
        node.flags &= !(AWAITING | FILLED);
        self.cache.settle(idx);
    }

    /// The row of a node's parent, made if need be.
    pub(super) fn row_of_parent(&mut self, idx: Idx, world: &mut World<'_>) -> RowId {
        if self.options.capacity == 0 {
            return RowId::NONE;
        }
        let node = *self.cache.at(idx);
        if node.parent_row.is_some() {
            return node.parent_row;
        }
        let row = self.row_of(node.parent, world);
        self.cache.at_mut(idx).parent_row = row;
        row
    }

    /// The row of an image, made if it has none: something descends from it.
    pub(super) fn row_of(&mut self, idx: Idx, world: &mut World<'_>) -> RowId {
        // Ancestors without rows first, so that a parent's row is always older than its child's. Forks of forks are
        // climbed in steps: the stack of indices is bounded, the climb is repeated until the top is done.
        while idx.is_some() && !self.cache.at(idx).row.is_some() {
            let mut top = idx;
            for _ in 0..self.cache.size() {
                let Node { parent, parent_row, .. } = *self.cache.at(top);
                if parent == NONE || parent_row.is_some() || self.cache.at(parent).row.is_some() {
                    break;
                }
                top = parent;
            }
            let node = self.cache.at(top);
            // Nobody saw its birth: only its pid is known.
            let unborn = node.fork_ns == 0 && !node.parent_row.is_some();
            if node.is(IMAGE) || unborn { self.lost_row(top, world) } else { self.fork_row(top, false, world) }
        }
        self.cache.at(idx).row
    }

    /// A row for a fork's copy.
    pub(super) fn fork_row(&mut self, idx: Idx, visible: bool, world: &mut World<'_>) {
        let parent = self.row_of_parent(idx, world);
        let node = *self.cache.at(idx);
        let forker = *self.cache.at(node.parent);
        let shared = if forker.is(IMAGE) { forker.row } else { forker.origin };
        let origin = if node.origin.is_some() { node.origin } else { shared };
        if idx == NONE || node.row.is_some() {
            return;
        }
        let id = self.new_row();
        let (offset_ns, boot_ns) = (world.clock.epoch_offset_ns, world.clock.boot_offset_ns);
        world.rows.image(&ImageRow {
            id,
            parent,
            origin,
            kind: Kind::Fork,
            visible,
            ids: None,
            ..bare_row(&node, offset_ns, boot_ns)
        });
        let node = self.cache.at_mut(idx);
        node.row = id;
        node.origin = origin;
    }

    /// A row for an image whose event has not come although something descends from it: its event is lost or late.
    /// /proc helps if the process lives. If the event comes after all, it replaces the row.
    fn lost_row(&mut self, idx: Idx, world: &mut World<'_>) {
        let parent = self.row_of_parent(idx, world);
        let node = *self.cache.at(idx);
        let id = self.new_row();
        let base = ImageRow { id, parent, ..bare_row(&node, world.clock.epoch_offset_ns, world.clock.boot_offset_ns) };
        let alive = node.is(CURRENT) && !node.ended();
        match world.procfs.read(node.pid).filter(|seen| alive && same_start(&node, seen, &world.clock)) {
            Some(seen) => world.rows.image(&ImageRow { kind: Kind::Procfs, ..with_text(base, &seen) }),
            None => world.rows.image(&base),
        }
        self.cache.at_mut(idx).row = id;
    }
}

/// Whether /proc's start (ns since boot) can be this node's process.
pub(super) fn near(node: &Node, start_boot_ns: i64, clock: &Clock) -> bool {
    node.fork_ns != 0 && (start_boot_ns - clock.boot_offset_ns - node.fork_ns).abs() <= START_STEP_NS
}

fn same_start(node: &Node, seen: &Seen<'_>, clock: &Clock) -> bool {
    near(node, seen.start_boot_ns, clock)
}

fn end_of(node: &Node, offset_ns: i64) -> Option<End> {
    let status = node.status_known.then_some(node.status);
    node.ended().then_some(End { time_ns: node.end_ns + offset_ns, status })
}

/// A row with a node's numbers and nothing else.
pub(super) fn bare_row(node: &Node, epoch_ns: i64, boot_ns: i64) -> ImageRow<'static> {
    let at_ns = if node.exec_ns == 0 { node.fork_ns } else { node.exec_ns };
    ImageRow {
        id: RowId::NONE,
        parent: RowId::NONE,
        origin: RowId::NONE,
        kind: Kind::Inferred,
        visible: false,
        link: node.link,
        pid: node.pid,
        ppid: node.forker,
        forker: node.forker,
        start_ns: if node.fork_ns == 0 { 0 } else { node.fork_ns + epoch_ns },
        time_ns: at_ns + epoch_ns,
        stamp_ms: (at_ns + epoch_ns) / 1_000_000,
        uptime_s: (at_ns + boot_ns) / 1_000_000_000,
        serial: 0,
        syscall: None,
        ids: None,
        file: None,
        path: b"",
        cmdline: b"",
        cwd: b"",
        end: end_of(node, epoch_ns),
    }
}

/// The same with what /proc shows.
pub(super) fn with_text<'a>(row: ImageRow<'a>, seen: &Seen<'a>) -> ImageRow<'a> {
    ImageRow { ppid: seen.ppid, ids: Some(seen.ids), path: seen.path, cmdline: seen.cmdline, cwd: seen.cwd, ..row }
}
