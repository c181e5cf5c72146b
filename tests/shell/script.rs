//! Scripts on standard input: statements over lines, comments, dot-commands, errors.

use crate::bench::{Bench, failed, printed};

#[test]
fn statements_gather_until_they_are_complete() {
    let bench = Bench::new();
    for (script, wanted) in [
        ("select 1 as a;\n", "a\n1\n"),
        ("select\n1 as\na\n;\n", "a\n1\n"),
        ("select 1 as a; select 2 as b;\nselect 3 as c;", "a\n1\nb\n2\nc\n3\n"),
        ("select ';' as a\n;\n", "a\n;\n"),
        ("select 'x\ny' as a;\n", "a\nx\ny\n"),
        ("-- a comment\n\n   \n/* more */\nselect 1 as a; -- after\n", "a\n1\n"),
        ("select 1 as a -- inside ;\n, 2 as b;\n", "a|b\n1|2\n"),
        ("/* over\nlines; */ select 1 as a;\n", "a\n1\n"),
        ("select 1 as a", "a\n1\n"),
        ("select 1 as a\n-- no end", "a\n1\n"),
        ("select 1 as a;\r\nselect 2 as b;\r\n", "a\n1\nb\n2\n"),
        ("select 1 as\n.5e0;\n", ".5e0\n1\n"),
        ("", ""),
        ("\n\n-- nothing\n", ""),
        ("select 'é' as a;", "a\né\n"),
        ("create temp view v as select 5 as a;\nselect * from v;\n", "a\n5\n"),
    ] {
        let script = if script.contains(".5e0") { "select 1 as\n\".5e0\";\n" } else { script };
        assert_eq!(bench.script(&["--list"], script), printed(wanted), "{script:?}");
    }
}

#[test]
fn errors_name_the_line_and_the_rest_goes_on() {
    let bench = Bench::new();
    let script = "select 1 as a;\n\nselect\nnope\n;\nselect 2 as a;\n.nothing\nselect 3 as a; selct 4;\nselect 5 as a";
    let unknown = "Error: unknown command or invalid arguments:  \"nothing\". Enter \".help\" for help\n";
    let err = format!(
        "Error: near line 3: no such column: nope\n{unknown}Error: near line 8: near \"selct\": syntax error\n"
    );
    assert_eq!(bench.script(&["--list"], script), failed("a\n1\na\n2\na\n3\na\n5\n", &err, 1));
    let err = "Error: near line 4: no such column: nope\n";
    assert_eq!(bench.script(&["--list"], &format!(".bail on\n{script}")), failed("a\n1\n", err, 1));
    assert_eq!(bench.script(&[], "select 'open"), failed("", "Error: near line 1: unrecognized token: \"'open\"\n", 1));
    assert_eq!(
        bench.script(&[], "selct;\n.exit\nselect 1;"),
        failed("", "Error: near line 1: near \"selct\": syntax error\n", 1)
    );
    assert_eq!(bench.script(&["--list"], ".exit 9\nselect 1;"), failed("", "", 9));
}

#[test]
fn dot_commands_set_things() {
    let bench = Bench::new();
    for (script, wanted) in [
        (".mode csv\nselect 1 as a, 'x,y' as b;\n", "a,b\n1,\"x,y\"\n"),
        (".mode list\n.separator ' - '\nselect 1 as a, 2 as b;\n", "a - b\n1 - 2\n"),
        (".mode list\n.sep \"\\t\"\n.header off\nselect 1, 2;\n", "1\t2\n"),
        (".mode lines\n.nullvalue NONE\nselect null as a;\n", "    a = NONE\n"),
        (".mo json\nselect 1 as a;\nselect 2 as a;\n", "[\n  {\"a\":\"1\"}\n]\n[\n  {\"a\":\"2\"}\n]\n"),
        (".mode list\n.heade no\nselect 1 as a;\n.h yes\nselect 1 as a;\n", "1\na\n1\n"),
        (".print\n.pri a 'b  c' \"d\\te\"\n", "\na b  c d\te\n"),
        (".tables upt\n.list uptim\n", "  => uptime\n  => uptime\n"),
        (".timeout 100\n.quit\n.print not reached\n", ""),
        (
            ".mode list\n.echo on\n.print x\n-- c\nselect 1 as a; select 2 as b;\n",
            ".print x\nx\n-- c\nselect 1 as a;\na\n1\nselect 2 as b;\nb\n2\n",
        ),
        (".all uptime\n.mode list\n.headers off\nselect 1;\n", ""),
        (
            ".mode list\n.types select pid, name, 1 as one, 1.5, null from processes;\n",
            "name|type\npid|BIGINT\nname|TEXT\none|INTEGER\n1.5|DOUBLE\nnull|UNKNOWN\n",
        ),
        (".mode list\n.types select\n days from uptime;\n", "name|type\ndays|INTEGER\n"),
        (".types select nope;\nselect 1 as a;\n", "Error 1: no such column: nope\n+---+\n| a |\n+---+\n| 1 |\n+---+\n"),
        (".width 5\n.mode column\nselect 'longer' as a;\n", "a    \n-----\nlonge\n"),
    ] {
        let ran = bench.script(&[], script);
        assert_eq!((ran.err.as_str(), ran.code), ("", 0), "{script}");
        if script.starts_with(".all") {
            assert!(ran.out.starts_with("+------+") && ran.out.ends_with("\n1\n"), "{}", ran.out);
        } else {
            assert_eq!(ran.out, wanted, "{script}");
        }
    }
}

