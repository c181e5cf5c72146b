//! Command lines and flag files as gflags reads them (gflags.github.io): `--name=value`, `--name value`, `--switch`,
//! `--noswitch`, one dash or two, flags and other words in any order, `--` ends the flags. A flag file has a flag per
//! line, `#` begins a comment.

use super::flags::{Flags, Type, find};
use std::fs;
use std::path::Path;

/// Used if it is there and `--flagfile` is not given, as osquery does.
pub const DEFAULT_FILE: &str = "/etc/osquery/osquery.flags.default";
/// Flags of the libraries under osquery, which existing command lines may have; they take a value and do nothing here.
const LIBRARY: [&str; 6] = ["undefok", "minloglevel", "stderrthreshold", "v", "vmodule", "fromenv"];
/// The same, without a value.
const LIBRARY_SWITCHES: [&str; 3] = ["logtostderr", "alsologtostderr", "colorlogtostderr"];
/// Flag files may name flag files; no deeper than this.
const DEEPEST: u32 = 8;

/// What a command line says.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The flags.
    pub flags: Flags,
    /// The flag file that was read.
    pub flag_file: String,
    /// All words that are no flags, in their order.
    pub rest: Vec<String>,
    /// What is odd but no error, a sentence each.
    pub warnings: Vec<String>,
    errors: Vec<String>,
}

/// Reads a command line, without the program's name.
///
/// # Errors
/// gflags' sentences, one for each flag that is wrong.
pub fn parse(arguments: &[String], default_file: &str) -> Result<Parsed, Vec<String>> {
    let mut parsed = Parsed::default();
    let names_a_file = |word: &String| word.trim_start_matches('-').starts_with("flagfile") && word.starts_with('-');
    if !arguments.iter().any(names_a_file) && Path::new(default_file).is_file() {
        parsed.file(default_file, 0);
    }
    parsed.words(arguments);
    if parsed.errors.is_empty() { Ok(parsed) } else { Err(parsed.errors) }
}

/// A word that may be a flag: its name, and its value if it has one.
fn split(word: &str) -> Option<(&str, Option<&str>)> {
    let flag = word.strip_prefix('-')?;
    let flag = flag.strip_prefix('-').unwrap_or(flag);
    if flag.is_empty() {
        return None;
    }
    Some(flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value))))
}

impl Parsed {
    fn words(&mut self, arguments: &[String]) {
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                self.rest.extend(words.cloned());
                return;
            }
            let (name, value) = match split(word) {
                // SQL may begin with a comment.
                Some((name, value)) if !name.contains(char::is_whitespace) => (name, value),
                _ => {
                    self.rest.push(word.clone());
                    continue;
                }
            };
            if needs_value(name) && value.is_none() {
                match words.next() {
                    Some(value) => self.flag(name, Some(value), 0),
                    None => self.lacks_value(word, name),
                }
            } else {
                self.flag(name, value, 0);
            }
        }
    }

    fn lacks_value(&mut self, word: &str, name: &str) {
        let about = find(name).map(|flag| flag.about()).unwrap_or_default();
        let about = if about.is_empty() { about } else { format!("; flag description: {about}") };
        self.errors.push(format!("flag '{word}' is missing its argument{about}."));
    }

    /// One flag; `depth`: flag files being read.
    fn flag(&mut self, name: &str, value: Option<&str>, depth: u32) {
        if name == "flagfile" {
            return self.file(value.unwrap_or(""), depth);
        }
        if LIBRARY.contains(&name) || LIBRARY_SWITCHES.contains(&name) {
            return;
        }
        let result = match (find(name), name.strip_prefix("no").and_then(find)) {
            (Some(flag), _) => self.flags.set(&flag, value.unwrap_or("true")),
            (None, Some(flag)) if flag.value == Type::Bool => self.flags.set(&flag, "false"),
            (None, Some(flag)) => {
                Err(format!("boolean value ({name}) specified for {} command line flag", flag.value.name()))
            }
            (None, None) => Err(format!("unknown command line flag '{name}'")),
        };
        self.errors.extend(result.err());
    }

    fn file(&mut self, path: &str, depth: u32) {
        if path.is_empty() {
            return;
        }
        let text = match fs::read(path) {
            Ok(bytes) if depth < DEEPEST => String::from_utf8_lossy(&bytes).into_owned(),
            Ok(_) => return self.errors.push(format!("{path}: flag files name flag files too often")),
            Err(error) => return self.errors.push(format!("{path}: {error}")),
        };
        self.flag_file = path.to_string();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let flag = split(line).map(|(name, value)| match (value, name.split_once([' ', '\t'])) {
                (None, Some((name, value))) => (name, Some(value.trim())),
                _ => (name, value),
            });
            let known = |name: &str| find(name).or_else(|| name.strip_prefix("no").and_then(find)).is_some();
            match flag {
                Some(("flagfile", value)) => self.file(value.unwrap_or(""), depth + 1),
                Some((name, value)) if known(name) && !(needs_value(name) && value.is_none()) => {
                    self.flag(name, value, depth);
                }
                // One flag file serves many versions and platforms: what is unknown in it is no reason not to start.
                _ => self.warnings.push(format!("{path}: line {}: '{line}' is no flag of ours", index + 1)),
            }
        }
    }
}

