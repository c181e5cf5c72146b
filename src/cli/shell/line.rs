//! The line being typed: a text and a cursor, without a terminal.

use super::keys::Key;

/// Longest line, bytes; more is not taken.
const LONGEST: usize = 64 << 10;

/// See the module's head.
#[derive(Clone, Debug, Default)]
pub struct Line {
    text: String,
    /// The cursor stands before this byte.
    at: usize,
    /// What was killed last, to be yanked.
    killed: String,
}

/// What words are made of; whatever is not ASCII counts, which needs no tables.
fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || !character.is_ascii()
}

impl Line {
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text before the cursor.
    pub fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or(&self.text)
    }

    fn after(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// Another text, the cursor at its end.
    pub fn replace(&mut self, text: &str) {
        self.text = text.to_string();
        self.at = text.len();
    }

    /// Takes the text out.
    pub fn take(&mut self) -> String {
        self.at = 0;
        std::mem::take(&mut self.text)
    }

    /// Puts a text at the cursor.
    pub fn insert(&mut self, text: &str) {
        if self.text.len() + text.len() <= LONGEST {
            self.text.insert_str(self.at, text);
            self.at += text.len();
        }
    }

    /// Replaces what stands between `start` and the cursor.
    pub fn complete(&mut self, start: usize, word: &str) {
        if start <= self.at && self.text.is_char_boundary(start) {
            self.text.replace_range(start..self.at, word);
            self.at = start + word.len();
        }
    }

    fn step_left(&self) -> usize {
        self.before().chars().next_back().map_or(0, char::len_utf8)
    }

    fn step_right(&self) -> usize {
        self.after().chars().next().map_or(0, char::len_utf8)
    }

    fn word_left(&self) -> usize {
        let gap = self.before().trim_end_matches(|c| !is_word(c));
        self.at - gap.trim_end_matches(is_word).len()
    }

    fn word_right(&self) -> usize {
        let gap = self.after().trim_start_matches(|c| !is_word(c));
        self.after().len() - gap.trim_start_matches(is_word).len()
    }

    /// Takes `left` bytes before the cursor and `right` bytes after it away.
    fn remove(&mut self, left: usize, right: usize) -> String {
        let removed = self.text.drain(self.at - left..self.at + right).collect();
        self.at -= left;
        removed
    }

    fn kill(&mut self, left: usize, right: usize) {
        if left + right > 0 {
            self.killed = self.remove(left, right);
        }
    }

    /// Swaps the characters around the cursor and goes on; at the end, the last two.
    fn transpose(&mut self) {
        let right = self.step_right();
        let at = if right == 0 { self.at - self.step_left() } else { self.at };
        let Some((before, after)) = self.text.split_at_checked(at) else { return };
        let (Some(left), Some(right)) = (before.chars().next_back(), after.chars().next()) else { return };
        let start = at - left.len_utf8();
        let end = at + right.len_utf8();
        self.text.replace_range(start..end, &format!("{right}{left}"));
        self.at = end;
    }

    /// Does what a key does to a line; false if it does nothing to one.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Text(character) => self.insert(character.encode_utf8(&mut [0; 4])),
            Key::Backspace => drop(self.remove(self.step_left(), 0)),
            Key::Delete | Key::Close => drop(self.remove(0, self.step_right())),
            Key::Left => self.at -= self.step_left(),
            Key::Right => self.at += self.step_right(),
            Key::WordLeft => self.at -= self.word_left(),
            Key::WordRight => self.at += self.word_right(),
            Key::Home => self.at = 0,
            Key::End => self.at = self.text.len(),
            Key::KillToEnd => self.kill(0, self.after().len()),
            Key::KillToStart => self.kill(self.at, 0),
            Key::KillWordLeft => self.kill(self.word_left(), 0),
            Key::KillWordRight => self.kill(0, self.word_right()),
            Key::Yank => {
                let killed = self.killed.clone();
                self.insert(&killed);
            }
            Key::Transpose => self.transpose(),
            _ => return false,
        }
        true
    }
}

/// Cells a character takes on a terminal: none for marks that combine, two for East Asian wide ones (Unicode's East
/// Asian Width, by its large blocks).
pub fn cells(character: char) -> usize {
    match u32::from(character) {
        0x300..0x370 | 0x483..0x48a | 0x591..0x5be | 0x610..0x61b | 0x64b..0x660 | 0x200b..0x2010 => 0,
        0x20d0..0x2100 | 0xfe00..0xfe10 | 0xfe20..0xfe30 => 0,
        0x1100..0x1160 | 0x2e80..0x303f | 0x3041..0xa4d0 | 0xac00..0xd7a4 | 0xf900..0xfb00 => 2,
        0xfe30..0xfe70 | 0xff00..0xff61 | 0xffe0..0xffe7 | 0x1f300..0x1f650 | 0x1f900..0x1fb00 | 0x20000..0x3fffe => 2,
        _ => 1,
    }
}

