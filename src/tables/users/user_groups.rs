//! `user_groups`: who is in which group, from /etc/passwd and /etc/group alone (no name service switch: see `users`).
//! First each uid with its primary group, then the members that the groups name; a pair comes once. Of accounts with
//! the same uid the first counts, as osquery has it. Memory: the accounts' names, and 8 bytes and a tree's share per
//! row.

use super::passwd;
use crate::sql::table::{Column, Each, INDEX, OPTIMIZED, Query, Table, Type, column};
use crate::sys::root::Lines;
use std::collections::BTreeSet;

const COLUMNS: &[Column] =
    &[column("uid", Type::BigInt, INDEX | OPTIMIZED, "User id."), column("gid", Type::BigInt, INDEX, "Group id.")];

const UID: usize = 0;
const GID: usize = 1;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "user_groups",
    help: "Who is in which group, primary or not",
    columns: COLUMNS,
    open: |query| {
        let mut scan = Scan::new(query);
        Ok(Each::of(move || {
            loop {
                let (uid, gid) = scan.next_pair()?;
                let wanted = scan.query.equal(GID).is_none_or(|wanted| wanted.as_integer() == Some(gid.into()));
                if wanted && scan.seen.insert(i64::from(uid) << 32 | i64::from(gid)) {
                    return Some(vec![i64::from(uid).into(), i64::from(gid).into()]);
                }
            }
        }))
    },
};

struct Scan {
    query: Query,
    /// Accounts by name.
    accounts: Vec<(Vec<u8>, u32)>,
    /// (uid, gid), from its end on.
    primary: Vec<(u32, u32)>,
    groups: Option<Lines>,
    gid: u32,
    /// uids of the group's line that are not told yet.
    members: Vec<u32>,
    seen: BTreeSet<i64>,
}

impl Scan {
    fn new(query: Query) -> Self {
        let (mut accounts, mut primary) = (Vec::new(), Vec::new());
        let mut uids = BTreeSet::new();
        let mut lines = query.context.root.lines("/etc/passwd").ok();
        while let Some(line) = lines.as_mut().and_then(Lines::next_line) {
            let Some(account) = passwd::account(line) else { continue };
            let uid = i64::from(account.uid);
            let wanted = query.equal(UID).is_none_or(|wanted| wanted.as_integer() == Some(uid));
            if wanted && uids.insert(uid) {
                accounts.push((account.name.to_vec(), account.uid));
                primary.push((account.uid, account.gid));
            }
        }
        accounts.sort_unstable();
        primary.reverse();
        let groups = query.context.root.lines("/etc/group").ok().filter(|_| !accounts.is_empty());
        Scan { query, accounts, primary, groups, gid: 0, members: Vec::new(), seen: BTreeSet::new() }
    }

    /// The next pair, which may have come before.
    fn next_pair(&mut self) -> Option<(u32, u32)> {
        if let Some(pair) = self.primary.pop() {
            return Some(pair);
        }
        loop {
            if let Some(uid) = self.members.pop() {
                return Some((uid, self.gid));
            }
            let Some(group) = passwd::group(self.groups.as_mut()?.next_line()?) else { continue };
            self.gid = group.gid;
            let accounts = &self.accounts;
            let uid = |name: &[u8]| {
                let found = accounts.binary_search_by(|(other, _)| other.as_slice().cmp(name)).ok()?;
                accounts.get(found).map(|(_, uid)| *uid)
            };
            self.members.extend(group.members().filter_map(uid));
            self.members.reverse();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn pairs_of_a_fixture() {
        let tree = Tree::new("user_groups");
        tree.file("/etc/passwd", "root:x:0:0::/root:\na:x:1000:1000::/home/a:\nb:x:1001:100::/:\na2:x:1000:7::/:\n");
        let groups = "root:x:0:root\nadm:x:4:b,a,a,stranger\nadm2:x:4:a\nlast:x:9:a2,b\na:x:1000:\n";
        tree.file("/etc/group", groups);
        let all = [["0", "0"], ["1000", "1000"], ["1001", "100"], ["1001", "4"], ["1000", "4"], ["1001", "9"]];
        assert_eq!(tree.rows("SELECT * FROM user_groups"), all);
        assert_eq!(tree.rows("SELECT * FROM user_groups WHERE uid = 1000"), [all[1], all[4]]);
        assert_eq!(tree.rows("SELECT uid FROM user_groups WHERE gid = 4"), [["1001"], ["1000"]]);
        assert_eq!(tree.rows("SELECT uid FROM user_groups WHERE uid = 5 OR gid = 5").len(), 0);
        let sql = "SELECT username, groupname FROM users u JOIN user_groups ug ON ug.uid = u.uid \
                   JOIN groups g ON g.gid = ug.gid";
        // The second account of uid 1000 has the first one's groups; group 100 has no line.
        assert_eq!(tree.rows(sql).len(), 7);
    }

    #[test]
    fn id_knows_the_same() {
        for user in rows("", "SELECT uid, username FROM users GROUP BY uid") {
            let Some(groups) = host("id", &["-G", &user[1]]) else {
                println!("skipped: needs id");
                return;
            };
            let mut theirs: Vec<_> = groups.split_whitespace().map(str::to_string).collect();
            let ours = rows("", &format!("SELECT gid FROM user_groups WHERE uid = {}", user[0]));
            let mut ours: Vec<_> = ours.into_iter().flatten().collect();
            theirs.sort_unstable();
            theirs.dedup();
            ours.sort_unstable();
            assert_eq!(ours, theirs, "{user:?}");
        }
    }
}
