//! All tables, by name.

use super::{agent, events, host, net, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &host::uptime::TABLE,
    &net::arp_cache::TABLE,
    &net::dns_resolvers::TABLE,
    &net::interface_addresses::TABLE,
    &net::interface_details::TABLE,
    &net::interface_ipv6::TABLE,
    &net::iptables::TABLE,
    &net::routes::TABLE,
    &net::wireless_stations::TABLE,
    &process::processes::TABLE,
];
