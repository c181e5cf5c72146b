//! `thermal_zones`: temperatures, from /sys/class/thermal/thermal_zone*
//! (`Documentation/driver-api/thermal/sysfs-api.rst`), a zone at a time. Kernel files are in thousandths of a degree
//! Celsius. A zone whose sensor cannot be read has NULL.

use super::sysfs;
use crate::sql::table::{Column, Query, Table, Type, Value, column};
use crate::sys::root::Root;
use std::ffi::OsString;

const COLUMNS: &[Column] = &[
    column("zone", Type::Integer, 0, "Number of the zone."),
    column("type", Type::Text, 0, "What it measures: cpu-thermal, x86_pkg_temp."),
    column("temperature_celsius", Type::Double, 0, "Temperature, degrees Celsius."),
    column("critical_celsius", Type::Double, 0, "Where the machine turns itself off, degrees Celsius; NULL: nowhere."),
    column("mode", Type::Text, 0, "enabled or disabled: whether the kernel watches it."),
    column("policy", Type::Text, 0, "How the kernel cools it."),
];

const PLACE: &str = "/sys/class/thermal";
/// Most trip points that are looked at; kernels allow 12.
const MOST_TRIPS: usize = 64;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "thermal_zones",
    help: "Temperatures of the machine",
    columns: COLUMNS,
    open: |query| Ok(sysfs::in_batches(query, PLACE, rows)),
};

fn rows(query: &Query, names: Vec<OsString>) -> Vec<Vec<Value>> {
    let root = &query.context.root;
    let zones = names.iter().filter_map(|name| name.to_str()?.strip_prefix("thermal_zone")?.parse::<u32>().ok());
    zones.map(|zone| row(root, zone)).collect()
}

fn row(root: &Root, zone: u32) -> Vec<Value> {
    let path = |file: &str| format!("{PLACE}/thermal_zone{zone}/{file}");
    let celsius = |file: &str| {
        let thousandths = sysfs::number(root, &path(file));
        thousandths.map_or(Value::Null, |thousandths| Value::Real(thousandths as f64 / 1000.0))
    };
    let kinds = (0..MOST_TRIPS).map(|trip| root.line(path(&format!("trip_point_{trip}_type"))));
    let critical = kinds.take_while(|kind| !kind.is_empty()).position(|kind| kind == b"critical");
    vec![
        Value::Integer(zone.into()),
        sysfs::text(root, &path("type")),
        celsius("temp"),
        critical.map_or(Value::Null, |trip| celsius(&format!("trip_point_{trip}_temp"))),
        sysfs::text(root, &path("mode")),
        sysfs::text(root, &path("policy")),
    ]
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn zones() {
        let tree = Tree::new("thermal");
        assert!(tree.rows("select * from thermal_zones").is_empty());
        for (path, text) in [
            ("thermal_zone0/type", "cpu-thermal"),
            ("thermal_zone0/temp", "48312"),
            ("thermal_zone0/mode", "enabled"),
            ("thermal_zone0/policy", "step_wise"),
            ("thermal_zone0/trip_point_0_type", "passive"),
            ("thermal_zone0/trip_point_0_temp", "80000"),
            ("thermal_zone0/trip_point_1_type", "critical"),
            ("thermal_zone0/trip_point_1_temp", "110000"),
            ("thermal_zone12/type", "iwlwifi"),
            ("thermal_zone12/temp", "-2500x"),
            ("thermal_zone3/temp", "-2500"),
            ("cooling_device0/type", "Processor"),
            ("thermal_zonex/type", "x"),
        ] {
            tree.file(format!("/sys/class/thermal/{path}"), format!("{text}\n"));
        }
        let wanted = [
            ["0", "cpu-thermal", "48.312", "110", "enabled", "step_wise"],
            ["3", "", "-2.5", "NULL", "", ""],
            ["12", "iwlwifi", "NULL", "NULL", "", ""],
        ];
        assert_eq!(tree.rows("select * from thermal_zones order by zone"), wanted);
    }

    #[test]
    fn this_machine() {
        let zones = std::fs::read_dir("/sys/class/thermal").into_iter().flatten().flatten();
        let names = zones.map(|zone| zone.file_name().to_string_lossy().into_owned());
        let count = names.filter(|name| name.starts_with("thermal_zone")).count();
        assert_eq!(rows("", "select count(*) from thermal_zones"), [[count.to_string()]]);
    }
}
