//! `busybox_applets`: the programs that BusyBox stands in for. A row for each name under which a BusyBox lies in the
//! directories of programs, as a symbolic or hard link, and for each name that it knows and has no link of.
//!
//! What it knows is in the binary: BusyBox keeps its applets' names one behind the other, ended by NUL and sorted, its
//! own among them (libbb/appletlib.c: applet_names). The longest such list that holds `busybox` is taken; a binary that
//! was compressed shows none. It is not run. Bound: a binary of 8 MiB, in memory while its list is looked for. Cost: an
//! lstat for each program.

use super::names::NameSet;
use super::place::join;
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column};
use crate::sys::root::Names;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("applet", Type::Text, 0, "Name of the program."),
    column("path", Type::Text, 0, "Its link; empty if BusyBox knows it and there is none."),
    column("busybox", Type::Text, 0, "The BusyBox."),
    column("version", Type::Text, 0, "The BusyBox's version."),
    column("built_in", Type::Integer, 0, "Whether the BusyBox knows it: 1 or 0; NULL if that is not known."),
];
const DIRECTORIES: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
/// Longest applet's name, bytes; fewest names that are a list.
const NAME_BYTES: usize = 24;
const FEWEST: usize = 3;
/// Most BusyBoxes.
const MOST: usize = 16;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "busybox_applets",
    help: "Programs that BusyBox stands in for",
    columns: COLUMNS,
    open: |query| {
        let context = query.context.clone();
        let directories: Vec<_> = DIRECTORIES.iter().copied().filter(|directory| is_own(&context, directory)).collect();
        let boxes = boxes(&context, &directories);
        // Without a BusyBox no program need be looked at.
        let directories = if boxes.is_empty() { Vec::new() } else { directories }.into_iter();
        let (row, rest) = (Row::default(), Vec::new().into_iter());
        Ok(Box::new(Scan { context, boxes, directories, directory: "", names: Names::none(), next_box: 0, rest, row }))
    },
};

/// Whether a directory is not another one's second name, as /bin may be of /usr/bin.
fn is_own(context: &Context, directory: &str) -> bool {
    context.root.symlink_metadata(directory).is_ok_and(|status| status.is_dir())
}

/// A BusyBox.
struct Busybox {
    path: Vec<u8>,
    identity: (u64, u64),
    version: Vec<u8>,
    /// What it knows; none if that is not known.
    applets: Vec<Vec<u8>>,
    /// Those of which a link was found.
    linked: NameSet,
}

#[derive(Default)]
struct Row {
    applet: Vec<u8>,
    path: Vec<u8>,
    busybox: usize,
}

struct Scan {
    context: Rc<Context>,
    boxes: Vec<Busybox>,
    directories: std::vec::IntoIter<&'static str>,
    directory: &'static str,
    names: Names,
    /// The BusyBox whose applets without a link come next, and they.
    next_box: usize,
    rest: std::vec::IntoIter<Vec<u8>>,
    row: Row,
}

fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The BusyBoxes in these directories: files whose names begin so.
fn boxes(context: &Context, directories: &[&'static str]) -> Vec<Busybox> {
    let mut boxes: Vec<Busybox> = Vec::new();
    for directory in directories {
        let names = context.root.names(directory).filter(|name| name.as_bytes().starts_with(b"busybox"));
        for name in names.take(MOST) {
            let path = join(directory.as_bytes(), name.as_bytes());
            let Ok(status) = context.root.symlink_metadata(path_of(&path)) else { continue };
            let identity = (status.dev(), status.ino());
            if boxes.len() >= MOST || !status.is_file() || boxes.iter().any(|known| known.identity == identity) {
                continue;
            }
            let Ok(binary) = context.root.read(path_of(&path)) else { continue };
            let (version, applets) = (version(&binary), applets(&binary));
            boxes.push(Busybox { path, identity, version, applets, linked: NameSet::default() });
        }
    }
    boxes
}

/// What follows `BusyBox v` in its banner.
fn version(binary: &[u8]) -> Vec<u8> {
    const BANNER: &[u8] = b"BusyBox v";
    let after = memchr::memmem::find(binary, BANNER).and_then(|at| binary.get(at + BANNER.len()..)).unwrap_or(&[]);
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    after.iter().copied().take(NAME_BYTES).take_while(is_part).collect()
}

fn is_name(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"[_.-".contains(byte);
    let first = name.first().is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'[');
    first && name.len() <= NAME_BYTES && name.iter().all(is_letter)
}

/// The list of applets in a binary.
fn applets(binary: &[u8]) -> Vec<Vec<u8>> {
    const OWN: &[u8] = b"\0busybox\0";
    let (mut best, mut from) = (Vec::new(), 0);
    while let Some(found) = memchr::memmem::find(binary.get(from..).unwrap_or(&[]), OWN) {
        let own = from + found + 1;
        let names = list_around(binary, own);
        if names.len() > best.len() {
            best = names;
        }
        from = own;
    }
    if best.len() < FEWEST { Vec::new() } else { best.into_iter().map(<[u8]>::to_vec).collect() }
}

/// The sorted names around the one that begins at `own`.
fn list_around(binary: &[u8], own: usize) -> Vec<&[u8]> {
    let mut before = Vec::new();
    let mut start = own;
    // The name that ends where this one begins.
    while let Some(end) = start.checked_sub(1) {
        let head = binary.get(end.saturating_sub(NAME_BYTES + 1)..end).unwrap_or(&[]);
        let name = head.rsplit(|&byte| byte == 0).next().unwrap_or(&[]);
        let next = before.last().copied().unwrap_or(&b"busybox"[..]);
        if !is_name(name) || name >= next {
            break;
        }
        before.push(name);
        start = end - name.len();
    }
    before.reverse();
    let mut names = before;
    for name in binary.get(own..).unwrap_or(&[]).split(|&byte| byte == 0) {
        if !is_name(name) || names.last().is_some_and(|last| name <= *last) {
            break;
        }
        names.push(name);
    }
    names
}

