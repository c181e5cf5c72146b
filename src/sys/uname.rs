//! uname(2): what the kernel calls the machine.

use std::ffi::CStr;
use std::mem;

/// The machine's architecture as the kernel names it (`x86_64`, `aarch64`, `mips`); empty if it will not say.
pub fn machine() -> Vec<u8> {
    // SAFETY: the structure is live, and the kernel ends each name in it with a NUL.
    unsafe {
        let mut names: libc::utsname = mem::zeroed();
        if libc::uname(&raw mut names) != 0 {
            return Vec::new();
        }
        CStr::from_ptr(names.machine.as_ptr()).to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_hosts_tool_says() {
        let Some(said) = crate::sql::testing::host("uname", &["-m"]) else {
            println!("skipped: needs uname");
            return;
        };
        assert_eq!(String::from_utf8(machine()).unwrap(), said.trim());
    }
}
