//! The arguments of one exec, put together from its EXECVE records (`auditsc.c: audit_log_execve_info`).
//!
//! Each comes as `a0="…"` or `a1=HEX`; one too long for a record as `a2_len=N a2[0]=HEX a2[1]=HEX …`, N being the number
//! of encoded characters, in as many records as it takes. They are joined by single spaces in memory of the caller's; a
//! record costs one pass. Whatever is missing, out of order or cut is noticed: see [`Arguments::complete`].

use super::record::{Record, decimal, decode, is_whole};

/// What joins two arguments, encoded as they are.
const SPACE: &[u8] = b"\" \"";

/// How far the arguments of an exec have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Arguments {
    /// How many there are, once `argc=` has come.
    argc: Option<u32>,
    /// Argument and piece that come next.
    next: (u32, u32),
    /// Encoded characters that the pieces of the present argument still have to bring.
    left: u64,
    /// Bytes written.
    length: usize,
    /// Something in between did not come.
    gap: bool,
    /// Some text did not fit, or came cut.
    pub(super) cut: bool,
}

impl Arguments {
    /// Bytes written.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether something has not come.
    pub(super) fn missing(&self) -> bool {
        self.gap || self.left != 0 || self.argc.is_none_or(|argc| self.next.0 < argc)
    }

    /// Whether every argument is there, whole.
    pub(super) fn complete(&self) -> bool {
        !self.missing() && !self.cut
    }

    /// An EXECVE record, its text to the end of `out`; returns whether all of it had come before.
    pub(super) fn take(&mut self, record: &Record<'_>, out: &mut [u8]) -> bool {
        let mut again = true;
        for (name, value) in record.fields() {
            if name == b"argc" {
                again &= self.argc.is_some();
                self.argc = decimal(value).and_then(|argc| u32::try_from(argc).ok());
                continue;
            }
            let Some(name) = name.strip_prefix(b"a") else { continue };
            let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = decimal(name.get(..digits).unwrap_or(&[])).and_then(|number| u32::try_from(number).ok());
            let Some(argument) = number else { continue };
            match name.get(digits..) {
                Some(b"") => again &= !self.argument(argument, None, value, out),
                Some(b"_len") => self.announced(argument, value),
                Some([b'[', piece @ .., b']']) => {
                    let piece = decimal(piece).and_then(|piece| u32::try_from(piece).ok());
                    again &= piece.is_none() || !self.argument(argument, piece, value, out);
                }
                _ => {}
            }
        }
        again
    }

    /// `aN_len=`: what the pieces of argument N will bring. One that has begun already has come again.
    fn announced(&mut self, argument: u32, value: &[u8]) {
        if argument >= self.next.0 {
            self.gap |= self.left != 0;
            self.left = decimal(value).unwrap_or(0);
        }
    }

    /// Appends an argument or a piece of one; false if it had come before.
    fn argument(&mut self, argument: u32, piece: Option<u32>, value: &[u8], out: &mut [u8]) -> bool {
        let at = (argument, piece.unwrap_or(0));
        // Pieces of the argument that is being written count on from it; `next` names the argument after a whole one.
        let begun = self.next.1 > 0 && argument.checked_add(1) == Some(self.next.0);
        let continues = begun && piece.is_some_and(|piece| piece > 0);
        let expected = if continues { (argument, self.next.1) } else { (self.next.0, 0) };
        if at < expected {
            return false;
        }
        self.gap |= at != expected;
        let characters = if value.starts_with(b"\"") { value.len().saturating_sub(2) } else { value.len() } as u64;
        self.gap |= if piece.is_some() { characters > self.left } else { self.left != 0 };
        self.left = if piece.is_some() { self.left.saturating_sub(characters) } else { 0 };
        if !continues && argument > 0 {
            self.append(SPACE, out);
        }
        self.cut |= !is_whole(value);
        self.append(value, out);
        self.next = (argument.saturating_add(1), piece.map_or(0, |piece| piece.saturating_add(1)));
        true
    }

    fn append(&mut self, value: &[u8], out: &mut [u8]) {
        let room = out.get_mut(self.length..).unwrap_or(&mut []);
        let length = decode(value, room);
        self.cut |= length > room.len();
        self.length += length.min(room.len());
    }
}
