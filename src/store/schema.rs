//! events.db as SQL: written by the collector alone, read by everybody.
//!
//! `image.visible = 1` rows are what process_events shows. A row that is too old but still somebody's ancestor turns
//! `visible = 0` and goes when its last descendant has gone.

/// Bumped whenever [`SCHEMA`] changes shape; kept in `PRAGMA user_version`. A file of another version is set aside.
pub const VERSION: i32 = 1;

/// Creates everything. Paths, command lines and working directories are stored as TEXT when they are valid UTF-8 and as
/// BLOB otherwise, so that not a byte is lost. Times ending in `_ns` are ns since the epoch.
pub const SCHEMA: &str = "
CREATE TABLE image(
  id INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  visible INTEGER NOT NULL,
  link INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  ppid INTEGER NOT NULL,
  forker INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  time_ns INTEGER NOT NULL,
  stamp_ms INTEGER NOT NULL,
  uptime_s INTEGER NOT NULL,
  serial INTEGER NOT NULL,
  syscall TEXT,
  auid INTEGER, uid INTEGER, gid INTEGER, euid INTEGER, suid INTEGER, fsuid INTEGER,
  egid INTEGER, sgid INTEGER, fsgid INTEGER,
  mode INTEGER, owner_uid INTEGER, owner_gid INTEGER,
  path, cmdline, cwd,
  end_ns INTEGER,
  status INTEGER
);
CREATE INDEX image_parent ON image(parent);
CREATE INDEX image_kept ON image(id) WHERE visible = 0;
";

/// The table of [`super::status::Numbers`] and four texts, one row (id 1): `CREATE TABLE agent(id INTEGER PRIMARY KEY,
/// version TEXT, source TEXT, last_error TEXT, instance_id TEXT, <every name of Numbers::NAMES> INTEGER)`.
/// version: the agent's; source: words for `rung`; last_error: one sentence or ''; instance_id: a UUID for each run.
pub fn agent_table() -> String {
    let mut sql = String::from(
        "CREATE TABLE agent(id INTEGER PRIMARY KEY, version TEXT, source TEXT, last_error TEXT, instance_id TEXT",
    );
    for name in super::status::Numbers::NAMES {
        sql.push_str(", ");
        sql.push_str(name);
        sql.push_str(" INTEGER");
    }
    sql.push(')');
    sql
}
