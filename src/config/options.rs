//! The options of the agent: one list, from which the struct, the flags (`--name=value`, `--name value`, `--noname`),
//! the config file's `options` and the help come. Names and defaults are osquery's where osquery has the option
//! (osquery 5.23, its flags), and say so in their help where ours differ.

/// An option's value as people write it, checked.
trait Value: Sized {
    const KIND: &'static str;
    fn from_text(text: &str) -> Option<Self>;
}

impl Value for bool {
    const KIND: &'static str = "true or false";
    fn from_text(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(true),
            "false" | "f" | "0" | "no" | "n" => Some(false),
            _ => None,
        }
    }
}

impl Value for u64 {
    const KIND: &'static str = "a whole number from 0";
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for String {
    const KIND: &'static str = "a text";
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_string())
    }
}

/// What happened to a value that was given.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in force.
    Yes,
    /// There is no such option.
    Unknown,
    /// It must be something else, namely this.
    Not(&'static str),
}

macro_rules! options {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $default:expr),+ $(,)?) => {
        /// The options in force.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Options { $($(#[doc = $doc])+ pub $name: $kind),+ }

        impl Default for Options {
            fn default() -> Self { Options { $($name: $default),+ } }
        }

        impl Options {
            /// Names, one line of help and default of each.
            pub fn list() -> Vec<(&'static str, &'static str, String)> {
                let defaults = Options::default();
                vec![$((stringify!($name), concat!($($doc),+), defaults.$name.to_string())),+]
            }

            /// Sets one by name.
            pub fn set(&mut self, name: &str, value: &str) -> Taken {
                match name {
                    $(stringify!($name) => match <$kind as Value>::from_text(value) {
                        Some(value) => { self.$name = value; Taken::Yes }
                        None => Taken::Not(<$kind as Value>::KIND),
                    })+
                    _ => Taken::Unknown,
                }
            }

            /// Whether the option exists, and whether it is a switch (may stand alone, or as `--noname`).
            pub fn is_switch(name: &str) -> Option<bool> {
                match name {
                    $(stringify!($name) => Some(<$kind as Value>::KIND == <bool as Value>::KIND),)+
                    _ => None,
                }
            }
        }
    };
}

options! {
    /// Do not use kernel audit. osquery's default is true; recording is what this agent is for.
    disable_audit: bool = false,
    /// Record execs.
    audit_allow_process_events: bool = true,
    /// Make forks rows of process_events too.
    audit_allow_fork_process_events: bool = false,
    /// Records the kernel may hold while the agent is busy.
    audit_backlog_limit: u64 = 4096,
    /// Ticks an audited process may be made to wait while the backlog is full (0: never slow anybody down).
    audit_backlog_wait_time: u64 = 0,
    /// auto; owner: never read beside another; multicast: never become the owner; audit: do without the proc connector.
    audit_source: String = "auto".to_string(),
    /// While the agent owns audit, keep PROCTITLE and BPRM_FCAPS records, which it does not read, from being made.
    audit_exclude_records: bool = true,
    /// How long a batch may gather after the first record, ms (each wake-up costs more than the records it brings).
    audit_gather_ms: u64 = 50,
    /// Receive buffer of the audit socket, bytes; the kernel may use twice that.
    audit_receive_buffer: u64 = 4 << 20,
    /// How far the agent's nice level goes down, so that a flat-out machine does not keep it from reading (auditd's
    /// priority_boost; 0: not at all).
    priority_boost: u64 = 4,
    /// Age at which events leave the database, seconds.
    events_expiry: u64 = 3600,
    /// Events the database holds at most.
    events_max: u64 = 50_000,
    /// Size the database may have, bytes.
    events_max_bytes: u64 = 32 << 20,
    /// Process images in the ancestry cache; 0 turns ancestry off.
    process_ancestry_cache_size: u64 = 1000,
    /// Ancestors shown in the ancestry column; 0: no limit.
    process_ancestry_max_depth: u64 = 32,
    /// Seconds an ended process without living descendants stays in the cache.
    process_ancestry_cache_ttl: u64 = 300,
    /// Say more in the log.
    verbose: bool = false,
}

/// Takes the options out of command line arguments: `--name=value`, `--name value`, `--name` and `--noname` for
/// switches, one dash or two. What is no option of ours is left for the command to parse.
///
/// # Errors
/// One sentence about a value that an option cannot take.
pub fn take_flags(options: &mut Options, arguments: &[String]) -> Result<Vec<String>, String> {
    let mut rest = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-')) else {
            rest.push(argument.clone());
            continue;
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value.to_string())));
        let negated = name.strip_prefix("no").filter(|name| Options::is_switch(name) == Some(true));
        let (name, value) = match (Options::is_switch(name), negated, value) {
            (None, Some(name), None) => (name, "false".to_string()),
            (None, ..) => {
                rest.push(argument.clone());
                continue;
            }
            (Some(_), _, Some(value)) => (name, value),
            (Some(true), _, None) => (name, "true".to_string()),
            (Some(false), _, None) => match arguments.next() {
                Some(value) => (name, value.clone()),
                None => return Err(format!("--{name} needs a value: --{name}=VALUE")),
            },
        };
        if let Taken::Not(kind) = options.set(name, &value) {
            return Err(format!("--{name} must be {kind}, not '{value}'"));
        }
    }
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> (Result<Vec<String>, String>, Options) {
        let mut options = Options::default();
        let words: Vec<_> = line.split(' ').map(str::to_string).collect();
        (take_flags(&mut options, &words), options)
    }

    #[test]
    fn takes_every_spelling() {
        let (rest, options) =
            flags("--events_max=5 --events_expiry 6 --noaudit_exclude_records -verbose --foreground x");
        assert_eq!(rest, Ok(vec!["--foreground".into(), "x".into()]));
        assert_eq!((options.events_max, options.events_expiry), (5, 6));
        assert!(!options.audit_exclude_records && options.verbose);
    }

    #[test]
    fn says_what_a_value_must_be() {
        assert_eq!(flags("--events_max=-1").0, Err("--events_max must be a whole number from 0, not '-1'".into()));
        assert_eq!(flags("--verbose=perhaps").0, Err("--verbose must be true or false, not 'perhaps'".into()));
        assert_eq!(flags("--events_max").0, Err("--events_max needs a value: --events_max=VALUE".into()));
    }
}
