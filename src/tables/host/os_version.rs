//! `os_version`: which distribution this is, one row. From /etc/os-release (os-release(5)) or /usr/lib/os-release;
//! where they lack something, from /etc/openwrt_release, /etc/lsb-release, /etc/alpine-release and
//! /etc/debian_version. As in osquery, /etc/redhat-release and /etc/gentoo-release overrule it all, and
//! `pid_with_namespace = N` asks about the files that process N sees. `arch` is the running kernel's (uname),
//! whatever root is read. Bound: lines of 64 KiB; a file or two.

use crate::sql::table::{ADDITIONAL, Column, HIDDEN, Query, Rows, Table, Type, Value, column, elsewhere};
use crate::sys::root::Root;
use crate::sys::uname;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name of the distribution; Unknown if no file says it."),
    Column { collate: "version", ..column("version", Type::Text, 0, "Version as people write it.") },
    column("major", Type::Integer, 0, "First number of the version; 0 if there is none."),
    column("minor", Type::Integer, 0, "Second number of the version; 0 if there is none."),
    column("patch", Type::Integer, 0, "Third number of the version; 0 if there is none."),
    column("build", Type::Text, 0, "Build or revision of the image."),
    column("platform", Type::Text, 0, "Identifier in lower case: debian, openwrt, alpine; posix if unknown."),
    column("platform_like", Type::Text, 0, "Identifiers of what it derives from, separated by spaces."),
    column("codename", Type::Text, 0, "Code name of the release."),
    column("arch", Type::Text, 0, "Machine architecture as uname -m says it."),
    elsewhere("extra", Type::Text),
    elsewhere("install_date", Type::BigInt),
    elsewhere("revision", Type::Integer),
    column("pid_with_namespace", Type::Integer, HIDDEN | ADDITIONAL, "Ask for what this process sees; 0: ours."),
    column("mount_namespace_id", Type::Text, HIDDEN, "Inode of that process's mount namespace."),
];

const PID: usize = 13;

/// See the module's head.
pub static TABLE: Table = Table {
    name: "os_version",
    help: "Distribution and its version, one row",
    columns: COLUMNS,
    open: |query| Ok(Rows::of(row(&query).into_iter().collect())),
};

fn row(query: &Query) -> Option<Vec<Value>> {
    let root = &query.context.root;
    let pid = match query.equal(PID) {
        Some(pid) => pid.as_integer().filter(|&pid| pid >= 0)?,
        None => 0,
    };
    let (place, namespace) = if pid > 0 {
        let link = root.read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
        let digits: Vec<u8> = link.into_iter().filter(u8::is_ascii_digit).collect();
        (format!("/proc/{pid}/root"), digits)
    } else {
        (String::new(), Vec::new())
    };
    let release = Release::read(root, &place);
    let numbers = release.numbers();
    let mut row: Vec<Value> = vec![Value::Text(release.name), Value::Text(release.version)];
    row.extend(numbers.map(Value::Integer));
    row.extend([release.build, release.platform, release.platform_like, release.codename].map(Value::Text));
    row.extend([Value::Text(uname::machine()), Value::Null, Value::Null, Value::Null]);
    row.extend([Value::Integer(pid), Value::Text(namespace)]);
    Some(row)
}

#[derive(Default)]
struct Release {
    name: Vec<u8>,
    version: Vec<u8>,
    /// The version in numbers.
    id: Vec<u8>,
    build: Vec<u8>,
    platform: Vec<u8>,
    platform_like: Vec<u8>,
    codename: Vec<u8>,
}

/// Whoever speaks first is right.
fn set(field: &mut Vec<u8>, value: &[u8]) {
    if field.is_empty() {
        *field = value.to_vec();
    }
}

impl Release {
    /// What the files below `place` (of the root) say.
    fn read(root: &Root, place: &str) -> Self {
        let mut release = Release::default();
        if !release.read_assignments(root, place, "/etc/os-release") {
            release.read_assignments(root, place, "/usr/lib/os-release");
        }
        if release.name.is_empty() {
            release.read_assignments(root, place, "/etc/openwrt_release");
            release.read_assignments(root, place, "/etc/lsb-release");
        }
        let versions =
            [("/etc/alpine-release", "Alpine Linux", "alpine"), ("/etc/debian_version", "Debian GNU/Linux", "debian")];
        for (path, name, platform) in versions {
            let version = root.line(inside(root, place, path));
            if release.name.is_empty() && !version.is_empty() {
                set(&mut release.id, &version);
                set(&mut release.name, name.as_bytes());
                set(&mut release.platform, platform.as_bytes());
            }
        }
        let id = std::mem::take(&mut release.id);
        set(&mut release.version, &id);
        release.id = id;
        release.overrule(root, place);
        set(&mut release.name, b"Unknown");
        set(&mut release.platform, b"posix");
        release
    }

