//! `docker_networks`: networks, from `/networks`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The network's id, or the part of it that was asked for.")
    },
    column("name", Type::Text, 0, "Name."),
    column("driver", Type::Text, 0, "Driver."),
    column("created", Type::BigInt, 0, "When it was made, seconds since the epoch."),
    column("enable_ipv6", Type::Integer, 0, "1 if it has IPv6."),
    column("subnet", Type::Text, 0, "First subnet."),
    column("gateway", Type::Text, 0, "The first subnet's gateway."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::NETWORKS,
    given: super::ONE_NETWORK,
    rows: "?1, t->>'Name', t->>'Driver', unixepoch(t->>'Created'), t->>'EnableIPv6', t->>'$.IPAM.Config[0].Subnet', \
           t->>'$.IPAM.Config[0].Gateway' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_networks",
    help: "Docker networks",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
