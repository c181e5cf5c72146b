//! `ssh_configs`: options of ssh clients (ssh_config(5)), from ~/.ssh/config, and from /etc/ssh/ssh_config as uid 0's.
//! One row per option, lower-case as osquery shows it, with the Host or Match line above it. `Include` is an option
//! like others: what it names is not read. Streamed. Links in the home are not followed: see `homes`.

use super::homes::{HomeLines, Sources};
use crate::sql::table::{ADDITIONAL, Column, Each, OPTIMIZED, Table, Type, Value, column};

const COLUMNS: &[Column] = &[
    column(
        "uid",
        Type::BigInt,
        ADDITIONAL | OPTIMIZED,
        "The user whose file it is; without a constraint, the user who asks.",
    ),
    column("block", Type::Text, 0, "The Host or Match line that the option belongs to; empty: it is for all."),
    column("option", Type::Text, 0, "Keyword and arguments."),
    column("ssh_config_file", Type::Text, 0, "Path of the file."),
];

const UID: usize = 0;
const SOURCES: Sources = Sources { homes: &[".ssh/config"], system: "/etc/ssh/ssh_config" };

/// See the module's head.
pub static TABLE: Table = Table {
    name: "ssh_configs",
    help: "Options of ssh clients, by user",
    columns: COLUMNS,
    open: |query| {
        let mut lines = HomeLines::new(&query, TABLE.name, UID, SOURCES);
        let mut block = Vec::new();
        Ok(Each::of(move || {
            while lines.advance() {
                if lines.is_first {
                    block.clear();
                }
                let line = lines.line.trim_ascii().to_ascii_lowercase();
                match line.first() {
                    None | Some(b'#') => {}
                    Some(_) if begins_block(&line) => block = line,
                    Some(_) => {
                        let texts = [&block, &line, &lines.path].map(Value::text);
                        return Some([lines.uid()].into_iter().chain(texts).collect());
                    }
                }
            }
            None
        }))
    },
};

fn begins_block(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"host").or_else(|| line.strip_prefix(b"match"));
    rest.and_then(<[u8]>::first).is_some_and(|byte| b" \t=\"".contains(byte))
}

#[cfg(test)]
mod tests {
    use crate::sql::testing::Tree;

    #[test]
    fn options_and_their_blocks() {
        let tree = Tree::new("ssh_configs");
        tree.file("/etc/passwd", "root:x:0:0::/root:\na:x:77:0::/home/a:\n");
        tree.file("/etc/ssh/ssh_config", "Include /etc/ssh/ssh_config.d/*.conf\nHost *\n    SendEnv LANG LC_*\n");
        let text = "User Me\n#c\n\nHOST\tGit  \n  HostName Git.Example\n hostkeyalias x\nMatch=user b\r\nPort 22\n";
        tree.file("/home/a/.ssh/config", text);
        let wanted = [
            ["", "user me", "/home/a/.ssh/config"],
            ["host\tgit", "hostname git.example", "/home/a/.ssh/config"],
            ["host\tgit", "hostkeyalias x", "/home/a/.ssh/config"],
            ["match=user b", "port 22", "/home/a/.ssh/config"],
        ];
        assert_eq!(tree.rows("SELECT block, option, ssh_config_file FROM ssh_configs WHERE uid = 77"), wanted);
        let system = [
            ["0", "", "include /etc/ssh/ssh_config.d/*.conf", "/etc/ssh/ssh_config"],
            ["0", "host *", "sendenv lang lc_*", "/etc/ssh/ssh_config"],
        ];
        assert_eq!(tree.rows("SELECT * FROM ssh_configs WHERE uid = 0"), system);
        // Without a constraint: the asking user's, which may be nobody's here, and the system's.
        assert_eq!(tree.rows("SELECT * FROM ssh_configs WHERE ssh_config_file LIKE '/etc/%'"), system);
        assert_eq!(tree.rows("SELECT * FROM users JOIN ssh_configs USING (uid)").len(), 6);
    }
}
