//! One file per table, in family folders; [`registry`] lists them. A new table is one new file and one line there.

pub mod agent;
pub mod aliases;
pub mod docker;
pub mod events;
pub mod feed;
pub mod files;
pub mod hardware;
pub mod host;
pub mod http;
pub mod lxd;
pub mod net;
pub mod packages;
pub mod process;
pub mod registry;
pub mod services;
pub mod text;
pub mod unsupported;
pub mod users;

#[cfg(test)]
mod registry_tests;
