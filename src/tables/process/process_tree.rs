//! `process_tree`: every living process in its place among its relatives. The rows come in the order of the tree,
//! parents before children and these by pid, so that `SELECT pid, drawn FROM process_tree` is a picture of it. Ours:
//! osquery has no such table. What else is known of a process is joined: `process_tree JOIN processes USING (pid)`.
//!
//! From /proc/PID/stat, all of them first: some 130 bytes for a process. Processes come and go meanwhile; one whose
//! parent is not there is a root, as are the first ones (1 and 2, with parent 0). Should pids have been used again so
//! fast that parents go round in a circle, its lowest pid is the root.

use super::living::{Held, Living};
use crate::procfs::stat;
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column};
use crate::sys::dir::Name;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("pid", Type::BigInt, 0, "Process id."),
    column("parent", Type::BigInt, 0, "Parent's pid; 0: none."),
    column("depth", Type::Integer, 0, "Number of ancestors; 0 for the first."),
    column("name", Type::Text, 0, "Command name, as in processes."),
    column("drawn", Type::Text, 0, "The name, two blanks before it for each ancestor."),
    column("names", Type::Text, 0, "Names from the first ancestor down to the process, with / between them."),
    column("pids", Type::Text, 0, "Pids likewise: those below pid 7 are LIKE '%/7/%' with a / put before."),
    column("children", Type::Integer, 0, "Number of its children."),
    column("descendants", Type::Integer, 0, "Number of its children, their children and so on."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_tree",
    help: "Running processes as a tree, in its order",
    columns: COLUMNS,
    open: |query| {
        let mut held = Held::new(&query.context);
        let (processes, names) = read(&query.context, &mut held)?;
        Ok(Box::new(Scan { tree: Tree::of(processes, names), _held: held, row: 0 }))
    },
};

/// Ancestors that `names` and `pids` go back at most; where there are more they begin with `...`. Together with the
/// most processes a kernel allows this bounds what a hostile chain of forks can make of them.
const MOST_ANCESTORS: usize = 1000;

/// A process, and where it stands. Indices are those of [`Tree::processes`].
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    pid: u32,
    ppid: u32,
    /// Where in [`Tree::names`] its name lies.
    name: (usize, usize),
    parent: Option<usize>,
    first_child: Option<usize>,
    next_sibling: Option<usize>,
    is_placed: bool,
    depth: usize,
    children: usize,
    descendants: usize,
}

fn read(context: &Rc<Context>, held: &mut Held) -> Result<(Vec<Process>, Vec<u8>), TableError> {
    let (mut processes, mut names, mut text) = (Vec::new(), Vec::new(), vec![0u8; 1024]);
    let mut living = Living::all(context);
    while let Some((pid, proc)) = living.next_pid().zip(living.proc()) {
        let Ok(length) = proc.read(&Name::number(pid).with(b"/stat"), &mut text) else { continue };
        let Some(stat) = text.get(..length).and_then(stat::parse) else { continue };
        let name = (names.len(), names.len() + stat.comm.len());
        names.extend_from_slice(stat.comm);
        let ppid = u32::try_from(stat.ppid).unwrap_or(0);
        insert(&mut processes, Process { pid, ppid, name, ..Process::default() });
        held.grow(processes.capacity() * size_of::<Process>() + names.capacity())?;
    }
    Ok((processes, names))
}

/// Keeps `processes` in the order of pids, in which /proc lists them anyway.
fn insert(processes: &mut Vec<Process>, process: Process) {
    let place = processes.partition_point(|other| other.pid < process.pid);
    if processes.get(place).is_none_or(|other| other.pid != process.pid) {
        processes.insert(place, process);
    }
}

/// The processes, by pid, and the order of their rows.
struct Tree {
    processes: Vec<Process>,
    names: Vec<u8>,
    order: Vec<usize>,
}

impl Tree {
    /// `processes` must be in the order of pids.
    fn of(processes: Vec<Process>, names: Vec<u8>) -> Self {
        let mut tree = Tree { order: Vec::with_capacity(processes.len()), processes, names };
        tree.link();
        let indices = 0..tree.processes.len();
        for root in indices.clone().filter(|index| tree.process(*index).parent.is_none()).collect::<Vec<_>>() {
            tree.place(root);
        }
        for root in indices {
            if !tree.process(root).is_placed {
                tree.change(root, |process| process.parent = None);
                tree.place(root);
            }
        }
        for &index in tree.order.iter().rev() {
            let Process { parent, descendants, .. } = tree.processes.get(index).copied().unwrap_or_default();
            if let Some(parent) = parent.and_then(|parent| tree.processes.get_mut(parent)) {
                parent.children += 1;
                parent.descendants += descendants + 1;
            }
        }
        tree
    }

