//! Paths with `*` in them, found one after the other: `/usr/lib/python*/dist-packages`. A `*` stands for a part of one
//! name. Links that it would find are passed over, so nothing is found twice. Memory: one open directory for each `*`.

use super::place::{Place, concat, join};
use crate::sys::root::Names;
use std::os::unix::ffi::OsStrExt;

/// See the module's head.
pub struct Glob {
    /// A path without `*`, still to be given.
    plain: Option<Vec<u8>>,
    levels: Vec<Level>,
}

/// A directory in which names are tried.
struct Level {
    names: Names,
    directory: Vec<u8>,
    start: &'static str,
    end: &'static str,
    rest: &'static str,
}

impl Glob {
    /// Begins before the first path.
    pub fn new(place: &Place, pattern: &'static str) -> Self {
        Self::new_below(place, &[], pattern)
    }

    /// The same for a pattern that follows a path.
    pub fn new_below(place: &Place, path: &[u8], pattern: &'static str) -> Self {
        let mut glob = Glob { plain: None, levels: Vec::new() };
        glob.enter(place, path.to_vec(), pattern);
        glob
    }

    /// A path that ends here is kept, one with a `*` makes a level.
    fn enter(&mut self, place: &Place, base: Vec<u8>, pattern: &'static str) {
        let Some((head, tail)) = pattern.split_once('*') else {
            self.plain = Some(concat(&[&base, pattern.as_bytes()]));
            return;
        };
        let (directory, start) = head.rsplit_once('/').unwrap_or(("", head));
        let (end, rest) = tail.find('/').map_or((tail, ""), |slash| tail.split_at(slash));
        let directory = concat(&[&base, directory.as_bytes()]);
        let names = place.names(&directory);
        self.levels.push(Level { names, directory, start, end, rest });
    }

    /// The next path, which need not exist if its last part has no `*`; None when there is none.
    pub fn next(&mut self, place: &Place) -> Option<Vec<u8>> {
        loop {
            if let Some(plain) = self.plain.take() {
                return Some(plain);
            }
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.next() else {
                self.levels.pop();
                continue;
            };
            let name = name.as_bytes();
            let is_match = name.len() >= level.start.len() + level.end.len()
                && name.starts_with(level.start.as_bytes())
                && name.ends_with(level.end.as_bytes());
            if is_match {
                let (path, rest) = (join(&level.directory, name), level.rest);
                if !place.is_link(&path) {
                    self.enter(place, path, rest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::table::Context;
    use crate::sql::testing::Tree;
    use crate::sys::root::Root;
    use crate::tables::users::homes::Owner;
    use std::rc::Rc;

    fn found(place: &Place, pattern: &'static str) -> Vec<String> {
        let mut glob = Glob::new(place, pattern);
        let paths = std::iter::from_fn(|| glob.next(place)).map(|path| String::from_utf8(path).unwrap());
        let mut paths: Vec<_> = paths.collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn paths_on_the_machine_and_in_a_home() {
        let tree = Tree::new("glob");
        for path in ["/lib/python3/site/x", "/lib/python2/site/y", "/lib/perl/site/z", "/home/a/v/1/lib/python3/s/f"] {
            tree.file(path, "");
        }
        tree.link("/lib/python", "python3").link("/home/a/v/2", "1");
        let context = Rc::new(Context { root: Root::new(tree.path()), ..Context::default() });
        let machine = Place::machine(&context);
        assert_eq!(found(&machine, "/lib/python*/site"), ["/lib/python2/site", "/lib/python3/site"]);
        assert_eq!(found(&machine, "/lib/p*2/s*/*"), ["/lib/python2/site/y"]);
        assert_eq!(found(&machine, "/lib/none"), ["/lib/none"]);
        assert_eq!(found(&machine, "/none/*/x"), Vec::<String>::new());
        let home = Place::home(&context, Owner { directory: b"/home/a".to_vec(), ..Owner::default() });
        assert_eq!(found(&home, "v/*/lib/python*/s"), ["v/1/lib/python3/s"]);
        assert_eq!(home.shown(b"v/1"), b"/home/a/v/1");
    }
}
