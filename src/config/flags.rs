//! The flags of osquery's command line and Stemma's own: one list (`flags.txt`, a line per flag), from which parsing
//! ([`super::gflags`]), help and the current values come. The names, types and defaults are osquery 5.23's; a default that
//! is ours differs where ours does the same thing elsewhere (`database_path`) or is for it (`disable_audit`).
//!
//! The list stays text in the binary, 9 KB, and is searched line by line: a table of structures would be 40 KB with its
//! relocations, and a flag is looked up a few times in a run.

use super::options::Options;

/// `name TAB kind and type TAB default TAB help`, sorted by name. Kinds: C command line, F config file too, S shell, H
/// hidden. Types: b bool, s string, i int32, u uint32, U uint64.
const LIST: &str = include_str!("flags.txt");

/// Names that osquery had before, and ours for what osquery calls otherwise.
const ALIASES: [(&str, &str); 9] = [
    ("config_tls_refresh", "config_refresh"),
    ("logger_tls_max", "logger_tls_max_linesize"),
    ("db_path", "database_path"),
    ("database", "database_path"),
    ("osquery_log_dir", "logger_path"),
    ("log_numerics_as_numbers", "logger_numerics"),
    ("socket", "extensions_socket"),
    ("interval", "extensions_interval"),
    ("timeout", "extensions_timeout"),
];

/// Where a flag may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the command line and in a flag file.
    CommandLine,
    /// There, and in the config file's `options`.
    Everywhere,
    /// As a flag of the shell.
    Shell,
    /// As [`Kind::Everywhere`], but not shown in the help.
    Hidden,
}

/// What a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Type {
    Bool,
    Text,
    Int32,
    Uint32,
    Uint64,
}

impl Type {
    /// As gflags names it.
    pub fn name(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Text => "string",
            Type::Int32 => "int32",
            Type::Uint32 => "uint32",
            Type::Uint64 => "uint64",
        }
    }

    /// The value as it is kept (`true` and `false`, numbers in decimal), or nothing if it is no such value.
    fn checked(self, value: &str) -> Option<String> {
        let radix = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        match self {
            Type::Text => Some(value.to_string()),
            Type::Bool => match value.to_ascii_lowercase().as_str() {
                "1" | "t" | "true" | "y" | "yes" => Some("true".to_string()),
                "0" | "f" | "false" | "n" | "no" => Some("false".to_string()),
                _ => None,
            },
            Type::Int32 => value.parse::<i32>().ok().map(|number| number.to_string()),
            Type::Uint32 => {
                radix(value).filter(|number| u32::try_from(*number).is_ok()).map(|number| number.to_string())
            }
            Type::Uint64 => radix(value).map(|number| number.to_string()),
        }
    }
}

/// One flag.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Flag {
    pub name: &'static str,
    pub kind: Kind,
    pub value: Type,
    pub default: &'static str,
    /// One line of help if the flag does something here; [`Flag::about`] knows more.
    help: &'static str,
}

impl Flag {
    /// One line of help; empty for a flag that is accepted and does nothing.
    pub fn about(&self) -> String {
        if !self.help.is_empty() {
            return self.help.to_string();
        }
        let option = Options::list().into_iter().find(|(name, ..)| *name == self.name);
        option.map(|(_, help, _)| help.trim().trim_end_matches('.').to_string()).unwrap_or_default()
    }
}

fn read(line: &'static str) -> Option<Flag> {
    let mut fields = line.split('\t');
    let (name, code, default) = (fields.next()?, fields.next()?.as_bytes(), fields.next()?);
    let kind = match code.first()? {
        b'C' => Kind::CommandLine,
        b'S' => Kind::Shell,
        b'H' => Kind::Hidden,
        _ => Kind::Everywhere,
    };
    let value = match code.get(1)? {
        b'b' => Type::Bool,
        b'i' => Type::Int32,
        b'u' => Type::Uint32,
        b'U' => Type::Uint64,
        _ => Type::Text,
    };
    Some(Flag { name, kind, value, default, help: fields.next().unwrap_or("") })
}

