//! The query side: [`engine`] is SQLite with our tables, [`table`] what a table is, [`document`] JSON read, [`json`] and
//! [`version`] helpers of osquery's dialect.

pub mod digest;
pub mod document;
pub mod engine;
pub mod json;
pub mod table;
pub mod version;

#[cfg(test)]
pub mod testing;
