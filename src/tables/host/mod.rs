//! Tables about the machine.

pub mod load_average;
pub mod time;
pub mod uptime;
