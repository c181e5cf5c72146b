//! Tables about files, and about the devices and file systems on which they lie.

pub mod file;
mod found;
mod namespace;
pub mod pattern;
pub mod walk;
