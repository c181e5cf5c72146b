use super::*;
use crate::sql::testing::{Tree, host, rows};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

const TCP_HEAD: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const UNIX_HEAD: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n";
const PACKET_HEAD: &str = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n";
const NETLINK_HEAD: &str = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n";

fn inet(local: &str, remote: &str, state: &str, inode: u32) -> String {
    format!("   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100\n")
}

/// Two namespaces; process 1 is in the first, 20 in the second, and both have socket 100 open.
fn machine(name: &str) -> Tree {
    let tree = Tree::new(name);
    let tcp = [
        TCP_HEAD.to_string(),
        inet("00000000:0016", "00000000:0000", "0A", 100),
        inet("00000000:1F90", "00000000:0000", "01", 101),
        inet("00000000:0050", "00000000:1234", "06", 0),
        "   9: torn\n".to_string(),
    ];
    tree.file("/proc/net/tcp", tcp.concat());
    tree.file("/proc/1/net/tcp", "not to be read twice").link("/proc/1/ns/net", "net:[11]");
    let udp = [inet("00000000:0035", "00000000:0000", "07", 102), inet("00000000:0036", "00000000:0035", "01", 103)];
    tree.file("/proc/net/udp", udp.concat()).file("/proc/net/raw", inet("00000000:0001", "00000000:0000", "07", 104));
    let unix = [
        "0000000000000000: 00000002 00000000 00010000 0001 01 200 /run/a b\n",
        "0000000000000000: 00000003 00000000 00000000 0001 03 201 /run/a b\n",
        "0000000000000000: 00000002 00000000 00000000 0002 01 202 /dev/log\n",
        "0000000000000000: 00000002 00000000 00000000 0002 01 203\n",
        "0000000000000000: 00000002 00000000 00010000 0005 01 204 @abstract\n",
    ];
    tree.file("/proc/net/unix", [UNIX_HEAD, &unix.concat()].concat());
    tree.file("/proc/net/packet", [PACKET_HEAD, "0000000000000000 3 3 0003 2 1 0 0 300 \n"].concat());
    let netlink = "0 0 0 0 0 0 0 2 0 4\n0 15 77 1 0 0 0 2 0 400\n0 9 0 0 0 0 0 2 0 401\n";
    tree.file("/proc/net/netlink", [NETLINK_HEAD, netlink].concat());
    for (fd, link) in ["socket:[100]", "/dev/null", "socket:[200]", "socket:[201]", "socket:[401]"].iter().enumerate() {
        tree.link(format!("/proc/1/fd/{fd}"), link);
    }
    tree.link("/proc/20/fd/5", "socket:[100]")
        .link("/proc/20/fd/6", "socket:[500]")
        .link("/proc/20/fd/7", "socket:[x]");
    tree.link("/proc/20/ns/net", "net:[22]")
        .file("/proc/20/net/tcp", inet("00000000:0017", "00000000:0000", "0A", 500));
    // In the same namespace, so one of the two lists is read.
    tree.link("/proc/21/ns/net", "net:[22]").link("/proc/21/fd/0", "socket:[102]");
    tree.file("/proc/21/net/tcp", inet("00000000:0017", "00000000:0000", "0A", 500));
    tree.link("/proc/30/ns/net", "x").link("/proc/30/fd/0", "socket:[999]").file("/proc/31/fd/x", "");
    tree
}

#[test]
fn sockets_of_two_namespaces_and_who_has_them() {
    let tree = machine("sockets-two");
    let sql =
        "SELECT socket, pid, fd, family, protocol, state, net_namespace FROM process_open_sockets ORDER BY socket, pid";
    let wanted = [
        "0 -1 -1 2 6 TIME_WAIT 11",
        "100 1 0 2 6 LISTEN 11",
        "100 20 5 2 6 LISTEN 11",
        "101 -1 -1 2 6 ESTABLISHED 11",
        "102 21 0 2 17  11",
        "103 -1 -1 2 17  11",
        "104 -1 -1 2 255  11",
        "200 1 2 1 0  11",
        "201 1 3 1 0  11",
        "202 -1 -1 1 0  11",
        "203 -1 -1 1 0  11",
        "204 -1 -1 1 0  11",
        "300 -1 -1 17 3 NONE 11",
        "400 -1 -1 16 15  11",
        "401 1 4 16 9  11",
        "500 20 6 2 6 LISTEN 22",
    ];
    let found: Vec<_> = tree.rows(sql).iter().map(|row| row.join(" ")).collect();
    assert_eq!(found, wanted);
}

