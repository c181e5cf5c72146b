//! osquery.conf: JSON with osquery's liberties (`\` joins lines, lines that begin with `#` or `//` are comments).
//!
//! The parser is SQLite's own (`json_each`, `json_error_position`), which is in the binary anyway. A file is at most
//! 4 MiB, as in osquery.

use crate::sql::document::{Document, Member};
use rusqlite::Connection;
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

/// The same from text; the error begins with a verb.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let clean = without_comments(text);
    let Some(document) = Document::parse(clean.as_bytes()) else {
        return Err(fault(&clean).unwrap_or_else(|| "could not be parsed".to_string()));
    };
    let kind = |path: &str| document.kind(path).unwrap_or_else(|| "nothing".to_string());
    if kind("$") != "object" {
        return Err(format!("must hold a JSON object, not {}", kind("$")));
    }
    let options = kind("$.options");
    if !matches!(options.as_str(), "object" | "nothing") {
        return Err(format!("has an \"options\" that is not an object but {options}"));
    }
    let value = |member: &Member| match member.kind.as_str() {
        "true" | "false" => member.kind.clone(),
        _ => member.value.clone(),
    };
    Ok(document.members("$.options").iter().map(|member| (member.key.clone(), value(member))).collect())
}

/// Where a text is no JSON. SQLite points at where the faulty value should begin: blanks before it are not the fault.
fn fault(text: &str) -> Option<String> {
    let sqlite = Connection::open_in_memory().ok()?;
    let position: i64 = sqlite.query_row("SELECT json_error_position(?1)", [text], |row| row.get(0)).ok()?;
    let offset = usize::try_from(position).ok()?.checked_sub(1)?;
    let blanks = text.chars().skip(offset).take_while(|c| c.is_whitespace()).count();
    let before: String = text.chars().take(offset + blanks).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Some(format!("is not valid JSON: line {line}, column {column}"))
}

/// Blanks out comment lines and joins continued ones, keeping line numbers as they are.
pub fn without_comments(text: &str) -> String {
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
