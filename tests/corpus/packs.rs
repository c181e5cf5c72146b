//! The packs, and the names of osquery's tables, as they lie beside the project.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// One query of a pack.
pub struct Query {
    /// Number of its pack.
    pub pack: usize,
    /// Its name; with a number after it where a pack has it twice.
    pub id: String,
    pub sql: String,
    pub platform: String,
}

/// One file of queries.
pub struct Pack {
    pub name: String,
    pub queries: Vec<Query>,
}

fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/osquery").join(name)
}

fn queries(pack: usize, text: &[u8]) -> Vec<Query> {
    let list: Vec<Value> = serde_json::from_slice(text).expect("a list of queries");
    let text =
        |query: &Value, key: &str| query[key].as_str().unwrap_or_else(|| panic!("{query}: no {key}")).to_string();
    let mut queries: Vec<Query> = Vec::new();
    for query in &list {
        let name = text(query, "id");
        let twice =
            queries.iter().filter(|other| other.id == name || other.id.starts_with(&format!("{name}#"))).count();
        let id = if twice == 0 { name } else { format!("{name}#{}", twice + 1) };
        queries.push(Query { pack, id, sql: text(query, "sql"), platform: text(query, "platform") });
    }
    queries
}

/// All packs by name; None where there are none.
pub fn all() -> Option<Vec<Pack>> {
    let mut paths: Vec<_> = fs::read_dir(shared("corpus")).ok()?.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |(number, path): (usize, &PathBuf)| Pack {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        queries: queries(number, &fs::read(path).unwrap()),
    };
    Some(paths.iter().enumerate().map(read).collect::<Vec<_>>()).filter(|packs| !packs.is_empty())
}

/// Names of osquery's tables on Linux; None where they are not told.
pub fn osquerys_tables() -> Option<Vec<String>> {
    let text = fs::read(shared("tables.json")).ok()?;
    let list: Vec<Value> = serde_json::from_slice(&text).expect("a list of tables");
    Some(list.iter().map(|table| table["name"].as_str().expect("a name").to_string()).collect())
}
