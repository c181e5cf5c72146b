//! Tables that a daemon fills: JSON by HTTP over a local socket. One engine for all of them; a table is a description
//! ([`Feed`]): what to ask for, and a SELECT that takes the columns out of the answers, in SQLite's JSON language.
//!
//! Bound: an answer's size and time ([`super::http`]); a daemon that once kept silent is asked nothing more. Cost: a
//! request for the listing, and one or more for each thing in it where the wanted columns need them. Absent daemon: no
//! rows.

use super::agent::configuration;
use super::http;
use crate::sql::document::Document;
use crate::sql::table::{Column, Context, Cursor, Query, TableError, Type, Value};
use crate::sys::root::Root;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// Who answers.
pub struct Daemon {
    /// The flag that says where its socket is.
    pub flag: &'static str,
    /// Where it is unless somebody says so; the first that is there is asked.
    pub sockets: &'static [&'static str],
    /// Whether a value of a query may become part of a request: the daemon's own kind of name and nothing else.
    pub is_name: fn(&str) -> bool,
}

/// What to make of a query for one name (`column 0 = 'name'`).
pub enum Given {
    /// Ask for all, SQLite picks.
    Ignored,
    /// Append this to the listing's path, `{}` replaced by the name.
    Filter(&'static str),
    /// Ask for no listing: the name, after this, is the key.
    Key(&'static str),
}

/// How a table is filled.
pub struct Feed {
    /// Who answers.
    pub daemon: &'static Daemon,
    /// The table's columns.
    pub columns: &'static [Column],
    /// Path of the listing; empty: a name must be given.
    pub list: &'static str,
    /// JSON path of the things in it; empty: the answer is the one thing.
    pub things: &'static str,
    /// SQL: a thing's key, made of json_each's `key` and `value`.
    pub key: &'static str,
    /// What to make of a name that is given.
    pub given: Given,
    /// Paths of what there is to know about each thing, `{}` replaced by its key; three at most.
    pub about: &'static [&'static str],
    /// Columns (bit i for column i, as in [`Query::used`]) without which nothing about the things need be asked.
    pub needs: u64,
    /// SQL: the columns and where they come from. ?1 is the thing's key, `x` has one row: `t`, the thing in the listing,
    /// and `a`, `b`, `c`, the answers about it. (json_each makes one row, without a key, of a null.)
    pub rows: &'static str,
    /// How long an answer may take, seconds.
    pub patience_s: u64,
    /// Completes a row with what is known here.
    pub finish: Option<fn(&Root, &mut Vec<Value>)>,
}

/// All columns need what there is to know about each thing.
pub const ALL: u64 = u64::MAX;

/// A thing: its key and its JSON in the listing.
type Thing = (String, String);

struct Scan {
    feed: &'static Feed,
    context: Rc<Context>,
    sockets: Vec<String>,
    sql: String,
    is_wanted: bool,
    things: VecDeque<Thing>,
    document: Option<Document>,
    rows: VecDeque<Vec<Value>>,
    row: Vec<Value>,
}

/// Opens a scan of a table that is filled so.
pub fn open(feed: &'static Feed, query: &Query) -> Result<Box<dyn Cursor>, TableError> {
    let select =
        "WITH x AS MATERIALIZED (SELECT d.j->'$[0]' t, d.j->'$[1]' a, d.j->'$[2]' b, d.j->'$[3]' c FROM d) SELECT ";
    let usual = || feed.daemon.sockets.iter().map(|socket| socket.to_string()).collect();
    let told = configuration::in_force(&query.context).given(feed.daemon.flag).map(|socket| vec![socket.to_string()]);
    let mut scan = Scan {
        feed,
        context: query.context.clone(),
        sockets: told.unwrap_or_else(usual),
        sql: [select, feed.rows].concat(),
        is_wanted: query.used & feed.needs != 0,
        things: VecDeque::new(),
        document: None,
        rows: VecDeque::new(),
        row: Vec::new(),
    };
    let given = match query.equal(0) {
        Some(Value::Text(text)) => std::str::from_utf8(text).unwrap_or(""),
        _ => "",
    };
    let given = Some(given).filter(|given| (feed.daemon.is_name)(given));
    scan.things = scan.things(given).into();
    Ok(Box::new(scan))
}

impl Scan {
    fn get(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut result = Err(io::Error::from(io::ErrorKind::NotFound));
        for socket in &self.sockets {
            result = http::get(&self.context.root, socket, path, Duration::from_secs(self.feed.patience_s));
            if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                break;
            }
        }
        result
    }

