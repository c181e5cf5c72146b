//! A person at the shell: typing, history, completion, Ctrl-C.

use crate::bench::Bench;
use crate::pty::{Terminal, screen};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// Runs for ever.
const ENDLESS: &str = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c;\r";

fn start(bench: &Bench) -> Terminal {
    let mut terminal = Terminal::start(bench, "osqueryi", &["--list", "--noheader"], "xterm", 80);
    terminal.sees("Using a \x1b[1mvirtual database\x1b[0m. Need help, type '.help'\r\n");
    terminal.sees("osquery> ");
    terminal
}

#[test]
fn statements_are_typed_and_answered() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("select 'on' || 'e';\r");
    terminal.sees("\r\none\r\n");
    terminal.types("select\r");
    terminal.sees("    ...> ");
    terminal.types("'tw' || 'o'\r;\r");
    terminal.sees("\r\ntwo\r\n");
    terminal.types("select nope;\r");
    terminal.sees("Error: no such column: nope\r\n");
    terminal.types(".bail on\rselect nope;\rselect 'after' || '!';\r");
    terminal.sees("\r\nafter!\r\n");
    terminal.types(".exit 3\r");
    assert_eq!(terminal.ends(), (3, true));
}

#[test]
fn leaving_with_ctrl_d_tells_whether_anything_failed() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (0, true));
    let mut terminal = start(&bench);
    terminal.types("selct 1;\r");
    terminal.sees("syntax error\r\n");
    terminal.types(".exit\r");
    assert_eq!(terminal.ends(), (1, true));
    let mut terminal = start(&bench);
    terminal.types("select 'not run'\r");
    terminal.sees("    ...> ");
    terminal.types("\x04");
    terminal.sees("Error: incomplete SQL: select 'not run'\r\n");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn lines_are_edited() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    // Left, Backspace, Home, Delete, Ctrl-E, Ctrl-W, Ctrl-Y, Ctrl-U.
    for (keys, wanted) in [
        ("elect 'x1';\x1b[H\x1bOHs\r", "x1"),
        ("select 'x3';\x1b[D\x1b[D\x7f2\r", "x2"),
        ("xselect 'x3';\x01\x1b[3~\r", "x3"),
        ("select 'x4' as wrong;\x1bb\x1b[1;5D\x0b;\r", "x4"),
        ("garbage\x15select 'x5';\r", "x5"),
        ("'x6';\x01\x0bselect \x19\r", "x6"),
        ("select 'éx', 'y';\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x7f\x7f日x7\r", "日x7|y"),
    ] {
        terminal.types(keys);
        terminal.sees(&format!("\r\n{wanted}\r\n"));
        terminal.sees("osquery> ");
    }
    terminal.types(".quit\r");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn long_lines_wrap_and_keep_their_cursor() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, "osqueryi", &[], "xterm", 20);
    terminal.sees("osquery> ");
    // 9 cells of prompt and 31 of text: two full rows.
    terminal.types("select '12345678901234567890123");
    let (rows, cursor) = screen(&terminal.all(), 20);
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let begin = rows.iter().position(|row| row.starts_with("osquery> select")).expect("the prompt");
    assert_eq!(rows[begin..], ["osquery> select '123", "45678901234567890123", ""]);
    assert_eq!(cursor, (begin + 2, 0));
    terminal.types("x\x1b[D\x1b[D\x1b[D");
    let (rows, cursor) = screen(&terminal.all(), 20);
    assert_eq!((rows[begin + 2].as_str(), cursor), ("x", (begin + 1, 18)));
    terminal.types("\x7f\x7f\x7f\x7f");
    let (rows, cursor) = screen(&terminal.all(), 20);
    assert_eq!((rows[begin + 1].as_str(), cursor, rows.len()), ("4567890123456723x", (begin + 1, 14), begin + 2));
    terminal.types("\x01");
    let (_, cursor) = screen(&terminal.all(), 20);
    assert_eq!(cursor, (begin, 9));
    terminal.types("\x0c");
    let (rows, cursor) = screen(&terminal.all(), 20);
    assert_eq!((rows[0].as_str(), cursor), ("osquery> select '123", (0, 9)));
    terminal.types("\x03.exit\r");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn history_is_kept_and_searched() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("select 'fir' || 'st';\rselect 'seco' || 'nd';\rselect 'seco' || 'nd';\r");
    terminal.sees("\r\nsecond\r\n");
    terminal.sees("\r\nsecond\r\n");
    terminal.types("\x1b[A\x1b[A\r");
    terminal.sees("\r\nfirst\r\n");
    // Down comes back to what was being typed.
    terminal.types("select 'typ' || 'ed';\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B\r");
    terminal.sees("\r\ntyped\r\n");
    terminal.types("\x12seco");
    terminal.sees("(search)'seco': ");
    terminal.types("\r");
    terminal.sees("\r\nsecond\r\n");
    terminal.kill();
    let path = bench.path(".osquery/.history");
    let kept = fs::read_to_string(&path).expect("the history");
    assert_eq!(kept.lines().count(), 5, "{kept}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut again = start(&bench);
    again.types("\x1b[A\x1b[A\r");
    again.sees("\r\ntyped\r\n");
    again.types("\x04");
    assert_eq!(again.ends(), (0, true));
    let mut ours = Terminal::start(&bench, "stemma", &["shell", "--list"], "xterm", 80);
    ours.sees("osquery> ");
    ours.types("select 'ours' as a;\r\x04");
    ours.sees("\r\nours\r\n");
    assert_eq!(ours.ends(), (0, true));
    assert_eq!(fs::read_to_string(bench.path(".stemma_history")).unwrap(), "select 'ours' as a;\n");
}

