//! `apparmor_profiles`: profiles loaded into AppArmor, from /sys/kernel/security/apparmor/policy/profiles (one
//! directory per profile, its children below `profiles`; `security/apparmor/apparmorfs.c`), one at a time. Root only.
//! Bound: 16 deep.

use crate::sql::table::{Column, Each, INDEX, Query, Table, Type, Value, column};
use crate::sys::root::Names;
use std::path::PathBuf;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, INDEX, "Name with those of its parents before it, separated by //."),
    column("name", Type::Text, 0, "Name of the profile."),
    column("attach", Type::Text, 0, "Which executables it applies to."),
    column("mode", Type::Text, 0, "enforce, complain, kill or unconfined."),
    Column {
        collate: "NOCASE",
        ..column("sha1", Type::Text, 0, "SHA-1 of the loaded policy; newer kernels have none.")
    },
    Column { collate: "NOCASE", ..column("sha256", Type::Text, 0, "SHA-256 of the loaded policy; kernels from 6.8.") },
];

const PLACE: &str = "/sys/kernel/security/apparmor/policy/profiles";
/// Deepest child of a child.
const DEEPEST: usize = 16;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "apparmor_profiles",
    help: "Profiles loaded into AppArmor",
    columns: COLUMNS,
    open: |query| Ok(Each::of(rows(query))),
};

struct Level {
    names: Names,
    directory: PathBuf,
    /// Path of the parent profile, and //.
    prefix: Vec<u8>,
}

fn rows(query: Query) -> impl FnMut() -> Option<Vec<Value>> {
    let first = Level { names: query.context.root.names(PLACE), directory: PLACE.into(), prefix: vec![] };
    let mut levels = vec![first];
    move || {
        let root = &query.context.root;
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.names.next() else {
                levels.pop();
                continue;
            };
            let directory = level.directory.join(entry);
            let text = |file: &str| root.line(directory.join(file));
            let (name, mode) = (text("name"), text("mode"));
            if name.is_empty() && mode.is_empty() {
                continue;
            }
            let path = [level.prefix.as_slice(), &name].concat();
            let row = [path.clone(), name, text("attach"), mode, text("sha1"), text("sha256")];
            let children = directory.join("profiles");
            if levels.len() < DEEPEST && root.symlink_metadata(&children).is_ok_and(|status| status.is_dir()) {
                let prefix = [path.as_slice(), b"//"].concat();
                levels.push(Level { names: root.names(&children), directory: children, prefix });
            }
            return Some(row.map(Value::Text).to_vec());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::PLACE;
    use crate::sql::testing::{Tree, rows};

    fn profile(tree: &Tree, directory: &str, name: &str, attach: &str, mode: &str, sha1: &str) {
        for (file, text) in [("name", name), ("attach", attach), ("mode", mode), ("sha1", sha1)] {
            tree.file(format!("{PLACE}/{directory}/{file}"), format!("{text}\n"));
        }
    }

    #[test]
    fn profiles_and_their_children() {
        let tree = Tree::new("apparmor");
        let sql = "select * from apparmor_profiles order by path";
        assert!(tree.rows(sql).is_empty());
        profile(&tree, "usr.sbin.cupsd.5", "/usr/sbin/cupsd", "/usr/sbin/cupsd", "enforce", "AB12");
        profile(&tree, "usr.sbin.cupsd.5/profiles/third_party.6", "third_party", "<unknown>", "complain", "");
        profile(&tree, "lsb_release.1", "lsb_release", "<unknown>", "enforce", "cd");
        tree.file(format!("{PLACE}/lsb_release.1/sha256"), "ef\n").file(format!("{PLACE}/empty/other"), "");
        tree.link(format!("{PLACE}/lsb_release.1/profiles"), "../../profiles");
        let wanted = [
            ["/usr/sbin/cupsd", "/usr/sbin/cupsd", "/usr/sbin/cupsd", "enforce", "AB12", ""],
            ["/usr/sbin/cupsd//third_party", "third_party", "<unknown>", "complain", "", ""],
            ["lsb_release", "lsb_release", "<unknown>", "enforce", "cd", "ef"],
        ];
        assert_eq!(tree.rows(sql), wanted);
        assert_eq!(tree.rows("select name from apparmor_profiles where path = 'lsb_release'"), [["lsb_release"]]);
    }

    #[test]
    fn this_machine() {
        let Ok(said) = std::fs::read_to_string("/sys/kernel/security/apparmor/profiles") else {
            println!("skipped: needs AppArmor and root");
            return;
        };
        // Profiles of other namespaces begin with a colon.
        let mut wanted: Vec<_> = said.lines().filter(|line| !line.starts_with(':')).map(str::to_string).collect();
        wanted.sort();
        assert_eq!(
            rows("", "select path || ' (' || mode || ')' as l from apparmor_profiles order by l").concat(),
            wanted
        );
    }
}
