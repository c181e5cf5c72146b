//! Who is whose child: a fixed-capacity cache of process images and what happens to it.
//!
//! No I/O and no clock: messages, time and /proc come in as parameters ([`World`]), rows go out through [`Rows`].
//! [`node`] is one image, [`cache`] the arena with its hash and lists, [`tracker`] applies births, images and deaths; its
//! parts: `join` brings them together with audit's exec events, `rows` makes rows of images, `untold` is what audit says
//! where no connector speaks, `resync` what /proc adds.
//!
//! The joining is exact, not by time stamps: audit stamps come in 4 ms steps and a pid may be used again within less.
//! Connector messages wait in a ring, in the kernel's order. An exec event of pid P is matched with the oldest EXEC
//! message of P that has no event yet, and everything in the ring up to that message is applied first. So at the moment
//! when an event is handled, the cache is what was true when the exec happened, however far the two sockets are apart.

pub mod cache;
mod join;
pub mod node;
mod resync;
mod rows;
pub mod tracker;
mod untold;

#[cfg(test)]
mod late_tests;
#[cfg(test)]
pub(crate) mod tests;

use crate::audit::event::Ids;
use crate::store::row::{End, ImageRow, RowId};
use crate::sys::clock::Clock;

/// Where rows go.
pub trait Rows {
    /// A new row, or (same id again) its better version.
    fn image(&mut self, row: &ImageRow<'_>);
    /// The process of this row ended.
    fn end(&mut self, id: RowId, end: End);
}

/// A living process as /proc shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its parent now.
    pub ppid: u32,
    /// Its start, ns since boot, in clock ticks (10 ms).
    pub start_boot_ns: i64,
    /// Who it is.
    pub ids: Ids,
    /// exe; empty for a kernel thread.
    pub path: &'a [u8],
    /// Arguments joined by spaces; for a kernel thread its name in brackets.
    pub cmdline: &'a [u8],
    /// Working directory.
    pub cwd: &'a [u8],
    /// It lives in a pid namespace below the initial one.
    pub namespaced: bool,
}

/// /proc, or its stand-in.
pub trait Procfs {
    /// Parent and start (ns since boot) of a living process.
    fn birth(&mut self, pid: u32) -> Option<(u32, i64)>;
    /// All that a row needs.
    fn read(&mut self, pid: u32) -> Option<Seen<'_>>;
    /// Every living process, ancestors before descendants as far as pids tell.
    fn pids(&mut self, each: &mut dyn FnMut(u32));
}

/// Everything outside of lineage that it needs for a moment.
pub struct World<'a> {
    /// Where rows go.
    pub rows: &'a mut dyn Rows,
    /// /proc.
    pub procfs: &'a mut dyn Procfs,
    /// What time it is.
    pub clock: Clock,
}
