//! `osquery_info`: who answers, in osquery's words. `version` is Stemma's; `pid` is the process that answers.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::process;
use crate::tables::events::db;
use crate::tables::host::identity;

const COLUMNS: &[Column] = &[
    column("pid", Type::Integer, 0, "Process id of the answering process."),
    Column { collate: "NOCASE", ..column("uuid", Type::Text, 0, "The machine's UUID (SMBIOS, else machine-id).") },
    column("instance_id", Type::Text, 0, "UUID of the agent's run."),
    Column { collate: "version", ..column("version", Type::Text, 0, "Version of Stemma.") },
    Column {
        collate: "NOCASE",
        ..column("config_hash", Type::Text, 0, "Hash of the configuration; empty: none loaded.")
    },
    column("config_valid", Type::Integer, 0, "1 if a configuration is loaded and valid."),
    column("extensions", Type::Text, 0, "Whether extensions are active; they are not."),
    column("build_platform", Type::Text, 0, "What the program was built for."),
    column("build_distro", Type::Text, 0, "Distribution it was built for: none, it is static."),
    column("start_time", Type::Integer, 0, "Start of the answering process, seconds since the epoch."),
    column("watcher", Type::Integer, 0, "Process id of the watcher; -1: there is none."),
    column("platform_mask", Type::Integer, 0, "Platforms: 9, that is POSIX and Linux."),
];

const INSTANCE: usize = 2;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_info",
    help: "Agent version, pid, config state",
    columns: COLUMNS,
    open: |query| {
        // No events.db is no reason not to answer who we are, nor to warn whoever asks for the version alone.
        let agent = if query.wants(INSTANCE) { db::agent(&query.context).ok().flatten() } else { None };
        let instance = agent.map(|(_, texts)| texts.instance_id).unwrap_or_default();
        let row = vec![
            Value::Integer(i64::from(process::pid())),
            Value::Text(identity::machine_uuid(&query.context.root)),
            Value::text(instance),
            Value::text(env!("CARGO_PKG_VERSION")),
            Value::text(""),
            Value::Integer(0),
            Value::text("inactive"),
            Value::text("linux"),
            Value::text(env!("STEMMA_TARGET")),
            Value::Integer(query.context.started_epoch_s),
            Value::Integer(-1),
            Value::Integer(9),
        ];
        Ok(Rows::of(vec![row]))
    },
};
