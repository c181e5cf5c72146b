//! Paths as people ask for them: `path = …`, `path LIKE …`, `directory = …`, `directory LIKE …`. Bytes in, a plan for a
//! walk out; no file is looked at. Cost: the length of the text.
//!
//! What a LIKE pattern means for a walk (osquery's documentation of its file table and of `file_paths`, and the rows that
//! people's queries expect):
//! - `%` stands for any run of bytes within one name, `/etc/%.conf` for the names of one level. `_` is itself. Names that
//!   begin with a dot are names like others.
//! - `%%` at the end stands for all that lies below, at any depth: `/etc/%%`, and `/etc/ssh%%` for all whose name begins
//!   with `ssh` and all below them. Elsewhere it is `%`. `/etc/%%/` is the directories among them.
//! - A directory that was found by a `%` at the end of the pattern has a `/` at the end of its path.
//! - A pattern that does not begin with `/` begins in the working directory.
//!
//! SQLite compares every row with the pattern again, where `%` crosses `/` and `_` is any one character: it never sees
//! more than the walk gives.

/// A part with wildcards, and what stands behind it literally: `%.d` and `/conf/`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Step {
    pub name: Vec<u8>,
    /// Empty, or from a `/` to the end or to the next part with wildcards.
    pub tail: Vec<u8>,
}

/// What the column `directory` says of a path that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All before the last `/` of the path.
    Parent,
    /// What was asked for.
    Given(Vec<u8>),
    /// The directory that was read; with a `/` at its end, if the pattern had one.
    Read {
        /// Keep the slash.
        slash: bool,
    },
}

/// What to walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Up to the first part with wildcards: a directory with `/` at its end, or the whole path.
    pub head: Vec<u8>,
    /// Empty: one path.
    pub steps: Vec<Step>,
    /// Whether what lies below the last step's directories belongs to it.
    pub recursive: bool,
    /// Whether the last step's own names do not: only what lies below them.
    pub below_only: bool,
    /// See [`Shown`].
    pub shown: Shown,
}

fn is_wild(name: &[u8]) -> bool {
    name.contains(&b'%')
}

