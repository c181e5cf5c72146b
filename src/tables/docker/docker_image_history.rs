//! `docker_image_history`: how the images came to be, a row for each step, from `/images/ID/history`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The image's id, without sha256:, or the part of it that was asked for.")
    },
    column("created", Type::BigInt, 0, "When the step was made, seconds since the epoch."),
    column("size", Type::BigInt, 0, "What it added, bytes."),
    column("created_by", Type::Text, 0, "The instruction."),
    column("tags", Type::Text, 0, "NAME:TAG, with commas between."),
    column("comment", Type::Text, 0, "The instruction's comment."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::IMAGES,
    given: Given::Key(""),
    about: &["/images/{}/history"],
    needs: ALL,
    rows: "?1, h.value->>'Created', h.value->>'Size', h.value->>'CreatedBy', \
           (SELECT group_concat(g.value) FROM json_each(h.value, '$.Tags') g), h.value->>'Comment' \
           FROM x, json_each(a) h WHERE h.type = 'object'",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_image_history",
    help: "History of Docker images",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
