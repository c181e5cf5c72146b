//! `lxd_images`: images, from `/1.0/images` and a request for each.

use crate::sql::table::{Column, INDEX, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "Fingerprint, or the beginning of it that was asked for.")
    },
    column("architecture", Type::Text, 0, "Hardware it is for."),
    column("os", Type::Text, 0, "Operating system."),
    column("release", Type::Text, 0, "Its release."),
    column("description", Type::Text, 0, "For people."),
    column("aliases", Type::Text, 0, "Aliases, with commas between."),
    column("filename", Type::Text, 0, "The file's name."),
    column("size", Type::BigInt, 0, "Size, bytes."),
    column("auto_update", Type::Integer, 0, "1 if it is kept up to date."),
    column("cached", Type::Integer, 0, "1 if it is here for having been used."),
    column("public", Type::Integer, 0, "1 if everybody may have it."),
    column("created_at", Type::Text, 0, "When it was made."),
    column("expires_at", Type::Text, 0, "When it expires."),
    column("uploaded_at", Type::Text, 0, "When it came here."),
    column("last_used_at", Type::Text, 0, "When it was last used."),
    column("update_source_server", Type::Text, 0, "Server it is updated from."),
    column("update_source_protocol", Type::Text, 0, "By which protocol."),
    column("update_source_certificate", Type::Text, 0, "The server's certificate."),
    column("update_source_alias", Type::Text, 0, "Its alias there."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/images",
    given: Given::Key("/1.0/images/"),
    about: &["{}"],
    needs: ALL,
    rows: "substr(?1, 13), m->>'architecture', m->>'$.properties.os', m->>'$.properties.release', m->>'$.properties.description', \
           (SELECT group_concat(value->>'name') FROM json_each(m, '$.aliases')), m->>'filename', m->>'size', \
           m->>'auto_update', m->>'cached', m->>'public', m->>'created_at', m->>'expires_at', m->>'uploaded_at', \
           m->>'last_used_at', m->>'$.update_source.server', m->>'$.update_source.protocol', \
           m->>'$.update_source.certificate', m->>'$.update_source.alias' FROM (SELECT a->'metadata' m FROM x)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table =
    Table { name: "lxd_images", help: "LXD images", columns: COLUMNS, open: |query| feed::open(&FEED, &query) };
