//! `logged_in_users`: the records of /run/utmp, else /var/run/utmp (see `utmp` for them): users, boot, run level, gettys, ends. As in
//! osquery, records of pid 1 are passed over. Whoever wrote a record may have died without changing it: join with
//! `processes` on pid. Machines without utmp (musl's programs write none; systemd can do without) have no rows.

use super::utmp::Records;
use crate::sql::table::{Column, Each, Table, Type, Value, column, elsewhere};

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
        let mut records = file.ok().and_then(Records::of);
        Ok(Each::of(move || {
            let record = records.as_mut()?.find(|record| record.pid != 1)?;
            let kind = usize::try_from(record.kind).ok().and_then(|kind| TYPES.get(kind)).unwrap_or(&"unknown");
            let texts =
                [Value::text(kind), Value::Text(record.user), Value::Text(record.line), Value::Text(record.host)];
            Some(texts.into_iter().chain([record.time_s.into(), i64::from(record.pid).into()]).collect())
        }))
    },
};

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
