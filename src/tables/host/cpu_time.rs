//! `cpu_time`: how each CPU has spent its time since boot, from /proc/stat (proc_stat(5)), a line at a time. Unit:
//! clock ticks, of which Linux has 100 in a second. Kernels of old that lack the last numbers show 0 for them.

use crate::sql::table::{Column, Each, Table, Type, Value, column};
use crate::tables::hardware::sysfs;

const COLUMNS: &[Column] = &[
    column("core", Type::Integer, 0, "Number of the CPU."),
    column("user", Type::BigInt, 0, "In programs, ticks."),
    column("nice", Type::BigInt, 0, "In programs of low priority, ticks."),
    column("system", Type::BigInt, 0, "In the kernel, ticks."),
    column("idle", Type::BigInt, 0, "With nothing to do, ticks."),
    column("iowait", Type::BigInt, 0, "With nothing to do but wait for disks, ticks."),
    column("irq", Type::BigInt, 0, "Serving interrupts, ticks."),
    column("softirq", Type::BigInt, 0, "Serving soft interrupts, ticks."),
    column("steal", Type::BigInt, 0, "Taken by other virtual machines, ticks."),
    column("guest", Type::BigInt, 0, "Running virtual machines of ours, ticks; part of user."),
    column("guest_nice", Type::BigInt, 0, "The same at low priority, ticks; part of nice."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "cpu_time",
    help: "What each CPU has spent its time with since boot",
    columns: COLUMNS,
    open: |query| {
        let mut lines = query.context.root.lines("/proc/stat").ok();
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

fn row(line: &[u8]) -> Option<Vec<Value>> {
    let rest = line.strip_prefix(b"cpu")?;
    // The first line, of all CPUs together, has no number.
    let mut numbers = rest.split(|&byte| byte == b' ').map_while(sysfs::decimal);
    let mut row: Vec<i64> = numbers.by_ref().take(COLUMNS.len()).collect();
    if row.len() < 8 {
        return None;
    }
    row.resize(COLUMNS.len(), 0);
    Some(row.into_iter().map(Value::Integer).collect())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn lines() {
        let tree = Tree::new("cpu-time");
        assert!(tree.rows("select * from cpu_time").is_empty());
        let text = "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 8 9 10 11 12\ncpu3 1 2 3 4 5 6 7\ncpu4 1 2\n\
            cpux 1 2 3 4 5 6 7\nintr 5 6\n";
        tree.file("/proc/stat", text);
        let wanted = [
            ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
            ["3", "1", "2", "3", "4", "5", "6", "7", "0", "0", "0"],
        ];
        assert_eq!(tree.rows("select * from cpu_time"), wanted);
    }

    #[test]
    fn this_machine() {
        let read = || -> Vec<Vec<i64>> {
            let text = std::fs::read_to_string("/proc/stat").unwrap();
            let lines = text.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
            lines.map(|line| line[3..].split(' ').map(|word| word.parse().unwrap()).collect()).collect()
        };
        let (before, ours, after) = (read(), rows("", "select core, user, system, idle from cpu_time"), read());
        assert_eq!(ours.len(), before.len());
        for ((before, row), after) in before.iter().zip(&ours).zip(&after) {
            for (column, index) in [(0, 0), (1, 1), (2, 3)] {
                let value: i64 = row[column].parse().unwrap();
                assert!((before[index]..=after[index]).contains(&value), "{before:?} {row:?} {after:?}");
            }
        }
    }
}
