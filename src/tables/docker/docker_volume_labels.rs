//! `docker_volume_labels`: labels of the volumes, a row for each, from `/volumes`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "The volume's name."),
    column("key", Type::Text, INDEX, "The label."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/volumes",
    things: "$.Volumes",
    key: "value->>'Name'",
    rows: super::LABELS,
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_volume_labels",
    help: "Labels of Docker volumes",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
