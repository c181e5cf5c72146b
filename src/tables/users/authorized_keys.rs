//! `authorized_keys`: the keys that may log in as a user, from ~/.ssh/authorized_keys and authorized_keys2, and for uid
//! 0 dropbear's /etc/dropbear/authorized_keys (OpenWrt). A line is `[options] algorithm key [comment]` as sshd(8) has
//! it; options may hold blanks within quotes. Lines of another form are no keys to sshd and no rows here. Streamed.
//! Links in the home are not followed: see `homes`. Other places that sshd_config may name are not looked at.

use super::homes::{HomeLines, Sources};
use crate::sql::table::{ADDITIONAL, Column, Each, HIDDEN, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("uid", Type::BigInt, ADDITIONAL, "The user whose file it is; without a constraint, the user who asks."),
    column("algorithm", Type::Text, 0, "Kind of key."),
    column("key", Type::Text, 0, "The key, base64."),
    column("options", Type::Text, 0, "Options before it, as they stand."),
    column("comment", Type::Text, 0, "What follows it."),
    column("key_file", Type::Text, 0, "Path of the file."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
];

const UID: usize = 0;
const SOURCES: Sources =
    Sources { homes: &[".ssh/authorized_keys", ".ssh/authorized_keys2"], system: "/etc/dropbear/authorized_keys" };
/// How the names of all kinds of keys begin; no option begins so.
const KINDS: [&[u8]; 5] = [b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-", b"rsa-sha2-"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "authorized_keys",
    help: "Keys that may log in over ssh, by user",
    columns: COLUMNS,
    open: |query| {
        let mut lines = HomeLines::new(&query, TABLE.name, UID, SOURCES);
        Ok(Each::of(move || {
            while lines.advance() {
                if let Some([algorithm, key, options, comment]) = entry(&lines.line) {
                    let texts = [algorithm, key, options, comment, &lines.path].map(Value::text);
                    return Some([lines.uid()].into_iter().chain(texts).chain([0.into()]).collect());
                }
            }
            None
        }))
    },
};

/// Algorithm, key, options and comment of a line.
fn entry(line: &[u8]) -> Option<[&[u8]; 4]> {
    let line = line.trim_ascii();
    let (mut first, mut rest) = word(line);
    let mut options: &[u8] = &[];
    if !is_kind(first) {
        options = first;
        (first, rest) = word(rest);
    }
    let (key, comment) = word(rest);
    let is_key = !line.starts_with(b"#") && is_kind(first) && !key.is_empty();
    is_key.then_some([first, key, options, comment])
}

fn is_kind(word: &[u8]) -> bool {
    KINDS.iter().any(|kind| word.starts_with(kind))
}

/// The text up to a blank outside of quotes, and what comes after the blanks. A quote after a backslash is none.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    let is_end = |&byte: &u8| {
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        !quoted && byte.is_ascii_whitespace()
    };
    let length = text.iter().position(is_end).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
    (word, rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host};

    #[test]
    fn lines_of_all_forms() {
        let tree = Tree::new("authorized_keys");
        tree.file("/etc/passwd", "root:x:0:0::/root:\na:x:77:0::/home/a:\n");
        let text = "# ssh-rsa comment\nssh-ed25519 AAAAC3 a b@c \n\tssh-rsa\tAAAAB3\n\
                    from=\"10.0.0.0/8\",command=\"echo \\\"ssh-rsa x\\\"\" ecdsa-sha2-nistp256 AAAAE2 x\n\
                    cert-authority sk-ssh-ed25519@openssh.com AAAAG\n1024 35 12345 old@protocol\nssh-rsa\ngarbage\n\
                    restrict ssh-rsa\n";
        tree.file("/home/a/.ssh/authorized_keys", text).file("/home/a/.ssh/authorized_keys2", "ssh-dss AAAAB4 2\n");
        tree.file("/etc/dropbear/authorized_keys", "ssh-rsa AAAAB5 router\n");
        let wanted = [
            ["ssh-ed25519", "AAAAC3", "", "a b@c"],
            ["ssh-rsa", "AAAAB3", "", ""],
            ["ecdsa-sha2-nistp256", "AAAAE2", "from=\"10.0.0.0/8\",command=\"echo \\\"ssh-rsa x\\\"\"", "x"],
            ["sk-ssh-ed25519@openssh.com", "AAAAG", "cert-authority", ""],
            ["ssh-dss", "AAAAB4", "", "2"],
        ];
        assert_eq!(tree.rows("SELECT algorithm, key, options, comment FROM authorized_keys WHERE uid = 77"), wanted);
        let sql = "SELECT username, authorized_keys.* FROM users CROSS JOIN authorized_keys USING (uid) WHERE uid = 0";
        let roots = ["root", "0", "ssh-rsa", "AAAAB5", "", "router", "/etc/dropbear/authorized_keys"];
        assert_eq!(tree.rows(sql), [roots]);
    }

    #[test]
    fn ssh_keygen_makes_such_lines() {
        let tree = Tree::new("authorized_keys-keygen");
        tree.file("/etc/passwd", "a:x:77:0::/home/a:\n").file("/home/a/.ssh/.keep", "");
        for kind in ["ed25519", "ecdsa"] {
            let path = tree.place(format!("/home/a/.ssh/{kind}"));
            if host("ssh-keygen", &["-q", "-t", kind, "-N", "", "-C", "two words", "-f", path.to_str().unwrap()])
                .is_none()
            {
                println!("skipped: needs ssh-keygen");
                return;
            }
            let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
            tree.file("/home/a/.ssh/authorized_keys", &public);
            let sql = "SELECT algorithm || ' ' || key || ' ' || comment FROM authorized_keys WHERE uid = 77";
            assert_eq!(tree.rows(sql), [[public.trim_end()]]);
        }
    }
}
