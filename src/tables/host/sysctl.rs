//! What /etc/sysctl.conf and the sysctl.d directories set (sysctl.d(5), sysctl(8)): of files with one name the first
//! directory's counts, files apply in the order of their names and /etc/sysctl.conf last, later lines win over
//! earlier ones. Bound: [`MOST`] settings; what is beyond is not looked at.

use crate::sys::root::Root;
use std::collections::BTreeMap;
use std::ffi::OsString;

const DIRECTORIES: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
/// Most settings kept.
const MOST: usize = 10_000;

/// The settings.
#[derive(Debug, Default)]
pub struct Settings {
    /// None: a pattern shall not apply to it.
    exact: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Names with wildcards, in order.
    patterns: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Settings {
    /// Reads them all.
    pub fn read(root: &Root) -> Self {
        let mut files: BTreeMap<OsString, &str> = BTreeMap::new();
        for directory in DIRECTORIES {
            for name in root.names(directory).filter(|name| name.as_encoded_bytes().ends_with(b".conf")).take(MOST) {
                files.entry(name).or_insert(directory);
            }
        }
        let mut settings = Settings::default();
        for (name, directory) in files {
            settings.read_file(root, std::path::Path::new(directory).join(name));
        }
        settings.read_file(root, "/etc/sysctl.conf".into());
        settings
    }

    fn read_file(&mut self, root: &Root, path: std::path::PathBuf) {
        let Ok(mut lines) = root.lines(path) else { return };
        while let Some(line) = lines.next_line() {
            if self.exact.len() + self.patterns.len() >= MOST {
                return;
            }
            self.read_line(line.trim_ascii());
        }
    }

    fn read_line(&mut self, line: &[u8]) {
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b";") {
            return;
        }
        // A minus before a setting: its failure does not matter. Before a bare name: no pattern applies to it.
        let (minus, line) = line.strip_prefix(b"-").map_or((false, line), |line| (true, line));
        let Some(equals) = memchr::memchr(b'=', line) else {
            if minus {
                self.exact.entry(dotted(line.trim_ascii())).or_insert(None);
            }
            return;
        };
        let name = dotted(line.get(..equals).unwrap_or(&[]).trim_ascii());
        let value = line.get(equals + 1..).unwrap_or(&[]).trim_ascii().to_vec();
        if name.contains(&b'*') || name.contains(&b'?') {
            self.patterns.push((name, value));
        } else {
            self.exact.insert(name, Some(value));
        }
    }

    /// What is set for a name; None: nothing.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        match self.exact.get(name) {
            Some(value) => value.as_deref(),
            None => {
                let mut last_first = self.patterns.iter().rev();
                last_first.find(|(pattern, _)| matches(pattern, name)).map(|(_, value)| value.as_slice())
            }
        }
    }
}

/// A name may be written with slashes for dots; then what are dots in it are dots of file names, which a dotted name
/// has slashes for.
fn dotted(name: &[u8]) -> Vec<u8> {
    match name.iter().find(|byte| matches!(byte, b'.' | b'/')) {
        Some(b'/') => swapped(name),
        _ => name.to_vec(),
    }
}

/// Dots for slashes and slashes for dots: a path below /proc/sys as a name, or back.
pub fn swapped(name: &[u8]) -> Vec<u8> {
    let swap = |&byte: &u8| match byte {
        b'.' => b'/',
        b'/' => b'.',
        other => other,
    };
    name.iter().map(swap).collect()
}

/// Whether a pattern covers a name; `*` and `?` stand for anything but a dot. Time: pattern times name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last star was, and up to where it has taken the name in.
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match (pattern.get(at), name.get(from)) {
            (Some(b'*'), _) => {
                star = Some((at, from));
                at += 1;
            }
            (Some(b'?'), Some(byte)) if *byte != b'.' => (at, from) = (at + 1, from + 1),
            (Some(wanted), Some(byte)) if wanted == byte => (at, from) = (at + 1, from + 1),
            _ => match star {
                Some((place, taken)) if name.get(taken) != Some(&b'.') => {
                    star = Some((place, taken + 1));
                    (at, from) = (place + 1, taken + 1);
                }
                _ => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or(&[]).iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;

    #[test]
    fn later_files_and_lines_win_and_names_mask_each_other() {
        let tree = Tree::new("sysctl-order");
        tree.file("/usr/lib/sysctl.d/50-default.conf", "kernel.masked = 1\n");
        tree.file("/etc/sysctl.d/50-default.conf", "a.b=1\na.c = 1\n -kernel.sysrq  =  16 \n");
        tree.file("/usr/lib/sysctl.d/60-more.conf", "a.b = 2\na.b = 3 = 4\nnet/ipv4/conf/eth0.1/x = 5\n");
        tree.file("/etc/sysctl.d/README", "a.c = 9\n");
        tree.file("/etc/sysctl.conf", "# a.b = 8\n; a.b = 8\nno equals\na.d = 7\n=\n");
        let settings = Settings::read(&Root::new(tree.path()));
        for (name, value) in [
            ("a.b", Some("3 = 4")),
            ("a.c", Some("1")),
            ("a.d", Some("7")),
            ("kernel.sysrq", Some("16")),
            ("net.ipv4.conf.eth0/1.x", Some("5")),
            ("kernel.masked", None),
        ] {
            assert_eq!(settings.value(name.as_bytes()), value.map(str::as_bytes), "{name}");
        }
    }

    #[test]
    fn patterns_apply_to_what_is_not_named() {
        let mut settings = Settings::default();
        for line in
            ["net.ipv4.conf.*.rp_filter = 2", "net.ipv4.conf.default.rp_filter = 1", "-net.ipv4.conf.all.rp_filter"]
        {
            settings.read_line(line.as_bytes());
        }
        assert_eq!(settings.value(b"net.ipv4.conf.eth0.rp_filter"), Some(b"2".as_slice()));
        assert_eq!(settings.value(b"net.ipv4.conf.default.rp_filter"), Some(b"1".as_slice()));
        assert_eq!(settings.value(b"net.ipv4.conf.all.rp_filter"), None);
        assert_eq!(settings.value(b"net.ipv4.conf.a.b.rp_filter"), None);
        assert!(matches(b"a*b*c", b"axxbbyc") && matches(b"*", b"abc") && matches(b"a?c*", b"abc"));
        assert!(!matches(b"a*", b"a.b") && !matches(b"a?b", b"a.b") && !matches(b"abc", b"ab") && !matches(b"", b"a"));
        let (pattern, name) = ([b'*', b'a'].repeat(2000), vec![b'a'; 4000]);
        assert!(!matches(&[pattern, b"b".to_vec()].concat(), &name));
    }

    #[test]
    fn endless_files_are_bounded() {
        let tree = Tree::new("sysctl-bound");
        let text: String = (0..MOST * 2).map(|number| format!("a.b{number} = 1\n")).collect();
        tree.file("/etc/sysctl.conf", text);
        assert_eq!(Settings::read(&Root::new(tree.path())).exact.len(), MOST);
    }
}
