//! `docker_containers`: all containers, running or not, from `/containers/json`; from the column `pid` on a request more for
//! each (`/containers/ID/json`), and its namespaces from /proc/PID/ns, where they can be read.

use crate::sql::table::{Column, INDEX, Table, Type, Value, column};
use crate::sys::root::Root;
use crate::tables::feed::{self, Feed};

const COLUMNS: &[Column] = &[
    Column {
        collate: "NOCASE",
        ..column("id", Type::Text, INDEX, "The container's id, or the part of it that was asked for.")
    },
    column("name", Type::Text, INDEX, "First name, with its leading slash."),
    column("image", Type::Text, 0, "Image it was started from, as it was named."),
    Column { collate: "NOCASE", ..column("image_id", Type::Text, 0, "The image's id.") },
    column("command", Type::Text, 0, "Command with its arguments."),
    column("created", Type::BigInt, 0, "When it was made, seconds since the epoch."),
    column("state", Type::Text, 0, "created, running, paused, exited, …"),
    column("status", Type::Text, 0, "The same for people, with how long."),
    column("pid", Type::BigInt, 0, "Process id of its first process; 0 if it does not run."),
    column("path", Type::Text, 0, "Its program."),
    column("config_entrypoint", Type::Text, 0, "Entry point, its words with commas between."),
    column("started_at", Type::Text, 0, "When it was last started."),
    column("finished_at", Type::Text, 0, "When it last ended; empty while it runs."),
    column("privileged", Type::Integer, 0, "1 if it is privileged."),
    column("security_options", Type::Text, 0, "Security options, with commas between."),
    column("env_variables", Type::Text, 0, "Environment, NAME=value with commas between."),
    column("readonly_rootfs", Type::Integer, 0, "1 if its root file system is read-only."),
    column("cgroup_namespace", Type::Text, 0, "Number of its cgroup namespace."),
    column("ipc_namespace", Type::Text, 0, "Number of its IPC namespace."),
    column("mnt_namespace", Type::Text, 0, "Number of its mount namespace."),
    column("net_namespace", Type::Text, 0, "Number of its network namespace."),
    column("pid_namespace", Type::Text, 0, "Number of its pid namespace."),
    column("user_namespace", Type::Text, 0, "Number of its user namespace."),
    column("uts_namespace", Type::Text, 0, "Number of its UTS namespace."),
];

static FEED: Feed = Feed {
    columns: COLUMNS,
    list: super::CONTAINERS,
    given: super::ONE_CONTAINER,
    about: &["/containers/{}/json"],
    needs: !0xff,
    rows: "?1, t->>'$.Names[0]', t->>'Image', replace(t->>'ImageID', 'sha256:', ''), t->>'Command', t->>'Created', \
           t->>'State', t->>'Status', a->>'$.State.Pid', a->>'Path', \
           (SELECT group_concat(value, ', ') FROM json_each(a, '$.Config.Entrypoint')), a->>'$.State.StartedAt', \
           iif(t->>'State' = 'running', '', a->>'$.State.FinishedAt'), a->>'$.HostConfig.Privileged', \
           (SELECT group_concat(value, ', ') FROM json_each(a, '$.HostConfig.SecurityOpt')), \
           (SELECT group_concat(value, ', ') FROM json_each(a, '$.Config.Env')), a->>'$.HostConfig.ReadonlyRootfs' FROM x",
    finish: Some(namespaces),
    ..super::FEED
};

/// See the module's head.
pub static TABLE: Table = Table {
    name: "docker_containers",
    help: "Docker containers",
    columns: COLUMNS,
    open: |query| feed::open(&FEED, &query),
};

/// Where the pid stands in a row.
const PID: usize = 8;
pub(super) const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// Appends the numbers of the namespaces of the container's process: what stands between the brackets of `net:[4026531840]`.
fn namespaces(root: &Root, row: &mut Vec<Value>) {
    let pid = row.get(PID).and_then(Value::as_integer).filter(|&pid| pid > 0);
    for name in NAMESPACES {
        let link = pid.and_then(|pid| root.read_link(format!("/proc/{pid}/ns/{name}")).ok()).unwrap_or_default();
        let number = link.splitn(2, |&byte| byte == b'[').nth(1).and_then(|rest| rest.strip_suffix(b"]"));
        row.push(Value::text(number.unwrap_or(&[])));
    }
}
