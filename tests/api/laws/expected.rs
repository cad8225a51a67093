//! The report that a question must be answered with, counted fact by fact, and the check
//! that it was. Buckets are found by walking through the period by quarters of an hour.

use std::collections::{HashMap, HashSet};

use entity::Timestamp;
use jiff::Span;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rapport::analytics::{Bucket, Interval, Key, MetricValue, Report};

use super::fact::Fact;
use super::query::Ask;
use super::reference::{Measure, instant, keys, meaning, zone};

/// The account's.
const REPLY_WINDOW_SECONDS: i64 = 72 * 3_600;
/// All changes of clocks that are tested fall on one.
const QUARTER: i64 = 15 * 60 * Timestamp::SECOND;

/// A value and its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub value: Option<f64>,
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
}

pub struct Expected {
    pub buckets: Vec<Bucket>,
    totals: Vec<Number>,
    /// By index of the bucket and by group.
    rows: HashMap<(usize, Vec<Key>), Vec<Number>>,
}

/// For each metric what was counted.
type Counts = Vec<Counted>;

#[derive(Clone, Default)]
struct Counted {
    /// Facts of the numerator, and of the denominator.
    part: u32,
    whole: u32,
    /// What was summed.
    total: i64,
    /// Who was met.
    who: HashSet<String>,
    /// What lasted how long, in microseconds.
    lasted: Vec<i64>,
}

impl Number {
    pub fn told(value: &MetricValue) -> Self {
        let MetricValue { value, numerator, denominator, .. } = *value;
        Self { value, numerator, denominator }
    }

    fn all(counted: &Counted, measure: &Measure) -> Self {
        let count =
            |number| Self { value: Some(number), numerator: Some(number), denominator: None };
        match measure {
            Measure::Count(_) => count(f64::from(counted.part)),
            Measure::Total(..) => count(counted.total as f64),
            Measure::Distinct(..) => count(f64::from(u32::try_from(counted.who.len()).unwrap())),
            Measure::Share { .. } => {
                let (numerator, denominator) = (f64::from(counted.part), f64::from(counted.whole));
                let value = (counted.whole > 0).then(|| numerator / denominator);
                Self { value, numerator: Some(numerator), denominator: Some(denominator) }
            }
            Measure::Mean(_) => {
                let sum: i128 = counted.lasted.iter().map(|micros| i128::from(*micros)).sum();
                let (seconds, number) = (sum as f64 / 1_000_000.0, counted.lasted.len() as f64);
                let value = (number > 0.0).then(|| seconds / number);
                Self { value, numerator: Some(seconds), denominator: Some(number) }
            }
            Measure::Percentile(_, percent) => {
                let mut lasted = counted.lasted.clone();
                lasted.sort_unstable();
                let rank = (lasted.len() * usize::from(*percent)).div_ceil(100);
                let value = rank.checked_sub(1).map(|index| middle(lasted[index]));
                Self { value, numerator: None, denominator: Some(lasted.len() as f64) }
            }
        }
    }
}

/// The geometric middle of the hundredth in which a length lies, in seconds.
fn middle(micros: i64) -> f64 {
    let step = (micros as f64 / 1_000_000.0).log(1.01).floor();
    if micros > 0 { 1.01_f64.powf(step + 0.5) } else { 0.0 }
}

impl Expected {
    pub fn of(facts: &[Fact], ask: &Ask) -> Self {
        let window = ask.window.unwrap_or(REPLY_WINDOW_SECONDS);
        let facts: Vec<Fact> = facts.iter().map(|fact| fact.within(window)).collect();
        let zone = zone(ask.zone);
        let buckets = buckets(&zone, ask.from, ask.to, ask.interval);
        let none: Counts = vec![Counted::default(); ask.metrics.len()];
        let mut totals = none.clone();
        let mut cells: HashMap<(usize, Vec<Key>), Counts> = HashMap::new();
        for (index, metric) in ask.metrics.iter().enumerate() {
            let meaning = meaning(*metric);
            for fact in &facts {
                let Some(at) = meaning.time(fact, ask.basis) else { continue };
                if at < ask.from || at >= ask.to || !ask.lets_pass(fact, &zone, at) {
                    continue;
                }
                let (part, whole) = match meaning.measure {
                    Measure::Count(of) => (of(fact), false),
                    // What costs nothing makes no group.
                    Measure::Total(of, number) => (of(fact) && number(fact) != 0, false),
                    Measure::Share { part, whole } => (whole(fact) && part(fact), whole(fact)),
                    Measure::Distinct(of, _) => (of(fact), false),
                    Measure::Mean(length) | Measure::Percentile(length, _) => {
                        (length(fact).is_some(), false)
                    }
                };
                if !part && !whole {
                    continue;
                }
                let bucket = buckets.partition_point(|bucket| bucket.start <= at) - 1;
                let count = |counts: &mut Counts| {
                    counts[index].part += u32::from(part);
                    counts[index].whole += u32::from(whole);
                    match meaning.measure {
                        Measure::Distinct(_, who) => drop(counts[index].who.insert(who(fact))),
                        Measure::Mean(length) | Measure::Percentile(length, _) => {
                            counts[index].lasted.extend(length(fact));
                        }
                        Measure::Total(_, number) => counts[index].total += number(fact),
                        Measure::Count(_) | Measure::Share { .. } => {}
                    }
                };
                count(&mut totals);
                for keys in groups_of(fact, ask, &zone, at) {
                    count(cells.entry((bucket, keys)).or_insert_with(|| none.clone()));
                }
            }
        }
        let numbers = |counts: &Counts| -> Vec<Number> {
            let each = counts.iter().zip(&ask.metrics);
            each.map(|(counts, metric)| Number::all(counts, &meaning(*metric).measure)).collect()
        };
        // A group in which nothing was counted is none; everything together is always one.
        let mut groups: HashSet<Vec<Key>> = cells.keys().map(|(_, keys)| keys.clone()).collect();
        if ask.breakdown.is_empty() {
            groups.insert(Vec::new());
        }
        let mut rows = HashMap::new();
        for bucket in 0..buckets.len() {
            for group in &groups {
                let cell = (bucket, group.clone());
                let counts = cells.get(&cell).map_or_else(|| numbers(&none), &numbers);
                rows.insert(cell, counts);
            }
        }
        Self { totals: numbers(&totals), buckets, rows }
    }

