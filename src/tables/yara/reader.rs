//! Words of a rule's text: what stands between spaces and comments. Cost: each byte once, or twice.

use super::rules::RuleError;

/// A place in the text.
pub struct Reader<'a> {
    rest: &'a [u8],
    line: u32,
    /// Parentheses that are open.
    pub depth: u32,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl<'a> Reader<'a> {
    /// At the beginning.
    pub fn new(text: &'a [u8]) -> Self {
        Reader { rest: text, line: 1, depth: 0 }
    }

    /// An error at this place.
    pub fn error(&self, what: &str) -> RuleError {
        RuleError(format!("line {}: {what}", self.line))
    }

    /// An error: something is not understood, or the text is at its end.
    pub fn unknown(&mut self) -> RuleError {
        self.skip();
        let end = self.rest.iter().position(|&byte| !is_word(byte)).unwrap_or(self.rest.len());
        match self.rest.get(..end.clamp(1, 40).min(self.rest.len())) {
            Some(text) if !text.is_empty() => self.error(&format!("'{}' is not understood", text.escape_ascii())),
            _ => self.error("something is missing at the end"),
        }
    }

    /// Takes one byte as it stands; None: there is none.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += u32::from(first == b'\n');
        Some(first)
    }

    fn skip_until(&mut self, end: &[u8]) {
        while !self.rest.is_empty() && !self.rest.starts_with(end) {
            self.byte();
        }
        self.rest = self.rest.get(end.len()..).unwrap_or(&[]);
    }

    /// Goes over spaces and comments.
    pub fn skip(&mut self) {
        loop {
            match self.rest {
                [b'/', b'/', ..] => {
                    // The line's end itself is counted as a space.
                    let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
                    self.rest = self.rest.get(end..).unwrap_or(&[]);
                }
                [b'/', b'*', ..] => self.skip_until(b"*/"),
                [byte, ..] if byte.is_ascii_whitespace() => _ = self.byte(),
                _ => return,
            }
        }
    }

    /// The next byte after spaces, not taken.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.rest.first().copied()
    }

    /// Takes a sign, if it comes next.
    pub fn takes(&mut self, sign: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Whether a keyword comes next, not taken.
    pub fn comes(&mut self, word: &str) -> bool {
        self.skip();
        self.rest.starts_with(word.as_bytes()) && !self.rest.get(word.len()).is_some_and(|&byte| is_word(byte))
    }

    /// Takes a keyword, if it comes next and is not the beginning of a longer word.
    pub fn takes_word(&mut self, word: &str) -> bool {
        self.comes(word) && self.takes(word)
    }

    /// Takes a sign that must come.
    ///
    /// # Errors
    /// It does not come.
    pub fn expect(&mut self, sign: &str) -> Result<(), RuleError> {
        if self.takes(sign) { Ok(()) } else { Err(self.unknown()) }
    }

    /// Takes a keyword that must come.
    ///
    /// # Errors
    /// It does not come.
    pub fn expect_word(&mut self, word: &str) -> Result<(), RuleError> {
        if self.takes_word(word) { Ok(()) } else { Err(self.unknown()) }
    }

    /// Takes letters, digits and underscores as they stand, perhaps none.
    pub fn bare(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !is_word(byte)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        word
    }

    /// Takes a name.
    ///
    /// # Errors
    /// What comes is none.
    pub fn name(&mut self) -> Result<&'a [u8], RuleError> {
        match self.peek() {
            Some(byte) if is_word(byte) && !byte.is_ascii_digit() => Ok(self.bare()),
            _ => Err(self.unknown()),
        }
    }

    /// Takes an integer with its unit.
    ///
    /// # Errors
    /// What comes is none, or is too large.
    pub fn number(&mut self) -> Result<i64, RuleError> {
        self.skip();
        let word = std::str::from_utf8(self.bare()).unwrap_or("");
        let (digits, unit) = match (word.strip_suffix("KB"), word.strip_suffix("MB")) {
            (Some(digits), _) => (digits, 1 << 10),
            (_, Some(digits)) => (digits, 1 << 20),
            _ => (word, 1),
        };
        let value = match digits.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        let value = value.ok().and_then(|value| value.checked_mul(unit));
        value.ok_or_else(|| self.error(&format!("'{word}' is no integer")))
    }

    /// Takes a text in double quotes, its escapes resolved.
    ///
    /// # Errors
    /// It does not end, or has an escape that YARA does not know.
    pub fn text(&mut self) -> Result<Vec<u8>, RuleError> {
        self.expect("\"")?;
        let mut text = Vec::new();
        loop {
            let byte = match self.byte() {
                Some(b'"') => return Ok(text),
                Some(b'\\') => match self.byte() {
                    Some(b'n') => b'\n',
                    Some(b't') => b'\t',
                    Some(b'r') => b'\r',
                    Some(byte @ (b'"' | b'\\')) => byte,
                    Some(b'x') => self.hex_pair()?,
                    _ => return Err(self.error("an escape in a text is not understood")),
                },
                None | Some(b'\n') => return Err(self.error("a text does not end")),
                Some(byte) => byte,
            };
            text.push(byte);
        }
    }

    fn hex_pair(&mut self) -> Result<u8, RuleError> {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(self.byte()), digit(self.byte())) {
            (Some(high), Some(low)) => Ok((high << 4 | low) as u8),
            _ => Err(self.error("\\x without two hexadecimal digits")),
        }
    }
}
