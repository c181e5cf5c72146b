//! Bytes of a terminal as keys: UTF-8, control characters, and the escape sequences of VT100 and xterm (ECMA-48
//! sequences `ESC [ …`, `ESC O x`, and Alt as a leading ESC). What is no key is dropped.

/// A key, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Key {
    Text(char),
    Enter,
    Tab,
    Backspace,
    Delete,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    KillToEnd,
    KillToStart,
    KillWordLeft,
    KillWordRight,
    Yank,
    Transpose,
    Clear,
    Search,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D: the end of input, or the character under the cursor.
    Close,
    Escape,
}

/// Longest escape sequence that is waited for.
const LONGEST: usize = 16;

/// Bytes that were read and are no keys yet.
#[derive(Default)]
pub struct Keys {
    bytes: Vec<u8>,
    taken: usize,
}

/// What the first bytes are.
enum Found {
    /// So many bytes are this key, or none.
    Key(usize, Option<Key>),
    /// The rest of a key is yet to come.
    Part,
}

impl Keys {
    /// Appends what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether a key has begun and not ended: more bytes of it should come soon.
    pub fn is_part(&self) -> bool {
        self.taken < self.bytes.len()
    }

    /// The next whole key.
    pub fn take(&mut self) -> Option<Key> {
        while let Some(rest) = self.bytes.get(self.taken..).filter(|rest| !rest.is_empty()) {
            match first(rest) {
                Found::Part => return None,
                Found::Key(length, key) => {
                    self.taken += length;
                    if key.is_some() {
                        return key;
                    }
                }
            }
        }
        None
    }

    /// Nothing more has come: a lone ESC is the key Escape, any other part is dropped.
    pub fn give_up(&mut self) -> Option<Key> {
        let escape = self.bytes.get(self.taken..) == Some(b"\x1b");
        self.taken = self.bytes.len();
        escape.then_some(Key::Escape)
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::Close,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x07 => Key::Escape,
        0x08 | 0x7f => Key::Backspace,
        0x09 => Key::Tab,
        0x0a | 0x0d => Key::Enter,
        0x0b => Key::KillToEnd,
        0x0c => Key::Clear,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x12 => Key::Search,
        0x14 => Key::Transpose,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWordLeft,
        0x19 => Key::Yank,
        _ => return None,
    })
}

fn first(bytes: &[u8]) -> Found {
    let Some((&byte, rest)) = bytes.split_first() else { return Found::Part };
    match byte {
        0x1b => escape(rest),
        0..0x20 | 0x7f => Found::Key(1, control(byte)),
        _ => character(bytes, byte),
    }
}

fn character(bytes: &[u8], byte: u8) -> Found {
    let length = match byte {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Found::Key(1, None),
    };
    match bytes.get(..length).map(std::str::from_utf8) {
        Some(Ok(text)) => Found::Key(length, text.chars().next().filter(|c| !c.is_control()).map(Key::Text)),
        Some(Err(_)) => Found::Key(1, None),
        None => Found::Part,
    }
}

/// What follows ESC.
fn escape(rest: &[u8]) -> Found {
    let Some(&byte) = rest.first() else { return Found::Part };
    let alt = |key| Found::Key(2, Some(key));
    match byte {
        b'[' => match rest.iter().skip(1).position(|byte| (0x40..0x7f).contains(byte)) {
            Some(length) => {
                let parameters = rest.get(1..1 + length).unwrap_or_default();
                Found::Key(length + 3, sequence(parameters, rest.get(1 + length).copied().unwrap_or(0)))
            }
            None if rest.len() < LONGEST => Found::Part,
            None => Found::Key(2, None),
        },
        b'O' => match rest.get(1) {
            Some(&byte) => Found::Key(3, sequence(b"", byte)),
            None => Found::Part,
        },
        b'b' | b'B' => alt(Key::WordLeft),
        b'f' | b'F' => alt(Key::WordRight),
        b'd' | b'D' => alt(Key::KillWordRight),
        0x08 | 0x7f => alt(Key::KillWordLeft),
        0x1b => Found::Key(1, Some(Key::Escape)),
        _ => Found::Key(2, None),
    }
}

fn sequence(parameters: &[u8], last: u8) -> Option<Key> {
    // `1;5C`: with Ctrl, `1;3C`: with Alt.
    let word = parameters.ends_with(b";5") || parameters.ends_with(b";3");
    Some(match (last, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) if word => Key::WordRight,
        (b'D', _) if word => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"3") => Key::Delete,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        keys.push(bytes);
        std::iter::from_fn(|| keys.take()).collect()
    }

    #[test]
    fn knows_characters_controls_and_sequences() {
        use Key::*;
        assert_eq!(all("aé日\r".as_bytes()), [Text('a'), Text('é'), Text('日'), Enter]);
        assert_eq!(
            all(b"\x1b[A\x1bOB\x1b[3~\x1b[1;5C\x1b[1;3D\x1b[C\x1b[H\x1b[4~"),
            [Up, Down, Delete, WordRight, WordLeft, Right, Home, End]
        );
        assert_eq!(
            all(b"\x01\x05\x0b\x15\x17\x19\x14\x0c\x12\x03\x04\x7f\t"),
            [
                Home,
                End,
                KillToEnd,
                KillToStart,
                KillWordLeft,
                Yank,
                Transpose,
                Clear,
                Search,
                Interrupt,
                Close,
                Backspace,
                Tab
            ]
        );
        assert_eq!(all(b"\x1bb\x1bf\x1bd\x1b\x7f"), [WordLeft, WordRight, KillWordRight, KillWordLeft]);
        assert_eq!(all(b"\x1b[200~x\xff\xc3(\x1b[5;6Ry\x00z"), [Text('x'), Text('('), Text('y'), Text('z')]);
    }

    #[test]
    fn waits_for_the_rest_of_a_key() {
        let mut keys = Keys::default();
        for part in [&b"\x1b"[..], b"[", b"1;5"] {
            keys.push(part);
            assert_eq!(keys.take(), None);
            assert!(keys.is_part());
        }
        keys.push(b"D\xe6\x97");
        assert_eq!(keys.take(), Some(Key::WordLeft));
        assert_eq!(keys.take(), None);
        keys.push(b"\xa5");
        assert_eq!(keys.take(), Some(Key::Text('日')));
        assert!(!keys.is_part());
        keys.push(b"\x1b");
        assert_eq!((keys.take(), keys.give_up(), keys.is_part()), (None, Some(Key::Escape), false));
        keys.push(b"\x1b[1");
        assert_eq!((keys.take(), keys.give_up(), keys.take()), (None, None, None));
        keys.push(&[b"\x1b[".as_slice(), &[b'1'; 40], b"x"].concat());
        assert!(
            std::iter::from_fn(|| keys.take()).all(|key| matches!(key, Key::Text('1' | 'x'))),
            "no endless waiting"
        );
    }
}
