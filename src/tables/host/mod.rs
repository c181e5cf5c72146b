//! Tables about the operating system and its kernel.

pub mod apparmor_profiles;
pub mod cpu_time;
pub mod identity;
pub mod kernel_info;
pub mod kernel_modules;
pub mod load_average;
pub mod memory_info;
pub mod os_version;
pub mod selinux_settings;
mod sysctl;
pub mod system_controls;
pub mod system_info;
pub mod time;
pub mod uptime;
