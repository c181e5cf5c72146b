//! `jetbrains_plugins`: plugins that users installed into JetBrains' editors: in ~/.local/share/JetBrains, a directory for
//! each editor and its version, and there (or in its `plugins`) each plugin is a .jar or a directory with jars in `lib`.
//! What a plugin is called stands in META-INF/plugin.xml of one of its jars. A user's own unless a query says which.
//! Memory: the names of one plugin's jars, and one such file, at most [`XML_BYTES`].

use super::place::{Place, join};
use super::zip::extract;
use crate::sql::table::{Column, Cursor, INDEX, Table, TableError, Type, Value, column};
use crate::sys::root::Names;
use crate::tables::users::homes::Owners;
use std::os::unix::ffi::OsStrExt;

const COLUMNS: &[Column] = &[
    column("product_type", Type::Text, 0, "Editor: clion, goland, intellij_idea, pycharm, …"),
    column("uid", Type::BigInt, INDEX, "The user whose it is; without a constraint, the user who asks."),
    column("name", Type::Text, 0, "Name for people."),
    Column { collate: "VERSION", ..column("version", Type::Text, 0, "Version.") },
    column("vendor", Type::Text, 0, "Who made it."),
    column("path", Type::Text, 0, "Its directory, or its file."),
];
const UID: usize = 1;
const DIRECTORY: &[u8] = b".local/share/JetBrains";
/// How editors' directories begin, and the editors as osquery names them. Longer ones first.
const EDITORS: &[(&str, &str)] = &[
    ("IntelliJIdea", "intellij_idea"),
    ("IdeaIC", "intellij_idea_community_edition"),
    ("PyCharmCE", "pycharm_community_edition"),
    ("PyCharm", "pycharm"),
    ("CLion", "clion"),
    ("DataGrip", "datagrip"),
    ("GoLand", "goland"),
    ("PhpStorm", "phpstorm"),
    ("ReSharper", "resharper"),
    ("Rider", "rider"),
    ("RubyMine", "rubymine"),
    ("RustRover", "rust_rov"),
    ("WebStorm", "webstorm"),
];
/// Largest plugin.xml, bytes.
const XML_BYTES: usize = 1 << 20;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "jetbrains_plugins",
    help: "Plugins of JetBrains' editors, by user",
    columns: COLUMNS,
    open: |query| {
        let owners = Owners::of(&query, TABLE.name, UID);
        let place = Place::machine(&query.context);
        let (path, xml) = (Vec::new(), Vec::new());
        Ok(Box::new(Scan { owners, place, editors: Names::none(), editor: "", folders: Vec::new(), path, xml }))
    },
};

struct Scan {
    owners: Owners,
    place: Place,
    /// Names in the directory of editors.
    editors: Names,
    editor: &'static str,
    /// Directories of plugins, and their names.
    folders: Vec<(Vec<u8>, Names)>,
    path: Vec<u8>,
    xml: Vec<u8>,
}

impl Scan {
    /// The next thing that may be a plugin; None when there is none.
    fn next_path(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some((folder, names)) = self.folders.last_mut() {
                match names.next() {
                    Some(name) => return Some(join(folder, name.as_bytes())),
                    None => self.folders.pop(),
                };
            } else if let Some(name) = self.editors.next() {
                let is_this = |(start, _): &&(&str, &str)| name.as_bytes().starts_with(start.as_bytes());
                if let Some((_, editor)) = EDITORS.iter().find(is_this) {
                    self.editor = editor;
                    let folder = join(DIRECTORY, name.as_bytes());
                    for folder in [join(&folder, "plugins"), folder] {
                        self.folders.push((folder.clone(), self.place.names(&folder)));
                    }
                }
            } else {
                self.place = Place::home(self.place.context(), self.owners.next()?);
                self.editors = self.place.names(DIRECTORY);
            }
        }
    }

    /// The plugin.xml of a plugin.
    fn xml(&self, path: &[u8]) -> Result<Option<Vec<u8>>, TableError> {
        let xml = |path: &[u8]| extract(&self.place.open(path).ok()?, b"META-INF/plugin.xml", XML_BYTES);
        if path.ends_with(b".jar") {
            return Ok(xml(path));
        }
        let library = join(path, "lib");
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        let mut jars = self.place.sorted_names(&library, ".jar");
        // Most often the first is the right one: the others need not be put in order.
        while let Some(best) =
            (0..jars.len()).min_by_key(|&place| jars.get(place).map(|jar| rank(jar.as_bytes(), name)))
        {
            self.place.context().check()?;
            let xml = xml(&join(&library, jars.swap_remove(best).as_bytes()));
            if xml.is_some() {
                return Ok(xml);
            }
        }
        Ok(None)
    }
}

