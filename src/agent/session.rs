//! From options to a running source: subscribing, taking audit over, and the words for it.

use super::numbers::AuditNumbers;
use crate::audit::session::{Refusal, Session, Wishes};
use crate::config::options::Options;
use crate::log;
use crate::source::connector::Connector;
use crate::source::kernel::Kernel;
use std::path::PathBuf;

/// Audit as the loop sees it: numbers once a second, and an end. A stand-in where audit comes from somewhere else.
pub trait AuditState {
    /// Owner, lost, backlog; None if the kernel does not say.
    fn numbers(&mut self) -> Option<AuditNumbers>;
    /// Puts audit back as it was found; sentences about what could not be.
    fn end(&mut self) -> Vec<String>;
}

impl AuditState for Session {
    fn numbers(&mut self) -> Option<AuditNumbers> {
        let status = self.status().ok()?;
        let lost_before = self.lost_before;
        Some(AuditNumbers { owner: status.pid, lost: status.lost, lost_before, backlog: status.backlog })
    }

    fn end(&mut self) -> Vec<String> {
        Session::end(self)
    }
}

/// Where a session notes what it found; /run is emptied by a boot, as audit's settings are.
fn saved_path() -> PathBuf {
    PathBuf::from("/run/stemma.audit")
}

/// Subscribes to the connector and takes audit over, as the options say.
///
/// # Errors
/// Audit cannot be had: see [`Refusal::sentence`].
pub fn begin(options: &Options) -> Result<(Kernel, Session), Refusal> {
    let connector = match options.audit_source.as_str() {
        "audit" => None,
        _ => Connector::subscribe()
            .inspect_err(|error| {
                log::warning(&format!(
                    "the proc connector cannot be had ({error}): births come from audit's fork records, exits are not seen"
                ));
            })
            .ok(),
    };
    let wishes = Wishes {
        multicast_only: options.audit_source == "multicast",
        forks: connector.is_none(),
        exclude: options.audit_exclude_records,
        backlog_limit: options.audit_backlog_limit.min(u64::from(u32::MAX)) as u32,
        backlog_wait_time: options.audit_backlog_wait_time.min(u64::from(u32::MAX)) as u32,
        receive_buffer_bytes: options.audit_receive_buffer as usize,
        owner_only: options.audit_source == "owner",
        saved: saved_path(),
    };
    let (session, socket) = Session::begin(&wishes)?;
    for remark in &session.remarks {
        log::warning(remark);
    }
    let access = session.access();
    Ok((Kernel::new(socket, access, connector), session))
}
