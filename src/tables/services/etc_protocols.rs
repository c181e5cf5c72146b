//! `etc_protocols`: lines of /etc/protocols, else /usr/etc/protocols (protocols(5)). Streamed. Of several aliases the
//! first is shown, as in osquery.

use crate::sql::table::{Column, Each, Table, Type, Value, column};
use crate::tables::text::{number, without_comment, words};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("number", Type::Integer, 0, "Number in an IP header."),
    column("alias", Type::Text, 0, "Another name."),
    column("comment", Type::Text, 0, "What stands after #."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "etc_protocols",
    help: "Names of IP protocols, from /etc/protocols",
    columns: COLUMNS,
    open: |query| {
        let mut lines = super::etc_lines(&query.context.root, "/etc/protocols");
        Ok(Each::of(move || {
            loop {
                if let Some(row) = row(lines.as_mut()?.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let (entry, comment) = without_comment(line);
    let mut words = words(entry);
    let (name, number) = (words.next()?, number::<i64>(words.next()?)?);
    Some(vec![Value::text(name), number.into(), Value::text(words.next().unwrap_or(&[])), Value::text(comment)])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines_of_a_fixture() {
        let tree = Tree::new("etc_protocols");
        let text = "# head\nip\t0\tIP\t\t# internet # protocol\nicmp 1\nbroken\nbad x BAD\n\ntcp 6 TCP more\n";
        tree.file("/usr/etc/protocols", text);
        let wanted = [["ip", "0", "IP", "internet # protocol"], ["icmp", "1", "", ""], ["tcp", "6", "TCP", ""]];
        assert_eq!(tree.rows("SELECT * FROM etc_protocols"), wanted);
        tree.file("/etc/protocols", "udp 17 UDP");
        assert_eq!(tree.rows("SELECT * FROM etc_protocols"), [["udp", "17", "UDP", ""]]);
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(protocols) = host("getent", &["-s", "files", "protocols"]) else {
            println!("skipped: needs getent");
            return;
        };
        let theirs: Vec<_> =
            protocols.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect();
        let ours = rows("", "SELECT trim(name || ' ' || number || ' ' || alias) FROM etc_protocols").concat();
        assert_eq!(ours, theirs);
    }
}
