//! Packs of a configuration: named sets of queries, in osquery.conf itself (`packs`, inline or as a path to a file of their
//! own), and the `schedule`, which counts as the pack `main`. The parser is SQLite's, as for [`super::file`].

use super::file;
use crate::sql::version;
use rusqlite::Connection;
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

/// The version whose dialect we speak: what a pack's or query's `version`, the least it wants, is compared with.
const DIALECT: &str = "5.23.0";

/// A query of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PackQuery {
    pub name: String,
    pub sql: String,
}

/// The files that make a configuration: those of `PATH.d/*.conf` by name, then PATH.
fn paths(config: &Path) -> Vec<PathBuf> {
    let mut directory = config.as_os_str().to_owned();
    directory.push(".d");
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            paths.insert(paths.partition_point(|other| *other < path), path);
        }
    }
    paths.push(config.to_path_buf());
    paths
}

/// A configuration's files and their texts, as they are; what cannot be read is left out.
pub fn sources(config: &Path) -> Vec<(PathBuf, String)> {
    let text = |path: PathBuf| fs::read_to_string(&path).ok().map(|text| (path, text));
    paths(config).into_iter().filter_map(text).collect()
}

/// Whether a configuration can be read.
///
/// # Errors
/// One sentence: which file, what is wrong with it and where.
pub fn check(config: &Path) -> Result<(), String> {
    paths(config).iter().try_for_each(|path| file::options(path).map(drop))
}

/// The queries of a pack, by name; those for other platforms or later versions are left out.
///
/// # Errors
/// One sentence: a file that cannot be read, or no such pack.
pub fn queries(config: &Path, pack: &str) -> Result<Vec<PackQuery>, String> {
    let sqlite = Connection::open_in_memory().map_err(|error| error.to_string())?;
    let mut found = None;
    for path in paths(config) {
        let text = file::read(&path)?;
        for text in texts(&sqlite, &text, pack)? {
            let queries: &mut Vec<PackQuery> = found.get_or_insert_default();
            queries.extend(of_pack(&sqlite, &text)?);
        }
    }
    found.ok_or_else(|| format!("there is no pack {pack} in {}", config.display()))
}

/// Asks about JSON that is known to be valid.
fn ask(sqlite: &Connection, sql: &str, parameters: &[&str]) -> Result<Vec<Vec<String>>, String> {
    file::ask(sqlite, sql, parameters).map_err(|error| format!("reading packs: {error}"))
}

/// The JSON of all packs of this name in a config's text.
fn texts(sqlite: &Connection, config: &str, pack: &str) -> Result<Vec<String>, String> {
    let each = "SELECT 'main', 'object', json_object('queries', json(value)) FROM json_each(?1) \
                WHERE key = 'schedule' AND type = 'object' AND ?2 = 'main' \
                UNION ALL SELECT key, type, value FROM json_each(?1, '$.packs') WHERE key IN (?2, '*')";
    let mut texts = Vec::new();
    for row in ask(sqlite, each, &[config, pack])? {
        let [key, kind, value] = row.as_slice() else { continue };
        match (key.as_str(), kind.as_str()) {
            ("*", "text") => {
                if let Some(path) = globbed(sqlite, value, pack)? {
                    texts.push(file::read(&path)?);
                }
            }
            (_, "text") => texts.push(file::read(Path::new(value))?),
            (_, "object") => texts.push(value.clone()),
            _ => {}
        }
    }
    Ok(texts)
}

