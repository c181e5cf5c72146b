//! `yara_file`, also named `yara`: rules (see [`crate::tables::yara`]) against the bytes of regular files, of a path or all
//! that a pattern stands for (see [`super::pattern`]). Rules come as text (`sigrule`) or from a file (`sigfile`; a relative
//! name lies in /etc/osquery/yara); rules that are not understood are an error. A file that cannot be read has no row: it
//! has not been found clean. Bound: 64 KiB of a file at a time. Cost: reading each file once per set of rules.

use super::namespace::Namespace;
use super::walk::{Walk, asked};
use crate::sql::table::{
    ADDITIONAL, Column, Context, Cursor, HIDDEN, INDEX, Query, REQUIRED, Table, TableError, Type, Value, column,
};
use crate::tables::yara::rules::Rules;
use crate::tables::yara::scan::{self, BLOCK_BYTES};
use std::io::{self, Read};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("path", Type::Text, REQUIRED | INDEX, "Path; asked for as in the table file."),
    column("matches", Type::Text, 0, "Names of the rules that match, with commas between."),
    column("count", Type::Integer, 0, "Rules that match."),
    column("sig_group", Type::Text, ADDITIONAL, "Group of rules in the configuration; not supported, always empty."),
    column("sigfile", Type::Text, ADDITIONAL, "File of rules to use."),
    column("sigrule", Type::Text, HIDDEN | ADDITIONAL, "Rules to use, as text."),
    column(
        "strings",
        Type::Text,
        0,
        "Strings found by rules that match, as $name:place in hexadecimal, with commas between.",
    ),
    column("tags", Type::Text, 0, "Tags of the rules that match, with commas between."),
    column("sigurl", Type::Text, HIDDEN | ADDITIONAL, "Address of rules to use; not supported, always empty."),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Process as which to see files; 0: this one."),
];

const PATH: usize = 0;
const MATCHES: usize = 1;
const COUNT: usize = 2;
const GROUP: usize = 3;
const SIGFILE: usize = 4;
const SIGRULE: usize = 5;
const STRINGS: usize = 6;
const TAGS: usize = 7;
const URL: usize = 8;
const PID: usize = 9;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "yara_file",
    help: "YARA rules against files by path or pattern",
    columns: COLUMNS,
    open: |query| {
        let sources = sources(&query)?;
        let namespace = Namespace::of(&query, PID);
        let walk = Walk::new(&query.context, asked(&query, PATH, None), namespace.pid());
        let judges = [MATCHES, COUNT, STRINGS, TAGS].iter().any(|column| query.wants(*column));
        let at = sources.len();
        Ok(Box::new(Scan { context: query.context, walk, namespace, judges, sources, at, row: Row::default() }))
    },
};

/// Rules, and where they come from.
struct Source {
    file: Vec<u8>,
    text: Vec<u8>,
    rules: Rules,
}

fn sources(query: &Query) -> Result<Vec<Source>, TableError> {
    let given = |column: usize| match query.equal(column) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    let read = |text: &[u8], what: &str| {
        Rules::read(text).map_err(|error| TableError::new(format!("yara_file: {what}, {}", error.0)))
    };
    if given(GROUP).or_else(|| given(URL)).is_some() {
        return Err(TableError::new(
            "yara_file: rules come by sigrule or sigfile; sig_group and sigurl are not supported",
        ));
    }
    let mut sources = Vec::new();
    if let Some(text) = given(SIGRULE) {
        let rules = read(&text, "sigrule")?;
        sources.push(Source { file: Vec::new(), text, rules });
    }
    if let Some(file) = given(SIGFILE) {
        let path = String::from_utf8_lossy(&file).into_owned();
        let place = std::path::Path::new("/etc/osquery/yara").join(&path);
        let text = query.context.root.read(&place);
        let text = text.map_err(|error| TableError::new(format!("yara_file: reading {}: {error}", place.display())))?;
        let rules = read(&text, &path)?;
        sources.push(Source { file, text: Vec::new(), rules });
    }
    if sources.is_empty() {
        return Err(TableError::new("yara_file: no rules; say sigrule = '…' or sigfile = '…' in the WHERE clause"));
    }
    Ok(sources)
}

/// What is said of a file.
#[derive(Default)]
struct Row {
    matches: Vec<u8>,
    count: i64,
    strings: Vec<u8>,
    tags: Vec<u8>,
}

struct Scan {
    context: Rc<Context>,
    walk: Walk,
    namespace: Namespace,
    /// Whether anything is wanted that the file's bytes tell.
    judges: bool,
    sources: Vec<Source>,
    /// The source of the row; beyond the last one before the first file.
    at: usize,
    row: Row,
}