    /// Reads `NAME=value` lines; says whether there were any.
    fn read_assignments(&mut self, root: &Root, place: &str, path: &str) -> bool {
        let Ok(mut lines) = root.lines(inside(root, place, path)) else { return false };
        let (mut any, mut other_codename) = (false, Vec::new());
        while let Some(line) = lines.next_line() {
            let Some((key, value)) = assignment(line) else { continue };
            any = true;
            match key {
                b"NAME" => set(&mut self.name, &value),
                b"DISTRIB_ID" => {
                    set(&mut self.name, &value);
                    set(&mut self.platform, &value.to_ascii_lowercase());
                }
                b"VERSION" => set(&mut self.version, &value),
                b"VERSION_ID" | b"DISTRIB_RELEASE" => set(&mut self.id, &value),
                b"BUILD_ID" | b"DISTRIB_REVISION" => set(&mut self.build, &value),
                b"ID" => set(&mut self.platform, &value),
                b"ID_LIKE" => set(&mut self.platform_like, &value),
                b"VERSION_CODENAME" | b"DISTRIB_CODENAME" => set(&mut self.codename, &value),
                // Some distributions have one of their own name.
                _ if key.ends_with(b"CODENAME") => other_codename = value,
                _ => {}
            }
        }
        set(&mut self.codename, &other_codename);
        any
    }

    /// As in osquery: on what derives from Red Hat or Gentoo the one line of its release file is the version.
    fn overrule(&mut self, root: &Root, place: &str) {
        for (path, platform) in [("/etc/redhat-release", "rhel"), ("/etc/gentoo-release", "gentoo")] {
            let line = root.line(inside(root, place, path));
            if line.is_empty() {
                continue;
            }
            self.platform = platform.into();
            self.platform_like = platform.into();
            self.build.clear();
            let separator = b" release ";
            if let Some(at) = memchr::memmem::find(&line, separator)
                && line.get(at + separator.len()).is_some_and(u8::is_ascii_digit)
            {
                let id = line.get(at + separator.len()..).unwrap_or(&[]);
                let id = id.split(|&byte| byte == b' ').next().unwrap_or(&[]);
                // A bare major number says less than os-release.
                if id.contains(&b'.') {
                    self.id = id.to_vec();
                    self.name = line.get(..at).unwrap_or(&[]).to_vec();
                }
            }
            self.version = line;
            return;
        }
    }

    /// Major, minor and patch of the version; what is no number is 0.
    fn numbers(&self) -> [i64; 3] {
        let mut parts = self.id.splitn(3, |&byte| byte == b'.');
        [(); 3].map(|()| {
            let part = parts.next().unwrap_or(&[]);
            let digits = part.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = part.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        })
    }
}

/// A path below `place`. An absolute link there would lead out of it, for a process's root is no root to us.
fn inside(root: &Root, place: &str, path: &str) -> String {
    if !place.is_empty()
        && let Ok(to) = root.read_link(format!("{place}{path}"))
        && to.starts_with(b"/")
    {
        return format!("{place}{}", String::from_utf8_lossy(&to));
    }
    format!("{place}{path}")
}

