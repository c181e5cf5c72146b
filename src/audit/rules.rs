//! Audit rules as the kernel takes and gives them: `struct audit_rule_data` (`include/uapi/linux/audit.h`).

/// The key all our rules carry: rules found with it at start are ours, left by a crash.
pub const KEY: &str = "stemma";

const WORDS: usize = 3 + 64 + 64 * 3 + 1;
const FIELD_COUNT: usize = 2;
const MASK: usize = 3;
const FIELDS: usize = MASK + 64;
const VALUES: usize = FIELDS + 64;
const OPERATORS: usize = VALUES + 64;
const BUFFER_LENGTH: usize = OPERATORS + 64;

const FIELD_MSGTYPE: u32 = 12;
const FIELD_ARCH: u32 = 11;
const FIELD_SUCCESS: u32 = 104;
const FIELD_ARG0: u32 = 200;
const FIELD_FILTERKEY: u32 = 210;

const EQUAL: u32 = 0x4000_0000;
const BIT_MASK: u32 = 0x0800_0000;

/// Which list a rule stands in and what it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `always,exit`: report.
    ReportSyscall,
    /// `never,exit`: do not report, and look no further.
    IgnoreSyscall,
    /// `always,exclude`: drop records of a type.
    ExcludeType,
    /// `never,task`: no auditing for new processes (we never add it, only look for it).
    IgnoreTask,
}

impl Action {
    fn words(self) -> (u32, u32) {
        match self {
            Action::ReportSyscall => (4, 2),
            Action::IgnoreSyscall => (4, 0),
            Action::ExcludeType => (5, 2),
            Action::IgnoreTask => (1, 0),
        }
    }
}

/// A rule in the kernel's own form: 260 words and the text of its strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    bytes: Vec<u8>,
}

impl Rule {
    /// A rule without fields.
    pub fn new(action: Action) -> Self {
        let mut rule = Rule { bytes: vec![0; WORDS * 4] };
        let (list, action) = action.words();
        rule.set(0, list);
        rule.set(1, action);
        rule
    }

    fn get(&self, word: usize) -> u32 {
        self.bytes.get(word * 4..word * 4 + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes)
    }

    fn set(&mut self, word: usize, value: u32) {
        if let Some(bytes) = self.bytes.get_mut(word * 4..word * 4 + 4) {
            bytes.copy_from_slice(&value.to_ne_bytes());
        }
    }

    fn field(mut self, field: u32, operator: u32, value: u32) -> Self {
        let count = self.get(FIELD_COUNT) as usize;
        self.set(FIELDS + count, field);
        self.set(OPERATORS + count, operator);
        self.set(VALUES + count, value);
        self.set(FIELD_COUNT, count as u32 + 1);
        self
    }

    /// Only system calls of this AUDIT_ARCH. Must come before the calls, as auditctl does it.
    pub fn arch(self, arch: u32) -> Self {
        self.field(FIELD_ARCH, EQUAL, arch)
    }

    /// These system call numbers (each below 2048).
    pub fn calls(mut self, numbers: &[u32]) -> Self {
        for &number in numbers {
            let word = MASK + (number / 32) as usize;
            if word < FIELDS {
                let bits = self.get(word) | 1 << (number % 32);
                self.set(word, bits);
            }
        }
        self
    }

    /// Only calls that succeeded.
    pub fn success(self) -> Self {
        self.field(FIELD_SUCCESS, EQUAL, 1)
    }

    /// Only calls whose first argument has one of these bits.
    pub fn first_argument_has(self, bits: u32) -> Self {
        self.field(FIELD_ARG0, BIT_MASK, bits)
    }

    /// Only records of this type (exclude rules).
    pub fn record_type(self, kind: u16) -> Self {
        self.field(FIELD_MSGTYPE, EQUAL, u32::from(kind))
    }

    /// Gives the rule our [`KEY`].
    pub fn key(self) -> Self {
        let mut rule = self.field(FIELD_FILTERKEY, EQUAL, KEY.len() as u32);
        let length = rule.get(BUFFER_LENGTH) + KEY.len() as u32;
        rule.set(BUFFER_LENGTH, length);
        rule.bytes.extend_from_slice(KEY.as_bytes());
        rule
    }

