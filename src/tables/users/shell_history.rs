//! `shell_history`: lines of users' shell histories: bash (with its `#seconds` lines, HISTTIMEFORMAT), zsh (plain and
//! extended, `: seconds:duration;command`), sh, and busybox's ash. One row per line, as osquery has it, so a command of
//! several lines is several rows. Shells that are running have not written their last commands yet. Streamed. Links in
//! the home are not followed (a history linked to /dev/null has no rows): see `homes`.

use super::homes::{HomeLines, Sources};
use crate::sql::table::{ADDITIONAL, Column, Each, OPTIMIZED, Table, Type, Value, column};
use crate::tables::text::{number, split_once};

const COLUMNS: &[Column] = &[
    column(
        "uid",
        Type::BigInt,
        ADDITIONAL | OPTIMIZED,
        "The user whose file it is; without a constraint, the user who asks.",
    ),
    column("time", Type::Integer, 0, "When it was entered, seconds since the epoch; 0: the file does not say."),
    column("command", Type::Text, 0, "The line."),
    column("history_file", Type::Text, 0, "Path of the file."),
];

const UID: usize = 0;
const FILES: &[&str] = &[
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".history",
    ".sh_history",
    ".ash_history",
    ".bash_sessions/*.history",
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "shell_history",
    help: "Lines of shells' histories, by user",
    columns: COLUMNS,
    open: |query| {
        let mut lines = HomeLines::new(&query, TABLE.name, UID, Sources { homes: FILES, system: "" });
        let mut bash_time = None;
        Ok(Each::of(move || {
            while lines.advance() {
                if lines.is_first {
                    bash_time = None;
                }
                if bash_time.is_none() {
                    bash_time = time_line(&lines.line);
                    if bash_time.is_some() {
                        continue;
                    }
                }
                let (zsh_time, command) = extended(&lines.line).unwrap_or((0, &lines.line));
                let (time, command) =
                    bash_time.take().map_or((zsh_time, command), |time| (time, lines.line.as_slice()));
                if !command.trim_ascii().is_empty() {
                    let is_zsh = lines.path.ends_with(b".zsh_history") || lines.path.ends_with(b".zhistory");
                    let command = if is_zsh { plain(command) } else { command.to_vec() };
                    return Some(vec![lines.uid(), time.into(), Value::Text(command), Value::text(&lines.path)]);
                }
            }
            None
        }))
    },
};

/// bash's `#seconds`.
fn time_line(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b"#")?;
    if digits.iter().all(u8::is_ascii_digit) { number(digits) } else { None }
}

/// zsh's `: seconds:duration;command`.
fn extended(line: &[u8]) -> Option<(i64, &[u8])> {
    let rest = line.strip_prefix(b":")?.trim_ascii_start();
    let times = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b':').count();
    let (times, rest) = rest.split_at_checked(times)?;
    Some((number(split_once(times, b':')?.0)?, rest.strip_prefix(b";")?))
}

/// zsh's file without its Meta bytes: 0x83 says that bit 5 of the next byte is turned.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == 0x83 { bytes.next().map_or(byte, |next| next ^ 0x20) } else { byte });
    }
    plain
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host};

    #[test]
    fn histories_of_all_shells() {
        let tree = Tree::new("shell_history");
        tree.file("/etc/passwd", "a:x:77:0::/home/a:/bin/zsh\n");
        tree.file("/home/a/.bash_history", "old\n#1700000000\n  ls -l\n#1700000001\n#5 is a comment\n\n#notime\n#17");
        tree.file(
            "/home/a/.zsh_history",
            b": 1700000002:0;echo \xc3\x83\x80\n:  1700000003:12;make \\\n: no;\nplain\n",
        );
        tree.file("/home/a/.ash_history", "reboot\n");
        tree.file("/home/a/.bash_sessions/1.history", "one\n").file("/home/a/.bash_sessions/1.session", "no\n");
        tree.link("/home/a/.history", ".bash_history");
        let wanted = [
            ["0", "old", ".bash_history"],
            ["1700000000", "  ls -l", ".bash_history"],
            ["1700000001", "#5 is a comment", ".bash_history"],
            ["0", "#notime", ".bash_history"],
            ["1700000002", "echo \u{e0}", ".zsh_history"],
            ["1700000003", "make \\", ".zsh_history"],
            ["0", ": no;", ".zsh_history"],
            ["0", "plain", ".zsh_history"],
            ["0", "reboot", ".ash_history"],
            ["0", "one", ".bash_sessions/1.history"],
        ];
        let sql = "SELECT time, command, substr(history_file, 9) FROM shell_history WHERE uid = 77";
        assert_eq!(tree.rows(sql), wanted);
        assert_eq!(tree.rows("SELECT * FROM users JOIN shell_history USING (uid)").len(), wanted.len());
    }

    #[test]
    fn bash_writes_such_files() {
        let tree = Tree::new("shell_history-bash");
        tree.file("/etc/passwd", "a:x:77:0::/home/a:/bin/bash\n").file("/home/a/.bash_history", "");
        let path = tree.place("/home/a/.bash_history");
        let script = format!(
            "HISTFILE={}; HISTTIMEFORMAT=%s; set -o history; history -s 'echo one'; history -s two; \
                              history -w; date +%s",
            path.display()
        );
        let Some(now) = host("bash", &["-c", &script]) else {
            println!("skipped: needs bash");
            return;
        };
        let rows = tree.rows("SELECT command, time FROM shell_history WHERE uid = 77");
        let now: i64 = now.trim().parse().unwrap();
        assert!(rows.len() >= 2, "{rows:?}");
        let times: Vec<_> = rows.iter().filter(|row| ["echo one", "two"].contains(&row[0].as_str())).collect();
        assert_eq!(times.len(), 2, "{rows:?}");
        assert!(times.iter().all(|row| (row[1].parse::<i64>().unwrap() - now).abs() < 60), "{rows:?}");
    }
}
