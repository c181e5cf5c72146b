//! `chrome_extension_content_scripts`: which pages the scripts of browser extensions are put into, a row for each pair of
//! a script and a pattern, from the manifests ([`super::chrome`]). Memory: one manifest, and the scripts and patterns of
//! one of its entries; at most 4096 entries, and of each 4096 scripts and patterns.

use super::chrome::extensions::Extensions;
use super::chrome::profiles::text;
use crate::sql::document::Document;
use crate::sql::table::{Column, Cursor, INDEX, OPTIMIZED, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("browser_type", Type::Text, 0, "Browser: chrome, chromium, brave, edge, opera, vivaldi, …"),
    column("uid", Type::BigInt, INDEX | OPTIMIZED, "The user whose it is; without a constraint, the user who asks."),
    column("identifier", Type::Text, 0, "The extension's identifier, made of its manifest's key; empty without one."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "The extension's version.") },
    column("script", Type::Text, 0, "The script's file."),
    column("match", Type::Text, 0, "Pattern of pages that it is put into."),
    column("profile_path", Type::Text, 0, "Directory of the profile."),
    column("path", Type::Text, 0, "The extension's directory."),
    column("referenced", Type::BigInt, 0, "Whether the browser noted the extension: 1 or 0."),
];
const UID: usize = 1;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "chrome_extension_content_scripts",
    help: "Scripts that extensions of Chrome and its kin put into pages, by user",
    columns: COLUMNS,
    open: |query| {
        let extensions = Extensions::new(&query, TABLE.name, UID);
        let (entries, patterns, scripts) = (Vec::new().into_iter(), Vec::new(), Vec::new());
        Ok(Box::new(Scan { extensions, entries, patterns, scripts, next: 0 }))
    },
};

struct Scan {
    extensions: Extensions,
    /// JSON paths of the manifest's entries.
    entries: std::vec::IntoIter<String>,
    patterns: Vec<Value>,
    scripts: Vec<Value>,
    /// The pair after this one.
    next: usize,
}

fn texts(document: &Document, path: &str) -> Vec<Value> {
    let rows = document.select("SELECT value FROM d, json_each(d.j, ?1) WHERE type = 'text' LIMIT 4096", path);
    rows.into_iter().flatten().collect()
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.next += 1;
            if self.next <= self.patterns.len().saturating_mul(self.scripts.len()) {
                return Ok(true);
            }
            self.next = 0;
            let entry = self.entries.next();
            if let Some((entry, document)) = entry.as_ref().zip(self.extensions.document.as_ref()) {
                self.patterns = texts(document, &[entry, ".matches"].concat());
                self.scripts = texts(document, &[entry, ".js"].concat());
                continue;
            }
            self.patterns.clear();
            if !self.extensions.advance()? {
                return Ok(false);
            }
            let sql = "SELECT fullkey FROM d, json_each(d.j, ?1) WHERE type = 'object' LIMIT 4096";
            let rows = self.extensions.document.as_ref().map(|document| document.select(sql, "$.content_scripts"));
            let path = |value: Value| String::from_utf8(text(Some(&value))).ok();
            let paths = rows.unwrap_or_default().into_iter().flatten().filter_map(path);
            self.entries = paths.collect::<Vec<_>>().into_iter();
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let (extension, Some(profile)) = (&self.extensions, &self.extensions.profile) else { return Ok(Value::Null) };
        let pair = self.next.saturating_sub(1);
        let count = self.scripts.len().max(1);
        let one = |list: &[Value], place: usize| list.get(place).cloned().unwrap_or(Value::Null);
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "browser_type" => Value::text(profile.browser),
            "uid" => profile.place.uid(),
            "identifier" => extension.identifier(),
            "version" => extension.version(),
            "script" => one(&self.scripts, pair % count),
            "match" => one(&self.patterns, pair / count),
            "profile_path" => Value::Text(profile.place.shown(&profile.path)),
            "path" => extension.path(),
            _ => i64::from(extension.setting.is_some()).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::tables::packages::chrome_extensions::tests::tree;

    #[test]
    fn pairs_become_rows() {
        let tree = tree("chrome_extension_content_scripts");
        let sql = "SELECT script, match, referenced, version FROM chrome_extension_content_scripts WHERE uid = 4000";
        let wanted = [
            ["1.js", "a", "1", "1.0"],
            ["2.js", "a", "1", "1.0"],
            ["1.js", "b", "1", "1.0"],
            ["2.js", "b", "1", "1.0"],
        ];
        assert_eq!(tree.rows(sql), wanted);
        let sql = "SELECT count(*), min(length(identifier)), min(path) FROM chrome_extension_content_scripts WHERE uid = 4000";
        let path = "/home/u/.config/google-chrome/Default/Extensions/aaaa/1.0_0";
        assert_eq!(tree.rows(sql), [["4", "32", path]]);
        assert!(tree.rows("SELECT 1 FROM chrome_extension_content_scripts WHERE uid = 4001").is_empty());
    }
}
