//! Tables about accounts, and about what users keep and do.

pub mod authorized_keys;
pub mod crontab;
pub mod groups;
pub mod homes;
pub mod known_hosts;
pub mod last;
pub mod logged_in_users;
pub mod passwd;
pub mod private_key;
pub mod shadow;
pub mod shell_history;
pub mod ssh_configs;
pub mod sudoers;
pub mod user_groups;
pub mod user_ssh_keys;
#[allow(clippy::module_inception)] // A table's file has the table's name.
pub mod users;
pub mod utmp;
