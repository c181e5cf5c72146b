//! /proc/PID/mounts (proc(5), fstab(5)): a line per mounted file system, `device path type options 0 0`, blanks in them
//! written as octal numbers.

/// A line, its parts as they stand there: [`unescaped`] gives their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Mount<'a> {
    pub device: &'a [u8],
    pub path: &'a [u8],
    pub kind: &'a [u8],
    pub options: &'a [u8],
}

/// The parts of a line; None if it is none.
pub fn parse(line: &[u8]) -> Option<Mount<'_>> {
    let mut parts = line.split(|&byte| byte == b' ');
    Some(Mount { device: parts.next()?, path: parts.next()?, kind: parts.next()?, options: parts.next()? })
}

/// `\040` and its like as the bytes for which they stand.
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let digits =
            behind.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..b'8').contains(digit)));
        let byte =
            digits.map(|digits| digits.iter().fold(0u8, |byte, digit| byte.wrapping_mul(8).wrapping_add(digit - b'0')));
        out.push(byte.unwrap_or(*first));
        rest = behind.get(if byte.is_some() { 3 } else { 0 }..).unwrap_or(&[]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_octal_numbers() {
        let mount = parse(b"/dev/sda1 /mnt/a\\040b\\134\\012 ext4 rw,relatime 0 0").unwrap();
        assert_eq!((mount.device, mount.kind, mount.options), (&b"/dev/sda1"[..], &b"ext4"[..], &b"rw,relatime"[..]));
        assert_eq!(unescaped(mount.path), b"/mnt/a b\\\n");
        assert_eq!(unescaped(b"\\04\\09\\777x\\"), b"\\04\\09\xffx\\");
        assert_eq!(parse(b"proc /proc"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn this_machines_lines_are_all_understood() {
        let text = std::fs::read("/proc/self/mounts").unwrap();
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        assert!(lines.map(|line| parse(line).unwrap()).any(|mount| mount.path == b"/" || mount.path == b"/proc"));
    }
}
