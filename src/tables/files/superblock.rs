//! What a block device holds, by the superblock at its beginning (or its end): kind, UUID and label in the words of
//! blkid(8). For machines without udev, whose database says the same. Pure: bytes in, texts out; one look at 68 KiB.
//!
//! Known: ext2, ext3, ext4, jbd, xfs, btrfs, f2fs, erofs, squashfs, vfat, exfat, ntfs, iso9660, swap, crypto_LUKS,
//! BitLocker, LVM2_member, linux_raid_member. Others have no kind.

use crate::sql::document::Document;

/// What is looked at, bytes: the superblock of btrfs lies at 64 KiB.
pub const HEAD_BYTES: usize = (64 << 10) + 4096;

/// What a device holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Kind of file system or of other use; empty: unknown.
    pub kind: String,
    /// As blkid writes it; empty: none.
    pub uuid: String,
    /// Empty: none.
    pub label: Vec<u8>,
    /// Of crypto_LUKS: version and cipher, `LUKS2-aes-xts-plain64`.
    pub cipher: String,
}

/// A superblock whose parts lie at fixed offsets; 0: there is no such part.
struct Fixed {
    magic: (usize, &'static [u8]),
    kind: &'static str,
    uuid: usize,
    /// Offset and length.
    label: (usize, usize),
}

const fn fixed(magic: (usize, &'static [u8]), kind: &'static str, uuid: usize, label: (usize, usize)) -> Fixed {
    Fixed { magic, kind, uuid, label }
}

const FIXED: &[Fixed] = &[
    fixed((0, b"XFSB"), "xfs", 32, (108, 12)),
    fixed((65536 + 64, b"_BHRfS_M"), "btrfs", 65536 + 32, (65536 + 299, 256)),
    fixed((1024, b"\x10\x20\xf5\xf2"), "f2fs", 1024 + 108, (0, 0)),
    fixed((1024, b"\xe2\xe1\xf5\xe0"), "erofs", 1024 + 48, (1024 + 64, 16)),
    fixed((0, b"hsqs"), "squashfs", 0, (0, 0)),
    fixed((0, b"\xfc\x4e\x2b\xa9"), "linux_raid_member", 16, (32, 32)),
    fixed((4096, b"\xfc\x4e\x2b\xa9"), "linux_raid_member", 4096 + 16, (4096 + 32, 32)),
    fixed((4086, b"SWAPSPACE2"), "swap", 1036, (1052, 16)),
    fixed((8182, b"SWAPSPACE2"), "swap", 1036, (1052, 16)),
    fixed((16374, b"SWAPSPACE2"), "swap", 1036, (1052, 16)),
    fixed((65526, b"SWAPSPACE2"), "swap", 1036, (1052, 16)),
    fixed((3, b"-FVE-FS-"), "BitLocker", 0, (0, 0)),
];

fn text(bytes: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or(&[]).trim_ascii_end().to_vec()
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&text(bytes)).into_owned()
}

/// 16 bytes as 8-4-4-4-12 digits; empty for sixteen zeros.
fn uuid(bytes: &[u8]) -> String {
    let mut out = String::new();
    if bytes.iter().all(|&byte| byte == 0) {
        return out;
    }
    for (index, byte) in bytes.iter().enumerate() {
        let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
        out.push_str(&format!("{dash}{byte:02x}"));
    }
    out
}

/// What lies behind `head`, the first bytes of a device.
pub fn of(head: &[u8]) -> Content {
    let at = |offset: usize, length: usize| head.get(offset..offset + length).unwrap_or(&[]);
    if at(0, 6) == b"LUKS\xba\xbe" {
        return luks(head);
    }
    for Fixed { magic: (offset, magic), kind, uuid: id, label: (label, length) } in FIXED {
        if at(*offset, magic.len()) == *magic {
            let uuid = if *id > 0 { uuid(at(*id, 16)) } else { String::new() };
            let label = if *kind == "f2fs" { wide(at(1024 + 124, 1024)) } else { text(at(*label, *length)) };
            return Content { kind: (*kind).into(), uuid, label, cipher: String::new() };
        }
    }
    ext(head).or_else(|| lvm(head)).or_else(|| fat(head)).or_else(|| iso(head)).unwrap_or_default()
}

/// UTF-16, little-endian, to its end or a NUL.
fn wide(bytes: &[u8]) -> Vec<u8> {
    let units = bytes.chunks_exact(2).map(|pair| pair.iter().rev().fold(0, |unit, &byte| unit << 8 | u16::from(byte)));
    let units: Vec<u16> = units.take_while(|&unit| unit != 0).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

fn word(head: &[u8], offset: usize) -> u32 {
    let bytes = head.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u32::from_le_bytes)
}

/// LUKS 1 and 2: the on-disk formats of cryptsetup's documentation.
fn luks(head: &[u8]) -> Content {
    let at = |offset: usize, length: usize| head.get(offset..offset + length).unwrap_or(&[]);
    let second = at(6, 2) == [0, 2];
    let cipher = if second {
        let json = head.get(4096..).unwrap_or(&[]).split(|&byte| byte == 0).next().unwrap_or(&[]);
        let segments = Document::parse(json);
        let cipher = segments.and_then(|json| {
            let first = json.members("$.segments").into_iter().next()?;
            json.text(&format!("{}.encryption", first.path))
        });
        format!("LUKS2-{}", cipher.unwrap_or_default())
    } else {
        format!("LUKS1-{}-{}", string(at(8, 32)), string(at(40, 32)))
    };
    Content {
        kind: "crypto_LUKS".into(),
        uuid: string(at(168, 40)),
        label: if second { text(at(24, 48)) } else { Vec::new() },
        cipher: cipher.trim_end_matches('-').into(),
    }
}

/// The second extended file system and those that came of it, by their features (ext4's documentation in the kernel).
fn ext(head: &[u8]) -> Option<Content> {
    if head.get(1080..1082)? != b"\x53\xef" {
        return None;
    }
    let (compatible, incompatible, read_only) = (word(head, 1116), word(head, 1120), word(head, 1124));
    let kind = match () {
        () if incompatible & 0x8 != 0 => "jbd",
        // Beyond filetype, recover and meta_bg; beyond sparse_super, large_file and btree_dir.
        () if incompatible & !0x16 != 0 || read_only & !0x7 != 0 => "ext4",
        () if compatible & 0x4 != 0 => "ext3",
        () => "ext2",
    };
    let (id, label) = (uuid(head.get(1128..1144)?), text(head.get(1144..1160)?));
    Some(Content { kind: kind.into(), uuid: id, label, cipher: String::new() })
}

/// A physical volume: its label lies in one of the first four sectors (LVM2's label and pv_header).
fn lvm(head: &[u8]) -> Option<Content> {
    let labels = (0..4).filter_map(|sector| head.get(sector * 512..));
    let label =
        labels.filter(|label| label.starts_with(b"LABELONE")).find(|label| label.get(24..32) == Some(b"LVM2 001"))?;
    let id = label.get(word(label, 20) as usize..)?.get(..32)?;
    let mut uuid = String::new();
    for (index, &byte) in id.iter().enumerate() {
        if matches!(index, 6 | 10 | 14 | 18 | 22 | 26) {
            uuid.push('-');
        }
        uuid.push(if byte.is_ascii_graphic() { char::from(byte) } else { '?' });
    }
    Some(Content { kind: "LVM2_member".into(), uuid, ..Content::default() })
}

/// FAT and what has kept its boot sector's form.
fn fat(head: &[u8]) -> Option<Content> {
    let at = |offset: usize, length: usize| head.get(offset..offset + length).unwrap_or(&[]);
    let serial = |offset: usize| {
        let number = word(head, offset);
        if number == 0 { String::new() } else { format!("{:04X}-{:04X}", number >> 16, number & 0xffff) }
    };
    if at(510, 2) != b"\x55\xaa" {
        return None;
    }
    let (kind, uuid, label) = match () {
        () if at(82, 8) == b"FAT32   " => ("vfat", serial(67), at(71, 11)),
        () if matches!(at(54, 8), b"FAT12   " | b"FAT16   " | b"FAT     ") => ("vfat", serial(39), at(43, 11)),
        () if at(3, 8) == b"EXFAT   " => ("exfat", serial(100), &[][..]),
        () if at(3, 8) == b"NTFS    " => ("ntfs", format!("{:08X}{:08X}", word(head, 76), word(head, 72)), &[][..]),
        () => return None,
    };
    let label = if label == b"NO NAME    " { Vec::new() } else { text(label) };
    Some(Content { kind: kind.into(), uuid, label, cipher: String::new() })
}

/// A CD's primary volume descriptor (ECMA-119); its UUID is the time of the last change, or of its making.
fn iso(head: &[u8]) -> Option<Content> {
    let volume = head.get(32768..32768 + 2048).filter(|volume| volume.get(1..6) == Some(b"CD001"))?;
    let times = [830, 813].map(|offset| volume.get(offset..offset + 16).unwrap_or(&[]));
    let is_set = |time: &&[u8]| time.iter().all(u8::is_ascii_digit) && time.iter().any(|&digit| digit != b'0');
    let mut uuid = String::new();
    for (index, &digit) in times.into_iter().find(is_set).unwrap_or(&[]).iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10 | 12 | 14) {
            uuid.push('-');
        }
        uuid.push(char::from(digit));
    }
    Some(Content { kind: "iso9660".into(), uuid, label: text(volume.get(40..72)?), cipher: String::new() })
}

#[cfg(test)]
mod tests;
