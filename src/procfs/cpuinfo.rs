//! `/proc/cpuinfo` (`arch/*/kernel/…: show_cpuinfo`): `key : value` lines, one block per CPU. The keys differ between
//! architectures; what is asked here is the first block, or how many blocks there are.

/// The value of the first line with this key, without the blanks around it.
pub fn field<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    pairs(text).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// How many CPUs are listed.
pub fn processors(text: &[u8]) -> i64 {
    pairs(text).filter(|(name, _)| *name == b"processor").count() as i64
}

/// How many packages they are in: the highest `physical id` and one; None where the kernel does not say.
pub fn packages(text: &[u8]) -> Option<i64> {
    let ids = pairs(text).filter(|(name, _)| *name == b"physical id");
    ids.filter_map(|(_, value)| std::str::from_utf8(value).ok()?.parse::<i64>().ok())
        .max()
        .map(|last| last.saturating_add(1))
}

/// What people call this CPU; empty if nobody says. x86, 32-bit ARM, RISC-V: `model name`; MIPS: `cpu model`; PowerPC:
/// `cpu`; 64-bit ARM says numbers only.
pub fn brand(text: &[u8]) -> &[u8] {
    let said = [&b"model name"[..], b"cpu model", b"Processor", b"cpu", b"uarch"];
    said.into_iter().find_map(|key| field(text, key)).filter(|name| !name.is_empty()).unwrap_or_else(|| arm_core(text))
}

/// Parts of Arm's own design (Arm's documentation of MIDR_EL1, one Technical Reference Manual per core).
const ARM_PARTS: &[(&str, &str)] = &[
    ("0x926", "ARM926EJ-S"),
    ("0xb76", "ARM1176JZF-S"),
    ("0xc05", "Cortex-A5"),
    ("0xc07", "Cortex-A7"),
    ("0xc08", "Cortex-A8"),
    ("0xc09", "Cortex-A9"),
    ("0xc0e", "Cortex-A17"),
    ("0xc0f", "Cortex-A15"),
    ("0xd03", "Cortex-A53"),
    ("0xd04", "Cortex-A35"),
    ("0xd05", "Cortex-A55"),
    ("0xd07", "Cortex-A57"),
    ("0xd08", "Cortex-A72"),
    ("0xd09", "Cortex-A73"),
    ("0xd0a", "Cortex-A75"),
    ("0xd0b", "Cortex-A76"),
    ("0xd0c", "Neoverse-N1"),
    ("0xd40", "Neoverse-V1"),
    ("0xd49", "Neoverse-N2"),
];

fn arm_core(text: &[u8]) -> &'static [u8] {
    if field(text, b"CPU implementer") != Some(b"0x41") {
        return b"";
    }
    let part = field(text, b"CPU part").unwrap_or(b"");
    ARM_PARTS.iter().find(|(number, _)| number.as_bytes() == part).map_or(b"", |(_, name)| name.as_bytes())
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((line.get(..colon)?.trim_ascii(), line.get(colon + 1..)?.trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_of_several_architectures() {
        let x86 = b"processor\t: 0\nmodel\t\t: 17\nmodel name\t: A CPU @ 2.0: x\nphysical id\t: 0\n\nprocessor\t: 1\nphysical id\t: 1\n";
        assert_eq!(field(x86, b"model"), Some(b"17".as_slice()));
        assert_eq!(brand(x86), b"A CPU @ 2.0: x");
        assert_eq!((processors(x86), packages(x86)), (2, Some(2)));
        let arm = b"processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n";
        assert_eq!(brand(arm), b"Cortex-A72");
        assert_eq!(packages(arm), None);
        assert_eq!(brand(b"CPU implementer : 0x51\nCPU part : 0xd08\n"), b"");
        assert_eq!(brand(b"system type\t\t: MediaTek\ncpu model\t\t: MIPS 1004Kc V2.15\n"), b"MIPS 1004Kc V2.15");
        assert_eq!(brand(b""), b"");
        assert_eq!(processors(b":\n::\nprocessor"), 0);
    }
}
