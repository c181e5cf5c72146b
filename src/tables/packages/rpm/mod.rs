//! What RPM knows of its packages: [`header`] is the form in which a package's data is kept, [`database`] finds the
//! headers, in SQLite ([`sqlite`], RPM 4.16 and later), in Berkeley DB's hash ([`hash`], before) or in RPM's own file of
//! slots ([`slots`], SUSE).

pub mod database;
pub mod hash;
pub mod header;
pub mod slots;
pub mod sqlite;
