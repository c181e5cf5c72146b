//! Tables about files, and about the devices and file systems on which they lie.

pub mod file;
pub mod file_lines;
mod found;
pub mod hash;
mod namespace;
pub mod pattern;
pub mod walk;
