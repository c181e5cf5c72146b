//! `msr`: some model-specific registers of each x86 CPU (Intel SDM volume 4), from /dev/cpu/N/msr, root only and with
//! the kernel's module `msr` loaded. A register that a CPU does not have is NULL; AMD's have few of these. Cost: nine
//! reads per CPU, each on that CPU.

use super::sysfs;
use crate::sql::table::{Column, Query, Table, Type, Value, column};
use std::ffi::OsString;
use std::os::unix::fs::FileExt;

const COLUMNS: &[Column] = &[
    column("processor_number", Type::BigInt, 0, "Number of the CPU."),
    column("turbo_disabled", Type::BigInt, 0, "1 if it may not run above its rated clock."),
    column("turbo_ratio_limit", Type::BigInt, 0, "Clock multipliers allowed, a byte for each number of busy cores."),
    column("platform_info", Type::BigInt, 0, "Register MSR_PLATFORM_INFO: its rated clock multiplier and more."),
    column("perf_ctl", Type::BigInt, 0, "Performance state asked for."),
    column("perf_status", Type::BigInt, 0, "Performance state it is in."),
    column("feature_control", Type::BigInt, 0, "Register IA32_FEATURE_CONTROL: what the firmware locked."),
    column("rapl_power_limit", Type::BigInt, 0, "Power limits of the package."),
    column("rapl_energy_status", Type::BigInt, 0, "Energy that the package has used, in the units below."),
    column("rapl_power_units", Type::BigInt, 0, "Units of power, energy and time."),
];

/// Major number of the devices (Documentation/admin-guide/devices.txt).
const MAJOR: u32 = 202;
/// MSR_IA32_MISC_ENABLE's bit for what the first register column shows.
const TURBO_DISABLED: u64 = 1 << 38;
/// Number and mask of each register, in the columns' order.
const REGISTERS: [(u64, u64); 9] = [
    (0x1a0, TURBO_DISABLED),
    (0x1ad, u64::MAX),
    (0xce, u64::MAX),
    (0x199, 0xffff),
    (0x198, u64::MAX),
    (0x3a, u64::MAX),
    (0x610, u64::MAX),
    (0x611, u64::MAX),
    (0x606, u64::MAX),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "msr",
    help: "Model-specific registers of x86 CPUs",
    columns: COLUMNS,
    open: |query| Ok(sysfs::in_batches(query, "/dev/cpu", rows)),
};

fn rows(query: &Query, names: Vec<OsString>) -> Vec<Vec<Value>> {
    let cpus = names.iter().filter_map(|name| name.to_str()?.parse::<u32>().ok());
    cpus.filter_map(|cpu| row(query, cpu)).collect()
}

fn row(query: &Query, cpu: u32) -> Option<Vec<Value>> {
    let device = query.context.root.open_device(format!("/dev/cpu/{cpu}/msr"), MAJOR).ok()?;
    let register = |(number, mask): (u64, u64)| {
        // The device's offset is the register's number.
        let mut bytes = [0; 8];
        device.read_exact_at(&mut bytes, number).ok()?;
        let value = u64::from_le_bytes(bytes) & mask;
        Some(if mask == TURBO_DISABLED { i64::from(value != 0) } else { value as i64 })
    };
    let mut row = vec![Value::Integer(cpu.into())];
    row.extend(REGISTERS.map(|wanted| Value::from(register(wanted))));
    Some(row)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn registers_by_their_numbers() {
        let tree = Tree::new("msr");
        assert!(tree.rows("select * from msr").is_empty());
        let mut bytes = vec![0u8; 0x60e];
        bytes[0x1a0..0x1a8].copy_from_slice(&(1u64 << 38 | 1).to_le_bytes());
        bytes[0xce..0xd6].copy_from_slice(&0x8000_0000_0000_0001u64.to_le_bytes());
        bytes[0x198..0x1a0].copy_from_slice(&0x1122_3344_5566_7788u64.to_le_bytes());
        bytes[0x606..0x60e].copy_from_slice(&0xa0e03u64.to_le_bytes());
        tree.file("/dev/cpu/0/msr", &bytes).file("/dev/cpu/x/msr", &bytes).file("/dev/cpu/1/cpuid", "");
        let columns = "processor_number, turbo_disabled, platform_info, perf_status, perf_ctl, rapl_power_limit, rapl_power_units";
        let wanted = [["0", "1", "-9223372036854775807", "1234605616436508552", "26231", "NULL", "658947"]];
        assert_eq!(tree.rows(&format!("select {columns} from msr")), wanted);
    }

    #[test]
    fn this_machine() {
        use std::os::unix::fs::FileExt;
        let mut bytes = [0; 8];
        let read = std::fs::File::open("/dev/cpu/0/msr").and_then(|file| file.read_exact_at(&mut bytes, 0x3a));
        let ours = rows("", "select feature_control from msr where processor_number = 0");
        match read {
            Ok(()) => assert_eq!(ours, [[(u64::from_le_bytes(bytes) as i64).to_string()]]),
            Err(_) => println!("skipped: needs the kernel's module msr and a CPU with the register"),
        }
    }
}
