//! `docker_info`: the Docker engine and what it can do here, one row, from `/info`.

use crate::sql::table::{Column, Table, Type, column};
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column { collate: "NOCASE", ..column("id", Type::Text, 0, "The engine's id.") },
    column("containers", Type::Integer, 0, "Containers."),
    column("containers_running", Type::Integer, 0, "Of these running."),
    column("containers_paused", Type::Integer, 0, "Of these paused."),
    column("containers_stopped", Type::Integer, 0, "Of these stopped."),
    column("images", Type::Integer, 0, "Images."),
    column("storage_driver", Type::Text, 0, "Storage driver."),
    column("memory_limit", Type::Integer, 0, "1 if memory can be limited."),
    column("swap_limit", Type::Integer, 0, "1 if swap can be limited."),
    column("kernel_memory", Type::Integer, 0, "1 if kernel memory can be limited."),
    column("cpu_cfs_period", Type::Integer, 0, "1 if the CPU period can be set."),
    column("cpu_cfs_quota", Type::Integer, 0, "1 if the CPU quota can be set."),
    column("cpu_shares", Type::Integer, 0, "1 if CPU shares can be set."),
    column("cpu_set", Type::Integer, 0, "1 if CPUs can be chosen."),
    column("ipv4_forwarding", Type::Integer, 0, "1 if IPv4 is forwarded."),
    column("bridge_nf_iptables", Type::Integer, 0, "1 if bridged packets meet iptables."),
    column("bridge_nf_ip6tables", Type::Integer, 0, "1 if bridged packets meet ip6tables."),
    column("oom_kill_disable", Type::Integer, 0, "1 if killing for lack of memory can be turned off."),
    column("logging_driver", Type::Text, 0, "Logging driver."),
    column("cgroup_driver", Type::Text, 0, "Driver of control groups."),
    Column { collate: "version", ..column("kernel_version", Type::Text, 0, "The kernel's version.") },
    column("os", Type::Text, 0, "Operating system, with its version."),
    column("os_type", Type::Text, 0, "Kind of operating system."),
    column("architecture", Type::Text, 0, "Hardware."),
    column("cpus", Type::Integer, 0, "CPUs."),
    column("memory", Type::BigInt, 0, "Memory, bytes."),
    column("http_proxy", Type::Text, 0, "Proxy for http."),
    column("https_proxy", Type::Text, 0, "Proxy for https."),
    column("no_proxy", Type::Text, 0, "Hosts that need no proxy."),
    column("name", Type::Text, 0, "The host's name."),
    Column { collate: "version", ..column("server_version", Type::Text, 0, "Engine version.") },
    column("root_dir", Type::Text, 0, "The engine's directory."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: "/info",
    things: "",
    rows: "t->>'ID', t->>'Containers', t->>'ContainersRunning', t->>'ContainersPaused', t->>'ContainersStopped', t->>'Images', \
           t->>'Driver', t->>'MemoryLimit', t->>'SwapLimit', t->>'KernelMemory', t->>'CpuCfsPeriod', t->>'CpuCfsQuota', \
           t->>'CPUShares', t->>'CPUSet', t->>'IPv4Forwarding', t->>'BridgeNfIptables', t->>'BridgeNfIp6tables', \
           t->>'OomKillDisable', t->>'LoggingDriver', t->>'CgroupDriver', t->>'KernelVersion', t->>'OperatingSystem', \
           t->>'OSType', t->>'Architecture', t->>'NCPU', t->>'MemTotal', t->>'HttpProxy', t->>'HttpsProxy', t->>'NoProxy', \
           t->>'Name', t->>'ServerVersion', t->>'DockerRootDir' FROM x",
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_info",
    help: "The Docker engine and what it can do",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};
