//! `logged_in_users`: the records of /run/utmp, else /var/run/utmp (see `utmp` for them): users, boot, run level,
//! gettys, ends. As in osquery, records of pid 1 are passed over. Whoever wrote a record may have died without changing
//! it: join with `processes` on pid. Where there is no such file, since a systemd of late does without, the users'
//! sessions of its logind are rows, from /run/systemd/sessions. musl's programs write neither.

use super::utmp::{Record, Records, USER_PROCESS};
use crate::sql::table::{Column, Each, Table, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use crate::tables::text::{number, split_once};
use std::ffi::OsStr;
use std::path::Path;

const COLUMNS: &[Column] = &[
    column(
        "type",
        Type::Text,
        0,
        "user, dead, login, init, boot_time, runlevel, new_time, old_time, accounting, empty.",
    ),
    column("user", Type::Text, 0, "Login name."),
    column("tty", Type::Text, 0, "Terminal, without /dev/."),
    column("host", Type::Text, 0, "Where from: a name or an address; the kernel's version at boot."),
    column("time", Type::BigInt, 0, "When, seconds since the epoch."),
    column("pid", Type::Integer, 0, "Process id of the session's first process."),
    elsewhere("sid", Type::Text),
    elsewhere("registry_hive", Type::Text),
];

const SESSIONS: &str = "/run/systemd/sessions";
/// Types by number.
const TYPES: [&str; 10] =
    ["empty", "runlevel", "boot_time", "new_time", "old_time", "init", "login", "user", "dead", "accounting"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "logged_in_users",
    help: "Sessions and other records of utmp",
    columns: COLUMNS,
    open: |query| {
        let root = &query.context.root;
        let file = root.open("/run/utmp").or_else(|_| root.open("/var/run/utmp"));
        let mut sessions = file.is_err().then(|| root.names(SESSIONS));
        let mut records = file.ok().and_then(Records::of);
        Ok(Each::of(move || {
            let record = match &mut sessions {
                Some(names) => names.find_map(|name| session(&query.context.root, &name))?,
                None => records.as_mut()?.find(|record| record.pid != 1)?,
            };
            let kind = usize::try_from(record.kind).ok().and_then(|kind| TYPES.get(kind)).unwrap_or(&"unknown");
            let texts =
                [Value::text(kind), Value::Text(record.user), Value::Text(record.line), Value::Text(record.host)];
            Some(texts.into_iter().chain([record.time_s.into(), i64::from(record.pid).into()]).collect())
        }))
    },
};

/// A session of logind's, if a user has it: no greeter's, no manager's. Its files are lines `KEY=value`.
fn session(root: &Root, name: &OsStr) -> Option<Record> {
    let mut lines = root.lines(Path::new(SESSIONS).join(name)).ok()?;
    let (user, line, host) = (Vec::new(), Vec::new(), Vec::new());
    let mut record = Record { kind: 0, pid: 0, line, user, host, time_s: 0 };
    while let Some(line) = lines.next_line() {
        let Some((key, value)) = split_once(line, b'=') else { continue };
        match key {
            b"CLASS" if value.starts_with(b"user") => record.kind = USER_PROCESS,
            b"USER" => record.user = value.to_vec(),
            b"TTY" => record.line = value.to_vec(),
            b"REMOTE_HOST" => record.host = value.to_vec(),
            b"LEADER" => record.pid = number(value)?,
            b"REALTIME" => record.time_s = number::<i64>(value)? / 1_000_000,
            _ => {}
        }
    }
    (record.kind == USER_PROCESS).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::super::utmp::bytes;
    use crate::sql::testing::{Tree, host, rows};
    use std::path::Path;

    #[test]
    fn records_of_all_types() {
        let tree = Tree::new("logged_in_users");
        let record = |kind, pid| bytes(384, kind, pid, ["tty1", "root", "here"], 1_700_000_000);
        tree.file("/var/run/utmp", [record(2, 0), record(5, 1), record(7, 800), record(9, 2), record(3, 7)].concat());
        let wanted = [
            ["boot_time", "root", "tty1", "here", "1700000000", "0"],
            ["user", "root", "tty1", "here", "1700000000", "800"],
            ["accounting", "root", "tty1", "here", "1700000000", "2"],
            ["new_time", "root", "tty1", "here", "1700000000", "7"],
        ];
        assert_eq!(tree.rows("SELECT * FROM logged_in_users"), wanted);
        tree.file("/run/utmp", record(99, -5));
        assert_eq!(tree.rows("SELECT type, pid, sid FROM logged_in_users"), [["unknown", "-5", ""]]);
    }

    #[test]
    fn sessions_of_logind_stand_in() {
        let tree = Tree::new("logged_in_users-logind");
        let text = "# private\nUID=1000\nUSER=a\nACTIVE=1\nTTY=pts/3\nREMOTE_HOST=10.0.0.9\nCLASS=user\nLEADER=812\n\
                    REALTIME=1700000000123456\n";
        tree.file("/run/systemd/sessions/3", text)
            .file("/run/systemd/sessions/c1", "USER=gdm\nCLASS=greeter\nLEADER=1\n");
        tree.file("/run/systemd/sessions/4", "USER=b\nCLASS=user\nLEADER=broken\n");
        let wanted = ["user", "a", "pts/3", "10.0.0.9", "1700000000", "812"];
        assert_eq!(tree.rows("SELECT * FROM logged_in_users"), [wanted]);
        tree.file("/run/utmp", "");
        assert_eq!(tree.rows("SELECT * FROM logged_in_users").len(), 0);
    }

    #[test]
    fn who_knows_the_same() {
        // Without utmp, who asks systemd.
        let Some(who) = host("who", &[]).filter(|_| Path::new("/run/utmp").exists()) else {
            println!("skipped: needs who and /run/utmp");
            return;
        };
        let ours = rows("", "SELECT user, tty FROM logged_in_users JOIN processes USING (pid) WHERE type = 'user'");
        for line in who.lines() {
            let fields: Vec<_> = line.split_whitespace().collect();
            assert!(ours.iter().any(|our| our[..] == fields[..2]), "{line}: {ours:?}");
        }
    }
}
