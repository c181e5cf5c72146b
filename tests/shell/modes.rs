//! Output modes, through the binary: what a user sees, byte for byte.

use crate::bench::{Bench, printed};
use std::process::Command;

const ROWS: &str = "select 'b 1' as name, 7 as n, null as empty, 1.5 as real, 'é日' as wide, 'say \"x\"' as q \
                    union all select 'line' || char(10) || 'two', -1, '', 1e15, 'it''s', 'a|b,c'";

#[test]
fn every_mode_prints_the_same_rows() {
    let bench = Bench::new();
    let pretty = "+------+----+-------+---------+------+---------+\n\
                  | name | n  | empty | real    | wide | q       |\n\
                  +------+----+-------+---------+------+---------+\n\
                  | b 1  | 7  |       | 1.5     | é日   | say \"x\" |\n\
                  | line\ntwo | -1 |       | 1.0e+15 | it's | a|b,c   |\n\
                  +------+----+-------+---------+------+---------+\n";
    let pretty = pretty.replace("+------+----+", "+----------+----+").replace("| name |", "| name     |");
    let pretty = pretty.replace("| b 1  |", "| b 1      |");
    let json = "[\n  {\"empty\":\"\",\"n\":\"7\",\"name\":\"b 1\",\"q\":\"say \\\"x\\\"\",\"real\":\"1.5\",\"wide\":\"é日\"},\n  \
                {\"empty\":\"\",\"n\":\"-1\",\"name\":\"line\\ntwo\",\"q\":\"a|b,c\",\"real\":\"1.0e+15\",\"wide\":\"it's\"}\n]\n";
    let typed = "[\n  {\"name\":\"b 1\",\"n\":7,\"empty\":null,\"real\":1.5,\"wide\":\"é日\",\"q\":\"say \\\"x\\\"\"},\n  \
                 {\"name\":\"line\\ntwo\",\"n\":-1,\"empty\":\"\",\"real\":1.0e+15,\"wide\":\"it's\",\"q\":\"a|b,c\"}\n]\n";
    let csv = "name|n|empty|real|wide|q\n\"b 1\"|7||1.5|\"é日\"|\"say \"\"x\"\"\"\n\
               \"line\ntwo\"|-1|\"\"|1.0e+15|\"it's\"|\"a|b,c\"\n";
    let list = "name|n|empty|real|wide|q\nb 1|7||1.5|é日|say \"x\"\nline\ntwo|-1||1.0e+15|it's|a|b,c\n";
    let line = " name = b 1\n    n = 7\nempty = \n real = 1.5\n wide = é日\n    q = say \"x\"\n\n \
                name = line\ntwo\n    n = -1\nempty = \n real = 1.0e+15\n wide = it's\n    q = a|b,c\n";
    for (flag, wanted) in [
        ("--header", pretty.as_str()),
        ("--json", json),
        ("--json_typed", typed),
        ("--csv", csv),
        ("--list", list),
        ("--line", line),
    ] {
        assert_eq!(bench.shell(&[flag, ROWS]), printed(wanted), "{flag}");
        if flag != "--header" {
            assert_eq!(bench.run("stemma", &["query", flag, ROWS], ""), printed(wanted), "stemma query {flag}");
            assert_eq!(bench.run("stemma", &["shell", flag, ROWS], ""), printed(wanted), "stemma shell {flag}");
        }
    }
    let got = bench.shell(&["--json_pretty", ROWS]).out;
    let (pretty, plain): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&got).expect("JSON"), serde_json::from_str(json).expect("JSON"));
    assert_eq!(pretty, plain);
    assert!(got.starts_with("[\n  {\n    \"empty\": \"\",\n    \"n\": \"7\",\n"), "{got}");
    let dashed = bench.run("stemma", &["query", "--json-typed", ROWS], "");
    assert_eq!(dashed, printed(typed), "both spellings");
}

#[test]
fn no_rows_and_no_result() {
    let bench = Bench::new();
    for sql in ["select 1 as a where 0", "create temp view v as select 1", "-- nothing", ""] {
        for (flag, wanted) in [
            ("--json", "[\n\n]\n"),
            ("--json_typed", "[\n\n]\n"),
            ("--json_pretty", "[]\n"),
            ("--csv", ""),
            ("--list", ""),
            ("--line", ""),
            ("--header", ""),
        ] {
            assert_eq!(bench.shell(&[flag, sql]), printed(wanted), "{flag} {sql:?}");
        }
        assert_eq!(bench.script(&[], &format!(".mode column\n{sql};\n")), printed(""), "column {sql:?}");
    }
}

#[test]
fn precedence_of_modes() {
    let bench = Bench::new();
    let sql = "select 1 as a";
    let all = ["--json", "--json_pretty", "--csv", "--line", "--list", sql];
    assert_eq!(bench.shell(&all), printed("a\n1\n"), "list");
    assert_eq!(bench.shell(&["--json", "--json_pretty", "--csv", "--line", sql]), printed("    a = 1\n"));
    assert_eq!(bench.shell(&["--json", "--json_pretty", "--csv", sql]), printed("a\n1\n"));
    assert_eq!(bench.shell(&["--json", "--json_pretty", sql]), printed("[\n  {\n    \"a\": \"1\"\n  }\n]\n"));
}

