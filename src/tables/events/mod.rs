//! Tables about what ran, from events.db: [`db`] finds it, [`ancestry`] walks it.

pub mod ancestry;
pub mod db;
pub mod process_ancestors;
pub mod process_events;
