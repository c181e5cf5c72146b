//! What Tab may mean: dot-commands and their arguments, names of tables, and columns of the tables that a statement
//! names.

use super::dot;
use crate::cli::output::Mode;
use crate::sql::table::Table;

/// What may stand in place of a text's last word.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Where that word begins, bytes.
    pub start: usize,
    /// What it may become, sorted; all begin with it.
    pub words: Vec<String>,
}

/// Words after which a table is named.
const BEFORE_TABLE: [&str; 5] = ["from", "join", "into", "update", "table"];

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// What may stand at the end of `before`, the line up to the cursor; `pending`: the statement's lines before it.
pub fn complete(tables: &[&'static Table], pending: &str, before: &str) -> Completion {
    if pending.is_empty() && before.starts_with('.') {
        return command(tables, before);
    }
    let start = before.trim_end_matches(is_word).len();
    let prefix = before.get(start..).unwrap_or("");
    let statement = format!("{pending}\n{before}");
    let statement = statement.rsplit(';').next().unwrap_or("");
    let mut words: Vec<&str> = Vec::new();
    let ahead = before.get(..start).unwrap_or("");
    if let Some(qualified) = ahead.strip_suffix('.') {
        let name = qualified.get(qualified.trim_end_matches(is_word).len()..).unwrap_or("");
        let of = |table: &&&'static Table| table.name.eq_ignore_ascii_case(name);
        words.extend(tables.iter().filter(of).flat_map(|table| columns(table)));
        return Completion::of(start, prefix, words);
    }
    words.extend(tables.iter().map(|table| table.name));
    let last = statement.get(..statement.len() - prefix.len()).unwrap_or("");
    let last = last.split(|c| !is_word(c)).rfind(|word| !word.is_empty()).unwrap_or("");
    if !BEFORE_TABLE.iter().any(|word| word.eq_ignore_ascii_case(last)) {
        let named =
            |table: &&&Table| statement.split(|c| !is_word(c)).any(|word| word.eq_ignore_ascii_case(table.name));
        let some = tables.iter().any(|table| named(&table));
        words.extend(tables.iter().filter(|table| !some || named(table)).flat_map(|table| columns(table)));
    }
    Completion::of(start, prefix, words)
}

fn columns(table: &'static Table) -> impl Iterator<Item = &'static str> {
    table.columns.iter().map(|column| column.name)
}

fn command(tables: &[&'static Table], before: &str) -> Completion {
    let Some((name, argument)) = before.split_once(char::is_whitespace) else {
        let words = dot::names().collect();
        return Completion::of(1, before.get(1..).unwrap_or(""), words);
    };
    let start = before.len() - argument.len();
    let words = match name {
        ".mode" => Mode::names().collect(),
        ".all" | ".schema" | ".tables" | ".list" => tables.iter().map(|table| table.name).collect(),
        ".bail" | ".echo" | ".header" | ".headers" | ".timer" => vec!["off", "on"],
        ".types" => return complete(tables, " ", argument).moved(start),
        _ => Vec::new(),
    };
    Completion::of(start, argument, words)
}

impl Completion {
    fn of(start: usize, prefix: &str, words: Vec<&str>) -> Self {
        let begins = |word: &&str| word.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix));
        let mut sorted: Vec<String> = Vec::new();
        for word in words.into_iter().filter(begins) {
            if let Err(place) = sorted.binary_search_by(|other| other.as_str().cmp(word)) {
                sorted.insert(place, word.to_string());
            }
        }
        Completion { start, words: sorted }
    }

    fn moved(self, by: usize) -> Self {
        Completion { start: self.start + by, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::registry::TABLES;

    fn words(pending: &str, before: &str) -> (usize, Vec<String>) {
        let some = ["processes", "uptime"];
        let tables: Vec<&'static Table> = TABLES.iter().copied().filter(|table| some.contains(&table.name)).collect();
        let Completion { start, words } = complete(&tables, pending, before);
        (start, words)
    }

    fn some(start: usize, words: &[&str]) -> (usize, Vec<String>) {
        (start, words.iter().map(|word| word.to_string()).collect())
    }

    #[test]
    fn completes_tables_columns_and_commands() {
        assert_eq!(words("", "select * from upt"), some(14, &["uptime"]));
        assert_eq!(words("", "select * from UPT"), some(14, &["uptime"]));
        assert_eq!(
            words("", "select total_"),
            some(7, &["total_seconds", "total_size"]),
            "no table is named: columns of all"
        );
        assert_eq!(words("", "select * from uptime where mi"), some(27, &["minutes"]));
        assert_eq!(words("select * from uptime", "where mi"), some(6, &["minutes"]), "of the lines before too");
        assert_eq!(words("", "select 1 from uptime; select cmdl"), some(29, &["cmdline"]), "of this statement only");
        assert_eq!(words("", "select uptime.d"), some(14, &["days"]));
        assert_eq!(words("", "select nothing.d"), some(15, &[]));
        assert!(!words("", "select * from ").1.contains(&"pid".to_string()), "after FROM there are tables only");
        assert_eq!(words("", ".ti"), some(1, &["timeout", "timer"]));
        assert_eq!(words("", ".mode c"), some(6, &["column", "csv"]));
        assert_eq!(words("", ".schema upt"), some(8, &["uptime"]));
        assert_eq!(words("", ".types select * from upt"), some(21, &["uptime"]));
        assert_eq!(words("", ".timer o"), some(7, &["off", "on"]));
        assert_eq!(words("", ".print x"), some(7, &[]));
    }
}
