//! A rule's condition: read once, judged after each scan.

use super::reader::Reader;
use super::rules::RuleError;
use super::scan::Findings;

/// Parentheses and `not`s within one another.
const MAX_DEPTH: u32 = 64;

/// A string of a rule as conditions name it.
pub struct Named<'a> {
    /// Without `$`; empty: without a name.
    pub name: &'a [u8],
    /// Its number among all strings.
    pub number: usize,
}

/// A condition.
#[derive(Debug, PartialEq, Eq)]
pub enum Condition {
    /// `true`, `false`.
    Is(bool),
    /// `$a`: number of the string.
    Found(usize),
    /// `$a at n`: number of the string, and the place.
    At(usize, Number),
    /// `2 of ($a, $b)`: at least so many of the strings; `none of`: 0 and nothing more.
    Of(Quantity, Vec<usize>),
    /// Two numbers compared.
    Compare(Number, Relation, Number),
    /// The contrary.
    Not(Box<Condition>),
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
}

/// How many of some strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Quantity {
    All,
    None,
    AtLeast(i64),
}

/// A number in a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// As it stands.
    Value(i64),
    /// `#a`: matches of a string.
    Count(usize),
    /// `filesize`, bytes.
    FileSize,
    /// `uint16(n)`: the file's bytes from n on, so many of them, first the highest or the lowest.
    #[allow(missing_docs)]
    Bytes { at: usize, count: usize, big: bool },
}

/// `==` and the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Relation {
    Equal,
    Unequal,
    AtMost,
    Less,
    AtLeast,
    More,
}

impl Number {
    /// What it is after a scan; None: the file has no such bytes.
    fn of(self, found: &Findings) -> Option<i64> {
        match self {
            Number::Value(value) => Some(value),
            Number::Count(string) => Some(found.count(string) as i64),
            Number::FileSize => Some(found.bytes as i64),
            Number::Bytes { at, count, big } => {
                let bytes = found.head.get(at..at + count)?;
                let add = |sum: i64, byte: &u8| sum << 8 | i64::from(*byte);
                Some(if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
            }
        }
    }
}

impl Condition {
    /// Whether it holds after a scan.
    pub fn holds(&self, found: &Findings) -> bool {
        match self {
            Condition::Is(value) => *value,
            Condition::Found(string) => found.count(*string) > 0,
            Condition::At(string, place) => place.of(found).is_some_and(|place| found.is_at(*string, place as u64)),
            Condition::Of(quantity, strings) => {
                let hits = strings.iter().filter(|string| found.count(**string) > 0).count();
                match *quantity {
                    Quantity::All => hits == strings.len(),
                    Quantity::None => hits == 0,
                    Quantity::AtLeast(least) => hits as i64 >= least,
                }
            }
            // What is undefined holds in no comparison.
            Condition::Compare(left, relation, right) => match (left.of(found), right.of(found)) {
                (Some(left), Some(right)) => relation.holds(left, right),
                _ => false,
            },
            Condition::Not(inner) => !inner.holds(found),
            Condition::And(all) => all.iter().all(|one| one.holds(found)),
            Condition::Or(any) => any.iter().any(|one| one.holds(found)),
        }
    }

    /// Calls `each` with all places that strings are asked for by `at`.
    pub fn places(&self, each: &mut dyn FnMut(usize, u64)) {
        match self {
            Condition::At(string, Number::Value(place)) => each(*string, *place as u64),
            Condition::Not(inner) => inner.places(each),
            Condition::And(all) | Condition::Or(all) => all.iter().for_each(|one| one.places(each)),
            _ => {}
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// What is not understood.
    pub fn read(reader: &mut Reader<'_>, strings: &[Named<'_>]) -> Result<Self, RuleError> {
        list(reader, "or", Condition::Or, |reader| {
            list(reader, "and", Condition::And, |reader| negated(reader, strings))
        })
    }
}

impl Relation {
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::Unequal => left != right,
            Relation::AtMost => left <= right,
            Relation::Less => left < right,
            Relation::AtLeast => left >= right,
            Relation::More => left > right,
        }
    }
}

