//! All tables, by name.

use super::{agent, events, files, host, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &files::block_devices::TABLE,
    &files::certificates::TABLE,
    &files::disk_encryption::TABLE,
    &files::extended_attributes::TABLE,
    &files::file::TABLE,
    &files::file_lines::TABLE,
    &files::hash::TABLE,
    &files::magic::TABLE,
    &files::md_devices::TABLE,
    &files::md_drives::TABLE,
    &files::md_personalities::TABLE,
    &files::mounts::TABLE,
    &files::suid_bin::TABLE,
    &host::uptime::TABLE,
    &process::processes::TABLE,
];
