//! `lxd_cluster`: the cluster that this machine is in, from `/1.0/cluster`. A row for each setting that a joining member would be
//! asked for (osquery shows the last alone), or one.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    column("server_name", Type::Text, 0, "This member's name."),
    column("enabled", Type::Integer, 0, "1 if there is a cluster."),
    column("member_config_entity", Type::Text, 0, "What the setting is for: storage-pool, network."),
    column("member_config_name", Type::Text, 0, "The name of that."),
    column("member_config_key", Type::Text, 0, "The setting."),
    column("member_config_value", Type::Text, 0, "Its value."),
    column("member_config_description", Type::Text, 0, "What it is, for people."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/cluster",
    things: "",
    rows: "t->>'$.metadata.server_name', t->>'$.metadata.enabled', m.value->>'entity', m.value->>'name', m.value->>'key', \
           m.value->>'value', m.value->>'description' FROM x LEFT JOIN json_each(t, '$.metadata.member_config') m",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_cluster",
    help: "The LXD cluster that this machine is in",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
