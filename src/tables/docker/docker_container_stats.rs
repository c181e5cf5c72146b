//! `docker_container_stats`: what a container uses, from `/containers/ID/stats`. The engine measures twice, so an answer takes a
//! second or two.

use crate::sql::table::{Column, INDEX, REQUIRED, Table, Type, column};
use crate::tables::feed::{self, ALL, Feed, Given};

const COLUMNS: &[Column] = &[
    Column { collate: "NOCASE", ..column("id", Type::Text, REQUIRED | INDEX, "The container's id as it was given.") },
    column("name", Type::Text, INDEX, "Its name, with a leading slash."),
    column("pids", Type::Integer, 0, "Processes."),
    column("read", Type::BigInt, 0, "When this was measured, seconds since the epoch."),
    column("preread", Type::BigInt, 0, "When it was measured before, seconds since the epoch."),
    column("interval", Type::BigInt, 0, "Time in between, ns; 0 if it was not measured before."),
    column("disk_read", Type::BigInt, 0, "Bytes read from disks."),
    column("disk_write", Type::BigInt, 0, "Bytes written to disks."),
    column("num_procs", Type::Integer, 0, "CPUs (Windows only)."),
    column("cpu_total_usage", Type::BigInt, 0, "CPU time, ns."),
    column("cpu_kernelmode_usage", Type::BigInt, 0, "CPU time in the kernel, ns."),
    column("cpu_usermode_usage", Type::BigInt, 0, "CPU time outside the kernel, ns."),
    column("system_cpu_usage", Type::BigInt, 0, "The host's CPU time, ns."),
    column("online_cpus", Type::Integer, 0, "CPUs in use."),
    column("pre_cpu_total_usage", Type::BigInt, 0, "CPU time before, ns."),
    column("pre_cpu_kernelmode_usage", Type::BigInt, 0, "CPU time in the kernel before, ns."),
    column("pre_cpu_usermode_usage", Type::BigInt, 0, "CPU time outside the kernel before, ns."),
    column("pre_system_cpu_usage", Type::BigInt, 0, "The host's CPU time before, ns."),
    column("pre_online_cpus", Type::Integer, 0, "CPUs in use before."),
    column("memory_usage", Type::BigInt, 0, "Memory in use, bytes."),
    column("memory_cached", Type::BigInt, 0, "Of this page cache, bytes (cgroup v1)."),
    column("memory_inactive_file", Type::BigInt, 0, "Page cache not in use, bytes."),
    column("memory_total_inactive_file", Type::BigInt, 0, "The same with subordinate groups, bytes (cgroup v1)."),
    column("memory_max_usage", Type::BigInt, 0, "Most memory ever used, bytes (cgroup v1)."),
    column("memory_limit", Type::BigInt, 0, "Memory it may use, bytes."),
    column("network_rx_bytes", Type::BigInt, 0, "Bytes received."),
    column("network_tx_bytes", Type::BigInt, 0, "Bytes sent."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    given: Given::Key(""),
    about: &["/containers/{}/stats?stream=false"],
    needs: ALL,
    patience_s: 5,
    // r and p are times like 2015-01-08T22:57:31.5479Z; without an earlier measurement p is in the year 1.
    rows: "?1, a->>'name', a->>'$.pids_stats.current', max(unixepoch(substr(r, 1, 19)), 0), max(unixepoch(substr(p, 1, 19)), 0), \
           iif(p < '1970', 0, (unixepoch(substr(r, 1, 19)) - unixepoch(substr(p, 1, 19))) * 1000000000 \
               + CAST(substr(rtrim(substr(r, 21), 'Z') || '000000000', 1, 9) AS INT) \
               - CAST(substr(rtrim(substr(p, 21), 'Z') || '000000000', 1, 9) AS INT)), \
           (SELECT sum(value->>'value') FROM json_each(a, '$.blkio_stats.io_service_bytes_recursive') \
               WHERE lower(value->>'op') = 'read'), \
           (SELECT sum(value->>'value') FROM json_each(a, '$.blkio_stats.io_service_bytes_recursive') \
               WHERE lower(value->>'op') = 'write'), \
           a->>'num_procs', a->>'$.cpu_stats.cpu_usage.total_usage', a->>'$.cpu_stats.cpu_usage.usage_in_kernelmode', \
           a->>'$.cpu_stats.cpu_usage.usage_in_usermode', a->>'$.cpu_stats.system_cpu_usage', a->>'$.cpu_stats.online_cpus', \
           a->>'$.precpu_stats.cpu_usage.total_usage', a->>'$.precpu_stats.cpu_usage.usage_in_kernelmode', \
           a->>'$.precpu_stats.cpu_usage.usage_in_usermode', a->>'$.precpu_stats.system_cpu_usage', \
           a->>'$.precpu_stats.online_cpus', a->>'$.memory_stats.usage', a->>'$.memory_stats.stats.cache', \
           a->>'$.memory_stats.stats.inactive_file', a->>'$.memory_stats.stats.total_inactive_file', \
           a->>'$.memory_stats.max_usage', a->>'$.memory_stats.limit', \
           (SELECT sum(value->>'rx_bytes') FROM json_each(a, '$.networks')), \
           (SELECT sum(value->>'tx_bytes') FROM json_each(a, '$.networks')) \
           FROM (SELECT a, a->>'read' r, a->>'preread' p FROM x)",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_container_stats",
    help: "Resources that a Docker container uses",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