#[test]
fn sockets_of_one_process() {
    let tree = machine("sockets-one");
    let sql =
        |pid: &str| tree.rows(&format!("SELECT socket, fd FROM process_open_sockets WHERE pid = {pid} ORDER BY fd"));
    assert_eq!(sql("1"), [["100", "0"], ["200", "2"], ["201", "3"], ["401", "4"]]);
    assert_eq!(sql("20"), [["100", "5"], ["500", "6"]]);
    assert_eq!(sql("30").len() + sql("31").len() + sql("99").len() + sql("'x'").len(), 0);
    assert_eq!(sql("-1").len(), 9);
    assert_eq!(tree.rows("SELECT count(*) FROM process_open_sockets WHERE pid IN (1, 20)"), [["6"]]);
}

#[test]
fn the_search_for_the_sockets_of_one_process_ends_with_its_last() {
    let tree = machine("sockets-end");
    let context = Rc::new(Context { root: crate::sys::root::Root::new(tree.path()), ..Context::default() });
    let count = |living: Living| {
        context.root.fail_from(0);
        let mut sockets = Sockets::over(&context, living, Choice::All).unwrap();
        while sockets.advance() {}
        context.root.accesses()
    };
    let asked = |pid: i64| {
        let pid = crate::sql::table::Constraint { column: 0, op: crate::sql::table::Op::Equal, value: pid.into() };
        Living::of(&Query { used: 1, constraints: vec![pid], context: context.clone() }, 0)
    };
    let (all, none, one) = (count(Living::all(&context)), count(asked(31)), count(asked(20)));
    assert!(none < 8 && one < all, "{none}, {one} and {all} accesses");
}

