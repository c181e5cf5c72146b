//! `docker_container_envs`: environments of the containers, a row for each variable, from `/containers/ID/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The container's id, or the part of it that was asked for.")
    },
    column("key", Type::Text, 0, "Name of the variable."),
    column("value", Type::Text, 0, "Its value."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::CONTAINERS,
    given: super::ONE_CONTAINER,
    about: &["/containers/{}/json"],
    needs: ALL,
    rows: "?1, iif(instr(value, '='), substr(value, 1, instr(value, '=') - 1), value), \
           iif(instr(value, '='), substr(value, instr(value, '=') + 1), '') FROM x, json_each(a, '$.Config.Env') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_envs",
    help: "Environments of Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
