//! `groups`: from /etc/group alone, line by line (no name service switch: see `users`). Of lines with the same id the
//! first is a row, as osquery has it. Memory: 8 bytes and a tree's share per group.

use super::passwd;
use crate::sql::table::{ADDITIONAL, Column, Each, HIDDEN, INDEX, Table, Type, Value, column, elsewhere};
use std::collections::BTreeSet;

const COLUMNS: &[Column] = &[
    column("gid", Type::BigInt, INDEX, "Group id."),
    column("gid_signed", Type::BigInt, 0, "Group id read as a signed 32-bit number."),
    column("groupname", Type::Text, 0, "Name."),
    Column { flags: elsewhere("", Type::Text).flags | INDEX, ..elsewhere("group_sid", Type::Text) },
    elsewhere("comment", Type::Text),
    elsewhere("is_hidden", Type::Integer),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
];

const GID: usize = 0;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "groups",
    help: "Groups of /etc/group",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/etc/group").ok();
        let mut seen = BTreeSet::new();
        Ok(Each::of(move || {
            loop {
                let Some(group) = passwd::group(lines.as_mut()?.next_line()?) else { continue };
                let gid = i64::from(group.gid);
                if query.equal(GID).is_some_and(|wanted| wanted.as_integer() != Some(gid)) || !seen.insert(gid) {
                    continue;
                }
                let name = Value::text(group.name);
                let signed = i64::from(group.gid as i32);
                return Some(vec![gid.into(), signed.into(), name, Value::Null, Value::Null, Value::Null, 0.into()]);
            }
        }))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn groups_of_a_fixture() {
        let tree = Tree::new("groups");
        tree.file("/etc/group", "root:x:0:\nwheel:x:0:a\n+:::\nadm:x:4:a,b\nbroken:x\nhigh:x:4294967294:\n");
        let all = [["0", "0", "root"], ["4", "4", "adm"], ["4294967294", "-2", "high"]];
        assert_eq!(tree.rows("SELECT * FROM groups"), all);
        assert_eq!(tree.rows("SELECT * FROM groups WHERE gid = 4"), [all[1]]);
        assert_eq!(tree.rows("SELECT group_sid, comment, is_hidden FROM groups WHERE gid = '4'"), [["", "", "NULL"]]);
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(groups) = host("getent", &["-s", "files", "group"]) else {
            println!("skipped: needs getent");
            return;
        };
        let mut theirs: Vec<(i64, String)> = Vec::new();
        for line in groups.lines() {
            let fields: Vec<_> = line.split(':').collect();
            let gid = fields[2].parse().unwrap();
            if theirs.iter().all(|(other, _)| *other != gid) {
                theirs.push((gid, fields[0].into()));
            }
        }
        let ours = rows("", "SELECT gid, groupname FROM groups");
        let ours: Vec<_> = ours.into_iter().map(|row| (row[0].parse().unwrap(), row[1].clone())).collect();
        assert_eq!(ours, theirs);
    }
}
