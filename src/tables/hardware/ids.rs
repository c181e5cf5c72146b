//! Names of PCI and USB vendors, devices and classes, from the lists that distributions ship: pci.ids
//! (pci-ids.ucw.cz) and usb.ids (linux-usb.org). A list is read once for all names that are wanted, a line at a time;
//! memory: the wanted names.

use crate::sys::root::Root;

/// Where distributions put pci.ids.
pub const PCI: [&str; 3] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids", "/usr/share/pci.ids"];
/// Where distributions put usb.ids.
pub const USB: [&str; 4] =
    ["/usr/share/misc/usb.ids", "/usr/share/hwdata/usb.ids", "/usr/share/usb.ids", "/var/lib/usbutils/usb.ids"];

/// What a name is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Key {
    Vendor(u16),
    /// Vendor and device.
    Device(u16, u16),
    /// Vendor, device, and vendor and device of the card that it is on.
    Subsystem([u16; 4]),
    Class(u8),
    Subclass(u8, u8),
}

/// Names by what they are for.
#[derive(Debug, Default)]
pub struct Names(Vec<(Key, Vec<u8>)>);

impl Names {
    /// Looks the names up in the first of the lists that is there.
    pub fn read(root: &Root, lists: &[&str], mut wanted: Vec<Key>) -> Self {
        wanted.sort_unstable();
        wanted.dedup();
        let mut names = Names(wanted.into_iter().map(|key| (key, Vec::new())).collect());
        let lines = if names.0.is_empty() { None } else { lists.iter().find_map(|list| root.lines(list).ok()) };
        let Some(mut lines) = lines else { return names };
        let (mut section, mut device) = (None, None);
        while let Some(line) = lines.next_line() {
            if line.starts_with(b"#") || line.is_empty() {
                continue;
            }
            let Some((key, name)) = entry(line, &mut section, &mut device) else { continue };
            if let Ok(at) = names.0.binary_search_by_key(&key, |(key, _)| *key)
                && let Some((_, place)) = names.0.get_mut(at)
            {
                *place = name.trim_ascii().to_vec();
            }
        }
        names
    }

    /// A name; empty if it was not found.
    pub fn get(&self, key: Key) -> &[u8] {
        let at = self.0.binary_search_by_key(&key, |(key, _)| *key).ok();
        at.and_then(|at| self.0.get(at)).map_or(&[], |(_, name)| name)
    }
}

/// A line's key and name. Indentation by tabs says what a line belongs to: `section` is the vendor or class begun,
/// `device` the device.
fn entry<'a>(line: &'a [u8], section: &mut Option<Key>, device: &mut Option<Key>) -> Option<(Key, &'a [u8])> {
    let depth = line.iter().take_while(|&&byte| byte == b'\t').count();
    let line = line.get(depth..)?;
    match (depth, *section, *device) {
        (0, ..) => {
            let class = line.strip_prefix(b"C ");
            *device = None;
            // Other sections begin with letters of their own; what belongs to them is of no interest.
            *section = match class {
                Some(class) => byte(class).map(Key::Class),
                None => word(line).filter(|_| line.get(4) == Some(&b' ')).map(Key::Vendor),
            };
            Some(((*section)?, class.unwrap_or(line).get(if class.is_some() { 2 } else { 4 }..)?))
        }
        (1, Some(Key::Vendor(vendor)), _) => {
            *device = word(line).map(|device| Key::Device(vendor, device));
            Some(((*device)?, line.get(4..)?))
        }
        (1, Some(Key::Class(class)), _) => Some((Key::Subclass(class, byte(line)?), line.get(2..)?)),
        (2, _, Some(Key::Device(vendor, device))) => {
            let card = [word(line)?, word(line.get(5..)?)?];
            Some((Key::Subsystem([vendor, device, card[0], card[1]]), line.get(9..)?))
        }
        _ => None,
    }
}

fn word(line: &[u8]) -> Option<u16> {
    u16::from_str_radix(std::str::from_utf8(line.get(..4)?).ok()?, 16).ok()
}

fn byte(line: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(line.get(..2)?).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::testing::Tree;

    const LIST: &str = "# comment\n\n1af4  Red Hat, Inc.\n\t1041  Virtio network device\n\t\t1af4 1100  QEMU # card\n\
        \t1042  Virtio block device\nC 02  Network controller\n\t00  Ethernet controller\n\t\t01  Some interface\n\
        HID 21  HID\n\t1041  Not a device\nAT 0100  x\nbeef\n\t1042  Of nobody\n8086  Intel\n\t1041  Other\n";

    #[test]
    fn names_of_everything_and_of_nothing() {
        let tree = Tree::new("ids");
        tree.file("/usr/share/hwdata/pci.ids", LIST);
        let keys = vec![
            Key::Subclass(2, 0),
            Key::Vendor(0x1af4),
            Key::Device(0x1af4, 0x1041),
            Key::Device(0x1af4, 0x1042),
            Key::Subsystem([0x1af4, 0x1041, 0x1af4, 0x1100]),
            Key::Class(2),
            Key::Vendor(0xbeef),
            Key::Device(0xbeef, 0x1042),
            Key::Vendor(0x1af4),
        ];
        let root = Root::new(tree.path());
        let names = Names::read(&root, &PCI, keys.clone());
        let found: Vec<_> = keys.iter().map(|&key| String::from_utf8_lossy(names.get(key))).collect();
        let wanted = [
            "Ethernet controller",
            "Red Hat, Inc.",
            "Virtio network device",
            "Virtio block device",
            "QEMU # card",
            "Network controller",
            "",
            "",
            "Red Hat, Inc.",
        ];
        assert_eq!(found, wanted);
        assert_eq!(names.get(Key::Vendor(0x8086)), b"", "not wanted");
        assert_eq!(Names::read(&root, &USB, keys).get(Key::Vendor(0x1af4)), b"");
    }

    #[test]
    fn broken_lists_are_harmless() {
        let (mut section, mut device) = (None, None);
        for line in [
            &b"\t"[..],
            b"\t\t",
            b"C ",
            b"C 0",
            b"12",
            b"1af4",
            b"\t104",
            b"1af4 x",
            b"\t\t1af4 110",
            b"\xff\xff\xff\xff ",
        ] {
            let _ = entry(line, &mut section, &mut device);
        }
    }
}
