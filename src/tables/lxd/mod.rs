//! Tables about LXD, from its API (documentation.ubuntu.com/lxd, REST API) over its local socket, that of a package or that
//! of the snap. What is no name of an instance or image (letters, digits, `.`, `_`, `-`) never reaches it.

pub mod lxd_certificates;
pub mod lxd_cluster;
pub mod lxd_cluster_members;
pub mod lxd_images;
pub mod lxd_instance_config;
pub mod lxd_instance_devices;
pub mod lxd_instances;
pub mod lxd_networks;
pub mod lxd_storage_pools;

#[cfg(test)]
mod tests;

use super::feed::{Daemon, Feed, Given};

static LXD: Daemon = Daemon {
    flag: "lxd_socket",
    sockets: &["/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket"],
    is_name: |name| {
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        matches!(name.len(), 1..=64) && name.bytes().all(is_of_names) && !name.starts_with('.')
    },
};

const INSTANCES: &str = "/1.0/instances/";

/// What most of the tables have in common: a listing of paths, in `metadata` like every answer.
const FEED: Feed = Feed {
    daemon: &LXD,
    columns: &[],
    list: "",
    things: "$.metadata",
    key: "value",
    given: Given::Ignored,
    about: &[],
    needs: 0,
    rows: "",
    patience_s: 2,
    finish: None,
};
