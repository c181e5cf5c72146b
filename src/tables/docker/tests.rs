//! The tables against an engine made for the test: answers as the Engine API describes them, and as nobody should give
//! them.

use crate::sql::testing::Tree;
use crate::tables::http::tests::Server;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const WEB: &str = "8dfafdbc3a40ac01e86ca5e3ef9d01be2b5dcd0b3a49b1c5f0a4d7dcab3b9c11";
const OLD: &str = "9cd87474be90f8b1f2c3d4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f";
const SOCKET: &str = "/var/run/docker.sock";

const CONTAINERS: &str = r#"[{"Id":"8dfafdbc3a40ac01e86ca5e3ef9d01be2b5dcd0b3a49b1c5f0a4d7dcab3b9c11","Names":["/web","/proxy/backend"],
 "Image":"nginx:1.27","ImageID":"sha256:d74508fb6632491cea586a1fd7d748dfc5274cd6fdfedee309ecdcbc2bf5cb82",
 "Command":"/docker-entrypoint.sh nginx -g 'daemon off;'","Created":1367854155,
 "Ports":[{"IP":"0.0.0.0","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},{"PrivatePort":443,"Type":"tcp"}],
 "Labels":{"com.example.vendor":"Acme","com.example.note":"a \"quoted\" \u00e9\nline"},"State":"running","Status":"Up 2 hours",
 "HostConfig":{"NetworkMode":"default"},
 "NetworkSettings":{"Networks":{"bridge":{"NetworkID":"7ea29fc1412292a2d7bba362f9253545fecdfa8ce9a6e37dd10ba8bee7129812",
  "EndpointID":"2cdc4edb1ded3631c81f57966563e5c8525b81121bb3706a9a9a3ae102711f3f","Gateway":"172.17.0.1","IPAddress":"172.17.0.2",
  "IPPrefixLen":16,"IPv6Gateway":"","GlobalIPv6Address":"2001:db8::2","GlobalIPv6PrefixLen":64,"MacAddress":"02:42:AC:11:00:02"}}},
 "Mounts":[{"Type":"volume","Name":"fac362","Source":"/var/lib/docker/volumes/fac362/_data","Destination":"/data","Driver":"local",
  "Mode":"ro,Z","RW":false,"Propagation":""},{"Type":"bind","Source":"/etc/x","Destination":"/x","Mode":"","RW":true,
  "Propagation":"rprivate"}]},
 {"Id":"9cd87474be90f8b1f2c3d4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f","Names":["/old"],"Image":"busybox","ImageID":"",
 "Command":"echo 222222","Created":1367854154,"Ports":[],"Labels":{},"State":"exited","Status":"Exited (0) 5 days ago",
 "NetworkSettings":{"Networks":{}},"Mounts":[]},
 {"Id":"4cb07b47f9fb","Names":null,"Ports":null,"Labels":null,"NetworkSettings":{"Networks":null},"Mounts":null}]"#;
const INSPECT_WEB: &str = r#"{"Id":"8dfafdbc3a40","Path":"/docker-entrypoint.sh","Args":["nginx"],"State":{"Status":"running",
 "Running":true,"Pid":4711,"ExitCode":0,"StartedAt":"2015-01-06T15:47:32.072697474Z","FinishedAt":"0001-01-01T00:00:00Z"},
 "HostConfig":{"Privileged":true,"ReadonlyRootfs":false,"SecurityOpt":["label=disable","seccomp=unconfined"]},
 "Config":{"Entrypoint":["/docker-entrypoint.sh","-x"],"Env":["PATH=/usr/bin:/bin","A=b=c","EMPTY=","BARE"]}}"#;
const INSPECT_OLD: &str = r#"{"Id":"9cd87474be90","Path":"echo","State":{"Pid":0,"StartedAt":"2015-01-06T15:47:32Z",
 "FinishedAt":"2015-01-06T15:47:33Z"},"HostConfig":{"Privileged":false,"ReadonlyRootfs":true,"SecurityOpt":null},
 "Config":{"Entrypoint":null,"Env":[]}}"#;
