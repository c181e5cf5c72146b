//! Tables about files, and about the devices and file systems on which they lie.

mod base64;
pub mod extended_attributes;
pub mod file;
pub mod file_lines;
mod found;
pub mod hash;
pub mod magic;
mod namespace;
pub mod pattern;
pub mod suid_bin;
pub mod walk;
