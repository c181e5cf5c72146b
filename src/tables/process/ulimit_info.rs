//! `ulimit_info`: the limits of this very process, from getrlimit(2): what the shell, cron or the service manager gave
//! to it. One row for each resource.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::limit::{RESOURCES, limits};

const COLUMNS: &[Column] = &[
    column("type", Type::Text, 0, "The resource, named as in limits.conf(5)."),
    column("soft_limit", Type::Text, 0, "What holds, in the unit of getrlimit(2), or unlimited."),
    column("hard_limit", Type::Text, 0, "As far as it may be raised."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "ulimit_info",
    help: "Resource limits of the agent's process",
    columns: COLUMNS,
    open: |_| {
        let text = |limit: Option<u64>| Value::text(limit.map_or("unlimited".into(), |limit| limit.to_string()));
        let row = |&(name, resource): &(&str, u32)| {
            let (soft, hard) = limits(resource).ok()?;
            Some(vec![Value::text(name), text(soft), text(hard)])
        };
        Ok(Rows::of(RESOURCES.iter().filter_map(row).collect()))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::{host, rows};

    #[test]
    fn the_same_as_prlimit_says() {
        let found = rows("", "SELECT * FROM ulimit_info ORDER BY type");
        assert_eq!(found.len(), 16);
        let pid = std::process::id().to_string();
        let arguments = ["--raw", "--noheadings", "--output", "RESOURCE,SOFT,HARD", "--pid", &pid];
        let Some(text) = host("prlimit", &arguments) else {
            println!("skipped: needs prlimit");
            return;
        };
        let mut wanted: Vec<Vec<String>> =
            text.lines().map(|line| line.split_whitespace().map(str::to_lowercase).collect()).collect();
        wanted.sort();
        assert_eq!(found, wanted);
    }
}
