//! Directories in which a language's packages are installed: those that a query names (`directory = …`), or the usual
//! ones of the machine and then of homes.

use super::glob::Glob;
use super::place::Place;
use crate::sql::table::{Query, Value};
use crate::tables::users::homes::Owners;

/// Patterns ([`Glob`]) of the usual directories: on the machine, and below a home.
pub struct Usual {
    /// Absolute.
    pub machine: &'static [&'static str],
    /// Below a home.
    pub homes: &'static [&'static str],
}

/// See the module's head.
pub struct Sites {
    /// Where the directory lies that was given last.
    pub place: Place,
    named: std::vec::IntoIter<Vec<u8>>,
    patterns: std::slice::Iter<'static, &'static str>,
    glob: Option<Glob>,
    homes: &'static [&'static str],
    owners: Option<Owners>,
}

impl Sites {
    /// Begins before the first. `column` is that of directories, `owners` are those whose homes are wanted too.
    pub fn new(query: &Query, column: usize, place: Place, usual: &Usual, owners: Option<Owners>) -> Self {
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let named: Vec<_> = query.equals(column).filter_map(text).collect();
        let (machine, owners) = if named.is_empty() { (usual.machine, owners) } else { (&[][..], None) };
        let homes = usual.homes;
        Sites { place, named: named.into_iter(), patterns: machine.iter(), glob: None, homes, owners }
    }

    /// The next directory, which need not exist; None when there is none.
    pub fn next_site(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(glob) = &mut self.glob {
                match glob.next(&self.place) {
                    Some(path) => return Some(path),
                    None => self.glob = None,
                }
            } else if let Some(named) = self.named.next().filter(|named| named.starts_with(b"/")) {
                return Some(named);
            } else if let Some(pattern) = self.patterns.next() {
                // Where /usr/lib64 is another name of /usr/lib everything would be found twice.
                let fixed = pattern.split('*').next().and_then(|start| Some(start.rsplit_once('/')?.0));
                if !pattern.contains('*') || !fixed.is_some_and(|fixed| self.place.is_link(fixed.as_bytes())) {
                    self.glob = Some(Glob::new(&self.place, pattern));
                }
            } else {
                let owner = self.owners.as_mut()?.next()?;
                self.place = Place::home(self.place.context(), owner);
                self.patterns = self.homes.iter();
            }
        }
    }
}
