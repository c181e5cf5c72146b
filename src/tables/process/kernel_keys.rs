//! `kernel_keys`: keys and keyrings that we may view, from /proc/keys (`security/keys/proc.c: proc_keys_show`), which
//! kernels without CONFIG_KEYS do not have. Streamed.

use crate::sql::table::{Column, Each, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("serial_number", Type::Text, 0, "The key's id, hexadecimal."),
    column(
        "flags",
        Type::Text,
        0,
        "I instantiated, R revoked, D dead, Q in a quota, U under construction, N negative, i invalidated.",
    ),
    column("usage", Type::BigInt, 0, "Number of references to it."),
    column("timeout", Type::Text, 0, "Until it expires: a number with s, m, h, d or w; perm: never; expd: it has."),
    column("permissions", Type::Text, 0, "Possessor's, user's, group's and others' rights, a byte each, hexadecimal."),
    column("uid", Type::BigInt, 0, "User id of the owner."),
    column("gid", Type::BigInt, 0, "Group id; -1: none."),
    column("type", Type::Text, 0, "Its type, such as keyring or user, at most nine characters."),
    column("description", Type::Text, 0, "Its name, and by type the number of keys in it or of bytes."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "kernel_keys",
    help: "Keys that the kernel keeps",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/proc/keys").unwrap_or_default();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = row(lines.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let mut rest = line;
    let mut word = || {
        rest = rest.trim_ascii_start();
        let (word, after) = rest.split_at(memchr::memchr(b' ', rest)?);
        rest = after;
        Some(word)
    };
    let [serial, flags, usage, timeout, permissions] = [word()?, word()?, word()?, word()?, word()?];
    let [uid, gid, kind] = [word()?, word()?, word()?];
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
    Some(vec![
        Value::text(serial),
        Value::text(flags),
        number(usage)?.into(),
        Value::text(timeout),
        Value::text(permissions),
        number(uid)?.into(),
        number(gid)?.into(),
        Value::text(kind),
        Value::text(rest.trim_ascii()),
    ])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    const KEYS: &str = "\
009a2028 I--Q---     1 perm 3f010000  1000  1000 user      krb_ccache:primary: 12
0db7ff6c I------   123 perm 1f030000     0    -1 keyring   .dns_resolver: empty
1806c4ba I--Q--i     1   3d 3f010000     0     0 logon     a  b
2806c4ba I--Q---     x   3d 3f010000     0     0 logon     a
1806c4bb I--Q---     1 expd 3f010000     0
1806c4bc I--Q---     1 expd 3f010000     0     0 .id_resol ";

    #[test]
    fn lines_and_broken_ones() {
        let tree = Tree::new("keys");
        tree.file("/proc/keys", KEYS);
        let wanted = [
            ["009a2028", "I--Q---", "1", "perm", "3f010000", "1000", "1000", "user", "krb_ccache:primary: 12"],
            ["0db7ff6c", "I------", "123", "perm", "1f030000", "0", "-1", "keyring", ".dns_resolver: empty"],
            ["1806c4ba", "I--Q--i", "1", "3d", "3f010000", "0", "0", "logon", "a  b"],
            ["1806c4bc", "I--Q---", "1", "expd", "3f010000", "0", "0", ".id_resol", ""],
        ];
        assert_eq!(tree.rows("SELECT * FROM kernel_keys"), wanted);
        assert_eq!(Tree::new("no-keys").rows("SELECT * FROM kernel_keys").len(), 0);
    }

    #[test]
    fn one_row_for_each_key_of_the_kernel() {
        let Ok(text) = std::fs::read_to_string("/proc/keys") else {
            println!("skipped: needs a kernel with keys");
            return;
        };
        let found = rows("", "SELECT serial_number FROM kernel_keys");
        let serials: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap_or("").to_string()).collect();
        // Keys come and go with sessions; those of the kernel stay.
        let known = found.iter().filter(|row| serials.contains(&row[0])).count();
        assert!(known + 3 >= serials.len(), "{known} of {}", serials.len());
    }
}
