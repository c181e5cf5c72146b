//! What several tables about hardware do alike: numbers of one-value files, and directories of devices gone through a
//! batch at a time.

use crate::sql::table::{Cursor, Each, Query, Value};
use crate::sys::root::Root;
use std::collections::VecDeque;
use std::ffi::OsString;

/// Devices taken at once by [`in_batches`].
const BATCH: usize = 128;

/// A decimal number, nothing else.
pub fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A hexadecimal number with or without `0x`.
pub fn hex(text: &[u8]) -> Option<u64> {
    let digits = text.strip_prefix(b"0x").unwrap_or(text);
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The decimal number in a file.
pub fn number(root: &Root, path: &str) -> Option<i64> {
    decimal(&root.line(path))
}

/// The text in a file, empty if it cannot be read.
pub fn text(root: &Root, path: &str) -> Value {
    Value::Text(root.line(path))
}

/// Most numbers of a list.
const MOST: usize = 1 << 16;

/// The numbers of a list as the kernel writes sets of CPUs: `0-3,5` (`lib/bitmap-str.c`). Ends at what is no number and
/// after [`MOST`] numbers.
pub fn numbers_of_list(list: &[u8]) -> impl Iterator<Item = i64> {
    let range = |part: &[u8]| {
        let mut ends = part.trim_ascii().split(|&byte| byte == b'-').map(decimal);
        let first = ends.next()??;
        Some(first..=ends.next().unwrap_or(Some(first))?)
    };
    list.split(|&byte| byte == b',').map_while(range).flatten().take(MOST)
}

/// A scan over the entries of a directory: `rows` gets some names at a time, sorted, and makes their rows. Memory:
/// that of one batch.
pub fn in_batches(
    query: Query,
    directory: &'static str,
    rows: fn(&Query, Vec<OsString>) -> Vec<Vec<Value>>,
) -> Box<dyn Cursor> {
    let mut names = query.context.root.names(directory);
    let mut made = VecDeque::new();
    Each::of(move || {
        while made.is_empty() {
            let mut batch: Vec<_> = names.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return None;
            }
            batch.sort_unstable();
            made.extend(rows(&query, batch));
        }
        made.pop_front()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_and_lists() {
        assert_eq!((decimal(b"12"), decimal(b"0x1"), decimal(b"")), (Some(12), None, None));
        assert_eq!((hex(b"0x1af4"), hex(b"ff"), hex(b"0xg"), hex(b"")), (Some(0x1af4), Some(255), None, None));
        let list = |text: &[u8]| numbers_of_list(text).collect::<Vec<_>>();
        assert_eq!(list(b"0-3,5"), [0, 1, 2, 3, 5]);
        assert_eq!(list(b"7"), [7]);
        assert_eq!(list(b""), [0i64; 0]);
        assert_eq!(list(b"1,x,3"), [1]);
        assert_eq!(list(b"3-1,9-,2"), [0i64; 0]);
        assert_eq!(list(b"0-9223372036854775807").len(), MOST);
    }
}
