//! A set of names, sorted, with a bound.

/// Most names.
pub const MOST_NAMES: usize = 16 << 10;

/// See the module's head.
#[derive(Default)]
pub struct NameSet(Vec<Vec<u8>>);

impl NameSet {
    /// Puts a name in, if there is room.
    pub fn insert(&mut self, name: &[u8]) {
        if let Err(place) = self.find(name)
            && self.0.len() < MOST_NAMES
        {
            self.0.insert(place, name.to_vec());
        }
    }

    /// Whether a name is in it.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.find(name).is_ok()
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.0.binary_search_by(|known| known.as_slice().cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_once_and_no_more_than_there_is_room_for() {
        let mut names = NameSet::default();
        for name in ["b", "a", "", "b"] {
            names.insert(name.as_bytes());
        }
        assert_eq!(["", "a", "b", "c"].map(|name| names.contains(name.as_bytes())), [true, true, true, false]);
        assert_eq!(names.0.len(), 3);
        for number in 0..MOST_NAMES + 10 {
            names.insert(number.to_string().as_bytes());
        }
        assert_eq!(names.0.len(), MOST_NAMES);
    }
}