    fn process(&self, index: usize) -> Process {
        self.processes.get(index).copied().unwrap_or_default()
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Process)) {
        self.processes.get_mut(index).map(change);
    }

    /// Finds parents, and hangs every process into the list of its parent's children.
    fn link(&mut self) {
        // From the last to the first, each before the others, so that the lists are in the order of pids.
        for index in (0..self.processes.len()).rev() {
            let Process { pid, ppid, .. } = self.process(index);
            let found = self.processes.binary_search_by_key(&ppid, |process| process.pid).ok();
            let Some(parent) = found.filter(|_| ppid != pid) else { continue };
            let next_sibling = self.process(parent).first_child;
            self.change(parent, |process| process.first_child = Some(index));
            self.change(index, |process| (process.parent, process.next_sibling) = (Some(parent), next_sibling));
        }
    }

    /// Gives a root and everything below it their places.
    fn place(&mut self, root: usize) {
        let mut stack = vec![(root, 0)];
        while let Some((index, depth)) = stack.pop() {
            let process = self.process(index);
            if process.is_placed {
                continue;
            }
            self.change(index, |process| (process.is_placed, process.depth) = (true, depth));
            self.order.push(index);
            let start = stack.len();
            let mut child = process.first_child;
            while let Some(index) = child {
                stack.push((index, depth + 1));
                child = self.process(index).next_sibling;
            }
            stack.get_mut(start..).unwrap_or(&mut []).reverse();
        }
    }

    fn name(&self, process: &Process) -> &[u8] {
        self.names.get(process.name.0..process.name.1).unwrap_or(&[])
    }

    /// What `text` says of a process and all its ancestors, the first one first.
    fn path(&self, process: &Process, text: impl Fn(&Process, &mut Vec<u8>)) -> Value {
        let mut chain = vec![*process];
        let mut parent = process.parent;
        while let Some(index) = parent.filter(|_| chain.len() < MOST_ANCESTORS) {
            chain.push(self.process(index));
            parent = self.process(index).parent;
        }
        let mut path = if parent.is_some() { b"...".to_vec() } else { Vec::new() };
        for process in chain.iter().rev() {
            if !path.is_empty() {
                path.push(b'/');
            }
            text(process, &mut path);
        }
        Value::Text(path)
    }
}

