//! Laws about periods: empty ones, parts of one, and earlier ones.

use std::collections::HashMap;

use entity::Timestamp;
use entity::vocabulary::Vocabulary;
use rapport::analytics::{Comparison, Dimension, Interval, Key, MetricUnit, MetricValue, Report};

use super::dice::{Dice, cases};
use super::expected::{Number, buckets};
use super::query::{Ask, definition, metrics, moment};
use super::reference::zone;
use super::{Scene, asks, at};
use crate::on_both;

/// The value of a metric where nothing happened.
fn empty(value: &MetricValue) -> Option<f64> {
    match definition(value.metric).unit {
        MetricUnit::Count | MetricUnit::Credits => Some(0.0),
        MetricUnit::Share | MetricUnit::Seconds => None,
    }
}

fn is_empty(values: &[MetricValue]) -> bool {
    values
        .iter()
        .all(|value| value.value == empty(value) && value.numerator.is_none_or(|part| part == 0.0))
}

on_both! {
    async fn an_empty_period_has_empty_values(app: &TestApp) {
        let full = Scene::random(app, &mut Dice::of(2, 0), "full", 0).await;
        let bare = app.new_account("bare").await;
        let bare = Scene { scope: bare, facts: Vec::new(), zone: full.zone };
        // Around a change of Berlin's clocks, but a year before everything.
        let (from, to) = (at("2024-03-29T10:11:12.131415Z"), at("2024-04-02T20:21:22.232425Z"));
        let zone = zone("Europe/Berlin");
        for scene in [&full, &bare] {
            for interval in Interval::ALL {
                let interval = Some(*interval);
                let plain = Ask::plain(metrics(None, &[]), from, to);
                let ask = Ask { interval, zone: full.zone, ..plain };
                let report = scene.report(&ask).await;
                let found: Vec<_> = report.rows.iter().filter_map(|row| row.bucket).collect();
                assert_eq!(found, buckets(&zone, from, to, interval));
                assert!(report.rows.iter().all(|row| is_empty(&row.values)), "{interval:?}");
                assert!(is_empty(&report.totals), "{interval:?}");
                // A period that ends where it begins has no buckets.
                let report = scene.report(&Ask { to: from, ..ask }).await;
                assert!(report.rows.is_empty() && is_empty(&report.totals), "{interval:?}");
            }
            for dimension in Dimension::ALL {
                let breakdown = vec![*dimension];
                let plain = Ask::plain(metrics(None, &breakdown), from, to);
                let report = scene.report(&Ask { breakdown, ..plain }).await;
                assert!(report.rows.is_empty() && is_empty(&report.totals), "{dimension:?}");
            }
            let report = scene.report(&Ask::plain(metrics(None, &[]), from, from)).await;
            assert_eq!(report.rows.len(), 1);
            assert!(is_empty(&report.rows[0].values) && is_empty(&report.totals));
        }
    }
}

/// Values by group.
type Groups = HashMap<Vec<Key>, Vec<Option<f64>>>;

fn groups(report: &Report) -> Groups {
    let group = |row: &rapport::analytics::Row| {
        let keys = row.keys.iter().map(|key| key.key.clone()).collect();
        (keys, row.values.iter().map(|value| value.value).collect())
    };
    report.rows.iter().map(group).collect()
}