const ONE_WEB: &str = "/containers/json?all=1&filters=%7B%22id%22%3A%5B%228dfafdbc3a40%22%5D%7D";
const TOP: &str = r#"{"Titles":["PID"],"Processes":[["4711","S","0","0","0","0","0","0","4","1000","   01:30","1","4711","2","0","root",
 "00:00:01","0.5","1.0","nginx","nginx: master process"],["4712","R","33","33","33","33","33","33","8","1000","1-02:03:04","4711","4711",
 "1","-5","www","00:00:02","12.5","0.0","nginx","nginx: worker"],["13642"]]}"#;
const STATS: &str = r#"{"name":"/web","id":"8dfafdbc3a40","read":"2015-01-08T22:57:31.5479Z","preread":"2015-01-08T22:57:30.547920715Z",
 "pids_stats":{"current":3},"num_procs":0,
 "networks":{"eth0":{"rx_bytes":5338,"tx_bytes":648},"eth5":{"rx_bytes":4641,"tx_bytes":690}},
 "memory_stats":{"stats":{"cache":10,"inactive_file":20,"total_inactive_file":30},"max_usage":6651904,"usage":6537216,
  "limit":18446744073709551615},
 "blkio_stats":{"io_service_bytes_recursive":[{"major":8,"minor":0,"op":"Read","value":100},{"op":"read","value":11},
  {"op":"Write","value":200},{"op":"Total","value":311}]},
 "cpu_stats":{"cpu_usage":{"total_usage":100215355,"usage_in_kernelmode":30000000,"usage_in_usermode":10000000},
  "system_cpu_usage":739306590000000,"online_cpus":4},
 "precpu_stats":{"cpu_usage":{"total_usage":100093996,"usage_in_kernelmode":30000001,"usage_in_usermode":10000002},
  "system_cpu_usage":9492140000000,"online_cpus":5}}"#;
const IMAGES: &str = r#"[{"Id":"sha256:ec3f0931a6e6b6855d76b2d7b0be30e81860baccd891b2e243280bf1cd8ad710","ParentId":"",
 "RepoTags":["example:1.0","example:latest"],"Created":1644009612,"Size":172064416,"Labels":{"some":"label"}},
 {"Id":"sha256:aaaa","RepoTags":null,"Created":0,"Size":1,"Labels":null}]"#;
const IMAGE: &str =
    r#"{"Id":"sha256:ec3f","RootFS":{"Type":"layers","Layers":["sha256:1834950e52ce","sha256:5f70bf18a086"]}}"#;
const HISTORY: &str = r#"[{"Id":"3db9c44f4520","Created":1398108230,"CreatedBy":"/bin/sh -c #(nop) ADD file in /",
 "Tags":["ubuntu:lucid","ubuntu:10.04"],"Size":182964289,"Comment":""},{"Id":"<missing>","Created":1371157430,"CreatedBy":"",
 "Tags":null,"Size":0,"Comment":"Imported from -"}]"#;
const NETWORKS: &str = r#"[{"Name":"bridge","Id":"f2de39df4171b0dc801e8002d1d999b77256983dfc63041c0f34030aa3977566",
 "Created":"2016-10-19T06:21:00.416543526Z","Driver":"bridge","EnableIPv6":false,"Labels":{"a":"b"},
 "IPAM":{"Driver":"default","Config":[{"Subnet":"172.17.0.0/16","Gateway":"172.17.0.1"},{"Subnet":"10.0.0.0/8"}]}},
 {"Name":"none","Id":"e086a3893b05","Created":"2016-10-19T06:21:00+02:00","Driver":"null","EnableIPv6":true,"IPAM":{"Config":null}}]"#;
const VOLUMES: &str = r#"{"Volumes":[{"Name":"tardis","Driver":"local","Mountpoint":"/var/lib/docker/volumes/tardis/_data",
 "CreatedAt":"2016-06-07T20:31:11.853781916Z","Labels":{"com.example":"yes"},"Options":{"device":"tmpfs","type":"tmpfs"}},
 {"Name":"plain","Driver":"local","Mountpoint":"/p","Labels":null,"Options":null}],"Warnings":null}"#;
const VERSION: &str = r#"{"Platform":{"Name":"Docker Engine - Community"},"Version":"27.0.3","ApiVersion":"1.46","MinAPIVersion":"1.24",
 "GitCommit":"662f78c","GoVersion":"go1.21.11","Os":"linux","Arch":"amd64","KernelVersion":"6.8.0","BuildTime":"2024-06-29T00:02:50"}"#;
