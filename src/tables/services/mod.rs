//! Tables about what a machine starts by itself, and about the names that /etc gives.

pub mod etc_hosts;
pub mod etc_protocols;
pub mod etc_services;
pub mod startup_items;
pub mod systemd;
pub mod systemd_units;

use crate::sys::root::{Lines, Root};

/// Lines of a file in /etc, or of what a distribution ships in /usr/etc for the case that there is none.
fn etc_lines(root: &Root, path: &str) -> Option<Lines> {
    root.lines(path).or_else(|_| root.lines(format!("/usr{path}"))).ok()
}
