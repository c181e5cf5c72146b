use super::*;
use crate::sql::engine::SqlError;
use crate::sql::table::{
    ADDITIONAL, ARGUMENT, Column, HIDDEN, INDEX, LISTS, OPTIMIZED, REQUIRED, Rows, Type, column as named, elsewhere,
};
use crate::sys::sqlite;
use std::cell::Cell;

thread_local! {
    static SCANS: Cell<u32> = const { Cell::new(0) };
    static COMPUTED: Cell<u32> = const { Cell::new(0) };
}

const ECHO: &[Column] = &[
    named("key", Type::Text, INDEX, "A text."),
    named("num", Type::BigInt, INDEX, "A number."),
    named("list", Type::BigInt, INDEX | OPTIMIZED | LISTS, "A number whose lists come at once."),
    named("optimized", Type::BigInt, INDEX | OPTIMIZED, "A number whose lists do not."),
    named("plain", Type::BigInt, 0, "A number of which the table does not care."),
    named("asked", Type::Text, HIDDEN, "What the scan was asked."),
    elsewhere("absent_text", Type::Text),
    elsewhere("absent_number", Type::Integer),
];

/// Three rows, whatever the constraints, that tell of them.
static ECHO_TABLE: Table = Table { name: "echo", help: "A test", columns: ECHO, open: echo };
static NEEDS: Table = Table {
    name: "needs",
    help: "A test",
    columns: &[
        named("path", Type::Text, REQUIRED | INDEX, "One of two required."),
        named("directory", Type::Text, REQUIRED, "The other."),
        named("more", Type::Text, ADDITIONAL, "Not required."),
    ],
    open: |query| {
        let path = query.equal(0).cloned().unwrap_or(Value::text("?"));
        Ok(Rows::of(vec![vec![path, Value::text("?"), Value::text("?")]]))
    },
};
static ASKS: Table = Table {
    name: "asks",
    help: "A test",
    columns: &[
        named("question", Type::Text, REQUIRED | ARGUMENT | HIDDEN, "Not checked again."),
        named("answer", Type::Text, 0, "Its length."),
    ],
    open: |query| {
        let length = match query.equal(0) {
            Some(Value::Text(text)) => text.len() as i64,
            _ => -1,
        };
        Ok(Rows::of(vec![vec![Value::text("no"), Value::Integer(length)]]))
    },
};
static FAILS: Table = Table {
    name: "fails",
    help: "A test",
    columns: &[named("at", Type::Text, INDEX, "Where it fails.")],
    open: |query| match query.equal(0) {
        Some(Value::Text(at)) if at == b"open" => Err(TableError { code: 13, message: "no place".into() }),
        Some(Value::Text(at)) => Ok(Box::new(Failing { column: at == b"column" })),
        _ => Err(TableError::new("who knows; 100 % \u{e9}")),
    },
};
/// Stands in the list of tables whose rows may be kept.
static KEPT: Table = Table { name: "routes", help: "A test", columns: ECHO, open: echo };
static WIDE: Table = Table {
    name: "suid_bin",
    help: "A test",
    columns: &[named("n", Type::BigInt, 0, "1 to 100."), named("text", Type::Text, 0, "100,000 bytes.")],
    open: |_| {
        SCANS.set(SCANS.get() + 1);
        Ok(Box::new(Wide { row: 0 }))
    },
};

struct Failing {
    column: bool,
}

impl Cursor for Failing {
    fn advance(&mut self) -> std::result::Result<bool, TableError> {
        if self.column { Ok(true) } else { Err(TableError::new("in a row")) }
    }
    fn column(&mut self, _: usize) -> std::result::Result<Value, TableError> {
        Err(TableError { code: 18, message: "in a column".into() })
    }
}

struct Wide {
    row: i64,
}

impl Cursor for Wide {
    fn advance(&mut self) -> std::result::Result<bool, TableError> {
        self.row += 1;
        Ok(self.row <= 100)
    }
    fn column(&mut self, column: usize) -> std::result::Result<Value, TableError> {
        COMPUTED.set(COMPUTED.get() + 1);
        Ok(if column == 0 { Value::Integer(self.row) } else { Value::Text(vec![b'x'; 100_000]) })
    }
}

