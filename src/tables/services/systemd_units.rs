//! `systemd_units`: units of the system's systemd, without D-Bus: from their files and links (see `systemd::files`),
//! control groups and /run/systemd (see `systemd::state`). A machine whose systemd is not running, or an image, has the
//! same rows, all inactive. One row per unit that has a file, that another unit's `.wants`, `.requires` or `.upholds`
//! links name, that has a control group, was started, or is mounted.
//!
//! osquery lists what systemd has loaded. So here are more rows: units that are installed and not loaded; templates;
//! aliases (`unit_file_state` alias, with the state of the unit they stand for, which `following` names). And fewer: no
//! devices, and no units that systemd made up itself and that leave no trace (implicit slices without a group).
//!
//! What cannot be known without asking systemd:
//! * whether a unit failed: it is inactive/dead here;
//! * activating, deactivating and reloading: such a unit is active;
//! * active_state and sub_state of targets, timers, paths, automounts, devices, and of sockets that started no process:
//!   empty;
//! * services that stay active without processes, before systemd 240: inactive/dead;
//! * job_id, job_type and job_path: NULL and empty;
//! * specifiers in description and user other than those of the unit's name: they stand as they are.
//!
//! Cost: one lstat(2) per unit; files are read for description, unit_file_state, user and source_path only.

use super::systemd::files::Files;
use super::systemd::name;
use super::systemd::state::Running;
use super::systemd::text::{Text, expanded};
use crate::sql::table::{Column, Context, Cursor, Table, TableError, Type, Value, column};
use std::rc::Rc;

const COLUMNS: &[Column] = &[
    column("id", Type::Text, 0, "Name."),
    column("description", Type::Text, 0, "What it is."),
    column("load_state", Type::Text, 0, "loaded, masked or not-found."),
    column("active_state", Type::Text, 0, "active or inactive; empty: not known."),
    column("sub_state", Type::Text, 0, "running, exited, mounted, active or dead; empty: not known."),
    column(
        "unit_file_state",
        Type::Text,
        0,
        "enabled, disabled, static, alias, masked, … as systemctl is-enabled says it.",
    ),
    column("following", Type::Text, 0, "For an alias, the unit it stands for."),
    column("object_path", Type::Text, 0, "Its path on D-Bus."),
    column("job_id", Type::BigInt, 0, "Always NULL: not known without asking systemd."),
    column("job_type", Type::Text, 0, "Always empty: not known without asking systemd."),
    column("job_path", Type::Text, 0, "Always empty: not known without asking systemd."),
    column("fragment_path", Type::Text, 0, "Path of its file."),
    column("user", Type::Text, 0, "User it runs as; empty: root, or it runs nothing."),
    column("source_path", Type::Text, 0, "What its file was made from, /etc/fstab for example."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "systemd_units",
    help: "Units of systemd, from their files and control groups",
    columns: COLUMNS,
    open: |query| Ok(Box::new(Units::new(query.context.clone()))),
};

/// A scan over units.
pub struct Units {
    context: Rc<Context>,
    files: Files,
    running: Running,
    names: std::vec::IntoIter<Vec<u8>>,
    unit: Vec<u8>,
    /// The unit's, once it was asked for.
    text: Option<Text>,
}

impl Units {
    /// Begins before the first unit.
    pub fn new(context: Rc<Context>) -> Self {
        let (files, running) = (Files::read(&context.root), Running::read(&context.root));
        let mut names = files.names();
        names.extend(running.names().cloned());
        names.sort_unstable();
        names.dedup();
        Units { context, files, running, names: names.into_iter(), unit: Vec::new(), text: None }
    }

    fn text(&mut self) -> &Text {
        let (files, root, unit) = (&self.files, &self.context.root, &self.unit);
        self.text.get_or_insert_with(|| files.text(root, unit))
    }

    /// A setting of the unit's file, with the unit's name filled in.
    fn setting(&mut self, pick: fn(&Text) -> &Vec<u8>) -> Vec<u8> {
        let setting = pick(self.text()).clone();
        expanded(&setting, self.files.primary(&self.unit))
    }

    fn description(&mut self) -> Vec<u8> {
        let description = self.setting(|text| &text.description);
        let mounted_at = self.running.mounted_at(&self.unit);
        match (description.is_empty(), mounted_at.is_empty()) {
            (false, _) => description,
            // As systemd names a mount that nobody described.
            (true, false) => mounted_at.to_vec(),
            (true, true) => self.unit.clone(),
        }
    }

    fn source_path(&mut self) -> Vec<u8> {
        let is_made_up = !self.running.mounted_at(&self.unit).is_empty() && self.files.path(&self.unit).is_empty();
        if is_made_up { b"/proc/self/mountinfo".to_vec() } else { self.setting(|text| &text.source_path) }
    }

    fn load_state(&self) -> &'static str {
        match self.files.load_state(&self.unit) {
            // A unit that lives and has no file was made by a program.
            "not-found" if self.running.knows(&self.unit) => "loaded",
            state => state,
        }
    }

    fn following(&self) -> &[u8] {
        let primary = self.files.primary(&self.unit);
        if primary == self.unit { &[] } else { primary }
    }

    fn file_state(&mut self) -> &'static str {
        self.text();
        self.files.file_state(&self.unit, self.text.as_ref().unwrap_or(&Text::default()))
    }

    /// The column of this name; NULL for a name that is none.
    pub fn value(&mut self, name: &str) -> Value {
        match name {
            "id" => Value::text(&self.unit),
            "description" => Value::Text(self.description()),
            "load_state" => Value::text(self.load_state()),
            "active_state" => Value::text(self.running.state(self.files.primary(&self.unit)).0),
            "sub_state" => Value::text(self.running.state(self.files.primary(&self.unit)).1),
            "unit_file_state" => Value::text(self.file_state()),
            "following" => Value::text(self.following()),
            "object_path" => Value::Text(name::object_path(&self.unit)),
            "fragment_path" => Value::Text(self.files.path(&self.unit)),
            "user" => Value::Text(self.setting(|text| &text.user)),
            "source_path" => Value::Text(self.source_path()),
            "job_type" | "job_path" => Value::text(""),
            _ => Value::Null,
        }
    }
}