/// The plugin's own jar is seldom one of a foreign library, with a version in its name, or of resources; it is often
/// called like the plugin, and has a short name.
fn rank(jar: &[u8], plugin: &[u8]) -> (bool, bool, bool, usize) {
    let version = memchr::memrchr(b'-', jar).and_then(|hyphen| jar.get(hyphen + 1)).is_some_and(u8::is_ascii_digit);
    let is_called_so = jar.get(..plugin.len()).is_some_and(|start| start.eq_ignore_ascii_case(plugin));
    (jar.starts_with(b"resources"), version, !is_called_so, jar.len())
}

/// The text of an XML document's first element of a name, without markup. Good enough for a plugin.xml's name, version
/// and vendor, which hold no other elements.
fn element(xml: &[u8], name: &str) -> Vec<u8> {
    let find = || {
        let open = format!("<{name}");
        let mut start = 0;
        loop {
            start += memchr::memmem::find(xml.get(start..)?, open.as_bytes())? + open.len();
            if xml.get(start).is_some_and(|&byte| byte == b'>' || byte.is_ascii_whitespace()) {
                break;
            }
        }
        let rest = xml.get(start..)?;
        let (attributes, rest) = rest.split_at_checked(memchr::memchr(b'>', rest)?)?;
        if attributes.ends_with(b"/") {
            return None;
        }
        rest.get(1..memchr::memmem::find(rest, format!("</{name}>").as_bytes())?)
    };
    let text = find().unwrap_or(&[]).trim_ascii();
    let text = text.strip_prefix(b"<![CDATA[").and_then(|text| text.strip_suffix(b"]]>")).unwrap_or(text);
    let mut text = String::from_utf8_lossy(text).into_owned();
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        if text.contains(entity) {
            text = text.replace(entity, letter);
        }
    }
    text.into_bytes()
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.place.context().check()?;
            let Some(path) = self.next_path() else { return Ok(false) };
            if let Some(xml) = self.xml(&path)? {
                (self.path, self.xml) = (path, xml);
                return Ok(true);
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(match COLUMNS.get(column).map_or("", |column| column.name) {
            "product_type" => Value::text(self.editor),
            "uid" => self.place.uid(),
            "path" => Value::Text(self.place.shown(&self.path)),
            name => Value::Text(element(&self.xml, name)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::element;
    use crate::sql::testing::Tree;
    use crate::tables::packages::zip::tests::stored;

    #[test]
    fn plugins_become_rows() {
        let tree = Tree::new("jetbrains_plugins");
        tree.file("/etc/passwd", "u:x:4000:0::/home/u:\n");
        let jar = |name: &str| {
            let xml = format!(
                "<idea-plugin><id>x</id><name>{name}</name><version>1.2</version>\
                               <vendor url=\"https://v\">\n V &amp; W </vendor></idea-plugin>"
            );
            stored(&[("META-INF/MANIFEST.MF", ""), ("META-INF/plugin.xml", &xml)])
        };
        let base = "/home/u/.local/share/JetBrains";
        tree.file(format!("{base}/IntelliJIdea2024.3/single.jar"), jar("Single"));
        tree.file(format!("{base}/IntelliJIdea2024.3/kotlin/lib/kotlin-x.jar"), jar("Kotlin"));
        tree.file(format!("{base}/IntelliJIdea2024.3/kotlin/lib/gson-2.8.jar"), jar("Wrong"));
        tree.file(format!("{base}/IntelliJIdea2024.3/kotlin/lib/all.jar"), stored(&[("other", "")]));
        tree.file(format!("{base}/IntelliJIdea2024.3/empty/lib/x.jar"), "no archive");
        tree.file(format!("{base}/PyCharmCE2024.1/plugins/old/lib/old.jar"), jar("Old"));
        tree.file(format!("{base}/Toolbox/apps/x.jar"), jar("No"));
        let path = |end: &str| format!("{base}/{end}");
        let wanted = [
            ["intellij_idea", "4000", "Kotlin", "1.2", "V & W", &path("IntelliJIdea2024.3/kotlin")],
            ["pycharm_community_edition", "4000", "Old", "1.2", "V & W", &path("PyCharmCE2024.1/plugins/old")],
            ["intellij_idea", "4000", "Single", "1.2", "V & W", &path("IntelliJIdea2024.3/single.jar")],
        ];
        assert_eq!(tree.rows("SELECT * FROM jetbrains_plugins WHERE uid = 4000 ORDER BY name"), wanted);
    }

    #[test]
    fn elements() {
        for (xml, wanted) in [
            ("<name>a</name>", "a"),
            ("<names>no</names><name lang='x'>\n a &lt;b&gt; </name><name>c</name>", "a <b>"),
            ("<name/><name>a</name>", "a"),
            ("<name />", ""),
            ("<name><![CDATA[a & b]]></name>", "a & b"),
            ("<name>never closed", ""),
            ("<name", ""),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(element(xml.as_bytes(), "name")).unwrap(), wanted, "{xml}");
        }
    }
}
