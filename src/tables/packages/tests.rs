//! What all tables of packages bear: whatever lies where they expect a file.

use crate::sql::testing::{Tree, try_rows};
use std::fs;
use std::os::unix::fs::symlink;

const TABLES: &[&str] = &[
    "apk_packages",
    "apt_sources",
    "busybox_applets",
    "chrome_extension_content_scripts",
    "chrome_extensions",
    "deb_package_files",
    "deb_packages",
    "firefox_addons",
    "jetbrains_plugins",
    "npm_packages",
    "openwrt_config",
    "opkg_packages",
    "portage_keywords",
    "portage_packages",
    "portage_use",
    "python_packages",
    "rpm_package_files",
    "rpm_packages",
    "vscode_extensions",
    "yum_sources",
];
const FILES: &[&str] = &[
    "/lib/apk/db/installed",
    "/etc/apk/world",
    "/etc/apt/sources.list",
    "/etc/apt/sources.list.d/x.list",
    "/etc/apt/sources.list.d/x.sources",
    "/bin/busybox",
    "/var/lib/dpkg/status",
    "/var/lib/dpkg/status.d/x",
    "/var/lib/dpkg/info/x.list",
    "/etc/config/network",
    "/usr/lib/opkg/status",
    "/etc/portage/package.mask",
    "/var/db/pkg/a/b-1/USE",
    "/var/lib/portage/world",
    "/usr/lib/python3/dist-packages/x.dist-info/METADATA",
    "/usr/lib/node_modules/x/package.json",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/Packages",
    "/etc/yum.conf",
    "/etc/yum.repos.d/x.repo",
    "/home/u/.config/chromium/Default/Preferences",
    "/home/u/.config/chromium/Default/Extensions/x/1/manifest.json",
    "/home/u/.mozilla/firefox/profiles.ini",
    "/home/u/.mozilla/firefox/x/extensions.json",
    "/home/u/.local/share/JetBrains/CLion1/x.jar",
    "/home/u/.vscode/extensions/extensions.json",
];

/// Runs all tables over a tree in which `make` has made each file, for the user whose home is in it.
fn survive(name: &str, make: fn(&std::path::Path)) {
    let tree = Tree::new(name);
    tree.file("/etc/passwd", "u:x:4000:0::/home/u:\n");
    for file in FILES {
        let place = tree.place(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        make(&place);
    }
    for table in TABLES {
        let users = ["chrome", "firefox", "jetbrains", "vscode"].iter().any(|start| table.starts_with(start));
        let condition = if users { " WHERE uid = 4000" } else { "" };
        if let Err(message) = try_rows(tree.path(), &format!("SELECT * FROM {table}{condition}")) {
            assert!(message.starts_with("reading RPM's database"), "{name}: {table}: {message}");
        }
    }
}

#[test]
fn a_fifo_a_directory_and_a_loop_where_a_file_should_be() {
    survive("packages-fifo", |place| {
        let made = std::process::Command::new("mkfifo").arg(place).status();
        assert!(made.is_ok_and(|status| status.success()));
    });
    survive("packages-directory", |place| fs::create_dir(place).unwrap());
    survive("packages-loop", |place| symlink(place.file_name().unwrap(), place).unwrap());
}

#[test]
fn bytes_of_all_kinds_where_text_should_be() {
    survive("packages-nul", |place| fs::write(place, vec![0; 5000]).unwrap());
    survive("packages-noise", |place| {
        let noise: Vec<u8> = (0..60_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
        fs::write(place, noise).unwrap();
    });
    survive("packages-lines", |place| {
        fs::write(place, "\n[\n]\n:\n=\n{\n'\n\"\n deb\ndeb [\ndeb x: y\n".repeat(500)).unwrap()
    });
    survive("packages-deep", |place| fs::write(place, "[".repeat(200_000)).unwrap());
}

#[test]
fn a_line_without_end() {
    survive("packages-long", |place| fs::write(place, "Package: x".repeat(1 << 20)).unwrap());
}
