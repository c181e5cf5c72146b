//! `chrome_extensions`: extensions of browsers of Chromium's kind (Chrome, Chromium, Brave, Edge, Opera, Vivaldi, …) in
//! users' profiles, see [`super::chrome`]. A user's own unless a query says which (a join with `users` does). One
//! extension in memory.

use super::chrome::extensions::Extensions;
use crate::sql::table::{Column, Cursor, HIDDEN, INDEX, OPTIMIZED, Table, TableError, Type, Value, column};

const COLUMNS: &[Column] = &[
    column("browser_type", Type::Text, 0, "Browser: chrome, chromium, brave, edge, opera, vivaldi, …"),
    column("uid", Type::BigInt, INDEX | OPTIMIZED, "The user whose it is; without a constraint, the user who asks."),
    column("name", Type::Text, 0, "Name for people."),
    column("profile", Type::Text, 0, "Name of the profile."),
    column("profile_path", Type::Text, 0, "Directory of the profile."),
    column("referenced_identifier", Type::Text, 0, "Identifier that the browser noted."),
    column("identifier", Type::Text, 0, "Identifier made of the manifest's key; empty without one."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("description", Type::Text, 0, "What it is."),
    column("default_locale", Type::Text, 0, "Language of its texts unless there are others."),
    column("current_locale", Type::Text, 0, "Language that the manifest names as the current one."),
    column("update_url", Type::Text, 0, "Where updates come from."),
    column("author", Type::Text, 0, "Author."),
    column("persistent", Type::Integer, 0, "Whether its background page stays: 1 or 0."),
    column("path", Type::Text, 0, "Its directory."),
    column("permissions", Type::Text, 0, "What it may do, joined by commas."),
    column("permissions_json", Type::Text, HIDDEN, "The same as JSON."),
    column("optional_permissions", Type::Text, 0, "What it may ask for, joined by commas."),
    column("optional_permissions_json", Type::Text, HIDDEN, "The same as JSON."),
    Column { collate: "NOCASE", ..column("manifest_hash", Type::Text, 0, "SHA-256 of its manifest.json.") },
    column("referenced", Type::BigInt, 0, "Whether the browser noted it: 1 or 0."),
    column("from_webstore", Type::Text, 0, "Whether it is from the web store: true or false."),
    column("state", Type::Text, 0, "1: it is enabled."),
    column("install_time", Type::Text, 0, "When it was installed, microseconds since 1601."),
    column("install_timestamp", Type::BigInt, 0, "When it was installed, seconds since the epoch; 0: not known."),
    column("manifest_json", Type::Text, HIDDEN, "The manifest."),
    column("key", Type::Text, HIDDEN, "The manifest's key."),
];
const UID: usize = 1;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "chrome_extensions",
    help: "Extensions of Chrome and its kin, by user",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Scan(Extensions::new(&query, TABLE.name, UID)))),
};

struct Scan(Extensions);

impl Scan {
    /// The only value of a SELECT over the manifest.
    fn select(&self, sql: &str, key: &str) -> Value {
        let row = self.0.document.as_ref().and_then(|document| document.select(sql, key).pop());
        match row.and_then(|row| row.into_iter().next()) {
            None | Some(Value::Null) => Value::text(""),
            Some(value) => value,
        }
    }

    fn list(&self, key: &str) -> Value {
        self.select("SELECT group_concat(value, ', ') FROM d, json_each(d.j, ?1) WHERE type = 'text'", key)
    }

