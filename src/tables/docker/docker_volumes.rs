//! `docker_volumes`: volumes, from `/volumes`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "Name."),
    column("driver", Type::Text, 0, "Driver."),
    column("mount_point", Type::Text, 0, "Where it is on the host."),
    column("type", Type::Text, 0, "The option `type`: which file system."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/volumes",
    things: "$.Volumes",
    key: "value->>'Name'",
    rows: "?1, t->>'Driver', t->>'Mountpoint', t->>'$.Options.type' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table =
    Table { name: "docker_volumes", help: "Docker volumes", columns: COLUMNS, open: |query| feed::open(&FEED, &query) };
