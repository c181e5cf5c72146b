//! `/proc/PID/status` (`fs/proc/array.c: proc_pid_status`) and files of the same form: `Name:\tvalue` lines.

/// The rest of the line that begins with `name` (give it with its colon), without blanks around it.
pub fn line<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
}

/// The name, in which the kernel writes `\\n` for a newline and `\\\\` for a backslash.
pub fn name(text: &[u8]) -> Vec<u8> {
    let line = text.strip_prefix(b"Name:\t").and_then(|rest| rest.split(|&byte| byte == b'\n').next());
    let mut bytes = line.unwrap_or(&[]).iter().copied();
    let mut name = Vec::new();
    while let Some(byte) = bytes.next() {
        name.push(match byte {
            b'\\' => match bytes.next() {
                Some(b'n') => b'\n',
                escaped => escaped.unwrap_or(byte),
            },
            _ => byte,
        });
    }
    name
}

/// The first `N` numbers of such a line.
pub fn numbers<const N: usize>(text: &[u8], name: &[u8]) -> Option<[u32; N]> {
    let mut words = std::str::from_utf8(line(text, name)?).ok()?.split_ascii_whitespace();
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = words.next()?.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_lines_and_numbers() {
        let text = b"Name:\tUid: x\nUid:\t1\t2\t3\t4\nNSpid:\t9\nVmRSS:\t  12 kB\n";
        assert_eq!(numbers::<4>(text, b"Uid:"), Some([1, 2, 3, 4]));
        assert_eq!(numbers::<2>(text, b"NSpid:"), None);
        assert_eq!(numbers::<1>(text, b"VmRSS:"), Some([12]));
        assert_eq!(line(text, b"Name:"), Some(b"Uid: x".as_slice()));
        assert_eq!(line(text, b"Gid:"), None);
        assert_eq!(name(text), b"Uid: x");
        assert_eq!(name(b"Name:\ta\\nb\\\\n c \\"), b"a\nb\\n c \\");
        assert_eq!(name(b"State:\tName:\tx\n"), b"");
    }
}
