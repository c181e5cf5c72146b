//! osquery.conf: JSON with osquery's liberties (`\` joins lines, lines that begin with `#` or `//` are comments).
//!
//! The parser is SQLite's own (`json_each`, `json_error_position`), which is in the binary anyway. A file is at most
//! 4 MiB, as in osquery.

use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// Largest config file, bytes.
const MOST_BYTES: u64 = 4 << 20;

/// `options` of a config file: name and value as text, in the file's order.
///
/// # Errors
/// One sentence: which file, what is wrong with it and where.
pub fn options(path: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = path.display();
    let size = fs::metadata(path).map_err(|error| format!("cannot read the config file {shown}: {error}"))?.len();
    if size > MOST_BYTES {
        return Err(format!("the config file {shown} has {size} bytes, more than the {MOST_BYTES} allowed"));
    }
    let text = fs::read(path).map_err(|error| format!("cannot read the config file {shown}: {error}"))?;
    let text = String::from_utf8(text).map_err(|error| {
        format!("the config file {shown} is not UTF-8 (at byte {})", error.utf8_error().valid_up_to())
    })?;
    parse(&text).map_err(|fault| format!("the config file {shown} {fault}"))
}

/// The same from text; the error begins with a verb.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let clean = without_comments(text);
    let parsed = || -> rusqlite::Result<_> {
        let sqlite = Connection::open_in_memory()?;
        let position: i64 = sqlite.query_row("SELECT json_error_position(?1)", [&clean], |row| row.get(0))?;
        if position > 0 {
            return Ok(Err(position as usize - 1));
        }
        let kind: String = sqlite.query_row("SELECT coalesce(json_type(?1), 'nothing')", [&clean], |row| row.get(0))?;
        let inner = "SELECT coalesce(json_type(?1, '$.options'), 'nothing')";
        let options: String = sqlite.query_row(inner, [&clean], |row| row.get(0))?;
        let each = "SELECT key, CASE type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' \
                    ELSE coalesce(CAST(value AS TEXT), '') END FROM json_each(?1, '$.options')";
        let mut statement = sqlite.prepare(each)?;
        let is_object = kind == "object" && options == "object";
        let rows = if is_object {
            statement
                .query_map([&clean], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()?
        } else {
            Vec::new()
        };
        Ok(Ok((kind, options, rows)))
    };
    match parsed() {
        Err(error) => Err(format!("could not be parsed: {error}")),
        Ok(Err(offset)) => {
            // SQLite points at where the faulty value should begin: blanks before it are not the fault.
            let blanks = clean.chars().skip(offset).take_while(|c| c.is_whitespace()).count();
            let before: String = clean.chars().take(offset + blanks).collect();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            Err(format!("is not valid JSON: line {line}, column {column}"))
        }
        Ok(Ok((kind, ..))) if kind != "object" => Err(format!("must hold a JSON object, not {kind}")),
        Ok(Ok((_, options, _))) if options != "object" && options != "nothing" => {
            Err(format!("has an \"options\" that is not an object but {options}"))
        }
        Ok(Ok((.., rows))) => Ok(rows),
    }
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
