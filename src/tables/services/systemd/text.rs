//! What a unit's file and its drop-ins say (systemd.syntax(7)), as far as tables show it. A setting that comes again
//! replaces the first, an empty one takes it back; a backslash at a line's end joins the next one to it, comments
//! between left out.

use super::name;
use crate::sys::root::Lines;
use crate::tables::text::{split_once, words};

/// Longest setting, bytes; what is longer is cut.
const SETTING_BYTES: usize = 64 << 10;

/// See the module's head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// `Description=`, specifiers and all.
    pub description: Vec<u8>,
    /// `User=`, specifiers and all.
    pub user: Vec<u8>,
    /// `SourcePath=`: what a generator made the file from.
    pub source_path: Vec<u8>,
    /// `[Install]` says what enabling links (`WantedBy=`, `RequiredBy=`, `UpheldBy=`, `Alias=`).
    pub is_installable: bool,
    /// `[Install]` names other units to enable.
    pub has_also: bool,
    /// `Alias=`.
    pub aliases: Vec<Vec<u8>>,
    /// `DefaultInstance=`.
    pub default_instance: Vec<u8>,
}

impl Text {
    /// Takes in a file; later files have the last word.
    pub fn read(&mut self, mut lines: Lines) {
        let mut section = Vec::new();
        let mut whole = Vec::new();
        let mut is_joined = false;
        while let Some(line) = lines.next_line() {
            let line = line.trim_ascii();
            if matches!(line.first(), Some(b'#' | b';')) || (line.is_empty() && !is_joined) {
                continue;
            }
            is_joined = line.ends_with(b"\\");
            if whole.len() + line.len() <= SETTING_BYTES {
                whole.extend_from_slice(line.strip_suffix(b"\\").unwrap_or(line));
                whole.extend(is_joined.then_some(b' '));
            }
            if is_joined {
                continue;
            }
            if let Some(name) = whole.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) {
                section = name.to_vec();
            } else if let Some((key, value)) = split_once(&whole, b'=') {
                self.set(&section, key.trim_ascii(), value.trim_ascii());
            }
            whole.clear();
        }
    }

    fn set(&mut self, section: &[u8], key: &[u8], value: &[u8]) {
        match (section, key) {
            (b"Unit", b"Description") => self.description = value.to_vec(),
            (b"Unit", b"SourcePath") => self.source_path = value.to_vec(),
            (b"Service" | b"Socket" | b"Mount" | b"Swap", b"User") => self.user = value.to_vec(),
            (b"Install", b"WantedBy" | b"RequiredBy" | b"UpheldBy") => self.is_installable |= !value.is_empty(),
            (b"Install", b"Alias") => {
                self.is_installable |= !value.is_empty();
                self.aliases.extend(words(value).map(<[u8]>::to_vec));
            }
            (b"Install", b"Also") => self.has_also |= !value.is_empty(),
            (b"Install", b"DefaultInstance") => self.default_instance = value.to_vec(),
            _ => {}
        }
    }
}

/// A setting of the unit `unit` with its specifiers filled in, those that tell of its name: %n %N %p %i %I %j and %%.
pub fn expanded(setting: &[u8], unit: &[u8]) -> Vec<u8> {
    let (prefix, instance) = name::split(unit);
    let instance = instance.unwrap_or(&[]);
    let short = unit.get(..unit.len().saturating_sub(name::kind(unit).len() + 1)).unwrap_or(unit);
    let mut text = Vec::with_capacity(setting.len());
    let mut rest = setting;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let Some((specifier, after)) = after.split_first().filter(|_| byte == b'%') else {
            text.push(byte);
            continue;
        };
        rest = after;
        match specifier {
            b'n' => text.extend_from_slice(unit),
            b'N' => text.extend_from_slice(short),
            b'p' => text.extend_from_slice(prefix),
            b'i' => text.extend_from_slice(instance),
            b'I' => text.extend(name::unescape(instance)),
            b'j' => text.extend_from_slice(prefix.rsplit(|&byte| byte == b'-').next().unwrap_or(prefix)),
            b'%' => text.push(b'%'),
            other => text.extend([b'%', *other]),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Text, expanded};
    use crate::sql::testing::Tree;
    use crate::sys::root::Root;

    fn read(text: &str) -> Text {
        let tree = Tree::new(&format!("unit-text-{:x}", text.len()));
        tree.file("/unit", text);
        let mut read = Text::default();
        read.read(Root::new(tree.path()).lines("/unit").unwrap());
        read
    }

    #[test]
    fn sections_continuations_and_comments() {
        let text = "Description=no section\n[Unit]\n# x\n;y\nDescription = A \\\n# between\n  long one\n\
                    SourcePath=/etc/fstab\n\
                    [Service]\nUser=a\nUser=\nUser=b\nDescription=no\n[Install]\nWantedBy=\n\
                    Alias=x.service  y.service\n\
                    Also=z.service\nDefaultInstance=tty1\nnonsense\n[Broken\nUser=c";
        let read = read(text);
        assert_eq!(read.description, b"A  long one");
        assert_eq!((&read.source_path[..], &read.user[..]), (&b"/etc/fstab"[..], &b"b"[..]));
        assert!(read.is_installable && read.has_also);
        assert_eq!(read.aliases, [b"x.service", b"y.service"]);
        assert_eq!(read.default_instance, b"tty1");
    }

    #[test]
    fn long_settings_are_cut() {
        let text = format!("[Unit]\nDescription={}\nSourcePath=/x\n", "y \\\n".repeat(100_000));
        let read = read(&text);
        assert!(read.description.len() <= super::SETTING_BYTES && read.source_path == b"/x");
    }

    #[test]
    fn specifiers_of_the_name() {
        let text =
            |setting: &str| String::from_utf8(expanded(setting.as_bytes(), b"a-b@dev-sd\\x2da.service")).unwrap();
        assert_eq!(text("%p|%i|%I|%j|%N|%%|%b|%"), "a-b|dev-sd\\x2da|dev/sd-a|b|a-b@dev-sd\\x2da|%|%b|%");
        assert_eq!(text("%n"), "a-b@dev-sd\\x2da.service");
    }
}
