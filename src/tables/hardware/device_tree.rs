//! `device_tree`: what board this is, as the boot loader told the kernel: one row, none where there is no device tree
//! (PCs). From /sys/firmware/devicetree/base, which is what /proc/device-tree links to; properties are texts that end
//! in NUL (Devicetree Specification v0.4, chapters 2 and 3). Bound: 64 KiB per property.

use crate::sql::table::{Column, Query, Rows, Table, Type, Value, column};
use crate::sys::root::Root;

const COLUMNS: &[Column] = &[
    column("model", Type::Text, 0, "The board in words."),
    column("compatible", Type::Text, 0, "What it is compatible with, most specific first, separated by spaces."),
    column("serial", Type::Text, 0, "Serial number."),
    column("boot_loader", Type::Text, 0, "Version of U-Boot, where it says it."),
    column("boot_arguments", Type::Text, 0, "Kernel command line that the boot loader gave."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "device_tree",
    help: "The board as the device tree names it, one row; none on machines without",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(row(&query).into_iter().collect())),
};

fn row(query: &Query) -> Option<Vec<Value>> {
    let root = &query.context.root;
    let (model, compatible) = (text(root, "model"), text(root, "compatible"));
    if model.is_empty() && compatible.is_empty() {
        return None;
    }
    let rest = ["serial-number", "chosen/u-boot,version", "chosen/bootargs"].map(|name| Value::Text(text(root, name)));
    let mut row = vec![Value::Text(model), Value::Text(compatible)];
    row.extend(rest);
    Some(row)
}

/// A property of the tree that is text; several texts are separated by spaces. Empty if it is not there.
pub fn text(root: &Root, name: &str) -> Vec<u8> {
    // /proc/device-tree is an absolute link: below another root it would lead out of it.
    let mut text = root.line(format!("/sys/firmware/devicetree/base/{name}"));
    if text.is_empty() {
        text = root.line(format!("/proc/device-tree/{name}"));
    }
    let length = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    text.truncate(length);
    text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    text
}

/// Who made the board: the prefix of what it is most specifically compatible with (`raspberrypi,4-model-b`).
pub fn vendor(root: &Root) -> Vec<u8> {
    let compatible = text(root, "compatible");
    let first = compatible.split(|&byte| byte == b' ').next().unwrap_or(&[]);
    memchr::memchr(b',', first).and_then(|comma| first.get(..comma)).unwrap_or(&[]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn a_board() {
        let tree = Tree::new("device-tree");
        let all = "select * from device_tree";
        assert!(tree.rows(all).is_empty());
        let base = "/proc/device-tree";
        tree.file(format!("{base}/compatible"), "glinet,gl-mt300n-v2\0mediatek,mt7628an-soc\0");
        assert_eq!(tree.rows(all), [["", "glinet,gl-mt300n-v2 mediatek,mt7628an-soc", "", "", ""]]);
        tree.file(format!("{base}/model"), "GL.iNet GL-MT300N-V2\0");
        tree.file(format!("{base}/serial-number"), "\0\0");
        tree.file(format!("{base}/chosen/u-boot,version"), "2021.10\0");
        tree.file(format!("{base}/chosen/bootargs"), "console=ttyS0,57600\0");
        let compatible = "glinet,gl-mt300n-v2 mediatek,mt7628an-soc";
        assert_eq!(tree.rows(all), [["GL.iNet GL-MT300N-V2", compatible, "", "2021.10", "console=ttyS0,57600"]]);
        assert_eq!(vendor(&Root::new(tree.path())), b"glinet");
    }

    #[test]
    fn this_machine() {
        let read = std::fs::read("/proc/device-tree/model").unwrap_or_default();
        let ours = rows("", "select model from device_tree");
        if read.is_empty() {
            println!("skipped: needs a device tree");
            assert!(ours.is_empty());
        } else {
            assert_eq!(ours, [[String::from_utf8_lossy(&read).trim_end_matches('\0')]]);
        }
    }
}
