//! `suid_bin`: regular files with the set-user-id or set-group-id bit in the directories where programs lie, and all below
//! them, by a [`Walk`] for each and statx(2) for each file. Names of users and groups from /etc/passwd and /etc/group, read
//! once (8 MiB at most); whose id has no name is shown by its number. A link among the files is not followed. Cost: a statx
//! a file.

use super::namespace::Namespace;
use super::pattern::Pattern;
use super::walk::Walk;
use crate::sql::table::{ADDITIONAL, Column, Cursor, HIDDEN, Table, TableError, Type, Value, column};
use crate::sys::directory::{Kind, Status};
use crate::sys::root::MOST_BYTES;
use std::io::Read;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, 0, "Path of the program."),
    column("username", Type::Text, 0, "Its owner."),
    column("groupname", Type::Text, 0, "Its group."),
    column("permissions", Type::Text, 0, "S: it runs as its owner; G: as its group; SG: both."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Process as which to see files; 0: this one."),
];

/// Where programs lie, and /tmp, where none should.
const DIRECTORIES: [&str; 7] =
    ["/bin/%%", "/sbin/%%", "/usr/bin/%%", "/usr/sbin/%%", "/usr/local/bin/%%", "/usr/local/sbin/%%", "/tmp/%%"];
const PID: usize = 4;
const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "suid_bin",
    help: "Programs with the set-user-id or set-group-id bit",
    columns: COLUMNS,
    open: |query| {
        let namespace = Namespace::of(&query, PID);
        let patterns = DIRECTORIES.iter().map(|directory| Pattern::like(directory.as_bytes(), b"")).collect();
        let walk = Walk::new(&query.context, patterns, namespace.pid());
        let text = |path: &str| {
            let file = Walk::to(&query.context, path.as_bytes(), namespace.pid()).and_then(|mut walk| walk.open().ok());
            let mut text = Vec::new();
            if let Some(file) = file {
                let _ = file.take(MOST_BYTES).read_to_end(&mut text);
            }
            text
        };
        let (users, groups) = (text("/etc/passwd"), text("/etc/group"));
        Ok(Box::new(Scan { walk, namespace, users, groups, status: Status::default() }))
    },
};

struct Scan {
    walk: Walk,
    namespace: Namespace,
    users: Vec<u8>,
    groups: Vec<u8>,
    status: Status,
}

/// The name of an id in the text of /etc/passwd or /etc/group (passwd(5), group(5)), or the id.
fn name_of(database: &[u8], id: u32) -> Vec<u8> {
    let id = id.to_string().into_bytes();
    let name = database.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_vec())
    });
    name.unwrap_or(id)
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while self.walk.advance()? {
            if !matches!(self.walk.kind(), Kind::Regular | Kind::Unknown) {
                continue;
            }
            match self.walk.status(false) {
                Ok(status) if status.kind == Kind::Regular && status.mode & (SETUID | SETGID) != 0 => {
                    self.status = status;
                    return Ok(true);
                }
                _ => {}
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let bit = |bit: u32, letter: &'static str| if self.status.mode & bit != 0 { letter } else { "" };
        Ok(match column {
            0 => Value::Text(self.walk.path()),
            1 => Value::Text(name_of(&self.users, self.status.uid)),
            2 => Value::Text(name_of(&self.groups, self.status.gid)),
            3 => Value::text([bit(SETUID, "S"), bit(SETGID, "G")].concat()),
            _ => self.namespace.pid().unwrap_or(0).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn bits_owner_and_group_are_told() {
        let tree = Tree::new("suid-bits");
        tree.file("bin/su", "").file("bin/plain", "").file("usr/sbin/deep/er/both", "").file("opt/su", "");
        tree.link("bin/link", "su").link("sbin", "usr/sbin");
        let set = |path: &str, mode| {
            std::fs::set_permissions(tree.place(path), std::fs::Permissions::from_mode(mode)).unwrap()
        };
        for (path, mode) in [("bin/su", 0o4755), ("usr/sbin/deep/er/both", 0o6755), ("opt/su", 0o4755)] {
            set(path, mode);
        }
        let (uid, gid) = std::fs::metadata(tree.place("bin/su")).map(|status| (status.uid(), status.gid())).unwrap();
        tree.file("etc/passwd", format!("broken\n:::\nme:x:{uid}:0::/:/bin/sh\n"))
            .file("etc/group", "other:x:4294967295:\n");
        let found =
            tree.rows("SELECT path, username, groupname, permissions, pid_with_namespace FROM suid_bin ORDER BY path");
        let gid = gid.to_string();
        let row =
            |path: &'static str, letters: &'static str| [path, "me", &gid, letters, "0"].map(str::to_string).to_vec();
        assert_eq!(found, [row("/bin/su", "S"), row("/sbin/deep/er/both", "SG"), row("/usr/sbin/deep/er/both", "SG")]);
    }

    #[test]
    fn the_hosts_are_those_that_find_finds() {
        let arguments = ["/usr/bin/", "/usr/sbin/", "-type", "f", "-perm", "/6000", "-printf", "%p|%u|%g\\n"];
        let Some(theirs) = host("find", &arguments) else { return println!("skipped: needs find") };
        let mut theirs: Vec<_> = theirs.lines().map(str::to_string).collect();
        let sql =
            "SELECT path, username, groupname FROM suid_bin WHERE path LIKE '/usr/bin/%' OR path LIKE '/usr/sbin/%'";
        let mut ours: Vec<_> = rows("", sql).into_iter().map(|row| row.join("|")).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
    }
}
