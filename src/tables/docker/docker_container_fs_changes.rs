//! `docker_container_fs_changes`: files of a container that are not as in its image, from `/containers/ID/changes`.

use crate::sql::table::{Column, INDEX, REQUIRED, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column { collate: "NOCASE", ..column("id", Type::Text, REQUIRED | INDEX, "The container's id as it was given.") },
    column("path", Type::Text, 0, "Path in the container."),
    column("change_type", Type::Text, 0, "C changed, A added, D deleted."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    given: Given::Key(""),
    about: &["/containers/{}/changes"],
    needs: ALL,
    rows: "?1, value->>'Path', substr('CAD', 1 + (value->>'Kind'), 1) FROM x, json_each(a) WHERE value->>'Kind' IN (0, 1, 2)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_fs_changes",
    help: "Changed files of a Docker container",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
