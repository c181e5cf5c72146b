//! ELF files by their headers (elf(5)): class, byte order, type, machine, interpreter. Bounded: of at most 64 program
//! headers and 512 dynamic entries; what lies outside the file is as if it were not there.

/// With what they begin.
pub const MAGIC: &[u8] = b"\x7fELF";

/// Machines by their numbers, in the words of file(1).
const MACHINES: &[(u16, &str)] = &[
    (2, "SPARC"),
    (3, "Intel 80386"),
    (4, "Motorola m68k"),
    (8, "MIPS"),
    (20, "PowerPC or cisco 4500"),
    (21, "64-bit PowerPC or cisco 7500"),
    (22, "IBM S/390"),
    (40, "ARM"),
    (42, "Renesas SH"),
    (43, "SPARC V9"),
    (50, "IA-64"),
    (62, "x86-64"),
    (94, "Tensilica Xtensa"),
    (183, "ARM aarch64"),
    (243, "UCB RISC-V"),
    (247, "eBPF"),
    (258, "LoongArch"),
];
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const DT_FLAGS_1: u64 = 0x6fff_fffb;
const DF_1_PIE: u64 = 0x0800_0000;

/// A view on fields of either class and byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    wide: bool,
    big: bool,
}

impl Fields<'_> {
    fn number(&self, offset: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(offset..offset.checked_add(length)?)?.iter();
        let join = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        Some(if self.big { bytes.fold(0, join) } else { bytes.rev().fold(0, join) })
    }

    /// A field at its offset in either class, as wide as an address.
    fn address(&self, narrow: usize, wide: usize) -> Option<u64> {
        if self.wide { self.number(wide, 8) } else { self.number(narrow, 4) }
    }
}

/// What the program headers say.
#[derive(Default)]
struct Linked {
    interpreter: Option<Vec<u8>>,
    dynamic: bool,
    pie: bool,
}

/// Data and MIME type; None if it is too short to be one. `read` gives bytes of the file from an offset, as many as there
/// are.
pub fn describe(head: &[u8], read: impl Fn(u64, &mut [u8]) -> usize) -> Option<(String, &'static str)> {
    let fields = Fields { bytes: head, wide: *head.get(4)? == 2, big: *head.get(5)? == 2 };
    let (kind, machine) = (fields.number(16, 2)?, fields.number(18, 2)? as u16);
    let linked = linked(&fields, read).unwrap_or_default();
    let (kind, mime) = match kind {
        1 => ("relocatable", "application/x-object"),
        2 => ("executable", "application/x-executable"),
        3 if linked.pie => ("pie executable", "application/x-pie-executable"),
        3 => ("shared object", "application/x-sharedlib"),
        4 => ("core file", "application/x-coredump"),
        _ => ("file", "application/octet-stream"),
    };
    let (class, order) = (if fields.wide { 64 } else { 32 }, if fields.big { "MSB" } else { "LSB" });
    let machine = MACHINES.iter().find(|(number, _)| *number == machine).map_or("unknown machine", |(_, name)| name);
    let system = match head.get(7)? {
        0 => "SYSV",
        3 => "GNU/Linux",
        _ => "other",
    };
    let mut data = format!("ELF {class}-bit {order} {kind}, {machine}, version {} ({system})", head.get(6)?);
    if matches!(kind, "executable" | "pie executable" | "shared object") {
        data.push_str(if linked.dynamic { ", dynamically linked" } else { ", statically linked" });
    }
    if let Some(interpreter) = &linked.interpreter {
        data.push_str(", interpreter ");
        data.push_str(&String::from_utf8_lossy(interpreter));
    }
    Some((data, mime))
}

fn linked(fields: &Fields<'_>, read: impl Fn(u64, &mut [u8]) -> usize) -> Option<Linked> {
    let (table, size, count) = match fields.wide {
        true => (fields.number(32, 8)?, fields.number(54, 2)?, fields.number(56, 2)?),
        false => (fields.number(28, 4)?, fields.number(42, 2)?, fields.number(44, 2)?),
    };
    let mut linked = Linked::default();
    for index in 0..count.min(64) {
        let mut bytes = [0; 56];
        let length = read(table.checked_add(index * size)?, &mut bytes);
        let header = Fields { bytes: bytes.get(..length)?, ..*fields };
        let (offset, length) = (header.address(4, 8)?, header.address(16, 32)?);
        match header.number(0, 4)? {
            PT_INTERP => {
                let mut path = [0; 256];
                let length = read(offset, &mut path).min(length as usize);
                linked.interpreter = path.get(..length)?.split(|&byte| byte == 0).next().map(<[u8]>::to_vec);
            }
            PT_DYNAMIC => {
                linked.dynamic = true;
                linked.pie = is_pie(fields, offset, length, &read);
            }
            _ => {}
        }
    }
    Some(linked)
}

/// Whether the dynamic section has the flag that tells a program from a library.
fn is_pie(fields: &Fields<'_>, offset: u64, length: u64, read: impl Fn(u64, &mut [u8]) -> usize) -> bool {
    let mut bytes = [0; 512 * 16];
    let count = read(offset, &mut bytes).min(usize::try_from(length).unwrap_or(usize::MAX));
    let step = if fields.wide { 16 } else { 8 };
    bytes.get(..count).unwrap_or(&[]).chunks(step).any(|entry| {
        let entry = Fields { bytes: entry, ..*fields };
        entry.address(0, 0) == Some(DT_FLAGS_1) && entry.address(4, 8).is_some_and(|flags| flags & DF_1_PIE != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<(String, &'static str)> {
        describe(bytes, |offset, out| {
            let from = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or(&[]);
            let length = from.len().min(out.len());
            out[..length].copy_from_slice(&from[..length]);
            length
        })
    }

    #[test]
    fn headers_of_both_classes_and_orders() {
        let mut arm = [0u8; 52];
        arm[..20].copy_from_slice(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x28\0");
        assert_eq!(of(&arm).unwrap().0, "ELF 32-bit LSB executable, ARM, version 1 (SYSV), statically linked");
        let mut mips = [0u8; 52];
        mips[..20].copy_from_slice(b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x01\0\x08");
        assert_eq!(
            of(&mips).unwrap(),
            ("ELF 32-bit MSB relocatable, MIPS, version 1 (SYSV)".into(), "application/x-object")
        );
    }

    #[test]
    fn no_bytes_are_too_strange() {
        let this = std::fs::read("/proc/self/exe").unwrap();
        let whole = of(&this).unwrap();
        assert!(whole.0.starts_with("ELF ") && whole.0.contains("executable"), "{whole:?}");
        for length in 0..400 {
            let _ = of(&this[..length]);
        }
        let mut bytes = this[..4096].to_vec();
        for index in 4..512 {
            for value in [0, 1, 0x7f, 0xff] {
                let before = std::mem::replace(&mut bytes[index], value);
                let _ = of(&bytes);
                bytes[index] = before;
            }
        }
    }
}
