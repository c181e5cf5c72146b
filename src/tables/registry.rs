//! All tables, by name.

use super::{agent, events, host, process, services, users};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &host::uptime::TABLE,
    &process::processes::TABLE,
    &services::etc_hosts::TABLE,
    &services::etc_protocols::TABLE,
    &services::etc_services::TABLE,
    &services::startup_items::TABLE,
    &services::systemd_units::TABLE,
    &users::authorized_keys::TABLE,
    &users::crontab::TABLE,
    &users::groups::TABLE,
    &users::known_hosts::TABLE,
    &users::last::TABLE,
    &users::logged_in_users::TABLE,
    &users::shadow::TABLE,
    &users::shell_history::TABLE,
    &users::ssh_configs::TABLE,
    &users::sudoers::TABLE,
    &users::user_groups::TABLE,
    &users::user_ssh_keys::TABLE,
    &users::users::TABLE,
];
