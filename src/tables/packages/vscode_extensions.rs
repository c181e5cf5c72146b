//! `vscode_extensions`: extensions of Visual Studio Code and editors made of it, from the file extensions/extensions.json
//! in each editor's directory in users' homes, also where it works for a remote one. A user's own unless a query says
//! which. Memory: one editor's rows, its file is at most 8 MiB.

use super::place::{Place, join};
use crate::sql::document::Document;
use crate::sql::table::{ADDITIONAL, Column, Each, OPTIMIZED, Table, Type, Value, column};
use crate::sys::root::MOST_BYTES;
use crate::tables::users::homes::Owners;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Publisher and name, as the marketplace has it."),
    Column { collate: "NOCASE", ..column("uuid", Type::Text, 0, "Its UUID in the marketplace.") },
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("path", Type::Text, 0, "Its directory."),
    column("publisher", Type::Text, 0, "Publisher's name for people."),
    column("publisher_id", Type::Text, 0, "Publisher's UUID."),
    column("installed_at", Type::BigInt, 0, "When it was installed, ms since the epoch."),
    column("prerelease", Type::Integer, 0, "Whether it is a pre-release: 1 or 0."),
    column(
        "uid",
        Type::BigInt,
        ADDITIONAL | OPTIMIZED,
        "The user whose it is; without a constraint, the user who asks.",
    ),
    column("vscode_edition", Type::Text, 0, "Editor: vscode, vscode_insiders, vscodium, cursor, windsurf, trae, …"),
];
const UID: usize = 8;
/// The columns before `uid`.
const SELECT: &str = "SELECT coalesce(value->>'$.identifier.id', ''), coalesce(value->>'$.identifier.uuid', ''), \
    coalesce(value->>'$.version', ''), coalesce(value->>'$.location.path', value->>'$.location.fsPath', ''), \
    coalesce(value->>'$.metadata.publisherDisplayName', ''), coalesce(value->>'$.metadata.publisherId', ''), \
    value->>'$.metadata.installedTimestamp', value->>'$.metadata.isPreReleaseVersion' \
    FROM d, json_each(d.j) WHERE type = 'object' AND json_type(value, '$.identifier') = 'object' LIMIT 4096";
/// Editors as osquery names them, and their directories below a home.
const EDITORS: &[(&str, &str)] = &[
    ("vscode", ".vscode"),
    ("vscode", ".vscode-server"),
    ("vscode_insiders", ".vscode-insiders"),
    ("vscode_insiders", ".vscode-server-insiders"),
    ("vscodium", ".vscode-oss"),
    ("vscodium", ".vscodium-server"),
    ("vscodium_insiders", ".vscodium-insiders"),
    ("vscodium_insiders", ".vscodium-server-insiders"),
    ("cursor", ".cursor"),
    ("cursor", ".cursor-server"),
    ("windsurf", ".windsurf"),
    ("windsurf", ".windsurf-server"),
    ("windsurf", ".devin"),
    ("trae", ".trae"),
    ("trae", ".trae-server"),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "vscode_extensions",
    help: "Extensions of Visual Studio Code and its kin, by user",
    columns: COLUMNS,
    open: |query| {
        let mut owners = Owners::of(&query, TABLE.name, UID);
        let mut place = Place::machine(&query.context);
        let (mut editors, mut edition) = ([].iter(), "");
        let mut rows = Vec::new().into_iter();
        Ok(Each::of(move || {
            loop {
                if let Some(row) = rows.next() {
                    let row: Vec<Value> = row;
                    return Some(row.into_iter().chain([place.uid(), Value::text(edition)]).collect());
                }
                let Some(&(name, directory)) = editors.next() else {
                    place = Place::home(place.context(), owners.next()?);
                    editors = EDITORS.iter();
                    continue;
                };
                edition = name;
                let text = place.read(&join(directory.as_bytes(), "extensions/extensions.json"), MOST_BYTES);
                let document = text.and_then(|text| Document::parse(&text));
                rows = document.map(|document| document.select(SELECT, "")).unwrap_or_default().into_iter();
            }
        }))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn extensions_become_rows() {
        let tree = Tree::new("vscode_extensions");
        tree.file("/etc/passwd", "u:x:4000:0::/home/u:\nv:x:4001:0::/home/v:\n");
        let extensions = r#"[{"identifier": {"id": "ms-python.python", "uuid": "F1F"}, "version": "2024.1",
            "location": {"$mid": 1, "path": "/home/u/.vscode/extensions/p", "scheme": "file"}, "relativeLocation": "p",
            "metadata": {"publisherDisplayName": "Microsoft", "publisherId": "998", "installedTimestamp": 1711111111111,
            "isPreReleaseVersion": false}}, {"identifier": {"id": "bare"}}, {"identifier": 5}, 7]"#;
        tree.file("/home/u/.vscode/extensions/extensions.json", extensions);
        tree.file("/home/u/.cursor/extensions/extensions.json", r#"[{"identifier": {"id": "x"}, "version": "1"}]"#);
        tree.file("/home/v/.vscode-oss/extensions/extensions.json", "[{");
        let wanted = [
            [
                "ms-python.python",
                "F1F",
                "2024.1",
                "/home/u/.vscode/extensions/p",
                "Microsoft",
                "998",
                "1711111111111",
                "0",
                "4000",
                "vscode",
            ],
            ["bare", "", "", "", "", "", "NULL", "NULL", "4000", "vscode"],
            ["x", "", "1", "", "", "", "NULL", "NULL", "4000", "cursor"],
        ];
        assert_eq!(tree.rows("SELECT * FROM vscode_extensions WHERE uid = 4000"), wanted);
        assert!(tree.rows("SELECT * FROM vscode_extensions WHERE uid = 4001").is_empty());
        assert_eq!(tree.rows("SELECT count(*) FROM users CROSS JOIN vscode_extensions USING (uid)"), [["3"]]);
    }
}
