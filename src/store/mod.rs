//! events.db: what is in it ([`schema`], [`row`], [`status`]), how rows get there ([`pending`], [`writer`], `batch`), how they
//! reach the disk (`durable`) and how they leave ([`retention`]).

mod batch;
mod durable;
pub mod pending;
pub mod reader;
pub mod retention;
pub mod row;
pub mod schema;
pub mod status;
pub mod writer;

#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod tests;
