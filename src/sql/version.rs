//! Comparing version numbers: the collations `version`, `version_arch`, `version_dpkg` and `version_rhel`, and
//! `version_compare` (osquery: `osquery/sql/sqlite_version.cpp`, by its described rules). Segments between delimiters are
//! compared by their first different byte; where one segment is longer than the other, the longer one wins.

use std::cmp::Ordering;

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Flavour {
    Generic,
    Arch,
    Dpkg,
    Rhel,
}

impl Flavour {
    /// By its name in any case: ARCH, DPKG, RHEL.
    pub fn named(name: &[u8]) -> Option<Self> {
        let known = [("ARCH", Flavour::Arch), ("DPKG", Flavour::Dpkg), ("RHEL", Flavour::Rhel)];
        known.into_iter().find(|(text, _)| name.eq_ignore_ascii_case(text.as_bytes())).map(|(_, flavour)| flavour)
    }

    /// An epoch (what stands before `:`) is compared before all else.
    fn has_epoch(self) -> bool {
        self != Flavour::Generic
    }

    /// Different delimiters in the same place decide.
    fn ranks_delimiters(self) -> bool {
        matches!(self, Flavour::Dpkg | Flavour::Rhel)
    }

    /// `~`, `-` and `^` where the other version has ended have meanings.
    fn reads_remainder(self) -> bool {
        matches!(self, Flavour::Arch | Flavour::Rhel)
    }
}

/// The rank of a delimiter; 0: it is none.
fn rank(byte: u8) -> u8 {
    match byte {
        b'~' => 1,
        b'-' => 2,
        b'^' => 3,
        b'.' => 4,
        b':' => 5,
        _ => 0,
    }
}

/// Compares two versions.
pub fn compare(left: &[u8], right: &[u8], flavour: Flavour) -> Ordering {
    if left.is_empty() || right.is_empty() || left == right {
        return left.len().cmp(&right.len());
    }
    if flavour.has_epoch() {
        // None is less than Some: no epoch is older than any; a longer epoch is a greater number.
        let order = memchr::memchr(b':', left).cmp(&memchr::memchr(b':', right));
        if order != Ordering::Equal {
            return order;
        }
    }
    let mut segment = Ordering::Equal;
    for (&l, &r) in left.iter().zip(right) {
        match (rank(l), rank(r)) {
            (0, 0) => segment = segment.then(l.cmp(&r)),
            (0, _) => return Ordering::Greater,
            (_, 0) => return Ordering::Less,
            (_, _) if segment != Ordering::Equal => return segment,
            (l, r) if l != r && flavour.ranks_delimiters() => return l.cmp(&r),
            _ => {}
        }
    }
    match left.len().cmp(&right.len()) {
        Ordering::Equal => segment,
        Ordering::Less => remainder(left, right, segment.reverse(), flavour).reverse(),
        Ordering::Greater => remainder(right, left, segment, flavour),
    }
}

/// Compares a longer version with a shorter one that it equals up to the last segment; `segment` is the order of these
/// segments as far as both reach.
fn remainder(shorter: &[u8], longer: &[u8], segment: Ordering, flavour: Flavour) -> Ordering {
    let next = longer.get(shorter.len()).copied().unwrap_or(0);
    if !flavour.reads_remainder() {
        return if rank(next) > 0 && segment != Ordering::Equal { segment } else { Ordering::Greater };
    }
    match next {
        b'~' => Ordering::Less,
        b'-' => Ordering::Equal,
        b'^' => Ordering::Greater,
        _ => {
            // Arch: of two numbers the one with more digits is greater, whatever its first digit.
            let digits = flavour == Flavour::Arch && shorter.last().is_some_and(u8::is_ascii_digit);
            if segment != Ordering::Equal && !digits { segment } else { Ordering::Greater }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Flavour::*;
    use std::cmp::Ordering::*;

    #[test]
    fn the_check_values() {
        for (left, right, flavour, order) in [
            ("1.0", "1.0", Generic, Equal),
            ("1:2.0-10", "1:2.0-10", Dpkg, Equal),
            ("4:1.1.0", "4:1.1.0-3", Arch, Equal),
            ("50.4.1b", "50.4.1c", Generic, Less),
            ("1.0.8-4", "1.0.8-6", Arch, Less),
            ("1.0.0~rc2^2021", "1.0.0", Rhel, Less),
            ("1.1.0~BETA2^1", "1.1.0~CR1", Rhel, Less),
            ("1.0.1.1", "1.0.1^2021", Rhel, Greater),
            ("1.9.9-1ubuntu2.4", "1.9.9-1ubuntu2.3", Dpkg, Greater),
            ("1:1.2.13-2", "4.2.1", Arch, Greater),
            ("106.32.1", "106:32.1", Generic, Equal),
        ] {
            let compare = |l: &str, r: &str| compare(l.as_bytes(), r.as_bytes(), flavour);
            assert_eq!(compare(left, right), order, "{left} {right} {flavour:?}");
            assert_eq!(compare(right, left), order.reverse(), "{right} {left} {flavour:?}");
        }
    }

    #[test]
    fn the_rules_one_by_one() {
        for (left, right, flavour, order) in [
            ("", "", Generic, Equal),
            ("", "1", Generic, Less),
            ("5.9.0", "5.10.0", Generic, Less),
            ("1.0.1", "1.0", Generic, Greater),
            ("1.0", "1.1.1", Generic, Less),
            ("1.1", "1.0.1", Generic, Greater),
            ("9", "10", Generic, Less),
            ("9:1", "10:1", Dpkg, Less),
            ("1:1", "2", Dpkg, Greater),
            ("1:1", "2", Generic, Less),
            ("1~1", "1.1", Dpkg, Less),
            ("1~1", "1.1", Arch, Equal),
            ("1.0~rc", "1.0", Dpkg, Greater),
            ("1.0~rc", "1.0", Arch, Less),
            ("1.0^git", "1.0", Arch, Greater),
            ("1.9", "1.10", Arch, Less),
            ("1.9", "1.10", Rhel, Greater),
            ("1.b", "1.aa", Arch, Greater),
        ] {
            let compare = |l: &str, r: &str| compare(l.as_bytes(), r.as_bytes(), flavour);
            assert_eq!(compare(left, right), order, "{left} {right} {flavour:?}");
            assert_eq!(compare(right, left), order.reverse(), "{right} {left} {flavour:?}");
        }
    }
}
