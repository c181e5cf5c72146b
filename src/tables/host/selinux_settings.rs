//! `selinux_settings`: what SELinux enforces, from selinuxfs (`security/selinux/selinuxfs.c`) at /sys/fs/selinux or
//! /selinux: the mode and version (scope ''), booleans, policy capabilities, initial contexts, and the permissions of
//! each class (thousands), a file at a time. No rows without SELinux.

use crate::sql::table::{Column, Each, Query, Table, Type, Value, column};
use std::ffi::OsString;
use std::path::PathBuf;

const COLUMNS: &[Column] = &[
    column("scope", Type::Text, 0, "booleans, policy_capabilities, initial_contexts, class; empty: the whole system."),
    column("key", Type::Text, 0, "Name of the setting; of a class its name and /perms."),
    column("value", Type::Text, 0, "Value; on or off for booleans, a permission's name for classes."),
];

const PLACES: [&str; 2] = ["/sys/fs/selinux", "/selinux"];
const WHOLE: [&str; 6] = ["checkreqprot", "deny_unknown", "enforce", "mls", "policyvers", "reject_unknown"];
const SCOPES: [&str; 3] = ["booleans", "policy_capabilities", "initial_contexts"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "selinux_settings",
    help: "SELinux mode, booleans, capabilities, contexts and classes",
    columns: COLUMNS,
    open: |query| {
        let place = PLACES.into_iter().find(|place| query.context.root.exists(format!("{place}/enforce")));
        Ok(match place {
            Some(place) => Each::of(rows(query, place)),
            None => Each::of(|| None),
        })
    },
};

fn rows(query: Query, place: &'static str) -> impl FnMut() -> Option<Vec<Value>> {
    let context = query.context.clone();
    let whole = WHOLE.into_iter().map(|key| ("", OsString::from(key)));
    let names = query.context.clone();
    let scoped = SCOPES
        .into_iter()
        .flat_map(move |scope| names.root.names(format!("{place}/{scope}")).map(move |key| (scope, key)));
    let mut settings = whole.chain(scoped).filter_map(move |(scope, key)| {
        let path = PathBuf::from(place).join(scope).join(&key);
        let mut value = context.root.line(path);
        // A context comes with the NUL that ends it.
        value.truncate(value.iter().position(|&byte| byte == 0).unwrap_or(value.len()));
        let value = match (scope, value.as_slice()) {
            (_, b"") => return None,
            // What is in force, and what would be after a commit.
            ("booleans", [b'0', ..]) => b"off",
            ("booleans", [b'1', ..]) => &b"on"[..],
            (_, value) => value,
        };
        Some([scope.as_bytes(), key.as_encoded_bytes(), value].map(Value::text).to_vec())
    });
    let context = query.context.clone();
    let mut classes = query.context.root.names(format!("{place}/class")).flat_map(move |class| {
        let key = PathBuf::from(class).join("perms");
        let permissions = context.root.names(PathBuf::from(place).join("class").join(&key));
        permissions.map(move |name| {
            vec![
                Value::text("class"),
                Value::text(key.as_os_str().as_encoded_bytes()),
                Value::text(name.as_encoded_bytes()),
            ]
        })
    });
    move || settings.next().or_else(|| classes.next())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn a_system_that_enforces() {
        for place in ["/sys/fs/selinux", "/selinux"] {
            let tree = Tree::new("selinux");
            assert!(tree.rows("select * from selinux_settings").is_empty());
            for (path, text) in [
                ("enforce", "1"),
                ("mls", "1"),
                ("policyvers", "33\n"),
                ("booleans/httpd_can_network_connect", "1 1"),
                ("booleans/ftpd_anon_write", "0 1"),
                ("booleans/empty", ""),
                ("policy_capabilities/open_perms", "1"),
                ("initial_contexts/kernel", "system_u:system_r:kernel_t:s0\0"),
                ("class/file/index", "6"),
                ("class/file/perms/read", "2"),
                ("class/file/perms/write", "3"),
                ("class/odd", "x"),
            ] {
                tree.file(format!("{place}/{path}"), text);
            }
            let wanted = [
                ["", "enforce", "1"],
                ["", "mls", "1"],
                ["", "policyvers", "33"],
                ["booleans", "ftpd_anon_write", "off"],
                ["booleans", "httpd_can_network_connect", "on"],
                ["class", "file/perms", "read"],
                ["class", "file/perms", "write"],
                ["initial_contexts", "kernel", "system_u:system_r:kernel_t:s0"],
                ["policy_capabilities", "open_perms", "1"],
            ];
            assert_eq!(tree.rows("select * from selinux_settings order by 1, 2, 3"), wanted);
        }
    }

    #[test]
    fn this_machine() {
        let enforce = std::fs::read_to_string("/sys/fs/selinux/enforce").ok();
        let ours = rows("", "select value from selinux_settings where key = 'enforce'");
        match enforce {
            Some(enforce) => assert_eq!(ours, [[enforce.trim()]]),
            None => {
                println!("skipped: needs SELinux");
                assert!(ours.is_empty());
            }
        }
    }
}