    /// Fails where the report says anything else.
    pub fn check(&self, ask: &Ask, report: &Report) {
        assert_eq!((report.period.from, report.period.to), (ask.from, ask.to), "{ask:#?}");
        assert_eq!(report.period.zone_name(), ask.zone, "{ask:#?}");
        let totals: Vec<Number> = report.totals.iter().map(Number::told).collect();
        assert_eq!(totals, self.totals, "the totals of {ask:#?}");
        for (value, metric) in report.totals.iter().zip(&ask.metrics) {
            assert_eq!(value.metric, *metric, "{ask:#?}");
            assert_eq!(
                value.date_basis,
                meaning(*metric).basis(ask.basis),
                "{metric:?} of {ask:#?}"
            );
        }
        let mut told = HashSet::new();
        let mut before = 0;
        for row in &report.rows {
            let bucket = match row.bucket {
                Some(bucket) => self.buckets.iter().position(|each| *each == bucket),
                None => ask.interval.is_none().then_some(0),
            };
            let bucket =
                bucket.unwrap_or_else(|| panic!("there is no {:?} in {ask:#?}", row.bucket));
            assert!(before <= bucket, "buckets are out of order in {ask:#?}");
            before = bucket;
            let keys: Vec<Key> = row.keys.iter().map(|key| key.key.clone()).collect();
            let cell = (bucket, keys);
            let expected = self.rows.get(&cell);
            let expected = expected.unwrap_or_else(|| panic!("there is no {cell:?} in {ask:#?}"));
            let numbers: Vec<Number> = row.values.iter().map(Number::told).collect();
            assert_eq!(numbers, *expected, "{cell:?} of {ask:#?}");
            assert!(told.insert(cell), "two rows for one group and bucket in {ask:#?}");
        }
        let missing: Vec<_> = self.rows.keys().filter(|cell| !told.contains(*cell)).collect();
        assert!(missing.is_empty(), "no rows for {missing:?} of {ask:#?}");
    }
}

/// The groups in which a fact stands: of dimensions with several keys, under each.
fn groups_of(fact: &Fact, ask: &Ask, zone: &TimeZone, at: Timestamp) -> Vec<Vec<Key>> {
    let mut groups = vec![Vec::new()];
    for dimension in &ask.breakdown {
        let keys = keys(fact, *dimension, zone, at);
        groups = groups
            .iter()
            .flat_map(|group: &Vec<Key>| {
                keys.iter().map(|key| [group.clone(), vec![key.clone()]].concat())
            })
            .collect();
    }
    groups
}

/// The buckets of a period; without an interval the period itself.
pub fn buckets(
    zone: &TimeZone,
    from: Timestamp,
    to: Timestamp,
    interval: Option<Interval>,
) -> Vec<Bucket> {
    let Some(interval) = interval else {
        return vec![Bucket { start: from, end: to, clipped: false }];
    };
    let unit = |at: i64| unit(zone, Timestamp(at), interval);
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut start = from.0;
    while start < to.0 {
        let own = unit(start);
        let mut end = start - start.rem_euclid(QUARTER) + QUARTER;
        while end < to.0 && unit(end) == own {
            end += QUARTER;
        }
        let end = end.min(to.0);
        let clipped =
            (start == from.0 && unit(start - 1) == own) || (end == to.0 && unit(end) == own);
        buckets.push(Bucket { start: Timestamp(start), end: Timestamp(end), clipped });
        start = end;
    }
    buckets
}

/// What is the same for all instants of a bucket, and another for those around it.
fn unit(zone: &TimeZone, at: Timestamp, interval: Interval) -> (i32, DateTime) {
    let offset = zone.to_offset(instant(at));
    let (local, offset) = (offset.to_datetime(instant(at)), offset.seconds());
    let date = local.date();
    let by_date = |date: Date| (0, date.at(0, 0, 0, 0));
    match interval {
        Interval::FifteenMinutes => (offset, date.at(local.hour(), local.minute() / 15 * 15, 0, 0)),
        Interval::Hour => (offset, date.at(local.hour(), 0, 0, 0)),
        Interval::Day => by_date(date),
        Interval::Week => {
            let since_monday = date.weekday().to_monday_zero_offset();
            by_date(date.checked_sub(Span::new().days(since_monday)).unwrap())
        }
        Interval::Month => by_date(date.first_of_month()),
        Interval::Quarter => {
            let since = (date.month() - 1) % 3;
            by_date(date.first_of_month().checked_sub(Span::new().months(since)).unwrap())
        }
        Interval::Year => by_date(date.first_of_year()),
    }
}
