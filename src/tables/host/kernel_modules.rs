//! `kernel_modules`: loaded modules, from /proc/modules (`kernel/module/procfs.c: m_show`), a line at a time.
//! Addresses are 0 for all but root. No rows on kernels without modules.

use crate::sql::table::{Column, Each, Table, Type, Value, column};
use crate::tables::hardware::sysfs;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name of the module."),
    column("size", Type::BigInt, 0, "Bytes it takes."),
    column("used_by", Type::Text, 0, "Modules that use it, separated by commas; -: none."),
    column("status", Type::Text, 0, "Live, Loading or Unloading."),
    column("address", Type::Text, 0, "Where it lies in the kernel's memory."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "kernel_modules",
    help: "Loaded kernel modules",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/proc/modules").ok();
        Ok(Each::of(move || {
            let lines = lines.as_mut()?;
            loop {
                if let Some(row) = row(lines.next_line()?) {
                    return Some(row);
                }
            }
        }))
    },
};

/// `name size references users, state address (taints)`.
fn row(line: &[u8]) -> Option<Vec<Value>> {
    let mut words = line.split(|&byte| byte == b' ');
    let (name, size) = (words.next()?, sysfs::decimal(words.next()?)?);
    let (users, status, address) = (words.nth(1)?, words.next()?, words.next()?);
    let users = users.strip_suffix(b",").unwrap_or(users);
    let [name, users, status, address] = [name, users, status, address].map(Value::text);
    Some(vec![name, Value::Integer(size), users, status, address])
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn lines() {
        let tree = Tree::new("kernel-modules");
        assert!(tree.rows("select * from kernel_modules").is_empty());
        let text = "nf_nat 57344 3 xt_MASQUERADE,nft_chain_nat, Live 0xffffffffc0a0b000\nbroken line\n\n\
            zfs 3899392 6 - Live 0xffffffffc0e5e000 (POE)\nx y 1 - Live 0x0\nlast 16384 0 - Unloading 0x0000000000000000\n";
        tree.file("/proc/modules", text);
        let wanted = [
            ["nf_nat", "57344", "xt_MASQUERADE,nft_chain_nat", "Live", "0xffffffffc0a0b000"],
            ["zfs", "3899392", "-", "Live", "0xffffffffc0e5e000"],
            ["last", "16384", "-", "Unloading", "0x0000000000000000"],
        ];
        assert_eq!(tree.rows("select * from kernel_modules"), wanted);
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("lsmod", &[]) else {
            println!("skipped: needs lsmod and a kernel with modules");
            return;
        };
        let names = |text: &str| text.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let mut wanted: Vec<_> = said.lines().skip(1).map(names).collect();
        wanted.sort();
        let ours = rows("", "select name || ' ' || size as line from kernel_modules order by line").concat();
        assert_eq!(ours, wanted);
    }
}
