//! osquery.conf: JSON with osquery's liberties (`\` joins lines, lines that begin with `#` or `//` are comments).
//!
//! The parser is SQLite's own (`json_each`, `json_error_position`), which is in the binary anyway. A file is at most
//! 4 MiB, as in osquery.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::fs;
use std::path::Path;

/// Largest config file, bytes.
const MOST_BYTES: u64 = 4 << 20;

/// The text of a config file or a pack's, without comments, checked to be JSON.
///
/// # Errors
/// One sentence: which file, what is wrong with it and where.
pub fn read(path: &Path) -> Result<String, String> {
    let text = without_comments(&load(path)?);
    match parse(&text) {
        Ok(_) => Ok(text),
        Err(fault) => Err(format!("the config file {} {fault}", path.display())),
    }
}

/// `options` of a config file: name and value as text, in the file's order.
///
/// # Errors
/// One sentence: which file, what is wrong with it and where.
pub fn options(path: &Path) -> Result<Vec<(String, String)>, String> {
    parse(&load(path)?).map_err(|fault| format!("the config file {} {fault}", path.display()))
}

fn load(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let size = fs::metadata(path).map_err(|error| format!("cannot read the config file {shown}: {error}"))?.len();
    if size > MOST_BYTES {
        return Err(format!("the config file {shown} has {size} bytes, more than the {MOST_BYTES} allowed"));
    }
    let text = fs::read(path).map_err(|error| format!("cannot read the config file {shown}: {error}"))?;
    String::from_utf8(text)
        .map_err(|error| format!("the config file {shown} is not UTF-8 (at byte {})", error.utf8_error().valid_up_to()))
}

/// The rows of a query about JSON, every value as text, NULL as nothing; parameters are numbered.
pub fn ask(sqlite: &Connection, sql: &str, parameters: &[&str]) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut statement = sqlite.prepare(sql)?;
    for (index, parameter) in parameters.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, parameter)?;
    }
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(match row.get_ref(column)? {
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Integer(number) => number.to_string(),
                _ => String::new(),
            });
        }
        all.push(values);
    }
    Ok(all)
}

/// The same from text; the error begins with a verb.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let clean = without_comments(text);
    let failed = |error: rusqlite::Error| format!("could not be parsed: {error}");
    let sqlite = Connection::open_in_memory().map_err(failed)?;
    let rows = |sql: &str| ask(&sqlite, sql, &[&clean]).map_err(failed);
    let one = |sql: &str| Ok::<String, String>(rows(sql)?.pop().and_then(|mut row| row.pop()).unwrap_or_default());
    let position: usize = one("SELECT json_error_position(?1)")?.parse().unwrap_or(0);
    if position > 0 {
        return Err(fault(&clean, position - 1));
    }
    let kind = one("SELECT coalesce(json_type(?1), 'nothing')")?;
    if kind != "object" {
        return Err(format!("must hold a JSON object, not {kind}"));
    }
    let options = one("SELECT coalesce(json_type(?1, '$.options'), 'nothing')")?;
    if options == "nothing" {
        return Ok(Vec::new());
    }
    if options != "object" {
        return Err(format!("has an \"options\" that is not an object but {options}"));
    }
    let each = "SELECT key, CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
                ELSE coalesce(CAST(value AS TEXT), '') END FROM json_each(?1, '$.options')";
    let pair = |row: Vec<String>| {
        let mut values = row.into_iter();
        Some((values.next()?, values.next()?))
    };
    Ok(rows(each)?.into_iter().filter_map(pair).collect())
}

/// Where a text is no JSON. SQLite points at where the faulty value should begin: blanks before it are not the fault.
fn fault(text: &str, offset: usize) -> String {
    let blanks = text.chars().skip(offset).take_while(|c| c.is_whitespace()).count();
    let before: String = text.chars().take(offset + blanks).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    format!("is not valid JSON: line {line}, column {column}")
}

/// Blanks out comment lines and joins continued ones, keeping line numbers as they are.
fn without_comments(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed.starts_with('#') || trimmed.starts_with("//") {
            clean.push('\n');
        } else if let Some(joined) = line.strip_suffix("\\\n") {
            clean.push_str(joined);
        } else {
            clean.push_str(line);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_options_of_every_type_and_ignores_the_rest() {
        let text = "{\n# a comment\n \"options\": {\"events_max\": 7, \"a\": true, \"b\": \"text\",\n// another\n \"c\": null},\n\
                    \"schedule\": {}}";
        let wanted = [("events_max", "7"), ("a", "true"), ("b", "text"), ("c", "")];
        let wanted: Vec<_> = wanted.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        assert_eq!(parse(text), Ok(wanted));
        assert_eq!(parse("{\"schedule\": {}}"), Ok(Vec::new()));
    }

    #[test]
    fn tells_line_and_column_of_a_fault() {
        assert_eq!(parse("{\"options\": {\n  \"a\": ]\n}}"), Err("is not valid JSON: line 2, column 8".into()));
        assert!(parse("").unwrap_err().starts_with("is not valid JSON: line 1"));
        assert_eq!(parse("[1]"), Err("must hold a JSON object, not array".into()));
        assert_eq!(parse("{\"options\": 3}"), Err("has an \"options\" that is not an object but integer".into()));
    }
}
