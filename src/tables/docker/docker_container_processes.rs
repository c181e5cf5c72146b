//! `docker_container_processes`: processes of a container, from `/containers/ID/top`, for which the engine runs the host's ps.
//! Rows that ps did not make of the columns asked for are left out.

use crate::sql::table::{Column, INDEX, REQUIRED, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column { collate: "NOCASE", ..column("id", Type::Text, REQUIRED | INDEX, "The container's id as it was given.") },
    column("pid", Type::BigInt, INDEX, "Process id on the host."),
    column("name", Type::Text, 0, "Command name."),
    column("cmdline", Type::Text, 0, "Command with its arguments."),
    column("state", Type::Text, 0, "One letter: R S D Z T t X I."),
    column("uid", Type::BigInt, 0, "User id."),
    column("gid", Type::BigInt, 0, "Group id."),
    column("euid", Type::BigInt, 0, "Effective user id."),
    column("egid", Type::BigInt, 0, "Effective group id."),
    column("suid", Type::BigInt, 0, "Saved user id."),
    column("sgid", Type::BigInt, 0, "Saved group id."),
    column("wired_size", Type::BigInt, 0, "Always 0."),
    column("resident_size", Type::BigInt, 0, "Memory in use, bytes."),
    column("total_size", Type::BigInt, 0, "Address space, bytes."),
    column("start_time", Type::BigInt, 0, "Start, seconds since the epoch."),
    column("parent", Type::BigInt, 0, "Parent's pid."),
    column("pgroup", Type::BigInt, 0, "Process group."),
    column("threads", Type::Integer, 0, "Number of threads."),
    column("nice", Type::Integer, 0, "Nice level, -20 to 19."),
    column("user", Type::Text, 0, "Name of the user."),
    column("time", Type::Text, 0, "CPU time, [DD-]HH:MM:SS."),
    column("cpu", Type::Double, 0, "Share of a CPU over its life, percent."),
    column("mem", Type::Double, 0, "Share of memory, percent."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    given: Given::Key(""),
    about: &[
        "/containers/{}/top?ps_args=axwwo%20pid,state,uid,gid,euid,egid,suid,sgid,rss,vsz,etime,ppid,pgrp,nlwp,nice,user,\
              time,pcpu,pmem,comm,cmd",
    ],
    needs: ALL,
    // etime is [[DD-]HH:]MM:SS.
    rows: "?1, v->>0, v->>19, v->>20, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, 0, (v->>8) * 1024, (v->>9) * 1024, \
           unixepoch() - 86400 * CAST(substr(e, 1, max(length(e) - 9, 0)) AS INT) - 3600 * CAST(substr(e, -8, 2) AS INT) \
           - 60 * CAST(substr(e, -5, 2) AS INT) - CAST(substr(e, -2) AS INT), v->>11, v->>12, v->>13, v->>14, v->>15, \
           v->>16, v->>17, v->>18 FROM (SELECT value v, trim(value->>10) e FROM x, json_each(a, '$.Processes') \
           WHERE type = 'array' AND json_array_length(value) = 21)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_processes",
    help: "Processes of a Docker container",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
