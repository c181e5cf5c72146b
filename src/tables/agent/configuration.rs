//! The configuration as tables see it, below the root: the flags in force and the packs. `config_path` says where; more may
//! lie in `PATH.d/*.conf`. What cannot be read or is no JSON is left out: the agent itself complains.

use crate::config::file;
use crate::config::flags::{self, Flags, Kind};
use crate::config::packs;
use crate::sql::document::Document;
use crate::sql::table::Context;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

fn text(context: &Context, path: &Path) -> Option<String> {
    Some(file::without_comments(&String::from_utf8(context.root.read(path).ok()?).ok()?))
}

/// The flags in force: those given, overruled by the `options` of the config file where they may stand there.
pub fn in_force(context: &Context) -> Flags {
    let mut flags = context.flags.clone();
    let path = flags.text("config_path").to_string();
    let options = text(context, Path::new(&path)).and_then(|text| file::parse(&text).ok());
    for (name, value) in options.unwrap_or_default() {
        if let Some(flag) = flags::find(&name).filter(|flag| matches!(flag.kind, Kind::Everywhere | Kind::Hidden)) {
            // A value that is none of the flag's type changes nothing.
            let _ = flags.set(&flag, &value);
        }
    }
    flags
}

/// A pack: a named set of queries. The `schedule` of the configuration is the pack `main`.
pub struct Pack {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub document: Rc<Document>,
    /// Its place there; empty for `main`, which has nothing but queries.
    pub path: String,
    /// Where its queries stand.
    pub queries: String,
}

impl Pack {
    /// A member of the pack as text; '' if there is none.
    pub fn text(&self, member: &str) -> String {
        let member = || self.document.text(&format!("{}.{member}", self.path));
        if self.path.is_empty() { String::new() } else { member().unwrap_or_default() }
    }

    /// Whether it is for this platform and version. Its discovery queries and its shard are not looked at.
    pub fn is_for_us(&self) -> bool {
        self.path.is_empty() || packs::is_for_us(&self.document, &self.path)
    }
}

/// All packs of the configuration, in its order.
pub fn packs(context: &Context) -> Vec<Pack> {
    let mut found = Vec::new();
    for path in paths(context) {
        let Some(document) = document(context, Path::new(&path)) else { continue };
        if document.kind("$.schedule").as_deref() == Some("object") {
            let (name, queries) = ("main".to_string(), "$.schedule".to_string());
            found.push(Pack { name, document: document.clone(), path: String::new(), queries });
        }
        for member in document.members("$.packs") {
            match (member.key.as_str(), member.kind.as_str()) {
                (_, "object") => found.push(pack(member.key, document.clone(), member.path)),
                ("*", "text") => found.extend(globbed(context, &member.value)),
                (_, "text") => found.extend(of_file(context, member.key, Path::new(&member.value))),
                _ => {}
            }
        }
    }
    found
}

fn paths(context: &Context) -> Vec<String> {
    let path = context.flags.text("config_path");
    let directory = [path, ".d"].concat();
    let names = context.root.sorted_names(&directory).into_iter();
    let names = names.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".conf"));
    names.map(|name| format!("{directory}/{name}")).chain([path.to_string()]).collect()
}

fn document(context: &Context, path: &Path) -> Option<Rc<Document>> {
    Document::parse(text(context, path)?.as_bytes()).map(Rc::new)
}

fn pack(name: String, document: Rc<Document>, path: String) -> Pack {
    let queries = format!("{path}.queries");
    Pack { name, document, path, queries }
}

fn of_file(context: &Context, name: String, path: &Path) -> Option<Pack> {
    let document = document(context, path)?;
    Some(pack(name, document, "$".to_string()))
}

/// The packs of the files that a pattern (`directory/begin*end`) names, each called as its file without the extension.
fn globbed(context: &Context, pattern: &str) -> Vec<Pack> {
    let (directory, names) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let (begin, end) = names.split_once('*').unwrap_or((names, ""));
    let fits = |name: &OsStr| {
        let rest = name.as_bytes().strip_prefix(begin.as_bytes());
        rest.is_some_and(|rest| rest.ends_with(end.as_bytes()) && (names.contains('*') || rest.is_empty()))
    };
    let files = context.root.sorted_names(directory).into_iter().filter(|name| fits(name));
    let of_file = |name: std::ffi::OsString| {
        let path = Path::new(directory).join(name);
        of_file(context, path.file_stem()?.to_str()?.to_string(), &path)
    };
    files.filter_map(of_file).collect()
}
