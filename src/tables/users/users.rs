//! `users`: accounts, from /etc/passwd alone, line by line. A static binary has no name service switch, so accounts of
//! LDAP, NIS, sssd or systemd-homed are not seen; `include_remote` is accepted and changes nothing.
//! Lines of the same uid are all rows. A uuid is what other platforms have; it is '' here.

use super::passwd;
use crate::sql::table::{
    ADDITIONAL, ARGUMENT, Column, Each, HIDDEN, INDEX, Query, Table, Type, Value, column, elsewhere,
};

const COLUMNS: &[Column] = &[
    column("uid", Type::BigInt, INDEX, "User id."),
    column("gid", Type::BigInt, 0, "Id of the primary group."),
    column("uid_signed", Type::BigInt, 0, "User id read as a signed 32-bit number."),
    column("gid_signed", Type::BigInt, 0, "Id of the primary group read as a signed 32-bit number."),
    column("username", Type::Text, ADDITIONAL, "Login name."),
    column("description", Type::Text, 0, "The comment (GECOS) field, usually the full name."),
    column("directory", Type::Text, 0, "Home directory."),
    column("shell", Type::Text, 0, "Login shell."),
    Column { collate: "NOCASE", ..column("uuid", Type::Text, INDEX, "Always empty on Linux.") },
    elsewhere("type", Type::Text),
    elsewhere("is_hidden", Type::Integer),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
    column(
        "include_remote",
        Type::Integer,
        HIDDEN | ADDITIONAL | ARGUMENT,
        "Accepted; local accounts are all there is.",
    ),
];

const UID: usize = 0;
const USERNAME: usize = 4;
const INCLUDE_REMOTE: usize = 12;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "users",
    help: "Accounts of /etc/passwd",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/etc/passwd").ok();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = passwd::account(lines.as_mut()?.next_line()?).and_then(|line| row(&query, line)) {
                    return Some(row);
                }
            }
        }))
    },
};

fn row(query: &Query, line: passwd::Account<'_>) -> Option<Vec<Value>> {
    if query.equal(UID).is_some_and(|uid| uid.as_integer() != Some(line.uid.into()))
        || query.equal(USERNAME).is_some_and(|name| !matches!(name, Value::Text(name) if name == line.name))
    {
        return None;
    }
    let mut row: Vec<Value> = [
        i64::from(line.uid),
        i64::from(line.gid),
        // osquery's users know these: nobody is -2 on some machines.
        i64::from(line.uid as i32),
        i64::from(line.gid as i32),
    ]
    .map(Value::from)
    .to_vec();
    row.extend([line.name, line.gecos, line.directory, line.shell, b"", b""].map(Value::text));
    row.extend([Value::Null, 0.into(), query.equal(INCLUDE_REMOTE).cloned().unwrap_or(0.into())]);
    Some(row)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn accounts_of_a_fixture() {
        let tree = Tree::new("users");
        let text = "root:x:0:0:root:/root:/bin/bash\n# comment\n+::::::\nbroken\ntoor:x:0:0::/home/toor:/bin/sh\n\
                    nobody:x:4294967294:65534:n:/nonexistent:/usr/sbin/nologin\nodd\n:x:7:7:no name:/:\n";
        tree.file("/etc/passwd", text);
        let sql = "SELECT uid, gid, uid_signed, username, directory, shell, uuid, type FROM users";
        assert_eq!(
            tree.rows(sql)[2],
            ["4294967294", "65534", "-2", "nobody", "/nonexistent", "/usr/sbin/nologin", "", ""]
        );
        assert_eq!(tree.rows(sql).len(), 4);
        assert_eq!(tree.rows("SELECT username FROM users WHERE uid = 0"), [["root"], ["toor"]]);
        assert_eq!(tree.rows("SELECT uid FROM users WHERE username = 'nobody'"), [["4294967294"]]);
        assert_eq!(tree.rows("SELECT uid FROM users WHERE username = 'nobody' AND uid = 0").len(), 0);
        let sql = "SELECT uid FROM users WHERE include_remote = 1 AND pid_with_namespace = 0";
        assert_eq!(tree.rows(sql).len(), 4);
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(passwd) = host("getent", &["-s", "files", "passwd"]) else {
            println!("skipped: needs getent");
            return;
        };
        let sql = "SELECT username, uid, gid, description, directory, shell FROM users";
        let ours: Vec<_> = rows("", sql)
            .into_iter()
            .map(|mut row| {
                row.insert(1, "x".into());
                row.join(":")
            })
            .collect();
        // The password field is 'x' or, without shadow, something else.
        let theirs: Vec<_> = passwd
            .lines()
            .map(|line| {
                let mut fields: Vec<_> = line.split(':').collect();
                fields[1] = "x";
                fields.join(":")
            })
            .collect();
        assert_eq!(ours, theirs);
    }
}
