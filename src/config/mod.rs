//! What people may set: [`options`] is the one list of options, from which flags, config file and help come; [`file`]
//! reads osquery's config file.

pub mod file;
pub mod flags;
pub mod gflags;
pub mod options;
pub mod packs;
