//! Tables about accounts, and about what users keep and do.

pub mod homes;
pub mod passwd;
