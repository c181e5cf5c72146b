//! All tables, by name.

use super::{agent, events, host, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &host::uptime::TABLE,
    &process::kernel_keys::TABLE,
    &process::listening_ports::TABLE,
    &process::process_envs::TABLE,
    &process::process_memory_map::TABLE,
    &process::process_namespaces::TABLE,
    &process::process_open_files::TABLE,
    &process::process_open_pipes::TABLE,
    &process::process_open_sockets::TABLE,
    &process::process_tree::TABLE,
    &process::processes::TABLE,
    &process::shared_memory::TABLE,
    &process::ulimit_info::TABLE,
];