fn echo(query: Query) -> std::result::Result<Box<dyn Cursor>, TableError> {
    SCANS.set(SCANS.get() + 1);
    let shown = |constraint: &Constraint| {
        let value = match &constraint.value {
            Value::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
            Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        format!("{} {:?} {value}", ECHO[constraint.column].name, constraint.op)
    };
    let wanted: String = (0..ECHO.len()).map(|column| if query.wants(column) { '+' } else { '-' }).collect();
    let asked: Vec<String> = query.constraints.iter().map(shown).collect();
    let asked = Value::text(format!("{wanted} {}", asked.join(", ")));
    let row = |key: &str, n: i64| {
        vec![Value::text(key), n.into(), n.into(), n.into(), n.into(), asked.clone(), Value::text("must not be seen")]
    };
    Ok(Rows::of(vec![row("a", 1), row("b", 2), row("", 3)]))
}

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    sqlite::share(&connection, Rc::new(Context::default())).unwrap();
    for table in [&ECHO_TABLE, &NEEDS, &ASKS, &FAILS, &KEPT, &WIDE] {
        register(&connection, table.name, table).unwrap();
    }
    register(&connection, "other_name", &ECHO_TABLE).unwrap();
    SCANS.set(0);
    COMPUTED.set(0);
    connection
}

fn texts_of(connection: &Connection, sql: &str) -> std::result::Result<Vec<String>, SqlError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(match Value::from_sqlite(row.get_ref(0)?) {
            Value::Text(text) => String::from_utf8_lossy(&text).into_owned(),
            Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        });
    }
    Ok(out)
}

impl Value {
    fn from_sqlite(value: rusqlite::types::ValueRef<'_>) -> Value {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) | ValueRef::Blob(text) => Value::text(text),
        }
    }
}

fn texts(sql: &str) -> Vec<String> {
    texts_of(&connection(), sql).unwrap_or_else(|error| panic!("{sql}: {}", error.message))
}

fn failure(sql: &str) -> (i32, String) {
    let error = texts_of(&connection(), sql).expect_err(sql);
    (error.code, error.message)
}

/// What the scan was asked, without the wanted columns.
fn asked(sql: &str) -> Vec<String> {
    texts(sql).iter().map(|text| text.split_once(' ').unwrap().1.to_string()).collect()
}

