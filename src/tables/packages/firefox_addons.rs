//! `firefox_addons`: what is installed in users' Firefox profiles, from each profile's extensions.json. Profiles are the
//! directories beside profiles.ini, and those elsewhere that it names (support.mozilla.org: profiles). A user's own unless
//! a query says which. Memory: one profile's rows, its file is at most 8 MiB.

use super::ini::{Item, item};
use super::place::{Place, join};
use crate::sql::document::Document;
use crate::sql::table::{ADDITIONAL, Column, Cursor, INDEX, OPTIMIZED, Table, TableError, Type, Value, column};
use crate::sys::root::{MOST_BYTES, Names};
use crate::tables::users::homes::{Owner, Owners};
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column(
        "uid",
        Type::BigInt,
        ADDITIONAL | OPTIMIZED,
        "The user whose it is; without a constraint, the user who asks.",
    ),
    column("name", Type::Text, 0, "Name for people."),
    column("identifier", Type::Text, INDEX, "Identifier."),
    column("creator", Type::Text, 0, "Who made it."),
    column("type", Type::Text, 0, "extension, theme, locale, dictionary, …"),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("description", Type::Text, 0, "What it is."),
    column("source_url", Type::Text, 0, "Where it was installed from."),
    column("visible", Type::Integer, 0, "Whether it is shown: 1 or 0."),
    column("active", Type::Integer, 0, "Whether it is at work: 1 or 0."),
    column("disabled", Type::Integer, 0, "Whether somebody or something disabled it: 1 or 0."),
    column("autoupdate", Type::Integer, 0, "How it is updated: 0 not, 1 as the browser is set, 2 always."),
    column("location", Type::Text, 0, "Kind of place it is in: app-profile, app-builtin, …"),
    column("path", Type::Text, 0, "Its file."),
];
const UID: usize = 0;
/// The columns after `uid`.
const SELECT: &str = "SELECT value->>'$.defaultLocale.name', value->>'$.id', value->>'$.defaultLocale.creator', \
    value->>'$.type', value->>'$.version', value->>'$.defaultLocale.description', value->>'$.sourceURI', \
    value->>'$.visible', value->>'$.active', \
    coalesce(value->>'$.userDisabled', 0) OR coalesce(value->>'$.appDisabled', 0) OR \
    coalesce(value->>'$.softDisabled', 0) OR coalesce(value->>'$.embedderDisabled', 0), \
    value->>'$.applyBackgroundUpdates', value->>'$.location', value->>'$.path' \
    FROM d, json_each(d.j, '$.addons') WHERE type = 'object' LIMIT 4096";
/// Below a home: the distribution's, since Firefox 147, snap's, flatpak's, and kin.
const DIRECTORIES: &[&str] = &[
    ".mozilla/firefox",
    ".config/mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".librewolf",
    ".waterfox",
];
/// Most profiles of one profiles.ini that lie elsewhere.
const MOST_PROFILES: usize = 256;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "firefox_addons",
    help: "Add-ons of Firefox, by user",
    columns: COLUMNS,
    open: |query| {
        let owners = Owners::of(&query, TABLE.name, UID);
        let place = Place::machine(&query.context);
        let (directories, names, elsewhere) = ([].iter(), Names::none(), Vec::new());
        let (rows, row) = (Vec::new().into_iter(), Vec::new());
        Ok(Box::new(Scan { owners, place, directories, directory: b"", names, elsewhere, rows, row }))
    },
};

struct Scan {
    owners: Owners,
    /// The home, and the directory in it whose profiles come next.
    place: Place,
    directories: std::slice::Iter<'static, &'static str>,
    directory: &'static [u8],
    names: Names,
    /// Profiles that do not lie in the directory, below the home.
    elsewhere: Vec<Vec<u8>>,
    rows: std::vec::IntoIter<Vec<Value>>,
    row: Vec<Value>,
}