    fn things(&self, given: Option<&str>) -> Vec<Thing> {
        let feed = self.feed;
        let filter = match (&feed.given, given) {
            (Given::Key(before), Some(given)) => return vec![([before, given].concat(), "null".into())],
            (Given::Filter(filter), Some(given)) => filter.replace("{}", given),
            _ => String::new(),
        };
        if feed.list.is_empty() {
            return Vec::new();
        }
        let Ok(answer) = self.get(&[feed.list, &filter].concat()) else { return Vec::new() };
        if feed.things.is_empty() {
            return vec![(String::new(), String::from_utf8_lossy(&answer).into_owned())];
        }
        let Some(document) = Document::parse(&answer) else { return Vec::new() };
        let each = "iif(type IN ('object', 'array'), value, 'null') FROM d, json_each(d.j, ?1)";
        let rows = document.select(&["SELECT ", feed.key, ", ", each].concat(), feed.things);
        rows.into_iter().filter_map(|row| thing(row, given)).collect()
    }

    /// The rows of the next thing; None when there is none.
    fn next_thing(&mut self) -> Option<()> {
        let (key, thing) = self.things.pop_front()?;
        let mut answers = Vec::new();
        for path in self.feed.about.iter().filter(|_| self.is_wanted) {
            let answer = self.get(&path.replace("{}", &key));
            if matches!(&answer, Err(error) if error.kind() == io::ErrorKind::TimedOut) {
                self.things.clear();
            }
            answers.push(answer.ok());
        }
        // A table that is nothing but what there is to know about a thing has nothing to say about this one.
        if self.feed.needs == ALL && matches!(answers.first(), Some(None)) {
            return Some(());
        }
        let is_complete = answers.len() == self.feed.about.len() && answers.iter().all(Option::is_some);
        let mut json = [b"[", thing.as_bytes()].concat();
        for answer in answers {
            json.push(b',');
            json.extend_from_slice(answer.as_deref().unwrap_or(b"null"));
        }
        json.push(b']');
        if self.load(&json) {
            let rows = self.document.as_ref().map(|document| document.select(&self.sql, &key)).unwrap_or_default();
            self.rows = rows.into_iter().map(|row| self.finished(row, is_complete)).collect();
        }
        Some(())
    }

    /// Makes JSON the document; false if it is none.
    fn load(&mut self, json: &[u8]) -> bool {
        match &self.document {
            Some(document) => document.replace(json),
            None => {
                self.document = Document::parse(json);
                self.document.is_some()
            }
        }
    }

    /// The values in the columns' types; what is not told is '' or 0 as in osquery, or NULL if nobody could be asked.
    fn finished(&self, row: Vec<Value>, is_complete: bool) -> Vec<Value> {
        let absent = if is_complete { Value::Integer(0) } else { Value::Null };
        let typed = |(value, column): (Value, &Column)| match column.kind {
            Type::Text => match value {
                Value::Null => Value::text(""),
                Value::Integer(number) => Value::text(number.to_string()),
                Value::Real(number) => Value::text(number.to_string()),
                text => text,
            },
            Type::Double => match value {
                Value::Null => absent.clone(),
                Value::Text(text) => std::str::from_utf8(&text)
                    .ok()
                    .and_then(|text| text.trim().parse().ok())
                    .map_or(Value::Null, Value::Real),
                number => number,
            },
            _ if value == Value::Null => absent.clone(),
            _ => value.as_integer().into(),
        };
        let mut row: Vec<Value> = row.into_iter().zip(self.feed.columns).map(typed).collect();
        if let Some(finish) = self.feed.finish {
            finish(&self.context.root, &mut row);
        }
        row
    }
}

/// A thing from its row of the listing. Where the name that is given begins its key it is the key, as osquery has it: so a
/// query for the short form of an id finds its row.
fn thing(row: Vec<Value>, given: Option<&str>) -> Option<Thing> {
    let mut values = row.into_iter();
    let (Some(Value::Text(key)), Some(Value::Text(json))) = (values.next(), values.next()) else { return None };
    let key = String::from_utf8(key).ok()?;
    let key = key.strip_prefix("sha256:").unwrap_or(&key);
    let is_given = |given: &&str| key.get(..given.len()).is_some_and(|start| start.eq_ignore_ascii_case(given));
    let key = given.filter(is_given).unwrap_or(key).to_string();
    Some((key, String::from_utf8(json).ok()?))
}

impl Cursor for Scan {
    fn advance(&mut self) -> Result<bool, TableError> {
        while self.rows.is_empty() {
            self.context.check()?;
            if self.next_thing().is_none() {
                return Ok(false);
            }
        }
        self.row = self.rows.pop_front().unwrap_or_default();
        Ok(true)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(self.row.get(column).cloned().unwrap_or(Value::Null))
    }
}
