//! `version_compare`: see [`crate::sql::version`].

use super::{Function, Outcome, function, strict_text};
use crate::sql::table::{TableError, Value};
use crate::sql::version::{Flavour, compare};
use crate::sys::function::Arguments;

/// See the module's head.
pub const FUNCTIONS: &[Function] = &[function(
    c"version_compare",
    &[-1],
    "version_compare(LEFT, RIGHT [, FLAVOUR]): -1, 0 or 1; the flavour is ARCH, DPKG or RHEL.",
    |arguments, _| versions(arguments),
)];

fn versions(arguments: &Arguments<'_>) -> Outcome {
    let (Some(left), Some(right)) = (strict_text(arguments, 0), strict_text(arguments, 1)) else {
        return Err(TableError::new("Must provide two version strings to compare."));
    };
    let flavour = if arguments.count() > 2 {
        let Some(name) = strict_text(arguments, 2) else {
            return Err(TableError::new("The optional third parameter is not a string."));
        };
        Flavour::named(name)
            .ok_or_else(|| TableError::new("The optional third parameter does not match one of: (ARCH, DPKG, RHEL)."))?
    } else {
        Flavour::Generic
    };
    Ok(Value::Integer(compare(left, right, flavour) as i64))
}

#[cfg(test)]
mod tests {
    use crate::sql::engine::tests::answer;
    use crate::sql::functions::tests::{check, check_failures};

    #[test]
    fn compares() {
        check(&[
            ("version_compare('1.0', '1.0')", "0"),
            ("version_compare('1:2.0-10', '1:2.0-10', 'DPKG')", "0"),
            ("version_compare('4:1.1.0', '4:1.1.0-3', 'ARCH')", "0"),
            ("version_compare('50.4.1b', '50.4.1c')", "-1"),
            ("version_compare('1.0.8-4', '1.0.8-6', 'arch')", "-1"),
            ("version_compare('1.0.0~rc2^2021', '1.0.0', 'RHEL')", "-1"),
            ("version_compare('1.1.0~BETA2^1', '1.1.0~CR1', 'Rhel')", "-1"),
            ("version_compare('1.0.1.1', '1.0.1^2021', 'RHEL')", "1"),
            ("version_compare('1.9.9-1ubuntu2.4', '1.9.9-1ubuntu2.3', 'dpkg')", "1"),
            ("version_compare('1:1.2.13-2', '4.2.1', 'ARCH')", "1"),
            ("version_compare('106.32.1', '106:32.1')", "0"),
        ]);
    }

    #[test]
    fn refuses() {
        let two = "Must provide two version strings to compare.";
        check_failures(&[
            ("version_compare()", two),
            ("version_compare('1')", two),
            ("version_compare('1', NULL)", two),
            ("version_compare(1, '1')", two),
            ("version_compare('1', '1', 1)", "The optional third parameter is not a string."),
            ("version_compare('1', '1', NULL)", "The optional third parameter is not a string."),
            (
                "version_compare('1', '1', 'BSD')",
                "The optional third parameter does not match one of: (ARCH, DPKG, RHEL).",
            ),
        ]);
    }

    #[test]
    fn collations_sort_and_compare() {
        check(&[
            ("'5.9.0' < '5.10.0' COLLATE version", "1"),
            ("'5.9.0' < '5.10.0' COLLATE VERSION", "1"),
            ("'5.9.0' < '5.10.0'", "0"),
            ("'106.32.1' = '106:32.1' COLLATE version", "1"),
            ("'106.32.1' = '106:32.1' COLLATE version_dpkg", "0"),
            ("'4:1.1.0' = '4:1.1.0-3' COLLATE version_arch", "1"),
            ("'1.0.0~rc2' < '1.0.0' COLLATE version_rhel", "1"),
            ("'1.0.0~rc2' < '1.0.0' COLLATE version_dpkg", "0"),
        ]);
        let sorted = "SELECT group_concat(v, ' ') FROM
            (SELECT column1 AS v FROM (VALUES ('1.10'), ('1.9'), ('1.0~rc'), ('1.0')) ORDER BY 1 COLLATE version_arch)";
        assert_eq!(answer(sorted), "1.0~rc 1.0 1.9 1.10");
    }
}
