//! The extensions of a profile: those that the browser's notes name, wherever they lie, and those in the profile's
//! directory Extensions/ID/VERSION that no note names. An extension is a directory with a readable manifest.json. Texts
//! `__MSG_name__` are looked up in its _locales (developer.chrome.com/docs/extensions/reference/api/i18n). Memory: one
//! manifest of at most [`FILE_BYTES`], parsed.

use super::profiles::{Profile, Profiles, Setting, text};
use crate::sql::digest::{self, Wanted, hex};
use crate::sql::document::Document;
use crate::sql::functions::hashing::decoded;
use crate::sql::table::{Query, TableError, Value};
use crate::tables::packages::glob::Glob;
use crate::tables::packages::place::{Place, concat, join};
use crate::tables::users::homes::{Owner, Owners};

/// Largest manifest and largest file of texts, bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Seconds from 1601 to 1970.
const EPOCH_1601_S: i64 = 11_644_473_600;

/// Texts of a manifest, in this order. What is no text, number or truth value is empty.
pub const TEXTS: [&str; 9] = [
    "name",
    "version",
    "description",
    "default_locale",
    "current_locale",
    "update_url",
    "author",
    "key",
    "background.persistent",
];
const NAME: usize = 0;
const VERSION: usize = 1;
const DESCRIPTION: usize = 2;
const DEFAULT_LOCALE: usize = 3;
const CURRENT_LOCALE: usize = 4;
const AUTHOR: usize = 6;
const KEY: usize = 7;
const MESSAGE: &str = "SELECT value->>'$.message' FROM d, json_each(d.j) \
    WHERE type = 'object' AND lower(key) = lower(?1) LIMIT 1";

/// A scan over extensions; the fields are those of the extension it has come to.
pub struct Extensions {
    profiles: Profiles,
    /// Its profile.
    pub profile: Option<Profile>,
    next_setting: usize,
    loose: Option<Glob>,
    /// What the browser noted about it.
    pub setting: Option<Setting>,
    /// Where its directory is.
    place: Place,
    directory: Vec<u8>,
    manifest: Vec<u8>,
    /// The manifest, parsed.
    pub document: Option<Document>,
    texts: Vec<Vec<u8>>,
}

impl Extensions {
    /// Begins before the first extension that a query of `table` means, whose uid column has the index `uid`.
    pub fn new(query: &Query, table: &str, uid: usize) -> Self {
        let owners = Owners::of(query, table, uid);
        Extensions {
            profiles: Profiles::new(&query.context, owners),
            profile: None,
            next_setting: 0,
            loose: None,
            setting: None,
            place: Place::machine(&query.context),
            directory: Vec::new(),
            manifest: Vec::new(),
            document: Document::parse(b"null"),
            texts: Vec::new(),
        }
    }

    /// Goes to the next extension; false when there is none.
    ///
    /// # Errors
    /// The query must end.
    pub fn advance(&mut self) -> Result<bool, TableError> {
        loop {
            self.place.context().budget.tick()?;
            let Some(profile) = &self.profile else {
                self.profile = self.profiles.next_profile();
                (self.next_setting, self.loose) = (0, None);
                if self.profile.is_none() {
                    return Ok(false);
                }
                continue;
            };
            if let Some(setting) = profile.settings.get(self.next_setting) {
                self.next_setting += 1;
                let setting = setting.clone();
                let (place, directory) = noted(profile, &setting.path);
                self.setting = Some(setting);
                if self.read(place, directory) {
                    return Ok(true);
                }
                continue;
            }
            let loose =
                self.loose.get_or_insert_with(|| Glob::new_below(&profile.place, &profile.path, "/Extensions/*/*"));
            let Some(directory) = loose.next(&profile.place) else {
                self.profile = None;
                continue;
            };
            let shown = profile.place.shown(&directory);
            let is_this = |setting: &Setting| {
                let (place, directory) = noted(profile, &setting.path);
                place.shown(&directory) == shown
            };
            if !profile.settings.iter().any(is_this) {
                let place = Place::home(profile.place.context(), profile.owner.clone());
                self.setting = None;
                if self.read(place, directory) {
                    return Ok(true);
                }
            }
        }
    }