#[test]
fn what_is_open_to_all() {
    let tree = machine("sockets-open");
    let sql = "SELECT pid, port, protocol, family, address, fd, socket, path, net_namespace FROM listening_ports
               ORDER BY socket, pid";
    let wanted = [
        "1,22,6,2,0.0.0.0,0,100,,11",
        "20,22,6,2,0.0.0.0,5,100,,11",
        "21,53,17,2,0.0.0.0,0,102,,11",
        "-1,1,255,2,0.0.0.0,-1,104,,11",
        "1,0,0,1,,2,200,/run/a b,11",
        "-1,0,0,1,,-1,202,/dev/log,11",
        "-1,0,0,1,,-1,204,@abstract,11",
        "-1,0,3,17,,-1,300,,11",
        "20,23,6,2,0.0.0.0,6,500,,22",
    ];
    let found: Vec<_> = tree.rows(sql).iter().map(|row| row.join(",")).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_full_reading_of_tcp_is_followed_by_another() {
    let tree = Tree::new("sockets-many");
    let lines: String = (1..=1000).map(|inode| inet("00000000:0016", "00000000:0000", "0A", inode)).collect();
    tree.file("/proc/net/tcp", [TCP_HEAD, &lines].concat());
    assert_eq!(tree.rows("SELECT count(DISTINCT socket), net_namespace FROM listening_ports"), [["1000", "0"]]);
}

/// Our sockets of the live table by descriptor: the columns after it.
fn ours(columns: &str, table: &str) -> BTreeMap<i32, Vec<String>> {
    let sql = format!("SELECT fd, {columns} FROM {table} WHERE pid = {}", std::process::id());
    rows("", &sql).into_iter().map(|mut row| (row.remove(0).parse().unwrap(), row)).collect()
}

#[test]
fn our_own_sockets() {
    let tree = Tree::new("sockets-live");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(tree.place("/a b")).unwrap();
    let connection = UnixStream::connect(tree.place("/a b")).unwrap();
    let (unix_accepted, _) = unix.accept().unwrap();
    let datagram = UnixDatagram::bind(tree.place("/datagram")).unwrap();
    let six = TcpListener::bind("[::1]:0").ok();
    let all = ours(
        "family, protocol, local_address, local_port, remote_address, remote_port, path, state, net_namespace, socket",
        "process_open_sockets",
    );
    let listening = ours("family, protocol, address, port, path, net_namespace", "listening_ports");

    let space = fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
    let space = space.trim_start_matches("net:[").trim_end_matches(']').to_string();
    let port = |address: std::io::Result<std::net::SocketAddr>| address.unwrap().port().to_string();
    let row = |socket: &dyn AsRawFd| all.get(&socket.as_raw_fd()).map(|row| row[..9].join(" ")).unwrap_or_default();
    let (server, client) = (port(listener.local_addr()), port(stream.local_addr()));
    assert_eq!(row(&listener), format!("2 6 127.0.0.1 {server} 0.0.0.0 0  LISTEN {space}"));
    assert_eq!(row(&stream), format!("2 6 127.0.0.1 {client} 127.0.0.1 {server}  ESTABLISHED {space}"));
    assert_eq!(row(&accepted), format!("2 6 127.0.0.1 {server} 127.0.0.1 {client}  ESTABLISHED {space}"));
    assert_eq!(row(&udp), format!("2 17 127.0.0.1 {} 0.0.0.0 0   {space}", port(udp.local_addr())));
    assert_eq!(row(&unix), format!("1 0  0  0 {}  {space}", tree.place("/a b").display()));
    assert_eq!(row(&connection), format!("1 0  0  0   {space}"));
    if let Some(six) = &six {
        assert_eq!(row(six), format!("10 6 ::1 {} :: 0  LISTEN {space}", port(six.local_addr())));
        assert!(listening.contains_key(&six.as_raw_fd()));
    }
    let inode = fs::read_link(format!("/proc/self/fd/{}", udp.as_raw_fd())).unwrap();
    assert_eq!(format!("socket:[{}]", all[&udp.as_raw_fd()][9]), inode.display().to_string());

    let row = |socket: &dyn AsRawFd| listening.get(&socket.as_raw_fd()).map(|row| row.join(" "));
    assert_eq!(row(&listener), Some(format!("2 6 127.0.0.1 {server}  {space}")));
    assert_eq!(row(&udp), Some(format!("2 17 127.0.0.1 {}  {space}", port(udp.local_addr()))));
    assert_eq!(row(&unix), Some(format!("1 0  0 {} {space}", tree.place("/a b").display())));
    assert_eq!(row(&datagram), Some(format!("1 0  0 {} {space}", tree.place("/datagram").display())));
    for other in [&stream as &dyn AsRawFd, &accepted, &connection, &unix_accepted] {
        assert_eq!(row(other), None);
    }
}

/// Address and port, and who has it open: pid and descriptor.
type Shown = (String, BTreeSet<(String, String)>);

/// Of a line of `ss -Hltunpe`: the inode, and what it shows.
fn shown(line: &str) -> Option<(String, Shown)> {
    let inode = line.split(" ino:").nth(1)?.split(' ').next()?.to_string();
    let place = line.split_whitespace().nth(4)?.to_string();
    let mut holders = BTreeSet::new();
    for part in line.split("pid=").skip(1) {
        let (pid, rest) = part.split_once(",fd=")?;
        holders.insert((pid.to_string(), rest.split(')').next()?.to_string()));
    }
    Some((inode, (place, holders)))
}

#[test]
fn the_same_as_ss_shows() {
    let _some = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let read = || host("ss", &["-Hltunpe"]);
    let Some(before) = read() else {
        println!("skipped: needs ss");
        return;
    };
    let mut ours: BTreeMap<String, Shown> = BTreeMap::new();
    let space = fs::read_link("/proc/self/ns/net").unwrap().display().to_string();
    for row in
        rows("", "SELECT socket, address, port, pid, fd, family, net_namespace FROM listening_ports WHERE port > 0")
    {
        if format!("net:[{}]", row[6]) != space {
            continue;
        }
        let address = if row[5] == "10" { format!("[{}]", row[1]) } else { row[1].clone() };
        let entry = ours.entry(row[0].clone()).or_insert((format!("{address}:{}", row[2]), BTreeSet::new()));
        if row[3] != "-1" {
            entry.1.insert((row[3].clone(), row[4].clone()));
        }
    }
    let after = read().unwrap_or_default();
    let mut compared = 0;
    for line in before.lines().filter(|line| after.contains(line)) {
        let Some((inode, (place, holders))) = shown(line) else { continue };
        let Some(our) = ours.get(&inode) else { panic!("not ours: {line}") };
        // ss writes * for an IPv6 socket that takes IPv4 too, and the interface of one bound to it.
        let port = place.rsplit(':').next().unwrap_or("");
        let is_same =
            our.0 == place || place.starts_with("*:") && our.0 == format!("[::]:{port}") || place.contains('%');
        // A child that another test is starting has what we have, for a moment.
        assert!(is_same && holders.is_subset(&our.1), "{line}: {our:?}");
        compared += 1;
    }
    assert!(compared >= 2, "{before}");
}

#[test]
fn a_listener_in_a_namespace_of_its_own() {
    let arguments = ["-n", "busybox", "nc", "-l", "-p", "4321"];
    let Ok(mut child) = Command::new("unshare").args(arguments).stderr(std::process::Stdio::null()).spawn() else {
        println!("skipped: needs unshare");
        return;
    };
    let sql = format!("SELECT port, net_namespace FROM listening_ports WHERE pid = {}", child.id());
    let mut found = rows("", &sql);
    for _ in 0..100 {
        if !found.is_empty() || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        found = rows("", &sql);
    }
    let space = fs::read_link(format!("/proc/{}/ns/net", child.id()));
    let again = rows("", &format!("SELECT local_port FROM process_open_sockets WHERE pid = {}", child.id()));
    let _ = child.kill();
    let status = child.wait().unwrap();
    if status.code().is_some() {
        println!("skipped: needs root (for unshare -n) and busybox nc");
        return;
    }
    let space = space.unwrap().display().to_string();
    assert_eq!(found, [["4321", space.trim_start_matches("net:[").trim_end_matches(']')]]);
    assert_eq!(again, [["4321"]]);
    assert_ne!(space, fs::read_link("/proc/self/ns/net").unwrap().display().to_string());
}