fn needs_value(name: &str) -> bool {
    name == "flagfile" || LIBRARY.contains(&name) || find(name).is_some_and(|flag| flag.value != Type::Bool)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Parsed, Vec<String>> {
        let words: Vec<_> = words.iter().map(|word| word.to_string()).collect();
        parse(&words, "/nonexistent")
    }

    #[test]
    fn takes_every_spelling_in_any_order() {
        let words =
            ["--json", "select 1", "-separator", ";", "--noheader", "--query=a=b", "--line=false", "-v", "1", "--"];
        let got = parsed(&[&words[..], &["--json=false"]].concat()).unwrap();
        assert_eq!(got.rest, ["select 1", "--json=false"]);
        assert!(got.flags.is_on("json") && !got.flags.is_on("header") && !got.flags.is_on("line"));
        assert_eq!((got.flags.text("separator"), got.flags.text("query")), (";", "a=b"));
        assert_eq!(
            parsed(&["-", "--json", "false", "-- x"]).unwrap().rest,
            ["-", "false", "-- x"],
            "a switch takes no word after it"
        );
        assert_eq!(parsed(&["--separator", "--json"]).unwrap().flags.text("separator"), "--json");
    }

    #[test]
    fn tells_every_fault() {
        let wanted = [
            "unknown command line flag 'jsn'",
            "unknown command line flag 'nothing'",
            "boolean value (noquery) specified for string command line flag",
            "illegal value 'x' specified for bool flag 'csv'",
            "flag '-query' is missing its argument; flag description: Run this SQL.",
        ];
        assert_eq!(parsed(&["--jsn", "--nothing", "--noquery", "--csv=x", "-query"]).unwrap_err(), wanted);
        assert_eq!(parsed(&["--tls_hostname"]).unwrap_err(), ["flag '--tls_hostname' is missing its argument."]);
        assert_eq!(
            parsed(&["--flagfile", "/no/such"]).unwrap_err(),
            ["/no/such: No such file or directory (os error 2)"]
        );
    }

    #[test]
    fn flag_files_have_a_flag_per_line() {
        let path = std::env::temp_dir().join(format!("stemma-flags-{}", std::process::id()));
        fs::write(&path, "# a comment\n\n--json\n  -separator=,\n--query select 1\n--nonsense=1\nheader\n--csv=q\n")
            .unwrap();
        let path = path.to_string_lossy().into_owned();
        let fault = ["illegal value 'q' specified for bool flag 'csv'"];
        assert_eq!(parsed(&["--flagfile", &path]).unwrap_err(), fault);
        fs::write(&path, "--json\n--separator=,\n--query select 1\n--nonsense=1\nheader\n--query\n").unwrap();
        let flagfile = format!("--flagfile={path}");
        let got = parsed(&["--separator=:", &flagfile, "--nojson"]).unwrap();
        assert_eq!((got.flags.text("separator"), got.flags.text("query")), (",", "select 1"));
        assert!(!got.flags.is_on("json"), "the last one stands");
        assert_eq!(got.warnings.len(), 3, "{:?}", got.warnings);
        assert!(got.warnings[0].ends_with("line 4: '--nonsense=1' is no flag of ours"));
        let words = ["--nojson".to_string()];
        let got = parse(&words, &path).unwrap();
        assert_eq!(
            (got.flags.text("separator"), got.flags.is_on("json")),
            (",", false),
            "the default file comes first"
        );
        assert!(parsed(&["--flagfile="]).is_ok(), "none is none");
        fs::write(&path, flagfile).unwrap();
        assert!(parsed(&["--flagfile", &path]).unwrap_err()[0].ends_with("flag files name flag files too often"));
        fs::remove_file(path).unwrap();
    }
}