/// The file for a pack among those that a pattern names: the one whose name, without its extension, is the pack's.
fn globbed(sqlite: &Connection, pattern: &str, pack: &str) -> Result<Option<PathBuf>, String> {
    let (directory, names) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.file_stem().is_some_and(|stem| stem == pack)
            && !ask(sqlite, "SELECT 1 WHERE ?1 GLOB ?2", &[&name, names])?.is_empty()
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The queries of a pack's text that are for us, by name.
fn of_pack(sqlite: &Connection, pack: &str) -> Result<Vec<PackQuery>, String> {
    // The first row is the pack itself.
    let each = "SELECT '', '', json_extract(?1, '$.platform'), json_extract(?1, '$.version') UNION ALL \
                SELECT * FROM (SELECT key, json_extract(value, '$.query'), json_extract(value, '$.platform'), \
                    json_extract(value, '$.version') FROM json_each(?1, '$.queries') \
                    WHERE type = 'object' AND json_type(value, '$.query') = 'text' ORDER BY key)";
    let mut rows = ask(sqlite, each, &[pack])?.into_iter();
    if !rows.next().is_some_and(|row| is_for_us(&row)) {
        return Ok(Vec::new());
    }
    let query = |row: Vec<String>| {
        let mut values = row.into_iter();
        Some(PackQuery { name: values.next()?, sql: values.next()? })
    };
    Ok(rows.filter(|row| is_for_us(row)).filter_map(query).collect())
}

/// Whether the platform and the version in a row's last columns are ours.
fn is_for_us(row: &[String]) -> bool {
    let [_, _, platform, least] = row else { return false };
    // osquery looks for these anywhere in the text.
    let ours = ["any", "all", "linux", "ubuntu", "centos", "posix"];
    let ours = matches!(platform.as_str(), "" | "null") || ours.iter().any(|name| platform.contains(name));
    ours && version::compare(least, DIALECT) != Ordering::Greater
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(PathBuf);

    impl Files {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let directory = std::env::temp_dir().join(format!("stemma-packs-{name}-{}", std::process::id()));
            fs::create_dir_all(directory.join("osquery.conf.d")).unwrap();
            for (name, text) in files {
                fs::write(directory.join(name), text.replace("DIR", &directory.to_string_lossy())).unwrap();
            }
            Files(directory)
        }

        fn names(&self, pack: &str) -> Result<Vec<String>, String> {
            let queries = queries(&self.0.join("osquery.conf"), pack)?;
            Ok(queries.into_iter().map(|query| query.name + "=" + &query.sql).collect())
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn finds_packs_inline_in_files_and_by_pattern() {
        let files = Files::new(
            "find",
            &[
                (
                    "osquery.conf",
                    "{\n# comment\n\"packs\": {\"inline\": {\"queries\": {\"b\": {\"query\": \"select 2\"}, \"a\": {\"query\": \"select 1\"},\
                 \"w\": {\"query\": \"select 3\", \"platform\": \"windows\"}, \"l\": {\"query\": \"select 4\", \"platform\": \"linux,darwin\"},\
                 \"new\": {\"query\": \"select 5\", \"version\": \"99.0\"}, \"old\": {\"query\": \"select 6\", \"version\": \"1.4.5\"},\
                 \"odd\": {\"interval\": 3}}}, \"mac\": {\"platform\": \"darwin\", \"queries\": {\"m\": {\"query\": \"select 7\"}}},\
                 \"file\": \"DIR/one.conf\", \"*\": \"DIR/*.pack\", \"gone\": \"DIR/gone.conf\"},\n\
                 \"schedule\": {\"s\": {\"query\": \"select 8\", \"interval\": 60}}}",
                ),
                ("one.conf", "// comment\n{\"queries\": {\"f\": {\"query\": \"select \\\n9\"}}}"),
                ("two.pack", "{\"queries\": {\"g\": {\"query\": \"select 10\"}}}"),
                (
                    "osquery.conf.d/more.conf",
                    "{\"packs\": {\"more\": {\"queries\": {\"h\": {\"query\": \"select 11\"}}}}}",
                ),
            ],
        );
        let some = |names: &[&str]| Ok(names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        assert_eq!(files.names("inline"), some(&["a=select 1", "b=select 2", "l=select 4", "old=select 6"]));
        assert_eq!(files.names("mac"), some(&[]));
        assert_eq!(files.names("file"), some(&["f=select 9"]));
        assert_eq!(files.names("two"), some(&["g=select 10"]));
        assert_eq!(files.names("more"), some(&["h=select 11"]));
        assert_eq!(files.names("main"), some(&["s=select 8"]));
        assert!(files.names("nothing").unwrap_err().starts_with("there is no pack nothing in "));
        assert!(files.names("gone").unwrap_err().contains("gone.conf: No such file"), "{:?}", files.names("gone"));
        assert_eq!(check(&files.0.join("osquery.conf")), Ok(()));
        assert_eq!(sources(&files.0.join("osquery.conf")).len(), 2);
    }

    #[test]
    fn says_which_file_is_wrong() {
        let files = Files::new("wrong", &[("osquery.conf", "{\"packs\": {}}"), ("osquery.conf.d/a.conf", "{\n ]}")]);
        let fault = "osquery.conf.d/a.conf is not valid JSON: line 2, column 2";
        assert!(files.names("x").unwrap_err().ends_with(fault), "{:?}", files.names("x"));
        assert!(check(&files.0.join("osquery.conf")).unwrap_err().ends_with(fault));
    }
}
