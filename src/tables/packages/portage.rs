//! What Gentoo's tables share: the packages in /var/db/pkg/CATEGORY/NAME-VERSION, and the parts of such a name
//! (portage(5), ebuild(5)).

use super::place::{Place, concat, join};
use crate::sys::root::Names;
use std::os::unix::ffi::OsStrExt;

const DIRECTORY: &[u8] = b"/var/db/pkg";
/// Longest file that states a value, bytes.
const FILE_BYTES: u64 = 64 << 10;

/// Package and version of a name, or of what a user writes: `category/name`, `>=category/name-1.2-r3`. Comparisons
/// belong to the version, but a plain `=`.
pub fn parts(atom: &[u8]) -> (&[u8], Vec<u8>) {
    let atom = atom.trim_ascii();
    let length = atom.iter().position(|byte| !b"<>=~".contains(byte)).unwrap_or(atom.len());
    let (comparison, name) = atom.split_at_checked(length).unwrap_or((&[], atom));
    let comparison = if comparison == b"=" { b"" } else { comparison };
    let is_version = |&hyphen: &usize| {
        let rest = name.get(hyphen..).unwrap_or(&[]);
        rest.first() == Some(&b'-') && rest.get(1).is_some_and(u8::is_ascii_digit) && !rest.contains(&b'/')
    };
    // A version may have one hyphen, before its revision: -r1.
    let last = memchr::memrchr(b'-', name);
    let earlier = last.and_then(|last| memchr::memrchr(b'-', name.get(..last)?));
    let revised = last.zip(earlier).filter(|(last, earlier)| {
        let revision = name.get(last + 1..).unwrap_or(&[]);
        revision.first() == Some(&b'r') && revision.get(1).is_some_and(u8::is_ascii_digit) && is_version(earlier)
    });
    let Some(hyphen) = revised.map(|(_, earlier)| earlier).or(last.filter(is_version)) else {
        return (name, comparison.to_vec());
    };
    let (package, version) = name.split_at_checked(hyphen).unwrap_or((name, &[]));
    (package, concat(&[comparison, version.get(1..).unwrap_or(&[])]))
}

/// The installed packages, one after the other.
pub struct Installed {
    pub(super) place: Place,
    categories: Names,
    category: Vec<u8>,
    packages: Names,
    /// The package's directory.
    pub directory: Vec<u8>,
    /// `category/name`.
    pub package: Vec<u8>,
    /// Its version, with its revision.
    pub version: Vec<u8>,
}

impl Installed {
    /// Begins before the first.
    pub fn new(place: Place) -> Self {
        let categories = place.names(DIRECTORY);
        let (category, directory, package, version) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Installed { place, categories, category, packages: Names::none(), directory, package, version }
    }

    /// Goes to the next; false when there is none.
    pub fn advance(&mut self) -> bool {
        loop {
            if let Some(name) = self.packages.next() {
                // A name that begins so is one that portage is about to make or to remove.
                if name.as_bytes().starts_with(b"-MERGING-") {
                    continue;
                }
                let name = join(&self.category, name.as_bytes());
                let (package, version) = parts(&name);
                (self.package, self.version) = (package.to_vec(), version);
                self.directory = join(DIRECTORY, &name);
                return true;
            }
            let Some(category) = self.categories.next() else { return false };
            self.category = category.as_bytes().to_vec();
            self.packages = self.place.names(&join(DIRECTORY, &self.category));
        }
    }

    /// A value that a file in the package's directory states, without blanks around; empty if there is none.
    pub fn value(&self, name: &str) -> Vec<u8> {
        let text = self.place.read(&join(&self.directory, name), FILE_BYTES).unwrap_or_default();
        text.trim_ascii().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn packages_and_versions() {
        for (atom, package, version) in [
            ("dev-lang/python-3.9.1", "dev-lang/python", "3.9.1"),
            ("dev-lang/python-3.9.1-r2", "dev-lang/python", "3.9.1-r2"),
            (">=sys-libs/glibc-2.30", "sys-libs/glibc", ">=2.30"),
            ("=a/b-1", "a/b", "1"),
            ("~a/b-1_rc2", "a/b", "~1_rc2"),
            ("a/b-c", "a/b-c", ""),
            ("a/lib-2d-tools", "a/lib-2d-tools", ""),
            ("a-1/b", "a-1/b", ""),
            ("a/b-", "a/b-", ""),
            ("", "", ""),
            ("-", "-", ""),
        ] {
            let (our_package, our_version) = parts(atom.as_bytes());
            assert_eq!((our_package, our_version.as_slice()), (package.as_bytes(), version.as_bytes()), "{atom}");
        }
    }
}
