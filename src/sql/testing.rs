//! For the tests of tables: SQL in, texts out; fixture trees.

use super::engine::{Engine, Sink};
use crate::sys::root::Root;
use rusqlite::types::ValueRef;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

#[derive(Default)]
struct Texts(Vec<Vec<String>>);

impl Sink for Texts {
    fn columns(&mut self, _: &[&str]) {}
    fn row(&mut self, values: &[ValueRef<'_>]) -> bool {
        let text = |value: &ValueRef<'_>| match value {
            ValueRef::Null => "NULL".to_string(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        };
        self.0.push(values.iter().map(text).collect());
        true
    }
}

/// Rows of a query over the machine below `root` ("" for this machine), or the error's message.
pub fn try_rows(root: impl Into<PathBuf>, sql: &str) -> Result<Vec<Vec<String>>, String> {
    let mut texts = Texts::default();
    let engine =
        Engine::over(Root::new(root), PathBuf::from("/nonexistent/events.db")).map_err(|error| error.message)?;
    engine.run(sql, &mut texts).map_err(|error| error.message)?;
    Ok(texts.0)
}

/// The same where it must not fail; NULL reads "NULL".
pub fn rows(root: impl Into<PathBuf>, sql: &str) -> Vec<Vec<String>> {
    try_rows(root, sql).unwrap_or_else(|message| panic!("{sql}: {message}"))
}

/// A tree of files that is removed at the end.
pub struct Tree(PathBuf);

impl Tree {
    /// An empty one; `name` must be its own in the test program.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stemma-tree-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Tree(path)
    }

    /// Writes a file, its directories before it.
    pub fn file(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> &Self {
        let place = self.place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
        self
    }

    /// Makes a symbolic link that reads `to`.
    pub fn link(&self, path: impl AsRef<Path>, to: &str) -> &Self {
        let place = self.place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, place).unwrap();
        self
    }

    /// Where a path of the tree lies.
    pub fn place(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The tree's directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Rows of a query over the tree.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.0, sql)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Output of one of the host's own programs, or None where it is not there or fails.
pub fn host(program: &str, arguments: &[&str]) -> Option<String> {
    let out = std::process::Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

/// A name of bytes as a path.
pub fn path_of(bytes: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}
