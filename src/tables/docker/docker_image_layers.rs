//! `docker_image_layers`: layers of the images, from `/images/ID/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The image's id, without sha256:, or the part of it that was asked for.")
    },
    Column { collate: "NOCASE", ..column("layer_id", Type::Text, 0, "The layer's id, without sha256:.") },
    column("layer_order", Type::Integer, 0, "Number of the layer, from 1."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::IMAGES,
    given: Given::Key(""),
    about: &["/images/{}/json"],
    needs: ALL,
    rows: "?1, replace(value, 'sha256:', ''), key + 1 FROM x, json_each(a, '$.RootFS.Layers') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_image_layers",
    help: "Layers of Docker images",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