/// Whether a name is one that `pattern` stands for. Linear in time for all patterns of practice, at worst the product of
/// the lengths.
pub fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from, mut retry) = (0, 0, None);
    while from < name.len() {
        match pattern.get(at) {
            Some(b'%') => {
                at += 1;
                retry = Some((at, from));
            }
            Some(byte) if name.get(from) == Some(byte) => (at, from) = (at + 1, from + 1),
            // The last % takes one byte more.
            _ => match &mut retry {
                Some((behind, taken)) => {
                    *taken += 1;
                    (at, from) = (*behind, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'%'))
}

impl Pattern {
    /// One path as it stands.
    pub fn exact(path: &[u8]) -> Self {
        Pattern { head: path.to_vec(), steps: Vec::new(), recursive: false, below_only: false, shown: Shown::Parent }
    }

    /// All paths that a LIKE pattern stands for, see the module's head. `here`: the working directory.
    pub fn like(text: &[u8], here: &[u8]) -> Self {
        let mut pattern = Pattern::exact(b"");
        let mut rest = text;
        if !text.starts_with(b"/") {
            pattern.head = here.to_vec();
            pattern.head.push(b'/');
        }
        // A literal part ends with the last / before a wildcard.
        let literal = |rest: &[u8]| match memchr::memchr(b'%', rest) {
            Some(wild) => memchr::memrchr(b'/', rest.get(..wild).unwrap_or(&[])).map_or(0, |slash| slash + 1),
            None => rest.len(),
        };
        let (head, behind) = rest.split_at_checked(literal(rest)).unwrap_or((rest, &[]));
        pattern.head.extend_from_slice(head);
        rest = behind;
        while !rest.is_empty() {
            let name = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            let (name, behind) = rest.split_at_checked(name).unwrap_or((rest, &[]));
            let (tail, behind) = behind.split_at_checked(literal(behind)).unwrap_or((behind, &[]));
            pattern.steps.push(Step { name: name.to_vec(), tail: tail.to_vec() });
            rest = behind;
        }
        pattern.recursive =
            pattern.steps.last().is_some_and(|step| step.name.ends_with(b"%%") && matches!(&*step.tail, b"" | b"/"));
        pattern
    }

    /// What lies in one directory.
    pub fn children(directory: &[u8]) -> Self {
        let mut head = directory.to_vec();
        if !head.ends_with(b"/") {
            head.push(b'/');
        }
        let steps = vec![Step { name: b"%".to_vec(), tail: Vec::new() }];
        Pattern { head, steps, recursive: false, below_only: false, shown: Shown::Given(directory.to_vec()) }
    }

    /// What lies in all directories that a LIKE pattern stands for.
    pub fn children_like(text: &[u8], here: &[u8]) -> Self {
        if !is_wild(text) {
            return Pattern::children(text);
        }
        let slash = text.ends_with(b"/");
        let directories = Pattern::like(text, here);
        let shown = Shown::Read { slash };
        if directories.recursive {
            return Pattern { below_only: true, shown, ..directories };
        }
        let inside: &[u8] = if slash { b"%" } else { b"/%" };
        Pattern { shown, ..Pattern::like(&[text, inside].concat(), here) }
    }

    /// Whether directories among the paths found have a `/` at their ends.
    pub fn marks(&self, below: bool) -> bool {
        self.shown == Shown::Parent && (below || self.steps.last().is_some_and(|step| step.name.ends_with(b"%")))
    }

    /// Whether a walk by this pattern gives a path, with or without a `/` at its end.
    pub fn covers(&self, path: &[u8]) -> bool {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        if self.steps.is_empty() {
            return self.head == path;
        }
        let Some(mut rest) = path.strip_prefix(&*self.head) else { return false };
        for (index, step) in self.steps.iter().enumerate() {
            let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            let (name, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            if name.is_empty() || !is_match(&step.name, name) {
                return false;
            }
            if index + 1 < self.steps.len() {
                let Some(behind) = behind.strip_prefix(&*step.tail) else { return false };
                rest = behind;
                continue;
            }
            let tail = step.tail.strip_suffix(b"/").unwrap_or(&step.tail);
            return if self.recursive { !self.below_only || !behind.is_empty() } else { behind == tail };
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> (String, Vec<(String, String)>, bool) {
        let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let pattern = Pattern::like(text.as_bytes(), b"/here");
        let steps = pattern.steps.iter().map(|step| (text_of(&step.name), text_of(&step.tail))).collect();
        (text_of(&pattern.head), steps, pattern.recursive)
    }

    #[test]
    fn names_match() {
        for (pattern, name, wanted) in [
            ("%", "anything", true),
            ("a%", "abc", true),
            ("a%", "a", true),
            ("a%", "ba", false),
            ("%.conf", "a.conf", true),
            ("%.conf", ".conf", true),
            ("%.conf", "a.conf.d", false),
            ("a%b%c", "aXbYbZc", true),
            ("a%b%c", "aXbYbZ", false),
            ("%a%%", "xa", true),
            ("_", "x", false),
            ("_", "_", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("", "", true),
            ("%", "\n", true),
        ] {
            assert_eq!(is_match(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        }
        // No pattern costs more than the product of the lengths.
        let pattern = [b"%a".repeat(100), b"b".to_vec()].concat();
        assert!(!is_match(&pattern, &[b'a'; 255]));
    }

    #[test]
    fn patterns_fall_into_steps() {
        let step = |name: &str, tail: &str| (name.to_string(), tail.to_string());
        assert_eq!(steps("/etc/passwd"), ("/etc/passwd".into(), vec![], false));
        assert_eq!(steps("/etc/%"), ("/etc/".into(), vec![step("%", "")], false));
        assert_eq!(steps("/etc/%%"), ("/etc/".into(), vec![step("%%", "")], true));
        assert_eq!(steps("/%%"), ("/".into(), vec![step("%%", "")], true));
        assert_eq!(steps("/etc/ssh%%/"), ("/etc/".into(), vec![step("ssh%%", "/")], true));
        assert_eq!(steps("/etc/%%/x"), ("/etc/".into(), vec![step("%%", "/x")], false));
        assert_eq!(
            steps("/home/%/.config/x/%.d//y%z/w"),
            ("/home/".into(), vec![step("%", "/.config/x/"), step("%.d", "//"), step("y%z", "/w")], false)
        );
        assert_eq!(steps("%.rs"), ("/here/".into(), vec![step("%.rs", "")], false));
        assert_eq!(steps("src/%"), ("/here/src/".into(), vec![step("%", "")], false));
    }

    #[test]
    fn what_one_pattern_covers_another_need_not_give_again() {
        for (pattern, path, wanted) in [
            ("/etc/%", "/etc/passwd", true),
            ("/etc/%", "/etc/ssl/", true),
            ("/etc/%", "/etc/ssl/certs", false),
            ("/etc/%%", "/etc/ssl/certs", true),
            ("/etc/%%", "/etc/", false),
            ("/etc/s%%", "/etc/ssl/certs", true),
            ("/etc/s%%", "/etc/passwd", false),
            ("/home/%/.ssh/%.pub", "/home/me/.ssh/id.pub", true),
            ("/home/%/.ssh/%.pub", "/home/me/x/.ssh/id.pub", false),
            ("/home/%/.ssh", "/home/me/.ssh", true),
            ("/home/%/.ssh/", "/home/me/.ssh/", true),
            ("/home/%/.ssh", "/home/me", false),
            ("/etc/passwd", "/etc/passwd", true),
        ] {
            assert_eq!(Pattern::like(pattern.as_bytes(), b"").covers(path.as_bytes()), wanted, "{pattern} {path}");
        }
        assert!(Pattern::children(b"/etc").covers(b"/etc/passwd"));
        assert!(!Pattern::children_like(b"/etc/%%", b"").covers(b"/etc/passwd"));
        assert!(Pattern::children_like(b"/etc/%%", b"").covers(b"/etc/ssl/certs"));
        assert!(Pattern::children_like(b"/etc/%", b"").covers(b"/etc/ssl/certs"));
    }
}