#[test]
fn constraints_on_columns_that_care_are_passed() {
    assert_eq!(asked("SELECT asked FROM echo WHERE num = 2"), ["num Equal 2"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE num > 1 AND num <= 2"), ["num Greater 1, num LessOrEqual 2"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key = 'a' AND 2 > num"), ["key Equal 'a', num Less 2"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key LIKE 'A%'"), ["key Like 'A%'"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key GLOB 'a*'"), ["key Glob 'a*'"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE plain = 2"), [""]);
    assert_eq!(asked("SELECT asked FROM echo WHERE num IS 2 OR plain = 2"), [""]);
}

#[test]
fn ranges_on_text_and_empty_texts_are_not_passed() {
    assert_eq!(asked("SELECT asked FROM echo WHERE key > 'a'"), [""]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key BETWEEN 'b' AND 'c'"), [""]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key = ''"), [""]);
    assert_eq!(asked("SELECT asked FROM echo WHERE key LIKE ''"), [""]);
}

#[test]
fn nothing_equals_null_and_no_scan_is_opened_for_it() {
    for sql in ["num = NULL", "num > NULL", "key LIKE NULL", "list IN (NULL)", "list IN (SELECT 1 WHERE 0)"] {
        assert!(texts(&format!("SELECT num FROM echo WHERE {sql}")).is_empty(), "{sql}");
        assert_eq!(SCANS.get(), 0, "{sql}");
    }
    let sql = "SELECT e.num FROM (SELECT NULL AS n UNION ALL SELECT 2) LEFT JOIN echo e ON e.num = n";
    assert_eq!(texts(sql), ["Null", "2"]);
}

#[test]
fn the_lists_of_a_column_that_takes_them_come_at_once() {
    let sql = "SELECT asked FROM echo WHERE list IN (1, 3, 9, NULL, '3')";
    assert_eq!(asked(sql), ["list Equal 1, list Equal 3, list Equal 9"; 2]);
    assert_eq!(SCANS.get(), 1);
    assert_eq!(asked("SELECT asked FROM echo WHERE list IN (SELECT num FROM echo WHERE num > 1)").len(), 2);
    assert_eq!(SCANS.get(), 2, "one of them for the list");
    assert_eq!(asked("SELECT asked FROM echo WHERE list = 2"), ["list Equal 2"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE list = 2 AND list IN (2, 3)"), ["list Equal 2"]);
    assert_eq!(asked("SELECT asked FROM echo WHERE list IN (2, 3) AND list = 2"), ["list Equal 2, list Equal 3"]);
    assert_eq!(texts("SELECT num FROM echo WHERE list IN (2, 3) AND list IN (3, 4)"), ["3"]);
}

#[test]
fn the_lists_of_another_column_are_one_scan_per_value() {
    let sql = "SELECT asked FROM echo WHERE optimized IN (1, 3, 9)";
    assert_eq!(asked(sql), ["optimized Equal 1", "optimized Equal 3"]);
    assert_eq!(SCANS.get(), 3);
}

#[test]
fn equal_is_one_value_and_equals_are_all() {
    let constraint = |value: i64| Constraint { column: 2, op: Op::Equal, value: value.into() };
    let query = |values: &[i64]| Query {
        used: 0,
        constraints: values.iter().map(|&value| constraint(value)).collect(),
        context: Rc::default(),
    };
    assert_eq!(query(&[]).equal(2), None);
    assert_eq!(query(&[7]).equal(2), Some(&7.into()));
    assert_eq!(query(&[7]).equal(1), None);
    assert_eq!(query(&[7, 8]).equal(2), None, "a table that does not know lists reads all");
    assert_eq!(query(&[7, 8]).equals(2).count(), 2);
}

#[test]
fn wanted_columns_are_told() {
    let wanted = |sql: &str| texts(sql)[0].split(' ').next().unwrap().to_string();
    assert_eq!(wanted("SELECT asked FROM echo"), "-----+--");
    assert_eq!(wanted("SELECT asked, key FROM echo WHERE plain = 1"), "+---++--");
    let query = Query { used: 1 << 63, constraints: Vec::new(), context: Rc::default() };
    assert!(query.wants(63) && query.wants(1000) && !query.wants(62));
}

#[test]
fn columns_of_other_platforms_are_absent() {
    assert_eq!(texts("SELECT absent_text FROM echo WHERE num = 1"), [""]);
    assert_eq!(texts("SELECT absent_number FROM echo WHERE num = 1"), ["Null"]);
    assert_eq!(texts("SELECT count(*) FROM pragma_table_info('echo')"), ["5"], "hidden columns are not counted");
}

#[test]
fn each_side_of_an_or_has_its_scan_and_a_row_of_both_comes_once() {
    static PAIRS: Table = Table {
        name: "pairs",
        help: "A test",
        columns: &[named("one", Type::BigInt, INDEX, "A number."), named("two", Type::Text, INDEX, "A text.")],
        open: |query| {
            SCANS.set(SCANS.get() + 1);
            let one = query.equal(0).and_then(Value::as_integer);
            let rows =
                [(1, "a"), (2, "b"), (3, "c"), (3, "d")].into_iter().filter(|row| one.is_none_or(|one| row.0 == one));
            Ok(Rows::of(rows.map(|(one, two)| vec![one.into(), Value::text(two)]).collect()))
        },
    };
    let connection = connection();
    register(&connection, "pairs", &PAIRS).unwrap();
    let found = |condition: &str| {
        let mut rows = texts_of(&connection, &format!("SELECT two FROM pairs WHERE {condition}")).unwrap();
        rows.sort();
        rows
    };
    assert_eq!(found("one = 2 OR two LIKE 'a%'"), ["a", "b"], "first rows of their scans, yet two rows");
    assert_eq!(SCANS.get(), 2);
    assert_eq!(found("one = 3 OR two = 'd' OR two = 'b'"), ["b", "c", "d"]);
    assert_eq!(found("one = 3 OR two LIKE '%'"), ["a", "b", "c", "d"]);
}

#[test]
fn a_table_has_its_other_name() {
    assert_eq!(texts("SELECT key FROM other_name WHERE num = 2"), ["b"]);
    assert_eq!(texts("SELECT o.key FROM echo e JOIN other_name o ON e.num = o.num WHERE e.num = 1"), ["a"]);
}

#[test]
fn the_planner_goes_from_the_unconstrained_table_to_the_constrained_one() {
    let connection = connection();
    let sql = "EXPLAIN QUERY PLAN SELECT * FROM needs JOIN echo ON needs.path = echo.key";
    let mut statement = connection.prepare(sql).unwrap();
    let details: Vec<String> = statement.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    assert!(details[0].contains("echo") && details[1].contains("needs"), "{details:?}");
}

#[test]
fn one_required_column_must_be_constrained_whatever_its_value() {
    let wanted = "Table needs was queried without a required column in the WHERE clause".to_string();
    for sql in
        ["SELECT * FROM needs", "SELECT * FROM needs WHERE more = 'x'", "SELECT count(*) FROM needs WHERE path > 'a'"]
    {
        assert_eq!(failure(sql), (19, wanted.clone()), "{sql}");
    }
    assert_eq!(texts("SELECT path FROM needs WHERE path = '/x'"), ["/x"]);
    assert_eq!(texts("SELECT path FROM needs WHERE path IN ('/x', '/y')"), ["/x", "/y"]);
    assert_eq!(texts("SELECT path FROM needs WHERE directory LIKE '?%'"), ["?"]);
    assert!(texts("SELECT path FROM needs WHERE path = ''").is_empty(), "constrained, but not by a value");
    assert!(texts("SELECT path FROM needs WHERE path = NULL").is_empty());
}

#[test]
fn an_argument_is_a_question_and_no_condition() {
    assert_eq!(texts("SELECT answer FROM asks WHERE question = 'four'"), ["4"]);
    assert_eq!(texts("SELECT answer FROM asks WHERE question = ''"), ["0"], "an empty one is a question too");
    assert_eq!(texts("SELECT answer FROM asks WHERE question IN ('a', 'bb')"), ["1", "2"]);
    assert!(texts("SELECT answer FROM asks WHERE question = NULL").is_empty());
}

#[test]
fn a_tables_errors_arrive_with_code_and_sentence() {
    assert_eq!(failure("SELECT * FROM fails WHERE at = 'open'"), (13, "no place".into()));
    assert_eq!(failure("SELECT * FROM fails"), (1, "who knows; 100 % \u{e9}".into()));
    assert_eq!(failure("SELECT * FROM fails WHERE at = 'row'"), (1, "in a row".into()));
    assert_eq!(failure("SELECT * FROM fails WHERE at = 'column'"), (18, "in a column".into()));
}

#[test]
fn what_a_statement_scans_again_and_again_is_read_twice() {
    let connection = connection();
    let sql = "SELECT count(*) FROM echo a, echo b, routes c WHERE c.plain >= 0";
    assert_eq!(texts_of(&connection, sql).unwrap(), ["27"]);
    assert_eq!(SCANS.get(), 1 + 3 + 2, "the inner one twice instead of nine times");
    // Other questions are other scans.
    SCANS.set(0);
    let sql = "SELECT count(*) FROM echo a, echo b, routes c WHERE c.num = a.num";
    assert_eq!(texts_of(&connection, sql).unwrap(), ["9"]);
    assert!(SCANS.get() <= 1 + 3 + 6, "{}", SCANS.get());
}

#[test]
fn kept_rows_are_the_rows() {
    let shown = "group_concat(c.key || c.num || c.asked || c.absent_text, ' ')";
    let once = texts(&format!("SELECT {shown} FROM routes c WHERE c.plain >= 0")).remove(0);
    // The first scan is not kept, the second is read ahead, the third comes from memory.
    let thrice = texts(&format!("SELECT {shown} FROM echo a JOIN routes c ON c.plain >= 0")).remove(0);
    assert_eq!(SCANS.get(), 3);
    assert_eq!(thrice, [once.as_str(); 3].join(" "));
}

#[test]
fn rows_that_do_not_fit_are_read_again() {
    let connection = connection();
    let sql = "SELECT count(*), sum(length(w.text)) FROM echo a, suid_bin w";
    assert_eq!(texts_of(&connection, sql).unwrap(), ["300"]);
    assert_eq!(SCANS.get(), 1 + 1 + 3, "the second scan was begun ahead, and begun again");
    assert!(COMPUTED.get() < 300 + 100, "and given up when it was seen to be too much: {}", COMPUTED.get());
}

#[test]
fn a_scan_ends_at_the_time_limit() {
    use crate::sql::limits::{Budget, Limits};
    static ENDLESS: Table = Table {
        name: "endless",
        help: "A test",
        columns: &[named("n", Type::BigInt, 0, "A number.")],
        open: |_| {
            struct Endless;
            impl Cursor for Endless {
                fn advance(&mut self) -> std::result::Result<bool, TableError> {
                    Ok(true)
                }
                fn column(&mut self, _: usize) -> std::result::Result<Value, TableError> {
                    Ok(Value::Integer(1))
                }
            }
            Ok(Box::new(Endless))
        },
    };
    let connection = Connection::open_in_memory().unwrap();
    let budget = Budget::new(Limits { wall_ms: 100, ..Limits::default() });
    budget.start();
    let context = Rc::new(Context { budget, ..Context::default() });
    sqlite::share(&connection, context.clone()).unwrap();
    register(&connection, "endless", &ENDLESS).unwrap();
    let error = texts_of(&connection, "SELECT count(*) FROM endless").unwrap_err();
    assert_eq!(error.code, 9);
    assert!(context.interrupted());
    assert!(context.check().unwrap_err().message.contains("time limit of 100 ms"));
}

#[test]
fn tables_hear_of_sqlite3_interrupt() {
    static INTERRUPTS: Table = Table {
        name: "interrupts",
        help: "A test",
        columns: &[named("n", Type::BigInt, 0, "A number.")],
        open: |query| {
            assert!(!query.context.interrupted());
            HANDLE.with(|handle| handle.borrow().as_ref().unwrap().interrupt());
            query.context.check()?;
            Ok(Rows::of(Vec::new()))
        },
    };
    thread_local!(static HANDLE: std::cell::RefCell<Option<rusqlite::InterruptHandle>> = const { std::cell::RefCell::new(None) });
    let connection = Connection::open_in_memory().unwrap();
    let context = Rc::new(Context::default());
    sqlite::share(&connection, context.clone()).unwrap();
    register(&connection, "interrupts", &INTERRUPTS).unwrap();
    HANDLE.set(Some(connection.get_interrupt_handle()));
    let error = texts_of(&connection, "SELECT * FROM interrupts").unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (9, "interrupted"));
    assert_eq!(texts_of(&connection, "SELECT 1").unwrap(), ["1"], "the next statement runs");
    drop(connection);
    assert!(!context.interrupted(), "a context may outlive its connection");
}

#[test]
fn memory_is_charged_and_given_back() {
    use crate::sql::limits::{Budget, Limits};
    let budget = Budget::new(Limits { heap_bytes: 32 << 20, ..Limits::default() });
    budget.charge(8 << 20).unwrap();
    let error = budget.charge(30 << 20).unwrap_err();
    assert_eq!(error.code, 7);
    assert!(error.message.contains("memory limit of 32 MiB"), "{}", error.message);
    budget.charge(1 << 20).unwrap();
    budget.release(9 << 20);
    budget.charge(9 << 20).unwrap();
    let unlimited = Budget::new(Limits { heap_bytes: 0, ..Limits::default() });
    unlimited.charge(1 << 40).unwrap();
    unlimited.check().unwrap();
}
