//! Second names of tables (osquery: `aliases` in their specs). There they are views, without the hidden columns; here
//! they are the table itself.

/// Alias and table. One whose table is not built is as unknown as the table, and for the same reason.
pub const ALIASES: &[(&str, &str)] = &[
    ("cb_info", "carbon_black_info"),
    ("configurations", "augeas"),
    ("hosts", "etc_hosts"),
    ("syslog", "syslog_events"),
    ("yara", "yara_file"),
];

/// The table behind an alias; a name that is none is its own.
pub fn resolved(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, table)| table)
}
