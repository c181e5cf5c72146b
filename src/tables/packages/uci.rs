//! UCI, the form of OpenWrt's configuration files (openwrt.org/docs/guide-user/base-system/uci), read as libuci reads it:
//! commands of words, one a line or several between semicolons. A word may be quoted in parts: within `'` all letters
//! count, within `"` and outside of quotes a backslash takes the meaning of the next one; a quoted part may go over
//! lines. `#` outside of quotes begins a comment. What is no command is passed over.

use super::place::concat;

/// A section: its options in the order in which they were first named.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// What it describes: `interface`.
    pub kind: Vec<u8>,
    /// Its name; for one without a name `@kind[number]`.
    pub name: Vec<u8>,
    /// Its options.
    pub options: Vec<Setting>,
}

/// An option, or a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value, or the list's values.
    pub values: Vec<Vec<u8>>,
    /// Whether it is a list.
    pub is_list: bool,
}

struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl Words<'_> {
    fn take(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// A backslash's next byte; None if it hides the end of a line, or there is none.
    fn escaped(&mut self) -> Option<u8> {
        self.take().filter(|&byte| byte != b'\n')
    }

    /// The rest of a part that `quote` ends, onto `word`; None if nothing ends it.
    fn quoted(&mut self, quote: u8, word: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.take()? {
                byte if byte == quote => return Some(()),
                b'\\' if quote == b'"' => word.extend(self.escaped()),
                byte => word.push(byte),
            }
        }
    }

    /// The words of the next command, maybe none; None at the end of the text, or where a quote has no end.
    fn command(&mut self) -> Option<Vec<Vec<u8>>> {
        let (mut words, mut word) = (Vec::new(), None);
        loop {
            let Some(byte) = self.take() else {
                words.extend(word);
                return (!words.is_empty()).then_some(words);
            };
            match byte {
                b'\n' | b';' => break,
                b'#' => {
                    let rest = self.text.get(self.at..).unwrap_or(&[]);
                    self.at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                    break;
                }
                byte if byte.is_ascii_whitespace() => words.extend(word.take()),
                b'\'' | b'"' => self.quoted(byte, word.get_or_insert_with(Vec::new))?,
                b'\\' => {
                    if let Some(byte) = self.escaped() {
                        word.get_or_insert_with(Vec::new).push(byte);
                    }
                }
                byte => word.get_or_insert_with(Vec::new).push(byte),
            }
        }
        words.extend(word);
        Some(words)
    }
}

/// Most sections of a file, and options of a section.
const MOST: usize = 4096;

/// The sections of a file, in the order in which they were first named.
#[derive(Default)]
struct Sections {
    sections: Vec<Section>,
    /// The one that options belong to.
    current: usize,
}

impl Sections {
    fn section(&mut self, kind: Vec<u8>, name: Option<Vec<u8>>) {
        let known = name.as_ref().and_then(|name| self.sections.iter().position(|section| section.name == *name));
        self.current = known.unwrap_or(self.sections.len());
        if let Some(section) = self.sections.get_mut(self.current) {
            section.kind = kind;
        } else if self.sections.len() < MOST {
            let number = self.sections.iter().filter(|section| section.kind == kind).count();
            let name = name.unwrap_or_else(|| concat(&[b"@", &kind, format!("[{number}]").as_bytes()]));
            self.sections.push(Section { kind, name, options: Vec::new() });
        }
    }

    fn setting(&mut self, name: Vec<u8>, value: Vec<u8>, is_list: bool) -> Option<()> {
        let options = &mut self.sections.get_mut(self.current)?.options;
        let place = options.iter().position(|option| option.name == name).unwrap_or(options.len());
        if place == options.len() && place < MOST {
            options.push(Setting { name, values: Vec::new(), is_list });
        }
        let setting = options.get_mut(place)?;
        if !is_list {
            setting.values.clear();
        }
        setting.is_list = is_list;
        // An option without a value is none, as libuci has it.
        if is_list || !value.is_empty() {
            setting.values.push(value);
        }
        Some(())
    }
}

/// The sections of a file.
pub fn sections(text: &[u8]) -> Vec<Section> {
    let mut words = Words { text, at: 0 };
    let mut sections = Sections::default();
    while let Some(command) = words.command() {
        let mut command = command.into_iter();
        let (Some(verb), Some(first), second) = (command.next(), command.next(), command.next()) else { continue };
        match verb.as_slice() {
            b"config" | b"c" => sections.section(first, second.filter(|name| !name.is_empty())),
            b"option" | b"o" | b"list" | b"l" => {
                sections.setting(first, second.unwrap_or_default(), verb.starts_with(b"l"));
            }
            _ => {}
        }
    }
    sections.sections
}

#[cfg(test)]
mod tests {
    use super::sections;

    /// Each value as `name.option=value`, lists with `+=`.
    fn shown(text: &str) -> Vec<String> {
        let mut out = Vec::new();
        let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        for section in sections(text.as_bytes()) {
            out.push(format!("{}={}", text_of(&section.name), text_of(&section.kind)));
            for option in section.options {
                let sign = if option.is_list { "+=" } else { "=" };
                let name = text_of(&option.name);
                out.extend(option.values.iter().map(|value| format!("{name}{sign}{}", text_of(value))));
            }
        }
        out
    }

    #[test]
    fn quotes_and_comments() {
        for (written, value) in [
            ("plain", "plain"),
            ("'single \\ \"quoted\" # no comment'", "single \\ \"quoted\" # no comment"),
            ("\"double \\\"quoted\\\" \\\\\"", "double \"quoted\" \\"),
            ("'a'\"b\"c", "abc"),
            ("a\\ b", "a b"),
            ("a'b c'", "ab c"),
            ("'it'\\''s'", "it's"),
            ("x#comment", "x"),
            ("x # comment", "x"),
            ("'two\nlines'", "two\nlines"),
            ("con\\\ntinued", "continued"),
            ("x; option other y", "x"),
            ("x y", "x"),
        ] {
            let text = format!("config t n\n\toption o {written}\n");
            assert_eq!(shown(&text)[1], format!("o={value}"), "{written}");
        }
    }

    #[test]
    fn sections_options_and_lists() {
        let text = "package network\n\nconfig interface 'lan'\n\toption proto static\n\tlist dns '1.1.1.1'\n\tlist dns 8.8.8.8\n\
            config rule\n\toption name a\nconfig rule named\nconfig rule\n option name c\n option name d\n\
            nonsense x\nconfig interface lan\n option proto dhcp\n option empty ''\n option mtu 1; option mtu ''\nc z;o p q\nconfig\n";
        let wanted = [
            "lan=interface",
            "proto=dhcp",
            "dns+=1.1.1.1",
            "dns+=8.8.8.8",
            "@rule[0]=rule",
            "name=a",
            "named=rule",
            "@rule[2]=rule",
            "name=d",
            "@z[0]=z",
            "p=q",
        ];
        assert_eq!(shown(text), wanted);
    }

    #[test]
    fn what_is_broken_ends() {
        for text in
            ["config t n\noption o 'no end", "option o v", "config", "'", "\\", "config t\noption o \"\\", ";;;\n#"]
        {
            assert!(shown(text).len() <= 1, "{text}");
        }
        let many: String = (0..50_000).map(|i| format!("option o{i} 1\n")).collect();
        assert_eq!(shown(&format!("config t n\n{many}")).len(), super::MOST + 1);
    }
}
