//! `process_namespaces`: the namespaces that processes are in, from the links in /proc/PID/ns, which read
//! `net:[INODE]`. Where only the owner and root may follow them the texts are empty. A link is read when its column is
//! asked for.

use super::living::Living;
use crate::sql::table::{Column, Cursor, INDEX, LISTS, OPTIMIZED, Table, TableError, Type, Value, column};
use crate::sys::dir::{Dir, Name};

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, INDEX | OPTIMIZED | LISTS, "Process id."),
    column("cgroup_namespace", Type::Text, 0, "Inode of the control group namespace."),
    column("ipc_namespace", Type::Text, 0, "Inode of the namespace of System V and POSIX message queues."),
    column("mnt_namespace", Type::Text, 0, "Inode of the mount namespace."),
    column("net_namespace", Type::Text, 0, "Inode of the network namespace."),
    column("pid_namespace", Type::Text, 0, "Inode of the pid namespace."),
    column("user_namespace", Type::Text, 0, "Inode of the user namespace."),
    column("uts_namespace", Type::Text, 0, "Inode of the namespace of host and domain name."),
];

const PID: usize = 0;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_namespaces",
    help: "Linux namespaces of running processes",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan { living: Living::of(&query, PID), process: None })),
};

/// The inode of a namespace, from the link `at` that reads `kind:[INODE]`.
pub fn inode(dir: &Dir, at: &Name, kind: &[u8]) -> Option<u64> {
    let mut text = [0u8; 64];
    let length = dir.read_link(at, &mut text).ok()?;
    let inode = text.get(..length)?.strip_prefix(kind)?.strip_prefix(b":[")?.strip_suffix(b"]")?;
    std::str::from_utf8(inode).ok()?.parse().ok()
}

struct Scan {
    living: Living,
    process: Option<(u32, Dir)>,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.process = self.living.next_dir();
        Ok(self.process.is_some())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some((pid, dir)) = &self.process else { return Ok(Value::Null) };
        let Some(kind) = COLUMNS.get(column).and_then(|column| column.name.strip_suffix("_namespace")) else {
            return Ok(i64::from(*pid).into());
        };
        let inode = inode(dir, &Name::new(b"ns/").with(kind.as_bytes()), kind.as_bytes());
        Ok(Value::text(inode.map_or(String::new(), |inode| inode.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};
    use std::fs;

    #[test]
    fn links_as_they_should_be_and_others() {
        let tree = Tree::new("namespaces");
        tree.link("/proc/1/ns/net", "net:[4026531840]").link("/proc/1/ns/pid", "pid:[4026531836]");
        tree.link("/proc/2/ns/net", "mnt:[7]").link("/proc/2/ns/mnt", "mnt:[]").link("/proc/2/ns/uts", "uts:[1x]");
        tree.link("/proc/2/ns/user", &"user:[1".repeat(100)).file("/proc/2/ns/ipc", "ipc:[5]").file("/proc/3", "");
        let wanted = [["1", "", "", "", "4026531840", "4026531836", "", ""], ["2", "", "", "", "", "", "", ""]];
        assert_eq!(tree.rows("SELECT * FROM process_namespaces ORDER BY pid"), wanted);
        assert_eq!(tree.rows("SELECT net_namespace FROM process_namespaces WHERE pid = 1"), [["4026531840"]]);
        assert_eq!(tree.rows("SELECT * FROM process_namespaces WHERE pid = 3").len(), 0);
    }

    #[test]
    fn ours_are_where_the_links_lead() {
        let sql = format!("SELECT * FROM process_namespaces WHERE pid = {}", std::process::id());
        let found = rows("", &sql);
        let names = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
        for (name, inode) in names.iter().zip(&found[0][1..]) {
            let link = fs::read_link(format!("/proc/self/ns/{name}"));
            let wanted = link.map_or(String::new(), |link| link.display().to_string());
            let shown = if inode.is_empty() { String::new() } else { format!("{name}:[{inode}]") };
            assert_eq!(shown, wanted);
        }
    }
}
