use super::*;
use crate::tables::{aliases, registry};
use std::time::{Duration, Instant};

/// Keeps what it is given: a value as text, NULL as `NULL`, doubles as Rust shows them.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    most: usize,
}

impl Sink for Kept {
    fn columns(&mut self, names: &[&str]) {
        self.names = names.iter().map(ToString::to_string).collect();
    }
    fn row(&mut self, values: &[ValueRef<'_>]) -> bool {
        let shown = |value: &ValueRef<'_>| match value {
            ValueRef::Null => "NULL".to_string(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => format!("{number:?}"),
            ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        };
        self.rows.push(values.iter().map(shown).collect());
        self.most == 0 || self.rows.len() < self.most
    }
}

/// An engine without events.
pub(crate) fn engine(limits: Limits) -> Engine {
    Engine::open("/nonexistent/events.db".into()).unwrap().within(limits)
}

/// The rows of some SQL.
pub(crate) fn rows(sql: &str) -> Vec<Vec<String>> {
    let mut kept = Kept::default();
    engine(Limits::default()).run(sql, &mut kept).unwrap_or_else(|error| panic!("{sql}: {}", error.message));
    kept.rows
}

/// The only value of some SQL.
pub(crate) fn answer(sql: &str) -> String {
    let mut rows = rows(sql);
    assert_eq!((rows.len(), rows.first().map(Vec::len)), (1, Some(1)), "{sql}");
    rows.remove(0).remove(0)
}

/// How some SQL fails.
pub(crate) fn failure_of(engine: &Engine, sql: &str) -> SqlError {
    engine.run(sql, &mut Kept::default()).expect_err(sql)
}

/// How some SQL fails with the usual limits.
pub(crate) fn failure(sql: &str) -> SqlError {
    failure_of(&engine(Limits::default()), sql)
}

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

#[test]
fn rows_of_all_statements_are_one_result() {
    let rows = rows("SELECT 1; CREATE TABLE t(a); INSERT INTO t VALUES (2); SELECT a FROM t; -- end\n; SELECT 3 ;;");
    assert_eq!(rows, [["1"], ["2"], ["3"]]);
    for nothing in ["", " ; -- nothing", "/* */"] {
        assert!(super::tests::rows(nothing).is_empty());
    }
}

#[test]
fn a_failed_statement_ends_the_run_and_what_came_before_it_stays() {
    let mut kept = Kept::default();
    let error = engine(Limits::default()).run("SELECT 1; SELECT * FROM nowhere; SELECT 2", &mut kept).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (1, "no such table: nowhere"));
    assert_eq!(kept.rows, [["1"]]);
}

#[test]
fn a_sink_that_has_enough_ends_the_run() {
    let mut kept = Kept { most: 3, ..Kept::default() };
    engine(Limits::default()).run(&format!("{ENDLESS} SELECT i FROM n; SELECT 99"), &mut kept).unwrap();
    assert_eq!(kept.rows, [["1"], ["2"], ["3"]]);
}

#[test]
fn a_double_quoted_unknown_name_is_a_string() {
    assert_eq!(answer("SELECT \"no such column\""), "no such column");
    assert_eq!(answer("SELECT count(*) FROM uptime WHERE \"x\" = 'x'"), "1");
}

#[test]
fn json_and_what_packs_use_of_sqlite_is_there() {
    assert_eq!(answer("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]')"), "2");
    assert_eq!(answer("SELECT soundex('Robert')"), "R163");
    assert_eq!(answer("SELECT iif(1, 'y', 'n') || printf('%03d', 7) || instr('abc', 'c')"), "y0073");
    assert_eq!(answer("SELECT strftime('%Y', 0, 'unixepoch')"), "1970");
}

#[test]
fn the_authorizer_allows_what_osquerys_does() {
    for sql in [
        "PRAGMA table_info(uptime)",
        "PRAGMA TABLE_XINFO(uptime)",
        "PRAGMA function_list",
        "PRAGMA journal_mode",
        "PRAGMA case_sensitive_like = 1",
        "PRAGMA collation_list",
        "CREATE TABLE t(a); INSERT INTO t VALUES (1); UPDATE t SET a = 2; DELETE FROM t; DROP TABLE t",
        "CREATE TEMP TABLE t(a); DROP TABLE t",
        "CREATE VIEW v AS SELECT 1; SELECT * FROM v; DROP VIEW v",
        "CREATE TEMP VIEW v AS SELECT * FROM uptime; SELECT * FROM v; DROP VIEW v",
        "BEGIN; COMMIT",
        "EXPLAIN SELECT 1",
    ] {
        rows(sql);
    }
    for sql in [
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA database_list",
        "PRAGMA temp_store_directory = '/'",
        "ATTACH 'x' AS y",
        "DETACH temp",
        "CREATE TABLE t(a); CREATE INDEX i ON t(a)",
        "CREATE TABLE t(a); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE TABLE t(a); ALTER TABLE t RENAME TO u",
        "CREATE TABLE t(a); ANALYZE t",
        "SAVEPOINT s",
        "VACUUM INTO 'x'",
    ] {
        let error = failure(sql);
        assert!(["not authorized", "authorization denied"].contains(&error.message.as_str()), "{sql}: {error:?}");
        assert_eq!(error.code, 23, "{sql}");
    }
}

