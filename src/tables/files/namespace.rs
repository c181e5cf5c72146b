//! The hidden columns `pid_with_namespace` and `mount_namespace_id`: whether files are asked for as another process sees
//! them, in its mount namespace and below its root directory. From /proc/PID/root and /proc/PID/ns/mnt; cost: a link read.

use crate::sql::table::Query;

/// The process of which a query speaks.
#[derive(Default)]
pub struct Namespace {
    pid: Option<i64>,
    id: Vec<u8>,
}

impl Namespace {
    /// From the constraint on a column; 0 and less is this process.
    pub fn of(query: &Query, column: usize) -> Self {
        let pid = query.equal(column).and_then(|value| value.as_integer()).filter(|pid| *pid > 0);
        let link = pid.and_then(|pid| query.context.root.read_link(format!("/proc/{pid}/ns/mnt")).ok());
        // Reads `mnt:[4026531841]`.
        let id = link.unwrap_or_default().into_iter().filter(u8::is_ascii_digit).collect();
        Namespace { pid, id }
    }

    /// The process, if another than this one was asked for.
    pub fn pid(&self) -> Option<i64> {
        self.pid
    }

    /// The number of its mount namespace; empty for this process.
    pub fn id(&self) -> &[u8] {
        &self.id
    }
}
