//! `system_controls`: the kernel's settings, from the files below /proc/sys, one at a time; and what the
//! configuration files say of them ([`super::sysctl`]). Names are those of sysctl(8): dots for slashes, and slashes
//! for the dots of a file name (`net.ipv4.conf.eth0/100.forwarding`). A constraint on `name` (=, LIKE, GLOB) or
//! `subsystem` (=) keeps the walk out of directories that cannot match. Linux numbers no settings any more, so `oid`
//! is empty. A setting that may only be written has the value ''. Bound: 16 directories deep, links are not followed,
//! 64 KiB per value.

use super::sysctl::{self, Settings};
use crate::sql::table::{
    ADDITIONAL, Column, Context, Cursor, INDEX, Op, Query, Table, TableError, Type, Value, column, elsewhere,
};
use crate::sys::root::Names;
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "Name of the setting."),
    column("oid", Type::Text, ADDITIONAL, "Number of the setting; empty on Linux."),
    column("subsystem", Type::Text, ADDITIONAL, "First part of the name."),
    column("current_value", Type::Text, 0, "What it is now."),
    column("config_value", Type::Text, 0, "What the configuration files set it to; empty: nothing."),
    column("type", Type::Text, 0, "Type of the value: string, for the kernel does not say it."),
    elsewhere("field_name", Type::Text),
];

const NAME: usize = 0;
const OID: usize = 1;
const SUBSYSTEM: usize = 2;
const CURRENT: usize = 3;
const CONFIG: usize = 4;

/// Deepest directory below /proc/sys.
const DEEPEST: usize = 16;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "system_controls",
    help: "Settings of the kernel (sysctl) and what the configuration says of them",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan::new(&query))),
};

/// A beginning that names must have, without regard to case.
struct Prefix {
    text: Vec<u8>,
    /// It is the whole name.
    whole: bool,
}

impl Prefix {
    /// Whether `name` has it, or what lies below the directory `name` (which ends in a dot) may have it.
    fn allows(&self, name: &[u8]) -> bool {
        let common = self.text.len().min(name.len());
        let same = self.text.iter().zip(name).take(common).all(|(one, two)| one.eq_ignore_ascii_case(two));
        same && (name.ends_with(b".") || (name.len() >= self.text.len() && !(self.whole && name.len() > common)))
    }
}

fn prefixes(query: &Query) -> Vec<Prefix> {
    let prefix = |column: usize, op: Op, value: &Value| {
        let Value::Text(text) = value else { return None };
        let wildcards: &[u8] = match (column, op) {
            (NAME, Op::Equal) => return Some(Prefix { text: text.clone(), whole: true }),
            (SUBSYSTEM, Op::Equal) => return Some(Prefix { text: [text, b".".as_slice()].concat(), whole: false }),
            (NAME, Op::Like) => b"%_",
            (NAME, Op::Glob) => b"*?[",
            _ => return None,
        };
        let text = text.split(|byte| wildcards.contains(byte)).next().unwrap_or(&[]).to_vec();
        Some(Prefix { text, whole: false })
    };
    query.constraints.iter().filter_map(|term| prefix(term.column, term.op, &term.value)).collect()
}

struct Scan {
    context: Rc<Context>,
    /// Directories begun, the innermost last, each with its path below /proc/sys (ends in a slash).
    begun: Vec<(Names, Vec<u8>)>,
    prefixes: Vec<Prefix>,
    settings: Option<Settings>,
    wants_current: bool,
    path: Vec<u8>,
    name: Vec<u8>,
}

impl Scan {
    fn new(query: &Query) -> Self {
        let context = query.context.clone();
        let has_oid = query.equal(OID).is_some_and(|oid| *oid != Value::text(""));
        let begun = if has_oid { vec![] } else { vec![(context.root.names("/proc/sys"), vec![])] };
        let settings = query.wants(CONFIG).then(|| Settings::read(&context.root));
        let (prefixes, wants_current) = (prefixes(query), query.wants(CURRENT));
        Scan { context, begun, prefixes, settings, wants_current, path: vec![], name: vec![] }
    }