#[test]
fn tables_cannot_be_written() {
    for sql in ["INSERT INTO uptime VALUES (1, 2, 3, 4, 5)", "DELETE FROM uptime", "UPDATE uptime SET days = 1"] {
        assert_eq!(failure(sql).message, "table uptime may not be modified");
    }
}

#[test]
fn an_endless_query_ends_at_its_time_limit() {
    let begin = Instant::now();
    let error = failure_of(
        &engine(Limits { wall_ms: 200, ..Limits::default() }),
        &format!("{ENDLESS} SELECT count(*) FROM n WHERE i < 0"),
    );
    let wanted = "the query was stopped at its time limit of 200 ms (--time-limit SECONDS raises it, 0 removes it)";
    assert_eq!((error.code, error.message.as_str()), (9, wanted));
    let took = begin.elapsed();
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[test]
fn an_endless_query_ends_at_its_cpu_limit() {
    let error = failure_of(
        &engine(Limits { cpu_ms: 100, ..Limits::default() }),
        &format!("{ENDLESS} SELECT count(*) FROM n WHERE i < 0"),
    );
    let wanted = "the query was stopped at its CPU limit of 100 ms (--cpu-limit SECONDS raises it, 0 removes it)";
    assert_eq!((error.code, error.message.as_str()), (9, wanted));
}

#[test]
fn an_endless_result_ends_at_its_row_limit() {
    let mut kept = Kept::default();
    let engine = engine(Limits { rows: 5, ..Limits::default() });
    let error = engine.run(&format!("SELECT 0; {ENDLESS} SELECT i FROM n"), &mut kept).unwrap_err();
    assert_eq!(kept.rows.len(), 5, "of all statements together");
    let wanted = "the result has more than 5 rows, its limit (--row-limit ROWS raises it, 0 removes it)";
    assert_eq!((error.code, error.message.as_str()), (18, wanted));
    engine.run("SELECT 1", &mut kept).unwrap();
}

#[test]
fn limits_count_from_the_beginning_of_each_run() {
    let engine = engine(Limits { wall_ms: 300, rows: 1, ..Limits::default() });
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(150));
        engine.run("SELECT 1", &mut Kept::default()).unwrap();
    }
}

#[test]
fn the_output_counts_as_memory() {
    struct Hoard(usize);
    impl Sink for Hoard {
        fn columns(&mut self, _: &[&str]) {}
        fn row(&mut self, _: &[ValueRef<'_>]) -> bool {
            self.0 += 100_000;
            true
        }
        fn held_bytes(&self) -> usize {
            self.0
        }
    }
    let engine = engine(Limits::default());
    let mut hoard = Hoard(0);
    let error = engine.run(&format!("{ENDLESS} SELECT i FROM n"), &mut hoard).unwrap_err();
    let wanted = "the query needs more than its memory limit of 64 MiB (--memory-limit MIB raises it, 0 removes it)";
    assert_eq!((error.code, error.message.as_str()), (7, wanted));
    assert!(hoard.0 <= 65 << 20, "{}", hoard.0);
    engine.run("SELECT 1", &mut Kept::default()).unwrap();
}

#[test]
fn a_table_that_is_not_built_says_why() {
    for name in ["augeas", "configurations", "main.augeas", "AUGEAS"] {
        let message = failure(&format!("SELECT * FROM {name}")).message;
        let wanted = format!("no such table: {name} (not supported: it needs the Augeas library");
        assert!(message.starts_with(&wanted), "{message}");
    }
    assert_eq!(failure("SELECT * FROM none").message, "no such table: none");
    assert_eq!(failure("SELECT none FROM uptime").message, "no such column: none");
}

#[test]
fn osquerys_message_for_a_missing_required_column() {
    let error = failure("SELECT * FROM process_ancestors");
    let wanted = "Table process_ancestors was queried without a required column in the WHERE clause";
    assert_eq!((error.code, error.message.as_str()), (19, wanted));
}

#[test]
fn the_second_names_of_tables_are_there() {
    for (alias, name) in aliases::ALIASES {
        let built = registry::TABLES.iter().any(|table| table.name == *name);
        let required = format!("Table {name} was queried without a required column in the WHERE clause");
        match engine(Limits::default()).run(&format!("SELECT * FROM {alias} LIMIT 1"), &mut Kept::default()) {
            Ok(()) => {}
            Err(error) if error.message == required => {}
            Err(error) => assert!(!built && error.message.starts_with("no such table"), "{alias}: {error:?}"),
        }
    }
}
