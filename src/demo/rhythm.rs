//! When things happen: how busy a day is, and which hours of it.

use jiff::civil::{Date, Weekday};
use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// Share of a day's talk that begins in each hour, in thousandths.
const HOURS: [u32; 24] =
    [4, 2, 1, 1, 2, 6, 15, 32, 58, 78, 88, 84, 66, 64, 76, 80, 78, 70, 58, 48, 38, 28, 16, 7];

/// An hour of the day.
pub fn hour(rng: &mut ChaCha8Rng) -> i8 {
    let hours: Vec<i8> = (0..24).collect();
    let weight = |hour: &i8| HOURS[usize::from(hour.unsigned_abs())];
    hours.choose_weighted(rng, weight).copied().unwrap_or(12)
}

/// A number near `mean`, which need not be whole.
pub fn around(rng: &mut ChaCha8Rng, mean: f64) -> u32 {
    whole(mean * rng.random_range(0.75..1.25) + rng.random_range(0.0..1.0))
}

/// How busy a day is: quiet week-ends, a slow February, a rush in November and December.
pub fn bustle(date: Date) -> f64 {
    let weekday = match date.weekday() {
        Weekday::Saturday => 0.55,
        Weekday::Sunday => 0.3,
        Weekday::Monday => 1.15,
        _ => 1.0,
    };
    let month = [0.9, 0.8, 0.95, 1.0, 1.05, 1.0, 0.9, 0.95, 1.0, 1.05, 1.3, 1.25];
    weekday * month[usize::from(date.month().unsigned_abs().clamp(1, 12)) - 1]
}

/// The whole part of a small number, zero for negative ones.
pub fn whole(number: f64) -> u32 {
    // There is no checked conversion from a float; a cast saturates.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let whole = number as u32;
    whole
}
