//! The files and links of units, as systemd finds them (systemd.unit(5), "Unit File Load Path"; the system's manager,
//! not users'), and what `systemctl is-enabled` makes of them. Read at once: names and links, no file's text. Where
//! /lib and /usr/lib are one directory, paths are shown in /usr/lib.
//!
//! Memory: some 150 bytes per unit; a machine has a few hundred.

use super::name;
use super::text::Text;
use crate::sys::root::Root;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;

/// What a directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The administrator's.
    Config,
    /// Until the next boot.
    Runtime,
    Transient,
    Generated,
    /// The distribution's.
    Vendor,
}

/// Where units are looked for, in order: a unit found first hides others of its name.
const DIRECTORIES: [(&str, Place); 13] = [
    ("/etc/systemd/system.control", Place::Config),
    ("/run/systemd/system.control", Place::Runtime),
    ("/run/systemd/transient", Place::Transient),
    ("/run/systemd/generator.early", Place::Generated),
    ("/etc/systemd/system", Place::Config),
    ("/etc/systemd/system.attached", Place::Config),
    ("/run/systemd/system", Place::Runtime),
    ("/run/systemd/system.attached", Place::Runtime),
    ("/run/systemd/generator", Place::Generated),
    ("/usr/local/lib/systemd/system", Place::Vendor),
    ("/usr/lib/systemd/system", Place::Vendor),
    ("/lib/systemd/system", Place::Vendor),
    ("/run/systemd/generator.late", Place::Generated),
];

/// Directories whose links are dependencies.
const DEPENDENCIES: [&[u8]; 3] = [b".wants", b".requires", b".upholds"];
/// How many aliases of aliases are followed.
const ALIASES: usize = 8;
/// A unit is linked from a directory of the administrator's, of this boot, of the distribution.
const CONFIG: u8 = 1;
const RUNTIME: u8 = 2;
const VENDOR: u8 = 4;

/// What lies where a unit's file is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    File,
    /// Empty, or a link to /dev/null.
    Masked,
    /// A link to a file of the same name elsewhere: its path.
    Linked(Vec<u8>),
    /// A link to a file of another name: that name.
    Alias(Vec<u8>),
    /// A link to nothing.
    Dangling,
}

/// Where a unit's file lies, and what is there.
#[derive(Clone, Debug)]
struct Found {
    directory: &'static str,
    place: Place,
    entry: Entry,
}

/// An alias in a directory of the administrator's or of this boot.
struct Link {
    from: Vec<u8>,
    to: Vec<u8>,
    place: u8,
}

/// All units' files.
#[derive(Default)]
pub struct Files {
    units: BTreeMap<Vec<u8>, Found>,
    /// Units that dependencies name, and from where.
    wanted: BTreeMap<Vec<u8>, u8>,
    links: Vec<Link>,
    /// Directories `NAME.d`, by NAME, in the order in which they were met.
    dropins: BTreeMap<Vec<u8>, Vec<&'static str>>,
}

