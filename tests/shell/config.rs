//! Configurations: packs, --config_check, --config_dump.

use crate::bench::{Bench, failed, printed};

#[test]
fn packs_run_query_by_query() {
    let bench = Bench::new();
    let pack = bench.file("pack.conf", "{\"queries\": {\"f\": {\"query\": \"select 'file' as a;\", \"interval\": 1}}}");
    let config = bench.file(
        "osquery.conf",
        &format!(
            "{{\"packs\": {{\"p\": {{\"queries\": {{\"two\": {{\"query\": \"select nope\"}}, \"one\": {{\"query\": \"select 1 as a\"}},\
             \"zero\": {{\"query\": \"select 0 as a\"}}}}}}, \"file\": \"{pack}\"}}}}"
        ),
    );
    let run = |pack: &str| bench.shell(&["--list", "--config_path", &config, "--pack", pack]);
    assert_eq!(run("file"), printed("a\nfile\n"));
    assert_eq!(
        run("p"),
        failed("a\n1\n", "Error: no such column: nope\nCould not execute query two: select nope\n", 1)
    );
    assert_eq!(run("q"), failed("", &format!("Error: there is no pack q in {config}\n"), 1));
}

#[test]
fn a_configuration_is_checked_and_dumped() {
    let bench = Bench::new();
    let good = bench.file("good.conf", "{\"options\": {\n# comment\n}}");
    let bad = bench.file("bad.conf", "{\"options\": {\n\"a\" 1}}");
    let with = |flag: &str, path: &str| bench.shell(&[flag, "--config_path", path]);
    assert_eq!(with("--config_check", &good), printed(""));
    let wanted = format!("Error reading config: the config file {bad} is not valid JSON: line 2, column 5\n");
    assert_eq!(with("--config_check", &bad), failed("", &wanted, 1));
    assert_eq!(with("--config_dump", &good), printed(&format!("{{\"{good}\": {{\"options\": {{\n# comment\n}}}}}}\n")));
}
