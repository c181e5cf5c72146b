//! Names of units (systemd.unit(5)): `prefix[@[instance]].type`. Pure functions over bytes.

const TYPES: [&[u8]; 11] = [
    b"service",
    b"socket",
    b"device",
    b"mount",
    b"automount",
    b"swap",
    b"target",
    b"path",
    b"timer",
    b"slice",
    b"scope",
];

/// A unit's type, from `service` to `scope`; empty if it is no unit's name.
pub fn kind(name: &[u8]) -> &[u8] {
    let Some(dot) = name.iter().rposition(|&byte| byte == b'.') else { return &[] };
    let (prefix, kind) = name.split_at_checked(dot).unwrap_or((name, &[]));
    let kind = kind.get(1..).unwrap_or(&[]);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b":_.-\\@".contains(byte);
    let is_name = !prefix.is_empty() && name.len() < 256 && prefix.iter().all(is_letter) && !prefix.starts_with(b"@");
    if is_name && TYPES.contains(&kind) { kind } else { &[] }
}

/// Prefix and instance; the instance is None without `@`, empty for a template.
pub fn split(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = name.len().saturating_sub(kind(name).len() + 1);
    let name = name.get(..end).unwrap_or(name);
    match crate::tables::text::split_once(name, b'@') {
        Some((prefix, instance)) => (prefix, Some(instance)),
        None => (name, None),
    }
}

/// Whether it is a template, `name@.type`.
pub fn is_template(name: &[u8]) -> bool {
    split(name).1 == Some(b"")
}

/// The template with an instance filled in, or the template of an instance where `instance` is empty. None without `@`.
pub fn with_instance(name: &[u8], instance: &[u8]) -> Option<Vec<u8>> {
    let (prefix, old) = split(name);
    old.map(|_| [prefix, b"@", instance, b".", kind(name)].concat())
}

/// A path as the prefix of a unit's name (systemd-escape --path).
pub fn escape_path(path: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        if !name.is_empty() {
            name.push(b'-');
        }
        for &byte in part {
            // A dot at the very beginning would hide the name.
            if byte.is_ascii_alphanumeric() || b":_".contains(&byte) || (byte == b'.' && !name.is_empty()) {
                name.push(byte);
            } else {
                name.extend_from_slice(b"\\x");
                push_hex(&mut name, byte);
            }
        }
    }
    if name.is_empty() { b"-".to_vec() } else { name }
}

/// An instance or prefix with `-` as `/` and `\xHH` as bytes (systemd-escape --unescape).
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.strip_prefix(b"x").and_then(|hex| std::str::from_utf8(hex.get(..2)?).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'\\') {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or(&[]);
            }
            None => {
                plain.push(if byte == b'-' { b'/' } else { byte });
                rest = after;
            }
        }
    }
    plain
}

/// The unit's object path on D-Bus: letters and digits stay, other bytes, and a digit at the beginning, are `_hh`.
pub fn object_path(name: &[u8]) -> Vec<u8> {
    let mut path = b"/org/freedesktop/systemd1/unit/".to_vec();
    for (index, &byte) in name.iter().enumerate() {
        if byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit()) {
            path.push(byte);
        } else {
            path.push(b'_');
            push_hex(&mut path, byte);
        }
    }
    path
}

fn push_hex(text: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.extend([byte >> 4, byte & 15].iter().filter_map(|digit| DIGITS.get(usize::from(*digit))));
}

#[cfg(test)]
mod tests {
    use super::{escape_path, is_template, kind, object_path, split, unescape, with_instance};
    use crate::sql::testing::host;

    #[test]
    fn parts_of_names() {
        assert_eq!(kind(b"a.b-c:d_e\\x2d@1.service"), b"service");
        for bad in [&b"service"[..], b".service", b"a.conf", b"@a.service", b"a/b.service", b"a b.service", b"", b"a."]
        {
            assert_eq!(kind(bad), b"", "{bad:?}");
        }
        assert_eq!(split(b"getty@tty1.service"), (&b"getty"[..], Some(&b"tty1"[..])));
        assert_eq!(split(b"a.b.timer"), (&b"a.b"[..], None));
        assert!(
            is_template(b"getty@.service") && !is_template(b"getty@tty1.service") && !is_template(b"getty.service")
        );
        assert_eq!(with_instance(b"getty@tty1.service", b"").as_deref(), Some(&b"getty@.service"[..]));
        assert_eq!(with_instance(b"getty@.service", b"x").as_deref(), Some(&b"getty@x.service"[..]));
        assert_eq!(with_instance(b"getty.service", b"x"), None);
        assert_eq!(object_path(b"0a-b.service"), b"/org/freedesktop/systemd1/unit/_30a_2db_2eservice");
    }

    #[test]
    fn systemd_escape_does_the_same() {
        for path in ["/", "/home", "//var//lib/x.y/", "/.hidden/a b", "/dev/disk/by-id/a-b", "/\u{e9}", "/a/.b"] {
            let escaped = escape_path(path.as_bytes());
            let Some(theirs) = host("systemd-escape", &["--path", path]) else {
                println!("skipped: needs systemd-escape");
                return;
            };
            assert_eq!(String::from_utf8(escaped.clone()).unwrap(), theirs.trim_end(), "{path}");
            let plain = String::from_utf8(unescape(&escaped)).unwrap();
            let theirs = host("systemd-escape", &["--unescape", "--", theirs.trim_end()]).unwrap();
            assert_eq!(plain, theirs.trim_end());
        }
        assert_eq!(unescape(b"a\\x2"), b"a\\x2");
        assert_eq!(unescape(b"\\xzz\\"), b"\\xzz\\");
    }
}
