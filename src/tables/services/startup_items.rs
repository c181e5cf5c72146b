//! `startup_items`: what starts by itself. In this order:
//!
//! * desktop entries of users (~/.config/autostart) and their autostart-scripts, `username` says whose;
//! * scripts of /etc/init.d, and rc.local: enabled if a link in /etc/rc1.d to rc5.d, rcS.d (also below /etc/rc.d and
//!   /etc/init.d), OpenWrt's /etc/rc.d or OpenRC's /etc/runlevels starts it, or where there are no such directories;
//! * desktop entries of /etc/xdg/autostart;
//! * units of systemd, with the columns as `systemd_units` has them: `source` is what the unit's file was made from.
//!
//! osquery calls every entry and script enabled; here one that is hidden, switched off or linked nowhere is disabled.
//! It also shows the whole command as `path`; here the arguments are in `args`. Links in homes are not followed (see
//! [`crate::sys::home`]): an entry that is one has its file's name and nothing else. Streamed, but for the names in
//! system directories.

use super::systemd_units::Units;
use crate::sql::table::{Column, Context, Cursor, Each, Table, Type, Value, column};
use crate::sys::root::{Lines, Root};
use crate::tables::text::split_once;
use crate::tables::users::homes::{Owner, Owners};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name: of the entry, the script, the unit."),
    column("path", Type::Text, 0, "What is started; of a unit, its file."),
    column("args", Type::Text, 0, "Arguments."),
    column("type", Type::Text, 0, "Startup Item or systemd unit."),
    column("source", Type::Text, 0, "Directory it was found in; of a unit, what its file was made from."),
    column("status", Type::Text, 0, "enabled or disabled; of a unit, its active_state."),
    column("username", Type::Text, 0, "Whose desktop starts it; of a unit, the user it runs as."),
];

const SCRIPTS: &str = "/etc/init.d/";
const ENTRIES: &str = "/etc/xdg/autostart/";

/// See the module's head.
pub static TABLE: Table = Table {
    name: "startup_items",
    help: "What starts by itself: desktop entries, scripts, units",
    columns: COLUMNS,
    open: |query| {
        let context = query.context;
        let of_users = Owners::all(&context).flat_map({
            let context = context.clone();
            move |owner| users_items(context.clone(), owner)
        });
        let mut items = of_users.chain(scripts(&context.root)).chain(system_entries(context.clone()));
        let mut units = None;
        Ok(Each::of(move || {
            items.next().or_else(|| unit_row(units.get_or_insert_with(|| Units::new(context.clone()))))
        }))
    },
};

fn row(name: &[u8], command: [&[u8]; 2], source: &[u8], is_enabled: bool, user: &[u8]) -> Vec<Value> {
    let status: &[u8] = if is_enabled { b"enabled" } else { b"disabled" };
    let [path, arguments] = command;
    [name, path, arguments, b"Startup Item", source, status, user].map(Value::text).to_vec()
}

fn unit_row(units: &mut Units) -> Option<Vec<Value>> {
    if !units.advance().ok()? {
        return None;
    }
    let columns = ["id", "fragment_path", "", "", "source_path", "active_state", "user"];
    let mut row = columns.map(|column| if column.is_empty() { Value::text("") } else { units.value(column) });
    if let Some(kind) = row.get_mut(3) {
        *kind = Value::text("systemd unit");
    }
    Some(row.to_vec())
}

fn users_items(context: Rc<Context>, owner: Owner) -> impl Iterator<Item = Vec<Value>> {
    let entries = context.root.names_in_home(owner.home(), ".config/autostart");
    let scripts = context.root.names_in_home(owner.home(), ".config/autostart-scripts");
    let (scripts_of, directory) = (owner.clone(), owner.path(b".config/autostart/"));
    let entries = entries.filter(|name| name.as_bytes().ends_with(b".desktop")).map(move |name| {
        let below = [b".config/autostart/", name.as_bytes()].concat();
        let lines = context.root.lines_in_home(owner.home(), OsStr::from_bytes(&below));
        entry(lines.ok(), name.as_bytes(), &directory, &owner.name)
    });
    entries.chain(scripts.map(move |name| {
        let directory = scripts_of.path(b".config/autostart-scripts/");
        let path = [&directory, name.as_bytes()].concat();
        row(name.as_bytes(), [&path, b""], &directory, true, &scripts_of.name)
    }))
}

