//! `docker_images`: images, from `/images/json`.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column { collate: "NOCASE", ..column("id", Type::Text, 0, "The image's id, without sha256:.") },
    column("created", Type::BigInt, 0, "When it was made, seconds since the epoch."),
    column("size_bytes", Type::BigInt, 0, "Size, bytes."),
    column("tags", Type::Text, 0, "NAME:TAG, with commas between."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::IMAGES,
    rows: "?1, t->>'Created', t->>'Size', (SELECT group_concat(value) FROM json_each(t, '$.RepoTags')) FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table =
    Table { name: "docker_images", help: "Docker images", columns: COLUMNS, open: |query| feed::open(&FEED, &query) };
