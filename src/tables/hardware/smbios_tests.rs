//! Tests of everything that reads SMBIOS: tables assembled field by field, dmidecode's reading of the same bytes, and
//! thousands of broken ones.

use super::smbios::Tables;
use crate::sql::engine::{Engine, Sink};
use crate::sql::testing::{Tree, host};
use crate::sys::root::Root;
use rusqlite::types::ValueRef;

const DMI: &str = "/sys/firmware/dmi/tables/DMI";
const ENTRY: &str = "/sys/firmware/dmi/tables/smbios_entry_point";

/// A structure that is being written: fields by offset, strings in order.
pub struct Body {
    bytes: Vec<u8>,
    strings: Vec<u8>,
}

impl Body {
    /// Of a type, with a handle and so many bytes of header and fields.
    pub fn new(kind: u8, handle: u16, length: u8) -> Self {
        let mut bytes = vec![0; usize::from(length)];
        bytes[0] = kind;
        bytes[1] = length;
        bytes[2..4].copy_from_slice(&handle.to_le_bytes());
        Body { bytes, strings: vec![] }
    }

    /// Writes a field.
    pub fn put(mut self, at: usize, value: impl Into<u64>, size: usize) -> Self {
        self.bytes[at..at + size].copy_from_slice(&value.into().to_le_bytes()[..size]);
        self
    }

    /// Adds a string and writes its number into a field.
    pub fn text(mut self, at: usize, text: &str) -> Self {
        self.strings.extend(text.bytes().chain([0]));
        self.bytes[at] = self.strings.iter().filter(|&&byte| byte == 0).count() as u8;
        self
    }

    /// All of it, with the NULs that end it.
    pub fn done(self) -> Vec<u8> {
        let end: &[u8] = if self.strings.is_empty() { &[0, 0] } else { &[0] };
        [self.bytes.as_slice(), &self.strings, end].concat()
    }
}

fn checked(mut bytes: Vec<u8>, range: std::ops::Range<usize>, at: usize) -> Vec<u8> {
    let sum = bytes[range].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    bytes[at] = 0u8.wrapping_sub(sum);
    bytes
}

/// A 2.8 entry point for tables at an address.
fn entry_2(tables: &[u8], count: u16, address: u32) -> Vec<u8> {
    let mut entry = vec![0u8; 0x1f];
    entry[..4].copy_from_slice(b"_SM_");
    entry[5..8].copy_from_slice(&[0x1f, 2, 8]);
    entry[0x10..0x15].copy_from_slice(b"_DMI_");
    entry[0x16..0x18].copy_from_slice(&(tables.len() as u16).to_le_bytes());
    entry[0x18..0x1c].copy_from_slice(&address.to_le_bytes());
    entry[0x1c..0x1e].copy_from_slice(&count.to_le_bytes());
    entry[0x1e] = 0x28;
    checked(checked(entry, 0x10..0x1f, 0x15), 0..0x1f, 4)
}

/// A 3.3 entry point.
fn entry_3(tables: &[u8], address: u64) -> Vec<u8> {
    let mut entry = vec![0u8; 0x18];
    entry[..5].copy_from_slice(b"_SM3_");
    entry[6..11].copy_from_slice(&[0x18, 3, 3, 0, 1]);
    entry[0x0c..0x10].copy_from_slice(&(tables.len() as u32).to_le_bytes());
    entry[0x10..0x18].copy_from_slice(&address.to_le_bytes());
    checked(entry, 0..0x18, 5)
}

fn processor(length: u8) -> Body {
    let body = Body::new(4, 0x0400, length).text(0x04, "U3E1").put(0x05, 3u8, 1).text(0x07, "Intel(R) Corporation");
    let body = body.text(0x10, "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz ").put(0x14, 3400u32, 2).put(0x16, 1600u32, 2);
    let body = body.put(0x18, 0x41u8, 1);
    if length < 0x28 { body } else { body.put(0x23, 4u8, 1).put(0x24, 4u8, 1).put(0x25, 8u8, 1).put(0x26, 0xfcu8, 2) }
}

