//! Lines typed before: a file with a line each, at most 100, readable by its owner alone (statements may hold secrets).

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

/// Lines kept, as in osquery's shell.
const MOST: usize = 100;

/// See the module's head.
#[derive(Default)]
pub struct History {
    path: Option<PathBuf>,
    lines: Vec<String>,
}

impl History {
    /// The history in a file; what cannot be read is no history. Its directory is made if need be.
    pub fn load(path: Option<PathBuf>) -> Self {
        let text = path.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let clean = |line: &str| line.replace(|c: char| c.is_control(), " ");
        let mut lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(clean).collect();
        let surplus = lines.len().saturating_sub(MOST);
        lines.drain(..surplus);
        let history = History { path, lines };
        if surplus > 0 {
            history.rewrite();
        }
        history
    }

    fn open(&self, append: bool) -> Option<fs::File> {
        let path = self.path.as_ref()?;
        if let Some(directory) = path.parent() {
            // What is wrong with it shows when the file is opened.
            let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
        }
        let mut options = OpenOptions::new();
        options.create(true).append(append).write(true).truncate(!append).mode(0o600).open(path).ok()
    }

    fn rewrite(&self) {
        if let Some(mut file) = self.open(false) {
            let _ = file.write_all((self.lines.join("\n") + "\n").as_bytes());
        }
    }

    /// Another line, at once in the file too: the shell may be killed. One that is empty or the same as the last is not
    /// kept.
    pub fn add(&mut self, line: &str) {
        if line.trim().is_empty() || self.lines.last().is_some_and(|last| last == line) {
            return;
        }
        self.lines.push(line.to_string());
        if self.lines.len() > MOST {
            self.lines.remove(0);
        }
        if let Some(mut file) = self.open(true) {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A line; 0 is the oldest.
    pub fn get(&self, index: usize) -> Option<&str> {
        self.lines.get(index).map(String::as_str)
    }

    /// The newest line before `end` that contains `text`, and where it does.
    pub fn find(&self, text: &str, end: usize) -> Option<usize> {
        self.lines.iter().take(end).rposition(|line| line.contains(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keeps_the_last_hundred_in_a_private_file() {
        let directory = std::env::temp_dir().join(format!("stemma-history-{}", std::process::id()));
        let path = directory.join("deep/.history");
        let mut history = History::load(Some(path.clone()));
        assert!(history.is_empty());
        for number in 0..150 {
            history.add(&format!("select {number}"));
            history.add(&format!("select {number}"));
            history.add("  ");
        }
        assert_eq!((history.len(), history.get(0)), (100, Some("select 50")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 150, "appended to, whatever comes");
        let again = History::load(Some(path.clone()));
        assert_eq!((again.len(), again.get(99)), (100, Some("select 149")));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 100, "cut when it is loaded");
        assert_eq!(
            (again.find("14", 100), again.find("14", 99), again.find("nothing", 100)),
            (Some(99), Some(98), None)
        );
        fs::write(&path, b"a\tb\x1b[2J\n\xff\n\n").unwrap();
        let odd = History::load(Some(path));
        assert_eq!((odd.get(0), odd.get(1), odd.len()), (Some("a b [2J"), Some("\u{fffd}"), 2));
        fs::remove_dir_all(directory).unwrap();
        let mut nowhere = History::load(Some("/proc/nowhere/.history".into()));
        nowhere.add("select 1");
        assert_eq!(nowhere.len(), 1);
    }
}
