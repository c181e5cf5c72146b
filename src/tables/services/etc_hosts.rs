//! `etc_hosts`: lines of /etc/hosts (hosts(5)). Streamed.

use crate::sql::table::{ADDITIONAL, Column, Each, HIDDEN, Table, Type, Value, column};
use crate::tables::text::{without_comment, words};

const COLUMNS: &[Column] = &[
    column("address", Type::Text, 0, "Address, as it stands."),
    column("hostnames", Type::Text, 0, "Names, with a blank between."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "etc_hosts",
    help: "Names of addresses, from /etc/hosts",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/etc/hosts").ok();
        Ok(Each::of(move || {
            loop {
                let (entry, _) = without_comment(lines.as_mut()?.next_line()?);
                let mut words = words(entry);
                let Some(address) = words.next() else { continue };
                let names = words.collect::<Vec<_>>().join(&b' ');
                return Some(vec![Value::text(address), Value::Text(names), 0.into()]);
            }
        }))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines_of_a_fixture() {
        let tree = Tree::new("etc_hosts");
        let text = "127.0.0.1\tlocalhost  a # comment\n\n#1.2.3.4 no\n ::1 ip6#7\r\n10.0.0.1\n\u{ff} x\n";
        tree.file("/etc/hosts", text);
        let wanted = [["127.0.0.1", "localhost a"], ["::1", "ip6"], ["10.0.0.1", ""], ["\u{ff}", "x"]];
        assert_eq!(tree.rows("SELECT * FROM etc_hosts"), wanted);
        assert_eq!(tree.rows("SELECT * FROM etc_hosts WHERE pid_with_namespace = 0").len(), 4);
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(hosts) = host("getent", &["-s", "files", "hosts"]) else {
            println!("skipped: needs getent");
            return;
        };
        let ours = rows("", "SELECT address || ' ' || hostnames FROM etc_hosts").concat();
        for line in hosts.lines() {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            // getent shows ::1 as 127.0.0.1 too.
            let names = line.split_once(' ').unwrap().1;
            assert!(ours.iter().any(|our| *our == line || our.ends_with(names)), "{line}: {ours:?}");
        }
    }
}