fn system_entries(context: Rc<Context>) -> impl Iterator<Item = Vec<Value>> {
    let names = context.root.sorted_names(ENTRIES).into_iter();
    names.filter(|name| name.as_bytes().ends_with(b".desktop")).map(move |name| {
        let lines = context.root.lines(OsStr::from_bytes(&[ENTRIES.as_bytes(), name.as_bytes()].concat()));
        entry(lines.ok(), name.as_bytes(), ENTRIES.as_bytes(), b"")
    })
}

/// The row of a desktop entry (freedesktop.org's Desktop Entry and Autostart specifications).
fn entry(lines: Option<Lines>, file: &[u8], directory: &[u8], user: &[u8]) -> Vec<Value> {
    let mut name = file.strip_suffix(b".desktop").unwrap_or(file).to_vec();
    let (mut command, mut is_enabled, mut is_ours) = (Vec::new(), true, false);
    let mut lines = lines;
    while let Some(line) = lines.as_mut().and_then(Lines::next_line) {
        let line = line.trim_ascii();
        if line.starts_with(b"[") {
            is_ours = line == b"[Desktop Entry]";
        }
        let Some((key, value)) = split_once(line, b'=').filter(|_| is_ours) else { continue };
        let value = value.trim_ascii();
        match key.trim_ascii() {
            b"Name" => name = value.to_vec(),
            b"Exec" => command = value.to_vec(),
            b"Hidden" => is_enabled &= value != b"true",
            b"X-GNOME-Autostart-enabled" => is_enabled &= value != b"false",
            _ => {}
        }
    }
    row(&name, program(&command), directory, is_enabled, user)
}

/// The program of a command line, without quotes, and its arguments.
fn program(command: &[u8]) -> [&[u8]; 2] {
    let quoted = command.strip_prefix(b"\"").and_then(|rest| split_once(rest, b'"'));
    let (path, rest) = quoted.or_else(|| split_once(command, b' ')).unwrap_or((command, &[]));
    [path, rest.trim_ascii()]
}

/// Scripts that an init runs. Their names are few, so they are gathered at once.
fn scripts(root: &Root) -> impl Iterator<Item = Vec<Value>> + use<> {
    let started = started(root);
    let is_file = |path: &[u8]| root.metadata(OsStr::from_bytes(path)).is_ok_and(|metadata| metadata.is_file());
    let mut rows = Vec::new();
    for name in root.sorted_names(SCRIPTS) {
        let (name, path) = (name.as_bytes(), [SCRIPTS.as_bytes(), name.as_bytes()].concat());
        if is_file(&path) && name != b"README" {
            let is_enabled = started.as_ref().is_none_or(|started| started.contains(name));
            rows.push(row(name, [&path, b""], SCRIPTS.as_bytes(), is_enabled, b""));
        }
    }
    for directory in ["/etc/", "/etc/rc.d/"] {
        let path = [directory.as_bytes(), b"rc.local"].concat();
        if is_file(&path) {
            rows.push(row(b"rc.local", [&path, b""], directory.as_bytes(), true, b""));
        }
    }
    rows.into_iter()
}

