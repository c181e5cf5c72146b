//! Coming and going: takes audit over (or reads beside its owner), adds our rules, and puts everything back as found.
//!
//! What was found is kept in a file under /run as well, so that the start after a `kill -9` still knows what to put
//! back at the end; the file names the boot it belongs to.

use crate::audit::control::{Control, Setting, Status};
use crate::audit::{filter, rules};
use crate::sys::netlink::Netlink;
use crate::sys::process;
use std::fs;
use std::io;
use std::path::PathBuf;

/// How audit is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As owner: records are sent to us alone, a full buffer waits in the kernel's backlog.
    Owner,
    /// Beside another owner, through the multicast group.
    Multicast,
}

/// What the session is asked to do.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// Never become the owner, even if nobody else is.
    pub multicast_only: bool,
    /// Never read beside another owner: fail instead.
    pub owner_only: bool,
    /// Add rules for the fork family (no connector).
    pub forks: bool,
    /// Exclude PROCTITLE and BPRM_FCAPS while we own audit.
    pub exclude: bool,
    /// audit_backlog_limit.
    pub backlog_limit: u32,
    /// audit_backlog_wait_time.
    pub backlog_wait_time: u32,
    /// Socket receive buffer, bytes.
    pub receive_buffer_bytes: usize,
    /// Where what was found is kept over a crash.
    pub saved: PathBuf,
}

/// Why audit cannot be used: which system call, and what it said.
#[derive(Debug)]
pub struct Refusal {
    /// What was being done.
    pub doing: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl Refusal {
    /// One sentence for people: what was being done, what the system said, what to do.
    pub fn sentence(&self) -> String {
        let advice = match self.error.raw_os_error() {
            Some(libc::EPROTONOSUPPORT) => {
                "this kernel has no audit: it needs CONFIG_AUDIT=y and CONFIG_AUDITSYSCALL=y"
            }
            Some(libc::ECONNREFUSED) => {
                "audit is not open to containers: run stemma in the initial user and pid namespaces of the host"
            }
            Some(libc::EPERM | libc::EACCES) => {
                "run as root, or give the binary CAP_AUDIT_CONTROL and CAP_AUDIT_READ; if `auditctl -s` says enabled 2, \
                 audit is locked until the next boot"
            }
            Some(libc::EEXIST) => "another process owns audit",
            _ => "see `auditctl -s` and the kernel log",
        };
        format!("{}: {}; {advice}", self.doing, self.error)
    }
}

fn refused(doing: &'static str) -> impl Fn(io::Error) -> Refusal {
    move |error| Refusal { doing, error }
}

/// Audit as it was found: what is put back at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    enabled: u32,
    backlog_limit: u32,
    backlog_wait_time: u32,
}

impl Found {
    fn of(status: &Status) -> Self {
        Found {
            enabled: status.enabled,
            backlog_limit: status.backlog_limit,
            backlog_wait_time: status.backlog_wait_time,
        }
    }

    fn boot_id() -> String {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_string()
    }

    fn save(&self, path: &PathBuf) -> io::Result<()> {
        let Found { enabled, backlog_limit, backlog_wait_time } = self;
        fs::write(path, format!("{} {enabled} {backlog_limit} {backlog_wait_time}\n", Found::boot_id()))
    }

    /// What an earlier run of this boot found and did not live to put back.
    fn load(path: &PathBuf) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let mut words = text.split_whitespace();
        if words.next()? != Found::boot_id() {
            return None;
        }
        let mut number = || words.next()?.parse().ok();
        Some(Found { enabled: number()?, backlog_limit: number()?, backlog_wait_time: number()? })
    }
}

/// Audit, while we use it.
pub struct Session {
    control: Control,
    access: Access,
    found: Option<Found>,
    saved: PathBuf,
    rules: Vec<rules::Rule>,
    /// Sentences worth a line in the log: what we met and did.
    pub remarks: Vec<String>,
    /// `lost` before we began.
    pub lost_before: u32,
}

impl Session {
    /// Takes audit over, or joins its readers. Returns the session and the socket that records will come from.
    ///
    /// # Errors
    /// A [`Refusal`] when audit is not there, not allowed, or locked; whatever was changed by then is put back.
    pub fn begin(wishes: &Wishes) -> Result<(Session, Netlink), Refusal> {
        let mut control = Control::open().map_err(refused("opening an audit socket"))?;
        let status = control.status().map_err(refused("asking for the state of audit"))?;
        let mut session = Session {
            control,
            access: Access::Owner,
            found: None,
            saved: wishes.saved.clone(),
            rules: Vec::new(),
            remarks: Vec::new(),
            lost_before: status.lost,
        };
        match session.enter(wishes, status) {
            Ok(socket) => Ok((session, socket)),
            Err(refusal) => {
                session.end();
                Err(refusal)
            }
        }
    }

