//! `lxd_instance_config`: configuration of an instance, a row for each key, from `/1.0/instances/NAME`.

use crate::sql::table::{Column, INDEX, REQUIRED, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, REQUIRED | INDEX, "The instance's name."),
    column("key", Type::Text, 0, "Key."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    given: Given::Key(super::INSTANCES),
    about: &["{}"],
    needs: ALL,
    rows: "substr(?1, 16), key, value FROM x, json_each(a, '$.metadata.config') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_instance_config",
    help: "Configuration of an LXD instance",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
