//! `shadow`: ageing of passwords, from /etc/shadow line by line; only root may read it, others get no rows. The hash
//! itself is never shown: what is said is whether there is one, and of which kind.
//!
//! Numbers that are absent are -1, as getspent(3) gives them and osquery shows them; `flag` is NULL.

use super::passwd::fields;
use crate::sql::table::{Column, Each, INDEX, OPTIMIZED, Query, Table, Type, Value, column};
use crate::tables::text::number;

const COLUMNS: &[Column] = &[
    column("password_status", Type::Text, 0, "active, locked, not_set (!!) or empty: no password is asked for."),
    column("hash_alg", Type::Text, 0, "Kind of hash as crypt(5) marks it (6, y, 2b, …); empty: none or the old DES."),
    column("last_change", Type::BigInt, 0, "Day of the last change, days since the epoch; -1: not said."),
    column("min", Type::BigInt, 0, "Days that must pass between changes; -1: not said."),
    column("max", Type::BigInt, 0, "Days after which a change is due; -1: not said."),
    column("warning", Type::BigInt, 0, "Days of warning before that; -1: not said."),
    column("inactive", Type::BigInt, 0, "Days after expiry until the account is locked; -1: not said."),
    column("expire", Type::BigInt, 0, "Day on which the account expires, days since the epoch; -1: not said."),
    column("flag", Type::BigInt, 0, "Reserved."),
    column("username", Type::Text, INDEX | OPTIMIZED, "Login name."),
];

const USERNAME: usize = 9;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "shadow",
    help: "Ageing and state of passwords, from /etc/shadow",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/etc/shadow").ok();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = row(&query, lines.as_mut()?.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

fn row(query: &Query, line: &[u8]) -> Option<Vec<Value>> {
    let mut fields = fields(line)?;
    let (name, password) = (fields.next()?, fields.next()?);
    if query.equal(USERNAME).is_some_and(|wanted| !matches!(wanted, Value::Text(wanted) if wanted == name)) {
        return None;
    }
    let mut row = vec![Value::text(status(password)), Value::text(algorithm(password))];
    for _ in 0..6 {
        row.push(number::<i64>(fields.next().unwrap_or(&[])).unwrap_or(-1).into());
    }
    row.extend([number::<i64>(fields.next().unwrap_or(&[])).into(), Value::text(name)]);
    Some(row)
}

fn status(password: &[u8]) -> &'static str {
    match password {
        [] => "empty",
        b"!!" => "not_set",
        [b'!' | b'*' | b'x', ..] => "locked",
        _ => "active",
    }
}

/// The mark between the first two `$`.
fn algorithm(password: &[u8]) -> &[u8] {
    let Some(rest) = password.strip_prefix(b"$") else { return &[] };
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    match rest.split_at_checked(length) {
        Some((mark, [b'$', ..])) => mark,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn states_of_a_fixture() {
        let tree = Tree::new("shadow");
        let text = "root:$y$j9T$salt$hash:19000:0:99999:7:::\nnew:!!:19001::::::\nlocked:!$6$s$h:1:2:3:4:5:6:7\n\
                    star:*:1:::::\nempty::1:::::\ndes:abcdefghijklm:1:::::\nbroken\n#no:x:1\nodd:$6;drop$x:1:::::\n";
        tree.file("/etc/shadow", text);
        let sql = "SELECT username, password_status, hash_alg FROM shadow";
        let wanted = [
            ["root", "active", "y"],
            ["new", "not_set", ""],
            ["locked", "locked", ""],
            ["star", "locked", ""],
            ["empty", "empty", ""],
            ["des", "active", ""],
            ["odd", "active", ""],
        ];
        assert_eq!(tree.rows(sql), wanted);
        let sql = "SELECT last_change, min, max, warning, inactive, expire, flag FROM shadow WHERE username = 'root'";
        assert_eq!(tree.rows(sql), [["19000", "0", "99999", "7", "-1", "-1", "NULL"]]);
        let sql = "SELECT min, max, warning, inactive, expire, flag FROM shadow WHERE username IN ('locked', 'none')";
        assert_eq!(tree.rows(sql), [["2", "3", "4", "5", "6", "7"]]);
        assert!(tree.rows("SELECT * FROM shadow").iter().flatten().all(|value| !value.contains("hash")));
    }

    #[test]
    fn getent_knows_the_same() {
        let Some(shadow) = host("getent", &["-s", "files", "shadow"]).filter(|text| !text.is_empty()) else {
            println!("skipped: needs getent, and root");
            return;
        };
        let theirs: Vec<_> =
            shadow.lines().map(|line| line.split(':').nth(2).map(|day| (line, day)).unwrap()).collect();
        let ours = rows("", "SELECT username, last_change FROM shadow");
        assert_eq!(ours.len(), theirs.len());
        for (our, (line, day)) in ours.iter().zip(theirs) {
            assert!(line.starts_with(&format!("{}:", our[0])), "{line}");
            assert_eq!(our[1], if day.is_empty() { "-1" } else { day });
        }
    }
}
