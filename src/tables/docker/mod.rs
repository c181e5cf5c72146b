//! Tables about Docker, from its engine's API (docs.docker.com/reference/api/engine) over its local socket. An id may be
//! given in its short form; what is no id (1 to 64 hex digits) never reaches the engine.

pub mod docker_container_envs;
pub mod docker_container_fs_changes;
pub mod docker_container_labels;
pub mod docker_container_mounts;
pub mod docker_container_networks;
pub mod docker_container_ports;
pub mod docker_container_processes;
pub mod docker_container_stats;
pub mod docker_containers;
pub mod docker_image_history;
pub mod docker_image_labels;
pub mod docker_image_layers;
pub mod docker_images;
pub mod docker_info;
pub mod docker_network_labels;
pub mod docker_networks;
pub mod docker_version;
pub mod docker_volume_labels;
pub mod docker_volumes;

#[cfg(test)]
mod tests;

use super::feed::{Daemon, Feed, Given};

static DOCKER: Daemon = Daemon {
    flag: "docker_socket",
    sockets: &["/var/run/docker.sock"],
    is_name: |name| matches!(name.len(), 1..=64) && name.bytes().all(|byte| byte.is_ascii_hexdigit()),
};

const CONTAINERS: &str = "/containers/json?all=1";
/// `filters={"id":["ID"]}`.
const ONE_CONTAINER: Given = Given::Filter("&filters=%7B%22id%22%3A%5B%22{}%22%5D%7D");
const NETWORKS: &str = "/networks";
const ONE_NETWORK: Given = Given::Filter("?filters=%7B%22id%22%3A%5B%22{}%22%5D%7D");
const IMAGES: &str = "/images/json";
const LABELS: &str = "?1, key, value FROM x, json_each(t, '$.Labels') WHERE key IS NOT NULL";

/// What most of the tables have in common.
const FEED: Feed = Feed {
    daemon: &DOCKER,
    columns: &[],
    list: "",
    things: "$",
    key: "value->>'Id'",
    given: Given::Ignored,
    about: &[],
    needs: 0,
    rows: "",
    patience_s: 2,
    finish: None,
};
