//! `process_memory_map`: what is mapped into processes, from /proc/PID/maps (`fs/proc/task_mmu.c: show_map_vma`). Only
//! the owner and root may read it. Streamed line by line; a path longer than a line of 64 KiB is cut.

use super::living::Living;
use crate::sql::table::{Column, Cursor, INDEX, LISTS, OPTIMIZED, Table, TableError, Type, Value, column};
use crate::sys::dir::Name;
use crate::sys::root::Lines;

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, INDEX | OPTIMIZED | LISTS, "Process id."),
    column("start", Type::Text, 0, "First address, hexadecimal with 0x."),
    column("end", Type::Text, 0, "First address after it."),
    column("permissions", Type::Text, 0, "r, w, x, and p for private or s for shared; - for what is not allowed."),
    column("offset", Type::BigInt, 0, "Where in the file it begins, bytes."),
    column("device", Type::Text, 0, "The file's device, major:minor, hexadecimal."),
    column("inode", Type::Integer, 0, "The file's inode; 0: no file."),
    column("path", Type::Text, 0, "The file, or what else it is, such as [heap]."),
    column("pseudo", Type::Integer, 0, "1: the path names no file."),
];

const PID: usize = 0;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "process_memory_map",
    help: "Memory mappings of running processes",
    columns: COLUMNS,
    open: |query| {
        let living = Living::of(&query, PID);
        Ok(Box::new(Scan { living, pid: 0, lines: Lines::default(), region: Region::default() }))
    },
};

/// A line of maps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Region {
    start: Vec<u8>,
    end: Vec<u8>,
    permissions: Vec<u8>,
    offset: i64,
    device: Vec<u8>,
    inode: i64,
    path: Vec<u8>,
}

fn address(text: &[u8]) -> Option<Vec<u8>> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit);
    is_number.then(|| [b"0x", text].concat())
}

fn region(line: &[u8]) -> Option<Region> {
    // Five words with one blank after each, then blanks up to a column, then the path with all its own blanks.
    let mut words = line.splitn(6, |&byte| byte == b' ');
    let mut addresses = words.next()?.splitn(2, |&byte| byte == b'-');
    let number = |word: &[u8], base| u64::from_str_radix(std::str::from_utf8(word).ok()?, base).ok();
    Some(Region {
        start: address(addresses.next()?)?,
        end: address(addresses.next()?)?,
        permissions: words.next()?.to_vec(),
        offset: number(words.next()?, 16)? as i64,
        device: words.next()?.to_vec(),
        inode: number(words.next()?, 10)? as i64,
        path: words.next().unwrap_or(&[]).trim_ascii_start().to_vec(),
    })
}

struct Scan {
    living: Living,
    pid: u32,
    lines: Lines,
    region: Region,
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            while let Some(line) = self.lines.next_line() {
                if let Some(region) = region(line) {
                    self.region = region;
                    return Ok(true);
                }
            }
            let Some((pid, proc)) = self.living.next_pid().zip(self.living.proc()) else { return Ok(false) };
            self.pid = pid;
            // The lines before are all given: what cannot be opened adds none.
            let _ = proc.lines(&Name::number(pid).with(b"/maps"), &mut self.lines);
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let region = &self.region;
        Ok(match column {
            PID => i64::from(self.pid).into(),
            1 => Value::text(&region.start),
            2 => Value::text(&region.end),
            3 => Value::text(&region.permissions),
            4 => region.offset.into(),
            5 => Value::text(&region.device),
            6 => region.inode.into(),
            7 => Value::text(&region.path),
            _ => i64::from(region.inode == 0 && !region.path.is_empty()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    const MAPS: &str = "\
08048000-08056000 r-xp 00001000 03:0c 64593      /usr/sbin/a b (deleted)
08056000-08058000 rw-p 0000d000 03:0c 64593      /usr/sbin/gpm
08058000-0805b000 rwxp 00000000 00:00 0 
bfffb000-bffff000 rwxp 00000000 00:00 0          [stack]
nonsense
08058000 rwxp 00000000 00:00 0
0805zzzz-0805b000 rwxp 00000000 00:00 0
7ffe-7fff ---s 10000000000000000 00:00 0 [too large]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]";

    #[test]
    fn lines_of_all_kinds() {
        let tree = Tree::new("maps");
        tree.file("/proc/3/maps", MAPS).file("/proc/4/maps", "").file("/proc/5/maps/x", "");
        let wanted = [
            ["0x08048000", "0x08056000", "r-xp", "4096", "03:0c", "64593", "/usr/sbin/a b (deleted)", "0"],
            ["0x08056000", "0x08058000", "rw-p", "53248", "03:0c", "64593", "/usr/sbin/gpm", "0"],
            ["0x08058000", "0x0805b000", "rwxp", "0", "00:00", "0", "", "0"],
            ["0xbfffb000", "0xbffff000", "rwxp", "0", "00:00", "0", "[stack]", "1"],
            ["0xffffffffff600000", "0xffffffffff601000", "--xp", "0", "00:00", "0", "[vsyscall]", "1"],
        ];
        let sql = "SELECT start, \"end\", permissions, offset, device, inode, path, pseudo FROM process_memory_map";
        assert_eq!(tree.rows(sql), wanted);
        assert_eq!(tree.rows("SELECT DISTINCT pid FROM process_memory_map WHERE pid > 0"), [["3"]]);
    }

    #[test]
    fn our_own_image_is_mapped() {
        let pid = std::process::id();
        let sql = |what: &str| format!("SELECT {what} FROM process_memory_map WHERE pid = {pid}");
        let exe = std::env::current_exe().unwrap();
        let code = format!("{} AND path = '{}' AND permissions = 'r-xp'", sql("inode"), exe.display());
        let text = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = text.lines().find(|line| line.contains("r-xp") && line.ends_with(&format!(" {}", exe.display())));
        let inode = line.unwrap().split_whitespace().nth(4).unwrap();
        assert_eq!(rows("", &code).first(), Some(&vec![inode.to_string()]));
        // The number of regions may change while other tests run.
        let lines = text.lines().count();
        let found = rows("", &sql("start")).len();
        assert!(found.abs_diff(lines) < 20, "{found} regions, {lines} lines");
        assert_eq!(rows("", &format!("{} AND path = '[stack]'", sql("pseudo"))), [["1"]]);
    }
}