    /// What AUDIT_ADD_RULE and AUDIT_DEL_RULE take.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A rule as AUDIT_LIST_RULES gives it; None if it is shorter than its own lengths say.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let mut rule = Rule { bytes: payload.get(..WORDS * 4)?.to_vec() };
        let length = rule.get(BUFFER_LENGTH) as usize;
        rule.bytes.extend_from_slice(payload.get(WORDS * 4..(WORDS * 4).checked_add(length)?)?);
        Some(rule)
    }

    /// Whether it carries our key. Strings lie in the buffer in the order of the fields that own them; the fields with
    /// strings are those of `auditfilter.c: audit_data_to_entry`.
    pub fn is_ours(&self) -> bool {
        const WITH_TEXT: [u32; 14] = [13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 107, 112, FIELD_FILTERKEY];
        let mut offset = WORDS * 4;
        for index in 0..(self.get(FIELD_COUNT) as usize).min(64) {
            let field = self.get(FIELDS + index);
            if !WITH_TEXT.contains(&field) {
                continue;
            }
            let end = offset.saturating_add(self.get(VALUES + index) as usize);
            if field == FIELD_FILTERKEY && self.bytes.get(offset..end) == Some(KEY.as_bytes()) {
                return true;
            }
            offset = end;
        }
        false
    }

    /// Whether it keeps new processes from being audited at all (`-a never,task`, as some distributions ship it).
    pub fn stops_all(&self) -> bool {
        (self.get(0), self.get(1)) == Action::IgnoreTask.words() && self.get(FIELD_COUNT) == 0
    }
}

/// System call numbers of one AUDIT_ARCH (`arch/*/entry/syscalls/*.tbl`); None where the ABI lacks the call.
struct Calls {
    arch: u32,
    exec: &'static [u32],
    fork: &'static [u32],
    clone: &'static [u32],
}

const CALLS: &[Calls] = &[
    Calls { arch: 0xc000_003e, exec: &[59, 322], fork: &[57, 58, 435], clone: &[56] },
    Calls { arch: 0x4000_0003, exec: &[11, 358], fork: &[2, 190, 435], clone: &[120] },
    Calls { arch: 0xc000_00b7, exec: &[221, 281], fork: &[435], clone: &[220] },
    Calls { arch: 0x4000_0028, exec: &[11, 387], fork: &[2, 190, 435], clone: &[120] },
];

const CLONE_THREAD: u32 = 0x0001_0000;
const RECORD_BPRM_FCAPS: u16 = 1321;
const RECORD_PROCTITLE: u16 = 1327;

/// The rules for execve and execveat of these ABIs.
pub fn exec_rules(archs: &[u32]) -> Vec<Rule> {
    calls(archs).map(|calls| Rule::new(Action::ReportSyscall).arch(calls.arch).calls(calls.exec).key()).collect()
}

/// The rules for the fork family, threads left out as far as a rule can: clone shows its flags, clone3 hides them.
/// For kernels without the proc connector.
pub fn fork_rules(archs: &[u32]) -> Vec<Rule> {
    calls(archs)
        .flat_map(|calls| {
            let threads = Rule::new(Action::IgnoreSyscall).arch(calls.arch).calls(calls.clone);
            let report = Rule::new(Action::ReportSyscall).arch(calls.arch).calls(calls.clone).calls(calls.fork);
            [threads.first_argument_has(CLONE_THREAD).key(), report.success().key()]
        })
        .collect()
}

/// Rules that keep the two record types nobody here reads from being made. Global: only while we own audit.
pub fn exclude_rules() -> Vec<Rule> {
    [RECORD_PROCTITLE, RECORD_BPRM_FCAPS].map(|kind| Rule::new(Action::ExcludeType).record_type(kind).key()).to_vec()
}

fn calls<'a>(archs: &'a [u32]) -> impl Iterator<Item = &'static Calls> + 'a {
    CALLS.iter().filter(|calls| archs.contains(&calls.arch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_rules_and_no_others() {
        for rule in [exec_rules(&[0xc000_003e]), fork_rules(&[0xc000_003e]), exclude_rules()].concat() {
            assert!(rule.is_ours());
            assert_eq!(Rule::parse(rule.bytes()), Some(rule.clone()));
        }
        assert!(!Rule::new(Action::ReportSyscall).arch(0xc000_003e).calls(&[59]).is_ours());
        let mut longer = Rule::new(Action::ReportSyscall).calls(&[59]).key();
        longer.set(VALUES, 7);
        longer.set(BUFFER_LENGTH, 7);
        longer.bytes.push(b'2');
        assert!(!longer.is_ours(), "a key that only begins like ours is somebody else's");
    }

    #[test]
    fn a_rule_shorter_than_it_says_is_no_rule() {
        let rule = Rule::new(Action::ReportSyscall).calls(&[59]).key();
        for length in 0..rule.bytes().len() {
            assert_eq!(Rule::parse(&rule.bytes()[..length]), None);
        }
    }

    #[test]
    fn never_task_is_noticed() {
        assert!(Rule::new(Action::IgnoreTask).stops_all());
        assert!(!Rule::new(Action::IgnoreSyscall).stops_all());
    }
}
