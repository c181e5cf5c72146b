//! YARA's rules as far as most written ones go: text and hex strings, and conditions over them. Rules come as text,
//! nothing is opened here.
//!
//! Understood: tags, meta (read over), text strings with `nocase`, `wide`, `ascii`, `fullword`; hex strings with
//! `??`, `4?`, `?4` and fixed jumps `[n]`; in conditions `and`, `or`, `not`, `$a`, `$a at n`, `#a`, `filesize`, integers (`KB`,
//! `MB`), `uint8/16/32(n)` and their `be` forms within the first 4 KiB, comparisons, `any/all/none/n of them` or of a list.
//! All else (regular expressions, loops, modules, other rules' names, …) is an error that names it: a rule that is half
//! understood would find half.
//!
//! Source: YARA's documentation, "Writing YARA rules". A rule that is understood means what it means there.
//!
//! Bounds: 1 MiB of text, 1,000 strings of at most 1,024 bytes, 64 parentheses. Scanning holds two blocks and the first 1,000
//! places of each scan; its cost is the reading, and a search for a rare byte of every string.

pub mod condition;
pub mod pattern;
mod reader;
pub mod rules;
pub mod scan;