fn module(handle: u16, locator: &str, size: u16) -> Body {
    let body = Body::new(17, handle, 0x5c).put(0x04, 0x1000u32, 2).put(0x06, 0xfffeu32, 2);
    let body = body.put(0x08, 72u8, 2).put(0x0a, 64u8, 2).put(0x0c, size, 2).put(0x0e, 0x0du8, 1);
    let body = body.text(0x10, locator).text(0x11, "BANK 0").put(0x12, 0x1au8, 1).put(0x13, 0x2080u32, 2);
    let body = body.put(0x15, 2667u32, 2).text(0x17, "Samsung").text(0x18, "12AB").text(0x19, "None");
    body.text(0x1a, "M471A1K43CB1-CTD    ").put(0x20, 2400u32, 2).put(0x22, 1200u32, 2).put(0x26, 1200u32, 2)
}

/// A machine with everything that is read.
fn machine() -> Vec<Vec<u8>> {
    let bios = Body::new(0, 0, 0x1a).text(0x04, "LENOVO").text(0x05, "N24ET56W (1.31 )").put(0x06, 0xe000u32, 2);
    let bios = bios.text(0x08, "02/19/2020").put(0x09, 0xffu8, 1).put(0x14, 1u8, 1).put(0x15, 31u8, 1);
    let array = Body::new(16, 0x1000, 0x17).put(0x04, 3u8, 1).put(0x05, 3u8, 1).put(0x06, 6u8, 1);
    let array = array.put(0x07, 0x0200_0000u32, 4).put(0x0b, 0xfffeu32, 2).put(0x0d, 2u8, 2);
    let error = Body::new(18, 0x1200, 0x17).put(0x04, 3u8, 1).put(0x05, 4u8, 1).put(0x06, 3u8, 1);
    let error = error.put(0x0b, 0x8000_0000u32, 4).put(0x0f, 0x1000u32, 4).put(0x13, 0x8000_0000u32, 4);
    let map = Body::new(19, 0x1300, 0x1f).put(0x04, 0u8, 4).put(0x08, 0x00ff_ffffu32, 4);
    let far = Body::new(19, 0x1301, 0x1f).put(0x04, u32::MAX, 4).put(0x08, u32::MAX, 4).put(0x0c, 0x1000u32, 2);
    let far = far.put(0x0f, 0x100_0000_0000u64, 8).put(0x17, 0x1ff_ffff_ffffu64, 8).put(0x0e, 1u8, 1);
    let device_map = Body::new(20, 0x1400, 0x23).put(0x08, 0x007f_ffffu32, 4).put(0x0c, 0x1100u32, 2);
    let device_map = device_map.put(0x0e, 0x1300u32, 2).put(0x10, 1u8, 1).put(0x11, 2u8, 1).put(0x12, 0xffu8, 1);
    vec![
        bios.put(0x18, 16u8, 2).done(),
        Body::new(1, 0x0100, 0x1b).text(0x04, "LENOVO").text(0x05, "20L5CTO1WW").done(),
        processor(0x30).done(),
        Body::new(11, 0x0b00, 5).text(0x04, "first").text(0x04, "second ").done(),
        array.put(0x0e, 0u8, 1).done(),
        module(0x1100, "ChannelA-DIMM0", 8192).done(),
        module(0x1101, "ChannelB-DIMM0", 0x7fff)
            .put(0x1c, 65536u32, 4)
            .put(0x15, 0xffffu32, 2)
            .put(0x54, 70000u32, 4)
            .done(),
        module(0x1102, "Empty", 0).done(),
        error.done(),
        map.put(0x0c, 0x1000u32, 2).put(0x0e, 2u8, 1).done(),
        far.done(),
        device_map.done(),
        Body::new(127, 0x7f00, 4).done(),
    ]
}

fn tree(name: &str, structures: &[Vec<u8>]) -> Tree {
    let tree = Tree::new(name);
    let tables = structures.concat();
    tree.file(DMI, &tables).file(ENTRY, entry_3(&tables, 0));
    tree
}

