//! Tables about files, and about the devices and file systems on which they lie.

mod arrays;
pub mod block_devices;
pub mod certificates;
mod devices;
pub mod disk_encryption;
pub mod extended_attributes;
pub mod file;
pub mod file_lines;
mod found;
pub mod hash;
pub mod magic;
pub mod md_devices;
pub mod md_drives;
pub mod md_personalities;
pub mod mounts;
mod names;
pub mod namespace;
pub mod pattern;
pub mod suid_bin;
mod superblock;
pub mod walk;
pub mod x509;
