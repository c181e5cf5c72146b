//! `osquery_events`: where events come from and who takes them: audit's records, and `process_events`, which is made of
//! them. Counters of the running (or last) agent, from its row in events.db; zeros without one.

use crate::sql::table::{Column, Rows, Table, Type, Value, column};
use crate::sys::process;
use crate::tables::events::db;

const COLUMNS: &[Column] = &[
    column("name", Type::Text, 0, "Name."),
    column("publisher", Type::Text, 0, "Where its events come from."),
    column("type", Type::Text, 0, "publisher or subscriber."),
    column("subscriptions", Type::Integer, 0, "Subscriptions it has, or to it."),
    column("events", Type::Integer, 0, "Records received, or events made of them, since the agent's start."),
    column("refreshes", Type::Integer, 0, "Times it was begun anew: always 0."),
    column("active", Type::Integer, 0, "1 while the agent lives."),
];

/// See the module's head.
pub static TABLE: Table = Table {
    name: "osquery_events",
    help: "Publishers and subscribers of events",
    columns: COLUMNS,
    open: |query| {
        // No events.db is no reason not to say what there is.
        let (numbers, _) = db::agent(&query.context).ok().flatten().unwrap_or_default();
        let lives = i32::try_from(numbers.pid).is_ok_and(|pid| pid > 0 && process::exists(pid as u32));
        let active = lives && numbers.stopped_ns == 0;
        let row = |name: &str, kind: &str, events: i64| {
            let mut row = [name, "auditeventpublisher", kind].map(Value::text).to_vec();
            row.extend([1, events, 0, i64::from(active)].map(Value::Integer));
            row
        };
        Ok(Rows::of(vec![
            row("auditeventpublisher", "publisher", numbers.records_received),
            row("process_events", "subscriber", numbers.exec_events),
        ]))
    },
};

#[cfg(test)]
mod tests {
    use crate::sql::testing::rows;

    #[test]
    fn nothing_has_happened_without_an_agent() {
        let wanted = [
            ["auditeventpublisher", "auditeventpublisher", "publisher", "1", "0", "0", "0"],
            ["process_events", "auditeventpublisher", "subscriber", "1", "0", "0", "0"],
        ];
        assert_eq!(rows("", "SELECT * FROM osquery_events"), wanted);
    }
}
