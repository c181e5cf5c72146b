//! Rows and ends on their way to the database: fixed capacity, all memory taken once, nothing allocated per row.

use super::row::{End, ImageRow, RowId};
use crate::capacity;

#[derive(Clone, Copy, Debug)]
struct Held {
    row: ImageRow<'static>,
    path: (u32, u32),
    cmdline: (u32, u32),
    cwd: (u32, u32),
}

/// See the module's head.
pub struct Pending {
    rows: Vec<Held>,
    /// The ids of `rows`, close together: they are searched for each end.
    ids: Vec<RowId>,
    newest: RowId,
    text: Vec<u8>,
    ends: Vec<(RowId, End)>,
}

impl Default for Pending {
    fn default() -> Self {
        Self::new()
    }
}

impl Pending {
    /// Takes the memory: [`capacity::PENDING_ROWS`], [`capacity::PENDING_TEXT`], [`capacity::PENDING_UPDATES`].
    pub fn new() -> Self {
        Pending {
            rows: Vec::with_capacity(capacity::PENDING_ROWS),
            ids: Vec::with_capacity(capacity::PENDING_ROWS),
            newest: RowId::NONE,
            text: Vec::with_capacity(capacity::PENDING_TEXT),
            ends: Vec::with_capacity(capacity::PENDING_UPDATES),
        }
    }

    /// Rows held.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The newest row held; NONE if there is none.
    pub fn newest(&self) -> RowId {
        self.newest
    }

    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.ends.is_empty()
    }

    /// Takes a row, in the place of the same row if that still waits. False when there is no room: nothing is taken.
    pub fn push(&mut self, row: &ImageRow<'_>) -> bool {
        let place = self.find(row.id);
        let text = row.path.len() + row.cmdline.len() + row.cwd.len();
        if place.is_none() && self.rows.len() >= capacity::PENDING_ROWS
            || self.text.len() + text > capacity::PENDING_TEXT
        {
            return false;
        }
        let mut keep = |bytes: &[u8]| {
            let at = self.text.len() as u32;
            self.text.extend_from_slice(bytes);
            (at, bytes.len() as u32)
        };
        let (path, cmdline, cwd) = (keep(row.path), keep(row.cmdline), keep(row.cwd));
        let mut held = Held { row: ImageRow { path: b"", cmdline: b"", cwd: b"", ..*row }, path, cmdline, cwd };
        match place.and_then(|place| self.rows.get_mut(place)) {
            Some(old) => {
                // A better version of the same image does not make its end unseen.
                held.row.end = held.row.end.or(old.row.end);
                *old = held;
            }
            None => {
                self.rows.push(held);
                self.ids.push(row.id);
                self.newest = self.newest.max(row.id);
            }
        }
        true
    }

    /// Takes an end: into the row if that still waits (most processes are over within the batch), else as an update.
    /// False when there is no room.
    pub fn end(&mut self, id: RowId, end: End) -> bool {
        if let Some(held) = self.find(id).and_then(|place| self.rows.get_mut(place)) {
            held.row.end = Some(end);
            return true;
        }
        let room = self.ends.len() < capacity::PENDING_UPDATES;
        if room {
            self.ends.push((id, end));
        }
        room
    }

    /// Newest first: ends and better versions come soon after their rows.
    fn find(&self, id: RowId) -> Option<usize> {
        if id > self.newest { None } else { self.ids.iter().rposition(|&held| held == id) }
    }

    /// Every row, with its text, in order.
    pub fn each_row<E>(&self, mut each: impl FnMut(&ImageRow<'_>) -> Result<(), E>) -> Result<(), E> {
        let text = |(at, length): (u32, u32)| self.text.get(at as usize..(at + length) as usize).unwrap_or(&[]);
        for held in &self.rows {
            let (path, cmdline, cwd) = (text(held.path), text(held.cmdline), text(held.cwd));
            each(&ImageRow { path, cmdline, cwd, ..held.row })?;
        }
        Ok(())
    }

    /// Every end that has no row here.
    pub fn ends(&self) -> &[(RowId, End)] {
        &self.ends
    }

    /// All is written.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.ids.clear();
        self.newest = RowId::NONE;
        self.text.clear();
        self.ends.clear();
    }
}