impl Cursor for Units {
    fn advance(&mut self) -> Result<bool, TableError> {
        self.text = None;
        let next = self.names.next();
        let is_there = next.is_some();
        self.unit = next.unwrap_or_default();
        Ok(is_there)
    }

    fn column(&mut self, column: usize) -> Result<Value, TableError> {
        Ok(self.value(COLUMNS.get(column).map_or("", |column| column.name)))
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    const INSTALL: &str = "[Install]\nWantedBy=multi-user.target\n";

    /// A tree with a unit in each state that a file can have, and the state.
    fn tree(name: &str) -> (Tree, Vec<(&'static str, &'static str)>) {
        let tree = Tree::new(name);
        let (etc, run, usr) = ("/etc/systemd/system/", "/run/systemd/system/", "/usr/lib/systemd/system/");
        let mut states = Vec::new();
        let mut unit = |directory: &str, name: &'static str, install: &str, state: &'static str| {
            tree.file(format!("{directory}{name}"), format!("[Unit]\nDescription=d {name}\n{install}"));
            states.push((name, state));
        };
        let enable = |directory: &str, name: &str| {
            tree.link(format!("{directory}multi-user.target.wants/{name}"), &format!("{usr}{name}"));
        };
        unit(usr, "static.service", "", "static");
        unit(usr, "disabled.service", INSTALL, "disabled");
        unit(usr, "disabled.timer", INSTALL, "disabled");
        unit(usr, "enabled.service", INSTALL, "enabled");
        enable(etc, "enabled.service");
        unit(usr, "plain.service", "", "enabled");
        enable(etc, "plain.service");
        unit(usr, "runtime.service", INSTALL, "enabled-runtime");
        enable(run, "runtime.service");
        unit(usr, "vendor.service", "", "static");
        enable(usr, "vendor.service");
        unit(usr, "required.service", "[Install]\nRequiredBy=x.target\n", "enabled");
        tree.link(format!("{etc}x.target.requires/required.service"), &format!("{usr}required.service"));
        unit(usr, "default@.service", &format!("{INSTALL}DefaultInstance=one\n"), "enabled");
        tree.link(format!("{etc}multi-user.target.wants/default@one.service"), &format!("{usr}default@.service"));
        unit(usr, "other@.service", INSTALL, "indirect");
        tree.link(format!("{etc}multi-user.target.wants/other@two.service"), &format!("{usr}other@.service"));
        unit(usr, "aliased.service", "[Install]\nAlias=known.service\n", "enabled");
        tree.link(format!("{etc}known.service"), &format!("{usr}aliased.service"));
        unit(usr, "also-aliased.service", "", "indirect");
        tree.link(format!("{etc}unknown.service"), &format!("{usr}also-aliased.service"));
        unit(usr, "vendor-aliased.service", "[Install]\nAlias=by-vendor.service\n", "disabled");
        tree.link(format!("{usr}by-vendor.service"), "vendor-aliased.service");
        unit(usr, "also.service", "[Install]\nAlso=disabled.service\n", "indirect");
        unit(usr, "masked.service", INSTALL, "masked");
        tree.link(format!("{etc}masked.service"), "/dev/null").link(format!("{run}masked-now.service"), "/dev/null");
        tree.file(format!("{etc}empty.service"), "").link(format!("{usr}gone.service"), "gone.service");
        tree.file("/opt/linked.service", INSTALL).link(format!("{etc}linked.service"), "/opt/linked.service");
        tree.file("/opt/now.service", INSTALL).link(format!("{run}now.service"), "/opt/now.service");
        tree.link(format!("{etc}wrong.socket"), &format!("{usr}enabled.service"));
        unit("/run/systemd/generator/", "generated.mount", "SourcePath=/etc/fstab\n", "generated");
        unit("/run/systemd/transient/", "transient.service", "", "transient");
        unit(usr, "hidden.service", "", "disabled");
        unit(etc, "hidden.service", INSTALL, "disabled");
        unit(usr, "dropped.service", "", "disabled");
        tree.file(format!("{etc}dropped.service.d/x.conf"), INSTALL).file(format!("{usr}README"), "no unit");
        tree.file(format!("{usr}directory.service/file"), "");
        let links = [
            ("known.service", "alias"),
            ("unknown.service", "alias"),
            ("by-vendor.service", "alias"),
            ("masked-now.service", "masked-runtime"),
            ("empty.service", "masked"),
            ("gone.service", "bad"),
            ("linked.service", "linked"),
            ("now.service", "linked-runtime"),
            ("wrong.socket", "bad"),
        ];
        states.extend(links);
        states.sort_unstable();
        states.dedup();
        (tree, states)
    }

    #[test]
    fn states_of_files() {
        let (tree, states) = tree("systemd_units");
        let ours = tree.rows("SELECT id, unit_file_state FROM systemd_units WHERE unit_file_state <> ''");
        let ours: Vec<_> = ours.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
        let instances = [("default@one.service", "enabled"), ("other@two.service", "enabled")];
        let mut wanted = [&states[..], &instances].concat();
        wanted.sort_unstable();
        assert_eq!(ours, wanted);
    }

    /// Lines of `systemctl list-unit-files`: unit and state.
    fn listed(root: &str) -> Option<Vec<(String, String)>> {
        let text = host("systemctl", &[&format!("--root={root}"), "--no-legend", "--full", "list-unit-files"])?;
        let pair = |line: &str| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_string(), words.next()?.to_string()))
        };
        Some(text.lines().filter_map(pair).collect())
    }

    #[test]
    fn systemctl_says_the_same_of_files() {
        let (tree, _) = tree("systemd_units-systemctl");
        for root in [tree.path().to_str().unwrap(), "/"] {
            let Some(theirs) = listed(root) else {
                println!("skipped: needs systemctl");
                return;
            };
            assert!(!theirs.is_empty() || root == "/");
            let ours = rows(if root == "/" { "" } else { root }, "SELECT id, unit_file_state FROM systemd_units");
            for (unit, state) in theirs {
                let our = ours.iter().find(|our| our[0] == unit);
                assert_eq!(our.map(|our| &our[1]), Some(&state), "{unit} below {root}");
            }
        }
    }

    #[test]
    fn texts_of_files_and_drop_ins() {
        let tree = Tree::new("systemd_units-text");
        let usr = "/usr/lib/systemd/system/";
        tree.file(format!("{usr}a-b@.service"), "[Unit]\nDescription=Runs %i of %p\n[Service]\nUser=%i\n");
        tree.link("/etc/systemd/system/x.target.wants/a-b@joe.service", "/usr/lib/systemd/system/a-b@.service");
        tree.file("/etc/systemd/system/a-b@joe.service.d/10-a.conf", "[Unit]\nDescription=Own\n");
        tree.file(format!("{usr}a-b@.service.d/10-a.conf"), "[Unit]\nDescription=hidden by the same name\n");
        tree.file(format!("{usr}a-.service.d/20-b.conf"), "[Unit]\nSourcePath=/etc/a\n")
            .file("/etc/systemd/system/service.d/05.conf", "[Unit]\nDescription=too early\n");
        tree.file(format!("{usr}plain.target"), "").file(format!("{usr}bare.target"), "[Unit]\n");
        tree.link(format!("{usr}y.target.wants/lost.service"), "../lost.service");
        let sql = "SELECT id, description, load_state, fragment_path, user, source_path, active_state, \
                   job_id FROM systemd_units";
        let template = format!("{usr}a-b@.service");
        let wanted = [
            ["a-b@.service", "hidden by the same name", "loaded", &template, "", "/etc/a", "inactive", "NULL"],
            ["a-b@joe.service", "Own", "loaded", &template, "joe", "/etc/a", "inactive", "NULL"],
            ["bare.target", "bare.target", "loaded", &format!("{usr}bare.target"), "", "", "inactive", "NULL"],
            ["lost.service", "lost.service", "not-found", "", "", "", "inactive", "NULL"],
            ["plain.target", "plain.target", "masked", &format!("{usr}plain.target"), "", "", "inactive", "NULL"],
        ];
        assert_eq!(tree.rows(sql), wanted);
    }

    #[test]
    fn signs_of_life() {
        for version in [1, 2] {
            let tree = Tree::new(&format!("systemd_units-state-{version}"));
            let usr = "/usr/lib/systemd/system/";
            for unit in
                ["run.service", "dead.service", "once.service", "t.timer", "boot.mount", "s.socket", "t@.service"]
            {
                tree.file(format!("{usr}{unit}"), "[Unit]\n");
            }
            tree.link(format!("{usr}alias.service"), "run.service").file("/run/systemd/system/.x", "");
            let group = if version == 2 { "/sys/fs/cgroup" } else { "/sys/fs/cgroup/systemd" };
            tree.file(format!("{group}/cgroup.procs"), "")
                .file("/proc/1/cgroup", "1:name=systemd:/init.scope\n0::/init.scope\n");
            let groups = ["init.scope", "system.slice/run.service", "system.slice/system-t.slice/t@1.service"];
            for path in groups {
                tree.file(format!("{group}/{path}/cgroup.procs"), "1\n");
            }
            let user = "user.slice/user-7.slice/user@7.service";
            tree.file(format!("{group}/{user}/app.slice/inner.service/cgroup.procs"), "");
            if version == 2 {
                tree.file(format!("{group}/system.slice/run.service/cgroup.events"), "populated 1\nfrozen 0\n");
                tree.file(format!("{group}/system.slice/dead.service/cgroup.events"), "populated 0\nfrozen 0\n");
            }
            tree.link("/run/systemd/units/invocation:once.service", "0123")
                .link("/run/systemd/units/log-level-max:x", "7");
            let mounts = "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 8:2 / /boot rw - ext4 /dev/sda2 rw\n\
                          23 21 0:3 / /mnt/a\\040b rw - tmpfs t rw\nbroken\n\
                          24 21 0:4 / /proc rw - proc proc rw\n25 24 0:5 / /auto rw - autofs systemd-1 rw\n";
            tree.file("/proc/self/mountinfo", mounts);
            let sql = "SELECT id, active_state, sub_state FROM systemd_units";
            let wanted = [
                ["-.mount", "active", "mounted"],
                ["alias.service", "active", "running"],
                ["boot.mount", "active", "mounted"],
                ["dead.service", "inactive", "dead"],
                ["init.scope", "active", "running"],
                ["mnt-a\\x20b.mount", "active", "mounted"],
                ["once.service", "active", "exited"],
                ["run.service", "active", "running"],
                ["s.socket", "", ""],
                ["system-t.slice", "active", "active"],
                ["system.slice", "active", "active"],
                ["t.timer", "", ""],
                ["t@.service", "inactive", "dead"],
                ["t@1.service", "active", "running"],
                ["user-7.slice", "active", "active"],
                ["user.slice", "active", "active"],
                ["user@7.service", "active", "running"],
            ];
            assert_eq!(tree.rows(sql), wanted, "cgroup v{version}");
            let sql = "SELECT description, load_state, source_path, following FROM systemd_units \
                       WHERE id IN ('alias.service', 'mnt-a\\x20b.mount')";
            let wanted =
                [["alias.service", "loaded", "", "run.service"], ["/mnt/a b", "loaded", "/proc/self/mountinfo", ""]];
            assert_eq!(tree.rows(sql), wanted);
        }
    }

    #[test]
    fn systemctl_says_the_same_of_what_runs() {
        let Some(theirs) =
            host("systemctl", &["--no-legend", "--plain", "--full", "--type=service,mount", "list-units"])
        else {
            println!("skipped: needs a running systemd");
            return;
        };
        let ours = rows("", "SELECT id, load_state, active_state, sub_state FROM systemd_units");
        let ours: Vec<_> = ours.iter().map(|our| our.join(" ")).collect();
        let theirs = theirs.lines().map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" "));
        // What is on the move, or has failed, is not told by files.
        let told = |their: &String| ["running", "exited", "mounted"].iter().any(|state| their.ends_with(state));
        let (same, other): (Vec<_>, Vec<_>) = theirs.filter(told).partition(|their| ours.contains(their));
        // Between the two looks a unit may start or stop.
        assert!(other.len() <= 2 + same.len() / 20, "{} agree, not {other:?}", same.len());
    }
}
