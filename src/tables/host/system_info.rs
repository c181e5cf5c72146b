//! `system_info`: the machine's names and hardware, one row. Names from /proc and /etc (no name server is asked), CPU
//! from /proc/cpuinfo (its first 16 KiB) and /sys/devices/system/cpu, memory from /proc/meminfo, makers and serial
//! numbers from /sys/class/dmi/id, which is SMBIOS as the kernel read it; on boards without it from the device tree
//! and OpenWrt's /tmp/sysinfo. Only what is wanted is read. `cpu_type` is the running kernel's (uname), whatever root
//! is read. Serial numbers and the firmware's UUID are readable by root only.

use super::identity;
use crate::procfs::{cpuinfo, meminfo};
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use crate::sys::uname;
use crate::tables::hardware::device_tree;
use crate::tables::hardware::topology::{self, Topology};
use std::cell::OnceCell;
use std::io::Read;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("hostname", Type::Text, 0, "Full host name as /etc/hosts has it, else the host name."),
    Column {
        collate: "NOCASE",
        ..column("uuid", Type::Text, 0, "UUID of the machine: the firmware's, else the machine-id.")
    },
    column("cpu_type", Type::Text, 0, "Machine architecture as uname -m says it."),
    column("cpu_subtype", Type::Text, 0, "Model number of the CPU (x86); 0 elsewhere."),
    column("cpu_brand", Type::Text, 0, "Name of the CPU."),
    column("cpu_physical_cores", Type::Integer, 0, "Cores online; -1: unknown."),
    column("cpu_logical_cores", Type::Integer, 0, "CPUs online, that is threads of cores; -1: unknown."),
    column("cpu_sockets", Type::Integer, 0, "Packages online; -1: unknown."),
    column("cpu_microcode", Type::Text, 0, "Microcode version of the first CPU."),
    column("physical_memory", Type::BigInt, 0, "Memory that the kernel manages, bytes; -1: unknown."),
    column("hardware_vendor", Type::Text, 0, "Maker of the machine."),
    column("hardware_model", Type::Text, 0, "Model of the machine."),
    column("hardware_version", Type::Text, 0, "Version of the model."),
    column("hardware_serial", Type::Text, 0, "Serial number of the machine."),
    column("board_vendor", Type::Text, 0, "Maker of the board."),
    column("board_model", Type::Text, 0, "Model of the board."),
    column("board_version", Type::Text, 0, "Version of the board."),
    column("board_serial", Type::Text, 0, "Serial number of the board."),
    column("computer_name", Type::Text, 0, "Host name."),
    column("local_hostname", Type::Text, 0, "The same as hostname."),
    elsewhere("emulated_cpu_type", Type::Text),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "system_info",
    help: "Names and hardware of the machine, one row",
    columns: COLUMNS,
    open: |query| {
        let context = query.context.clone();
        Ok(Box::new(Scan { context, over: false, cpuinfo: OnceCell::new(), topology: OnceCell::new() }))
    },
};

struct Scan {
    context: Rc<Context>,
    over: bool,
    cpuinfo: OnceCell<Vec<u8>>,
    topology: OnceCell<Topology>,
}

impl Scan {
    /// The first block of /proc/cpuinfo and some more.
    fn cpuinfo(&self) -> &[u8] {
        self.cpuinfo.get_or_init(|| {
            let mut text = Vec::new();
            let file = self.context.root.open("/proc/cpuinfo");
            let _ = file.and_then(|file| file.take(16 << 10).read_to_end(&mut text));
            text
        })
    }

    fn cpu_field(&self, key: &[u8], otherwise: &[u8]) -> Value {
        Value::text(cpuinfo::field(self.cpuinfo(), key).unwrap_or(otherwise))
    }

    fn count(&self, pick: fn(&Topology) -> i64) -> Value {
        let counts = self.topology.get_or_init(|| topology::read(&self.context.root));
        Value::Integer(match pick(counts) {
            0 => -1,
            count => count,
        })
    }

    /// What /sys/class/dmi/id says, else `otherwise`.
    fn dmi(&self, name: &str, otherwise: impl FnOnce() -> Vec<u8>) -> Value {
        let text = self.context.root.line(format!("/sys/class/dmi/id/{name}"));
        Value::Text(if text.is_empty() { otherwise() } else { text })
    }
}

