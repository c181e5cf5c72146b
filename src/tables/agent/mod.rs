//! Tables about the agent itself, from its row in events.db.

pub mod osquery_info;
pub mod process_ancestry_cache_stats;
pub mod stemma_status;
