//! Pure parsers of kernel text, one file per kernel file (proc(5)). Bytes in, numbers and slices out.

pub mod cpuinfo;
pub mod mdstat;
pub mod meminfo;
pub mod mounts;
pub mod net;
pub mod stat;
pub mod status;