impl Scan {
    /// The next profile; None when there is none.
    fn next_profile(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(name) = self.names.next() {
                return Some(join(self.directory, name.as_bytes()));
            } else if let Some(profile) = self.elsewhere.pop() {
                return Some(profile);
            } else if let Some(directory) = self.directories.next() {
                self.directory = directory.as_bytes();
                self.names = self.place.names(self.directory);
                self.elsewhere = self.elsewhere();
            } else {
                let owner: Owner = self.owners.next()?;
                self.place = Place::home(self.place.context(), owner);
                self.directories = DIRECTORIES.iter();
            }
        }
    }

    /// The profiles that profiles.ini names and that lie deeper, or elsewhere in the home.
    fn elsewhere(&self) -> Vec<Vec<u8>> {
        let mut profiles = Vec::new();
        let mut lines = self.place.lines(&join(self.directory, "profiles.ini"));
        let home = self.place.shown(b"");
        while let Some(line) = lines.as_mut().and_then(|lines| lines.next_line()) {
            if let Some(Item::Entry(b"Path", path)) = item(line)
                && profiles.len() < MOST_PROFILES
            {
                match path.strip_prefix(home.as_slice()) {
                    Some(below) => profiles.push(below.to_vec()),
                    None if !path.starts_with(b"/") && path.contains(&b'/') => {
                        profiles.push(join(self.directory, path))
                    }
                    None => {}
                }
            }
        }
        profiles
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            if let Some(row) = self.rows.next() {
                self.row = row;
                return Ok(true);
            }
            self.place.context().budget.tick()?;
            let Some(profile) = self.next_profile() else { return Ok(false) };
            if let Some(text) = self.place.read(&join(&profile, "extensions.json"), MOST_BYTES)
                && let Some(document) = Document::parse(&text)
            {
                self.rows = document.select(SELECT, "").into_iter();
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let Some(place) = column.checked_sub(1) else { return Ok(self.place.uid()) };
        let value = self.row.get(place).cloned().unwrap_or(Value::Null);
        let is_text = COLUMNS.get(column).is_some_and(|column| column.kind == Type::Text);
        Ok(match value {
            Value::Null if is_text => Value::text(""),
            value if is_text => value,
            value => value.as_integer().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn addons_become_rows() {
        let tree = Tree::new("firefox_addons");
        tree.file("/etc/passwd", "u:x:4000:0::/home/u:\nv:x:4001:0::/home/v:\n");
        let directory = "/home/u/.mozilla/firefox";
        let addons = r#"{"schemaVersion": 36, "addons": [
            {"id": "a@b", "version": "1.2", "type": "extension", "location": "app-profile", "visible": true, "active": false,
             "userDisabled": true, "appDisabled": false, "applyBackgroundUpdates": 1, "sourceURI": null,
             "defaultLocale": {"name": "Ad", "creator": "C", "description": "D"}, "path": "/home/u/x.xpi"},
            {"id": "t", "defaultLocale": {}, "active": true, "version": null}, 7]}"#;
        tree.file(format!("{directory}/abc.default/extensions.json"), addons);
        tree.file(format!("{directory}/Profiles/deep/extensions.json"), r#"{"addons": [{"id": "deep"}]}"#);
        tree.file("/home/u/elsewhere/extensions.json", r#"{"addons": [{"id": "else"}]}"#);
        tree.file(format!("{directory}/bad/extensions.json"), "{").file(format!("{directory}/none/x"), "");
        let ini = "[Profile0]\nName=default\nIsRelative=1\nPath=abc.default\n[Profile1]\nPath=Profiles/deep\n\
            [Profile2]\nIsRelative=0\nPath=/home/u/elsewhere\n[Profile3]\nIsRelative=0\nPath=/etc\n";
        tree.file(format!("{directory}/profiles.ini"), ini);
        let sql = "SELECT * FROM firefox_addons WHERE uid = 4000 ORDER BY identifier";
        let bare =
            |id: &str| ["4000", "", id, "", "", "", "", "", "NULL", "NULL", "0", "NULL", "", ""].map(str::to_string);
        let mut theme = bare("t");
        theme[9] = "1".into();
        let wanted = [
            ["4000", "Ad", "a@b", "C", "extension", "1.2", "D", "", "1", "0", "1", "1", "app-profile", "/home/u/x.xpi"]
                .map(str::to_string),
            bare("deep"),
            bare("else"),
            theme,
        ];
        assert_eq!(tree.rows(sql), wanted);
        assert!(tree.rows("SELECT * FROM firefox_addons WHERE uid = 4001").is_empty());
        let sql = "SELECT version FROM firefox_addons WHERE uid = 4000 AND identifier = 'a@b'";
        assert_eq!(tree.rows(sql), [["1.2"]]);
    }
}
