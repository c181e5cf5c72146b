//! Paths and patterns over a fixture tree, and the host's `stat` and `find` as oracles.

use crate::sql::testing::{Tree, host, path_of, rows, try_rows};
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

fn tree(name: &str) -> Tree {
    let tree = Tree::new(name);
    tree.file("etc/hosts", "1234567")
        .file("etc/.hidden", "")
        .file("etc/ssl/certs/a.pem", "a")
        .file("etc/ssl/b.pem", "");
    tree.file("etc/ssh/config", "")
        .file("etc/two\nlines", "")
        .file("home/me/.ssh/id.pub", "")
        .file("home/you/notes", "");
    tree.file("etc/ssl/.private/key", "").file("outside/secret", "");
    tree.link("etc/certs", "ssl/certs")
        .link("etc/loop", ".")
        .link("etc/nowhere", "missing")
        .link("etc/abs", "/etc/hosts");
    tree.link("etc/ssl/outside", "/outside").link("home/link", "me");
    tree
}

/// First columns of the rows, sorted.
fn sorted(tree: &Tree, condition: &str) -> Vec<String> {
    let mut paths: Vec<String> = tree
        .rows(&format!("SELECT path FROM file WHERE {condition}"))
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect();
    paths.sort();
    paths
}

#[test]
fn a_path_is_one_row_with_its_parts() {
    let tree = tree("file-parts");
    let parts =
        |path: &str| tree.rows(&format!("SELECT path, directory, filename, type FROM file WHERE path = '{path}'"));
    assert_eq!(parts("/etc/hosts"), [["/etc/hosts", "/etc", "hosts", "regular"]]);
    assert_eq!(parts("/etc"), [["/etc", "/", "etc", "directory"]]);
    assert_eq!(parts("/etc/"), [["/etc/", "/etc", ".", "directory"]]);
    assert_eq!(parts("/"), [["/", "", "/", "directory"]]);
    assert_eq!(parts("/etc/two\nlines"), [["/etc/two\nlines", "/etc", "two\nlines", "regular"]]);
    assert_eq!(parts("/etc/ssl/../hosts"), [["/etc/ssl/../hosts", "/etc/ssl/..", "hosts", "regular"]]);
    assert!(parts("/etc/missing").is_empty());
    assert!(parts("/etc/hosts/x").is_empty());
    assert!(parts("etc/hosts").is_empty(), "below another root there is no working directory");
    assert!(parts("").is_empty());
}

#[test]
fn links_have_the_numbers_of_their_targets() {
    let tree = tree("file-links");
    let sql = "SELECT path, symlink, type, size, symlink_target_path FROM file WHERE path IN";
    let link = |path: &str| tree.rows(&format!("{sql} ('{path}')")).remove(0)[1..].join(" ");
    assert_eq!(link("/etc/hosts"), "0 regular 7 ");
    assert_eq!(link("/etc/abs"), "1 regular 7 /etc/hosts");
    assert_eq!(link("/home/link").split(' ').next_back(), Some("/home/me"));
    assert_eq!(link("/etc/nowhere"), "1 unknown 7 missing");
}