/// What OpenWrt found out at boot. Elsewhere anybody may write such a file.
fn openwrt(root: &Root, name: &str) -> Vec<u8> {
    if root.exists("/etc/openwrt_release") { root.line(format!("/tmp/sysinfo/{name}")) } else { Vec::new() }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        Ok(!std::mem::replace(&mut self.over, true))
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let root = &self.context.root;
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "hostname" | "local_hostname" => Value::Text(identity::full_hostname(root)),
            "computer_name" => Value::Text(identity::hostname(root)),
            "uuid" => Value::Text(identity::machine_uuid(root)),
            "cpu_type" => Value::Text(uname::machine()),
            "cpu_subtype" => self.cpu_field(b"model", b"0"),
            "cpu_brand" => Value::text(cpuinfo::brand(self.cpuinfo())),
            "cpu_microcode" => self.cpu_field(b"microcode", b""),
            "cpu_physical_cores" => self.count(|counts| counts.physical),
            "cpu_logical_cores" => self.count(|counts| counts.logical),
            "cpu_sockets" => self.count(|counts| counts.sockets),
            "physical_memory" => {
                let text = root.read("/proc/meminfo").unwrap_or_default();
                Value::Integer(meminfo::bytes(&text, b"MemTotal:").unwrap_or(-1))
            }
            "hardware_vendor" => self.dmi("sys_vendor", || device_tree::vendor(root)),
            "hardware_model" => self.dmi("product_name", || match device_tree::text(root, "model") {
                model if model.is_empty() => openwrt(root, "model"),
                model => model,
            }),
            "hardware_version" => self.dmi("product_version", Vec::new),
            "hardware_serial" => self.dmi("product_serial", || device_tree::text(root, "serial-number")),
            "board_vendor" => self.dmi("board_vendor", Vec::new),
            "board_model" => self.dmi("board_name", || openwrt(root, "board_name")),
            "board_version" => self.dmi("board_version", Vec::new),
            "board_serial" => self.dmi("board_serial", Vec::new),
            _ => Value::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn a_pc() {
        let tree = Tree::new("system-pc");
        tree.file("/proc/sys/kernel/hostname", "pc\n").file("/etc/hosts", "127.0.1.1 pc.example.org pc\n");
        let cpu = "processor\t: 0\nmodel\t\t: 142\nmodel name\t: Intel(R) Core(TM) i5-8250U\nmicrocode\t: 0xf4\nphysical id : 0\n";
        tree.file("/proc/cpuinfo", cpu).file("/proc/meminfo", "MemTotal:       16231392 kB\n");
        for (name, text) in [
            ("sys_vendor", "LENOVO"),
            ("product_name", "20L5CTO1WW"),
            ("product_version", "ThinkPad T480"),
            ("product_serial", "PF1"),
            ("board_vendor", "LENOVO"),
            ("board_name", "20L5"),
            ("board_version", "SDK0"),
            ("board_serial", "L1"),
            ("product_uuid", "4c4c4544-0042-4b10-8043-b7c04f4e3132"),
        ] {
            tree.file(format!("/sys/class/dmi/id/{name}"), format!("{text} \n"));
        }
        let names = "select hostname, computer_name, local_hostname, uuid from system_info";
        let uuid = "4C4C4544-0042-4B10-8043-B7C04F4E3132";
        assert_eq!(tree.rows(names), [["pc.example.org", "pc", "pc.example.org", uuid]]);
        let cpu = "select cpu_subtype, cpu_brand, cpu_microcode, cpu_physical_cores, cpu_logical_cores, cpu_sockets, \
            physical_memory from system_info";
        assert_eq!(tree.rows(cpu), [["142", "Intel(R) Core(TM) i5-8250U", "0xf4", "1", "1", "1", "16620945408"]]);
        let makers = "select hardware_vendor, hardware_model, hardware_version, hardware_serial, board_vendor, \
            board_model, board_version, board_serial from system_info";
        assert_eq!(
            tree.rows(makers),
            [["LENOVO", "20L5CTO1WW", "ThinkPad T480", "PF1", "LENOVO", "20L5", "SDK0", "L1"]]
        );
    }

    #[test]
    fn a_board_with_a_device_tree_and_nothing_at_all() {
        let tree = Tree::new("system-board");
        let sql = "select hostname, uuid, cpu_subtype, cpu_brand, cpu_logical_cores, cpu_physical_cores, cpu_sockets, \
            physical_memory, hardware_vendor, hardware_model, hardware_serial, board_model from system_info";
        assert_eq!(tree.rows(sql), [["", "", "0", "", "-1", "-1", "-1", "-1", "", "", "", ""]]);
        let base = "/sys/firmware/devicetree/base";
        tree.file(format!("{base}/model"), "Raspberry Pi 4 Model B Rev 1.4\0");
        tree.file(format!("{base}/compatible"), "raspberrypi,4-model-b\0brcm,bcm2711\0");
        tree.file(format!("{base}/serial-number"), "10000000a1b2c3d4\0");
        tree.file(
            "/proc/cpuinfo",
            "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd08\n\nModel : Raspberry Pi 4\n",
        );
        tree.file("/tmp/sysinfo/board_name", "raspberrypi,4-model-b\n");
        assert_eq!(tree.rows(sql)[0][11], "", "anybody can write to /tmp");
        tree.file("/etc/openwrt_release", "");
        let row = &tree.rows(sql)[0];
        assert_eq!(row[2..7], ["0", "Cortex-A72", "1", "1", "1"]);
        let model = "Raspberry Pi 4 Model B Rev 1.4";
        assert_eq!(row[8..], ["raspberrypi", model, "10000000a1b2c3d4", "raspberrypi,4-model-b"]);
    }

    #[test]
    fn this_machine() {
        for (program, arguments, column) in [
            ("hostname", &[][..], "computer_name"),
            ("uname", &["-m"][..], "cpu_type"),
            ("getconf", &["_NPROCESSORS_ONLN"][..], "cpu_logical_cores"),
        ] {
            match host(program, arguments) {
                Some(said) => {
                    let ours = rows("", &format!("select {column} from system_info"));
                    assert_eq!(ours, [[said.trim()]], "{column}");
                }
                None => println!("skipped: needs {program}"),
            }
        }
        match host("free", &["-b"]) {
            Some(said) => {
                let total = said.lines().nth(1).unwrap().split_ascii_whitespace().nth(1).unwrap();
                assert_eq!(rows("", "select physical_memory from system_info"), [[total]]);
            }
            None => println!("skipped: needs free"),
        }
    }
}
