//! Tables and functions become known to SQLite when SQL names them: to register some two hundred of each at every start
//! would cost more than most queries do. Everything that SQLite can be asked for stands as a word in the SQL it is given
//! (a view's tables in the text that made the view), so one look at the words, before the SQL is compiled, is enough.
//!
//! A word within a string or a comment is taken too, and does no harm.

use super::functions::{FAMILIES, Function};
use super::table::Table;
use crate::sys::{function, vtab};
use crate::tables::{aliases, registry};
use rusqlite::{Connection, Result};
use std::cell::RefCell;

/// What a connection may know, and what it knows already.
#[derive(Default)]
pub struct Names {
    known: RefCell<Vec<&'static str>>,
    /// The only tables there are; none: all.
    only: Option<Vec<&'static Table>>,
}

/// The words of SQL: names without their quotes, and much else.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
}

/// A table and the name it is asked by, its own or its second one.
fn table(word: &str) -> Option<(&'static str, &'static Table)> {
    let by_name = |name: &str| registry::TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name));
    if let Some(table) = by_name(word) {
        return Some((table.name, table));
    }
    let (alias, name) = aliases::ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word))?;
    Some((alias, by_name(name)?))
}

fn functions() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|(_, functions)| *functions)
}

impl Names {
    /// The names of those tables alone that are `chosen` by theirs.
    pub fn chosen(chosen: &dyn Fn(&str) -> bool) -> Self {
        let only = registry::TABLES.iter().copied().filter(|table| chosen(table.name)).collect();
        Names { known: RefCell::default(), only: Some(only) }
    }

    /// The tables there are, in no order, without their second names.
    pub fn tables(&self) -> &[&'static Table] {
        self.only.as_deref().unwrap_or(registry::TABLES)
    }

    fn has(&self, table: &Table) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|other| other.name == table.name))
    }

    /// Makes everything known to `connection` that `sql` names and it does not know yet.
    ///
    /// # Errors
    /// SQLite's own: no memory.
    pub fn of(&self, connection: &Connection, sql: &str) -> Result<()> {
        for word in words(sql).filter(|word| !word.is_empty()) {
            if let Some((name, table)) = table(word).filter(|(_, table)| self.has(table)) {
                self.once(name, || vtab::register(connection, name, table))?;
            }
            // This pragma lists what is known.
            let all = word.eq_ignore_ascii_case("function_list") || word.eq_ignore_ascii_case("pragma_function_list");
            for function in functions().filter(|function| all || function.is_named(word)) {
                self.once(function.name(), || function::register(connection, function))?;
            }
        }
        Ok(())
    }

    fn once(&self, name: &'static str, register: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut known = self.known.borrow_mut();
        if known.contains(&name) {
            return Ok(());
        }
        register()?;
        known.push(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::engine::tests::{Kept, engine, rows};
    use crate::sql::limits::Limits;

    #[test]
    fn words_of_sql() {
        let found: Vec<_> =
            words("SELECT \"a_1\",md5(t.b)FROM[x]/*c*/ WHERE é='d'").filter(|word| !word.is_empty()).collect();
        assert_eq!(found, ["SELECT", "a_1", "md5", "t", "b", "FROM", "x", "c", "WHERE", "d"]);
    }

    #[test]
    fn a_name_is_known_however_it_is_written() {
        for sql in [
            "SELECT days FROM uptime",
            "SELECT days FROM UPTIME",
            "SELECT days FROM main.uptime",
            "SELECT days FROM \"uptime\"",
            "SELECT days FROM [uptime]",
            "SELECT days FROM `uptime`",
            "SELECT days FROM/**/uptime",
            "SELECT (SELECT days FROM uptime)",
            "SELECT name FROM pragma_table_info('uptime') LIMIT 1",
            "SELECT md5('x')",
            "SELECT MD5('x')",
            "SELECT \"md5\"('x')",
            "SELECT name FROM pragma_function_list WHERE name = 'md5'",
            "CREATE VIEW v AS SELECT md5(days) FROM uptime; SELECT * FROM v",
            "WITH t AS (SELECT days FROM uptime) SELECT * FROM t",
        ] {
            assert_eq!(rows(sql).len(), 1, "{sql}");
        }
    }

    #[test]
    fn what_one_run_named_is_known_to_the_next() {
        let engine = engine(Limits::default());
        for sql in [
            "CREATE VIEW v AS SELECT md5(days) AS sum FROM uptime",
            "SELECT sum FROM v",
            "SELECT md5(days) FROM uptime",
        ] {
            engine.run(sql, &mut Kept::default()).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }

    #[test]
    fn every_table_is_found_by_its_name() {
        for known in registry::TABLES {
            assert_eq!(words(known.name).count(), 1, "{} is one word", known.name);
            assert!(table(known.name).is_some_and(|(name, found)| name == known.name && std::ptr::eq(found, *known)));
        }
    }
}
