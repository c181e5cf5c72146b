//! `interface_ipv6`: what IPv6 does on each interface, from /proc/sys/net/ipv6/conf; an interface without IPv6 has no row.
//!
//! `redirect_accept` and `rtadv_accept` are what the settings come to together, as the kernel reckons it
//! (Documentation/networking/ip-sysctl.rst, include/linux/inetdevice.h), and so does osquery.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::root::Root;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const COLUMNS: &[Column] = &[
    column("interface", Type::Text, 0, "Name."),
    column("hop_limit", Type::Integer, 0, "Hops that packets sent may take; -1 if unknown."),
    column(
        "forwarding_enabled",
        Type::Integer,
        0,
        "Packets are forwarded: 1 yes, 0 no, 2 as a router that listens; -1 unknown.",
    ),
    column("redirect_accept", Type::Integer, 0, "ICMP redirects are heeded."),
    column("rtadv_accept", Type::Integer, 0, "Router advertisements are heeded."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "interface_ipv6",
    help: "IPv6 settings of the network interfaces",
    columns: COLUMNS,
    open: |query| {
        let root = &query.context.root;
        let names = root.sorted_names("/proc/sys/net/ipv6/conf");
        let names = names.iter().filter(|name| *name != "all" && *name != "default");
        Ok(Rows::of(names.map(|name| row(root, name)).collect()))
    },
};

fn setting(root: &Root, interface: &OsStr, name: &str) -> i64 {
    let text = root.line(Path::new("/proc/sys/net/ipv6/conf").join(interface).join(name));
    std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(-1)
}

fn row(root: &Root, interface: &OsStr) -> Vec<Value> {
    let forwarding = setting(root, interface, "forwarding");
    let redirects = [OsStr::new("all"), interface].map(|name| setting(root, name, "accept_redirects") != 0);
    let redirect = if forwarding != 0 { redirects == [true, true] } else { redirects != [false, false] };
    let advertisement = match setting(root, interface, "accept_ra") {
        2 => true,
        accept => accept != 0 && forwarding == 0,
    };
    let numbers = [setting(root, interface, "hop_limit"), forwarding, i64::from(redirect), i64::from(advertisement)];
    let mut row = vec![Value::text(interface.as_bytes())];
    row.extend(numbers.map(Value::Integer));
    row
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn settings_come_together_as_the_kernel_reckons() {
        let tree = Tree::new("interface-ipv6");
        let put = |name: &str, values: [&str; 4]| {
            let files = ["hop_limit", "forwarding", "accept_redirects", "accept_ra"];
            for (file, value) in files.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
                tree.file(format!("/proc/sys/net/ipv6/conf/{name}/{file}"), format!("{value}\n"));
            }
        };
        put("all", ["64", "0", "0", "1"]);
        put("default", ["64", "0", "1", "1"]);
        put("eth0", ["64", "0", "1", "1"]);
        put("eth0.100", ["255", "1", "1", "1"]);
        put("router", ["64", "1", "0", "2"]);
        put("odd\nname", ["x", "", "", "0"]);
        let wanted = [
            ["eth0", "64", "0", "1", "1"],
            ["eth0.100", "255", "1", "0", "0"],
            ["odd\nname", "-1", "-1", "0", "0"],
            ["router", "64", "1", "0", "1"],
        ];
        assert_eq!(tree.rows("SELECT * FROM interface_ipv6"), wanted);
    }

    #[test]
    fn are_those_of_sysctl() {
        let Some(limit) = host("cat", &["/proc/sys/net/ipv6/conf/lo/hop_limit"]) else {
            return println!("skipped: needs IPv6");
        };
        assert_eq!(rows("", "SELECT hop_limit FROM interface_ipv6 WHERE interface = 'lo'"), [[limit.trim()]]);
    }
}