#[test]
fn rows_of_a_whole_machine() {
    let tree = tree("smbios-rows", &machine());
    let modules = tree.rows("select * from memory_devices");
    let first = "0x1100|0x1000|SODIMM|72|64|8192|0|ChannelA-DIMM0|BANK 0|DDR4|Synchronous Registered (Buffered)|2667|2400|\
        Samsung|12AB|None|M471A1K43CB1-CTD|1200|NULL|1200";
    assert_eq!(modules[0].join("|"), first);
    assert_eq!(modules.iter().map(|row| row[5].as_str()).collect::<Vec<_>>(), ["8192", "65536", "0"]);
    assert_eq!(modules[1][11], "70000");
    let arrays = tree.rows("select * from memory_arrays");
    assert_eq!(arrays, [["0x1000", "System board or motherboard", "System memory", "Multi-bit ECC", "32", "", "2"]]);
    let maps = tree.rows("select * from memory_array_mapped_addresses");
    let far = ["0x1301", "0x1000", "0x010000000000", "0x01ffffffffff", "1"];
    assert_eq!(maps[0], ["0x1300", "0x1000", "0x00000000", "0x00ffffff", "2"]);
    assert_eq!(maps[1], far);
    let maps = tree.rows("select * from memory_device_mapped_addresses");
    assert_eq!(maps, [["0x1400", "0x1100", "0x1300", "0x00000000", "0x007fffff", "1", "2", "255"]]);
    let errors = tree.rows("select * from memory_error_info");
    assert_eq!(errors, [["0x1200", "OK", "Memory partition level", "Read", "", "", "0x00001000", ""]]);
    let texts = tree.rows("select * from oem_strings");
    assert_eq!(texts, [["0x0b00", "1", "first"], ["0x0b00", "2", "second"]]);
    let firmware = tree.rows("select * from platform_info");
    let wanted = ["LENOVO", "N24ET56W (1.31 )", "02/19/2020", "1.31", "", "bios", "0xe000", "16777216", "0"];
    assert_eq!(firmware, [wanted]);
    let cpus = tree.rows("select * from cpu_info");
    let wanted = "CPU0|Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz|Intel(R) Corporation|3|65|4|8|64|1600|3400|U3E1";
    assert_eq!(cpus[0].join("|"), wanted);
}

#[test]
fn every_structure_is_listed_with_its_sum() {
    let structures = machine();
    let tree = tree("smbios-list", &structures);
    let rows = tree.rows("select * from smbios_tables");
    assert_eq!(rows.len(), structures.len());
    assert_eq!(rows[0][..6], ["0", "0", "BIOS Information", "0", "26", &structures[0].len().to_string()]);
    assert_eq!(rows[12][..6], ["12", "127", "End-of-Table", "32512", "4", "6"]);
    for (row, structure) in rows.iter().zip(&structures) {
        tree.file("/one", structure);
        if let Some(said) = host("md5sum", &[tree.place("/one").to_str().unwrap()]) {
            assert_eq!(row[6], said[..32]);
        }
    }
}

#[test]
fn short_structures_of_old_versions_have_fewer_facts() {
    let old = Body::new(17, 7, 0x15).put(0x04, 8u8, 2).put(0x0c, 0x8000u32 | 512, 2).text(0x10, "A");
    let tree = tree("smbios-old", &[processor(0x20).done(), old.done()]);
    let cpus = tree
        .rows("select device_id, number_of_cores, logical_processors, address_width, max_clock_speed from cpu_info");
    assert_eq!(cpus, [["CPU0", "", "NULL", "", "3400"]]);
    let modules = tree.rows("select size, device_locator, max_speed, serial_number, min_voltage from memory_devices");
    assert_eq!(modules, [["0", "A", "NULL", "", "NULL"]]);
}

