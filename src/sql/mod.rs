//! The query side: [`engine`] is SQLite with our tables and [`functions`] (by their [`names`]), within [`limits`];
//! [`table`] is what a table is, [`cache`] what a statement scans again; [`document`] is JSON read; [`json`], [`digest`]
//! and [`version`] are pieces of osquery's dialect.

pub mod cache;
pub mod digest;
pub mod document;
pub mod engine;
pub mod functions;
pub mod json;
pub mod limits;
pub mod names;
pub mod table;
pub mod version;

#[cfg(test)]
pub mod testing;
