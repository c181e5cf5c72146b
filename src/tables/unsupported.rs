//! osquery's Linux tables that are not built, each with its reason, so that a query that names one is told more than "no
//! such table".

use super::aliases::resolved;

const YARA: &str = "YARA rules need their own scanner, which is not built in";
const TLS: &str = "it needs a TLS client, which is not built in";
const CLOUD: &str = "it asks a cloud provider's metadata service over the network, which queries here never do";
const DISK: &str = "it needs The Sleuth Kit to read raw disks, which is not built in";
const AUDIT: &str = "the agent records execs and their ancestry only";

/// Name and reason.
pub const UNSUPPORTED: &[(&str, &str)] = &[
    ("apparmor_events", AUDIT),
    ("augeas", "it needs the Augeas library and its lenses, which are not built in"),
    ("azure_instance_metadata", CLOUD),
    ("azure_instance_tags", CLOUD),
    ("carbon_black_info", "it describes the Carbon Black sensor, a product that is not looked for"),
    ("carves", "file carving sends files to a server over TLS, which is not built in"),
    ("curl", TLS),
    ("curl_certificate", TLS),
    ("device_file", DISK),
    ("device_hash", DISK),
    ("device_partitions", DISK),
    ("ec2_instance_metadata", CLOUD),
    ("ec2_instance_tags", CLOUD),
    ("file_events", "the agent does not watch files"),
    ("hardware_events", "the agent does not watch devices"),
    ("intel_me_info", "it must send commands to the Intel Management Engine; queries here only read"),
    ("process_file_events", "the agent does not watch files"),
    ("prometheus_metrics", "it asks other programs over HTTP, which queries here never do"),
    ("seccomp_events", AUDIT),
    ("secureboot_certificates", "it needs a reader of the firmware's signature lists, which is not built in"),
    ("selinux_events", AUDIT),
    ("socket_events", AUDIT),
    ("syslog_events", "the agent does not receive syslog"),
    ("user_events", AUDIT),
    ("yara_events", YARA),
    ("yara_file", YARA),
    ("yara_process", YARA),
    ("ycloud_instance_metadata", CLOUD),
];

/// Why there is no such table; None for a name that osquery does not know either, or a table that may come.
pub fn reason(name: &str) -> Option<&'static str> {
    let name = resolved(name);
    UNSUPPORTED.iter().find(|(table, _)| table.eq_ignore_ascii_case(name)).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::registry::TABLES;

    #[test]
    fn no_name_is_both_built_and_unsupported_and_the_list_is_sorted() {
        for (name, reason) in UNSUPPORTED {
            assert!(TABLES.iter().all(|table| table.name != *name), "{name} is built: take it off the list");
            assert!(!reason.is_empty() && !reason.ends_with('.'), "{name}: {reason}");
        }
        assert!(UNSUPPORTED.is_sorted());
    }

    #[test]
    fn an_alias_has_its_tables_reason() {
        assert_eq!(reason("configurations"), reason("augeas"));
        assert!(reason("AUGEAS").is_some_and(|reason| reason.contains("Augeas")));
        assert_eq!(reason("processes"), None);
        assert_eq!(reason("no_such"), None);
    }
}
