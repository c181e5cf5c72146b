//! Text of rules in, what to search for and to judge out.

use super::condition::{Condition, Named};
use super::pattern::{MAX_BYTES, Pattern};
use super::reader::Reader;

const MAX_TEXT_BYTES: usize = 1 << 20;
const MAX_STRINGS: usize = 1000;

/// Why a text of rules is of no use: a line, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(pub String);

/// A string of a rule.
#[derive(Debug)]
pub struct Sought {
    /// With its `$`.
    pub name: Vec<u8>,
    /// Its forms: more than one if it is both `ascii` and `wide`.
    pub patterns: Vec<Pattern>,
    /// Whether it must not be part of a longer word.
    pub fullword: bool,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: Vec<u8>,
    /// Its tags, with commas between.
    pub tags: Vec<u8>,
    /// Its first string and the one after its last.
    pub strings: std::ops::Range<usize>,
    /// When it matches.
    pub condition: Condition,
}

/// All of one text.
#[derive(Debug, Default)]
pub struct Rules {
    /// In their order.
    pub rules: Vec<Rule>,
    /// Of all rules, in their order.
    pub strings: Vec<Sought>,
}

impl Rules {
    /// Reads a text.
    ///
    /// # Errors
    /// What is not understood, see the family's head; there is at least one rule.
    pub fn read(text: &[u8]) -> Result<Self, RuleError> {
        let mut reader = Reader::new(text);
        if text.len() > MAX_TEXT_BYTES {
            return Err(reader.error("more than 1 MiB of rules"));
        }
        let mut rules = Rules::default();
        while reader.peek().is_some() {
            rules.read_rule(&mut reader)?;
        }
        if rules.rules.is_empty() { Err(reader.error("there is no rule")) } else { Ok(rules) }
    }

    fn read_rule(&mut self, reader: &mut Reader<'_>) -> Result<(), RuleError> {
        reader.expect_word("rule")?;
        let name = reader.name()?.to_vec();
        if self.rules.iter().any(|rule| rule.name == name) {
            return Err(reader.error(&format!("a second rule {}", name.escape_ascii())));
        }
        let mut tags = Vec::new();
        if reader.takes(":") {
            while reader.peek() != Some(b'{') {
                if !tags.is_empty() {
                    tags.push(b',');
                }
                tags.extend_from_slice(reader.name()?);
            }
        }
        reader.expect("{")?;
        if reader.takes_word("meta") {
            skip_meta(reader)?;
        }
        let first = self.strings.len();
        if reader.takes_word("strings") {
            reader.expect(":")?;
            while reader.takes("$") {
                let sought = read_string(reader)?;
                let twice = self.strings.iter().skip(first).any(|other| other.name == sought.name);
                if (twice && sought.name != b"$") || self.strings.len() >= MAX_STRINGS {
                    return Err(reader.error("a second string of the name, or too many of them"));
                }
                self.strings.push(sought);
            }
        }
        reader.expect_word("condition")?;
        reader.expect(":")?;
        let mine = self.strings.iter().enumerate().skip(first);
        let named = mine.map(|(number, sought)| Named { name: sought.name.get(1..).unwrap_or(&[]), number });
        let condition = Condition::read(reader, &named.collect::<Vec<_>>())?;
        reader.expect("}")?;
        self.rules.push(Rule { name, tags, strings: first..self.strings.len(), condition });
        Ok(())
    }
}

fn skip_meta(reader: &mut Reader<'_>) -> Result<(), RuleError> {
    reader.expect(":")?;
    while !matches!(reader.peek(), Some(b'}') | None) {
        let name = reader.name()?;
        if matches!(name, b"strings" | b"condition") {
            return Err(reader.error("meta is no name and value"));
        }
        reader.expect("=")?;
        match reader.peek() {
            Some(b'"') => _ = reader.text()?,
            _ if reader.takes_word("true") || reader.takes_word("false") => {}
            _ => {
                reader.takes("-");
                reader.number()?;
            }
        }
        if reader.comes("strings") || reader.comes("condition") {
            break;
        }
    }
    Ok(())
}

fn read_string(reader: &mut Reader<'_>) -> Result<Sought, RuleError> {
    let name = [b"$", reader.bare()].concat();
    reader.expect("=")?;
    if reader.takes("{") {
        let patterns = vec![Pattern::hex(reader)?];
        return Ok(Sought { name, patterns, fullword: false });
    }
    if reader.peek() == Some(b'/') {
        return Err(reader.error("regular expressions are not supported"));
    }
    let text = reader.text()?;
    if text.is_empty() || text.len() > MAX_BYTES / 2 {
        return Err(reader.error("a string is empty or too long"));
    }
    let words = ["nocase", "wide", "ascii", "fullword"];
    let mut given = [false; 4];
    while let Some((_, given)) = words.iter().zip(&mut given).find(|(word, _)| reader.takes_word(word)) {
        *given = true;
    }
    let [nocase, wide, ascii, fullword] = given;
    let mut patterns = Vec::new();
    if ascii || !wide {
        patterns.push(Pattern::text(&text, nocase, false));
    }
    if wide {
        patterns.push(Pattern::text(&text, nocase, true));
    }
    Ok(Sought { name, patterns, fullword })
}

#[cfg(test)]
mod tests;