#[test]
fn wide_counts_and_unknown_codes() {
    let cpu = processor(0x30).put(0x05, 9u8, 1).put(0x23, 0xffu8, 1).put(0x25, 0xffu8, 1);
    let cpu = cpu.put(0x2a, 300u32, 2).put(0x2e, 600u32, 2).done();
    let array = Body::new(16, 1, 0x17).put(0x04, 0xa2u8, 1).put(0x05, 99u8, 1).put(0x07, 0x8000_0000u32, 4);
    let array = array.put(0x0f, 6u64 << 40, 8).put(0x0b, 0x1200u32, 2).done();
    let tree = tree("smbios-wide", &[cpu, array]);
    let cpus = tree.rows("select device_id, processor_type, number_of_cores, logical_processors from cpu_info");
    assert_eq!(cpus, [["", "9", "300", "600"]]);
    let arrays = tree.rows(
        "select location, use, memory_error_correction, max_capacity, memory_error_info_handle from memory_arrays",
    );
    assert_eq!(arrays, [["PC-98/E add-on card", "", "", "6144", "0x1200"]]);
}

#[test]
fn the_entry_point_and_the_end_marker_bound_the_tables() {
    let structures = machine();
    let read = |tree: &Tree| {
        let mut tables = Tables::read(&Root::new(tree.path()));
        std::iter::from_fn(|| tables.next_structure().map(|structure| structure.handle())).collect::<Vec<_>>()
    };
    let tree = tree("smbios-bounds", &[structures.concat(), Body::new(11, 9, 5).done()]);
    assert_eq!(read(&tree).last(), Some(&0x7f00));
    assert_eq!(read(&tree).len(), structures.len());
    tree.file(ENTRY, entry_2(&structures.concat(), 3, 0));
    assert_eq!(read(&tree), [0, 0x0100, 0x0400]);
    tree.file(ENTRY, "short");
    assert_eq!(read(&tree).len(), structures.len());
    tree.file(DMI, vec![1u8; 3 << 20]);
    assert!(read(&tree).len() < 1 << 20);
}

#[test]
fn without_smbios_the_kernel_says_less() {
    let tree = Tree::new("smbios-none");
    let firmware = "select vendor, version, date, revision, firmware_type, address from platform_info";
    assert!(tree.rows(firmware).is_empty());
    assert!(tree.rows("select * from cpu_info").is_empty());
    tree.file("/sys/firmware/devicetree/base/chosen/u-boot,version", "2021.10\0");
    assert_eq!(tree.rows(firmware), [["U-Boot", "2021.10", "", "", "unknown", ""]]);
    for (name, text) in [("vendor", "SeaBIOS"), ("version", "1.16"), ("date", "04/01/2014"), ("release", "0.0")] {
        tree.file(format!("/sys/class/dmi/id/bios_{name}"), format!("{text}\n"));
    }
    tree.file("/sys/firmware/efi/runtime", "");
    assert_eq!(tree.rows(firmware), [["SeaBIOS", "1.16", "04/01/2014", "0.0", "uefi", ""]]);
    tree.file("/proc/cpuinfo", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd03\n\nprocessor : 1\n");
    tree.file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1416000\n");
    tree.file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "600000\n");
    let cpus = tree.rows(
        "select device_id, model, manufacturer, number_of_cores, logical_processors, current_clock_speed, \
        max_clock_speed, cpu_status from cpu_info",
    );
    assert_eq!(cpus, [["CPU0", "Cortex-A53", "ARM", "2", "2", "600", "1416", "NULL"]]);
}

/// What dmidecode reads in the same bytes: values of a key, in order.
fn dmidecode(tree: &Tree, structures: &[Vec<u8>], kind: u8) -> Option<String> {
    let tables = structures.concat();
    let mut dump = entry_3(&tables, 32);
    dump.resize(32, 0);
    dump.extend(&tables);
    tree.file("/dump", dump);
    host("dmidecode", &["-t", &kind.to_string(), "--from-dump", tree.place("/dump").to_str().unwrap()])
}

