//! `cpu_info`: processors, one row for each socket. From SMBIOS structures of type 4 (DSP0134, 7.5), which root may
//! read; where there are none (most ARM and MIPS boards, virtual machines), one row from /proc/cpuinfo and
//! /sys/devices/system/cpu for all sockets, and then `cpu_status` and `socket_designation` are unknown and
//! `address_width` is the running kernel's (uname), whatever root is read.

use super::smbios::{Structure, Tables, number};
use super::{sysfs, topology};
use crate::procfs::cpuinfo;
use crate::sql::table::{Column, Query, Rows, Table, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use crate::sys::uname;
use std::io::Read;

const COLUMNS: &[Column] = &[
    column("device_id", Type::Text, 0, "Kind and number: CPU0."),
    column("model", Type::Text, 0, "Name of the processor."),
    column("manufacturer", Type::Text, 0, "Maker of the processor."),
    column("processor_type", Type::Text, 0, "3: a CPU, 4: a mathematical one, 5: a DSP, 6: a video processor."),
    column("cpu_status", Type::Integer, 0, "SMBIOS's byte: 64 if the socket is used, and 1 if enabled, 2 to 4 if not."),
    column("number_of_cores", Type::Text, 0, "Cores."),
    column("logical_processors", Type::Integer, 0, "Threads of all cores."),
    column("address_width", Type::Text, 0, "Bits of an address: 64 or 32."),
    column("current_clock_speed", Type::Integer, 0, "Clock it started with, or now has, MHz."),
    column("max_clock_speed", Type::Integer, 0, "Highest clock, MHz."),
    column("socket_designation", Type::Text, 0, "Label of the socket."),
    elsewhere("availability", Type::Text),
    elsewhere("load_percentage", Type::Integer),
    elsewhere("number_of_efficiency_cores", Type::Integer),
    elsewhere("number_of_performance_cores", Type::Integer),
];

/// Kinds of processors by SMBIOS's number, from 3 on.
const KINDS: [&str; 4] = ["CPU", "MATH", "DSP", "GPU"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "cpu_info",
    help: "Processors and their sockets",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query))),
};

fn rows(query: &Query) -> Vec<Vec<Value>> {
    let root = &query.context.root;
    let (mut tables, mut rows, mut named) = (Tables::read(root), Vec::new(), 0);
    while let Some(structure) = tables.next_structure() {
        if structure.kind() == 4 {
            rows.push(of_smbios(&structure, &mut named));
        }
    }
    if rows.is_empty() {
        rows.extend(of_kernel(root));
    }
    rows
}

fn of_smbios(cpu: &Structure<'_>, named: &mut u32) -> Vec<Value> {
    let kind = cpu.byte(0x05).unwrap_or(0);
    let id = match KINDS.get(usize::from(kind).wrapping_sub(3)) {
        Some(name) => {
            *named += 1;
            format!("{name}{}", *named - 1)
        }
        None => String::new(),
    };
    // FFh: see the wider field of newer versions.
    let count = |at, wide| match cpu.byte(at) {
        Some(0xff) => cpu.word(wide).map(i64::from).or(Some(0xff)),
        count => count.map(i64::from),
    };
    let cores = count(0x23, 0x2a).map_or(String::new(), |cores| cores.to_string());
    let width = cpu.word(0x26).map_or("", |bits| if bits & 4 != 0 { "64" } else { "32" });
    vec![
        Value::text(id),
        cpu.text(0x10),
        cpu.text(0x07),
        Value::text(kind.to_string()),
        number(cpu.byte(0x18)),
        Value::text(cores),
        count(0x25, 0x2e).into(),
        Value::text(width),
        number(cpu.word(0x16)),
        number(cpu.word(0x14)),
        cpu.text(0x04),
    ]
}

/// What the kernel knows of the first CPU, and how many there are.
fn of_kernel(root: &Root) -> Option<Vec<Value>> {
    let mut text = Vec::new();
    root.open("/proc/cpuinfo").and_then(|file| file.take(16 << 10).read_to_end(&mut text)).ok()?;
    let counts = topology::read(root);
    if counts.logical == 0 {
        return None;
    }
    let mhz = |name: &str| {
        let khz = sysfs::number(root, &format!("/sys/devices/system/cpu/cpu0/cpufreq/{name}"))?;
        Some(khz / 1000)
    };
    let said = || {
        let whole = cpuinfo::field(&text, b"cpu MHz")?.split(|&byte| byte == b'.').next()?;
        sysfs::decimal(whole)
    };
    let now = mhz("scaling_cur_freq").or_else(said);
    let maker = cpuinfo::field(&text, b"vendor_id").unwrap_or(b"");
    let arm = cpuinfo::field(&text, b"CPU implementer") == Some(b"0x41");
    let machine = uname::machine();
    let is_64 = machine.ends_with(b"64") || [&b"s390x"[..], b"ppc64le", b"riscv64", b"aarch64_be"].contains(&&*machine);
    Some(vec![
        Value::text("CPU0"),
        Value::text(cpuinfo::brand(&text)),
        Value::text(if arm { b"ARM" } else { maker }),
        Value::text("3"),
        Value::Null,
        Value::text(counts.physical.to_string()),
        Value::Integer(counts.logical),
        Value::text(if is_64 { "64" } else { "32" }),
        now.into(),
        mhz("cpuinfo_max_freq").or(now).into(),
        Value::text(""),
    ])
}