#[test]
fn separator_header_and_nullvalue() {
    let bench = Bench::new();
    let sql = "select 1 as a, null as b";
    let csv = |flags: &[&str]| bench.shell(&[flags, &["--csv", sql]].concat()).out;
    assert_eq!(csv(&[]), "a|b\n1|\n", "--csv alone separates with |");
    assert_eq!(csv(&["--separator", ","]), "a,b\n1,\n");
    assert_eq!(csv(&["--noheader", "--nullvalue=N N"]), "1|N N\n", "NULL is never quoted");
    assert_eq!(csv(&["--header=false", "--separator="]), "1\n");
    let got = bench.shell(&["--nullvalue", "NULL", sql]).out;
    assert_eq!(got, "+---+------+\n| a | b    |\n+---+------+\n| 1 | NULL |\n+---+------+\n");
    assert_eq!(bench.shell(&["--json", "--nullvalue=x", sql]).out, "[\n  {\"a\":\"1\",\"b\":\"x\"}\n]\n");
    assert_eq!(bench.shell(&["--line", "--nullvalue=x", sql]).out, "    a = 1\n    b = x\n");
}

#[test]
fn equal_names() {
    let bench = Bench::new();
    let sql = "select 1 as a, 2 as b, 3 as a";
    let pretty = "+---+---+---+\n| a | b | a |\n+---+---+---+\n| 3 | 2 | 3 |\n+---+---+---+\n";
    assert_eq!(bench.shell(&[sql]), printed(pretty));
    assert_eq!(bench.shell(&["--json", sql]), printed("[\n  {\"a\":\"3\",\"b\":\"2\"}\n]\n"));
    assert_eq!(bench.shell(&["--json_typed", sql]), printed("[\n  {\"b\":2,\"a\":3}\n]\n"));
    assert_eq!(bench.shell(&["--list", sql]), printed("a|b|a\n1|2|3\n"));
    assert_eq!(bench.shell(&["--line", sql]), printed("    a = 1\n    b = 2\n    a = 3\n"));
}

#[test]
fn bytes_that_are_no_text() {
    let bench = Bench::new();
    let sql = "select cast(x'61ff62' as text) as bad, cast(x'6100ff' as text) as nul, x'c3a9' as blob";
    let raw = |flag: &str| {
        let (out, err, code) = bench.bytes("osqueryi", &[flag, sql], b"");
        assert_eq!((err.as_slice(), code), (&b""[..], 0), "{flag}");
        out
    };
    assert_eq!(raw("--list"), b"bad|nul|blob\na\xffb|a|\xc3\xa9\n");
    assert_eq!(raw("--csv"), b"bad|nul|blob\n\"a\xffb\"|a|\"\xc3\xa9\"\n");
    assert_eq!(raw("--line"), b"  bad = a\xffb\n  nul = a\n blob = \xc3\xa9\n");
    let wanted = b"+-----+-----+------+\n| bad | nul | blob |\n+-----+-----+------+\n\
                   | a\xffb | a   | \xc3\xa9    |\n+-----+-----+------+\n";
    assert_eq!(raw("--header"), wanted);
    // JSON is always valid.
    assert_eq!(raw("--json"), "[\n  {\"bad\":\"a\u{fffd}b\",\"blob\":\"é\",\"nul\":\"a\"}\n]\n".as_bytes());
}

#[test]
fn column_mode() {
    let bench = Bench::new();
    let script = ".mode column\nselect 'a' as x, 'eleven chars' as y;\n.width 3 -6 0\n.headers off\n\
                  select 'alpha' as x, 'b' as y, 'c' as z;\n";
    let wanted = "x           y           \n----------  ------------\na           eleven chars\n\
                  alp       b  c         \n";
    assert_eq!(bench.script(&[], script), printed(wanted));
}

#[test]
fn what_came_before_an_error_is_printed() {
    let bench = Bench::new();
    let sql = "select 1 as a; select * from nope";
    let ran = bench.shell(&[sql]);
    assert_eq!((ran.out.as_str(), ran.code), ("+---+\n| a |\n+---+\n| 1 |\n+---+\n", 1));
    assert_eq!(ran.err, "Error: no such table: nope\n");
    assert_eq!(bench.shell(&["--json", sql]).out, "[\n  {\"a\":\"1\"}\n]\n");
    assert_eq!(bench.shell(&["--json", "select * from nope"]).out, "[\n\n]\n");
}

#[test]
fn list_mode_is_as_sqlites_own_shell_has_it() {
    let sql = "select 1 as a, 2.5 as b, 'x y' as c, null as d, 1e300 as e, 1.0/3 as f union all select 'é', '', '\"', 'q', 5e-324, -0.0";
    let Ok(host) = Command::new("sqlite3").args(["-list", "-header", "-separator", ";", ":memory:", sql]).output()
    else {
        return println!("skipped: needs sqlite3");
    };
    let (out, _, _) = Bench::new().bytes("osqueryi", &["--list", "--separator=;", sql], b"");
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(&host.stdout));
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let bench = Bench::new();
    let sql = "with recursive c(x) as (select 1 union all select x + 1 from c limit 200000) select x from c";
    for program in ["osqueryi --list", "stemma query --list", "osqueryi --json", "osqueryi --help; true"] {
        let pipe = format!("set -o pipefail; ./{program} \"$1\" | head -n 1");
        let pipe = pipe.replace("; true \"$1\"", "");
        let output =
            Command::new("bash").args(["-c", &pipe, "bash", sql]).current_dir(bench.as_path()).output().expect("bash");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program}");
        assert!(output.status.success(), "{program}: {:?}", output.status);
    }
}