struct Scan {
    tree: Tree,
    _held: Held,
    /// Counted from 1.
    row: usize,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.row += 1;
        Ok(self.row <= self.tree.order.len())
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let tree = &self.tree;
        let process = tree.process(tree.order.get(self.row.saturating_sub(1)).copied().unwrap_or(usize::MAX));
        Ok(match column {
            0 => i64::from(process.pid).into(),
            1 => i64::from(process.ppid).into(),
            2 => (process.depth as i64).into(),
            3 => Value::text(tree.name(&process)),
            4 => Value::Text([vec![b' '; 2 * process.depth].as_slice(), tree.name(&process)].concat()),
            5 => tree.path(&process, |process, text| text.extend_from_slice(tree.name(process))),
            6 => tree.path(&process, |process, text| text.extend_from_slice(process.pid.to_string().as_bytes())),
            7 => (process.children as i64).into(),
            _ => (process.descendants as i64).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::started;
    use super::*;
    use crate::sql::testing::{self, host, rows};
    use std::collections::BTreeMap;
    use std::process::Command;

    fn tree_of(pairs: &[(u32, u32)]) -> Tree {
        let mut processes = Vec::new();
        for &(pid, ppid) in pairs {
            insert(&mut processes, Process { pid, ppid, ..Process::default() });
        }
        Tree::of(processes, Vec::new())
    }

    fn tree(pairs: &[(u32, u32)]) -> Vec<(u32, usize, usize)> {
        let tree = tree_of(pairs);
        let shown = |index: &usize| {
            let process = tree.process(*index);
            (process.pid, process.depth, process.descendants)
        };
        tree.order.iter().map(shown).collect()
    }

    #[test]
    fn order_depth_and_number_of_descendants() {
        assert_eq!(tree(&[]), []);
        let plain = [(30, 7), (1, 0), (7, 1), (2, 0), (9, 1), (8, 7), (40, 2)];
        let wanted = [(1, 0, 4), (7, 1, 2), (8, 2, 0), (30, 2, 0), (9, 1, 0), (2, 0, 1), (40, 1, 0)];
        assert_eq!(tree(&plain), wanted);
        // Parents that are gone, their own parents, twice there.
        assert_eq!(tree(&[(5, 4), (6, 6), (6, 6), (7, 99)]), [(5, 0, 0), (6, 0, 0), (7, 0, 0)]);
    }

    #[test]
    fn circles_end() {
        assert_eq!(tree(&[(5, 6), (6, 5)]), [(5, 0, 1), (6, 1, 0)]);
        let found = tree(&[(1, 0), (5, 7), (6, 5), (7, 6), (8, 7), (9, 1)]);
        assert_eq!(found, [(1, 0, 1), (9, 1, 0), (5, 0, 3), (6, 1, 2), (7, 2, 1), (8, 3, 0)]);
    }

    #[test]
    fn a_chain_as_long_as_the_kernel_allows() {
        let chain: Vec<_> = (1..=32_768).map(|pid| (pid, pid - 1)).collect();
        let found = tree(&chain);
        assert_eq!((found.len(), found.last()), (32_768, Some(&(32_768, 32_767, 0))));
        let tree = tree_of(&chain);
        let pids = tree.path(&tree.process(32_767), |process, text| text.extend(process.pid.to_string().bytes()));
        let Value::Text(pids) = pids else { panic!("no text") };
        assert!(pids.starts_with(b".../31769/31770/") && pids.ends_with(b"/32768"));
    }

    #[test]
    fn columns_of_a_small_tree() {
        let tree = testing::Tree::new("process-tree");
        let stat = |pid: u32, name: &str, ppid: u32| {
            let text = format!("{pid} ({name}) S {ppid} 0 0 0 -1 0 0 0 0 0 5 6 7 8 20 -5 3 0 12345 4096 17 1\n");
            tree.file(format!("/proc/{pid}/stat"), text);
        };
        stat(1, "init", 0);
        stat(20, "a) (b", 1);
        stat(300, "sh", 20);
        tree.file("/proc/4/stat", "4 (torn").file("/proc/5/x", "");
        let wanted = [
            ["1", "0", "0", "init", "init", "init", "1", "1", "2"],
            ["20", "1", "1", "a) (b", "  a) (b", "init/a) (b", "1/20", "1", "1"],
            ["300", "20", "2", "sh", "    sh", "init/a) (b/sh", "1/20/300", "0", "0"],
        ];
        assert_eq!(tree.rows("SELECT * FROM process_tree"), wanted);
    }

    #[test]
    fn a_child_of_ours_stands_below_us_and_the_rest_as_ps_has_it() {
        let mut child = started(Command::new("sleep").arg("60"));
        let found = rows("", "SELECT pid, parent, depth, name, pids FROM process_tree");
        let shown = host("ps", &["-eo", "pid=,ppid="]);
        child.kill().unwrap();
        child.wait().unwrap();
        let row = found.iter().find(|row| row[0] == child.id().to_string()).unwrap();
        let us = std::process::id();
        assert_eq!((row[1].as_str(), row[3].as_str()), (us.to_string().as_str(), "sleep"));
        assert!(row[4].ends_with(&format!("/{us}/{}", child.id())) || row[4] == format!("{us}/{}", child.id()));
        let depths: BTreeMap<_, i64> = found.iter().map(|row| (&row[0], row[2].parse().unwrap())).collect();
        for row in &found {
            assert_eq!(row[2] == "0", !depths.contains_key(&row[1]), "{row:?}");
            assert!(depths.get(&row[1]).is_none_or(|depth| depth + 1 == depths[&row[0]]), "{row:?}");
        }
        let Some(shown) = shown else {
            println!("skipped: needs ps");
            return;
        };
        let parents: BTreeMap<_, _> =
            shown.lines().filter_map(|line| line.trim().split_once(char::is_whitespace)).collect();
        let same =
            found.iter().filter(|row| parents.get(row[0].as_str()).is_some_and(|parent| parent.trim() == row[1]));
        // A few may have come, gone or been orphaned between the two.
        assert!(same.count() + 20 >= found.len().max(parents.len()));
    }
}