impl Scan {
    /// Which BusyBox a path leads to, if it is not its own.
    fn busybox_of(&self, path: &[u8]) -> Option<usize> {
        let status = self.context.root.symlink_metadata(path_of(path)).ok()?;
        // A program of one name that is no link is not BusyBox's.
        let status = if status.is_symlink() {
            self.context.root.metadata(path_of(path)).ok()?
        } else {
            Some(status).filter(|status| status.nlink() > 1)?
        };
        let identity = (status.dev(), status.ino());
        self.boxes.iter().position(|busybox| busybox.identity == identity && busybox.path != path)
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.context.budget.tick()?;
            if let Some(name) = self.names.next() {
                let path = join(self.directory.as_bytes(), name.as_bytes());
                let Some(place) = self.busybox_of(&path) else { continue };
                let applet = name.as_bytes().to_vec();
                if let Some(busybox) = self.boxes.get_mut(place) {
                    busybox.linked.insert(&applet);
                }
                self.row = Row { applet, path, busybox: place };
                return Ok(true);
            } else if let Some(directory) = self.directories.next() {
                self.directory = directory;
                self.names = self.context.root.names(directory);
            } else if let Some(applet) = self.rest.next() {
                self.row = Row { applet, path: Vec::new(), busybox: self.next_box - 1 };
                return Ok(true);
            } else {
                let Some(busybox) = self.boxes.get(self.next_box) else { return Ok(false) };
                self.next_box += 1;
                let rest = busybox.applets.iter().filter(|applet| !busybox.linked.contains(applet));
                self.rest = rest.cloned().collect::<Vec<_>>().into_iter();
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(busybox) = self.boxes.get(self.row.busybox) else { return Ok(Value::Null) };
        Ok(match column {
            0 => Value::text(&self.row.applet),
            1 => Value::text(&self.row.path),
            2 => Value::text(&busybox.path),
            3 => Value::text(&busybox.version),
            _ if busybox.applets.is_empty() => Value::Null,
            _ => i64::from(busybox.applets.binary_search(&self.row.applet).is_ok()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const BINARY: &[u8] =
        b"\x7fELF\0BusyBox v1.36.1 (2024)\0%s\0[\0[[\0ash\0busybox\0cat\0mkfs.ext2\0zcat\0\xff\0busybox\0x\0";

    #[test]
    fn links_and_what_has_none() {
        let tree = Tree::new("busybox_applets");
        tree.file("/bin/busybox", BINARY).file("/usr/bin/other", "x").file("/sbin/.keep", "");
        tree.link("/bin/cat", "busybox").link("/usr/bin/ash", "../../bin/busybox").link("/bin/odd", "/bin/busybox");
        tree.link("/bin/old", "busybox").link("/usr/sbin", "../sbin").link("/bin/broken", "none");
        std::fs::hard_link(tree.place("/bin/busybox"), tree.place("/sbin/zcat")).unwrap();
        let path = |name: &str| if name.is_empty() { String::new() } else { name.to_string() };
        let row = |applet: &str, link: &str, known: &str| {
            [applet.into(), path(link), "/bin/busybox".into(), "1.36.1".into(), known.to_string()]
        };
        let wanted = [
            row("[", "", "1"),
            row("[[", "", "1"),
            row("ash", "/usr/bin/ash", "1"),
            row("busybox", "", "1"),
            row("cat", "/bin/cat", "1"),
            row("mkfs.ext2", "", "1"),
            row("old", "/bin/old", "0"),
            row("zcat", "/sbin/zcat", "1"),
        ];
        // A link of an absolute path leads out of the tree.
        assert_eq!(tree.rows("SELECT * FROM busybox_applets WHERE applet <> 'odd' ORDER BY applet"), wanted);
    }

    #[test]
    fn a_binary_without_a_list() {
        let tree = Tree::new("busybox_applets-none");
        tree.file("/bin/busybox", "packed").link("/bin/cat", "busybox");
        assert_eq!(tree.rows("SELECT * FROM busybox_applets"), [["cat", "/bin/cat", "/bin/busybox", "", "NULL"]]);
        let tree = Tree::new("busybox_applets-empty");
        tree.file("/bin/cat", "x");
        assert!(tree.rows("SELECT * FROM busybox_applets").is_empty());
    }

    #[test]
    fn says_what_busybox_says() {
        let sql = "SELECT DISTINCT busybox FROM busybox_applets WHERE built_in = 1";
        let [[path]] = &rows("", sql)[..].iter().map(|row| [row[0].clone()]).collect::<Vec<_>>()[..] else {
            println!("skipped: needs one busybox");
            return;
        };
        let Some(wanted) = host(path, &["--list"]) else {
            println!("skipped: needs a busybox that lists its applets");
            return;
        };
        let ours = rows("", "SELECT DISTINCT applet FROM busybox_applets WHERE built_in = 1 ORDER BY applet");
        let mut wanted: Vec<_> = wanted.lines().map(|line| vec![line.to_string()]).collect();
        wanted.sort_unstable();
        assert_eq!(ours, wanted);
        let banner = host(path, &["--help"]).unwrap_or_default();
        let version = rows("", "SELECT DISTINCT version FROM busybox_applets");
        assert!(banner.contains(&format!("BusyBox v{} ", version[0][0])), "{banner}");
    }
}
