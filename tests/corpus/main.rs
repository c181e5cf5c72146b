//! Real query packs against the built binary: every query of osquery's packs, of fleet managers and of published
//! configurations that names only tables we have must run to its end, as root and as an ordinary user, and say nothing on
//! stderr but warnings. A table of osquery's that is neither built nor left out for a reason is a failure too.
//!
//! The packs are data kept beside the project (`shared/osquery/corpus`), not part of it. Where they are not there the test
//! says `skipped`, and fails where STEMMA_REQUIRE_AUDIT=1 asks for everything. `STEMMA_BIN` names another binary to
//! test. What a query names is taken from SQLite's own words, `no such table: …`: nothing here parses SQL.

// clippy.toml allows these in test functions only; everything here is test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod packs;
mod regressions;
mod run;

use packs::{Pack, Query, osquerys_tables};
use run::{Bench, Outcome, User};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Processes at a time.
const AT_ONCE: usize = 3;

/// Why a query does not run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It ran for every user.
    Ran,
    /// It names a table that is left out for a reason.
    Unsupported(String),
    /// It names a table of osquery's on Linux that is neither built nor left out for a reason.
    Missing(String),
    /// It names a table of another platform or of an extension.
    Elsewhere(String),
    /// It names only tables we have, and fails.
    Failed(String),
}

fn fate(bench: &Bench, users: &[User], query: &Query, known: &[String]) -> Fate {
    for user in users {
        let faults = match bench.run(*user, &query.sql) {
            Outcome::Ran => continue,
            Outcome::Failed(faults) => faults,
            Outcome::NoTable { name, reason: Some(_) } => return Fate::Unsupported(name),
            Outcome::NoTable { name, reason: None } if known.contains(&name) => return Fate::Missing(name),
            Outcome::NoTable { name, reason: None } => return Fate::Elsewhere(name),
        };
        return Fate::Failed(format!("as {user:?}: {faults}"));
    }
    Fate::Ran
}

/// Runs all queries, a few at a time; fates in the order of the queries.
fn fates(bench: &Bench, users: &[User], queries: &[&Query], known: &[String]) -> Vec<Fate> {
    let next = AtomicUsize::new(0);
    let fates = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(query) = queries.get(next.fetch_add(1, Relaxed)) {
                    let fate = fate(bench, users, query, known);
                    fates.lock().unwrap().insert((query.pack, query.id.clone()), fate);
                }
            });
        }
    });
    let mut fates = fates.into_inner().unwrap();
    queries.iter().map(|query| fates.remove(&(query.pack, query.id.clone())).unwrap()).collect()
}

/// What is printed of one pack, and its failures.
fn report(pack: &Pack, fates: &[Fate]) -> (String, Vec<String>) {
    let count = |of: fn(&Fate) -> bool| fates.iter().filter(|fate| of(fate)).count();
    let ran = count(|fate| *fate == Fate::Ran);
    let elsewhere = count(|fate| matches!(fate, Fate::Elsewhere(_)));
    let without = count(|fate| matches!(fate, Fate::Unsupported(_) | Fate::Missing(_)));
    let ours = fates.len() - elsewhere;
    let percent = |of: usize| if of == 0 { 100.0 } else { ran as f64 * 100.0 / of as f64 };
    let mut text = format!(
        "{}: {ran} of {ours} queries run, {:.1} %; {ran} of {} that name only tables we have, {:.1} %; {elsewhere} of \
         other platforms or extensions are not counted\n",
        pack.name,
        percent(ours),
        ours - without,
        percent(ours - without)
    );
    let mut failures = Vec::new();
    let mut reasons = BTreeMap::<String, Vec<&str>>::new();
    for (query, fate) in pack.queries.iter().zip(fates) {
        let why = match fate {
            Fate::Ran => continue,
            Fate::Unsupported(table) => format!("table {table} is not supported"),
            Fate::Missing(table) => {
                failures.push(format!(
                    "{} {}: table {table} is neither built nor left out for a reason",
                    pack.name, query.id
                ));
                format!("FAILED table {table} is not built")
            }
            Fate::Elsewhere(table) => format!("table {table} is another platform's or an extension's"),
            Fate::Failed(why) => {
                failures.push(format!("{} {} ({}): {why}\n    {}", pack.name, query.id, query.platform, query.sql));
                format!("FAILED {why}")
            }
        };
        reasons.entry(why).or_default().push(&query.id);
    }
    for (why, queries) in reasons {
        let _ = writeln!(text, "  {why}: {}", queries.join(", "));
    }
    (text, failures)
}

#[test]
fn every_query_that_names_only_tables_we_have_runs() {
    let (Some(packs), Some(known)) = (packs::all(), osquerys_tables()) else {
        let demanded = std::env::var_os("STEMMA_REQUIRE_AUDIT").is_some_and(|value| value == "1");
        assert!(!demanded, "needs query packs in shared/osquery beside the project");
        return println!("skipped: needs query packs in shared/osquery beside the project");
    };
    let bench = Bench::new();
    let users = bench.users();
    let queries: Vec<_> = packs.iter().flat_map(|pack| &pack.queries).collect();
    let fates = fates(&bench, &users, &queries, &known);
    let mut failures = Vec::new();
    let mut at = 0;
    for pack in &packs {
        let (text, failed) = report(pack, &fates[at..at + pack.queries.len()]);
        // Not println!: the harness would keep it to itself.
        let _ = std::io::stderr().write_all(text.as_bytes());
        failures.extend(failed);
        at += pack.queries.len();
    }
    let _ = writeln!(std::io::stderr(), "run as {users:?}");
    assert!(failures.is_empty(), "{} queries fail:\n{}", failures.len(), failures.join("\n"));
    assert!(fates.contains(&Fate::Ran), "none of {} queries ran", queries.len());
}
