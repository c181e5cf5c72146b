//! The profiles of browsers of Chromium's kind in users' homes: a directory with a file Preferences or Secure
//! Preferences (JSON), either the browser's own or one in it. From these files: the profile's name, and what the browser
//! noted about each extension. Memory: one profile's files, parsed.

use crate::sql::document::Document;
use crate::sql::table::{Context, Value};
use crate::sys::root::{MOST_BYTES, Names};
use crate::tables::packages::place::{Place, join};
use crate::tables::users::homes::{Owner, Owners};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// Browsers as osquery names them, and their directories below a home: the distribution's, snap's and flatpak's.
const BROWSERS: &[(&str, &str)] = &[
    ("chrome", ".config/google-chrome"),
    ("chrome", ".var/app/com.google.Chrome/config/google-chrome"),
    ("chrome_beta", ".config/google-chrome-beta"),
    ("chrome_dev", ".config/google-chrome-unstable"),
    ("brave", ".config/BraveSoftware/Brave-Browser"),
    ("brave", "snap/brave/current/.config/BraveSoftware/Brave-Browser"),
    ("brave", ".var/app/com.brave.Browser/config/BraveSoftware/Brave-Browser"),
    ("chromium", ".config/chromium"),
    ("chromium", "snap/chromium/common/chromium"),
    ("chromium", ".var/app/org.chromium.Chromium/config/chromium"),
    ("yandex", ".config/yandex-browser"),
    ("yandex", ".config/yandex-browser-beta"),
    ("edge", ".config/microsoft-edge"),
    ("edge", ".var/app/com.microsoft.Edge/config/microsoft-edge"),
    ("edge_beta", ".config/microsoft-edge-beta"),
    ("opera", ".config/opera"),
    ("opera", ".var/app/com.opera.Opera/config/opera"),
    ("vivaldi", ".config/vivaldi"),
    ("vivaldi", ".var/app/com.vivaldi.Vivaldi/config/vivaldi"),
    ("island", ".config/island"),
];
/// Most extensions noted in one profile; the SELECT has the same bound.
const MOST_SETTINGS: usize = 4096;
const FILES: [&str; 2] = ["Preferences", "Secure Preferences"];

/// What a browser noted about an extension. Texts are empty where there is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Setting {
    pub identifier: Vec<u8>,
    /// Absolute, or below the profile's Extensions.
    pub path: Vec<u8>,
    pub state: Vec<u8>,
    pub from_webstore: Vec<u8>,
    /// Microseconds since 1601.
    pub install_time: Vec<u8>,
}

/// A profile.
pub struct Profile {
    /// Of the browser.
    pub browser: &'static str,
    /// The home that it is in.
    pub place: Place,
    /// Whose it is.
    pub owner: Owner,
    /// Its path below the home.
    pub path: Vec<u8>,
    /// Its name for people.
    pub name: String,
    /// Of extensions of which a path is known, each path once.
    pub settings: Vec<Setting>,
}

/// See the module's head.
pub struct Profiles {
    context: Rc<Context>,
    owners: Owners,
    owner: Owner,
    browsers: std::slice::Iter<'static, (&'static str, &'static str)>,
    browser: &'static str,
    directory: Vec<u8>,
    names: Names,
}

const SETTINGS: &str = "SELECT key, value->>'$.path', value->>'$.state', value->'$.from_webstore', \
    coalesce(value->>'$.install_time', value->>'$.first_install_time') FROM d, json_each(d.j, ?1) \
    WHERE type = 'object' AND json_type(value, '$.path') = 'text' LIMIT 4096";

/// A value of a row as text.
pub fn text(value: Option<&Value>) -> Vec<u8> {
    match value {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Integer(number)) => number.to_string().into_bytes(),
        Some(Value::Real(number)) => number.to_string().into_bytes(),
        Some(Value::Null) | None => Vec::new(),
    }
}

fn settings(document: &Document, settings: &mut Vec<Setting>) {
    // Opera's name for the same comes second.
    for key in ["$.extensions.settings", "$.extensions.opsettings"] {
        for row in document.select(SETTINGS, key) {
            let text = |column| text(row.get(column));
            let setting = Setting {
                identifier: text(0),
                path: text(1),
                state: text(2),
                from_webstore: text(3),
                install_time: text(4),
            };
            if settings.len() < MOST_SETTINGS && settings.iter().all(|known| known.path != setting.path) {
                settings.push(setting);
            }
        }
    }
}

impl Profiles {
    /// Begins before the first profile of these users.
    pub fn new(context: &Rc<Context>, owners: Owners) -> Self {
        let (owner, directory) = (Owner::default(), Vec::new());
        Profiles {
            context: context.clone(),
            owners,
            owner,
            browsers: [].iter(),
            browser: "",
            directory,
            names: Names::none(),
        }
    }

    /// The profile in a directory, if it is one.
    fn profile(&self, path: &[u8]) -> Option<Profile> {
        let place = Place::home(&self.context, self.owner.clone());
        let texts = FILES.map(|name| place.read(&join(path, name), MOST_BYTES));
        if texts.iter().all(Option::is_none) {
            return None;
        }
        let documents = || texts.iter().flatten().filter_map(|text| Document::parse(text));
        let (mut name, mut known) = (String::new(), Vec::new());
        for document in documents() {
            if name.is_empty() {
                name = document.text("$.profile.name").unwrap_or_default();
            }
            settings(&document, &mut known);
        }
        let (browser, owner, path) = (self.browser, self.owner.clone(), path.to_vec());
        Some(Profile { browser, place, owner, path, name, settings: known })
    }

    /// The next profile; None when there is none.
    pub fn next_profile(&mut self) -> Option<Profile> {
        loop {
            if let Some(name) = self.names.next() {
                let profile = self.profile(&join(&self.directory, name.as_bytes()));
                if profile.is_some() {
                    return profile;
                }
            } else if let Some((browser, directory)) = self.browsers.next() {
                (self.browser, self.directory) = (browser, directory.as_bytes().to_vec());
                let profile = self.profile(&self.directory);
                if profile.is_some() {
                    return profile;
                }
                self.names = self.context.root.names_in_home(self.owner.home(), directory);
            } else {
                self.owner = self.owners.next()?;
                self.browsers = BROWSERS.iter();
            }
        }
    }
}
