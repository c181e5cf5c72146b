//! SMBIOS tables (DMTF DSP0134) as the kernel hands them out in /sys/firmware/dmi/tables: `DMI` holds the structures,
//! `smbios_entry_point` says how many there are. Root only. Firmware is not to be trusted: every access is checked
//! against the structure's own length, and what is not there is None. Bound: 1 MiB of tables (usual are 4 to 16 KiB);
//! a structure is a view on them.

use crate::sql::table::{Cursor, Each, Query, Value};
use crate::sys::root::Root;
use std::collections::VecDeque;
use std::io::Read;

const TABLES: &str = "/sys/firmware/dmi/tables/DMI";
const ENTRY_POINT: &str = "/sys/firmware/dmi/tables/smbios_entry_point";
/// Most that is read of the tables, bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Type of the last structure.
const END_OF_TABLE: u8 = 127;

/// The structures, one after the other.
#[derive(Debug)]
pub struct Tables {
    bytes: Vec<u8>,
    /// Where the next one begins.
    at: usize,
    number: u32,
    /// How many there are.
    count: u32,
}

/// One structure.
#[derive(Clone, Copy, Debug)]
pub struct Structure<'a> {
    /// Its place among the others, from 0.
    pub number: u32,
    /// All of it: header, fields, strings and the two NULs at the end.
    pub whole: &'a [u8],
    /// Length of header and fields.
    length: usize,
}

impl Tables {
    /// Reads them; empty if there are none or they cannot be read.
    pub fn read(root: &Root) -> Self {
        let mut bytes = Vec::new();
        let read = root.open(TABLES).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
        if read.is_err() {
            bytes.clear();
        }
        let mut entry = Vec::new();
        let read = root.open(ENTRY_POINT).and_then(|file| file.take(64).read_to_end(&mut entry));
        Tables { bytes, at: 0, number: 0, count: read.ok().and_then(|_| count(&entry)).unwrap_or(u32::MAX) }
    }

    /// The next structure.
    pub fn next_structure(&mut self) -> Option<Structure<'_>> {
        let rest = self.bytes.get(self.at..)?;
        let length = usize::from(*rest.get(1)?);
        // Less than a header is no structure, nor is what ends beyond the tables.
        if length < 4 || length > rest.len() || self.number >= self.count {
            return None;
        }
        let strings = rest.get(length..)?;
        let end = memchr::memmem::find(strings, &[0, 0]).map_or(rest.len(), |at| length + at + 2);
        let structure = Structure { number: self.number, whole: rest.get(..end)?, length };
        self.number += 1;
        // What follows the last structure is not initialised.
        self.at = if structure.kind() == END_OF_TABLE { usize::MAX } else { self.at + end };
        Some(structure)
    }
}

/// The number of structures that a 2.x entry point states (offset 1Ch of `_SM_`); 3.x ones state none.
fn count(entry: &[u8]) -> Option<u32> {
    if !entry.starts_with(b"_SM_") {
        return None;
    }
    let number = entry.get(0x1c..0x1e)?.try_into().ok()?;
    Some(u32::from(u16::from_le_bytes(number))).filter(|&count| count > 0)
}

impl<'a> Structure<'a> {
    /// What it describes (DSP0134, table 5).
    pub fn kind(&self) -> u8 {
        self.byte(0).unwrap_or(0)
    }

    /// What others call it by.
    pub fn handle(&self) -> u16 {
        self.word(2).unwrap_or(0)
    }

    /// Length of header and fields, bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let formatted = self.whole.get(..self.length)?;
        formatted.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    /// A byte at an offset.
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.field(at).map(u8::from_le_bytes)
    }

    /// Two bytes, the lower first.
    pub fn word(&self, at: usize) -> Option<u16> {
        self.field(at).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn dword(&self, at: usize) -> Option<u32> {
        self.field(at).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn qword(&self, at: usize) -> Option<u64> {
        self.field(at).map(u64::from_le_bytes)
    }

    /// The string with this number, counted from 1, without blanks at its end; empty if there is none.
    pub fn string(&self, number: u8) -> &'a [u8] {
        let strings = self.whole.get(self.length..).unwrap_or(&[]);
        match usize::from(number).checked_sub(1) {
            Some(index) => strings.split(|&byte| byte == 0).nth(index).unwrap_or(&[]).trim_ascii_end(),
            None => &[],
        }
    }

    /// The string whose number is the byte at an offset.
    pub fn text(&self, at: usize) -> Value {
        Value::text(self.string(self.byte(at).unwrap_or(0)))
    }

    /// A handle of another structure as osquery writes it: `0x0011`; empty if the field is not there.
    pub fn reference(&self, at: usize) -> Value {
        self.word(at).map_or(Value::text(""), |handle| hex(u64::from(handle), 4))
    }

    /// The name of a code at an offset, from a list that begins with code 1; empty if it has none.
    pub fn name(&self, at: usize, names: &[&'static str]) -> Value {
        Value::text(self.byte(at).and_then(|code| name(names, code)).unwrap_or(""))
    }
}

/// The name of a code, from a list that begins with code 1.
pub fn name(names: &[&'static str], code: u8) -> Option<&'static str> {
    names.get(usize::from(code).checked_sub(1)?).copied()
}

/// A number in hexadecimal digits after `0x`.
pub fn hex(number: u64, digits: usize) -> Value {
    Value::Text(format!("0x{number:0digits$x}").into_bytes())
}

/// A number that fits; NULL for None.
pub fn number(number: Option<impl Into<i64>>) -> Value {
    number.map(Into::into).into()
}

/// A scan over the structures of one type (None: all): `rows` adds those of a structure.
pub fn scan(query: &Query, kind: Option<u8>, rows: fn(&Structure<'_>, &mut VecDeque<Vec<Value>>)) -> Box<dyn Cursor> {
    let mut tables = Tables::read(&query.context.root);
    let mut made = VecDeque::new();
    Each::of(move || {
        while made.is_empty() {
            let structure = tables.next_structure()?;
            if kind.is_none_or(|kind| kind == structure.kind()) {
                rows(&structure, &mut made);
            }
        }
        made.pop_front()
    })
}