/// A line of a file that shells can read: the name, and the value without its quotes and backslashes.
fn assignment(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let line = line.trim_ascii();
    let equals = memchr::memchr(b'=', line).filter(|_| !line.starts_with(b"#"))?;
    let (key, rest) = (line.get(..equals)?, line.get(equals + 1..)?);
    let (mut value, mut quote, mut escaped) = (Vec::new(), None, false);
    for &byte in rest {
        match quote {
            _ if escaped => {
                value.push(byte);
                escaped = false;
            }
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            Some(mark) if byte == mark => quote = None,
            None | Some(b'"') if byte == b'\\' => escaped = true,
            _ => value.push(byte),
        }
    }
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const ALL: &str =
        "select name, version, major, minor, patch, build, platform, platform_like, codename from os_version";

    fn of(name: &str, files: &[(&str, &str)]) -> String {
        let tree = Tree::new(name);
        for (path, text) in files {
            tree.file(path, text);
        }
        let rows = tree.rows(ALL);
        assert_eq!(rows.len(), 1);
        rows[0].join("|")
    }

    #[test]
    fn distributions() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
            VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n";
        let debian = of("os-debian", &[("/etc/os-release", debian), ("/etc/debian_version", "12.4\n")]);
        assert_eq!(debian, "Debian GNU/Linux|12 (bookworm)|12|0|0||debian||bookworm");
        let openwrt = "NAME=\"OpenWrt\"\nVERSION=\"23.05.2\"\nID=\"openwrt\"\nID_LIKE=\"lede openwrt\"\n\
            VERSION_ID=\"23.05.2\"\nBUILD_ID=\"r23630-842932a63d\"\nOPENWRT_BOARD=\"ath79/generic\"\n";
        let openwrt = of("os-openwrt", &[("/usr/lib/os-release", openwrt)]);
        assert_eq!(openwrt, "OpenWrt|23.05.2|23|5|2|r23630-842932a63d|openwrt|lede openwrt|");
        let old = "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='15.05.1'\nDISTRIB_REVISION='r48532'\nDISTRIB_CODENAME='chaos_calmer'\n";
        let old = of("os-old-openwrt", &[("/etc/openwrt_release", old)]);
        assert_eq!(old, "OpenWrt|15.05.1|15|5|1|r48532|openwrt||chaos_calmer");
        let alpine = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME=\"Alpine Linux v3.19\"\n";
        assert_eq!(of("os-alpine", &[("/etc/os-release", alpine)]), "Alpine Linux|3.19.1|3|19|1||alpine||");
        assert_eq!(of("os-old-alpine", &[("/etc/alpine-release", "3.4.6\n")]), "Alpine Linux|3.4.6|3|4|6||alpine||");
        let ubuntu = "NAME=\"Ubuntu\"\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.3 LTS (Jammy Jellyfish)\"\nID=ubuntu\n\
            ID_LIKE=debian\nUBUNTU_CODENAME=jammy\n";
        let ubuntu = of("os-ubuntu", &[("/etc/os-release", ubuntu)]);
        assert_eq!(ubuntu, "Ubuntu|22.04.3 LTS (Jammy Jellyfish)|22|4|0||ubuntu|debian|jammy");
        let centos = [
            (
                "/etc/os-release",
                "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\n",
            ),
            ("/etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n"),
        ];
        assert_eq!(of("os-centos", &centos), "CentOS Linux|CentOS Linux release 7.9.2009 (Core)|7|9|2009||rhel|rhel|");
        let fedora = [
            ("/etc/os-release", "NAME=\"Fedora Linux\"\nVERSION_ID=38\nID=fedora\n"),
            ("/etc/redhat-release", "Fedora release 38 (Thirty Eight)\n"),
        ];
        assert_eq!(of("os-fedora", &fedora), "Fedora Linux|Fedora release 38 (Thirty Eight)|38|0|0||rhel|rhel|");
    }

    #[test]
    fn nothing_and_nonsense() {
        assert_eq!(of("os-none", &[]), "Unknown||0|0|0||posix||");
        let nonsense =
            "=\n\nNAME\n#NAME=no\nNAME=\"a \\\"b\\\" 'c'\nID='d\\'\nVERSION_ID=99999999999999999999.x.7-rc1\n";
        assert_eq!(
            of("os-nonsense", &[("/etc/os-release", nonsense)]),
            "a \"b\" 'c'|99999999999999999999.x.7-rc1|0|0|7||d\\||"
        );
        let long = format!("NAME={}\n", "x".repeat(10 << 20));
        assert!(of("os-long", &[("/etc/os-release", &long)]).len() < 70_000);
    }

    #[test]
    fn what_a_process_sees() {
        let tree = Tree::new("os-pid");
        tree.file("/etc/os-release", "NAME=Host\n").link("/proc/7/ns/mnt", "mnt:[4026531840]");
        tree.link("/proc/7/root/etc/os-release", "/usr/lib/os-release");
        tree.file("/proc/7/root/usr/lib/os-release", "NAME=Container\n");
        let sql = "select name, pid_with_namespace, mount_namespace_id from os_version";
        assert_eq!(tree.rows(sql), [["Host", "0", ""]]);
        assert_eq!(tree.rows(&format!("{sql} where pid_with_namespace = 7")), [["Container", "7", "4026531840"]]);
        for other in ["8", "-1", "'x'", "null"] {
            assert!(tree.rows(&format!("{sql} where pid_with_namespace = {other}")).is_empty(), "{other}");
        }
    }

    #[test]
    fn this_machine() {
        let Some(said) = host("sh", &["-c", ". /etc/os-release && echo \"$ID\" && uname -m"]) else {
            println!("skipped: needs /etc/os-release");
            return;
        };
        if std::path::Path::new("/etc/redhat-release").exists() {
            println!("skipped: needs a distribution without redhat-release");
            return;
        }
        let ours = rows("", "select platform || char(10) || arch || char(10) from os_version");
        assert_eq!(ours, [[said]]);
    }
}
