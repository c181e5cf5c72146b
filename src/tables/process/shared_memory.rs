//! `shared_memory`: System V shared memory segments of our ipc namespace, from /proc/sysvipc/shm (`ipc/shm.c:
//! sysvipc_shm_proc_show`), which anybody may read. Streamed.

use crate::sql::table::{Column, Each, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("shmid", Type::Integer, 0, "Its id."),
    column("owner_uid", Type::BigInt, 0, "User id of the owner."),
    column("creator_uid", Type::BigInt, 0, "User id of who made it."),
    column("pid", Type::BigInt, 0, "Process that attached or detached it last."),
    column("creator_pid", Type::BigInt, 0, "Process that made it."),
    column("atime", Type::BigInt, 0, "Last attached, seconds since the epoch; 0: never."),
    column("dtime", Type::BigInt, 0, "Last detached, seconds since the epoch; 0: never."),
    column("ctime", Type::BigInt, 0, "Made or changed, seconds since the epoch."),
    column("permissions", Type::Text, 0, "Mode, four octal digits; the first says destroyed (1) and locked (2)."),
    column("size", Type::BigInt, 0, "Bytes."),
    column("attached", Type::Integer, 0, "How many times it is attached."),
    column("status", Type::Text, 0, "dest: it ends when it is detached for the last time."),
    column("locked", Type::Integer, 0, "1: locked in memory."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "shared_memory",
    help: "System V shared memory segments",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/proc/sysvipc/shm").unwrap_or_default();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = row(lines.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

const DESTROYED: i64 = 0o1000;
const LOCKED: i64 = 0o2000;

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace().skip(1);
    let id: i64 = words.next()?.parse().ok()?;
    let mode = i64::from_str_radix(words.next()?, 8).ok()?;
    let mut numbers = [0i64; 11];
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    let [size, creator_pid, pid, attached, owner, _, creator, _, atime, dtime, ctime] = numbers;
    Some(vec![
        id.into(),
        owner.into(),
        creator.into(),
        pid.into(),
        creator_pid.into(),
        atime.into(),
        dtime.into(),
        ctime.into(),
        Value::text(format!("{mode:04o}")),
        size.into(),
        attached.into(),
        Value::text(if mode & DESTROYED != 0 { "dest" } else { "" }),
        i64::from(mode & LOCKED != 0).into(),
    ])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const SHM: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
-559038737          7  3600              99999999999 10131 10132      2  1000  1000     0     0 1700000001 1700000002 1700000003                  4096                     0
         0      32770   644                  1000     1     0      0     0     0     0     0          0          0          5                     0                     0
         0      nonsense
         0      8   689 1
         0      9   600 1 2 3";

    #[test]
    fn lines_and_broken_ones() {
        let tree = Tree::new("shm");
        tree.file("/proc/sysvipc/shm", SHM);
        let first = "7 1000 0 10132 10131 1700000001 1700000002 1700000003 3600 99999999999 2 dest 1";
        let first: Vec<String> = first.split(' ').map(str::to_string).collect();
        let second = ["32770", "0", "0", "0", "1", "0", "0", "5", "0644", "1000", "0", "", "0"].map(str::to_string);
        assert_eq!(tree.rows("SELECT * FROM shared_memory"), [first, second.to_vec()]);
    }

    #[test]
    fn a_segment_of_ours_is_as_ipcs_shows_it() {
        let Some(made) = host("ipcmk", &["-M", "12345", "-p", "0640"]) else {
            println!("skipped: needs ipcmk");
            return;
        };
        let id = made.split_whitespace().last().unwrap().to_string();
        let sql = format!("SELECT size, permissions, attached, status, locked FROM shared_memory WHERE shmid = {id}");
        let found = rows("", &sql);
        let shown = host("ipcs", &["-m", "-i", &id]);
        host("ipcrm", &["-m", &id]);
        assert_eq!(found, [["12345", "0640", "0", "", "0"]]);
        let shown = shown.unwrap_or_default();
        assert!(shown.contains("bytes=12345") && shown.contains("mode=0640"), "{shown}");
        assert_eq!(rows("", &sql).len(), 0);
    }
}
