//! All tables, by name.

use super::{agent, events, hardware, host, process};
use crate::sql::table::Table;

/// Every table there is.
pub static TABLES: &[&Table] = &[
    &agent::osquery_info::TABLE,
    &agent::process_ancestry_cache_stats::TABLE,
    &agent::stemma_status::TABLE,
    &events::process_ancestors::TABLE,
    &events::process_events::TABLE,
    &hardware::acpi_tables::TABLE,
    &hardware::cpu_info::TABLE,
    &hardware::cpuid::TABLE,
    &hardware::device_tree::TABLE,
    &hardware::memory_array_mapped_addresses::TABLE,
    &hardware::memory_arrays::TABLE,
    &hardware::memory_device_mapped_addresses::TABLE,
    &hardware::memory_devices::TABLE,
    &hardware::memory_error_info::TABLE,
    &hardware::memory_map::TABLE,
    &hardware::msr::TABLE,
    &hardware::mtd_partitions::TABLE,
    &hardware::oem_strings::TABLE,
    &hardware::pci_devices::TABLE,
    &hardware::platform_info::TABLE,
    &hardware::secureboot::TABLE,
    &hardware::smbios_tables::TABLE,
    &hardware::thermal_zones::TABLE,
    &hardware::ubi_volumes::TABLE,
    &hardware::usb_devices::TABLE,
    &host::apparmor_profiles::TABLE,
    &host::cpu_time::TABLE,
    &host::kernel_info::TABLE,
    &host::kernel_modules::TABLE,
    &host::memory_info::TABLE,
    &host::os_version::TABLE,
    &host::selinux_settings::TABLE,
    &host::system_controls::TABLE,
    &host::system_info::TABLE,
    &host::uptime::TABLE,
    &process::processes::TABLE,
];
