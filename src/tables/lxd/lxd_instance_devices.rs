//! `lxd_instance_devices`: devices of an instance, those of its profiles too, a row for each setting, from
//! `/1.0/instances/NAME`.

use crate::sql::table::{Column, INDEX, REQUIRED, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, REQUIRED | INDEX, "The instance's name."),
    column("device", Type::Text, 0, "Name of the device."),
    column("device_type", Type::Text, 0, "disk, nic, unix-char, …"),
    column("key", Type::Text, 0, "Setting."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    given: Given::Key(super::INSTANCES),
    about: &["{}"],
    needs: ALL,
    rows: "substr(?1, 16), d.key, d.value->>'type', s.key, s.value FROM x, json_each(a, '$.metadata.expanded_devices') d, \
           json_each(d.value) s WHERE s.key <> 'type'",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_instance_devices",
    help: "Devices of an LXD instance",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
