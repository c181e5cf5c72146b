//! `docker_container_labels`: labels of the containers, a row for each, from `/containers/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The container's id, or the part of it that was asked for.")
    },
    column("key", Type::Text, INDEX, "The label."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed =
    Feed { columns: COLUMNS, list: super::CONTAINERS, given: super::ONE_CONTAINER, rows: super::LABELS, ..super::FEED };

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_labels",
    help: "Labels of Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
