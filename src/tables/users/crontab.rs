//! `crontab`: entries of cron tables (crontab(5)): /etc/crontab, /etc/cron.d, and users' tables where the crons of
//! Debian (/var/spool/cron/crontabs), Red Hat (/var/spool/cron), SUSE (/var/spool/cron/tabs) and busybox
//! (/etc/crontabs; on Alpine a link from the first) keep them. Streamed.
//!
//! As in osquery, every file counts whatever its name, blanks in a command are squeezed, and in the system's tables the
//! command begins with the user it runs as. Lines that set a variable are no entries. A user's table is named after
//! him.

use crate::sql::table::{ADDITIONAL, Column, Context, Each, HIDDEN, Table, Type, Value, column};
use crate::sys::root::Lines;
use crate::tables::text::words;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("event", Type::Text, 0, "@reboot, @daily, … in place of the five times."),
    column("minute", Type::Text, 0, "Minutes, as they stand."),
    column("hour", Type::Text, 0, "Hours, as they stand."),
    column("day_of_month", Type::Text, 0, "Days of the month, as they stand."),
    column("month", Type::Text, 0, "Months, as they stand."),
    column("day_of_week", Type::Text, 0, "Days of the week, as they stand."),
    column("command", Type::Text, 0, "The command; in the system's tables after the user it runs as."),
    column("path", Type::Text, 0, "Path of the table."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
];

const DIRECTORIES: [&str; 5] =
    ["/etc/cron.d", "/var/spool/cron", "/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/etc/crontabs"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "crontab",
    help: "Entries of cron's tables",
    columns: COLUMNS,
    open: |query| {
        let mut files = Files::new(query.context.clone());
        let mut lines: Option<Lines> = None;
        Ok(Each::of(move || {
            loop {
                let Some(line) = lines.as_mut().and_then(Lines::next_line) else {
                    let path = files.next_path()?;
                    lines = query.context.root.lines(path).ok();
                    continue;
                };
                if let Some(mut row) = entry(line) {
                    row.extend([Value::text(files.path.as_os_str().as_encoded_bytes()), 0.into()]);
                    return Some(row);
                }
            }
        }))
    },
};

/// The paths of tables.
struct Files {
    context: Rc<Context>,
    directories: std::slice::Iter<'static, &'static str>,
    /// Device and inode of the directories that were listed: some are links to others.
    seen: Vec<(u64, u64)>,
    names: std::vec::IntoIter<PathBuf>,
    path: PathBuf,
}

impl Files {
    fn new(context: Rc<Context>) -> Self {
        let names = vec![PathBuf::from("/etc/crontab")].into_iter();
        Files { context, directories: DIRECTORIES.iter(), seen: Vec::new(), names, path: PathBuf::new() }
    }

    fn next_path(&mut self) -> Option<&PathBuf> {
        loop {
            if let Some(path) = self.names.next() {
                self.path = path;
                return Some(&self.path);
            }
            let directory = self.directories.next()?;
            let Ok(metadata) = self.context.root.metadata(directory) else { continue };
            let id = (metadata.dev(), metadata.ino());
            if !self.seen.contains(&id) {
                self.seen.push(id);
                let names = self.context.root.sorted_names(directory).into_iter();
                self.names = names.map(|name| PathBuf::from(directory).join(name)).collect::<Vec<_>>().into_iter();
            }
        }
    }
}

/// The columns from `event` to `command`; None for a line that is no entry.
fn entry(line: &[u8]) -> Option<Vec<Value>> {
    let mut words = words(line);
    let first = words.next()?;
    let empty = || Value::text("");
    let mut row = match first.first()? {
        b'@' => vec![Value::text(first), empty(), empty(), empty(), empty(), empty()],
        // A minute; letters begin a variable, `#` a comment.
        b'0'..=b'9' | b'*' | b'-' | b'~' => vec![empty(), Value::text(first)],
        _ => return None,
    };
    while row.len() < 6 {
        row.push(Value::text(words.next()?));
    }
    let command = words.collect::<Vec<_>>().join(&b' ');
    if command.is_empty() {
        return None;
    }
    row.push(Value::Text(command));
    Some(row)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn entries_of_all_crons() {
        let tree = Tree::new("crontab");
        let text = "SHELL=/bin/sh\nMAILTO = a b c d e f g\n# 1 2 3 4 5 comment\n\n\
                    17 *\t* * *\troot    cd / && run  it\n\
                    @reboot root /usr/bin/start\n1 2 3 4\n*/5 0-6,12 1 jan mon-fri root x # y\n@daily\n";
        tree.file("/etc/crontab", text).file("/etc/cron.d/.hidden", "0 0 * * * root hidden\n");
        tree.file("/var/spool/cron/crontabs/alice", "# DO NOT EDIT\n-*/2 * * * * mine\r\n");
        tree.file("/var/spool/cron/bob", "@weekly its").file("/var/spool/cron/tabs/carol", "~ 1 2 3 4 hers\n");
        let wanted = [
            ["", "17", "*", "*", "*", "*", "root cd / && run it", "/etc/crontab"],
            ["@reboot", "", "", "", "", "", "root /usr/bin/start", "/etc/crontab"],
            ["", "*/5", "0-6,12", "1", "jan", "mon-fri", "root x # y", "/etc/crontab"],
            ["", "0", "0", "*", "*", "*", "root hidden", "/etc/cron.d/.hidden"],
            ["@weekly", "", "", "", "", "", "its", "/var/spool/cron/bob"],
            ["", "-*/2", "*", "*", "*", "*", "mine", "/var/spool/cron/crontabs/alice"],
            ["", "~", "1", "2", "3", "4", "hers", "/var/spool/cron/tabs/carol"],
        ];
        assert_eq!(tree.rows("SELECT * FROM crontab"), wanted);
        assert_eq!(tree.rows("SELECT command FROM crontab WHERE pid_with_namespace = 0").len(), wanted.len());
    }

    #[test]
    fn a_directory_with_two_names_counts_once() {
        let tree = Tree::new("crontab-links");
        tree.file("/etc/crontabs/root", "*/15 * * * * run-parts /etc/periodic/15min\n");
        tree.link("/var/spool/cron/crontabs", "../../../etc/crontabs").link("/etc/cron.d/loop", "loop");
        assert_eq!(tree.rows("SELECT path FROM crontab"), [["/var/spool/cron/crontabs/root"]]);
    }
}
