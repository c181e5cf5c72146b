//! `docker_container_mounts`: what is mounted in the containers, from `/containers/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The container's id, or the part of it that was asked for.")
    },
    column("type", Type::Text, 0, "bind, volume, tmpfs, …"),
    column("name", Type::Text, INDEX, "The volume's name."),
    column("source", Type::Text, 0, "Where it is on the host."),
    column("destination", Type::Text, 0, "Where it is in the container."),
    column("driver", Type::Text, 0, "The volume's driver."),
    column("mode", Type::Text, 0, "Options."),
    column("rw", Type::Integer, 0, "1 if it may be written."),
    column("propagation", Type::Text, 0, "How mounts propagate."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::CONTAINERS,
    given: super::ONE_CONTAINER,
    rows: "?1, value->>'Type', value->>'Name', value->>'Source', value->>'Destination', value->>'Driver', value->>'Mode', \
           value->>'RW', value->>'Propagation' FROM x, json_each(t, '$.Mounts') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_mounts",
    help: "Mounts of Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
