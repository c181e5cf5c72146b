//! The line editor: [`super::keys`] in, [`super::line`] on the terminal, [`super::history`] and completion around it.
//!
//! Written for Stemma since the crates for it weigh more than all of this shell (rustyline 230 KB, linefeed 330 KB in a
//! static binary of this build, this one 15). A key is a redraw of the line, but only once no more keys wait: pasted text is drawn once.

use super::complete::Completion;
use super::history::History;
use super::keys::{Key, Keys};
use super::line::{Line, cells, position};
use crate::sys::tty::{self, Raw};
use std::io::{self, Write};

/// How long the rest of an escape sequence may take, ms.
const PATIENCE_MS: u32 = 50;
/// Completions shown at most.
const MOST_SHOWN: usize = 200;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C: nothing, and what was typed before does not count.
    Cancelled,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// What stands before the line.
pub struct Prompt {
    /// With colours.
    pub text: String,
    /// Cells it takes.
    pub cells: usize,
}

/// Says what may stand at the end of a text.
pub type Complete<'c> = &'c dyn Fn(&str) -> Completion;

/// See the module's head.
pub struct Editor {
    terminal: Raw,
    keys: Keys,
    history: History,
    line: Line,
    /// The line of the history that is shown; its length: the line being typed.
    place: usize,
    /// The line being typed, while another is shown.
    typed: String,
    /// Row of the cursor below the prompt's, as drawn.
    row: usize,
}

impl Editor {
    /// An editor; the terminal is its own until it is dropped.
    ///
    /// # Errors
    /// Standard input is no terminal.
    pub fn new(history: History) -> io::Result<Self> {
        let (terminal, keys, line) = (Raw::enter()?, Keys::default(), Line::default());
        Ok(Editor { terminal, keys, history, line, place: 0, typed: String::new(), row: 0 })
    }

    /// Reads a line and remembers it.
    ///
    /// # Errors
    /// The terminal's.
    pub fn read(&mut self, prompt: &Prompt, complete: Complete<'_>) -> io::Result<Typed> {
        self.terminal.signals(false)?;
        let typed = self.typed(prompt, complete);
        self.terminal.signals(true)?;
        typed
    }

    fn typed(&mut self, prompt: &Prompt, complete: Complete<'_>) -> io::Result<Typed> {
        self.line.take();
        self.place = self.history.len();
        self.row = 0;
        let typed = loop {
            let Some(key) = self.key(prompt)? else { break Typed::End };
            let key = if key == Key::Search { self.search()? } else { Some(key) };
            match key {
                None => {}
                Some(Key::Enter) => break Typed::Line(String::new()),
                Some(Key::Interrupt) => break Typed::Cancelled,
                Some(Key::Close) if self.line.text().is_empty() => break Typed::End,
                // What is pasted may be indented.
                Some(Key::Tab) if self.line.before().trim().is_empty() => self.line.insert(" "),
                Some(Key::Tab) => self.complete(complete)?,
                Some(key) => self.apply(key)?,
            }
        };
        self.line.press(Key::End);
        self.draw(prompt)?;
        let text = self.line.take();
        show(match typed {
            Typed::Cancelled => b"^C\n",
            _ => b"\n",
        })?;
        if typed != Typed::Line(String::new()) {
            return Ok(typed);
        }
        self.history.add(&text);
        Ok(Typed::Line(text))
    }

    /// The next key, after drawing what is; none: there will be no more.
    fn key(&mut self, prompt: &Prompt) -> io::Result<Option<Key>> {
        let mut drawn = false;
        loop {
            if let Some(key) = self.keys.take() {
                return Ok(Some(key));
            }
            if !drawn {
                self.draw(prompt)?;
                drawn = true;
            }
            let mut buffer = [0; 1024];
            match tty::read(&mut buffer, self.keys.is_part().then_some(PATIENCE_MS))? {
                Some(0) => return Ok(None),
                Some(count) => self.keys.push(buffer.get(..count).unwrap_or_default()),
                None => {
                    if let Some(key) = self.keys.give_up() {
                        return Ok(Some(key));
                    }
                }
            }
        }
    }

