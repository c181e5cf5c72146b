//! Tables about the agent itself, from its row in events.db and its configuration.

pub mod configuration;
pub mod osquery_events;
pub mod osquery_extensions;
pub mod osquery_flags;
pub mod osquery_info;
pub mod osquery_packs;
pub mod osquery_registry;
pub mod osquery_schedule;
pub mod process_ancestry_cache_stats;
pub mod stemma_status;
