//! Tables about the hardware and its firmware.

pub mod device_tree;
pub mod sysfs;
pub mod topology;
