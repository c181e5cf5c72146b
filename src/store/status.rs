//! The agent's own counters: one row of events.db (`agent`), rewritten with each batch, so that a one-shot query reads
//! the agent's state without asking it anything. One list below makes the struct, the table and the names.

macro_rules! agent_status {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// Numbers of the running (or last) agent. All since its start unless said otherwise.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Numbers { $($(#[doc = $doc])+ pub $name: i64),+ }
        impl Numbers {
            /// Column names of table `agent`, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            /// One line of help for each name.
            pub const HELP: &'static [&'static str] = &[$(concat!($($doc),+)),+];
            /// The values, in the order of `NAMES`.
            pub fn values(&self) -> [i64; Self::NAMES.len()] { [$(self.$name),+] }
            /// Back from values in the order of `NAMES`.
            pub fn from_values(values: [i64; Self::NAMES.len()]) -> Self { let [$($name),+] = values; Self { $($name),+ } }
        }
    };
}

agent_status! {
    /// Process id of the agent.
    pid,
    /// When it started, ns since the epoch.
    started_ns,
    /// When this row was written, ns since the epoch.
    updated_ns,
    /// When it stopped cleanly, ns since the epoch; 0 while it runs or if it was killed.
    stopped_ns,
    /// Rung of the source ladder in use: 1 audit owner + connector, 2 audit multicast + connector, 3 audit alone; 0 a log.
    rung,
    /// Pid that owns kernel audit (AUDIT_GET), 0 none.
    audit_owner,
    /// The kernel's own count of lost audit records (AUDIT_GET lost, as auditctl -s shows it).
    kernel_lost,
    /// What that count was when the agent started.
    kernel_lost_before,
    /// The kernel's backlog when last asked, records.
    kernel_backlog,
    /// Times a socket of ours reported ENOBUFS (multicast, connector).
    socket_overflows,
    /// Datagrams received from audit.
    records_received,
    /// Records that could not be parsed, counted and dropped.
    records_malformed,
    /// Datagrams received from the proc connector.
    connector_received,
    /// Exec events stored or on their way to the store.
    exec_events,
    /// Events put together without all of their records.
    events_partial,
    /// Events given up because every assembler slot was taken.
    events_evicted,
    /// Events whose text was longer than fits and was cut.
    events_truncated,
    /// Images the connector saw exec but audit never reported; filled from /proc where possible.
    execs_unaudited,
    /// Rows lost because the database could not take them and the buffer was full.
    rows_dropped,
    /// Rows written.
    rows_written,
    /// Rows removed by retention.
    rows_expired,
    /// process_events rows in the file.
    rows_visible,
    /// Size of events.db without its free pages, bytes.
    database_bytes,
    /// Times a damaged or foreign events.db was set aside.
    databases_set_aside,
    /// Times recording waited for the disk, because what it had not taken yet (the WAL) had grown to 32 MiB.
    disk_waits,
    /// Times /proc was read again after a loss.
    resyncs,
    /// Ancestor look-ups answered by the cache.
    cache_hits,
    /// Ancestor look-ups that had to go to /proc.
    cache_misses,
    /// Nodes in the cache.
    cache_size,
    /// Nodes it can hold (process_ancestry_cache_size).
    cache_capacity,
    /// Nodes that left because it was full.
    cache_evictions,
    /// Nodes that left by their TTL.
    cache_expired,
    /// Processes whose parent nobody could name.
    cache_unknown_parents,
    /// Memory the cache takes, bytes.
    cache_bytes,
    /// process_ancestry_max_depth in force (0: no limit).
    ancestry_max_depth,
    /// Heap allocations since start, SQLite's own left out.
    heap_allocations,
    /// Resident set size, KiB.
    rss_kib,
    /// CPU time used, user and system, microseconds.
    cpu_us,
}