/// Where the cursor stands after `text` was written from column `start` of a terminal of `columns`: row and column. At the
/// end of a full row that is the next row's begin.
pub fn position(start: usize, text: &str, columns: usize) -> (usize, usize) {
    let columns = columns.max(2);
    let (mut row, mut column) = (start / columns, start % columns);
    for character in text.chars() {
        let cells = cells(character);
        if column + cells > columns {
            (row, column) = (row + 1, 0);
        }
        column += cells;
    }
    if column == columns { (row + 1, 0) } else { (row, column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` is the cursor.
    fn after(text: &str, keys: &[Key]) -> String {
        let (before, rest) = text.split_once('|').unwrap();
        let mut line = Line { text: format!("{before}{rest}"), at: before.len(), killed: "old".into() };
        for key in keys {
            assert!(line.press(*key), "{key:?}");
        }
        format!("{}|{}", line.before(), line.after())
    }

    #[test]
    fn keys_edit() {
        use Key::*;
        for (text, keys, wanted) in [
            ("sel|x", &[Text('é')][..], "selé|x"),
            ("aé|b", &[Backspace], "a|b"),
            ("|b", &[Backspace, Left, WordLeft, KillToStart], "|b"),
            ("a|é日", &[Delete, Close], "a|"),
            ("a|", &[Delete, Right, WordRight, KillToEnd], "a|"),
            ("one two.x|", &[Left, Left, Left], "one tw|o.x"),
            ("one two.x|", &[WordLeft, WordLeft], "one |two.x"),
            ("|one two.x", &[WordRight, WordRight], "one two|.x"),
            ("on|e two", &[Home, End], "one two|"),
            ("one t|wo", &[KillToEnd, Home, Yank, Text(' ')], "wo |one t"),
            ("one t|wo", &[KillToStart, Yank, Yank], "one tone t|wo"),
            ("one two, |", &[KillWordLeft], "one |"),
            ("|  one two", &[KillWordRight, Yank], "  one| two"),
            ("ab|", &[Transpose], "ba|"),
            ("a|é", &[Transpose], "éa|"),
            ("|ab", &[Transpose], "|ab"),
            ("|", &[Yank, Transpose], "odl|"),
        ] {
            assert_eq!(after(text, keys), wanted, "{text} {keys:?}");
        }
        assert!(!Line::default().press(Key::Enter));
    }

    #[test]
    fn completes_before_the_cursor() {
        let mut line = Line { text: "select * from proc x".into(), at: 18, killed: String::new() };
        line.complete(14, "processes");
        assert_eq!((line.before(), line.after()), ("select * from processes", " x"));
    }

    #[test]
    fn whatever_is_typed_the_cursor_stands_between_characters() {
        let (mut keys, mut line, mut random) = (crate::cli::shell::keys::Keys::default(), Line::default(), 7_u64);
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Every other byte is one that means something.
            let byte = match random >> 32 & 3 {
                0 => (random & 0x1f) as u8,
                1 => b"\x1b[OABCDHF~;135\xc3\xa9\xe6\x97\xa5 "[(random & 0xff) as usize % 20],
                _ => (random & 0xff) as u8,
            };
            keys.push(&[byte]);
            while let Some(key) = keys.take() {
                line.press(key);
                assert!(line.text.is_char_boundary(line.at));
                assert!(!line.text.contains(char::is_control));
            }
        }
    }

    #[test]
    fn takes_no_more_than_it_holds() {
        let mut line = Line::default();
        line.insert(&"x".repeat(LONGEST));
        line.insert("y");
        assert_eq!((line.text().len(), line.take().len(), line.before()), (LONGEST, LONGEST, ""));
    }

    #[test]
    fn positions_wrap() {
        assert_eq!(position(0, "abc", 10), (0, 3));
        assert_eq!(position(8, "ab", 10), (1, 0));
        assert_eq!(position(9, "日", 10), (1, 2), "a wide character does not break");
        assert_eq!(position(9, "e\u{301}x", 10), (1, 1));
        assert_eq!(position(9, &"x".repeat(21), 10), (3, 0));
    }
}