impl Scan {
    /// The file's row by the current rules; None if it cannot be read to its end.
    fn judge(&mut self) -> Result<Option<Row>, TableError> {
        let (Some(source), Ok(mut file)) = (self.sources.get(self.at), self.walk.open()) else { return Ok(None) };
        if !self.judges {
            return Ok(Some(Row::default()));
        }
        let mut scan = scan::Scan::new(&source.rules);
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            self.context.check()?;
            match file.read(&mut block) {
                Ok(0) => break,
                Ok(count) => scan.add(block.get(..count).unwrap_or(&[])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Ok(None),
            }
        }
        let verdict = scan.finish();
        Ok(Some(Row {
            matches: verdict.names(),
            count: verdict.count() as i64,
            strings: verdict.strings(),
            tags: verdict.tags(),
        }))
    }
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.at += 1;
            if self.at >= self.sources.len() {
                if !self.walk.advance()? {
                    return Ok(false);
                }
                self.at = 0;
            }
            if let Some(row) = self.judge()? {
                self.row = row;
                return Ok(true);
            }
        }
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        let source = self.sources.get(self.at);
        let text = |of: fn(&Source) -> &Vec<u8>| Value::text(source.map(of).map_or(&[][..], Vec::as_slice));
        Ok(match column {
            PATH => Value::Text(self.walk.path()),
            MATCHES => Value::text(&self.row.matches),
            COUNT => Value::Integer(self.row.count),
            SIGFILE => text(|source| &source.file),
            SIGRULE => text(|source| &source.text),
            STRINGS => Value::text(&self.row.strings),
            TAGS => Value::text(&self.row.tags),
            PID => self.namespace.pid().unwrap_or(0).into(),
            _ => Value::text(""),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows, try_rows};

    const JNDI: &str = r#"rule jndi : log4j { strings: $name = "JndiLookup" condition: $name }"#;
    const ANY: &str = "rule any { condition: filesize > 2 }";

    #[test]
    fn yara_sigrule_is_asked_as_packs_ask_it() {
        let tree = Tree::new("yara-file");
        tree.file("a/log4j.jar", "PK..JndiLookup.class").file("a/other.jar", "PK").file("b/x.txt", "JndiLookup");
        for table in ["yara", "yara_file"] {
            let sql = format!(
                "WITH jars AS (SELECT path FROM file WHERE path LIKE '/%%' AND filename LIKE '%.jar') \
                 SELECT path, matches, count, tags, strings FROM {table} \
                 WHERE path IN (SELECT path FROM jars) AND count > 0 AND sigrule IN ('{JNDI}', '{ANY}') ORDER BY matches"
            );
            let wanted = [["/a/log4j.jar", "any", "1", "", ""], ["/a/log4j.jar", "jndi", "1", "log4j", "$name:4"]];
            assert_eq!(tree.rows(&sql), wanted, "{table}");
        }
        let sql = format!("SELECT path, count FROM yara WHERE path LIKE '/%%' AND sigrule = '{JNDI}' ORDER BY path");
        assert_eq!(tree.rows(&sql), [["/a/log4j.jar", "1"], ["/a/other.jar", "0"], ["/b/x.txt", "1"]]);
    }

    #[test]
    fn rules_come_from_files_too() {
        let tree = Tree::new("yara-sigfile");
        tree.file("etc/osquery/yara/own.yar", JNDI).file("rules", ANY).file("x", "JndiLookup");
        let sql = |sigfile: &str| {
            format!("SELECT matches, sigfile, sigrule FROM yara WHERE path = '/x' AND sigfile = '{sigfile}'")
        };
        assert_eq!(tree.rows(&sql("own.yar")), [["jndi", "own.yar", ""]]);
        assert_eq!(tree.rows(&sql("/rules")), [["any", "/rules", ""]]);
        let missing = try_rows(tree.path(), &sql("none")).unwrap_err();
        assert!(missing.starts_with("yara_file: reading /etc/osquery/yara/none: "), "{missing}");
    }

    #[test]
    fn what_cannot_be_done_is_an_error_and_never_a_clean_file() {
        let tree = Tree::new("yara-errors");
        tree.file("x", "text").link("nowhere", "missing").file("d/y", "text");
        let error = |condition: &str| {
            try_rows(tree.path(), &format!("SELECT count FROM yara WHERE path = '/x' AND {condition}")).unwrap_err()
        };
        assert_eq!(error("1"), "yara_file: no rules; say sigrule = '…' or sigfile = '…' in the WHERE clause");
        assert_eq!(error("sigrule = 'rule a'"), "yara_file: sigrule, line 1: something is missing at the end");
        assert!(error("sigurl = 'https://example.com/a'").ends_with("sig_group and sigurl are not supported"));
        assert!(try_rows(tree.path(), &format!("SELECT count FROM yara WHERE sigrule = '{ANY}'")).is_err());
        let sql =
            format!("SELECT path FROM yara WHERE path IN ('/nowhere', '/d', '/x', '/none') AND sigrule = '{ANY}'");
        assert_eq!(tree.rows(&sql), [["/x"]]);
    }

    #[test]
    fn yara_itself_finds_the_same_in_the_hosts_programs() {
        let tree = Tree::new("yara-host");
        let rule = "rule usage { strings: $a = \"usage\" nocase $b = \"help\" fullword condition: any of them }";
        tree.file("rules.yar", rule);
        let place = tree.place("rules.yar");
        let Some(theirs) = host("yara", &["--no-follow-symlinks", place.to_str().unwrap(), "/usr/sbin"]) else {
            return println!("skipped: needs yara");
        };
        let mut theirs: Vec<_> = theirs.lines().filter_map(|line| line.strip_prefix("usage ")).collect();
        theirs.sort_unstable();
        let sql = format!(
            "SELECT y.path FROM file f JOIN yara y USING (path) WHERE f.path LIKE '/usr/sbin/%' AND f.symlink = 0 \
             AND y.sigrule = '{rule}' AND y.count = 1 ORDER BY y.path"
        );
        let ours: Vec<_> = rows("", &sql).into_iter().flatten().collect();
        assert!(!ours.is_empty());
        assert_eq!(ours, theirs);
    }
}