    fn apply(&mut self, key: Key) -> io::Result<()> {
        match key {
            Key::Up if self.place > 0 => self.recall(self.place - 1),
            Key::Down if self.place < self.history.len() => self.recall(self.place + 1),
            Key::Clear => {
                self.row = 0;
                show(b"\x1b[H\x1b[2J")?;
            }
            key => drop(self.line.press(key)),
        }
        Ok(())
    }

    fn recall(&mut self, place: usize) {
        if self.place == self.history.len() {
            self.typed = self.line.text().to_string();
        }
        self.place = place;
        let text = self.history.get(place).unwrap_or(&self.typed);
        self.line.replace(text);
    }

    /// Searches the history backwards; returns the key that ended the search, if it is one that does something.
    fn search(&mut self) -> io::Result<Option<Key>> {
        let before = self.line.text().to_string();
        let mut wanted = String::new();
        let mut end = self.history.len();
        loop {
            let text = format!("(search)'{wanted}': ");
            let prompt = Prompt { cells: text.chars().map(cells).sum(), text };
            let found = match self.key(&prompt)? {
                Some(Key::Text(character)) => {
                    wanted.push(character);
                    self.history.find(&wanted, end)
                }
                Some(Key::Backspace) => {
                    wanted.pop();
                    self.history.find(&wanted, self.history.len())
                }
                Some(Key::Search) => self.history.find(&wanted, end.saturating_sub(1)),
                Some(Key::Escape | Key::Interrupt) => {
                    self.line.replace(&before);
                    return Ok(None);
                }
                key => return Ok(key),
            };
            if let Some(place) = found.filter(|_| !wanted.is_empty()) {
                end = place + 1;
                self.recall(place);
            }
        }
    }

    fn complete(&mut self, complete: Complete<'_>) -> io::Result<()> {
        let Completion { start, words } = complete(self.line.before());
        let Some(first) = words.first() else { return Ok(()) };
        let same =
            |word: &String| first.bytes().zip(word.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        let common = words.iter().map(same).min().unwrap_or(0);
        let has = self.line.before().len() - start;
        if common > has || words.len() == 1 {
            self.line.complete(start, first.get(..common).unwrap_or(first));
            return Ok(());
        }
        let column = words.iter().map(String::len).max().unwrap_or(0) + 2;
        let columns = (tty::width() / column).max(1);
        let mut text = String::from("\n");
        for (index, word) in words.iter().take(MOST_SHOWN).enumerate() {
            let ends = (index + 1) % columns == 0 || index + 1 == words.len().min(MOST_SHOWN);
            text.push_str(&if ends { format!("{word}\n") } else { format!("{word:column$}") });
        }
        if words.len() > MOST_SHOWN {
            text.push_str(&format!("and {} more\n", words.len() - MOST_SHOWN));
        }
        self.row = 0;
        show(text.as_bytes())
    }

    /// Draws prompt and line over what was drawn before, and puts the cursor in its place.
    fn draw(&mut self, prompt: &Prompt) -> io::Result<()> {
        let columns = tty::width();
        let (last, at_end) = position(prompt.cells, self.line.text(), columns);
        let (row, column) = position(prompt.cells, self.line.before(), columns);
        let mut text = String::new();
        if self.row > 0 {
            text.push_str(&format!("\x1b[{}A", self.row));
        }
        text.push_str("\r\x1b[J");
        text.push_str(&prompt.text);
        text.push_str(self.line.text());
        if at_end == 0 && last > 0 {
            // The terminal itself goes to the next row only with the next character.
            text.push('\n');
        }
        if (last, at_end) != (row, column) {
            if last > row {
                text.push_str(&format!("\x1b[{}A", last - row));
            }
            text.push('\r');
            if column > 0 {
                text.push_str(&format!("\x1b[{column}C"));
            }
        }
        self.row = row;
        show(text.as_bytes())
    }
}

fn show(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