type Read<'a> = &'a dyn Fn(&mut Reader<'_>) -> Result<Condition, RuleError>;

fn list(
    reader: &mut Reader<'_>,
    word: &str,
    joined: fn(Vec<Condition>) -> Condition,
    one: impl Fn(&mut Reader<'_>) -> Result<Condition, RuleError>,
) -> Result<Condition, RuleError> {
    let one: Read<'_> = &one;
    let first = one(reader)?;
    let mut all = vec![first];
    while reader.takes_word(word) {
        all.push(one(reader)?);
    }
    match all.pop() {
        Some(only) if all.is_empty() => Ok(only),
        last => {
            all.extend(last);
            Ok(joined(all))
        }
    }
}

fn deeper<T>(
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, RuleError>,
) -> Result<T, RuleError> {
    reader.depth += 1;
    if reader.depth > MAX_DEPTH {
        return Err(reader.error("too many parentheses"));
    }
    let result = read(reader)?;
    reader.depth -= 1;
    Ok(result)
}

fn negated(reader: &mut Reader<'_>, strings: &[Named<'_>]) -> Result<Condition, RuleError> {
    if reader.takes_word("not") {
        return deeper(reader, |reader| Ok(Condition::Not(Box::new(negated(reader, strings)?))));
    }
    primary(reader, strings)
}

fn primary(reader: &mut Reader<'_>, strings: &[Named<'_>]) -> Result<Condition, RuleError> {
    if reader.takes("(") {
        let inner = deeper(reader, |reader| Condition::read(reader, strings))?;
        reader.expect(")")?;
        return Ok(inner);
    }
    for (word, value) in [("true", true), ("false", false)] {
        if reader.takes_word(word) {
            return Ok(Condition::Is(value));
        }
    }
    for (word, quantity) in [("any", Quantity::AtLeast(1)), ("all", Quantity::All), ("none", Quantity::None)] {
        if reader.takes_word(word) {
            return of(reader, quantity, strings);
        }
    }
    if reader.takes("$") {
        let string = string(reader, strings)?;
        if !reader.takes_word("at") {
            return Ok(Condition::Found(string));
        }
        // Any other number may become known too late for the scan to look there.
        let place = reader.number()?;
        return Ok(Condition::At(string, Number::Value(place)));
    }
    let left = number(reader, strings)?;
    match (reader.peek(), left) {
        (Some(b'o'), Number::Value(0)) => of(reader, Quantity::None, strings),
        (Some(b'o'), Number::Value(least)) => of(reader, Quantity::AtLeast(least), strings),
        _ => Ok(Condition::Compare(left, relation(reader)?, number(reader, strings)?)),
    }
}

fn relation(reader: &mut Reader<'_>) -> Result<Relation, RuleError> {
    let signs = [
        ("==", Relation::Equal),
        ("!=", Relation::Unequal),
        ("<=", Relation::AtMost),
        ("<", Relation::Less),
        (">=", Relation::AtLeast),
        (">", Relation::More),
    ];
    let found = signs.into_iter().find(|(sign, _)| reader.takes(sign));
    found.map(|(_, relation)| relation).ok_or_else(|| reader.unknown())
}

fn number(reader: &mut Reader<'_>, strings: &[Named<'_>]) -> Result<Number, RuleError> {
    if reader.takes("#") {
        return Ok(Number::Count(string(reader, strings)?));
    }
    if reader.takes_word("filesize") {
        return Ok(Number::FileSize);
    }
    let words = [("uint8", 1, false), ("uint16", 2, false), ("uint32", 4, false)];
    for (word, count, big) in
        words.into_iter().chain([("uint8be", 1, true), ("uint16be", 2, true), ("uint32be", 4, true)])
    {
        if reader.takes_word(word) {
            reader.expect("(")?;
            let at = usize::try_from(reader.number()?).ok().filter(|at| at + count <= super::scan::HEAD_BYTES);
            let at = at.ok_or_else(|| reader.error("only the file's first 4 KiB can be compared"))?;
            reader.expect(")")?;
            return Ok(Number::Bytes { at, count, big });
        }
    }
    if reader.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        return Ok(Number::Value(reader.number()?));
    }
    Err(reader.unknown())
}

fn string(reader: &mut Reader<'_>, strings: &[Named<'_>]) -> Result<usize, RuleError> {
    let name = reader.bare();
    let known = strings.iter().find(|string| string.name == name && !name.is_empty());
    known
        .map(|string| string.number)
        .ok_or_else(|| reader.error(&format!("there is no string ${}", name.escape_ascii())))
}

fn of(reader: &mut Reader<'_>, quantity: Quantity, strings: &[Named<'_>]) -> Result<Condition, RuleError> {
    reader.expect_word("of")?;
    let mut chosen = Vec::new();
    if strings.is_empty() {
        return Err(reader.error("the rule has no strings"));
    }
    if reader.takes_word("them") {
        chosen.extend(strings.iter().map(|string| string.number));
        return Ok(Condition::Of(quantity, chosen));
    }
    reader.expect("(")?;
    loop {
        reader.expect("$")?;
        let name = reader.bare();
        let before = chosen.len();
        if reader.takes("*") {
            let fitting = strings.iter().filter(|string| string.name.starts_with(name));
            chosen.extend(fitting.map(|string| string.number));
        } else {
            chosen.extend(strings.iter().filter(|string| string.name == name).map(|string| string.number));
        }
        if chosen.len() == before {
            return Err(reader.error(&format!("there is no string ${}", name.escape_ascii())));
        }
        if !reader.takes(",") {
            break;
        }
    }
    reader.expect(")")?;
    Ok(Condition::Of(quantity, chosen))
}
