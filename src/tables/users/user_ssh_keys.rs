//! `user_ssh_keys`: files in ~/.ssh that hold a private key, and what their form tells without the passphrase: see
//! `private_key`. Of an encrypted key in OpenSSH's format kind and length stand in the open; of one in the old PEM form
//! the kind alone; of encrypted PKCS#8 nothing. Kinds are osquery's (rsa, dsa, dh, ec) and ed25519, ed448, for which
//! osquery has ''. Numbers that are not known are -1.
//!
//! Bound: the first 64 KiB of each file are read. Links in the home are not followed: see `homes`.

use super::homes::{Owner, Owners};
use super::private_key;
use crate::sql::table::{ADDITIONAL, Column, Each, HIDDEN, INDEX, OPTIMIZED, Query, Table, Type, Value, column};
use crate::sys::root::Names;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column(
        "uid",
        Type::BigInt,
        ADDITIONAL | OPTIMIZED,
        "The user whose file it is; without a constraint, the user who asks.",
    ),
    column("path", Type::Text, INDEX, "Path of the file."),
    column("encrypted", Type::Integer, 0, "A passphrase protects it: 1 yes, 0 no."),
    column("key_type", Type::Text, 0, "rsa, dsa, dh, ec, ed25519 or ed448; empty: not known."),
    column("key_group_name", Type::Text, 0, "Curve of an ec key in OpenSSL's words."),
    column("key_length", Type::Integer, 0, "Length of the modulus or curve, bits; -1: not known."),
    column("key_security_bits", Type::Integer, 0, "Bits of security (NIST SP 800-57); -1: not known."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Always 0: this machine's own files are read."),
];

const UID: usize = 0;
const PATH: usize = 1;
/// How much of a file is looked at, bytes.
const LOOKED_AT: u64 = 64 << 10;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "user_ssh_keys",
    help: "Private ssh keys in users' homes",
    columns: COLUMNS,
    open: |query| {
        let mut owners = Owners::of(&query, TABLE.name, UID);
        let mut folder: Option<(Owner, Names)> = None;
        Ok(Each::of(move || {
            loop {
                if let Some((owner, names)) = &mut folder {
                    match names.find_map(|name| row(&query, owner, name.as_bytes())) {
                        None => folder = None,
                        row => return row,
                    }
                }
                let owner = owners.next()?;
                let names = query.context.root.names_in_home(owner.home(), ".ssh");
                folder = Some((owner, names));
            }
        }))
    },
};

