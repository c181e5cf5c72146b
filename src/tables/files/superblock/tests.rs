//! File systems made by the host's own tools, with `blkid` as oracle, and headers laid out by hand.

use super::*;
use crate::sql::testing::{Tree, host};
use std::io::Read;

fn head(path: &std::path::Path) -> Vec<u8> {
    let mut head = Vec::new();
    std::fs::File::open(path).unwrap().take(HEAD_BYTES as u64).read_to_end(&mut head).unwrap();
    head
}

/// What blkid says of an image: kind, UUID, label.
fn blkid(path: &str) -> Option<[String; 3]> {
    let out = host("blkid", &["-p", "-o", "export", path])?;
    let value = |key: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or("").replace("\\ ", " ")
    };
    Some([value("TYPE"), value("UUID"), value("LABEL")])
}

#[test]
fn what_the_hosts_tools_make_is_what_blkid_says() {
    let tree = Tree::new("superblock-tools");
    let make: [(&str, &[&str]); 10] = [
        ("mkfs.ext2", &["-q", "-F", "-L", "two"]),
        ("mkfs.ext3", &["-q", "-F", "-L", "three"]),
        ("mkfs.ext4", &["-q", "-F", "-L", "a label"]),
        ("mkswap", &["-q", "-L", "swapped"]),
        ("mkfs.vfat", &["-n", "FATTY"]),
        ("mkfs.xfs", &["-q", "-f", "-L", "xx"]),
        ("mkfs.btrfs", &["-q", "-f", "-L", "bb"]),
        ("mkfs.f2fs", &["-q", "-f", "-l", "ff"]),
        ("mkfs.exfat", &[]),
        ("mkfs.ntfs", &["-q", "-F", "-f"]),
    ];
    let mut compared = 0;
    for (tool, arguments) in make {
        let place = tree.place(tool);
        std::fs::File::create(&place).unwrap().set_len(320 << 20).unwrap();
        let path = place.to_str().unwrap();
        if host(tool, &[arguments, &[path]].concat()).is_none() {
            continue;
        }
        let Some(theirs) = blkid(path) else { return println!("skipped: needs blkid") };
        let ours = of(&head(&place));
        assert_eq!([ours.kind, ours.uuid, string(&ours.label)], theirs, "{tool}");
        compared += 1;
    }
    println!("{compared} file systems compared");
}

#[test]
fn what_cryptsetup_makes_has_its_cipher() {
    let tree = Tree::new("superblock-luks");
    tree.file("key", "a key");
    let key = tree.place("key");
    for format in ["luks1", "luks2"] {
        let place = tree.place(format);
        std::fs::File::create(&place).unwrap().set_len(32 << 20).unwrap();
        let (path, key) = (place.to_str().unwrap(), key.to_str().unwrap());
        let fast = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
        let how = ["luksFormat", "-q", "--type", format, "--cipher", "aes-cbc-essiv:sha256", path, key];
        if host("cryptsetup", &[&fast[..], &how].concat()).is_none() {
            return println!("skipped: needs cryptsetup");
        }
        let ours = of(&head(&place));
        assert_eq!(ours.cipher, format!("{}-aes-cbc-essiv:sha256", format.to_uppercase()));
        let uuid = host("cryptsetup", &["luksUUID", path]).unwrap();
        assert_eq!(ours.uuid, uuid.trim());
    }
}

fn laid_out(parts: &[(usize, &[u8])]) -> Content {
    let mut head = vec![0; HEAD_BYTES];
    for (offset, bytes) in parts {
        head[*offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    of(&head)
}

#[test]
fn luks_has_version_and_cipher() {
    let id = b"2a2c7241-509d-4e78-9ff2-b7c3faa639f6";
    let first = laid_out(&[(0, b"LUKS\xba\xbe\0\x01"), (8, b"aes"), (40, b"xts-plain64"), (72, b"sha256"), (168, id)]);
    assert_eq!((&*first.kind, &*first.cipher), ("crypto_LUKS", "LUKS1-aes-xts-plain64"));
    assert_eq!(first.uuid.as_bytes(), id);
    let json = br#"{"keyslots":{},"segments":{"0":{"type":"crypt","encryption":"aes-xts-plain64","size":"dynamic"}}}"#;
    let second = laid_out(&[(0, b"LUKS\xba\xbe\0\x02"), (24, b"my disk"), (168, id), (4096, json)]);
    assert_eq!((&*second.cipher, &*second.label), ("LUKS2-aes-xts-plain64", &b"my disk"[..]));
    let broken = laid_out(&[(0, b"LUKS\xba\xbe\0\x02"), (4096, b"{\"segments\":[")]);
    assert_eq!((&*broken.kind, &*broken.cipher), ("crypto_LUKS", "LUKS2"));
}

#[test]
fn members_of_volumes_and_arrays() {
    let id = b"0vnYg3yx8pTGQ5aM1dEZcRbKf2sWq7Lu";
    let parts: [(usize, &[u8]); 4] = [(512, b"LABELONE"), (532, &[32, 0, 0, 0]), (536, b"LVM2 001"), (544, id)];
    let volume = laid_out(&parts);
    assert_eq!((&*volume.kind, &*volume.uuid), ("LVM2_member", "0vnYg3-yx8p-TGQ5-aM1d-EZcR-bKf2-sWq7Lu"));
    let far = laid_out(&[(0, b"LABELONE"), (20, &[255; 4]), (24, b"LVM2 001")]);
    assert_eq!(far, Content::default());
    let raid = laid_out(&[(4096, b"\xfc\x4e\x2b\xa9"), (4112, &[0x11; 16]), (4128, b"host:0")]);
    assert_eq!((&*raid.kind, &*raid.uuid), ("linux_raid_member", "11111111-1111-1111-1111-111111111111"));
    assert_eq!(raid.label, b"host:0");
}

#[test]
fn nothing_is_found_in_nothing() {
    for head in [&[][..], &[0; 10], &[0; 513], &[0xff; HEAD_BYTES], b"LUKS\xba\xbe"] {
        let content = of(head);
        assert!(content == Content::default() || content.kind == "crypto_LUKS", "{content:?}");
    }
    // A disk with a partition table alone.
    assert_eq!(laid_out(&[(510, b"\x55\xaa")]), Content::default());
    let cd = laid_out(&[(32769, b"CD001"), (32808, b"MY DISC   "), (33598, b"2024010203040506")]);
    assert_eq!((&*cd.kind, &*cd.uuid, &*cd.label), ("iso9660", "2024-01-02-03-04-05-06", &b"MY DISC"[..]));
}
