//! `etc_services`: lines of /etc/services, else /usr/etc/services (services(5)). Streamed.

use crate::sql::table::{Column, Each, Table, Type, Value, column};
use crate::tables::text::{number, split_once, without_comment, words};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("port", Type::Integer, 0, "Port."),
    column("protocol", Type::Text, 0, "tcp, udp, …"),
    column("aliases", Type::Text, 0, "Other names, with a blank between."),
    column("comment", Type::Text, 0, "What stands after #."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "etc_services",
    help: "Names of ports, from /etc/services",
    columns: COLUMNS,
    open: |query| {
        let mut lines = super::etc_lines(&query.context.root, "/etc/services");
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
    let (name, place) = (words.next()?, words.next()?);
    let (port, protocol) = split_once(place, b'/').filter(|(_, protocol)| !protocol.is_empty())?;
    let port = number::<i64>(port)?;
    let aliases = words.collect::<Vec<_>>().join(&b' ');
    Some(vec![Value::text(name), port.into(), Value::text(protocol), Value::Text(aliases), Value::text(comment)])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines_of_a_fixture() {
        let tree = Tree::new("etc_services");
        let text = "# head\nssh\t\t22/tcp\t\t\t# Secure Shell # login\nhttp 80/tcp www  www-http\n\
                    broken 5\nbad /tcp\nbad 7/\n\
                    x y/tcp\ndomain 53/udp\r\n";
        tree.file("/etc/services", text);
        let wanted = [
            ["ssh", "22", "tcp", "", "Secure Shell # login"],
            ["http", "80", "tcp", "www www-http", ""],
            ["domain", "53", "udp", "", ""],
        ];
        assert_eq!(tree.rows("SELECT * FROM etc_services"), wanted);
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(services) = host("getent", &["-s", "files", "services"]) else {
            println!("skipped: needs getent");
            return;
        };
        let theirs: Vec<_> =
            services.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let sql = "SELECT trim(name || ' ' || port || '/' || protocol || ' ' || aliases) FROM etc_services";
        assert_eq!(rows("", sql).concat(), theirs);
    }
}
