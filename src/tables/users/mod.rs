//! Tables about accounts, and about what users keep and do.

pub mod authorized_keys;
pub mod groups;
pub mod homes;
pub mod known_hosts;
pub mod passwd;
pub mod shadow;
pub mod shell_history;
pub mod ssh_configs;
pub mod user_groups;
#[allow(clippy::module_inception)] // A table's file has the table's name.
pub mod users;
