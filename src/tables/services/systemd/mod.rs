//! systemd's units without asking systemd: their names, files, texts, and signs of life. For the tables `systemd_units`
//! and `startup_items`.

pub mod files;
pub mod name;
pub mod state;
pub mod text;
