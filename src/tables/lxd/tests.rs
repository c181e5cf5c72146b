//! The tables against a daemon made for the test: answers as LXD's API describes them.

use crate::sql::testing::{Tree, try_rows};
use crate::tables::http::tests::Server;

const IMAGE: &str = r#"{"type":"sync","status":"Success","status_code":200,"metadata":{"architecture":"x86_64","auto_update":true,
 "cached":false,"public":false,"created_at":"2021-03-23T20:00:00-04:00","expires_at":"2025-03-23T20:00:00-04:00",
 "uploaded_at":"2021-03-24T14:18:15Z","last_used_at":"2021-03-22T20:39:00.575185384-04:00","filename":"06b8.rootfs","size":272237676,
 "fingerprint":"06b86454720d36b20f94e31c6812e05ec51c1b568cf3a8abd273769d213394bb","aliases":[{"name":"ubuntu-20.04"},{"name":"focal"}],
 "properties":{"os":"Ubuntu","release":"focal","description":"Ubuntu 20.04 LTS amd64"},
 "update_source":{"alias":"20.04","certificate":"","protocol":"simplestreams","server":"https://images.example"}}}"#;
const INSTANCE: &str = r#"{"metadata":{"name":"web","status":"Running","stateful":false,"ephemeral":true,
 "created_at":"2021-03-23T20:00:00-04:00","architecture":"x86_64","config":{"volatile.base_image":"06b8","image.os":"Ubuntu",
 "security.nesting":"true"},"expanded_devices":{"root":{"path":"/","pool":"default","type":"disk"},"eth0":{"name":"eth0",
 "type":"nic","network":"lxdbr0"}}}}"#;
const NETWORK: &str = r#"{"metadata":{"name":"lxdbr0","type":"bridge","managed":true,"config":{"ipv4.address":"10.0.0.1/24",
 "ipv6.address":"none"},"used_by":["/1.0/profiles/default","/1.0/instances/web"]}}"#;

const ANSWERS: &[(&str, &str)] = &[
    ("/1.0/certificates", r#"{"type":"sync","metadata":["/1.0/certificates/c0ffee"]}"#),
    (
        "/1.0/certificates/c0ffee",
        r#"{"metadata":{"name":"castiana","type":"client","fingerprint":"c0ffee","certificate":"X509 PEM"}}"#,
    ),
    (
        "/1.0/cluster",
        r#"{"metadata":{"server_name":"lxd01","enabled":true,"member_config":[{"entity":"storage-pool","name":"local","key":"source",
        "value":"","description":"\"source\" property for storage pool \"local\""},{"entity":"network","name":"lxdbr0","key":"parent",
        "value":"eth1","description":""}]}}"#,
    ),
    ("/1.0/cluster/members", r#"{"metadata":["/1.0/cluster/members/lxd01","/1.0/cluster/members/gone"]}"#),
    (
        "/1.0/cluster/members/lxd01",
        r#"{"metadata":{"server_name":"lxd01","url":"https://10.0.0.1:8443","database":true,"status":"Online","message":"fully operational"}}"#,
    ),
    ("/1.0/images", r#"{"metadata":["/1.0/images/06b86454720d36b20f94e31c6812e05ec51c1b568cf3a8abd273769d213394bb"]}"#),
    ("/1.0/images/06b86454720d36b20f94e31c6812e05ec51c1b568cf3a8abd273769d213394bb", IMAGE),
    ("/1.0/images/06b8", IMAGE),
    ("/1.0/instances", r#"{"metadata":["/1.0/instances/web","/1.0/instances/vm"]}"#),
    ("/1.0/instances/web", INSTANCE),
    (
        "/1.0/instances/web/metadata",
        r#"{"metadata":{"architecture":"x86_64","properties":{"architecture":"amd64","os":"ubuntu","description":"Ubuntu focal"}}}"#,
    ),
    ("/1.0/instances/web/state", r#"{"metadata":{"status":"Running","pid":7281,"processes":50}}"#),
    (
        "/1.0/instances/vm",
        r#"{"metadata":{"name":"vm","status":"Stopped","stateful":true,"ephemeral":false,"created_at":"","architecture":"aarch64",
        "config":{"image.os":"Debian"},"expanded_devices":{}}}"#,
    ),
    ("/1.0/networks", r#"{"metadata":["/1.0/networks/lxdbr0"]}"#),
    ("/1.0/networks/lxdbr0", NETWORK),
    (
        "/1.0/networks/lxdbr0/state",
        r#"{"metadata":{"hwaddr":"00:16:3e:5a:83:57","mtu":1500,"state":"up","type":"broadcast","counters":{"bytes_received":250542118,
        "bytes_sent":17524040140,"packets_received":1182515,"packets_sent":1567934}}}"#,
    ),
    ("/1.0/storage-pools", r#"{"metadata":["/1.0/storage-pools/default"]}"#),
    (
        "/1.0/storage-pools/default",
        r#"{"metadata":{"name":"default","driver":"zfs","config":{"source":"/var/lib/lxd/disks/default.img","size":"30GB"}}}"#,
    ),
    (
        "/1.0/storage-pools/default/resources",
        r#"{"metadata":{"space":{"used":343537419776,"total":420100937728},"inodes":{"used":3275333,"total":30709993}}}"#,
    ),
];