#[test]
fn dmidecode_reads_the_same() {
    let structures = machine();
    let tree = tree("smbios-dmidecode", &structures);
    let columns: &[(u8, &str, &str, &str)] = &[
        (17, "Locator", "memory_devices", "device_locator"),
        (17, "Total Width", "memory_devices", "total_width || ' bits'"),
        (17, "Form Factor", "memory_devices", "form_factor"),
        (17, "Type", "memory_devices", "memory_type"),
        (17, "Type Detail", "memory_devices", "memory_type_details"),
        (17, "Part Number", "memory_devices where size > 0", "part_number"),
        (17, "Serial Number", "memory_devices where size > 0", "serial_number"),
        (16, "Location", "memory_arrays", "replace(location, 'motherboard', 'Motherboard')"),
        (16, "Maximum Capacity", "memory_arrays", "max_capacity || ' GB'"),
        (16, "Number Of Devices", "memory_arrays", "number_memory_devices"),
        (19, "Physical Array Handle", "memory_array_mapped_addresses", "memory_array_handle"),
        (19, "Partition Width", "memory_array_mapped_addresses", "partition_width"),
        (20, "Physical Device Handle", "memory_device_mapped_addresses", "memory_device_handle"),
        (11, "String 2", "oem_strings", "iif(number = 2, value, null)"),
        (0, "Version", "platform_info", "version"),
        (0, "BIOS Revision", "platform_info", "revision"),
        (0, "ROM Size", "platform_info", "(size / 1048576) || ' MB'"),
        (4, "Socket Designation", "cpu_info", "socket_designation"),
        (4, "Core Count", "cpu_info", "number_of_cores"),
        (4, "Thread Count", "cpu_info", "logical_processors"),
        (4, "Max Speed", "cpu_info", "max_clock_speed || ' MHz'"),
    ];
    for &(kind, key, table, column) in columns {
        let Some(said) = dmidecode(&tree, &structures, kind) else {
            println!("skipped: needs dmidecode");
            return;
        };
        let theirs: Vec<&str> = said
            .lines()
            .filter_map(|line| line.trim().split_once(": "))
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value.trim())
            .collect();
        assert!(!theirs.is_empty(), "{key}:\n{said}");
        let ours = tree.rows(&format!("select * from (select {column} as value from {table}) where value is not null"));
        // dmidecode upper-cases handles.
        let same =
            ours.concat().iter().map(|value| value.to_lowercase()).eq(theirs.iter().map(|value| value.to_lowercase()));
        assert!(same, "{key}: ours {ours:?}, dmidecode's {theirs:?}\n{said}");
    }
}

struct Count(usize);

impl Sink for Count {
    fn columns(&mut self, _: &[&str]) {}
    fn row(&mut self, _: &[ValueRef<'_>]) -> bool {
        self.0 += 1;
        true
    }
}

/// Runs every table over the tree's bytes; returns the number of rows.
fn read_all(engine: &Engine) -> usize {
    let mut count = Count(0);
    for table in [
        "cpu_info",
        "memory_array_mapped_addresses",
        "memory_arrays",
        "memory_device_mapped_addresses",
        "memory_devices",
        "memory_error_info",
        "oem_strings",
        "platform_info",
        "smbios_tables",
    ] {
        engine.run(&format!("select * from {table}"), &mut count).unwrap();
    }
    count.0
}

/// splitmix64: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }
}

#[test]
fn broken_tables_never_panic() {
    let whole = machine().concat();
    let tree = tree("smbios-broken", &machine());
    let engine = Engine::over(Root::new(tree.path()), "/nonexistent".into()).unwrap();
    let all = read_all(&engine);
    for length in (0..whole.len()).step_by(3) {
        tree.file(DMI, &whole[..length]);
        assert!(read_all(&engine) <= all, "{length}");
    }
    let mut random = Random(20);
    for _ in 0..1500 {
        let mut bytes = whole.clone();
        for _ in 0..=random.next(8) {
            bytes.resize(bytes.len().max(1), 0);
            let at = random.next(bytes.len());
            match random.next(4) {
                0 => bytes[at] = random.next(256) as u8,
                1 => bytes[at] = [0, 0xff, 4, 127][random.next(4)],
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        tree.file(DMI, &bytes);
        // A structure of five bytes may promise 255 texts.
        assert!(read_all(&engine) < bytes.len() * 64 + 256);
    }
}