#[test]
fn dot_commands_complain() {
    let bench = Bench::new();
    let ran = bench.script(&[], ".mode jsn\n.bail maybe\n.echo\n");
    let wanted = "Error: mode should be one of: column csv json json_pretty json_typed line list pretty\n\
                  ERROR: Not a boolean value: \"maybe\". Assuming \"no\".\n";
    assert_eq!(
        (ran.err.as_str(), ran.code),
        (
            format!("{wanted}Error: unknown command or invalid arguments:  \"echo\". Enter \".help\" for help\n")
                .as_str(),
            1
        )
    );
    let help = bench.script(&[], ".help\n");
    assert_eq!((help.out.as_str(), help.code), ("", 0));
    for name in [
        "all",
        "bail",
        "connect",
        "disconnect",
        "echo",
        "exit",
        "features",
        "headers",
        "help",
        "list",
        "mode",
        "nullvalue",
        "print",
        "quit",
        "schema",
        "separator",
        "show",
        "socket",
        "summary",
        "tables",
        "timeout",
        "timer",
        "types",
        "version",
        "width",
    ] {
        assert!(help.err.contains(&format!(".{name}")), "{name} is missing in .help");
    }
}

#[test]
fn the_shell_tells_about_itself() {
    let bench = Bench::new();
    let shown = bench.script(&["--nullvalue=\"\t", "--csv"], ".width 3 4\n.show\n.summary\n").out;
    for line in [
        "      headers: on",
        "         mode: csv",
        "    nullvalue: \"\\\"\\t\"",
        "    separator: \"|\"",
        "        width: 3 4 ",
        "       output: stdout",
        "  csv: true",
    ] {
        assert_eq!(shown.lines().filter(|shown| *shown == line).count(), 2, "{line:?} in {shown}");
    }
    let features = bench.script(&["--nodisable_distributed", "--enable_syslog"], ".features\n").out;
    assert!(
        features.contains("disable_distributed: false\n") && features.contains("enable_syslog: true\n"),
        "{features}"
    );
    assert!(features.lines().all(|line| line.starts_with("disable_") || line.starts_with("enable_")));
    assert!(!features.contains("enable_tables"), "switches only");
    let timed = bench.script(&["--list"], ".timer on\nselect 1 as a;\n").out;
    let time = timed.strip_prefix("a\n1\nRun Time: real ").expect("a time");
    let words: Vec<&str> = time.split_whitespace().collect();
    assert_eq!((words.len(), words[1], words[3]), (5, "user", "sys"), "{time}");
    assert!([words[0], words[2], words[4]].iter().all(|number| number.parse::<f64>().is_ok()), "{time}");
    assert_eq!((words[0].len(), words[2].len() >= 8), (5, true), "{time}");
}

#[test]
fn bytes_that_are_no_text() {
    let bench = Bench::new();
    let (out, err, code) = bench.bytes("osqueryi", &["--list"], b"select '\xff' as a;\nselect 1 as b;\0 ignored;\n");
    assert_eq!((String::from_utf8_lossy(&out).as_ref(), err.as_slice(), code), ("a\n\u{fffd}\nb\n1\n", &b""[..], 0));
}
