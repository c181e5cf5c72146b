//! A scan of one file's bytes for all strings of some rules, block by block.

use super::rules::Rules;

/// How much of a file's beginning conditions can compare.
pub const HEAD_BYTES: usize = 4096;
/// Bytes that are read at a time.
pub const BLOCK_BYTES: usize = 64 << 10;
/// Places that are remembered, of all strings together; matches beyond are counted only.
const MAX_PLACES: usize = 1000;
/// What must be seen around a match to tell a whole word: a wide letter.
const AROUND: usize = 2;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Bytes of the file.
    pub bytes: u64,
    /// Its first [`HEAD_BYTES`].
    pub head: Vec<u8>,
    /// Matches by string.
    counts: Vec<u64>,
    /// String and place, as they were found.
    places: Vec<(usize, u64)>,
    /// Strings, places asked for by `at`, and whether they were there.
    asked: Vec<(usize, u64, bool)>,
}

impl Findings {
    /// Matches of a string.
    pub fn count(&self, string: usize) -> u64 {
        self.counts.get(string).copied().unwrap_or(0)
    }

    /// Whether a string was at a place that a condition asks for.
    pub fn is_at(&self, string: usize, place: u64) -> bool {
        self.asked.contains(&(string, place, true))
    }
}

/// One scan.
pub struct Scan<'a> {
    rules: &'a Rules,
    found: Findings,
    /// The end of what came before, and the block.
    text: Vec<u8>,
    /// Where in `text` the next match may begin.
    from: usize,
    /// The file's place of `text`.
    base: u64,
    longest: usize,
}

impl<'a> Scan<'a> {
    /// Before the file's first byte.
    pub fn new(rules: &'a Rules) -> Self {
        let mut found = Findings { counts: vec![0; rules.strings.len()], ..Findings::default() };
        for rule in &rules.rules {
            rule.condition.places(&mut |string, place| found.asked.push((string, place, false)));
        }
        let patterns = rules.strings.iter().flat_map(|string| &string.patterns);
        let longest = patterns.map(super::pattern::Pattern::len).max().unwrap_or(0);
        Scan { rules, found, text: Vec::new(), from: 0, base: 0, longest }
    }

    /// The file's next bytes.
    pub fn add(&mut self, block: &[u8]) {
        self.found.bytes += block.len() as u64;
        let head = HEAD_BYTES.saturating_sub(self.found.head.len()).min(block.len());
        self.found.head.extend_from_slice(block.get(..head).unwrap_or(&[]));
        self.text.extend_from_slice(block);
        self.search(self.text.len().saturating_sub(self.longest + AROUND));
        let seen = self.from.saturating_sub(AROUND);
        self.text.drain(..seen);
        self.from -= seen;
        self.base += seen as u64;
    }

    /// Searches all matches that begin before `until`.
    fn search(&mut self, until: usize) {
        if until <= self.from {
            return;
        }
        for (number, string) in self.rules.strings.iter().enumerate() {
            for pattern in &string.patterns {
                let mut from = self.from;
                while let Some(at) = pattern.find(&self.text, from, until) {
                    if !string.fullword || pattern.is_full_word(&self.text, at) {
                        self.found.note(number, self.base + at as u64);
                    }
                    from = at + 1;
                }
            }
        }
        self.from = until;
    }

    /// The file is at its end.
    pub fn finish(mut self) -> Verdict<'a> {
        self.search(self.text.len());
        let rules = self.rules.rules.iter().enumerate();
        let matched = rules.filter(|(_, rule)| rule.condition.holds(&self.found)).map(|(number, _)| number).collect();
        self.found.places.sort_unstable();
        Verdict { rules: self.rules, matched, found: self.found }
    }
}

impl Findings {
    fn note(&mut self, string: usize, place: u64) {
        if let Some(count) = self.counts.get_mut(string) {
            *count += 1;
        }
        if self.places.len() < MAX_PLACES {
            self.places.push((string, place));
        }
        for asked in self.asked.iter_mut().filter(|asked| (asked.0, asked.1) == (string, place)) {
            asked.2 = true;
        }
    }
}

/// Which rules match a file, and why.
pub struct Verdict<'a> {
    rules: &'a Rules,
    matched: Vec<usize>,
    found: Findings,
}

impl Verdict<'_> {
    /// How many.
    pub fn count(&self) -> usize {
        self.matched.len()
    }

    fn joined(&self, parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(&b',')
    }

    fn matched(&self) -> impl Iterator<Item = &super::rules::Rule> {
        self.matched.iter().filter_map(|&number| self.rules.rules.get(number))
    }

    /// Names of the rules, with commas between.
    pub fn names(&self) -> Vec<u8> {
        self.joined(self.matched().map(|rule| rule.name.clone()))
    }

    /// Their tags, with commas between.
    pub fn tags(&self) -> Vec<u8> {
        self.joined(self.matched().map(|rule| rule.tags.clone()))
    }

    /// Their strings with their places, as `$name:hex`, with commas between.
    pub fn strings(&self) -> Vec<u8> {
        let mine = |rule: &super::rules::Rule| {
            let range = rule.strings.clone();
            self.found.places.iter().filter(move |(string, _)| range.contains(string))
        };
        let shown = |(string, place): &(usize, u64)| {
            let mut text = self.rules.strings.get(*string).map_or_else(Vec::new, |string| string.name.clone());
            text.extend_from_slice(format!(":{place:x}").as_bytes());
            text
        };
        self.joined(self.matched().flat_map(mine).map(shown))
    }
}
