//! All tables, by name.

use super::{agent, events, host, packages, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &host::uptime::TABLE,
    &packages::apt_sources::TABLE,
    &packages::deb_package_files::TABLE,
    &packages::deb_packages::TABLE,
    &packages::npm_packages::TABLE,
    &packages::portage_keywords::TABLE,
    &packages::portage_packages::TABLE,
    &packages::portage_use::TABLE,
    &packages::python_packages::TABLE,
    &packages::rpm_package_files::TABLE,
    &packages::rpm_packages::TABLE,
    &packages::yum_sources::TABLE,
    &process::processes::TABLE,
];
