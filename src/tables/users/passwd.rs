//! Lines of /etc/passwd, /etc/group and /etc/shadow (passwd(5), group(5), shadow(5)): views, nothing is copied.
//! A line that begins with `+` or `-` asks glibc for NIS, one with `#` is a comment; neither is an account.

use crate::tables::text::number;

/// A line of /etc/passwd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Account<'a> {
    pub name: &'a [u8],
    pub uid: u32,
    pub gid: u32,
    pub gecos: &'a [u8],
    pub directory: &'a [u8],
    pub shell: &'a [u8],
}

/// A line of /etc/group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its id.
    pub gid: u32,
    members: &'a [u8],
}

/// The fields of a line that stands for an account or a group.
pub fn fields(line: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let line = line.trim_ascii_start();
    match line.first()? {
        b'#' | b'+' | b'-' => None,
        _ => Some(line.split(|&byte| byte == b':')),
    }
}

/// A line of /etc/passwd; None if it is no account. What is missing at its end is empty.
pub fn account(line: &[u8]) -> Option<Account<'_>> {
    let mut fields = fields(line)?;
    let name = fields.next()?;
    let uid = number(fields.nth(1)?)?;
    let gid = number(fields.next()?)?;
    let mut next = || fields.next().unwrap_or(&[]);
    Some(Account { name, uid, gid, gecos: next(), directory: next(), shell: next().trim_ascii_end() })
}

/// A line of /etc/group; None if it is no group.
pub fn group(line: &[u8]) -> Option<Group<'_>> {
    let mut fields = fields(line)?;
    let name = fields.next()?;
    let gid = number(fields.nth(1)?.trim_ascii_end())?;
    Some(Group { name, gid, members: fields.next().unwrap_or(&[]) })
}

impl<'a> Group<'a> {
    /// The names of those in it, besides those whose primary group it is.
    pub fn members(&self) -> impl Iterator<Item = &'a [u8]> {
        self.members.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::{account, group};

    #[test]
    fn lines_good_and_bad() {
        let line = account(b"root:x:0:0:Root,,,:/root:/bin/sh").unwrap();
        assert_eq!((line.name, line.uid, line.gid), (&b"root"[..], 0, 0));
        assert_eq!((line.gecos, line.directory, line.shell), (&b"Root,,,"[..], &b"/root"[..], &b"/bin/sh"[..]));
        assert_eq!(account(b"short:x:4294967295:1").unwrap().uid, u32::MAX);
        for bad in
            ["", "#root:x:0:0", "+::::::", "+@net:x:0:0:::", "-x:x:0:0:::", "name", "a:x:b:0", "a:x:4294967296:0"]
        {
            assert_eq!(account(bad.as_bytes()), None, "{bad}");
        }
        let line = group(b"adm:x:4:alice, bob,,").unwrap();
        assert_eq!((line.name, line.gid), (&b"adm"[..], 4));
        assert_eq!(line.members().collect::<Vec<_>>(), [b"alice", &b"bob"[..]]);
        assert_eq!(group(b"empty:x:5").unwrap().members().count(), 0);
        assert_eq!(group(b"empty:x"), None);
    }
}
