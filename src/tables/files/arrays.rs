//! Members of a software RAID array, from /sys/block/MD/md/dev-*: their slots and states. A directory read and two small
//! files a member. For `md_devices` and `md_drives`.

use crate::sql::table::Context;
use std::os::unix::ffi::OsStrExt;

/// A member of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The kernel's name of the device.
    pub name: String,
    /// Its place in the array; None: it has none (a spare, a failed one).
    pub slot: Option<i64>,
    /// As the kernel writes it: `in_sync,write_mostly`.
    pub state: Vec<u8>,
}

impl Member {
    /// Whether the kernel says so.
    pub fn is(&self, state: &str) -> bool {
        self.state.split(|&byte| byte == b',').any(|word| word == state.as_bytes())
    }

    /// The state in the words of mdadm: `active sync`, `faulty`, `spare`, `recovering`.
    pub fn shown(&self) -> String {
        let kind = match () {
            () if self.is("faulty") => "faulty",
            () if self.is("in_sync") => "active sync",
            () if self.is("journal") => "journal",
            () if self.slot.is_some() => "recovering",
            () => "spare",
        };
        let more = [("write_mostly", " writemostly"), ("failfast", " failfast")];
        more.into_iter().filter(|(state, _)| self.is(state)).fold(kind.to_string(), |text, (_, more)| text + more)
    }
}

/// A file of an array's own directory, one line; empty: there is none.
pub fn line(context: &Context, array: &str, file: &str) -> Vec<u8> {
    context.root.line(format!("/sys/block/{array}/md/{file}"))
}

/// A number there: the first word, for `2 (3)` is said of an array that is being reshaped.
pub fn number(context: &Context, array: &str, file: &str) -> Option<i64> {
    let line = line(context, array, file);
    std::str::from_utf8(&line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// The members of an array, by slot, those without one last.
pub fn members(context: &Context, array: &str) -> Vec<Member> {
    let names = context.root.sorted_names(format!("/sys/block/{array}/md")).into_iter();
    let member = |name: std::ffi::OsString| {
        let name = String::from_utf8(name.as_bytes().strip_prefix(b"dev-")?.to_vec()).ok()?;
        let file = |file: &str| format!("dev-{name}/{file}");
        let (slot, state) = (number(context, array, &file("slot")), line(context, array, &file("state")));
        Some(Member { slot, state, name })
    };
    let mut members: Vec<Member> = names.filter_map(member).collect();
    members.sort_by_key(|member| member.slot.unwrap_or(i64::MAX));
    members
}
