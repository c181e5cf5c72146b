//! `sleep` and `carve` (osquery: `osquery/sql/sqlite_operations.cpp`, by its described rules).

use super::{Function, Nature, Outcome};
use crate::sql::table::{Context, Value};
use crate::sys::clock::monotonic_ns;
use crate::sys::function::Arguments;
use crate::sys::signal;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: c"sleep",
        arguments: &[1],
        nature: Nature::Volatile,
        help: "sleep(SECONDS): waits so long and gives the number; Ctrl-C and the time limit end it.",
        call: sleep,
    },
    Function {
        name: c"carve",
        arguments: &[1],
        nature: Nature::Aggregate,
        help: "carve(PATH): always 'Carve Failed:', as osquery answers where carving is disabled; here it is not built.",
        // osquery cuts its sentence at 13 bytes.
        call: |_, _| Ok(Value::text("Carve Failed:")),
    },
];

fn sleep(arguments: &Arguments<'_>, context: &Context) -> Outcome {
    let seconds = arguments.integer(0).max(0);
    let end_ns = monotonic_ns().saturating_add(seconds.saturating_mul(1_000_000_000));
    loop {
        context.check()?;
        let left_ns = u64::try_from(end_ns.saturating_sub(monotonic_ns())).unwrap_or(0);
        if left_ns == 0 {
            return Ok(Value::Integer(seconds));
        }
        // A signal between the check and the nap is seen a second later.
        signal::nap(left_ns.min(context.budget.left_ns().unwrap_or(u64::MAX)).min(1_000_000_000));
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::engine::tests::{answer, engine, failure_of};
    use crate::sql::functions::tests::check;
    use crate::sql::limits::Limits;
    use std::time::{Duration, Instant};

    #[test]
    fn sleep_sleeps_and_gives_the_number() {
        let begin = Instant::now();
        check(&[("sleep(1)", "1")]);
        assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
        let begin = Instant::now();
        check(&[("sleep(0)", "0"), ("sleep(-5)", "0"), ("sleep(NULL)", "0"), ("sleep('x')", "0")]);
        assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    }

    #[test]
    fn sleep_ends_at_the_time_limit() {
        let begin = Instant::now();
        let engine = engine(Limits { wall_ms: 100, ..Limits::default() });
        let error = failure_of(&engine, "SELECT sleep(60)");
        assert_eq!(error.code, 9);
        assert!(error.message.contains("--time-limit"), "{}", error.message);
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }

    #[test]
    fn carve_fails_once_for_all_rows() {
        assert_eq!(answer("SELECT carve(column1) FROM (VALUES ('/etc/passwd'), ('/x'))"), "Carve Failed:");
        assert_eq!(answer("SELECT carve('/etc/passwd') WHERE 0"), "Carve Failed:");
    }
}
