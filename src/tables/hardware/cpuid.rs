//! `cpuid`: what the CPU says of itself in answer to the cpuid instruction (x86 only, no rows elsewhere): its names,
//! and one row for each of osquery's feature bits, 0 or 1. It is always this machine's CPU, whatever root is read.
//! Meaning of leaves and bits: Intel SDM volume 2A and AMD APM volume 3, appendix E.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::cpuid;

const COLUMNS: &[Column] = &[
    column("feature", Type::Text, 0, "Name of the feature."),
    column("value", Type::Text, 0, "1 or 0, or a text."),
    column("output_register", Type::Text, 0, "Register that says it."),
    column("output_bit", Type::Integer, 0, "Bit of the register."),
    column("input_eax", Type::Text, 0, "Question that was put in EAX."),
];

/// See the module's head.
pub static TABLE: Table =
    Table { name: "cpuid", help: "Names and features of an x86 CPU", columns: COLUMNS, open: |_| Ok(Rows::of(rows())) };

const EBX: usize = 1;
const ECX: usize = 2;
const EDX: usize = 3;
const REGISTERS: [&str; 4] = ["eax", "ebx", "ecx", "edx"];

/// A leaf, a register of its answer, and names of bits of that.
type Features = (u32, usize, &'static [(u8, &'static str)]);

/// The names are osquery's, also where others are usual (`mmz` is MMX).
const FEATURES: &[Features] = &[
    (
        1,
        EDX,
        &[
            (5, "msr"),
            (6, "pae"),
            (11, "sep"),
            (12, "mtrr"),
            (13, "pge"),
            (14, "mca"),
            (16, "pat"),
            (19, "clfsh"),
            (22, "acpi"),
            (23, "mmz"),
            (25, "sse"),
            (26, "sse2"),
            (27, "ss"),
            (28, "htt"),
            (30, "ia64"),
        ],
    ),
    (
        1,
        ECX,
        &[
            (0, "sse3"),
            (5, "vmx"),
            (6, "smx"),
            (9, "ssse3"),
            (11, "sdbg"),
            (15, "pdcm"),
            (17, "pcid"),
            (18, "dca"),
            (19, "sse4.1"),
            (20, "sse4.2"),
            (25, "aes"),
            (28, "avx"),
            (31, "hypervisor"),
        ],
    ),
    (
        7,
        EBX,
        &[
            (2, "sgx"),
            (4, "hle"),
            (5, "avx2"),
            (7, "smep"),
            (8, "bmi2"),
            (9, "erms"),
            (10, "invpcid"),
            (11, "rtm"),
            (12, "pqm"),
            (14, "mpx"),
            (15, "pqe"),
            (16, "avx512f"),
            (17, "avx512dq"),
            (18, "rdseed"),
            (19, "adx"),
            (20, "smap"),
            (25, "intel_pt"),
            (29, "sha"),
        ],
    ),
    (7, ECX, &[(2, "umip"), (3, "pku"), (4, "ospke"), (8, "gfni"), (9, "vaes"), (30, "sgx_lc")]),
    (7, EDX, &[(26, "spec_ctrl")]),
    (0x8000_0001, ECX, &[(0, "lahfsahf"), (2, "svm"), (8, "3dnowprefetch"), (10, "ibs"), (12, "skinit"), (15, "lwp")]),
    (0x8000_0001, EDX, &[(20, "nx"), (26, "page1gb"), (29, "lm")]),
];

fn rows() -> Vec<Vec<Value>> {
    let Some([_, ebx, ecx, edx]) = cpuid::leaf(0, 0) else { return vec![] };
    let leaf = |leaf, subleaf| cpuid::leaf(leaf, subleaf).unwrap_or([0; 4]);
    let row = |feature: &str, value: Value, register: &str, bit: u8, eax: &str| {
        vec![Value::text(feature), value, Value::text(register), Value::Integer(bit.into()), Value::text(eax)]
    };
    let names = [0x8000_0002, 0x8000_0003, 0x8000_0004].map(|name| leaf(name, 0)).concat();
    let mut rows = vec![
        row("vendor", text(&[ebx, edx, ecx]), "ebx,edx,ecx", 0, "0"),
        row("product_name", text(&names), "eax,ebx,ecx,edx", 0, "0x80000002"),
    ];
    let basic = leaf(1, 0);
    if basic[ECX] & 1 << 31 != 0 {
        let [_, name @ ..] = leaf(0x4000_0000, 0);
        rows.push(row("hypervisor_id", digits(&name), "ebx,ecx,edx", 0, "0x40000000"));
    }
    let [low, _, _, high] = leaf(3, 0);
    rows.push(row("serial", digits(&[basic[0], low, high]), "eax,eax,ecx", 0, "1,3"));
    let family = format!("{:04x}", basic[0] & 0xf00);
    rows.push(row("family", Value::text(family), "eax", 0, "1"));
    for (question, register, bits) in FEATURES {
        let answer = leaf(*question, 0).get(*register).copied().unwrap_or(0);
        let name = REGISTERS.get(*register).copied().unwrap_or("");
        for (bit, feature) in *bits {
            let value = if answer & 1 << bit != 0 { "1" } else { "0" };
            rows.push(row(feature, Value::text(value), name, *bit, &question.to_string()));
        }
    }
    rows.push(row("sgx0", digits(&leaf(0x12, 0)), "eax,ebx,ecx,edx", 0, "18"));
    rows.push(row("sgx1", digits(&leaf(0x12, 1)), "eax,ebx,ecx,edx", 0, "18,1"));
    rows
}

/// The letters in registers, without what fills them up.
fn text(registers: &[u32]) -> Value {
    let bytes = registers.iter().flat_map(|register| register.to_le_bytes());
    Value::text(bytes.take_while(|&byte| byte != 0).collect::<Vec<_>>().trim_ascii())
}

fn digits(registers: &[u32]) -> Value {
    Value::text(registers.iter().map(|register| format!("{register:08x}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::rows;

    #[test]
    fn the_kernel_says_the_same_of_this_machine() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let field = |key: &str| {
            let pair = text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| name.trim() == key);
            pair.map(|(_, value)| value.trim().to_string())
        };
        let one = |feature: &str| rows("", &format!("select value from cpuid where feature = '{feature}'")).concat();
        let (Some(flags), Some(vendor)) = (field("flags"), field("vendor_id")) else {
            println!("skipped: needs an x86 CPU");
            assert!(rows("", "select * from cpuid").is_empty());
            return;
        };
        assert_eq!(one("vendor"), [vendor]);
        assert_eq!(one("product_name"), [field("model name").unwrap()]);
        // What the kernel never hides; the second name is the kernel's.
        for (ours, kernels) in [
            ("msr", "msr"),
            ("pae", "pae"),
            ("mmz", "mmx"),
            ("sse", "sse"),
            ("sse2", "sse2"),
            ("sse3", "pni"),
            ("ssse3", "ssse3"),
            ("sse4.2", "sse4_2"),
            ("aes", "aes"),
            ("hypervisor", "hypervisor"),
            ("bmi2", "bmi2"),
            ("lm", "lm"),
            ("page1gb", "pdpe1gb"),
            ("lahfsahf", "lahf_lm"),
        ] {
            let there = flags.split(' ').any(|flag| flag == kernels);
            assert_eq!(one(ours), [if there { "1" } else { "0" }], "{ours}");
        }
    }
}
