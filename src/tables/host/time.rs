//! `time`: now, one row, in UTC as osquery has it, and the name of the machine's own time zone.

use crate::sql::table::{Column, Rows, Table, Type, Value, column, elsewhere};
use crate::sys::clock::{self, Clock};

const COLUMNS: &[Column] = &[
    column("weekday", Type::Text, 0, "Day of the week, in English."),
    column("year", Type::Integer, 0, "Year."),
    column("month", Type::Integer, 0, "Month, from 1."),
    column("day", Type::Integer, 0, "Day of the month, from 1."),
    column("hour", Type::Integer, 0, "Hour, 0 to 23."),
    column("minutes", Type::Integer, 0, "Minutes."),
    column("seconds", Type::Integer, 0, "Seconds."),
    column("timezone", Type::Text, 0, "Zone of all that: always UTC."),
    column("local_timezone", Type::Text, 0, "Name of the machine's own zone, as it is called now."),
    column("unix_time", Type::Integer, 0, "Seconds since the epoch."),
    column("timestamp", Type::Text, 0, "As asctime(3) writes it, and UTC."),
    column("datetime", Type::Text, 0, "As ISO 8601 writes it, with a Z."),
    column("iso_8601", Type::Text, 0, "The same."),
    elsewhere("win_timestamp", Type::BigInt),
];

/// The epoch was a Thursday.
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "time",
    help: "Now, one row",
    columns: COLUMNS,
    open: |query| {
        let now = Clock::now().epoch_ns().div_euclid(1_000_000_000);
        let zone = if query.context.root.is_live() { clock::zone(now) } else { Vec::new() };
        Ok(Rows::of(vec![row(now, &zone)]))
    },
};

/// The row of a moment, seconds since the epoch.
fn row(now: i64, zone: &[u8]) -> Vec<Value> {
    let (days, seconds) = (now.div_euclid(86_400), now.rem_euclid(86_400));
    let (year, month, day) = clock::date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let weekday = DAYS.get(days.rem_euclid(7) as usize).copied().unwrap_or("");
    let name = MONTHS.get((month - 1) as usize).copied().unwrap_or("");
    let clock = format!("{hour:02}:{minute:02}:{second:02}");
    let iso = format!("{year:04}-{month:02}-{day:02}T{clock}Z");
    let short = weekday.get(..3).unwrap_or("");
    let mut row = vec![Value::text(weekday)];
    row.extend([year, month, day, hour, minute, second].map(Value::Integer));
    row.extend([
        Value::text("UTC"),
        Value::text(if zone.is_empty() { b"UTC" } else { zone }),
        Value::Integer(now),
        Value::text(format!("{short} {name} {day:2} {clock} {year} UTC")),
        Value::text(&iso),
        Value::text(&iso),
    ]);
    row
}

#[cfg(test)]
mod tests {
    use super::row;
    use crate::sql::table::Value;
    use crate::sql::testing::{Tree, host, rows};

    #[test]
    fn is_what_date_says() {
        let format =
            "+%A|%-Y|%-m|%-d|%-H|%-M|%-S|UTC|%s|%a %b %e %H:%M:%S %Y UTC|%Y-%m-%dT%H:%M:%SZ|%Y-%m-%dT%H:%M:%SZ";
        let date = |at: &str| host("date", &["-u", "-d", at, format]).map(|text| text.trim().to_string());
        let Some(_) = date("@0") else { return println!("skipped: needs date of coreutils") };
        for now in [0, -1, 1_462_227_752, 1_709_164_800, 951_782_399, 4_107_542_400, 32_503_679_999, -2_208_988_801] {
            let text = |value: Value| match value {
                Value::Text(text) => String::from_utf8(text).unwrap(),
                Value::Integer(number) => number.to_string(),
                _ => "NULL".into(),
            };
            let mut ours: Vec<String> = row(now, b"").into_iter().map(text).collect();
            assert_eq!(ours.remove(8), "UTC");
            assert_eq!(Some(ours.join("|")), date(&format!("@{now}")));
        }
    }

    #[test]
    fn is_now_and_here() {
        let Some(zone) = host("date", &["+%Z"]) else { return println!("skipped: needs date") };
        let sql = "SELECT local_timezone, abs(unix_time - unixepoch()) < 5, unixepoch(datetime) = unix_time, iso_8601 = datetime \
                   FROM time";
        assert_eq!(rows("", sql), [[zone.trim(), "1", "1", "1"]]);
        assert_eq!(Tree::new("time").rows("SELECT local_timezone, timezone FROM time"), [["UTC", "UTC"]]);
    }
}
