//! `known_hosts`: the lines of each user's ~/.ssh/known_hosts that are no comments (sshd(8)). Streamed. Links in the
//! home are not followed: see `homes`.

use super::homes::{HomeLines, Sources};
use crate::sql::table::{Column, Each, INDEX, OPTIMIZED, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column(
        "uid",
        Type::BigInt,
        INDEX | OPTIMIZED,
        "The user whose file it is; without a constraint, the user who asks.",
    ),
    column("key", Type::Text, 0, "The line: names (hashed or not), kind and key."),
    column("key_file", Type::Text, 0, "Path of the file."),
];

const UID: usize = 0;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "known_hosts",
    help: "Hosts that users' ssh clients know",
    columns: COLUMNS,
    open: |query| {
        let mut lines = HomeLines::new(&query, TABLE.name, UID, Sources { homes: &[".ssh/known_hosts"], system: "" });
        Ok(Each::of(move || {
            while lines.advance() {
                let key = lines.line.trim_ascii();
                if !key.is_empty() && !key.starts_with(b"#") {
                    return Some(vec![lines.uid(), Value::text(key), Value::text(&lines.path)]);
                }
            }
            None
        }))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, try_rows};
    use crate::sys::process::effective_uid;

    #[test]
    fn lines_of_whom_one_asks_for() {
        let tree = Tree::new("known_hosts");
        let own = effective_uid();
        let passwd = format!(
            "me:x:{own}:0::/home/me:\nyou:x:77:0::/home/you/:\nalso:x:77:0::/home/also:\n\
                              again:x:77:0::/home/also:\nnone:x:78:0::relative:\n"
        );
        tree.file("/etc/passwd", passwd);
        tree.file("/home/me/.ssh/known_hosts", "a ssh-rsa AAAA\n\n# comment\n  |1|x|y ssh-ed25519 BBBB \n");
        tree.file("/home/you/.ssh/known_hosts", "b ssh-rsa CCCC").file("/home/also/.ssh/known_hosts", "c d e\n");
        tree.file("/relative/.ssh/known_hosts", "no\n");
        let own = own.to_string();
        let mine = [
            [&own, "a ssh-rsa AAAA", "/home/me/.ssh/known_hosts"],
            [&own, "|1|x|y ssh-ed25519 BBBB", "/home/me/.ssh/known_hosts"],
        ];
        assert_eq!(tree.rows("SELECT * FROM known_hosts"), mine);
        assert_eq!(tree.rows("SELECT * FROM known_hosts WHERE uid > -1"), mine);
        let yours = [["b ssh-rsa CCCC", "/home/you/.ssh/known_hosts"], ["c d e", "/home/also/.ssh/known_hosts"]];
        assert_eq!(tree.rows("SELECT key, key_file FROM known_hosts WHERE uid = 77"), yours);
        let sql = "SELECT DISTINCT username, key FROM users CROSS JOIN known_hosts USING (uid)";
        assert_eq!(tree.rows(sql).len(), 2 + 3 * 2);
        assert_eq!(tree.rows("SELECT * FROM known_hosts WHERE uid IN (78, 79, 'x', NULL)").len(), 0);
        tree.file("/etc/passwd", "");
        assert_eq!(try_rows(tree.path(), "SELECT * FROM known_hosts").unwrap().len(), 0);
    }

    #[test]
    fn links_and_long_lines() {
        let tree = Tree::new("known_hosts-links");
        tree.file("/etc/passwd", "a:x:77:0::/home/a:\nb:x:78:0::/home/b:\n").file("/etc/shadow", "root:secret\n");
        tree.link("/home/a/.ssh/known_hosts", "../../../etc/shadow").link("/home/b/.ssh", "/etc");
        tree.file("/etc/known_hosts", "secret");
        assert_eq!(tree.rows("SELECT * FROM users JOIN known_hosts USING (uid)").len(), 0);
        std::fs::remove_file(tree.place("/home/b/.ssh")).unwrap();
        tree.file("/home/b/.ssh/known_hosts", [vec![b'x'; 10 << 20], b"\nlast\n".to_vec()].concat());
        assert_eq!(tree.rows("SELECT length(key) FROM known_hosts WHERE uid = 78"), [["65536"], ["4"]]);
    }
}