const INFO: &str = r#"{"ID":"7TRN:IPZB","Containers":14,"ContainersRunning":3,"ContainersPaused":1,"ContainersStopped":10,"Images":508,
 "Driver":"overlay2","MemoryLimit":true,"SwapLimit":false,"NCPU":4,"MemTotal":2095882240,"IPv4Forwarding":true,
 "KernelVersion":"6.8.0","OperatingSystem":"Ubuntu 24.04 LTS","OSType":"linux","Architecture":"x86_64","Name":"node5",
 "ServerVersion":"27.0.3","DockerRootDir":"/var/lib/docker","CgroupDriver":"systemd","LoggingDriver":"json-file"}"#;

const ANSWERS: &[(&str, &str)] = &[
    ("/containers/json?all=1", CONTAINERS),
    (ONE_WEB, CONTAINERS),
    ("/containers/8dfafdbc3a40ac01e86ca5e3ef9d01be2b5dcd0b3a49b1c5f0a4d7dcab3b9c11/json", INSPECT_WEB),
    ("/containers/8dfafdbc3a40/json", INSPECT_WEB),
    ("/containers/9cd87474be90f8b1f2c3d4e5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f/json", INSPECT_OLD),
    (
        "/containers/8dfafdbc3a40/top?ps_args=axwwo%20pid,state,uid,gid,euid,egid,suid,sgid,rss,vsz,etime,ppid,pgrp,nlwp,nice,\
         user,time,pcpu,pmem,comm,cmd",
        TOP,
    ),
    (
        "/containers/8dfafdbc3a40/changes",
        r#"[{"Path":"/dev","Kind":0},{"Path":"/test","Kind":1},{"Path":"/a b","Kind":2},{"Path":"/x","Kind":7}]"#,
    ),
    ("/containers/abc/changes", "null"),
    ("/containers/8dfafdbc3a40/stats?stream=false", STATS),
    ("/images/json", IMAGES),
    ("/images/ec3f0931a6e6b6855d76b2d7b0be30e81860baccd891b2e243280bf1cd8ad710/json", IMAGE),
    ("/images/ec3f/json", IMAGE),
    ("/images/ec3f/history", HISTORY),
    ("/networks", NETWORKS),
    ("/networks?filters=%7B%22id%22%3A%5B%22f2de%22%5D%7D", NETWORKS),
    ("/volumes", VOLUMES),
    ("/version", VERSION),
    ("/info", INFO),
];

fn engine(name: &str) -> (Tree, Server) {
    let tree = Tree::new(name);
    let server = Server::json(&tree.place(SOCKET), ANSWERS);
    (tree, server)
}

#[test]
fn containers_and_what_inspecting_them_adds() {
    let (tree, server) = engine("docker-containers");
    for name in super::docker_containers::NAMESPACES {
        tree.link(format!("/proc/4711/ns/{name}"), &format!("{name}:[4026531{}]", name.len()));
    }
    let sql = "SELECT id, name, image, substr(image_id, 1, 6), command, created, state, status FROM docker_containers \
               LIMIT 2";
    let wanted = [
        [
            WEB,
            "/web",
            "nginx:1.27",
            "d74508",
            "/docker-entrypoint.sh nginx -g 'daemon off;'",
            "1367854155",
            "running",
            "Up 2 hours",
        ],
        [OLD, "/old", "busybox", "", "echo 222222", "1367854154", "exited", "Exited (0) 5 days ago"],
    ];
    assert_eq!(tree.rows(sql), wanted);
    assert_eq!(*server.asked.lock().unwrap(), ["/containers/json?all=1"], "nobody was inspected for that");
    let sql = "SELECT pid, path, config_entrypoint, started_at, finished_at, privileged, security_options, env_variables, \
               readonly_rootfs, cgroup_namespace, uts_namespace FROM docker_containers";
    let wanted = [
        [
            "4711",
            "/docker-entrypoint.sh",
            "/docker-entrypoint.sh, -x",
            "2015-01-06T15:47:32.072697474Z",
            "",
            "1",
            "label=disable, seccomp=unconfined",
            "PATH=/usr/bin:/bin, A=b=c, EMPTY=, BARE",
            "0",
            "40265316",
            "40265313",
        ],
        ["0", "echo", "", "2015-01-06T15:47:32Z", "2015-01-06T15:47:33Z", "0", "", "", "1", "", ""],
        ["NULL", "", "", "", "", "NULL", "", "", "NULL", "", ""],
    ];
    assert_eq!(tree.rows(sql), wanted);
}

