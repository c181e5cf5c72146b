//! events.db: schema, batched writer, retention.

pub mod row;
pub mod schema;
pub mod status;
