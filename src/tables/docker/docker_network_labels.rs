//! `docker_network_labels`: labels of the networks, a row for each, from `/networks`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The network's id, or the part of it that was asked for.")
    },
    column("key", Type::Text, 0, "The label."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed =
    Feed { columns: COLUMNS, list: super::NETWORKS, given: super::ONE_NETWORK, rows: super::LABELS, ..super::FEED };

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_network_labels",
    help: "Labels of Docker networks",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
