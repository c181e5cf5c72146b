//! JSON documents read: SQLite's own parser, which is in the binary anyway, behind paths like `$.name` and `$.list[0]`
//! (sqlite.org/json1.html). A document is parsed once; what is asked of it is looked up in the binary form.

use super::table::Value;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

/// Deepest and largest document: SQLite's own limits (depth 1000, 1 GB) and whoever reads the file.
pub struct Document {
    sqlite: Connection,
}

/// A member of an object or an element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The key; for an array its index.
    pub key: String,
    /// Text as it is, numbers as written, true and false as 1 and 0, null as nothing, objects and arrays as JSON.
    pub value: String,
    /// `object`, `array`, `text`, `integer`, `real`, `true`, `false` or `null`.
    pub kind: String,
    /// Where it is, for further questions.
    pub path: String,
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) | ValueRef::Blob(text) => Some(String::from_utf8_lossy(text).into_owned()),
    }
}

impl Document {
    /// None if it is no JSON. What is not UTF-8 in it reads U+FFFD.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let json = String::from_utf8_lossy(json);
        let sqlite = Connection::open_in_memory().ok()?;
        sqlite.execute_batch("CREATE TABLE d(j)").ok()?;
        sqlite.execute("INSERT INTO d VALUES(jsonb(?1))", [json.trim_start_matches('\u{feff}')]).ok()?;
        Some(Document { sqlite })
    }

    /// The value at a path: see [`Member::value`]. None where there is nothing, or null.
    pub fn text(&self, path: &str) -> Option<String> {
        let mut statement = self.sqlite.prepare_cached("SELECT json_extract(j, ?1) FROM d").ok()?;
        statement.query_row([path], |row| Ok(text(row.get_ref(0)?))).optional().ok()??
    }

    /// The number at a path (a text that is one counts).
    pub fn integer(&self, path: &str) -> Option<i64> {
        self.text(path)?.trim().parse().ok()
    }

    /// `object`, `array`, `text`, … at a path; None where there is nothing.
    pub fn kind(&self, path: &str) -> Option<String> {
        let mut statement = self.sqlite.prepare_cached("SELECT json_type(j, ?1) FROM d").ok()?;
        statement.query_row([path], |row| row.get(0)).optional().ok()??
    }

    /// The members of the object, or elements of the array, at a path; none where there is neither.
    pub fn members(&self, path: &str) -> Vec<Member> {
        let sql = "SELECT key, value, type, fullkey FROM d, json_each(d.j, ?1)";
        let Ok(mut statement) = self.sqlite.prepare_cached(sql) else { return Vec::new() };
        let rows = statement.query_map([path], |row| {
            let part = |index| Ok::<_, rusqlite::Error>(text(row.get_ref(index)?).unwrap_or_default());
            Ok(Member { key: part(0)?, value: part(1)?, kind: part(2)?, path: part(3)? })
        });
        rows.map(|rows| rows.flatten().collect()).unwrap_or_default()
    }

    /// Takes another document's place, for many small ones one after the other; false, and nothing changes, if it is no
    /// JSON.
    pub fn replace(&self, json: &[u8]) -> bool {
        let Ok(mut statement) = self.sqlite.prepare_cached("UPDATE d SET j = jsonb(?1)") else { return false };
        statement.execute([String::from_utf8_lossy(json)]).is_ok()
    }

    /// Rows of a SELECT of the program's own, to which `d.j` is the document and ?1 is `key`. It ends at the first error.
    pub fn select(&self, sql: &str, key: &str) -> Vec<Vec<Value>> {
        let mut rows = Vec::new();
        let Ok(mut statement) = self.sqlite.prepare_cached(sql) else { return rows };
        let count = statement.column_count();
        let value = |value: ValueRef<'_>| match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) | ValueRef::Blob(text) => Value::text(text),
        };
        // Not every SELECT asks for the key.
        if statement.parameter_count() > 0 && statement.raw_bind_parameter(1, key).is_err() {
            return rows;
        }
        let mut found = statement.raw_query();
        while let Ok(Some(row)) = found.next() {
            rows.push((0..count).map(|index| row.get_ref(index).map_or(Value::Null, value)).collect());
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_path() {
        let json = br#"{"name": "a\u00e9", "big": 9007199254740993, "list": [true, {"x.y": null}], "none": null}"#;
        let document = Document::parse(json).unwrap();
        assert_eq!(document.text("$.name").as_deref(), Some("a\u{e9}"));
        assert_eq!(document.integer("$.big"), Some(9_007_199_254_740_993));
        assert_eq!(document.text("$.none"), None);
        assert_eq!(document.kind("$.none").as_deref(), Some("null"));
        assert_eq!(document.text("$.list[1]").as_deref(), Some("{\"x.y\":null}"));
        let members = document.members("$");
        assert_eq!(members.iter().map(|m| m.key.as_str()).collect::<Vec<_>>(), ["name", "big", "list", "none"]);
        assert_eq!(document.members(&members[2].path).len(), 2);
        assert_eq!(document.members("$.list[1]")[0].path, "$.list[1].\"x.y\"");
        assert!(document.members("$.name").is_empty() || document.members("$.name").len() == 1);
        assert!(Document::parse(b"{").is_none());
        assert!(document.replace(b"[1, 2.5]") && !document.replace(b"[1, 2.5"));
        let rows = document.select("SELECT value, ?1, NULL FROM d, json_each(j)", "key");
        let text = || Value::text("key");
        assert_eq!(rows, [[Value::Integer(1), text(), Value::Null], [Value::Real(2.5), text(), Value::Null]]);
        assert_eq!(document.select("SELECT 1 FROM d", "key"), [[Value::Integer(1)]]);
        assert!(document.select("SELECT nonsense", "").is_empty());
        assert!(Document::parse(b"\xef\xbb\xbf{\"a\": \"\xff\"}").is_some());
    }
}