    fn json(&self, key: &str) -> Value {
        self.select("SELECT coalesce(j->?1, '{}') FROM d", key)
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.0.advance()
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let (extension, Some(profile)) = (&self.0, &self.0.profile) else { return Ok(Value::Null) };
        let text = |place| Value::text(extension.text(place));
        let setting = extension.setting.as_ref();
        let noted = |value: Option<&Vec<u8>>| Value::text(value.map_or(&[][..], Vec::as_slice));
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "browser_type" => Value::text(profile.browser),
            "uid" => profile.place.uid(),
            "name" => text(0),
            "profile" => Value::text(&profile.name),
            "profile_path" => Value::Text(profile.place.shown(&profile.path)),
            "referenced_identifier" => noted(setting.map(|setting| &setting.identifier)),
            "identifier" => extension.identifier(),
            "version" => extension.version(),
            "description" => text(2),
            "default_locale" => text(3),
            "current_locale" => text(4),
            "update_url" => text(5),
            "author" => text(6),
            "persistent" => i64::from(extension.text(8) == b"1").into(),
            "path" => extension.path(),
            "permissions" => self.list("$.permissions"),
            "permissions_json" => self.json("$.permissions"),
            "optional_permissions" => self.list("$.optional_permissions"),
            "optional_permissions_json" => self.json("$.optional_permissions"),
            "manifest_hash" => extension.manifest_hash(),
            "referenced" => i64::from(setting.is_some()).into(),
            "from_webstore" => noted(setting.map(|setting| &setting.from_webstore)),
            "state" => noted(setting.map(|setting| &setting.state)),
            "install_time" => noted(setting.map(|setting| &setting.install_time)),
            "install_timestamp" => extension.install_timestamp(),
            "manifest_json" => self.select("SELECT json(j) FROM d", ""),
            _ => text(7),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::sql::testing::Tree;

    /// The key of a manifest, and the identifier that Chromium makes of it (told by openssl and tr).
    const KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";

    /// Two users with profiles of several browsers.
    pub fn tree(name: &str) -> Tree {
        let tree = Tree::new(name);
        tree.file("/etc/passwd", "u:x:4000:0::/home/u:\nv:x:4001:0::/home/v/:\n");
        let profile = "/home/u/.config/google-chrome/Default";
        let preferences = r#"{"profile": {"name": "Person 1"}, "extensions": {"settings": {
            "aaaa": {"path": "aaaa/1.0_0", "state": 1, "from_webstore": true, "install_time": "13300000000000000"},
            "bbbb": {"path": "/opt/browser/resources/pdf", "state": 1},
            "cccc": {"path": "/home/u/src/unpacked", "from_webstore": false, "first_install_time": "13300000001000000"},
            "dddd": {"path": "../../../../../etc"}, "eeee": {"path": "/etc/link"}, "ffff": {"state": 0}, "gggg": 1}}}"#;
        tree.file(format!("{profile}/Preferences"), preferences).file(format!("{profile}/Secure Preferences"), "{}");
        let manifest = format!(
            r#"{{"name": "__MSG_appName__", "version": "1.0", "description": "__MSG_none__", "key": "{KEY}",
            "default_locale": "de", "author": {{"email": "x"}}, "update_url": "https://u", "background": {{"persistent": true}},
            "permissions": ["tabs", "https://*/", {{"x": ["y"]}}], "optional_permissions": [],
            "content_scripts": [{{"matches": ["a", "b"], "js": ["1.js", "2.js"]}}, {{"matches": ["c"]}}, 5]}}"#
        );
        tree.file(format!("{profile}/Extensions/aaaa/1.0_0/manifest.json"), manifest);
        let messages = r#"{"APPNAME": {"message": "Der Name"}}"#;
        tree.file(format!("{profile}/Extensions/aaaa/1.0_0/_locales/de/messages.json"), messages);
        tree.file(
            format!("{profile}/Extensions/zzzz/2_0/manifest.json"),
            "// a comment\n{\"name\": \"loose\", \"version\": \"2\"}",
        );
        tree.file(format!("{profile}/Extensions/broken/1/manifest.json"), "{")
            .file(format!("{profile}/Extensions/file"), "");
        tree.file("/opt/browser/resources/pdf/manifest.json", r#"{"name": "PDF", "version": "1"}"#);
        tree.file("/home/u/src/unpacked/manifest.json", r#"{"name": "own", "version": "0.1"}"#);
        tree.file("/etc/manifest.json", r#"{"name": "secret", "version": "1"}"#).link("/etc/link", "../etc");
        tree.file("/home/v/snap/chromium/common/chromium/Secure Preferences", "not JSON");
        let path = "/home/v/snap/chromium/common/chromium/Extensions/x/1/manifest.json";
        tree.file(path, r#"{"name": "only", "version": 3, "permissions": "no list"}"#);
        tree
    }

    #[test]
    fn extensions_become_rows() {
        let tree = tree("chrome_extensions");
        let sql = "SELECT name, version, referenced_identifier, referenced, from_webstore, state, install_timestamp \
                   FROM chrome_extensions WHERE uid = 4000 ORDER BY name";
        let wanted = [
            ["Der Name", "1.0", "aaaa", "1", "true", "1", "1655526400"],
            ["PDF", "1", "bbbb", "1", "", "1", "0"],
            ["loose", "2", "", "0", "", "", "0"],
            ["own", "0.1", "cccc", "1", "false", "", "1655526401"],
        ];
        assert_eq!(tree.rows(sql), wanted);
        let sql = "SELECT browser_type, profile, profile_path, description, default_locale, update_url, author, persistent, \
                   path, permissions, permissions_json, optional_permissions, optional_permissions_json, install_time \
                   FROM chrome_extensions WHERE uid = 4000 AND name = 'Der Name'";
        let profile = "/home/u/.config/google-chrome/Default";
        let path = format!("{profile}/Extensions/aaaa/1.0_0");
        let wanted = [
            "chrome",
            "Person 1",
            profile,
            "__MSG_none__",
            "de",
            "https://u",
            "",
            "1",
            &path,
            "tabs, https://*/",
            r#"["tabs","https://*/",{"x":["y"]}]"#,
            "",
            "[]",
            "13300000000000000",
        ];
        assert_eq!(tree.rows(sql), [wanted]);
    }

    #[test]
    fn identifiers_and_sums() {
        let tree = tree("chrome_extensions-ids");
        let sql = "SELECT identifier, key FROM chrome_extensions WHERE uid = 4000 AND name = 'Der Name'";
        assert_eq!(tree.rows(sql), [["himfjfcnnedcelepkkffilgmkcmklefn", KEY]]);
        let sql = "SELECT manifest_hash = sha256('{\"name\": \"PDF\", \"version\": \"1\"}'), identifier, permissions_json, \
                   manifest_json FROM chrome_extensions WHERE uid = 4000 AND name = 'PDF'";
        assert_eq!(tree.rows(sql), [["1", "", "{}", "{\"name\":\"PDF\",\"version\":\"1\"}"]]);
    }

    #[test]
    fn other_users_and_what_is_broken() {
        let tree = tree("chrome_extensions-users");
        let sql = "SELECT uid, browser_type, name, version, profile, path, permissions FROM chrome_extensions WHERE uid = 4001";
        let path = "/home/v/snap/chromium/common/chromium/Extensions/x/1";
        assert_eq!(tree.rows(sql), [["4001", "chromium", "only", "3", "", path, "no list"]]);
        let sql = "SELECT count(*) FROM users CROSS JOIN chrome_extensions USING (uid)";
        assert_eq!(tree.rows(sql), [["5"]]);
    }
}