    fn enter(&mut self, wishes: &Wishes, status: Status) -> Result<Netlink, Refusal> {
        let stale = self.remove_our_rules().map_err(refused("listing audit's rules"))?;
        if stale > 0 {
            self.remarks.push(format!("removed {stale} audit rules that an earlier run left behind"));
        }
        let earlier = Found::load(&wishes.saved);
        let owned = status.pid != 0 && status.pid != process::pid() && process::exists(status.pid);
        let socket = if wishes.multicast_only || owned && !wishes.owner_only {
            self.join(status)?
        } else {
            self.own(wishes, status, earlier)?
        };
        self.add_rules(wishes).map_err(refused("adding audit rules"))?;
        socket
            .set_receive_buffer(wishes.receive_buffer_bytes)
            .map_err(refused("enlarging the audit socket's buffer"))?;
        if let Err(error) = socket.attach_filter(&filter::program()) {
            self.remarks.push(format!("filtering audit's records in the kernel: {error}; they are filtered here"));
        }
        Ok(socket)
    }

    /// Rung 1: become the owner.
    fn own(&mut self, wishes: &Wishes, status: Status, earlier: Option<Found>) -> Result<Netlink, Refusal> {
        let found = earlier.unwrap_or_else(|| Found::of(&status));
        if let Err(error) = found.save(&wishes.saved) {
            let path = wishes.saved.display();
            self.remarks
                .push(format!("could not note audit's settings in {path}: {error}; after a crash they stay ours"));
        }
        self.found = Some(found);
        let mut owner = Control::open().map_err(refused("opening an audit socket"))?;
        owner.set(Setting::Owner(process::pid())).map_err(refused("becoming the owner of audit"))?;
        let settings = [
            Setting::BacklogLimit(wishes.backlog_limit.max(found.backlog_limit)),
            Setting::BacklogWaitTime(wishes.backlog_wait_time),
            Setting::Enabled(1),
        ];
        if status.enabled != 2 {
            for setting in settings {
                self.control.set(setting).map_err(refused("changing audit's settings"))?;
            }
        }
        Ok(owner.into_socket())
    }

    /// Rung 2: read what the owner reads.
    fn join(&mut self, status: Status) -> Result<Netlink, Refusal> {
        self.access = Access::Multicast;
        let socket = Netlink::open(libc::NETLINK_AUDIT, 1).map_err(refused("joining the audit multicast group"))?;
        self.remarks.push(match status.pid {
            0 => "reading audit through the multicast group, as asked".to_string(),
            pid => format!("audit belongs to process {pid}: reading beside it, its settings and rules are left alone"),
        });
        if status.enabled == 0 {
            self.remarks.push("audit is switched off (auditctl -s: enabled 0) and its owner must switch it on".into());
        }
        Ok(socket)
    }

    fn add_rules(&mut self, wishes: &Wishes) -> io::Result<()> {
        let archs = process::audit_archs();
        let mut wanted = rules::exec_rules(archs);
        if wishes.forks {
            wanted.extend(rules::fork_rules(archs));
        }
        if wishes.exclude && self.access == Access::Owner {
            wanted.extend(rules::exclude_rules());
        }
        for rule in wanted {
            match self.control.add_rule(&rule) {
                Ok(()) => self.rules.push(rule),
                // The same rule under our key can only be one that we did not manage to remove: it serves.
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => self.rules.push(rule),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes every rule with our key; returns how many there were.
    fn remove_our_rules(&mut self) -> io::Result<usize> {
        let rules = self.control.rules()?;
        if rules.iter().any(rules::Rule::stops_all) {
            self.remarks.push("the rule `-a never,task` keeps new processes from being audited: remove it".into());
        }
        let ours: Vec<_> = rules.into_iter().filter(rules::Rule::is_ours).collect();
        for rule in &ours {
            self.control.delete_rule(rule)?;
        }
        Ok(ours.len())
    }

    /// As owner or beside one.
    pub fn access(&self) -> Access {
        self.access
    }

    /// AUDIT_GET, for the counters.
    pub fn status(&mut self) -> io::Result<Status> {
        self.control.status()
    }

    /// Puts everything back: our rules go, settings and owner as found. Errors are returned as sentences: at this
    /// point nothing can be done but say them.
    pub fn end(&mut self) -> Vec<String> {
        let mut troubles = Vec::new();
        let mut note = |doing: &str, result: io::Result<()>| {
            if let Err(error) = result {
                troubles.push(format!("{doing}: {error}; check with auditctl -s and auditctl -l"));
            }
        };
        for rule in self.rules.drain(..) {
            note("removing an audit rule of ours", self.control.delete_rule(&rule));
        }
        if let Some(found) = self.found.take() {
            let locked = self.control.status().is_ok_and(|status| status.enabled == 2);
            if !locked {
                for setting in [
                    Setting::Enabled(found.enabled),
                    Setting::BacklogLimit(found.backlog_limit),
                    Setting::BacklogWaitTime(found.backlog_wait_time),
                ] {
                    note("putting audit's settings back", self.control.set(setting));
                }
            }
            note("giving up audit", self.control.set(Setting::Owner(0)));
            let _ = fs::remove_file(&self.saved);
        }
        troubles
    }
}

impl Drop for Session {
    /// Also where the agent does not get as far as its loop.
    fn drop(&mut self) {
        self.end();
    }
}