#[test]
fn a_short_id_finds_its_container() {
    let (tree, server) = engine("docker-short");
    let sql = "SELECT id, pid FROM docker_containers WHERE id = ";
    assert_eq!(tree.rows(&format!("{sql}'8dfafdbc3a40'")), [["8dfafdbc3a40", "4711"]]);
    assert_eq!(server.asked.lock().unwrap().as_slice()[..2], [ONE_WEB, "/containers/8dfafdbc3a40/json"]);
    server.asked.lock().unwrap().clear();
    assert!(tree.rows(&format!("{sql}'no id'")).is_empty());
    assert!(tree.rows("SELECT * FROM docker_container_stats WHERE id = '../../images'").is_empty());
    assert!(tree.rows("SELECT * FROM docker_image_layers WHERE id = 'a?b'").is_empty());
    let asked = server.asked.lock().unwrap().join(" ");
    assert!(!asked.contains("no id") && !asked.contains("..") && !asked.contains("a?b"), "{asked}");
}

#[test]
fn what_belongs_to_containers() {
    let (tree, _server) = engine("docker-of-containers");
    let envs = tree.rows("SELECT key, value FROM docker_container_envs");
    assert_eq!(envs, [["PATH", "/usr/bin:/bin"], ["A", "b=c"], ["EMPTY", ""], ["BARE", ""]]);
    let labels = tree.rows("SELECT id, key, value FROM docker_container_labels");
    assert_eq!(labels, [[WEB, "com.example.vendor", "Acme"], [WEB, "com.example.note", "a \"quoted\" \u{e9}\nline"]]);
    let mounts =
        tree.rows("SELECT type, name, source, destination, driver, mode, rw, propagation FROM docker_container_mounts");
    let wanted = [
        ["volume", "fac362", "/var/lib/docker/volumes/fac362/_data", "/data", "local", "ro,Z", "0", ""],
        ["bind", "", "/etc/x", "/x", "", "", "1", "rprivate"],
    ];
    assert_eq!(mounts, wanted);
    let sql = "SELECT name, substr(network_id, 1, 4), substr(endpoint_id, 1, 4), gateway, ip_address, ip_prefix_len, ipv6_gateway, \
               ipv6_address, ipv6_prefix_len, mac_address FROM docker_container_networks WHERE id LIKE '8d%'";
    let wanted =
        ["bridge", "7ea2", "2cdc", "172.17.0.1", "172.17.0.2", "16", "", "2001:db8::2", "64", "02:42:AC:11:00:02"];
    assert_eq!(tree.rows(sql), [wanted]);
    let ports = tree.rows("SELECT type, port, host_ip, host_port FROM docker_container_ports");
    assert_eq!(ports, [["tcp", "80", "0.0.0.0", "8080"], ["tcp", "443", "", "0"]]);
    let changes =
        tree.rows("SELECT path, change_type FROM docker_container_fs_changes WHERE id IN ('8dfafdbc3a40', 'abc')");
    assert_eq!(changes, [["/dev", "C"], ["/test", "A"], ["/a b", "D"]]);
}

