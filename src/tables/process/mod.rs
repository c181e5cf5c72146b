//! Tables about living processes, from /proc.

mod living;
pub mod processes;

/// A process whose image is there: spawn returns when the old one is gone, a moment before the new one's arguments are in
/// their place.
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
