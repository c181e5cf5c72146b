//! `docker_image_labels`: labels of the images, a row for each, from `/images/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The image's id, without sha256:, or the part of it that was asked for.")
    },
    column("key", Type::Text, 0, "The label."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed = Feed { columns: COLUMNS, list: super::IMAGES, rows: super::LABELS, ..super::FEED };

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_image_labels",
    help: "Labels of Docker images",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