#[test]
fn processes_and_resources_of_a_container() {
    let (tree, _server) = engine("docker-processes");
    let sql = "SELECT pid, name, cmdline, state, uid, sgid, wired_size, resident_size, total_size, parent, pgroup, threads, nice, user, \
               time, cpu, mem FROM docker_container_processes WHERE id = '8dfafdbc3a40'";
    let wanted = [
        [
            "4711",
            "nginx",
            "nginx: master process",
            "S",
            "0",
            "0",
            "0",
            "4096",
            "1024000",
            "1",
            "4711",
            "2",
            "0",
            "root",
            "00:00:01",
            "0.5",
            "1",
        ],
        [
            "4712",
            "nginx",
            "nginx: worker",
            "R",
            "33",
            "33",
            "0",
            "8192",
            "1024000",
            "4711",
            "4711",
            "1",
            "-5",
            "www",
            "00:00:02",
            "12.5",
            "0",
        ],
    ];
    assert_eq!(tree.rows(sql), wanted);
    let sql = "SELECT abs(unixepoch() - start_time - CASE pid WHEN 4711 THEN 90 ELSE 93784 END) < 30 \
               FROM docker_container_processes WHERE id = '8dfafdbc3a40'";
    assert_eq!(tree.rows(sql), [["1"], ["1"]]);
    let wanted = [
        "8dfafdbc3a40",
        "/web",
        "3",
        "1420757851",
        "1420757850",
        "999979285",
        "111",
        "200",
        "0",
        "100215355",
        "30000000",
        "10000000",
        "739306590000000",
        "4",
        "100093996",
        "30000001",
        "10000002",
        "9492140000000",
        "5",
        "6537216",
        "10",
        "20",
        "30",
        "6651904",
        "9223372036854775807",
        "9979",
        "1338",
    ];
    assert_eq!(tree.rows("SELECT * FROM docker_container_stats WHERE id = '8dfafdbc3a40'"), [wanted]);
    let error = crate::sql::testing::try_rows(tree.path(), "SELECT * FROM docker_container_stats").unwrap_err();
    assert!(error.contains("required column"), "{error}");
}

#[test]
fn images_networks_and_volumes() {
    let (tree, _server) = engine("docker-images");
    const EC: &str = "ec3f0931a6e6b6855d76b2d7b0be30e81860baccd891b2e243280bf1cd8ad710";
    let images = tree.rows("SELECT * FROM docker_images");
    assert_eq!(images, [[EC, "1644009612", "172064416", "example:1.0,example:latest"], ["aaaa", "0", "1", ""]]);
    assert_eq!(tree.rows("SELECT * FROM docker_image_labels"), [[EC, "some", "label"]]);
    assert_eq!(tree.rows("SELECT value FROM docker_image_labels WHERE id = 'ec3f'"), [["label"]]);
    let layers = [[EC, "1834950e52ce", "1"], [EC, "5f70bf18a086", "2"]];
    assert_eq!(tree.rows("SELECT * FROM docker_image_layers"), layers, "the other image cannot be inspected");
    assert_eq!(
        tree.rows("SELECT id, layer_order FROM docker_image_layers WHERE id = 'ec3f'"),
        [["ec3f", "1"], ["ec3f", "2"]]
    );
    let wanted = [
        ["ec3f", "1398108230", "182964289", "/bin/sh -c #(nop) ADD file in /", "ubuntu:lucid,ubuntu:10.04", ""],
        ["ec3f", "1371157430", "0", "", "", "Imported from -"],
    ];
    assert_eq!(tree.rows("SELECT * FROM docker_image_history WHERE id = 'ec3f'"), wanted);
    let networks = tree.rows("SELECT name, driver, created, enable_ipv6, subnet, gateway FROM docker_networks");
    let wanted = [
        ["bridge", "bridge", "1476858060", "0", "172.17.0.0/16", "172.17.0.1"],
        ["none", "null", "1476850860", "1", "", ""],
    ];
    assert_eq!(networks, wanted);
    assert_eq!(tree.rows("SELECT id, key, value FROM docker_network_labels WHERE id = 'f2de'"), [["f2de", "a", "b"]]);
    let wanted = [["tardis", "local", "/var/lib/docker/volumes/tardis/_data", "tmpfs"], ["plain", "local", "/p", ""]];
    assert_eq!(tree.rows("SELECT * FROM docker_volumes"), wanted);
    assert_eq!(
        tree.rows("SELECT * FROM docker_volume_labels WHERE name = 'tardis'"),
        [["tardis", "com.example", "yes"]]
    );
}

#[test]
fn the_engine_itself() {
    let (tree, _server) = engine("docker-engine");
    let wanted = ["27.0.3", "1.46", "1.24", "662f78c", "go1.21.11", "linux", "amd64", "6.8.0", "2024-06-29T00:02:50"];
    assert_eq!(tree.rows("SELECT * FROM docker_version"), [wanted]);
    let wanted = [
        "7TRN:IPZB",
        "14",
        "3",
        "1",
        "10",
        "508",
        "overlay2",
        "1",
        "0",
        "0",
        "0",
        "0",
        "0",
        "0",
        "1",
        "0",
        "0",
        "0",
        "json-file",
        "systemd",
        "6.8.0",
        "Ubuntu 24.04 LTS",
        "linux",
        "x86_64",
        "4",
        "2095882240",
        "",
        "",
        "",
        "node5",
        "27.0.3",
        "/var/lib/docker",
    ];
    assert_eq!(tree.rows("SELECT * FROM docker_info"), [wanted]);
}

