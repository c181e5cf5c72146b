//! `lxd_instances`: containers and virtual machines, from `/1.0/instances` and three requests for each: the instance, its image's
//! metadata and its state. What its image does not say is taken from its configuration.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, INDEX, "Name."),
    column("status", Type::Text, 0, "Running, Stopped, …"),
    column("stateful", Type::Integer, 0, "1 if its memory is kept when it stops."),
    column("ephemeral", Type::Integer, 0, "1 if it is removed when it stops."),
    column("created_at", Type::Text, 0, "When it was made."),
    column("base_image", Type::Text, 0, "Fingerprint of its image."),
    column("architecture", Type::Text, 0, "Hardware."),
    column("os", Type::Text, 0, "Operating system."),
    column("description", Type::Text, 0, "For people."),
    column("pid", Type::Integer, 0, "Process id of its first process; 0 or less if it does not run."),
    column("processes", Type::Integer, 0, "Processes."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/instances",
    given: Given::Key(super::INSTANCES),
    about: &["{}", "{}/metadata", "{}/state"],
    needs: ALL,
    rows: "m->>'name', m->>'status', m->>'stateful', m->>'ephemeral', m->>'created_at', m->>'$.config.\"volatile.base_image\"', \
           coalesce(b->>'$.metadata.properties.architecture', m->>'architecture'), \
           coalesce(b->>'$.metadata.properties.os', m->>'$.config.\"image.os\"'), \
           coalesce(b->>'$.metadata.properties.description', m->>'$.config.\"image.description\"'), \
           c->>'$.metadata.pid', c->>'$.metadata.processes' FROM (SELECT a->'metadata' m, b, c FROM x)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_instances",
    help: "LXD containers and virtual machines",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
