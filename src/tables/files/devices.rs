//! Block devices as /sys/block lists them: disks and their partitions, what udev's database knows of them
//! (/run/udev/data), and what they hold. Bound: as many as the system has. Cost: a directory read each; the first 68 KiB of
//! a device are read only when somebody asks what it holds and udev does not say.

use super::superblock::{self, Content};
use super::walk::Walk;
use crate::sql::table::Context;
use crate::sys::directory::Kind;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// A disk or a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The kernel's name, where `!` stands for `/`.
    pub name: String,
    /// The disk of a partition.
    pub disk: Option<String>,
}

/// All disks, sorted by name, each with its partitions behind it.
pub fn all(context: &Context) -> Vec<Device> {
    let names = |path: &str| {
        let names = context.root.sorted_names(path).into_iter();
        names.filter_map(|name| name.into_string().ok()).collect::<Vec<_>>()
    };
    let mut devices = Vec::new();
    for disk in names("/sys/block") {
        let inside = names(&format!("/sys/block/{disk}"));
        devices.push(Device { name: disk.clone(), disk: None });
        for name in inside.into_iter().filter(|name| name.starts_with(&*disk)) {
            if context.root.exists(format!("/sys/block/{disk}/{name}/partition")) {
                devices.push(Device { name, disk: Some(disk.clone()) });
            }
        }
    }
    devices
}

/// The node of a device by the kernel's name of it.
pub fn node(name: &str) -> String {
    format!("/dev/{}", name.replace('!', "/"))
}

impl Device {
    /// Its node.
    pub fn node(&self) -> String {
        node(&self.name)
    }

    /// The path of one of its files in /sys.
    pub fn path(&self, file: &str) -> String {
        match &self.disk {
            Some(disk) => format!("/sys/block/{disk}/{}/{file}", self.name),
            None => format!("/sys/block/{}/{file}", self.name),
        }
    }

    /// One line of its directory in /sys; empty: there is none.
    pub fn line(&self, context: &Context, file: &str) -> Vec<u8> {
        context.root.line(self.path(file))
    }

    /// A number there.
    pub fn number(&self, context: &Context, file: &str) -> Option<i64> {
        std::str::from_utf8(&self.line(context, file)).ok()?.parse().ok()
    }

    /// The devices of which it is made (dm, md).
    pub fn parts(&self, context: &Context) -> Vec<String> {
        let names = context.root.sorted_names(self.path("slaves")).into_iter();
        names.filter_map(|name| String::from_utf8(name.as_bytes().to_vec()).ok()).collect()
    }

    /// What udev's database says, as it stands there; empty where there is no udev.
    pub fn udev(&self, context: &Context) -> Vec<u8> {
        let number = self.line(context, "dev");
        let path = format!("/run/udev/data/b{}", String::from_utf8_lossy(&number));
        if number.is_empty() { Vec::new() } else { context.root.read(path).unwrap_or_default() }
    }

    /// The first bytes of what it holds; None if it cannot be read, holds nothing, or would make the reader wait.
    pub fn head(&self, context: &Rc<Context>) -> Option<Vec<u8>> {
        let is_floppy = self.name.starts_with("fd");
        if is_floppy || self.number(context, "size") == Some(0) || self.line(context, "dm/suspended") == b"1" {
            return None;
        }
        let mut head = Vec::new();
        let file = Walk::to(context, self.node().as_bytes(), None)?.open_as(&[Kind::Block, Kind::Regular]).ok()?;
        file.take(superblock::HEAD_BYTES as u64).read_to_end(&mut head).ok()?;
        Some(head)
    }

    /// What it holds; None if nobody says. `udev` is what [`Device::udev`] gave. The cipher of a LUKS device is known to
    /// its header alone.
    pub fn content(&self, context: &Rc<Context>, udev: &[u8]) -> Option<Content> {
        let text = |key: &str| String::from_utf8_lossy(property(udev, key)).into_owned();
        if !property(udev, "ID_FS_TYPE").is_empty() {
            let label = match property(udev, "ID_FS_LABEL_ENC") {
                b"" => property(udev, "ID_FS_LABEL").to_vec(),
                coded => decoded(coded),
            };
            return Some(Content { kind: text("ID_FS_TYPE"), uuid: text("ID_FS_UUID"), label, cipher: String::new() });
        }
        self.head(context).map(|head| superblock::of(&head))
    }
}

/// A property of udev's database: a line `E:KEY=VALUE`.
pub fn property<'a>(udev: &'a [u8], key: &str) -> &'a [u8] {
    let value = |line: &'a [u8]| line.strip_prefix(b"E:")?.strip_prefix(key.as_bytes())?.strip_prefix(b"=");
    udev.split(|&byte| byte == b'\n').find_map(value).unwrap_or(&[])
}

/// udev writes the odd bytes of a label as `\x20`.
fn decoded(coded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(coded.len());
    let mut rest = coded;
    while let [first, behind @ ..] = rest {
        let byte = behind.strip_prefix(b"x").and_then(|digits| digits.get(..2)).filter(|_| *first == b'\\');
        let byte = byte.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = behind.get(if byte.is_some() { 3 } else { 0 }..).unwrap_or(&[]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn udevs_lines_and_letters() {
        let udev = b"S:disk/by-id/x\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL_ENC=a\\x20b\\\nE:BROKEN\nE:ID_FS_TYPE_X=1\n";
        assert_eq!(property(udev, "ID_FS_TYPE"), b"ext4");
        assert_eq!(property(udev, "ID_FS"), b"");
        assert_eq!(decoded(property(udev, "ID_FS_LABEL_ENC")), b"a b\\");
        assert_eq!(decoded(b"\\xzz\\x4"), b"\\xzz\\x4");
    }
}