fn daemon(name: &str) -> (Tree, Server) {
    let tree = Tree::new(name);
    let server = Server::json(&tree.place("/var/snap/lxd/common/lxd/unix.socket"), ANSWERS);
    (tree, server)
}

#[test]
fn instances_with_what_their_images_say() {
    let (tree, _server) = daemon("lxd-instances");
    let wanted = [
        [
            "web",
            "Running",
            "0",
            "1",
            "2021-03-23T20:00:00-04:00",
            "06b8",
            "amd64",
            "ubuntu",
            "Ubuntu focal",
            "7281",
            "50",
        ],
        ["vm", "Stopped", "1", "0", "", "", "aarch64", "Debian", "", "NULL", "NULL"],
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_instances"), wanted);
    assert_eq!(tree.rows("SELECT pid FROM lxd_instances WHERE name = 'web'"), [["7281"]]);
    let config = tree.rows("SELECT * FROM lxd_instance_config WHERE name = 'web' ORDER BY key");
    let wanted =
        [["web", "image.os", "Ubuntu"], ["web", "security.nesting", "true"], ["web", "volatile.base_image", "06b8"]];
    assert_eq!(config, wanted);
    let wanted = [
        ["web", "eth0", "nic", "name", "eth0"],
        ["web", "eth0", "nic", "network", "lxdbr0"],
        ["web", "root", "disk", "path", "/"],
        ["web", "root", "disk", "pool", "default"],
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_instance_devices WHERE name = 'web' ORDER BY device, key"), wanted);
    assert!(try_rows(tree.path(), "SELECT * FROM lxd_instance_config").is_err());
}

#[test]
fn the_rest() {
    let (tree, _server) = daemon("lxd-rest");
    assert_eq!(tree.rows("SELECT * FROM lxd_certificates"), [["castiana", "client", "c0ffee", "X509 PEM"]]);
    let wanted = [
        ["lxd01", "1", "storage-pool", "local", "source", "", "\"source\" property for storage pool \"local\""],
        ["lxd01", "1", "network", "lxdbr0", "parent", "eth1", ""],
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_cluster"), wanted);
    let wanted = ["lxd01", "https://10.0.0.1:8443", "1", "Online", "fully operational"];
    assert_eq!(tree.rows("SELECT * FROM lxd_cluster_members"), [wanted], "a member that is gone has no row");
    let wanted = [
        "06b86454720d36b20f94e31c6812e05ec51c1b568cf3a8abd273769d213394bb",
        "x86_64",
        "Ubuntu",
        "focal",
        "Ubuntu 20.04 LTS amd64",
        "ubuntu-20.04,focal",
        "06b8.rootfs",
        "272237676",
        "1",
        "0",
        "0",
        "2021-03-23T20:00:00-04:00",
        "2025-03-23T20:00:00-04:00",
        "2021-03-24T14:18:15Z",
        "2021-03-22T20:39:00.575185384-04:00",
        "https://images.example",
        "simplestreams",
        "",
        "20.04",
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_images"), [wanted]);
    assert_eq!(tree.rows("SELECT id, os FROM lxd_images WHERE id = '06b8'"), [["06b8", "Ubuntu"]]);
    let wanted = [
        "lxdbr0",
        "bridge",
        "1",
        "10.0.0.1/24",
        "none",
        "/1.0/profiles/default,web",
        "250542118",
        "17524040140",
        "1182515",
        "1567934",
        "00:16:3e:5a:83:57",
        "up",
        "1500",
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_networks"), [wanted]);
    let wanted = [
        "default",
        "zfs",
        "/var/lib/lxd/disks/default.img",
        "30GB",
        "343537419776",
        "420100937728",
        "3275333",
        "30709993",
    ];
    assert_eq!(tree.rows("SELECT * FROM lxd_storage_pools"), [wanted]);
}

#[test]
fn what_is_no_name_is_not_asked() {
    let (tree, server) = daemon("lxd-names");
    for name in ["../images", "..", "a/b", "a?b", "", "a b"] {
        assert!(tree.rows(&format!("SELECT * FROM lxd_instance_config WHERE name = '{name}'")).is_empty());
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn no_daemon_no_rows() {
    assert!(Tree::new("lxd-none").rows("SELECT * FROM lxd_instances").is_empty());
}