fn row(query: &Query, owner: &Owner, name: &[u8]) -> Option<Vec<Value>> {
    let below = [b".ssh/", name].concat();
    let path = owner.path(&below);
    if query.equal(PATH).is_some_and(|wanted| !matches!(wanted, Value::Text(wanted) if *wanted == path)) {
        return None;
    }
    let file = query.context.root.open_in_home(owner.home(), OsStr::from_bytes(&below)).ok()?;
    let mut text = Vec::new();
    file.take(LOOKED_AT).read_to_end(&mut text).ok()?;
    let key = private_key::parse(&text)?;
    let number = |number: Option<u32>| Value::Integer(number.map_or(-1, i64::from));
    Some(vec![
        i64::from(owner.uid).into(),
        Value::Text(path),
        i64::from(key.encrypted).into(),
        Value::text(key.kind),
        Value::text(key.group),
        number(key.bits),
        number(key.security_bits()),
        0.into(),
    ])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host};

    const SQL: &str = "SELECT substr(path, 14), encrypted, key_type, key_group_name, key_length, key_security_bits \
                       FROM users CROSS JOIN user_ssh_keys USING (uid) ORDER BY path";

    fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        tree.file("/etc/passwd", "a:x:77:0::/home/a:\n").file("/home/a/.ssh/known_hosts", "PRIVATE KEY\n");
        tree
    }

    #[test]
    fn keys_that_ssh_keygen_makes() {
        let tree = tree("user_ssh_keys");
        // Name, kind, bits, passphrase, format, and what the table shall say.
        let keys = [
            ("1", "rsa", "2048", "", "RFC4716", "0 rsa  2048 112"),
            ("2", "rsa", "3072", "secret", "RFC4716", "1 rsa  3072 128"),
            ("3", "rsa", "2048", "", "PEM", "0 rsa  2048 112"),
            ("4", "rsa", "2048", "secret", "PEM", "1 rsa  -1 -1"),
            ("5", "rsa", "4096", "", "PKCS8", "0 rsa  4096 152"),
            ("6", "rsa", "2048", "secret", "PKCS8", "1   -1 -1"),
            ("7", "ecdsa", "256", "", "RFC4716", "0 ec prime256v1 256 128"),
            ("8", "ecdsa", "384", "", "PEM", "0 ec secp384r1 384 192"),
            ("9", "ecdsa", "521", "", "PKCS8", "0 ec secp521r1 521 256"),
            ("a", "ecdsa", "256", "secret", "PEM", "1 ec  -1 -1"),
            ("b", "ed25519", "256", "", "RFC4716", "0 ed25519  256 128"),
            ("c", "ed25519", "256", "secret", "RFC4716", "1 ed25519  256 128"),
        ];
        let mut wanted = Vec::new();
        for (name, kind, bits, phrase, format, shown) in keys {
            let path = tree.place(format!("/home/a/.ssh/{name}"));
            let path = path.to_str().unwrap();
            let form = if format == "RFC4716" { vec![] } else { vec!["-m", format] };
            let options = [&["-q", "-t", kind, "-b", bits, "-N", phrase, "-f", path][..], &form].concat();
            if host("ssh-keygen", &options).is_none() {
                println!("skipped: needs ssh-keygen");
                return;
            }
            wanted.push(format!("{name} {shown}"));
            // What ssh-keygen says itself.
            let listed = host("ssh-keygen", &["-l", "-f", path]).unwrap();
            let length =
                format!("SELECT key_length FROM user_ssh_keys WHERE uid = 77 AND path = '/home/a/.ssh/{name}'");
            let length = tree.rows(&length)[0][0].clone();
            assert!(length == "-1" || listed.starts_with(&format!("{length} ")), "{name}: {length}, {listed}");
        }
        let shown: Vec<_> = tree.rows(SQL).iter().map(|row| row.join(" ")).collect();
        assert_eq!(shown, wanted);
    }

    #[test]
    fn keys_that_openssl_makes() {
        let tree = tree("user_ssh_keys-openssl");
        let keys = [
            ("1", &["genpkey", "-algorithm", "ED25519"][..], "0 ed25519  256 128"),
            ("2", &["genpkey", "-algorithm", "ED448"], "0 ed448  456 224"),
            ("3", &["ecparam", "-name", "secp256k1", "-genkey"], "0 ec secp256k1 256 128"),
            ("4", &["genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"], ""),
        ];
        let mut wanted = Vec::new();
        for (name, arguments, shown) in keys {
            let Some(pem) = host("openssl", arguments) else {
                println!("skipped: needs openssl");
                return;
            };
            tree.file(format!("/home/a/.ssh/{name}"), pem);
            if !shown.is_empty() {
                wanted.push(format!("{name} {shown}"));
            }
        }
        let shown: Vec<_> = tree.rows(SQL).iter().map(|row| row.join(" ")).collect();
        assert_eq!(shown, wanted);
    }

    #[test]
    fn links_and_large_files() {
        let tree = tree("user_ssh_keys-links");
        let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
        tree.file("/root/.ssh/id", sealed).link("/home/a/.ssh/id", "/root/.ssh/id").link("/home/a/.ssh/self", "self");
        tree.file("/home/a/.ssh/large", vec![b'\n'; 20 << 20]).file("/home/a/.ssh/own", sealed);
        tree.file("/home/a/.ssh/sub/own", sealed);
        assert_eq!(tree.rows(SQL), [["own", "1", "", "", "-1", "-1"]]);
    }
}