#[test]
fn tab_completes() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("select days >= 0, total_se\t from upti\t;\r");
    terminal.sees("select days >= 0, total_seconds from uptime;");
    terminal.sees("\r\n1|");
    terminal.types(".mod\t lin\t\r");
    terminal.sees(".mode line");
    terminal.types("select uptime.d\t from uptime;\r");
    terminal.sees("days = ");
    terminal.types("select * from process\t");
    let listed = terminal.sees("processes\r\n");
    assert!(listed.contains("process_events"), "{listed}");
    terminal.sees("osquery> select * from process");
    terminal.types("es\t limit 0;\r");
    terminal.sees("select * from processes limit 0;");
    // A pasted indentation completes nothing.
    terminal.types("\t\tselect 'indent' || 'ed' as a;\r");
    terminal.sees("a = indented\r\n");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn ctrl_c_discards_a_line_and_a_statement() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("select 'discarded\x03");
    terminal.sees("^C\r\n");
    terminal.types("select 'begun'\r");
    terminal.sees("    ...> ");
    terminal.types(", 'and\x03");
    terminal.sees("^C\r\n");
    terminal.sees("osquery> ");
    terminal.types("select 'wh' || 'ole';\r");
    terminal.sees("\r\nwhole\r\n");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn ctrl_c_ends_a_statement_and_not_the_shell() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    for statement in [ENDLESS, "select sleep(60);\r", ENDLESS] {
        terminal.types(statement);
        terminal.sees(";\r\n");
        std::thread::sleep(Duration::from_millis(300));
        let pressed = Instant::now();
        terminal.types("\x03");
        terminal.sees("Error: interrupted\r\n");
        assert!(pressed.elapsed() < Duration::from_secs(2), "{:?}", pressed.elapsed());
        terminal.sees("osquery> ");
    }
    // Also while rows stream out.
    terminal.types("with recursive c(x) as (select 1 union all select x + 1 from c) select x from c;\r");
    terminal.sees("\r\n1000\r\n");
    terminal.types("\x03");
    terminal.sees("Error: interrupted\r\n");
    terminal.types("select 'ali' || 've';\r.tables upt\r");
    terminal.sees("\r\nalive\r\n");
    terminal.sees("  => uptime\r\n");
    terminal.types(".exit\r");
    assert_eq!(terminal.ends(), (1, true));
}

#[test]
fn a_statement_that_takes_long_tells_what_it_reads() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types("select count(*) from uptime, ");
    terminal.types("(with recursive c(x) as (select 1 union all select x + 1 from c) select x from c);\r");
    terminal.sees("reading uptime, 1 s (Ctrl-C ends it)");
    terminal.sees("reading uptime, 2 s");
    terminal.types("\x03");
    let seen = terminal.sees("Error: interrupted\r\n");
    assert!(seen.contains("\r\x1b[K"), "the line is taken away: {seen:?}");
    terminal.sees("osquery> ");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (1, true));
}

#[test]
fn what_is_typed_ahead_is_not_lost() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    terminal.types(
        "with recursive c(x) as (select 1 union all select x + 1 from c limit 500000) select count(*) from c;\r",
    );
    terminal.sees("from c;");
    // Keys that the kernel's own line editing would have taken for itself.
    terminal.types("select 'a';\x01\x1b[3~s\x05\x12\x07\x04\r");
    terminal.sees("\r\n500000\r\n");
    terminal.sees("\r\na\r\n");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn three_times_ctrl_c_ends_the_shell_and_leaves_the_terminal_as_it_was() {
    let bench = Bench::new();
    let mut terminal = start(&bench);
    // SQLite looks for interrupts between instructions of its machine; this is one, and takes minutes.
    terminal.types("select instr(hex(zeroblob(1000000)), hex(zeroblob(500000)) || '1');\r");
    terminal.sees("'1');\r\n");
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(100));
        terminal.types("\x03");
    }
    assert_eq!(terminal.ends(), (130, true));
}

#[test]
fn the_shell_goes_with_its_terminal() {
    let bench = Bench::new();
    start(&bench).hangs_up();
    let mut terminal = start(&bench);
    terminal.types(ENDLESS);
    terminal.sees("from c;\r\n");
    terminal.hangs_up();
}

#[test]
fn terminals_that_cannot_edit() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, "osqueryi", &["--list"], "dumb", 80);
    terminal.sees("osquery> ");
    terminal.types("select 1 as\n");
    terminal.sees("    ...> ");
    terminal.types("dumb;\n");
    terminal.sees("\r\ndumb\r\n1\r\n");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), (0, true));
}

#[test]
fn prompts_are_coloured_where_there_are_colours() {
    let bench = Bench::new();
    let mut terminal = Terminal::start(&bench, "osqueryi", &[], "xterm-256color", 80);
    terminal.sees("\x1b[38;5;147mosquery> \x1b[0m");
    terminal.types("select\r");
    terminal.sees("\x1b[38;5;147m    ...> \x1b[0m");
    terminal.types("\x03\x04");
    assert_eq!(terminal.ends(), (0, true));
}
