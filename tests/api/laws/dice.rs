//! Chance that falls the same in every run: proptest's generator with a seed for each case.
//! Nothing is shrunk; a case can be thrown again without those before it.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub struct Dice(TestRunner);

impl Dice {
    /// The dice of a case of a law.
    pub fn of(law: u8, case: usize) -> Self {
        let mut seed = [law; 32];
        seed[..8].copy_from_slice(&u64::try_from(case).unwrap().to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    /// A number from 0 to below `limit`, which must not be 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (0..limit).new_tree(&mut self.0).unwrap().current()
    }

    /// A number of `[from, to)`, which must not be empty.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        (from..to).new_tree(&mut self.0).unwrap().current()
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// An index below `limit`, or none.
    pub fn maybe(&mut self, percent: usize, limit: usize) -> Option<usize> {
        if self.chance(percent) { Some(self.below(limit)) } else { None }
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }
}

/// So many cases, times `RAPPORT_TEST_CASES`.
pub fn cases(usual: usize) -> usize {
    let times = std::env::var("RAPPORT_TEST_CASES").ok().and_then(|times| times.parse().ok());
    usual * times.unwrap_or(1_usize).max(1)
}
