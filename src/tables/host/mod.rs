//! Tables about the machine.

pub mod uptime;
