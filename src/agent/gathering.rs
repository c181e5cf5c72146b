//! How long a batch gathers before it is taken. A wake-up costs some 50 µs, so few are better; but records that wait lie in
//! the kernel's memory, and more of them than the processor's cache holds cost more to copy.

/// Records a batch is meant to have: with the kernel's own part some 0.8 MB.
const MEANT: u32 = 800;

/// See the module's head.
pub(super) struct Gathering {
    /// The longest, ms (`audit_gather_ms`); 0: nothing gathers.
    most_ms: u32,
    next_ms: u32,
}

impl Gathering {
    pub fn new(most_ms: u32) -> Self {
        Gathering { most_ms, next_ms: most_ms }
    }

    /// How long the next batch gathers, ms; 0: not at all.
    pub fn ms(&self) -> u32 {
        self.next_ms
    }

    /// A batch that had gathered for [`Gathering::ms`] brought so many records.
    pub fn brought(&mut self, records: usize) {
        let records = u32::try_from(records).unwrap_or(u32::MAX).max(1);
        // At least 1, or it would stay 0 for ever.
        let next_ms = u64::from(self.next_ms) * u64::from(MEANT) / u64::from(records);
        self.next_ms = (next_ms.max(1) as u32).min(self.most_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::Gathering;

    #[test]
    fn the_more_come_the_shorter_it_is() {
        let mut gathering = Gathering::new(50);
        // Records in a millisecond, and how long that lets them gather.
        for (rate, ms) in [(1, 50), (4, 50), (16, 50), (40, 20), (80, 10), (1600, 1), (1600, 1), (0, 50)] {
            for _ in 0..12 {
                gathering.brought((gathering.ms() * rate) as usize);
            }
            assert_eq!(gathering.ms(), ms, "{rate}");
        }
        let mut gathering = Gathering::new(0);
        gathering.brought(5);
        assert_eq!(gathering.ms(), 0);
    }
}
