//! The command line: gflags' spellings, what is run in which order, errors and exit codes.

use crate::bench::{Bench, failed, printed};
use std::fs;

#[test]
fn spellings() {
    let bench = Bench::new();
    let json = printed("[\n  {\"a\":\"1\"}\n]\n");
    for flags in [
        &["--json", "select 1 as a"][..],
        &["--json=true", "select 1 as a"],
        &["-json", "select 1 as a"],
        &["select 1 as a", "-json=1"],
        &["--json", "--", "select 1 as a"],
        &["--nojson", "--json", "select 1 as a"],
        &[
            "--tls_hostname",
            "x",
            "--tls_hostname=y",
            "--nodisable_events",
            "--utc=0",
            "-v",
            "3",
            "--json",
            "select 1 as a",
        ],
    ] {
        assert_eq!(bench.shell(flags), json, "{flags:?}");
    }
    assert_eq!(bench.shell(&["--list", "--noheader", "--json", "select 1 as a"]), printed("1\n"));
    assert_eq!(bench.shell(&["--json", "--nojson", "--list", "select 1 as a"]), printed("a\n1\n"));
}

#[test]
fn faults() {
    let bench = Bench::new();
    let fault = |flags: &[&str]| {
        let ran = bench.shell(flags);
        assert_eq!((ran.out.as_str(), ran.code), ("", 1), "{flags:?}");
        ran.err
    };
    assert_eq!(fault(&["--jason", "select 1"]), "ERROR: unknown command line flag 'jason'\n");
    assert_eq!(fault(&["--json=x"]), "ERROR: illegal value 'x' specified for bool flag 'json'\n");
    assert_eq!(fault(&["--read_max=x"]), "ERROR: illegal value 'x' specified for uint64 flag 'read_max'\n");
    assert_eq!(fault(&["--noquery"]), "ERROR: boolean value (noquery) specified for string command line flag\n");
    assert!(fault(&["--query"]).starts_with("ERROR: flag '--query' is missing its argument"));
    assert_eq!(fault(&["--a", "--b"]), "ERROR: unknown command line flag 'a'\nERROR: unknown command line flag 'b'\n");
    assert!(fault(&["--connect=/x"]).contains("extension sockets are not supported"));
    assert!(fault(&["--extension=/x", "select 1"]).contains("extension sockets are not supported"));
    assert!(fault(&["--output=/no/such/file", "select 1"]).starts_with("Error: cannot write /no/such/file: "));
}

