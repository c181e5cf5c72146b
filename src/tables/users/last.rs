//! `last`: logins and logouts, from /var/log/wtmp (see `utmp` for its records), oldest first. As in osquery, records of
//! users and of their ends are rows; boots and run levels are not. A logout has no name, only the terminal. Streamed.
//! Machines that keep wtmpdb instead (a database below /var/lib/wtmpdb) have no rows.

use super::utmp::{DEAD_PROCESS, Records, USER_PROCESS};
use crate::sql::table::{Column, Each, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("username", Type::Text, 0, "Login name; empty at most logouts."),
    column("tty", Type::Text, 0, "Terminal, without /dev/."),
    column("pid", Type::Integer, 0, "Process id of the session's first process."),
    column("type", Type::Integer, 0, "7: a login, 8: its end."),
    column("type_name", Type::Text, 0, "user-process or dead-process."),
    column("time", Type::Integer, 0, "When, seconds since the epoch."),
    column("host", Type::Text, 0, "Where from: a name or an address."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "last",
    help: "Logins and logouts, from /var/log/wtmp",
    columns: COLUMNS,
    open: |query| {
        let mut records = query.context.root.open("/var/log/wtmp").ok().and_then(Records::of);
        Ok(Each::of(move || {
            let record = records.as_mut()?.find(|record| [USER_PROCESS, DEAD_PROCESS].contains(&record.kind))?;
            let name = if record.kind == USER_PROCESS { "user-process" } else { "dead-process" };
            Some(vec![
                Value::Text(record.user),
                Value::Text(record.line),
                i64::from(record.pid).into(),
                i64::from(record.kind).into(),
                Value::text(name),
                record.time_s.into(),
                Value::Text(record.host),
            ])
        }))
    },
};

#[cfg(test)]
mod tests {
    use super::super::utmp::bytes;
    use crate::sql::testing::{Tree, host};

    fn file(length: usize) -> Vec<u8> {
        [
            bytes(length, 2, 0, ["~", "reboot", "6.1.0"], 1_700_000_000),
            bytes(length, 1, 53, ["~", "runlevel", "6.1.0"], 1_700_000_001),
            bytes(length, 7, 812, ["tty1", "root", ""], 1_700_000_002),
            bytes(length, 7, 900, ["pts/0", &"u".repeat(32), &"h".repeat(256)], 2_200_000_003),
            bytes(length, 8, 900, ["pts/0", "", ""], 2_200_000_004),
        ]
        .concat()
    }

    #[test]
    fn records_of_both_layouts() {
        let tree = Tree::new("last");
        assert_eq!(tree.rows("SELECT * FROM last").len(), 0);
        for length in [384, 400] {
            tree.file("/var/log/wtmp", [file(length), vec![1; 17]].concat());
            let (user, from) = ("u".repeat(32), "h".repeat(256));
            let wanted = [
                ["root", "tty1", "812", "7", "user-process", "1700000002", ""],
                [&user, "pts/0", "900", "7", "user-process", "2200000003", &from],
                ["", "pts/0", "900", "8", "dead-process", "2200000004", ""],
            ];
            assert_eq!(tree.rows("SELECT * FROM last"), wanted, "{length}");
        }
    }

    #[test]
    fn garbage_is_no_trouble() {
        let tree = Tree::new("last-garbage");
        for byte in [0, 1, 7, 0xff] {
            tree.file("/var/log/wtmp", vec![byte; 100_001]);
            let _ = tree.rows("SELECT * FROM last");
        }
    }

    #[test]
    fn utmpdump_reads_the_same() {
        let tree = Tree::new("last-utmpdump");
        // utmpdump has its own machine's layout.
        let length = if cfg!(any(target_arch = "aarch64", target_arch = "riscv64")) { 400 } else { 384 };
        tree.file("/var/log/wtmp", file(length));
        let Some(dump) = host("utmpdump", &[tree.place("/var/log/wtmp").to_str().unwrap()]) else {
            println!("skipped: needs utmpdump");
            return;
        };
        let sql = "SELECT type, pid, username, tty, strftime('%Y-%m-%dT%H:%M:%S', time, 'unixepoch') FROM last";
        let ours = tree.rows(sql);
        let theirs: Vec<Vec<String>> = dump
            .lines()
            .map(|line| line.trim_matches(['[', ']']).split("] [").map(|field| field.trim().to_string()).collect())
            .filter(|fields: &Vec<String>| fields[0] == "7" || fields[0] == "8")
            .collect();
        assert_eq!(ours.len(), theirs.len());
        for (our, their) in ours.iter().zip(&theirs) {
            let pid: i64 = their[1].parse().unwrap();
            assert_eq!([&our[0], &our[1], &our[3]], [&their[0], &pid.to_string(), &their[4]]);
            assert!(our[2].starts_with(&their[3]), "{our:?} {their:?}");
            // Past 2038 utmpdump of some versions wraps.
            if !our[4].starts_with("2039") {
                assert!(their[7].starts_with(&our[4]), "{our:?} {their:?}");
            }
        }
    }
}