/// Names of the scripts that some run level starts; None where there are no run levels.
fn started(root: &Root) -> Option<BTreeSet<Vec<u8>>> {
    let mut started = BTreeSet::new();
    let mut has_levels = false;
    let levels = ["1", "2", "3", "4", "5", "S"].into_iter();
    let levels = levels.flat_map(|level| ["/etc", "/etc/rc.d", "/etc/init.d"].map(|at| format!("{at}/rc{level}.d")));
    for directory in levels.chain(["/etc/rc.d".to_string()]) {
        for name in root.names(&directory) {
            let [b'S', tens, ones, script @ ..] = name.as_bytes() else { continue };
            if tens.is_ascii_digit() && ones.is_ascii_digit() {
                has_levels = true;
                let link = root.read_link(OsStr::from_bytes(&[directory.as_bytes(), b"/", name.as_bytes()].concat()));
                let to = link.ok().and_then(|to| to.rsplit(|&byte| byte == b'/').next().map(<[u8]>::to_vec));
                started.insert(to.unwrap_or_else(|| script.to_vec()));
            }
        }
    }
    for level in root.names("/etc/runlevels") {
        has_levels = true;
        let scripts = root.names(OsStr::from_bytes(&[b"/etc/runlevels/", level.as_bytes()].concat()));
        started.extend(scripts.map(OsStringExt::into_vec));
    }
    has_levels.then_some(started)
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn entries_scripts_and_units() {
        let tree = Tree::new("startup_items");
        tree.file("/etc/passwd", "root:x:0:0::/root:\na:x:77:0::/home/a:\n");
        let text = "[Desktop Entry]\nName=Mine\nName[de]=Meins\nExec=\"/opt/my app\" --x=1 %u\n\
                    [Desktop Action new]\nName=No\n";
        tree.file("/home/a/.config/autostart/mine.desktop", text)
            .file("/home/a/.config/autostart/notes.txt", "Name=no");
        tree.link("/home/a/.config/autostart-scripts/s.sh", "/opt/s.sh");
        tree.link("/root/.config/autostart/secret.desktop", "/etc/passwd");
        tree.file("/etc/xdg/autostart/off.desktop", "[Desktop Entry]\nName=Off\nExec=off\nHidden=true\n");
        tree.file("/etc/xdg/autostart/odd.desktop", "Name=outside\n[Desktop Entry]\nExec=/bin/sh -c  x\n");
        tree.file("/etc/init.d/ssh", "#!/bin/sh").file("/etc/init.d/unused", "").file("/etc/init.d/README", "");
        tree.link("/etc/rc2.d/S01ssh", "../init.d/ssh").link("/etc/rc0.d/K01unused", "../init.d/unused");
        tree.link("/etc/rc6.d/S01unused", "../init.d/unused").file("/etc/rc.local", "");
        tree.file("/usr/lib/systemd/system/u.service", "[Unit]\nSourcePath=/etc/x\n[Service]\nUser=joe\n");
        let wanted = [
            ["secret", "", "", "Startup Item", "/root/.config/autostart/", "enabled", "root"],
            ["Mine", "/opt/my app", "--x=1 %u", "Startup Item", "/home/a/.config/autostart/", "enabled", "a"],
            [
                "s.sh",
                "/home/a/.config/autostart-scripts/s.sh",
                "",
                "Startup Item",
                "/home/a/.config/autostart-scripts/",
                "enabled",
                "a",
            ],
            ["ssh", "/etc/init.d/ssh", "", "Startup Item", "/etc/init.d/", "enabled", ""],
            ["unused", "/etc/init.d/unused", "", "Startup Item", "/etc/init.d/", "disabled", ""],
            ["rc.local", "/etc/rc.local", "", "Startup Item", "/etc/", "enabled", ""],
            ["odd", "/bin/sh", "-c  x", "Startup Item", "/etc/xdg/autostart/", "enabled", ""],
            ["Off", "off", "", "Startup Item", "/etc/xdg/autostart/", "disabled", ""],
            ["u.service", "/usr/lib/systemd/system/u.service", "", "systemd unit", "/etc/x", "inactive", "joe"],
        ];
        assert_eq!(tree.rows("SELECT * FROM startup_items"), wanted);
    }

    #[test]
    fn scripts_of_other_inits() {
        let status = |tree: &Tree| {
            let rows = tree.rows("SELECT name, status FROM startup_items");
            rows.iter().map(|row| row.join(" ")).collect::<Vec<_>>().join(", ")
        };
        let tree = Tree::new("startup_items-openwrt");
        tree.file("/etc/init.d/dnsmasq", "")
            .file("/etc/init.d/off", "")
            .link("/etc/rc.d/S19dnsmasq", "../init.d/dnsmasq");
        assert_eq!(status(&tree), "dnsmasq enabled, off disabled");
        let tree = Tree::new("startup_items-openrc");
        tree.file("/etc/init.d/sshd", "")
            .file("/etc/init.d/off", "")
            .link("/etc/runlevels/default/sshd", "/etc/init.d/sshd");
        assert_eq!(status(&tree), "off disabled, sshd enabled");
        let tree = Tree::new("startup_items-buildroot");
        tree.file("/etc/init.d/S01syslogd", "").file("/etc/init.d/rcS", "");
        assert_eq!(status(&tree), "S01syslogd enabled, rcS enabled");
    }
}
