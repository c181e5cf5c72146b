//! Tables about living processes, from /proc.

pub mod kernel_keys;
pub mod listening_ports;
mod living;
pub mod process_envs;
pub mod process_memory_map;
pub mod process_namespaces;
pub mod process_open_files;
pub mod process_open_pipes;
pub mod process_open_sockets;
pub mod process_tree;
pub mod processes;
pub mod shared_memory;
mod sockets;
mod tcp_dump;
pub mod ulimit_info;

/// A process whose image is there: spawn returns when the old one is gone, a moment before the new one's arguments are
/// in their place.
#[cfg(test)]
fn started(command: &mut std::process::Command) -> std::process::Child {
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let is_there = || std::fs::read(format!("/proc/{}/cmdline", child.id())).is_ok_and(|text| !text.is_empty());
    let began = std::time::Instant::now();
    while !is_there() && began.elapsed().as_secs() < 10 {
        std::thread::yield_now();
    }
    child
}
