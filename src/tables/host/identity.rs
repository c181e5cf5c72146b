//! Who this machine is: its names and its UUID, for several tables. From /proc, /etc and /sys; no name server is asked.

use crate::sys::root::Root;

/// UUIDs that vendors leave in the firmware of every machine they make; they identify nothing.
const PLACEHOLDERS: [&[u8]; 5] = [
    b"00000000-0000-0000-0000-000000000000",
    b"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    b"03000200-0400-0500-0006-000700080009",
    b"03020100-0504-0706-0809-0A0B0C0D0E0F",
    b"10000000-0000-8000-0040-000000000000",
];

/// The machine's UUID: SMBIOS (readable by root), else the machine-id in a UUID's form, else empty.
pub fn machine_uuid(root: &Root) -> Vec<u8> {
    let product = root.line("/sys/class/dmi/id/product_uuid").to_ascii_uppercase();
    if !product.is_empty() && !PLACEHOLDERS.contains(&product.as_slice()) {
        return product;
    }
    let id = root.line("/etc/machine-id");
    if id.len() != 32 || !id.iter().all(u8::is_ascii_hexdigit) {
        return id;
    }
    let ranges = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Vec<&[u8]> = ranges.into_iter().filter_map(|range| id.get(range)).collect();
    parts.join(b"-".as_slice())
}

/// The host name: the kernel's, else that of /etc/hostname (an image has no running kernel).
pub fn hostname(root: &Root) -> Vec<u8> {
    let name = root.line("/proc/sys/kernel/hostname");
    if name.is_empty() { root.line("/etc/hostname") } else { name }
}

/// The full host name as the resolver would say it from /etc/hosts: the first name of the line that holds ours; else
/// the host name itself.
pub fn full_hostname(root: &Root) -> Vec<u8> {
    let name = hostname(root);
    let Ok(mut lines) = root.lines("/etc/hosts") else { return name };
    while let Some(line) = lines.next_line() {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or(&[]);
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
        let Some(first) = words.next() else { continue };
        if first == name || words.any(|word| word == name) {
            return first.to_vec();
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;

    #[test]
    fn uuid_of_the_firmware_unless_it_is_a_placeholder() {
        let tree = Tree::new("identity-uuid");
        let root = Root::new(tree.path());
        assert_eq!(machine_uuid(&root), b"");
        tree.file("/etc/machine-id", "not an id\n");
        assert_eq!(machine_uuid(&root), b"not an id");
        tree.file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        assert_eq!(machine_uuid(&root), b"01234567-89ab-cdef-0123-456789abcdef");
        tree.file("/sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009\n");
        assert_eq!(machine_uuid(&root), b"01234567-89ab-cdef-0123-456789abcdef");
        tree.file("/sys/class/dmi/id/product_uuid", "4c4c4544-0042-4b10-8043-b7c04f4e3132\n");
        assert_eq!(machine_uuid(&root), b"4C4C4544-0042-4B10-8043-B7C04F4E3132");
    }

    #[test]
    fn names_from_the_kernel_and_hosts() {
        let tree = Tree::new("identity-names");
        let root = Root::new(tree.path());
        assert_eq!(full_hostname(&root), b"");
        tree.file("/etc/hostname", "box\n");
        assert_eq!(full_hostname(&root), b"box");
        tree.file("/etc/hosts", "# box\n127.0.0.1 localhost # box\n\n::1\n127.0.1.1\tbox.example.org  box\n");
        assert_eq!(full_hostname(&root), b"box.example.org");
        tree.file("/proc/sys/kernel/hostname", "running\n");
        assert_eq!((hostname(&root), full_hostname(&root)), (b"running".to_vec(), b"running".to_vec()));
    }
}
