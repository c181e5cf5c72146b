//! `lxd_networks`: networks, from `/1.0/networks` and two requests for each: the network and its state.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("type", Type::Text, 0, "bridge, physical, …"),
    column("managed", Type::Integer, 0, "1 if it is managed by LXD."),
    column("ipv4_address", Type::Text, 0, "IPv4 address and prefix."),
    column("ipv6_address", Type::Text, 0, "IPv6 address and prefix."),
    column("used_by", Type::Text, 0, "Instances and other users, with commas between."),
    column("bytes_received", Type::BigInt, 0, "Bytes received."),
    column("bytes_sent", Type::BigInt, 0, "Bytes sent."),
    column("packets_received", Type::BigInt, 0, "Packets received."),
    column("packets_sent", Type::BigInt, 0, "Packets sent."),
    column("hwaddr", Type::Text, 0, "Hardware address."),
    column("state", Type::Text, 0, "up or down."),
    column("mtu", Type::Integer, 0, "Largest packet, bytes."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/networks",
    about: &["{}", "{}/state"],
    needs: ALL,
    rows: "m->>'name', m->>'type', m->>'managed', m->>'$.config.\"ipv4.address\"', m->>'$.config.\"ipv6.address\"', \
           (SELECT group_concat(replace(value, '/1.0/instances/', '')) FROM json_each(m, '$.used_by')), \
           s->>'$.counters.bytes_received', s->>'$.counters.bytes_sent', s->>'$.counters.packets_received', \
           s->>'$.counters.packets_sent', s->>'hwaddr', s->>'state', s->>'mtu' \
           FROM (SELECT a->'metadata' m, b->'metadata' s FROM x)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table =
    Table { name: "lxd_networks", help: "LXD networks", columns: COLUMNS, open: |query| feed::open(&FEED, &query) };