    fn place(path: &[u8]) -> std::path::PathBuf {
        let bytes = [b"/proc/sys/", path].concat();
        std::ffi::OsString::from_vec(bytes).into()
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while let Some((names, parent)) = self.begun.last_mut() {
            let Some(file) = names.next() else {
                self.begun.pop();
                continue;
            };
            self.path = [parent.as_slice(), &file.into_vec()].concat();
            self.name = sysctl::swapped(&self.path);
            let below = [self.name.as_slice(), b"."].concat();
            let (may, may_below) = (
                self.prefixes.iter().all(|prefix| prefix.allows(&self.name)),
                self.prefixes.iter().all(|prefix| prefix.allows(&below)),
            );
            if !may && !may_below {
                continue;
            }
            let place = Self::place(&self.path);
            let Ok(status) = self.context.root.symlink_metadata(&place) else { continue };
            if status.is_file() && may {
                return Ok(true);
            }
            if status.is_dir() && may_below && self.begun.len() < DEEPEST {
                self.path.push(b'/');
                self.begun.push((self.context.root.names(&place), self.path.clone()));
            }
        }
        Ok(false)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match column {
            NAME => Value::text(&self.name),
            SUBSYSTEM => Value::text(self.name.split(|&byte| byte == b'.').next().unwrap_or(&[])),
            CURRENT if self.wants_current => Value::Text(self.context.root.line(Self::place(&self.path))),
            CONFIG => Value::text(self.settings.as_ref().and_then(|all| all.value(&self.name)).unwrap_or(&[])),
            5 => Value::text("string"),
            _ => Value::text(""),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::engine::Engine;
    use crate::sql::testing::{Tree, host, rows, try_rows};
    use crate::sys::root::Root;

    fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        tree.file("/proc/sys/kernel/ostype", "Linux\n").file("/proc/sys/kernel/random/boot_id", "x\n");
        tree.file("/proc/sys/kernel/printk", "4\t4\t1\t7\n").file("/proc/sys/net/ipv4/ip_forward", "0\n");
        tree.file("/proc/sys/net/ipv4/conf/eth0.100/forwarding", "1\n");
        tree.file("/proc/sys/net/ipv4/conf/ETH0/forwarding", "2\n");
        tree.link("/proc/sys/net/loop", "..").link("/proc/sys/net/self", "self");
        tree.file("/etc/sysctl.d/10-x.conf", "net.ipv4.ip_forward = 1\nkernel.ostype=Hurd\n");
        tree
    }

    #[test]
    fn the_whole_tree() {
        let tree = tree("controls");
        let wanted = [
            ["kernel.ostype", "", "kernel", "Linux", "Hurd", "string"],
            ["kernel.printk", "", "kernel", "4\t4\t1\t7", "", "string"],
            ["kernel.random.boot_id", "", "kernel", "x", "", "string"],
            ["net.ipv4.conf.ETH0.forwarding", "", "net", "2", "", "string"],
            ["net.ipv4.conf.eth0/100.forwarding", "", "net", "1", "", "string"],
            ["net.ipv4.ip_forward", "", "net", "0", "1", "string"],
        ];
        assert_eq!(tree.rows("select * from system_controls order by name"), wanted);
    }

    #[test]
    fn constraints_give_what_a_walk_would() {
        let tree = tree("controls-where");
        let terms = [
            "name = 'net.ipv4.ip_forward'",
            "name = 'net.ipv4.conf.eth0/100.forwarding'",
            "name = 'net.ipv4'",
            "name = '../../etc/passwd'",
            "name = ''",
            "name = 3",
            "name like 'net.ipv4.conf.eth0%'",
            "name like '%forward%'",
            "name like 'KERNEL._stype'",
            "name glob 'net.*.ip_[f]orward'",
            "name glob 'Net*'",
            "subsystem = 'kernel'",
            "subsystem = 'kern'",
            "subsystem = 'net' and name like 'net.ipv4.conf%'",
            "oid = '4.30.41.1'",
            "oid = ''",
            "name in ('kernel.ostype', 'net.ipv4.ip_forward', 'no.such')",
        ];
        for term in terms {
            let sql = |name: &str| {
                let terms = term.replace("name", name);
                format!(
                    "select name, current_value, config_value from (select *, +name as plain, +oid as o, \
                    +subsystem as s from system_controls) where {terms} order by name"
                )
            };
            let walked = sql("plain").replace("oid =", "o =").replace("subsystem =", "s =");
            assert_eq!(tree.rows(&sql("name")), tree.rows(&walked), "{term}");
        }
    }

    #[test]
    fn one_setting_costs_few_accesses() {
        let tree = tree("controls-cost");
        for number in 0..200 {
            tree.file(format!("/proc/sys/net/ipv4/neigh/e{number}/x"), "1\n");
        }
        let engine = Engine::over(Root::new(tree.path()), "/nonexistent".into()).unwrap();
        struct Nothing;
        impl crate::sql::engine::Sink for Nothing {
            fn columns(&mut self, _: &[&str]) {}
            fn row(&mut self, _: &[rusqlite::types::ValueRef<'_>]) -> bool {
                true
            }
        }
        engine.root().fail_from(0);
        engine
            .run("select current_value from system_controls where name = 'net.ipv4.ip_forward'", &mut Nothing)
            .unwrap();
        assert!(engine.root().accesses() < 10, "{}", engine.root().accesses());
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("sysctl", &["-a"]) else {
            println!("skipped: needs sysctl");
            return;
        };
        assert!(try_rows("", "select count(*) from system_controls").unwrap()[0][0].parse::<usize>().unwrap() > 100);
        let ours = rows("", "select name || ' = ' || current_value from system_controls").concat();
        // Values of several lines and of counters differ; what must agree is all that stands still.
        let moving = ["random", "nr", "state", "count", "sched", "uuid", "dentry", "inode", "ns_last_pid", "perf"];
        let still = |line: &&str| {
            line.contains(" = ") && !line.contains('\t') && !moving.iter().any(|word| line.contains(word))
        };
        let missing: Vec<_> =
            said.lines().filter(still).filter(|line| !ours.iter().any(|our| our == line.trim_end())).collect();
        assert!(missing.len() * 50 < said.lines().count(), "{missing:#?}");
    }
}
