//! `kernel_info`: which kernel runs and what it was told at boot, one row. From /proc/sys/kernel/osrelease and
//! /proc/cmdline. As in osquery the boot loader's `BOOT_IMAGE=` and `root=` are columns of their own and not among
//! the arguments.

use crate::sql::table::{Column, Query, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    Column { collate: "version", ..column("version", Type::Text, 0, "Release of the kernel, as uname -r says it.") },
    column("arguments", Type::Text, 0, "Kernel command line without the two below."),
    column("path", Type::Text, 0, "Kernel image as the boot loader names it."),
    column("device", Type::Text, 0, "Root device as the command line names it."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "kernel_info",
    help: "The running kernel's version and command line, one row",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(vec![row(&query)])),
};

fn row(query: &Query) -> Vec<Value> {
    let root = &query.context.root;
    let line = root.line("/proc/cmdline");
    let (mut arguments, mut path, mut device): (Vec<&[u8]>, _, _) = (Vec::new(), &[][..], &[][..]);
    for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if let Some(image) = word.strip_prefix(b"BOOT_IMAGE=") {
            path = image;
        } else if let Some(root) = word.strip_prefix(b"root=") {
            device = root;
        } else {
            arguments.push(word);
        }
    }
    let arguments = Value::Text(arguments.join(&b' '));
    vec![Value::Text(root.line("/proc/sys/kernel/osrelease")), arguments, Value::text(path), Value::text(device)]
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn a_command_line_is_taken_apart() {
        let tree = Tree::new("kernel-info");
        assert_eq!(tree.rows("select * from kernel_info"), [["", "", "", ""]]);
        tree.file("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        tree.file("/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1  ro quiet rootflags=x\n");
        let wanted = ["6.1.0-18-amd64", "ro quiet rootflags=x", "/boot/vmlinuz", "/dev/sda1"];
        assert_eq!(tree.rows("select * from kernel_info"), [wanted]);
    }

    #[test]
    fn this_machine() {
        let Some(release) = host("uname", &["-r"]) else {
            println!("skipped: needs uname");
            return;
        };
        assert_eq!(rows("", "select version from kernel_info"), [[release.trim()]]);
    }
}