#[test]
fn the_config_file_says_where_the_engine_is() {
    let tree = Tree::new("docker-flag");
    let _server = Server::json(&tree.place("/run/user/1000/docker.sock"), ANSWERS);
    assert!(tree.rows("SELECT version FROM docker_version").is_empty());
    let config = "{\"options\": {\"docker_socket\": \"/run/user/1000/docker.sock\"}}";
    tree.file("/etc/osquery/osquery.conf", config);
    assert_eq!(tree.rows("SELECT version FROM docker_version"), [["27.0.3"]]);
}

fn hostile(name: &str, answer: impl Fn(&str, &mut UnixStream) + Send + 'static) -> (Vec<Vec<String>>, Duration) {
    let tree = Tree::new(name);
    let _server = Server::new(&tree.place(SOCKET), answer);
    let start = Instant::now();
    let rows = tree.rows("SELECT id, pid, name FROM docker_containers");
    (rows, start.elapsed())
}

#[test]
fn an_engine_that_misbehaves_costs_its_rows_and_little_time() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    let say = |text: &'static str| {
        move |_: &str, stream: &mut UnixStream| drop(stream.write_all(&[OK, text.as_bytes()].concat()))
    };
    for (index, text) in
        ["<html>", "", "nul", "[{\"Id\":", "{}", "3", "[1, \"x\", null, [], {}]", "{\"message\": \"no\"}"]
            .iter()
            .enumerate()
    {
        assert_eq!(hostile(&format!("docker-hostile-{index}"), say(text)).0, Vec::<Vec<String>>::new(), "{text}");
    }
    let deep: &'static str = format!("{}{}", "[".repeat(5000), "]".repeat(5000)).leak();
    assert!(hostile("docker-deep", say(deep)).0.is_empty());
    // The listing is good; what there is to know about each is cut, then late: nothing more is asked.
    let cut = |path: &str, stream: &mut UnixStream| {
        let body = if path.ends_with("all=1") { CONTAINERS } else { "{\"State\": {\"Pid\": 7" };
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    };
    assert!(hostile("docker-cut", cut).0.is_empty());
    let late = |path: &str, stream: &mut UnixStream| {
        if !path.ends_with("all=1") {
            std::thread::sleep(Duration::from_secs(3));
        }
        let _ = stream.write_all(&[OK, CONTAINERS.as_bytes()].concat());
    };
    let (rows, time) = hostile("docker-late", late);
    assert_eq!(rows, [[WEB, "NULL", "/web"]]);
    assert!(time < Duration::from_secs(3), "{time:?}");
    let huge = |_: &str, stream: &mut UnixStream| {
        let _ = stream.write_all(&[OK, b"["].concat());
        while stream.write_all(&b"{\"Id\":\"a\"},".repeat(6000)).is_ok() {}
    };
    assert!(hostile("docker-huge", huge).0.is_empty());
    let chunked = |path: &str, stream: &mut UnixStream| {
        let body =
            if path.ends_with("all=1") { "[{\"Id\":\"a\",\"Names\":[\"/a\"]}]" } else { "{\"State\":{\"Pid\":7}}" };
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for byte in body.bytes() {
            let _ = stream.write_all(format!("1\r\n{}\r\n", char::from(byte)).as_bytes());
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    };
    assert_eq!(hostile("docker-chunked", chunked).0, [["a", "7", "/a"]]);
}

#[test]
fn ids_that_are_no_ids_ask_for_nothing_else() {
    let answer = |_: &str, stream: &mut UnixStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n[{\"Id\":\"a b\\r\\nX: y\",\"Names\":[\"/odd\"]}]");
    };
    let (rows, _) = hostile("docker-odd-id", answer);
    assert_eq!(rows, [["a b\r\nX: y", "NULL", "/odd"]]);
}

#[test]
fn no_engine_no_rows() {
    let tree = Tree::new("docker-none");
    assert!(tree.rows("SELECT * FROM docker_containers").is_empty());
    tree.file(SOCKET, "a file");
    assert!(tree.rows("SELECT * FROM docker_version").is_empty());
}