on_both! {
    async fn parts_of_a_period_add_up_to_it(app: &TestApp) {
        for case in 0..cases(3) {
            let mut dice = Dice::of(5, case);
            let scene = Scene::random(app, &mut dice, &format!("parts-{case}"), case).await;
            for ask in asks(&mut dice, &scene) {
                let mut ask = Ask { interval: None, ..ask };
                ask.metrics.retain(|metric| definition(*metric).additive);
                if ask.metrics.is_empty() {
                    continue;
                }
                let (from, to) = (ask.from, ask.to);
                let middle = if dice.chance(50) {
                    moment(&mut dice, &scene.facts).clamp(from, to)
                } else {
                    Timestamp(dice.between(from.0, to.0))
                };
                let whole = scene.report(&ask).await;
                let first = scene.report(&Ask { to: middle, ..ask.clone() }).await;
                let second = scene.report(&Ask { from: middle, ..ask.clone() }).await;
                let mut sums = Groups::new();
                for (keys, values) in groups(&first).into_iter().chain(groups(&second)) {
                    let sums = sums.entry(keys).or_insert_with(|| vec![Some(0.0); values.len()]);
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = sum.zip(value).map(|(one, two)| one + two);
                    }
                }
                assert_eq!(sums, groups(&whole), "cut at {middle:?}: {ask:#?}");
                for (index, whole) in whole.totals.iter().enumerate() {
                    let parts = first.totals[index].value.zip(second.totals[index].value);
                    let sum = parts.map(|(one, two)| one + two);
                    assert_eq!(sum, whole.value, "cut at {middle:?}: {ask:#?}");
                }
            }
        }
    }
}

/// What stands as the value before, and how much more there is now.
fn told(value: &MetricValue) -> (Option<f64>, Option<f64>) {
    (value.previous, value.change)
}

/// What should stand there.
fn compared(now: &MetricValue, previous: Option<f64>) -> (Option<f64>, Option<f64>) {
    let change = match (now.value, previous) {
        (Some(now), Some(previous)) if previous != 0.0 => Some(now / previous - 1.0),
        _ => None,
    };
    (previous, change)
}

on_both! {
    async fn a_comparison_equals_asking_for_the_earlier_period(app: &TestApp) {
        for case in 0..cases(3) {
            let mut dice = Dice::of(6, case);
            let scene = Scene::random(app, &mut dice, &format!("compared-{case}"), case).await;
            for ask in asks(&mut dice, &scene) {
                // Most comparisons are to meet something, which a year before has not.
                let year = dice.chance(10);
                let compare =
                    if year { Comparison::PreviousYear } else { Comparison::PreviousPeriod };
                let report = scene.report(&Ask { compare: Some(compare), ..ask.clone() }).await;
                let earlier = report.compared_to.clone().unwrap();
                assert!(year || earlier.to == ask.from, "{ask:#?}");
                let same_length = earlier.to.0 - earlier.from.0 == ask.to.0 - ask.from.0;
                assert!(year || ask.zone != "UTC" || same_length, "{ask:#?}");

                let before = Ask { from: earlier.from, to: earlier.to, ..ask.clone() };
                let before = scene.report(&before).await;
                for (value, before) in report.totals.iter().zip(&before.totals) {
                    assert_eq!(told(value), compared(value, before.value), "{ask:#?}");
                }
                let zone = zone(ask.zone);
                let matched = |from, to| buckets(&zone, from, to, ask.interval);
                let (now, then) = (matched(ask.from, ask.to), matched(earlier.from, earlier.to));
                let mut values: HashMap<(usize, Vec<Key>), Vec<Number>> = HashMap::new();
                for row in &before.rows {
                    let at = then.iter().position(|each| row.bucket.is_none_or(|own| own == *each));
                    let keys = row.keys.iter().map(|key| key.key.clone()).collect();
                    let numbers = row.values.iter().map(Number::told).collect();
                    values.insert((at.unwrap(), keys), numbers);
                }
                for row in &report.rows {
                    let at = now.iter().position(|each| row.bucket.is_none_or(|own| own == *each));
                    let at = at.unwrap();
                    let keys: Vec<Key> = row.keys.iter().map(|key| key.key.clone()).collect();
                    let numbers = values.get(&(at, keys));
                    for (index, value) in row.values.iter().enumerate() {
                        let previous = match numbers {
                            Some(numbers) => numbers[index].value,
                            // The earlier period has this bucket, but nothing of the group.
                            None if at < then.len() => empty(value),
                            None => None,
                        };
                        assert_eq!(told(value), compared(value, previous), "{row:?} of {ask:#?}");
                    }
                }
            }
        }
    }
}
