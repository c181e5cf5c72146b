//! `lxd_storage_pools`: storage pools, from `/1.0/storage-pools` and two requests for each: the pool and its resources.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("driver", Type::Text, 0, "dir, zfs, btrfs, lvm, …"),
    column("source", Type::Text, 0, "Where it is: device, directory, data set."),
    column("size", Type::Text, 0, "Size as configured."),
    column("space_used", Type::BigInt, 0, "Bytes in use."),
    column("space_total", Type::BigInt, 0, "Bytes in all."),
    column("inodes_used", Type::BigInt, 0, "Inodes in use."),
    column("inodes_total", Type::BigInt, 0, "Inodes in all."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/storage-pools",
    about: &["{}", "{}/resources"],
    needs: ALL,
    rows: "a->>'$.metadata.name', a->>'$.metadata.driver', a->>'$.metadata.config.source', a->>'$.metadata.config.size', \
           b->>'$.metadata.space.used', b->>'$.metadata.space.total', b->>'$.metadata.inodes.used', \
           b->>'$.metadata.inodes.total' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_storage_pools",
    help: "LXD storage pools",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
