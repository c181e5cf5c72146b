//! All tables, by name.

use super::{agent, events, hardware, host, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &hardware::device_tree::TABLE,
    &host::apparmor_profiles::TABLE,
    &host::cpu_time::TABLE,
    &host::kernel_info::TABLE,
    &host::kernel_modules::TABLE,
    &host::memory_info::TABLE,
    &host::os_version::TABLE,
    &host::selinux_settings::TABLE,
    &host::system_controls::TABLE,
    &host::system_info::TABLE,
    &host::uptime::TABLE,
    &process::processes::TABLE,
];
