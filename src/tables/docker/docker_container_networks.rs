//! `docker_container_networks`: networks of the containers, from `/containers/json`.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The container's id, or the part of it that was asked for.")
    },
    column("name", Type::Text, INDEX, "The network's name."),
    Column { collate: "NOCASE", ..column("network_id", Type::Text, 0, "The network's id.") },
    Column { collate: "NOCASE", ..column("endpoint_id", Type::Text, 0, "Id of the end point.") },
    column("gateway", Type::Text, 0, "Gateway."),
    column("ip_address", Type::Text, 0, "IPv4 address."),
    column("ip_prefix_len", Type::Integer, 0, "Bits of the IPv4 network's prefix."),
    column("ipv6_gateway", Type::Text, 0, "IPv6 gateway."),
    column("ipv6_address", Type::Text, 0, "IPv6 address."),
    column("ipv6_prefix_len", Type::Integer, 0, "Bits of the IPv6 network's prefix."),
    Column { collate: "NOCASE", ..column("mac_address", Type::Text, 0, "Hardware address.") },
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::CONTAINERS,
    given: super::ONE_CONTAINER,
    rows: "?1, key, value->>'NetworkID', value->>'EndpointID', value->>'Gateway', value->>'IPAddress', value->>'IPPrefixLen', \
           value->>'IPv6Gateway', value->>'GlobalIPv6Address', value->>'GlobalIPv6PrefixLen', value->>'MacAddress' \
           FROM x, json_each(t, '$.NetworkSettings.Networks') WHERE key IS NOT NULL",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_networks",
    help: "Networks of Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
