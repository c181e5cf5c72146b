//! Pieces of lines: what the readers of text files in /etc have in common.

/// The words between blanks.
pub fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A decimal number that is the whole text.
pub fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What stands before the first `byte`, and after it.
pub fn split_once(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(memchr::memchr(byte, text)?)?;
    Some((before, rest.get(1..)?))
}

/// What stands before `#`, and after it without blanks around.
pub fn without_comment(line: &[u8]) -> (&[u8], &[u8]) {
    let (entry, comment) = split_once(line, b'#').unwrap_or((line, &[]));
    (entry, comment.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::{number, split_once, without_comment, words};

    #[test]
    fn pieces() {
        assert_eq!(words(b"  a\t b\r").collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!([number::<i32>(b"12"), number(b""), number(b"1 "), number(b"\xff")], [Some(12), None, None, None]);
        assert_eq!(split_once(b"a=b=c", b'='), Some((&b"a"[..], &b"b=c"[..])));
        assert_eq!(split_once(b"a", b'='), None);
        assert_eq!(without_comment(b"a # b # c "), (&b"a "[..], &b"b # c"[..]));
        assert_eq!(without_comment(b"a"), (&b"a"[..], &b""[..]));
    }
}
