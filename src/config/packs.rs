//! Packs of a configuration: named sets of queries, in osquery.conf itself (`packs`, inline or as a path to a file of their
//! own), and the `schedule`, which counts as the pack `main`. The parser is SQLite's, as for [`super::file`].

use super::file;
use crate::sql::document::Document;
use crate::sql::version::{self, Flavour};
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

/// The version whose dialect we speak: what a pack's or query's `version`, the least it wants, is compared with.
pub const DIALECT: &str = "5.23.0";

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
    let mut queries = None;
    for path in paths(config) {
        let document = read(&path)?;
        if pack == "main" && document.kind("$.schedule").is_some() {
            gather(&document, "$.schedule", queries.get_or_insert_default());
        }
        for member in document.members("$.packs") {
            match (member.key.as_str(), member.kind.as_str()) {
                ("*", "text") => {
                    if let Some(path) = globbed(&member.value, pack) {
                        gather_pack(&read(&path)?, "$", queries.get_or_insert_default());
                    }
                }
                (name, "text") if name == pack => {
                    gather_pack(&read(Path::new(&member.value))?, "$", queries.get_or_insert_default());
                }
                (name, "object") if name == pack => {
                    gather_pack(&document, &member.path, queries.get_or_insert_default());
                }
                _ => {}
            }
        }
    }
    queries.ok_or_else(|| format!("there is no pack {pack} in {}", config.display()))
}

fn read(path: &Path) -> Result<Document, String> {
    let text = file::read(path)?;
    Document::parse(text.as_bytes()).ok_or_else(|| format!("the config file {} could not be parsed", path.display()))
}

/// The file for a pack among those that a pattern (`directory/begin*end`) names: the one whose name without its extension
/// is the pack's.
fn globbed(pattern: &str, pack: &str) -> Option<PathBuf> {
    let (directory, names) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let (begin, end) = names.split_once('*').unwrap_or((names, ""));
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(begin);
        let whole = if names.contains('*') { rest.is_some_and(|rest| rest.ends_with(end)) } else { name == names };
        whole && path.file_stem().is_some_and(|stem| stem == pack)
    };
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).find(fits)
}

/// Adds the queries of the pack at a path, if it is for us.
fn gather_pack(document: &Document, path: &str, queries: &mut Vec<PackQuery>) {
    if is_for_us(document, path) {
        gather(document, &format!("{path}.queries"), queries);
    }
}

/// Adds the queries of the object at a path that are for us, each in its place by name.
fn gather(document: &Document, path: &str, queries: &mut Vec<PackQuery>) {
    for member in document.members(path).into_iter().filter(|member| member.kind == "object") {
        let sql = document.text(&format!("{}.query", member.path));
        if let Some(sql) = sql.filter(|_| is_for_us(document, &member.path)) {
            let place = queries.partition_point(|other| other.name <= member.key);
            queries.insert(place, PackQuery { name: member.key, sql });
        }
    }
}

/// Whether what is at a path is for our platform and version.
pub fn is_for_us(document: &Document, path: &str) -> bool {
    let text = |name: &str| document.text(&format!("{path}.{name}")).unwrap_or_default();
    let platform = text("platform");
    // osquery looks for these anywhere in the text.
    let ours = ["any", "all", "linux", "ubuntu", "centos", "posix"];
    let ours = matches!(platform.as_str(), "" | "null") || ours.iter().any(|name| platform.contains(name));
    ours && version::compare(text("version").as_bytes(), DIALECT.as_bytes(), Flavour::Generic) != Ordering::Greater
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
