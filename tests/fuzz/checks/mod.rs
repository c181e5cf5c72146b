//! What must hold for any input: one check a fuzz target. Bytes come from libFuzzer (`targets/`) or, as part of the
//! ordinary tests, from a seeded mutator (`src/fuzzed.rs`); a check panics if something does not hold.
//!
//! The inputs of `assembler` and `lineage` are lines of text, so that seeds can be read and a dictionary helps: a letter
//! for what happens, a character for how much time has passed, and the rest of the line.

pub mod assembler;
pub mod connector;
pub mod control;
pub mod lineage;
pub mod log;
pub mod records;
pub mod texts;

/// Steps of one input; the rest is left out.
const STEPS: usize = 400;

/// One line of an input.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// What happens.
    pub what: u8,
    /// Time passed since the step before, ms.
    pub ms: u64,
    /// With what.
    pub rest: &'a [u8],
}

/// An input's lines: a letter, a character whose distance from `0` counts quarters of a second (0 for anything below),
/// the rest.
pub fn steps(data: &[u8]) -> impl Iterator<Item = Step<'_>> {
    data.split(|&byte| byte == b'\n').take(STEPS).filter_map(|line| match line {
        [what, time, rest @ ..] => Some(Step { what: *what, ms: u64::from(time.saturating_sub(b'0')) * 250, rest }),
        _ => None,
    })
}

/// The record type that a letter stands for.
pub fn kind_of(letter: u8) -> Option<u16> {
    Some(match letter {
        b'S' => texts::SYSCALL,
        b'P' => texts::PATH,
        b'C' => texts::CWD,
        b'E' => texts::EXECVE,
        b'O' => texts::EOE,
        b'X' => texts::PROCTITLE,
        _ => return None,
    })
}

/// The letter that stands for a record type.
pub fn letter_of(kind: u16) -> u8 {
    (b'A'..=b'Z').find(|&letter| kind_of(letter) == Some(kind)).unwrap_or(b'X')
}
