//! `osquery_flags`: the flags there are, with their values in force: the defaults, what was given on the command line, and
//! what the config file's `options` say.

use super::configuration;
use crate::config::flags::{self, Kind};
use crate::sql::table::{Column, Rows, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("type", Type::Text, 0, "bool, string, int32, uint32 or uint64."),
    column("description", Type::Text, 0, "What it does; empty if it is accepted and does nothing."),
    column("default_value", Type::Text, 0, "Value without anybody's doing."),
    column("value", Type::Text, 0, "Value in force."),
    column("shell_only", Type::Integer, 0, "1 if it is a flag of the shell."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_flags",
    help: "Flags and their values",
    columns: COLUMNS,
    open: |query| {
        let values = configuration::in_force(&query.context);
        // As in osquery, flags of one letter are not for everybody.
        let flags = flags::all().filter(|flag| flag.name.len() > 2);
        let row = |flag: flags::Flag| {
            let texts = [flag.name, flag.value.name(), &flag.about(), flag.default, values.text(flag.name)];
            let mut row = texts.map(Value::text).to_vec();
            row.push(Value::Integer(i64::from(flag.kind == Kind::Shell)));
            row
        };
        Ok(Rows::of(flags.map(row).collect()))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, rows};

    #[test]
    fn values_are_those_of_the_config_file_where_they_may_stand_there() {
        let tree = Tree::new("flags");
        let config = "{\n# comment\n\"options\": {\"events_max\": 7, \"verbose\": true, \"config_path\": \"/x\", \"read_max\": -1,\n\
                      \"nothing_known\": 1}}";
        tree.file("/etc/osquery/osquery.conf", config);
        let sql = "SELECT name, type, default_value, value, shell_only FROM osquery_flags WHERE name IN \
                   ('events_max', 'verbose', 'config_path', 'read_max', 'json', 'docker_socket') ORDER BY name";
        let wanted = [
            ["config_path", "string", "/etc/osquery/osquery.conf", "/etc/osquery/osquery.conf", "0"],
            ["docker_socket", "string", "/var/run/docker.sock", "/var/run/docker.sock", "0"],
            ["events_max", "uint64", "50000", "7", "0"],
            ["json", "bool", "false", "false", "1"],
            ["read_max", "uint64", "52428800", "52428800", "0"],
            ["verbose", "bool", "false", "true", "0"],
        ];
        assert_eq!(tree.rows(sql), wanted);
    }

    #[test]
    fn every_flag_is_there_and_none_of_one_letter() {
        let count = crate::config::flags::all().filter(|flag| flag.name.len() > 2).count().to_string();
        assert_eq!(rows("", "SELECT count(*), min(length(name)) > 2 FROM osquery_flags"), [[count.as_str(), "1"]]);
    }
}
