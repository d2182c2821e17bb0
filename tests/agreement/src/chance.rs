//! The one source of chance in a run: SplitMix64 (Steele, Lea, Flood 2014), small, fast and the same everywhere.

/// Numbers that follow from a seed.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; zero when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True in `of_1000` cases of 1,000.
    pub fn happens(&mut self, of_1000: u64) -> bool {
        of_1000 > 0 && self.below(1_000) < of_1000
    }

    /// A position below `length`; zero when there is none.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of the values; `None` when there are none.
    pub fn pick<T: Copy>(&mut self, values: &[T]) -> Option<T> {
        let index = self.index(values.len());
        values.get(index).copied()
    }
}
