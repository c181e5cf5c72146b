//! Tables about living processes, from /proc.

pub mod processes;