#[test]
fn percent_is_one_level() {
    let tree = tree("file-level");
    let etc = ["/etc/.hidden", "/etc/abs", "/etc/certs/", "/etc/hosts", "/etc/loop/", "/etc/nowhere", "/etc/ssh/"];
    assert_eq!(sorted(&tree, "path LIKE '/etc/%'"), [&etc[..], &["/etc/ssl/", "/etc/two\nlines"]].concat());
    assert_eq!(sorted(&tree, "path LIKE '/etc/h%'"), ["/etc/hosts"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/%sts'"), ["/etc/hosts"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/.%'"), ["/etc/.hidden"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/%/'"), ["/etc/certs/", "/etc/loop/", "/etc/ssh/", "/etc/ssl/"]);
    assert_eq!(sorted(&tree, "path LIKE '/%/hosts'"), ["/etc/hosts"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/hosts'"), ["/etc/hosts"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/host_'"), Vec::<String>::new(), "an underscore is itself");
    assert_eq!(sorted(&tree, "path LIKE '/home/%/.ssh/%.pub'"), ["/home/link/.ssh/id.pub", "/home/me/.ssh/id.pub"]);
    assert_eq!(sorted(&tree, "path LIKE '/home/m%/.ssh'"), ["/home/me/.ssh"]);
    assert_eq!(sorted(&tree, "path LIKE '/home/m%/%sh'"), ["/home/me/.ssh"]);
    assert_eq!(sorted(&tree, "path LIKE '/home/%/notes'"), ["/home/you/notes"]);
    assert_eq!(sorted(&tree, "path LIKE '/missing/%'"), Vec::<String>::new());
    assert_eq!(sorted(&tree, "path LIKE '/etc/hosts/%'"), Vec::<String>::new());
}

#[test]
fn two_percents_are_all_that_lies_below_and_not_through_links() {
    let tree = tree("file-below");
    let ssl =
        ["/etc/ssl/.private/", "/etc/ssl/.private/key", "/etc/ssl/b.pem", "/etc/ssl/certs/", "/etc/ssl/certs/a.pem"];
    assert_eq!(sorted(&tree, "path LIKE '/etc/ssl/%%'"), [&ssl[..], &["/etc/ssl/outside/"]].concat());
    let all = sorted(&tree, "path LIKE '/%%'");
    assert_eq!(all.len(), 26, "{all:?}");
    assert_eq!(sorted(&tree, "path LIKE '/etc/ss%%'").len(), 2 + 6 + 1);
    let directories = ["/etc/ssl/.private/", "/etc/ssl/certs/", "/etc/ssl/outside/"];
    assert_eq!(sorted(&tree, "path LIKE '/etc/ssl/%%/'"), directories);
    assert_eq!(sorted(&tree, "path LIKE '/etc/%%/b.pem'"), ["/etc/ssl/b.pem"], "elsewhere it is one level");
    assert_eq!(sorted(&tree, "path LIKE '/etc/certs/%%'"), ["/etc/certs/a.pem"], "the way to it may be a link");
}

#[test]
fn directories_have_their_children() {
    let tree = tree("file-directories");
    let rows = |condition: &str| {
        let sql = format!("SELECT path, directory, filename FROM file WHERE {condition} ORDER BY path");
        tree.rows(&sql).into_iter().map(|row| row.join(" ")).collect::<Vec<_>>()
    };
    let ssl = [".private", "b.pem", "certs", "outside"].map(|name| format!("/etc/ssl/{name} /etc/ssl {name}"));
    assert_eq!(rows("directory = '/etc/ssl'"), ssl);
    let slash = [".private", "b.pem", "certs", "outside"].map(|name| format!("/etc/ssl/{name} /etc/ssl/ {name}"));
    assert_eq!(rows("directory = '/etc/ssl/'"), slash);
    assert_eq!(rows("directory = '/' AND filename = 'etc'"), ["/etc / etc"]);
    assert_eq!(rows("directory LIKE '/etc/ssl'"), ssl);
    assert_eq!(rows("directory LIKE '/etc/%' AND directory <> '/etc/loop'").len(), 1 + 1 + 4);
    assert_eq!(rows("directory LIKE '/home/m%/.ssh'"), ["/home/me/.ssh/id.pub /home/me/.ssh id.pub"]);
    assert_eq!(rows("directory LIKE '/home/m%/.ssh/'"), ["/home/me/.ssh/id.pub /home/me/.ssh/ id.pub"]);
    let below = rows("directory LIKE '/etc/%%'");
    assert!(below.contains(&"/etc/ssl/certs/a.pem /etc/ssl/certs a.pem".to_string()), "{below:?}");
    assert!(!below.iter().any(|row| row.ends_with("/etc hosts")), "{below:?}");
    assert!(rows("directory = '/etc/hosts'").is_empty());
    assert!(rows("directory = '/missing'").is_empty());
}

#[test]
fn several_constraints_give_each_path_once() {
    let tree = tree("file-several");
    assert_eq!(sorted(&tree, "path LIKE '/etc/%' AND directory = '/etc/ssl'").len(), 4);
    assert_eq!(sorted(&tree, "path LIKE '/etc/ssl/%' AND directory = '/etc/ssl'").len(), 4);
    assert_eq!(sorted(&tree, "path LIKE '/etc/%%' AND path LIKE '%.pem'"), ["/etc/ssl/b.pem", "/etc/ssl/certs/a.pem"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/%%' AND directory LIKE '/etc/ssl%'").len(), 1 + 6);
    assert_eq!(sorted(&tree, "path = '/etc/hosts' AND directory LIKE '/etc/%'"), Vec::<String>::new());
    assert_eq!(sorted(&tree, "path IN ('/etc/hosts', '/etc/ssl', '/missing')"), ["/etc/hosts", "/etc/ssl"]);
    assert_eq!(sorted(&tree, "directory IN ('/etc/ssl', '/etc/ssh')").len(), 5);
}

#[test]
fn what_sqlite_does_not_check_again_holds() {
    let tree = tree("file-trusted");
    let patterns = [
        "/%",
        "/%%",
        "/etc/%",
        "/etc/%%",
        "/etc/s%",
        "/etc/ss%%",
        "/etc/%/%",
        "/%/%%",
        "/home/%/.%",
        "/e_c/%",
        "/ETC/%",
    ];
    for pattern in patterns {
        let trusted = sorted(&tree, &format!("path LIKE '{pattern}'"));
        assert_eq!(
            trusted,
            sorted(&tree, &format!("path LIKE '{pattern}' AND path || '' LIKE '{pattern}'")),
            "{pattern}"
        );
        // Whatever else leads the walk, all conditions hold.
        for other in ["directory = '/etc'", "directory LIKE '/etc%'", "path LIKE '/etc/h%'", "path = '/etc/hosts'"] {
            let both = sorted(&tree, &format!("path LIKE '{pattern}' AND {other}"));
            let checked = format!("path LIKE '{pattern}' AND {other} AND path || '' LIKE '{pattern}'");
            assert_eq!(both, sorted(&tree, &checked), "{pattern}, {other}");
        }
    }
    assert!(sorted(&tree, "path LIKE '/home/%' AND path LIKE '/etc/%'").is_empty());
    assert!(sorted(&tree, "path LIKE '/home/%' AND directory = '/etc'").is_empty());
}

#[test]
fn either_of_two_patterns_gives_each_path_once() {
    let tree = tree("file-or");
    let or = sorted(&tree, "path LIKE '/etc/h%' OR path LIKE '/home/%' OR path = '/etc'");
    assert_eq!(or, ["/etc", "/etc/hosts", "/home/link/", "/home/me/", "/home/you/"]);
    assert_eq!(sorted(&tree, "path LIKE '/etc/h%' OR path LIKE '/etc/%sts'"), ["/etc/hosts"], "found by both");
    assert_eq!(sorted(&tree, "path LIKE '/etc/h%' OR directory = '/etc/ssh'"), ["/etc/hosts", "/etc/ssh/config"]);
}

#[test]
fn a_required_column_must_be_there() {
    let wanted = "Table file was queried without a required column in the WHERE clause";
    assert_eq!(try_rows("", "SELECT * FROM file").unwrap_err(), wanted);
    assert_eq!(try_rows("", "SELECT * FROM file WHERE filename = 'passwd'").unwrap_err(), wanted);
}

#[test]
fn numbers_are_those_of_stat() {
    let sql = "SELECT path, inode, uid, gid, mode, size, block_size, atime, mtime, ctime, hard_links, btime FROM file";
    for path in ["/etc/passwd", "/bin/sh", "/dev/null", "/tmp", "/usr/bin/passwd", "/"] {
        let Some(stat) = host("stat", &["-L", "-c", "%n|%i|%u|%g|%04a|%s|%o|%X|%Y|%Z|%h|%W", path]) else {
            return println!("skipped: needs stat");
        };
        let ours = rows("", &format!("{sql} WHERE path = '{path}'")).remove(0).join("|");
        // Somebody may have read or written it in between.
        if path != "/tmp" {
            assert_eq!(ours, stat.trim(), "{path}");
        }
    }
    assert_eq!(rows("", "SELECT device, type FROM file WHERE path = '/dev/null'"), [["259", "character"]]);
    assert_eq!(rows("", "SELECT mode FROM file WHERE path = '/tmp'"), [["1777"]]);
}

#[test]
fn a_walk_gives_what_find_gives() {
    let tree = tree("file-find");
    for index in 0..3000 {
        tree.file(format!("many/{}/{}/file {index}", index % 10, index % 50), [b'x'; 1]);
    }
    let directory = tree.path().to_str().unwrap();
    let Some(found) = host("find", &[directory, "-mindepth", "1", "-printf", "%p|%i|%s|%m|%y\\0"]) else {
        return println!("skipped: needs find");
    };
    let mut theirs: Vec<_> =
        found.split_terminator('\0').filter(|line| !line.ends_with("|l")).map(str::to_string).collect();
    let sql = format!(
        "SELECT rtrim(path, '/'), inode, size, ltrim(mode, '0'), substr(type, 1, 1) FROM file WHERE path LIKE '{directory}/%%'
        AND symlink = 0"
    );
    let kind = |row: Vec<String>| row.join("|").replace("|r", "|f");
    let mut ours: Vec<_> = rows("", &sql).into_iter().map(kind).collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn a_deep_tree_needs_few_descriptors_and_has_a_bound() {
    let tree = Tree::new("file-deep");
    let deep = "d/".repeat(100);
    tree.file(format!("{deep}file"), "");
    for index in 0..90 {
        tree.file(format!("{}before {index}", "d/".repeat(index)), "")
            .file(format!("{}zz {index}", "d/".repeat(index)), "");
    }
    assert_eq!(sorted(&tree, "path LIKE '/%%'").len(), 100 + 1 + 180);
    // A level of 250 bytes a name: what lies below 16 KiB of path is left out.
    let name = "n".repeat(250);
    let mut place = tree.place("long");
    std::fs::create_dir(&place).unwrap();
    for _ in 0..14 {
        place.push(&name);
        std::fs::create_dir(&place).unwrap();
    }
    assert_eq!(sorted(&tree, "path LIKE '/long/%%'").len(), 14);
}

#[test]
fn names_are_bytes() {
    let tree = Tree::new("file-bytes");
    std::fs::write(tree.path().join(path_of(b"in\xffvalid")), "").unwrap();
    tree.file("it's \"quoted\"; %s", "").file(" ", "");
    assert_eq!(tree.rows("SELECT hex(filename) FROM file WHERE path LIKE '/in%'"), [["696EFF76616C6964"]]);
    assert_eq!(tree.rows("SELECT filename FROM file WHERE path LIKE '/it%'"), [["it's \"quoted\"; %s"]]);
    assert_eq!(tree.rows("SELECT filename FROM file WHERE directory = '/' AND filename = ' '"), [[" "]]);
}

#[test]
fn what_would_wait_is_a_row() {
    let tree = Tree::new("file-fifo");
    let made = std::process::Command::new("mkfifo").arg(tree.place("fifo")).status();
    assert!(made.is_ok_and(|status| status.success()));
    let _socket = std::os::unix::net::UnixListener::bind(tree.place("socket")).unwrap();
    let begun = Instant::now();
    let sql = "SELECT path, type FROM file WHERE path LIKE '/%%' ORDER BY path";
    assert_eq!(tree.rows(sql), [["/fifo", "fifo"], ["/socket", "socket"]]);
    assert!(begun.elapsed().as_secs() < 5);
}

#[test]
fn a_directory_that_may_not_be_read_is_passed_over() {
    let tree = tree("file-locked");
    std::fs::set_permissions(tree.place("etc/ssl"), std::fs::Permissions::from_mode(0o0)).unwrap();
    let count = sorted(&tree, "path LIKE '/etc/%%'").len();
    std::fs::set_permissions(tree.place("etc/ssl"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(count == 10 || count == 16, "{count}: root reads it all the same");
}

#[test]
fn files_are_seen_as_a_process_sees_them() {
    let pid = std::process::id();
    let sql = format!(
        "SELECT path, size > 0, pid_with_namespace, mount_namespace_id FROM file
        WHERE path LIKE '/etc/passw%' AND path NOT LIKE '%-' AND pid_with_namespace = {pid}"
    );
    let namespace =
        std::fs::read_link("/proc/self/ns/mnt").unwrap().to_string_lossy().replace(|c: char| !c.is_ascii_digit(), "");
    let found = rows("", &sql);
    if found.is_empty() {
        return println!("skipped: needs Linux 5.6");
    }
    assert_eq!(found, [["/etc/passwd", "1", &pid.to_string(), &namespace]]);
    let sql = format!("SELECT type FROM file WHERE path = '/proc/self' AND pid_with_namespace = {pid}");
    assert_eq!(rows("", &sql), [["directory"]]);
    assert!(rows("", "SELECT * FROM file WHERE path = '/' AND pid_with_namespace = 4194305").is_empty());
    assert_eq!(rows("", "SELECT pid_with_namespace, mount_namespace_id FROM file WHERE path = '/'"), [["0", ""]]);
}