/// All flags, by name.
pub fn all() -> impl Iterator<Item = Flag> {
    LIST.lines().filter_map(read)
}

/// A flag by its name or an older one; `-` in it is `_`, as our other commands write names.
pub fn find(name: &str) -> Option<Flag> {
    let name = &name.replace('-', "_");
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, name)| *name);
    let line = LIST.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('\t')))?;
    read(line)
}

/// The values in force: the defaults, and what was given.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    given: Vec<(&'static str, String)>,
}

impl Flags {
    /// Sets a flag; the last value stands.
    ///
    /// # Errors
    /// gflags' sentence about a value that is none of the flag's type.
    pub fn set(&mut self, flag: &Flag, value: &str) -> Result<(), String> {
        let Some(checked) = flag.value.checked(value) else {
            return Err(format!("illegal value '{value}' specified for {} flag '{}'", flag.value.name(), flag.name));
        };
        match self.given.iter_mut().find(|(name, _)| *name == flag.name) {
            Some((_, value)) => *value = checked,
            None => self.given.push((flag.name, checked)),
        }
        Ok(())
    }

    /// What was given for a flag.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// All that was given, in the order in which it first was.
    pub fn all_given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// A flag's value; empty if there is no such flag.
    pub fn text(&self, name: &str) -> &str {
        self.given(name).unwrap_or_else(|| find(name).map_or("", |flag| flag.default))
    }

    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// A number; 0 if it is none.
    pub fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_flag_in_order_with_a_default_of_its_type() {
        assert_eq!(all().count(), LIST.lines().count());
        let names: Vec<_> = all().map(|flag| flag.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for flag in all() {
            assert_eq!(flag.value.checked(flag.default).as_deref(), Some(flag.default), "{}", flag.name);
            assert_eq!(find(flag.name).map(|found| found.default), Some(flag.default));
        }
        for (alias, name) in ALIASES {
            assert_eq!(find(alias).map(|flag| flag.name), Some(name));
        }
    }

    #[test]
    fn every_option_is_a_flag_with_the_same_default() {
        for (name, help, default) in Options::list() {
            let flag = find(name).unwrap_or_else(|| panic!("{name} is missing in flags.txt"));
            assert_eq!(flag.default, default, "{name}");
            assert_eq!(Options::is_switch(name), Some(flag.value == Type::Bool), "{name}");
            assert!(matches!(flag.kind, Kind::Everywhere), "{name} may stand in a config file");
            assert!(!help.is_empty() && !flag.about().is_empty());
        }
    }

    #[test]
    fn values_are_checked_and_the_last_one_stands() {
        let mut flags = Flags::default();
        assert!(!flags.is_on("json") && flags.is_on("header"));
        assert_eq!((flags.text("separator"), flags.text("nothing of the kind")), ("|", ""));
        let json = find("json").unwrap();
        for (given, wanted) in [("T", true), ("0", false), ("Yes", true)] {
            flags.set(&json, given).unwrap();
            assert_eq!(flags.is_on("json"), wanted);
        }
        let fault = "illegal value 'perhaps' specified for bool flag 'json'";
        assert_eq!(flags.set(&json, "perhaps"), Err(fault.to_string()));
        flags.set(&find("read_max").unwrap(), "0x10").unwrap();
        assert_eq!(flags.number("read_max"), 16);
        assert!(flags.set(&find("read_max").unwrap(), "-1").is_err());
        assert!(flags.set(&find("hash_cache_max").unwrap(), "4294967296").is_err());
        assert!(flags.set(&find("profile").unwrap(), "-1").is_ok());
        assert_eq!(flags.all_given().map(|(name, _)| name).collect::<Vec<_>>(), ["json", "read_max", "profile"]);
    }
}
