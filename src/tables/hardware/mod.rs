//! Tables about the hardware and its firmware.

pub mod acpi_tables;
pub mod cpu_info;
pub mod cpuid;
pub mod device_tree;
pub mod ids;
pub mod memory_array_mapped_addresses;
pub mod memory_arrays;
pub mod memory_device_mapped_addresses;
pub mod memory_devices;
pub mod memory_error_info;
pub mod memory_map;
pub mod msr;
pub mod mtd_partitions;
pub mod oem_strings;
pub mod pci_devices;
pub mod platform_info;
pub mod secureboot;
pub mod smbios;
pub mod smbios_tables;
pub mod sysfs;
pub mod thermal_zones;
pub mod topology;
pub mod ubi_volumes;
pub mod usb_devices;

#[cfg(test)]
mod smbios_tests;