#[test]
fn help_and_version() {
    let bench = Bench::new();
    for flag in ["--help", "-help", "--h", "-h"] {
        let ran = bench.shell(&[flag, "--nonsense"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(ran.out.starts_with("Usage: osqueryi [FLAG]"), "{}", ran.out);
        for flag in ["--json", "--query_file", "-A", "--events_max", "--config_path"] {
            assert!(ran.out.contains(&format!("  {flag}")), "{flag}");
        }
    }
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(bench.shell(&["--version"]), printed(&format!("osqueryi version {version}\n")));
    assert_eq!(bench.run("osqueryd", &["--version"], ""), printed(&format!("osqueryd version {version}\n")));
    assert_eq!(bench.run("stemma", &["--version"], ""), printed(&format!("stemma version {version}\n")));
    assert!(bench.run("stemma", &["--help"], "").out.contains("shell"));
}

#[test]
fn what_is_run_first() {
    let bench = Bench::new();
    let file = bench.file("q.sql", "select 'file' as a;\nselect 'more' as a");
    let all: [&str; 5] = ["--list", "--noheader", "--query=select 'flag'", "--query_file", &file];
    let with = |more: &[&str]| bench.script(&[&all[..], more].concat(), "select 'stdin';");
    assert!(with(&["-L", "-A", "uptime", "--pack=p", "select 1"]).out.contains("  => uptime\n"));
    let uptime = with(&["-A", "uptime", "--pack=p", "select 1"]);
    assert_eq!((uptime.out.split('|').count(), uptime.code), (5, 0));
    assert!(with(&["--pack=p", "--config_path=/no/such", "select 1"]).err.contains("/no/such"));
    assert_eq!(with(&["select 'word'"]), printed("flag\n"));
    let rest = |more: &[&str]| bench.script(&[&["--list", "--noheader"], more].concat(), "select 'stdin';");
    assert_eq!(rest(&["--query_file", &file, "select 'word'"]), printed("file\nmore\n"));
    assert_eq!(rest(&["select 'word'", "select 'second'"]), printed("word\n"));
    assert_eq!(rest(&[".print word"]), printed("word\n"));
    assert_eq!(rest(&[]), printed("stdin\n"));
    assert!(bench.shell(&["--query_file=/no/such"]).err.starts_with("Error: cannot read /no/such: "));
}

#[test]
fn exit_codes() {
    let bench = Bench::new();
    for (arguments, err, code) in [
        (&["select * from nope"][..], "Error: no such table: nope\n", 1),
        (&["--query=select nope"], "Error: no such column: nope\n", 1),
        (&["select 1 from"], "Error: incomplete input\n", 1),
        (&["-A", "nope"], "Error querying table: nope\n", 1),
        (&[".all nope"], "Error querying table: nope\n", 1),
        (&[".exit 7"], "", 7),
        (&[".exit"], "", 0),
        (&[".quit"], "", 0),
        (&[".nothing"], "Error: unknown command or invalid arguments:  \"nothing\". Enter \".help\" for help\n", 1),
        (&[".connect /x"], "Error: extension sockets are not supported\n", 1),
        (&[".socket"], "Error: extension sockets are not supported\n", 1),
    ] {
        assert_eq!(bench.shell(arguments), failed("", err, code), "{arguments:?}");
    }
    let denied = bench.shell(&["attach 'x' as y"]);
    assert!(denied.err.ends_with("Error: not authorized\n") && denied.code == 23, "{denied:?}");
}

#[test]
fn the_names_of_the_binary() {
    let bench = Bench::new();
    let wanted = printed("a\n1\n");
    for (program, arguments) in [
        ("osqueryi", &["--list", "select 1 as a"][..]),
        ("osqueryi", &["-S", "--list", "select 1 as a"]),
        ("osqueryd", &["-S", "--list", "select 1 as a"]),
        ("osqueryd", &["--S", "--list", "select 1 as a"]),
        ("stemma", &["shell", "--list", "select 1 as a"]),
    ] {
        assert_eq!(bench.run(program, arguments, ""), wanted, "{program} {arguments:?}");
    }
    // The daemon, which has nothing to do and says so before it touches the kernel.
    for (program, arguments) in
        [("osqueryd", &["--disable_audit", "--pidfile=x"][..]), ("osqueryi", &["-D", "--disable_audit=true"])]
    {
        let ran = bench.run(program, arguments, "");
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("disable_audit leaves nothing to record"), "{}", ran.err);
    }
    let version = bench.run("stemma", &["shell", ".version"], "").out;
    assert!(version.starts_with("stemma ") && version.contains("\nusing SQLite 3."), "{version}");
    assert!(bench.shell(&[".version"]).out.starts_with("osquery "));
}

#[test]
fn flag_files() {
    let bench = Bench::new();
    let file = bench.file("flags", "# how we like it\n--list\n--separator=;\n\n--tls_hostname=x\n--config_path /x\n");
    let sql = "select 1 as a, 2 as b";
    assert_eq!(bench.shell(&["--flagfile", &file, sql]), printed("a;b\n1;2\n"));
    assert_eq!(bench.shell(&["--flagfile", &file, "--separator=:", sql]), printed("a:b\n1:2\n"), "the last one stands");
    let shown = bench.shell(&["--flagfile", &file, ".show"]).out;
    assert!(shown.contains(&format!("     Flagfile: {file}\n")) && shown.contains("\n  tls_hostname: x\n"), "{shown}");
    let odd = bench.file("odd", "--windows_only=1\n--list\n");
    let ran = bench.shell(&["--flagfile", &odd, sql]);
    assert_eq!((ran.out.as_str(), ran.code), ("a|b\n1|2\n", 0));
    assert!(ran.err.contains("line 1: '--windows_only=1' is no flag of ours"), "{}", ran.err);
    let ran = bench.shell(&["--flagfile=/no/such", sql]);
    assert_eq!((ran.out.as_str(), ran.code), ("", 1));
    assert_eq!(ran.err, "ERROR: /no/such: No such file or directory (os error 2)\n");
}

#[test]
fn output_goes_to_a_file() {
    let bench = Bench::new();
    let path = bench.path("out").to_string_lossy().into_owned();
    assert_eq!(bench.shell(&["--output", &path, "--json", "select 1 as a"]), printed(""));
    assert_eq!(fs::read_to_string(&path).unwrap(), "[\n  {\"a\":\"1\"}\n]\n");
    assert_eq!(bench.script(&["--output", &path, "--list"], "select 1 as a;\n.print x\n.tables upt\n"), printed(""));
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\n1\nx\n  => uptime\n");
    assert_eq!(bench.shell(&["--output=-", "--list", "select 1 as a"]), printed("a\n1\n"));
}

#[test]
fn tables_may_be_switched_off() {
    let bench = Bench::new();
    let tables = |flags: &[&str]| bench.shell(&[flags, &[".tables"]].concat()).out;
    assert!(!tables(&["--disable_tables=uptime,processes"]).contains("uptime"));
    assert_eq!(tables(&["--enable_tables=uptime,processes", "--disable_tables=processes"]), "  => uptime\n");
    let ran = bench.shell(&["--disable_tables=processes", "select * from processes"]);
    assert_eq!(ran, failed("", "Error: no such table: processes\n", 1));
}

#[test]
fn limits() {
    let bench = Bench::new();
    let endless = "with recursive c(x) as (select 1 union all select x + 1 from c)";
    let rows = bench.shell(&["--row_limit=2", "--list", "--noheader", &format!("{endless} select x from c")]);
    assert_eq!((rows.out.as_str(), rows.code), ("1\n2\n", 18));
    let time = bench.shell(&["--time-limit", "1", &format!("{endless} select count(*) from c")]);
    assert!(time.code == 9 && time.err.contains("time limit of 1 s"), "{time:?}");
    // What waits for the table's widths counts as the query's memory.
    let memory = bench.shell(&["--memory_limit=4", &format!("{endless} select x, 'some text' from c")]);
    assert!(memory.code == 7 && memory.err.contains("memory limit of 4 MiB"), "{}", memory.err);
}

#[test]
fn profile_and_planner() {
    let bench = Bench::new();
    assert_eq!(bench.script(&["--profile=3"], "select * from uptime\n"), printed(""));
    assert_eq!(
        bench.shell(&["--profile", "1", "select nope"]),
        failed("", "Query failed (1): no such column: nope\n", 1)
    );
    let ran = bench.shell(&["--planner", "--list", "select name from processes where pid = 0"]);
    assert!(ran.err.starts_with("osquery planner: reading processes, columns "), "{}", ran.err);
    assert!(ran.err.contains(", pid = 0"), "{}", ran.err);
}
