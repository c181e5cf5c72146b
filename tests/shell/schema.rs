//! `.schema` and `stemma schema`.

use crate::bench::{Bench, failed};

#[test]
fn all_tables_in_every_form() {
    let bench = Bench::new();
    let schema = bench.shell(&[".schema"]).out;
    assert_eq!(bench.run("stemma", &["schema"], "").out, schema, "the same data");
    assert!(schema.lines().all(|line| line.starts_with("CREATE TABLE ") && line.ends_with(';')));
    let tables = bench.shell(&["-L"]).out;
    let names: Vec<&str> = tables.lines().filter_map(|line| line.strip_prefix("  => ")).collect();
    assert_eq!(names.len(), schema.lines().count());
    assert!(names.is_sorted());
    let json = bench.run("stemma", &["schema", "--json"], "").out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let of_json: Vec<&str> = json.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert_eq!(of_json, names);
    let markdown = bench.run("stemma", &["schema", "--markdown"], "").out;
    assert_eq!(markdown.lines().filter(|line| line.starts_with("## ")).count(), names.len());
    // SQLite has the same columns, in the same order.
    for table in json.as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        let sql = format!("select name, type, hidden from pragma_table_xinfo('{name}')");
        let rows = bench.shell(&["--list", "--noheader", &sql]).out;
        let wanted: Vec<String> = table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let hidden = i32::from(column["hidden"] == true);
                format!("{}|{}|{hidden}", column["name"].as_str().unwrap(), column["type"].as_str().unwrap())
            })
            .collect();
        assert_eq!(rows.lines().collect::<Vec<_>>(), wanted, "{name}");
    }
}

#[test]
fn one_table() {
    let bench = Bench::new();
    let uptime = "CREATE TABLE uptime(`days` INTEGER, `hours` INTEGER, `minutes` INTEGER, `seconds` INTEGER, \
                  `total_seconds` BIGINT);\n";
    assert_eq!(bench.shell(&[".schema uptim"]).out, uptime);
    assert_eq!(bench.run("stemma", &["schema", "uptime"], "").out, uptime);
    let processes = bench.shell(&[".schema processes"]).out;
    assert!(processes.contains("PRIMARY KEY (`pid`)) WITHOUT ROWID;\n"), "{processes}");
    assert_eq!(bench.shell(&[".schema nothing"]).out, "");
    assert_eq!(bench.run("stemma", &["schema", "nothing"], ""), failed("", "Error: there is no table nothing\n", 1));
}
