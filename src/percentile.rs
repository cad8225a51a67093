//! Percentiles of durations that can be added up: each duration stands in a bin of a width of
//! 1 %, and a percentile is read off the numbers of durations in the bins. Both those who
//! write durations and those who read them ask here.

use std::collections::BTreeMap;

/// The bin of zero and of everything below.
const ZERO: i16 = i16::MIN;
const WIDTH: f64 = 1.01;
const MICROS: f64 = 1_000_000.0;

/// The bin of a duration: `floor(log1.01(seconds))`.
pub fn bin(micros: i64) -> i16 {
    if micros <= 0 {
        return ZERO;
    }
    // The longest duration that an i64 can hold is in bin 3,000, a microsecond in bin -1,389.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let bin = (micros as f64 / MICROS).log(WIDTH).floor() as i16;
    bin
}

/// Seconds in the geometric middle of a bin.
fn middle(bin: i16) -> f64 {
    if bin == ZERO { 0.0 } else { WIDTH.powf(f64::from(bin) + 0.5) }
}

/// Seconds within the bin that holds the nearest rank of the percentile, of durations that are
/// counted by bin. None where there are none.
pub fn percentile(percent: u8, counts: &BTreeMap<i16, i64>) -> Option<f64> {
    let total: i64 = counts.values().sum();
    let rank = ((total * i64::from(percent) + 99) / 100).max(1);
    let mut seen = 0;
    counts.iter().find_map(|(bin, count)| {
        seen += count;
        (seen >= rank).then(|| middle(*bin))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(seconds: &[i64]) -> BTreeMap<i16, i64> {
        let mut counts = BTreeMap::new();
        for seconds in seconds {
            *counts.entry(bin(seconds * 1_000_000)).or_insert(0) += 1;
        }
        counts
    }

    #[test]
    fn a_bin_is_a_hundredth_wide() {
        assert_eq!(bin(1_000_000), 0);
        assert_eq!(bin(1_009_999), 0);
        assert_eq!(bin(1_010_001), 1);
        assert_eq!(bin(500_000), -70);
        assert_eq!((bin(0), bin(-5)), (ZERO, ZERO));
        assert!(bin(1) > ZERO && bin(i64::MAX) < 3_100);
    }

    #[test]
    fn the_nearest_rank_decides() {
        let near = |percent, seconds: &[i64], expected: f64| {
            let found = percentile(percent, &counts(seconds)).unwrap();
            assert!((found / expected - 1.0).abs() < 0.006, "{found} is not {expected}");
        };
        near(50, &[10, 20, 30], 20.0);
        near(50, &[10, 20, 30, 40], 20.0);
        near(90, &[10, 20, 30, 40], 40.0);
        near(90, &[7], 7.0);
        assert_eq!(percentile(50, &counts(&[0, 0, 9])), Some(0.0));
        assert_eq!(percentile(50, &BTreeMap::new()), None);
    }
}
