//! A year cut into hours loses nothing, whatever the clocks do in it.

use entity::Timestamp;
use rapport::analytics::{DateBasis, Interval, MOST_CELLS, Metric};

use super::dice::Dice;
use super::expected::Expected;
use super::query::{Ask, definition, metrics};
use super::{Scene, adds_up, at};
use crate::on_both;

const DAY: i64 = 24 * 3_600;
/// Hours of a leap year and two that are clipped or short, rounded up.
const MOST_HOURS: usize = 8_800;

/// Zones with an instant in the middle of the year.
const YEARS: [(&str, &str); 5] = [
    ("Australia/Lord_Howe", "2024-10-05T15:30:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:30:00Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("Europe/Berlin", "2024-10-27T01:00:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
];

on_both! {
    async fn a_year_of_hours_sums_to_the_total(app: &TestApp) {
        for (case, (zone, middle)) in YEARS.into_iter().enumerate() {
            let (mut dice, middle) = (Dice::of(10, case), at(middle));
            let name = format!("year-{case}");
            let scene = Scene::around(app, &mut dice, &name, (zone, middle), 180).await;
            let (from, to) = (middle.plus_seconds(-182 * DAY), middle.plus_seconds(183 * DAY + 1));
            for basis in [None, Some(DateBasis::Event)] {
                let mut additive: Vec<Metric> = metrics(basis, &[]);
                additive.retain(|metric| definition(*metric).additive);
                for metrics in additive.chunks(MOST_CELLS / MOST_HOURS) {
                    let whole = Ask { basis, zone, ..Ask::plain(metrics.to_vec(), from, to) };
                    let ask = Ask { interval: Some(Interval::Hour), ..whole.clone() };
                    let series = scene.report(&ask).await;
                    adds_up(&ask, &series);
                    let buckets: Vec<_> = series.rows.iter().filter_map(|row| row.bucket).collect();
                    assert_eq!(buckets.first().map(|bucket| bucket.start), Some(from));
                    assert_eq!(buckets.last().map(|bucket| bucket.end), Some(to));
                    assert!(buckets.windows(2).all(|pair| pair[0].end == pair[1].start));
                    assert!(buckets.iter().all(|bucket| hours(bucket.start, bucket.end) <= 1.0));
                    let report = scene.report(&whole).await;
                    Expected::of(&scene.facts, &whole).check(&whole, &report);
                    assert_eq!(report.totals, series.totals);
                }
            }
        }
    }
}

fn hours(from: Timestamp, to: Timestamp) -> f64 {
    (to.0 - from.0) as f64 / (3_600 * Timestamp::SECOND) as f64
}
