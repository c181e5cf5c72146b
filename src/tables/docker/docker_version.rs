//! `docker_version`: the Docker engine's version, one row, from `/version`.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column { collate: "version", ..column("version", Type::Text, 0, "Engine version.") },
    Column { collate: "version", ..column("api_version", Type::Text, 0, "Newest API version it speaks.") },
    Column { collate: "version", ..column("min_api_version", Type::Text, 0, "Oldest API version it speaks.") },
    column("git_commit", Type::Text, 0, "Commit it was built from."),
    Column { collate: "version", ..column("go_version", Type::Text, 0, "Go version it was built with.") },
    column("os", Type::Text, 0, "Operating system."),
    column("arch", Type::Text, 0, "Hardware."),
    Column { collate: "version", ..column("kernel_version", Type::Text, 0, "The kernel's version.") },
    column("build_time", Type::Text, 0, "When it was built."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/version",
    things: "",
    rows: "t->>'Version', t->>'ApiVersion', t->>'MinAPIVersion', t->>'GitCommit', t->>'GoVersion', t->>'Os', t->>'Arch', \
           t->>'KernelVersion', t->>'BuildTime' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_version",
    help: "Version of the Docker engine",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