    /// Reads the manifest in a directory; whether there is one.
    fn read(&mut self, place: Place, directory: Vec<u8>) -> bool {
        (self.place, self.directory) = (place, directory);
        self.texts.clear();
        self.manifest = self.place.read(&join(&self.directory, "manifest.json"), FILE_BYTES).unwrap_or_default();
        let Some(document) = &self.document else { return false };
        if !document.replace(&self.manifest) || document.kind("$").as_deref() != Some("object") {
            return false;
        }
        let fields =
            TEXTS.map(|name| format!("iif(json_type(j, '$.{name}') IN ('object', 'array'), '', j->>'$.{name}')"));
        let row = document.select(&["SELECT ", &fields.join(", "), " FROM d"].concat(), "").pop().unwrap_or_default();
        self.texts = row.iter().map(|value| text(Some(value))).collect();
        self.localize();
        true
    }

    /// Puts the texts of the extension's language where the manifest names them.
    fn localize(&mut self) {
        let mut messages = None;
        for place in [NAME, DESCRIPTION, AUTHOR] {
            let name = self.text(place).strip_prefix(b"__MSG_").and_then(|name| name.strip_suffix(b"__"));
            let Some(name) = name.map(|name| String::from_utf8_lossy(name).into_owned()) else { continue };
            let messages = messages.get_or_insert_with(|| self.messages());
            let message = messages.as_ref().and_then(|messages| messages.select(MESSAGE, &name).pop());
            let message = text(message.as_ref().and_then(|row| row.first()));
            if let Some(kept) = self.texts.get_mut(place).filter(|_| !message.is_empty()) {
                *kept = message;
            }
        }
    }

    fn messages(&self) -> Option<Document> {
        let locales = [self.text(DEFAULT_LOCALE), self.text(CURRENT_LOCALE), b"en"];
        let locale = locales.into_iter().find(|locale| !locale.is_empty())?;
        if locale.contains(&b'/') {
            return None;
        }
        let path = concat(&[&self.directory, b"/_locales/", locale, b"/messages.json"]);
        Document::parse(&self.place.read(&path, FILE_BYTES)?)
    }

    /// One of [`TEXTS`] by its place.
    pub fn text(&self, place: usize) -> &[u8] {
        self.texts.get(place).map_or(&[], Vec::as_slice)
    }

    /// Its version.
    pub fn version(&self) -> Value {
        Value::text(self.text(VERSION))
    }

    /// Its directory's whole path.
    pub fn path(&self) -> Value {
        Value::Text(self.place.shown(&self.directory))
    }

    /// SHA-256 of the manifest.
    pub fn manifest_hash(&self) -> Value {
        let sums = digest::sums(Wanted { sha256: true, ..Wanted::default() }, &self.manifest);
        Value::Text(sums.sha256.map(|sum| hex(&sum)).unwrap_or_default())
    }

    /// Its identifier, made of the manifest's key as Chromium makes it: the first half of its SHA-256 in letters from a
    /// to p. Empty without a key.
    pub fn identifier(&self) -> Value {
        let key = decoded(self.text(KEY)).filter(|key| !key.is_empty());
        let sum = key.and_then(|key| digest::sums(Wanted { sha256: true, ..Wanted::default() }, &key).sha256);
        let letters =
            |sum: [u8; 32]| sum.into_iter().take(16).flat_map(|byte| [b'a' + (byte >> 4), b'a' + (byte & 15)]);
        Value::Text(sum.map(|sum| letters(sum).collect()).unwrap_or_default())
    }

    /// When it was installed, seconds since the epoch; 0 if that is not known.
    pub fn install_timestamp(&self) -> Value {
        let time = self.setting.as_ref().map(|setting| Value::text(&setting.install_time));
        let time_us = time.and_then(|time| time.as_integer()).unwrap_or(0);
        (time_us / 1_000_000 - EPOCH_1601_S).max(0).into()
    }
}

/// Where a noted extension lies: in the profile, in its owner's home, or elsewhere on the machine, where no link is
/// followed either, since the owner of the notes may have written anything.
fn noted(profile: &Profile, path: &[u8]) -> (Place, Vec<u8>) {
    let context = profile.place.context();
    let home = || Place::home(context, profile.owner.clone());
    let directory = profile.owner.directory.strip_suffix(b"/").unwrap_or(&profile.owner.directory);
    let below = || path.strip_prefix(directory)?.strip_prefix(b"/");
    match path.strip_prefix(b"/") {
        None => (home(), concat(&[&profile.path, b"/Extensions/", path])),
        Some(absolute) => match below() {
            Some(below) => (home(), below.to_vec()),
            None => {
                let machine = Owner { directory: b"/".to_vec(), ..profile.owner.clone() };
                (Place::home(context, machine), absolute.to_vec())
            }
        },
    }
}