fn bit(place: Place) -> u8 {
    match place {
        Place::Config => CONFIG,
        Place::Vendor => VENDOR,
        Place::Runtime | Place::Transient | Place::Generated => RUNTIME,
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    [directory, b"/", name].concat()
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

impl Files {
    /// Reads the directories; those that are not there or may not be read have no units.
    pub fn read(root: &Root) -> Self {
        let mut files = Files::default();
        let mut seen = Vec::new();
        for (directory, place) in DIRECTORIES {
            let Ok(metadata) = root.metadata(directory) else { continue };
            let id = (metadata.dev(), metadata.ino());
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            for entry in root.names(directory) {
                files.take(root, directory, place, entry.into_vec());
            }
        }
        files
    }

    fn take(&mut self, root: &Root, directory: &'static str, place: Place, entry: Vec<u8>) {
        if !name::kind(&entry).is_empty() {
            let path = join(directory.as_bytes(), &entry);
            if let Some(found) = look(root, &path, &entry) {
                self.add(directory, place, entry, found);
            }
        } else if let Some(unit) = entry.strip_suffix(b".d") {
            self.dropins.entry(unit.to_vec()).or_default().push(directory);
        } else if DEPENDENCIES.iter().any(|end| entry.ends_with(end)) {
            for link in root.names(OsStr::from_bytes(&join(directory.as_bytes(), &entry))) {
                if !name::kind(link.as_bytes()).is_empty() {
                    *self.wanted.entry(link.into_vec()).or_default() |= bit(place);
                }
            }
        }
    }

    fn add(&mut self, directory: &'static str, place: Place, unit: Vec<u8>, entry: Entry) {
        if let Entry::Alias(to) = &entry {
            if name::with_instance(&unit, b"").as_ref() == Some(to) {
                // An instance linked to its template is that instance, enabled.
                *self.wanted.entry(unit).or_default() |= bit(place);
                return;
            }
            if place != Place::Vendor {
                self.links.push(Link { from: unit.clone(), to: to.clone(), place: bit(place) });
            }
        }
        self.units.entry(unit).or_insert(Found { directory, place, entry });
    }

    /// The names of all units that have a file or that others depend on, sorted.
    pub fn names(&self) -> Vec<Vec<u8>> {
        let mut names: Vec<_> = self.units.keys().chain(self.wanted.keys()).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The name under which systemd knows a unit: what an alias stands for.
    pub fn primary<'a>(&'a self, unit: &'a [u8]) -> &'a [u8] {
        let mut unit = unit;
        for _ in 0..ALIASES {
            match self.units.get(unit).map(|found| &found.entry) {
                Some(Entry::Alias(to)) => unit = to,
                _ => break,
            }
        }
        unit
    }

    /// The unit's own file, or its template's.
    fn found(&self, unit: &[u8]) -> Option<(&[u8], &Found)> {
        let primary = self.primary(unit);
        let entry = self.units.get_key_value(primary).or_else(|| {
            let template = name::with_instance(primary, b"")?;
            self.units.get_key_value(self.primary(&template))
        })?;
        let is_end = !matches!(entry.1.entry, Entry::Alias(_) | Entry::Dangling);
        is_end.then_some((entry.0.as_slice(), entry.1))
    }

    /// Path of the unit's file; empty if it has none.
    pub fn path(&self, unit: &[u8]) -> Vec<u8> {
        self.found(unit).map_or(Vec::new(), |(name, found)| join(found.directory.as_bytes(), name))
    }

    /// loaded, masked or not-found.
    pub fn load_state(&self, unit: &[u8]) -> &'static str {
        match self.found(unit) {
            Some((_, Found { entry: Entry::Masked, .. })) => "masked",
            Some(_) => "loaded",
            None => "not-found",
        }
    }

    /// What the unit's file and drop-ins say.
    pub fn text(&self, root: &Root, unit: &[u8]) -> Text {
        let mut text = Text::default();
        let Some((name, found)) = self.found(unit) else { return text };
        let path = match &found.entry {
            Entry::Masked => return text,
            Entry::Linked(path) => path.clone(),
            _ => join(found.directory.as_bytes(), name),
        };
        for path in [path].into_iter().chain(self.dropin_paths(root, self.primary(unit))) {
            if let Ok(lines) = root.lines(OsStr::from_bytes(&path)) {
                text.read(lines);
            }
        }
        text
    }

    /// Drop-ins by file name: of two with the same name the one that is more the unit's own, or in the first directory.
    fn dropin_paths(&self, root: &Root, unit: &[u8]) -> Vec<Vec<u8>> {
        let kind = name::kind(unit);
        let mut owners = vec![unit.to_vec()];
        owners.extend(name::with_instance(unit, b""));
        // a-b-c.service has those of a-b-.service and a-.service too.
        let prefix = name::split(unit).0;
        let dashes = prefix.iter().enumerate().rev().filter(|(_, byte)| **byte == b'-');
        owners.extend(dashes.map(|(dash, _)| [prefix.get(..=dash).unwrap_or(&[]), b".", kind].concat()));
        owners.push(kind.to_vec());
        let mut paths = BTreeMap::new();
        for owner in owners {
            for directory in self.dropins.get(&owner).into_iter().flatten() {
                let directory = [directory.as_bytes(), b"/", owner.as_slice(), b".d"].concat();
                for file in root.names(OsStr::from_bytes(&directory)) {
                    if file.as_bytes().ends_with(b".conf") {
                        let path = join(&directory, file.as_bytes());
                        paths.entry(file).or_insert(path);
                    }
                }
            }
        }
        paths.into_values().collect()
    }

    /// enabled, disabled, static, alias, … as systemctl is-enabled says it; empty without a file. `text` is the unit's.
    pub fn file_state(&self, unit: &[u8], text: &Text) -> &'static str {
        let own = self.units.get(unit);
        if let Some(Found { entry: Entry::Alias(_), .. }) = own {
            let is_same_kind = name::kind(self.primary(unit)) == name::kind(unit);
            return if self.found(unit).is_some() && is_same_kind { "alias" } else { "bad" };
        }
        if let Some(Found { entry: Entry::Dangling, .. }) = own {
            return "bad";
        }
        let Some((_, found)) = self.found(unit) else { return "" };
        match (found.place, &found.entry) {
            (Place::Runtime | Place::Transient | Place::Generated, Entry::Masked) => return "masked-runtime",
            (_, Entry::Masked) => return "masked",
            (Place::Generated, _) => return "generated",
            (Place::Transient, _) => return "transient",
            _ => {}
        }
        let (known, unknown) = self.links_to(unit, text);
        match (known, found.place, &found.entry) {
            _ if known & CONFIG != 0 => "enabled",
            _ if known & RUNTIME != 0 => "enabled-runtime",
            // An instance that the distribution wants needs no enabling.
            _ if known & VENDOR != 0 && name::split(unit).1.is_some_and(|instance| !instance.is_empty()) => "static",
            (_, Place::Config, Entry::Linked(_)) => "linked",
            (_, Place::Runtime, Entry::Linked(_)) => "linked-runtime",
            _ if unknown & (CONFIG | RUNTIME) != 0 => "indirect",
            _ if text.is_installable => "disabled",
            _ if text.has_also => "indirect",
            _ => "static",
        }
    }

    /// From where the unit is linked under names that enabling it would use, and under others.
    fn links_to(&self, unit: &[u8], text: &Text) -> (u8, u8) {
        let mut known = self.wanted.get(unit).copied().unwrap_or(0);
        let mut unknown = 0;
        let default = name::with_instance(unit, &text.default_instance);
        if name::is_template(unit) {
            let prefix = name::split(unit).0;
            let start = [prefix, b"@"].concat();
            let instances = self.wanted.range(start.clone()..).take_while(|(name, _)| name.starts_with(&start));
            for (name, place) in instances.filter(|(name, _)| name::kind(name) == name::kind(unit)) {
                if default.as_ref() == Some(name) { known |= place } else { unknown |= place }
            }
        }
        for link in self.links.iter().filter(|link| link.to == unit) {
            let is_known = text.aliases.contains(&link.from) || default.as_ref() == Some(&link.from);
            if is_known { known |= link.place } else { unknown |= link.place }
        }
        (known, unknown)
    }
}

/// What lies at a path where a unit's file may be; None for a directory or the like, and for what has gone.
fn look(root: &Root, path: &[u8], unit: &[u8]) -> Option<Entry> {
    let metadata = root.symlink_metadata(OsStr::from_bytes(path)).ok()?;
    if metadata.is_file() {
        return Some(if metadata.len() == 0 { Entry::Masked } else { Entry::File });
    }
    if !metadata.is_symlink() {
        return None;
    }
    let to = root.read_link(OsStr::from_bytes(path)).ok()?;
    if to == b"/dev/null" {
        return Some(Entry::Masked);
    }
    if base(&to) != unit {
        return Some(Entry::Alias(base(&to).to_vec()));
    }
    let directory = path.get(..path.len() - unit.len() - 1).unwrap_or(&[]);
    let to = if to.starts_with(b"/") { to } else { join(directory, &to) };
    let is_there = to != path && root.symlink_metadata(OsStr::from_bytes(&to)).is_ok();
    Some(if is_there { Entry::Linked(to) } else { Entry::Dangling })
}
