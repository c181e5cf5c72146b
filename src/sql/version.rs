//! The `version` collation (osquery: `osquery/sql/sqlite_version.cpp`, by its described rules): segments between
//! delimiters are compared by their first different byte, the longer segment of two unequal lengths wins.

use std::cmp::Ordering;

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'~' | b'-' | b'^' | b'.' | b':')
}

/// Compares two versions as osquery's generic flavour does.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut segment = Ordering::Equal;
    for (&l, &r) in left.iter().zip(right) {
        match (is_delimiter(l), is_delimiter(r)) {
            (false, false) => segment = segment.then(l.cmp(&r)),
            // The side that still has text has the longer segment.
            (false, true) => return Ordering::Greater,
            (true, false) => return Ordering::Less,
            (true, true) if segment != Ordering::Equal => return segment,
            (true, true) => {}
        }
    }
    let next = left.get(right.len()).or(right.get(left.len())).copied();
    match next {
        None => segment,
        Some(byte) if is_delimiter(byte) && segment != Ordering::Equal => segment,
        Some(_) => left.len().cmp(&right.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use std::cmp::Ordering::*;

    #[test]
    fn orders_as_osquery_does() {
        assert_eq!(compare("1.0", "1.0"), Equal);
        assert_eq!(compare("50.4.1b", "50.4.1c"), Less);
        assert_eq!(compare("5.9.0", "5.10.0"), Less);
        assert_eq!(compare("", "1"), Less);
        assert_eq!(compare("1.0.1", "1.0"), Greater);
    }
}
