//! `osquery_schedule`: the scheduled queries of the configuration: those of `schedule`, and those of the packs that are for
//! this platform, called `pack_PACK_QUERY`. What they cost is 0 until something runs them.

use super::configuration::{self, Pack};
use crate::config::packs;
use crate::sql::table::{Column, Context, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("query", Type::Text, 0, "The SQL."),
    column("interval", Type::Integer, 0, "Seconds from one run to the next."),
    column("executions", Type::BigInt, 0, "Runs."),
    column("last_executed", Type::BigInt, 0, "Last run, seconds since the epoch; 0: none."),
    column("denylisted", Type::Integer, 0, "1 if it is not run for what it did before."),
    column("output_size", Type::BigInt, 0, "Bytes of all results."),
    column("wall_time", Type::BigInt, 0, "Time of all runs, seconds."),
    column("wall_time_ms", Type::BigInt, 0, "Time of all runs, ms."),
    column("last_wall_time_ms", Type::BigInt, 0, "Time of the last run, ms."),
    column("user_time", Type::BigInt, 0, "CPU time in user space of all runs, ms."),
    column("last_user_time", Type::BigInt, 0, "CPU time in user space of the last run, ms."),
    column("system_time", Type::BigInt, 0, "CPU time in the kernel of all runs, ms."),
    column("last_system_time", Type::BigInt, 0, "CPU time in the kernel of the last run, ms."),
    column("average_memory", Type::BigInt, 0, "Memory of a run, on average, bytes."),
    column("last_memory", Type::BigInt, 0, "Memory of the last run, bytes."),
];

/// Longest interval, seconds: a week.
const LONGEST_S: i64 = 604_800;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_schedule",
    help: "Scheduled queries",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(rows(&query.context))),
};

fn rows(context: &Context) -> Vec<Vec<Value>> {
    let flags = configuration::in_force(context);
    let (delimiter, default) = (flags.text("pack_delimiter"), flags.number("schedule_default_interval") as i64);
    let packs = configuration::packs(context);
    packs.iter().filter(|pack| pack.is_for_us()).flat_map(|pack| queries(pack, delimiter, default)).collect()
}

fn queries(pack: &Pack, delimiter: &str, default_s: i64) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for member in pack.document.members(&pack.queries).into_iter().filter(|member| member.kind == "object") {
        let Some(sql) = pack.document.text(&format!("{}.query", member.path)) else { continue };
        let interval = format!("{}.interval", member.path);
        let interval_s = match pack.document.kind(&interval) {
            None => Some(default_s),
            Some(_) => pack.document.integer(&interval),
        };
        let Some(interval_s) = interval_s.filter(|interval| (1..=LONGEST_S).contains(interval)) else { continue };
        if !packs::is_for_us(&pack.document, &member.path) {
            continue;
        }
        let name = if pack.path.is_empty() { member.key } else { ["pack", &pack.name, &member.key].join(delimiter) };
        let mut row = vec![Value::text(name), Value::text(sql), Value::Integer(interval_s)];
        row.resize(COLUMNS.len(), Value::Integer(0));
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    fn configured(name: &str) -> Tree {
        let tree = Tree::new(name);
        let config = "{\n// comment\n\"schedule\": {\"up\": {\"query\": \"select * from uptime\", \"interval\": 60},\n\
            \"text\": {\"query\": \"select \\\n1\", \"interval\": \"600\"}, \"default\": {\"query\": \"select 2\"},\n\
            \"never\": {\"query\": \"select 3\", \"interval\": 0}, \"long\": {\"query\": \"select 4\", \"interval\": 604801},\n\
            \"odd\": 3, \"none\": {}, \"mac\": {\"query\": \"select 5\", \"platform\": \"darwin\"}},\n\
            \"packs\": {\"in\": {\"platform\": \"linux\", \"version\": \"1.4.5\", \"shard\": 10, \"discovery\": [\"select 1\"],\n\
            \"queries\": {\"q\": {\"query\": \"select 6\", \"interval\": 5}}}, \"file\": \"/etc/packs/one.conf\",\n\
            \"mac\": {\"platform\": \"darwin\", \"queries\": {\"q\": {\"query\": \"select 7\"}}}, \"gone\": \"/etc/packs/gone.conf\",\n\
            \"*\": \"/etc/packs/*.pack\", \"odd\": 7}}";
        tree.file("/etc/osquery/osquery.conf", config);
        tree.file("/etc/osquery/osquery.conf.d/a.conf", "{\"schedule\": {\"more\": {\"query\": \"select 8\"}}}");
        tree.file("/etc/osquery/osquery.conf.d/b.conf", "{ no JSON");
        tree.file("/etc/packs/one.conf", "# comment\n{\"queries\": {\"f\": {\"query\": \"select 9\"}}}");
        tree.file("/etc/packs/two.pack", "{\"version\": \"99.0\", \"queries\": {\"g\": {\"query\": \"select 10\"}}}");
        tree.file("/etc/packs/other", "{\"queries\": {\"g\": {\"query\": \"select 11\"}}}");
        tree
    }

    #[test]
    fn is_what_the_configuration_says() {
        let wanted = [
            ["more", "select 8", "3600", "0"],
            ["up", "select * from uptime", "60", "0"],
            ["text", "select 1", "600", "0"],
            ["default", "select 2", "3600", "0"],
            ["pack_in_q", "select 6", "5", "0"],
            ["pack_file_f", "select 9", "3600", "0"],
        ];
        assert_eq!(
            configured("schedule").rows("SELECT name, query, interval, executions FROM osquery_schedule"),
            wanted
        );
        assert!(Tree::new("schedule-none").rows("SELECT * FROM osquery_schedule").is_empty());
    }

    #[test]
    fn packs_are_all_that_can_be_read() {
        let wanted = [
            ["main", "", "", "0", "1"],
            ["main", "", "", "0", "1"],
            ["in", "linux", "1.4.5", "10", "0"],
            ["file", "", "", "0", "1"],
            ["mac", "darwin", "", "0", "0"],
            ["two", "", "99.0", "0", "0"],
        ];
        assert_eq!(
            configured("packs").rows("SELECT name, platform, version, shard, active FROM osquery_packs"),
            wanted
        );
    }
}
