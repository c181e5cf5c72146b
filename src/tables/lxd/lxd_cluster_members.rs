//! `lxd_cluster_members`: the cluster's members, from `/1.0/cluster/members` and a request for each.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed};

const COLUMNS: &[Column] = &[
    column("server_name", Type::Text, 0, "Name."),
    column("url", Type::Text, 0, "Where it answers."),
    column("database", Type::Integer, 0, "1 if it holds the database."),
    column("status", Type::Text, 0, "Online, Offline, …"),
    column("message", Type::Text, 0, "More about the status."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/cluster/members",
    about: &["{}"],
    needs: ALL,
    rows: "a->>'$.metadata.server_name', a->>'$.metadata.url', a->>'$.metadata.database', a->>'$.metadata.status', \
           a->>'$.metadata.message' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_cluster_members",
    help: "Members of the LXD cluster",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
