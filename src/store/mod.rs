//! events.db: what is in it ([`schema`], [`row`], [`status`]), how rows get there ([`pending`], [`writer`]) and how they
//! leave ([`retention`]).

pub mod pending;
pub mod reader;
pub mod retention;
pub mod row;
pub mod schema;
pub mod status;
pub mod writer;
