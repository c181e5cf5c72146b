//! `lxd_certificates`: certificates of those who may ask, from `/1.0/certificates` and a request for each.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("type", Type::Text, 0, "client, metrics, …"),
    Column { collate: "NOCASE", ..column("fingerprint", Type::Text, 0, "SHA-256 of the certificate, hex.") },
    column("certificate", Type::Text, 0, "The certificate, PEM or base64."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/1.0/certificates",
    about: &["{}"],
    needs: ALL,
    rows: "a->>'$.metadata.name', a->>'$.metadata.type', a->>'$.metadata.fingerprint', a->>'$.metadata.certificate' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "lxd_certificates",
    help: "Certificates that LXD trusts",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
