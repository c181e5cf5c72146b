//! `stemma schema`: the tables as they are described in the registry, and `.schema`'s form of them.

use crate::sql::json::push_string;
use crate::sql::table::{ADDITIONAL, ELSEWHERE, HIDDEN, INDEX, REQUIRED, Table};
use crate::tables::registry;
use argh::FromArgs;

/// Print tables and their columns: as CREATE statements, or with what each column says.
#[derive(FromArgs)]
#[argh(subcommand, name = "schema")]
pub struct Schema {
    /// as JSON
    #[argh(switch)]
    json: bool,
    /// as Markdown
    #[argh(switch)]
    markdown: bool,
    /// tables; none: all
    #[argh(positional)]
    tables: Vec<String>,
}

/// Tables by name. (Inserted one by one: a sort would be 4 KB of code for every kind of thing sorted.)
pub fn by_name(tables: &[&'static Table]) -> Vec<&'static Table> {
    let mut sorted: Vec<&'static Table> = Vec::with_capacity(tables.len());
    for table in tables {
        sorted.insert(sorted.partition_point(|other| other.name < table.name), table);
    }
    sorted
}

/// A table as osquery's `.schema` writes it, without a semicolon: the key is made of the INDEX and ADDITIONAL columns; if
/// no column is INDEX, of all.
pub fn create(table: &Table) -> String {
    let mut sql = format!("CREATE TABLE {}(", table.name);
    for (index, column) in table.columns.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        sql.push_str(&format!("{comma}`{}` {}", column.name, column.kind.name()));
        if column.flags & HIDDEN != 0 {
            sql.push_str(" HIDDEN");
        }
        if !column.collate.is_empty() {
            sql.push_str(&format!(" COLLATE {}", column.collate.to_ascii_uppercase()));
        }
    }
    let has = |flags: u16| table.columns.iter().any(|column| column.flags & flags != 0);
    if has(INDEX | ADDITIONAL) {
        let of_key = |flags: u16| !has(INDEX) || flags & (INDEX | ADDITIONAL) != 0;
        let key = table.columns.iter().filter(|column| of_key(column.flags));
        let key: Vec<String> = key.map(|column| format!("`{}`", column.name)).collect();
        sql.push_str(&format!(", PRIMARY KEY ({})) WITHOUT ROWID", key.join(", ")));
    } else {
        sql.push(')');
    }
    sql
}

/// What is special about a column, in words.
fn words(flags: u16) -> Vec<&'static str> {
    let all = [
        (REQUIRED, "required"),
        (INDEX, "index"),
        (ADDITIONAL, "additional"),
        (HIDDEN, "hidden"),
        (ELSEWHERE, "elsewhere"),
    ];
    all.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| *word).collect()
}

/// A member of a JSON object whose value is a text.
fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    push_string(out, name.as_bytes());
    out.push(b':');
    push_string(out, text.as_bytes());
}

/// A table as a JSON object.
fn json(table: &Table) -> Vec<u8> {
    let mut out = b"{".to_vec();
    member(&mut out, "name", table.name);
    out.push(b',');
    member(&mut out, "description", table.help);
    out.extend_from_slice(b",\"columns\":[");
    for (index, column) in table.columns.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",\n    {" } else { b"\n    {" });
        member(&mut out, "name", column.name);
        out.push(b',');
        member(&mut out, "type", column.kind.name());
        out.push(b',');
        member(&mut out, "description", column.help);
        for word in words(column.flags) {
            out.extend_from_slice(format!(",\"{word}\":true").as_bytes());
        }
        if !column.collate.is_empty() {
            out.push(b',');
            member(&mut out, "collate", column.collate);
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"\n  ]}");
    out
}

/// A table as a section of Markdown.
fn markdown(table: &Table) -> String {
    let mut out = format!("## {}\n\n{}.\n\n| column | type | | |\n|---|---|---|---|\n", table.name, table.help);
    for column in table.columns {
        let help = column.help.replace('|', "\\|");
        out.push_str(&format!(
            "| `{}` | {} | {} | {help} |\n",
            column.name,
            column.kind.name(),
            words(column.flags).join(", ")
        ));
    }
    out
}

impl Schema {
    /// Runs; returns the exit code.
    pub fn run(self) -> u8 {
        let mut chosen: Vec<&'static Table> = Vec::new();
        for name in &self.tables {
            match registry::TABLES.iter().find(|table| table.name == name) {
                Some(table) => chosen.push(table),
                None => {
                    super::complain(&format!("Error: there is no table {name}"));
                    return 1;
                }
            }
        }
        if chosen.is_empty() {
            chosen = by_name(registry::TABLES);
        }
        let mut out: Vec<u8> = Vec::new();
        if self.json {
            out.extend_from_slice(b"[\n  ");
            out.extend_from_slice(&chosen.iter().map(|table| json(table)).collect::<Vec<_>>().join(&b",\n  "[..]));
            out.extend_from_slice(b"\n]\n");
        } else if self.markdown {
            out = chosen.iter().map(|table| markdown(table)).collect::<Vec<_>>().join("\n").into_bytes();
        } else {
            chosen.iter().for_each(|table| out.extend_from_slice(format!("{};\n", create(table)).as_bytes()));
        }
        super::tell(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::table::{Column, Rows, Type, column, elsewhere};

    const fn table(columns: &'static [Column]) -> Table {
        Table { name: "t", help: "A | table", columns, open: |_| Ok(Rows::of(Vec::new())) }
    }

    #[test]
    fn create_is_as_osquery_writes_it() {
        const NO_KEY: &[Column] = &[column("a", Type::Text, 0, ""), elsewhere("b", Type::UnsignedBigInt)];
        assert_eq!(create(&table(NO_KEY)), "CREATE TABLE t(`a` TEXT, `b` UNSIGNED BIGINT HIDDEN)");
        const KEY: &[Column] = &[
            column("a", Type::Integer, INDEX, ""),
            Column { collate: "version", ..column("b", Type::Text, 0, "") },
            column("c", Type::Double, ADDITIONAL | HIDDEN, ""),
        ];
        let wanted = "CREATE TABLE t(`a` INTEGER, `b` TEXT COLLATE VERSION, `c` DOUBLE HIDDEN, \
                      PRIMARY KEY (`a`, `c`)) WITHOUT ROWID";
        assert_eq!(create(&table(KEY)), wanted);
        const ADDITIONAL_ONLY: &[Column] =
            &[column("a", Type::BigInt, 0, ""), column("b", Type::Text, REQUIRED | ADDITIONAL, "")];
        let wanted = "CREATE TABLE t(`a` BIGINT, `b` TEXT, PRIMARY KEY (`a`, `b`)) WITHOUT ROWID";
        assert_eq!(create(&table(ADDITIONAL_ONLY)), wanted);
    }

    #[test]
    fn json_is_json_and_markdown_is_a_table() {
        for table in registry::TABLES {
            let parsed: serde_json::Value = serde_json::from_slice(&json(table)).unwrap();
            assert_eq!(parsed["name"], table.name);
            let columns = parsed["columns"].as_array().unwrap();
            assert_eq!(columns.len(), table.columns.len());
            for (column, parsed) in table.columns.iter().zip(columns) {
                assert_eq!(parsed["type"], column.kind.name());
                assert_eq!(parsed["hidden"].as_bool().unwrap_or(false), column.flags & HIDDEN != 0);
            }
            let lines = markdown(table).lines().filter(|line| line.starts_with("| `")).count();
            assert_eq!(lines, table.columns.len());
        }
    }
}
