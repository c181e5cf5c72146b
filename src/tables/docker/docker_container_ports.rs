//! `docker_container_ports`: ports of the containers, published or not, from `/containers/json`.

use crate::sql::table::{ADDITIONAL, Column, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, ADDITIONAL, "The container's id, or the part of it that was asked for.")
    },
    column("type", Type::Text, 0, "tcp, udp or sctp."),
    column("port", Type::Integer, 0, "Port in the container."),
    column("host_ip", Type::Text, 0, "Address on the host; empty if it is not published."),
    column("host_port", Type::Integer, 0, "Port on the host; 0 if it is not published."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::CONTAINERS,
    given: super::ONE_CONTAINER,
    rows: "?1, value->>'Type', value->>'PrivatePort', value->>'IP', value->>'PublicPort' FROM x, json_each(t, '$.Ports') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_ports",
    help: "Ports of Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
