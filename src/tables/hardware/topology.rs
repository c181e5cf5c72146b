//! How many CPUs there are: from /sys/devices/system/cpu (two small files per CPU), else from /proc/cpuinfo.

use super::sysfs;
use crate::procfs::cpuinfo;
use crate::sys::root::Root;

/// Numbers of what is online; 0 where nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Topology {
    pub logical: i64,
    pub physical: i64,
    pub sockets: i64,
}

/// A CPU that comes first among its siblings stands for its core, one that comes first in its package for that. Older
/// kernels have other names for the two files (`Documentation/admin-guide/cputopology.rst`).
const CORE: [&str; 2] = ["core_cpus_list", "thread_siblings_list"];
const PACKAGE: [&str; 2] = ["package_cpus_list", "core_siblings_list"];

/// Counts them.
pub fn read(root: &Root) -> Topology {
    let mut counts = Topology::default();
    for cpu in sysfs::numbers_of_list(&root.line("/sys/devices/system/cpu/online")) {
        let is_first = |files: [&str; 2]| {
            let mut lists = files.into_iter().map(|file| {
                let list = root.line(format!("/sys/devices/system/cpu/cpu{cpu}/topology/{file}"));
                sysfs::numbers_of_list(&list).next()
            });
            lists.find_map(|first| first).map(|first| first == cpu)
        };
        counts.logical += 1;
        counts.physical += i64::from(is_first(CORE).unwrap_or(true));
        counts.sockets += i64::from(is_first(PACKAGE).unwrap_or(counts.sockets == 0));
    }
    if counts.logical > 0 { counts } else { from_cpuinfo(&root.read("/proc/cpuinfo").unwrap_or_default()) }
}

fn from_cpuinfo(text: &[u8]) -> Topology {
    let logical = cpuinfo::processors(text);
    let sockets = cpuinfo::packages(text).unwrap_or(1).min(logical);
    let cores = cpuinfo::field(text, b"cpu cores").and_then(sysfs::decimal).filter(|&cores| cores > 0);
    Topology { logical, physical: cores.map_or(logical, |cores| cores.saturating_mul(sockets)), sockets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, host};

    #[test]
    fn two_sockets_of_two_cores_of_two_threads_and_one_cpu_offline() {
        let tree = Tree::new("topology");
        assert_eq!(read(&Root::new(tree.path())), Topology::default());
        let place = "/sys/devices/system/cpu";
        tree.file(format!("{place}/online"), "0-6\n");
        for (cpu, core, package) in [
            (0, "0,4", "0-1,4-5"),
            (1, "1,5", "0-1,4-5"),
            (2, "2,6", "2-3,6"),
            (3, "3", "2-3,6"),
            (4, "0,4", "0-1,4-5"),
            (5, "1,5", "0-1,4-5"),
            (6, "2,6", "2-3,6"),
        ] {
            let (one, two) = if cpu % 2 == 0 { (CORE[0], PACKAGE[0]) } else { (CORE[1], PACKAGE[1]) };
            tree.file(format!("{place}/cpu{cpu}/topology/{one}"), format!("{core}\n"));
            tree.file(format!("{place}/cpu{cpu}/topology/{two}"), format!("{package}\n"));
        }
        assert_eq!(read(&Root::new(tree.path())), Topology { logical: 7, physical: 4, sockets: 2 });
    }

    #[test]
    fn without_sys() {
        let arm = b"processor : 0\n\nprocessor : 1\n";
        assert_eq!(from_cpuinfo(arm), Topology { logical: 2, physical: 2, sockets: 1 });
        let x86 = b"processor : 0\nphysical id : 0\ncpu cores : 2\n\nprocessor : 1\nphysical id : 0\ncpu cores : 2\n\n\
            processor : 2\nphysical id : 1\ncpu cores : 2\n\nprocessor : 3\nphysical id : 1\ncpu cores : 2\n";
        assert_eq!(from_cpuinfo(x86), Topology { logical: 4, physical: 4, sockets: 2 });
        let hostile = b"processor : 0\nphysical id : 9223372036854775807\ncpu cores : 9223372036854775807\n";
        assert!(from_cpuinfo(hostile).sockets <= 1);
    }

    #[test]
    fn this_machine() {
        let Some(table) = host("lscpu", &["-p=CPU,CORE,SOCKET"]) else {
            println!("skipped: needs lscpu");
            return;
        };
        let lines: Vec<Vec<&str>> =
            table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').collect()).collect();
        let distinct = |column: usize| {
            let values: std::collections::BTreeSet<_> = lines.iter().map(|line| line[column]).collect();
            values.len() as i64
        };
        let wanted = Topology { logical: distinct(0), physical: distinct(1), sockets: distinct(2) };
        assert_eq!(read(&Root::default()), wanted);
    }
}
