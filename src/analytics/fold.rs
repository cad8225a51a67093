//! From grouped counts to the rows of a report: sums, ratios, order, the first groups and
//! the rest, and comparison. Pure; what it needs of the database has been read already.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::bucket::Bucket;
use super::dimension::Dimension;
use super::key::{DimensionKey, Key};
use super::label::Labels;
use super::measure::{DateBasis, Definition, Measure};
use super::metric::Metric;
use super::plan::{Plan, Reading};
use super::query::ReportQuery;
use super::statement::Grouped;
use super::tally::{Cell, Shape};
use crate::error::{Error, Result};

/// A report has at most so many values in its rows.
pub const MOST_CELLS: usize = 100_000;

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricValue {
    pub metric: Metric,
    /// None for 0/0, and for a percentile of nothing.
    pub value: Option<f64>,
    /// None for percentiles.
    pub numerator: Option<f64>,
    /// None for metrics that are no ratio.
    pub denominator: Option<f64>,
    pub date_basis: DateBasis,
    /// The value in the period compared with; none without one, or without a value there.
    pub previous: Option<f64>,
    /// How much more than before, as a share of it: 0.1 is a tenth more. None where `previous`
    /// is none or 0.
    pub change: Option<f64>,
}

impl MetricValue {
    /// The value where nothing was counted, on the metric's own basis.
    pub(super) fn nothing(metric: Metric) -> Self {
        let Definition { measure, times, .. } = metric.definition();
        let (value, numerator, denominator) = match measure {
            Measure::Count { .. } | Measure::Distinct { .. } | Measure::Total { .. } => {
                (Some(0.0), Some(0.0), None)
            }
            Measure::Share { .. } | Measure::Mean { .. } => (None, Some(0.0), Some(0.0)),
            Measure::Percentile { .. } => (None, None, Some(0.0)),
        };
        let date_basis = times.bases().first().copied().unwrap_or(DateBasis::Event);
        let (previous, change) = (None, None);
        Self { metric, value, numerator, denominator, date_basis, previous, change }
    }
}

/// The values of one group in one bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// None without an interval.
    pub bucket: Option<Bucket>,
    /// One for each dimension of the breakdown.
    pub keys: Vec<DimensionKey>,
    /// One for each metric, in the order in which they were asked for.
    pub values: Vec<MetricValue>,
}

/// Counts by group and bucket. What is not there is empty.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    shape: Shape,
    /// The number of buckets.
    buckets: usize,
    groups: HashMap<Vec<Key>, BTreeMap<usize, Cell>>,
}

impl Facts {
    pub fn new(shape: Shape, buckets: usize) -> Self {
        Self { shape, buckets, groups: HashMap::new() }
    }

    pub fn add(&mut self, grouped: Grouped) {
        let buckets = self.groups.entry(grouped.keys).or_default();
        let cell = buckets.entry(grouped.bucket).or_insert_with(|| Cell::empty(self.shape));
        grouped.found.into_iter().for_each(|found| cell.add(found));
    }

    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.groups.keys().flatten()
    }

    /// The counts of a group in a bucket.
    fn cell(&self, group: &[Key], bucket: usize) -> Cell {
        let cell = self.groups.get(group).and_then(|buckets| buckets.get(&bucket));
        cell.cloned().unwrap_or_else(|| Cell::empty(self.shape))
    }

    /// The counts of a group in all buckets.
    fn total(&self, group: &[Key]) -> Cell {
        let mut total = Cell::empty(self.shape);
        let cells = self.groups.get(group).into_iter().flat_map(BTreeMap::values);
        cells.for_each(|cell| total.merge(cell));
        total
    }

    /// The same counts under other keys.
    fn regroup(&self, key: impl Fn(&[Key]) -> Vec<Key>) -> Self {
        let mut regrouped = Self::new(self.shape, self.buckets);
        for (group, buckets) in &self.groups {
            let into = regrouped.groups.entry(key(group)).or_default();
            for (bucket, cell) in buckets {
                into.entry(*bucket).or_insert_with(|| Cell::empty(self.shape)).merge(cell);
            }
        }
        regrouped
    }
}

/// The values of everything together. In `now` and `before` each fact stands in one group and
/// one bucket, so that the counts of all of them merged are those of the whole.
pub(super) fn totals(
    query: &ReportQuery,
    plan: &Plan,
    now: &Facts,
    before: Option<&Facts>,
) -> Vec<MetricValue> {
    let whole = |facts: &Facts| facts.regroup(|_| Vec::new()).total(&[]);
    values(query, plan, &whole(now), before.map(whole).as_ref())
}

/// The rows: every bucket in order, and in each the groups in theirs.
pub(super) fn rows(
    query: &ReportQuery,
    plan: &Plan,
    labels: &Labels,
    now: &Facts,
    before: Option<&Facts>,
) -> Result<Vec<Row>> {
    let groups = shown(query, plan, labels, now);
    let wide = query.asked.len() * groups.len();
    let cells = wide.saturating_mul(query.stretch.buckets.len());
    if cells > MOST_CELLS {
        return Err(Error::Limit(format!(
            "a report has at most {MOST_CELLS} values in its rows, and this one would have \
             {cells}; ask for fewer groups (first), longer buckets (interval) or fewer metrics"
        )));
    }
    let kept: HashSet<Vec<Key>> = groups.iter().map(|group| keys(group)).collect();
    let other = vec![Key::Other; query.breakdown.len()];
    let folded = |facts: &Facts| {
        facts.regroup(|group| if kept.contains(group) { group.to_vec() } else { other.clone() })
    };
    let (now, before) = (folded(now), before.map(folded));
    let mut rows = Vec::with_capacity(cells / query.asked.len().max(1));
    for (index, bucket) in query.stretch.buckets.iter().enumerate() {
        for group in &groups {
            let key = keys(group);
            // Of two months, say, one can have more days than the other.
            let matched = before.as_ref().filter(|facts| index < facts.buckets);
            let earlier = matched.map(|facts| facts.cell(&key, index));
            rows.push(Row {
                bucket: query.series.then_some(*bucket),
                keys: group.clone(),
                values: values(query, plan, &now.cell(&key, index), earlier.as_ref()),
            });
        }
    }
    Ok(rows)
}

/// The groups that get rows, in their order: the first ones, and the rest as one.
fn shown(query: &ReportQuery, plan: &Plan, labels: &Labels, now: &Facts) -> Vec<Vec<DimensionKey>> {
    if query.breakdown.is_empty() {
        return vec![Vec::new()];
    }
    let labelled = |keys: &[Key]| -> Vec<DimensionKey> {
        let pairs = query.breakdown.iter().zip(keys);
        pairs.map(|(dimension, key)| named(*dimension, key, labels)).collect()
    };
    let reading = plan.readings[query.order];
    let mut groups: Vec<(Option<f64>, Vec<DimensionKey>)> = now
        .groups
        .keys()
        .map(|keys| (reading.parts(&now.total(keys)).value, labelled(keys)))
        .collect();
    groups.sort_by(|(one, one_keys), (two, two_keys)| {
        by_value(*one, *two, query.descending).then_with(|| by_keys(one_keys, two_keys))
    });
    let mut shown: Vec<Vec<DimensionKey>> = groups.into_iter().map(|(_, keys)| keys).collect();
    if let Some(first) = query.first.filter(|first| *first < shown.len()) {
        shown.truncate(first);
        shown.push(labelled(&vec![Key::Other; query.breakdown.len()]));
    }
    shown
}

fn named(dimension: Dimension, key: &Key, labels: &Labels) -> DimensionKey {
    DimensionKey { dimension, key: key.clone(), label: labels.of(key) }
}

fn keys(group: &[DimensionKey]) -> Vec<Key> {
    group.iter().map(|each| each.key.clone()).collect()
}

/// Nulls last, either way.
fn by_value(one: Option<f64>, two: Option<f64>, descending: bool) -> Ordering {
    match (one, two) {
        (Some(one), Some(two)) if descending => two.total_cmp(&one),
        (Some(one), Some(two)) => one.total_cmp(&two),
        (one, two) => one.is_none().cmp(&two.is_none()),
    }
}

fn by_keys(one: &[DimensionKey], two: &[DimensionKey]) -> Ordering {
    let unequal =
        one.iter().zip(two).map(|(one, two)| one.compare(two)).find(|order| order.is_ne());
    unequal.unwrap_or(Ordering::Equal)
}

fn values(query: &ReportQuery, plan: &Plan, now: &Cell, before: Option<&Cell>) -> Vec<MetricValue> {
    let each = query.asked.iter().zip(&plan.readings);
    each.map(|(asked, reading)| {
        let Parts { value, numerator, denominator } = reading.parts(now);
        let previous = before.and_then(|counts| reading.parts(counts).value);
        let change = match (value, previous) {
            (Some(value), Some(previous)) if previous != 0.0 => Some(value / previous - 1.0),
            _ => None,
        };
        MetricValue {
            metric: asked.metric,
            value,
            numerator,
            denominator,
            date_basis: asked.basis,
            previous,
            change,
        }
    })
    .collect()
}

struct Parts {
    value: Option<f64>,
    numerator: Option<f64>,
    denominator: Option<f64>,
}

const MICROS: f64 = 1_000_000.0;

impl Reading {
    fn parts(self, counts: &Cell) -> Parts {
        match self {
            Self::Count { of } => {
                let count = counts.number(of);
                Parts { value: Some(count), numerator: Some(count), denominator: None }
            }
            Self::Share { part, whole } => {
                let (part, whole) = (counts.number(part), counts.number(whole));
                let value = (whole > 0.0).then(|| part / whole);
                Parts { value, numerator: Some(part), denominator: Some(whole) }
            }
            Self::Mean { micros, of } => {
                let (seconds, of) = (counts.number(micros) / MICROS, counts.number(of));
                let value = (of > 0.0).then(|| seconds / of);
                Parts { value, numerator: Some(seconds), denominator: Some(of) }
            }
            Self::Percentile { of, percent } => Parts {
                value: counts.percentile(of, percent),
                numerator: None,
                denominator: Some(counts.number(of)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::Timestamp;
    use jiff::tz::TimeZone;

    use super::super::filter::ReportFilter;
    use super::super::period::Period;
    use super::super::query::{Asked, Stretch};
    use super::super::tally::Found;
    use super::*;

    fn stretch(buckets: usize) -> Stretch {
        let (from, to) = (Timestamp(0), Timestamp(1));
        let bucket = Bucket { start: from, end: to, clipped: false };
        let period = Period { from, to, zone: TimeZone::UTC };
        Stretch { period, buckets: vec![bucket; buckets], segments: Vec::new() }
    }

    fn query(metrics: &[Metric], breakdown: &[Dimension], buckets: usize) -> ReportQuery {
        let asked = |metric: &Metric| {
            let (basis, moments) = metric.definition().times.under(None).unwrap();
            Asked { metric: *metric, basis, moments }
        };
        ReportQuery {
            asked: metrics.iter().map(asked).collect(),
            breakdown: breakdown.to_vec(),
            filter: ReportFilter::default(),
            series: buckets > 1,
            stretch: stretch(buckets),
            compared: None,
            reply_window: 60,
            order: 0,
            descending: true,
            first: None,
        }
    }

    /// Counts of groups by name: group, bucket, counts.
    fn facts(buckets: usize, cells: &[(&str, usize, &[i64])]) -> Facts {
        let sums = cells.first().map_or(1, |(_, _, counts)| counts.len());
        let mut facts = Facts::new(Shape { sums, ..Shape::default() }, buckets);
        for (group, bucket, counts) in cells {
            let keys = if group.is_empty() { vec![] } else { vec![Key::Text((*group).to_owned())] };
            let found =
                counts.iter().enumerate().map(|(at, count)| Found::Sum(at, (*count).into()));
            facts.add(Grouped { bucket: *bucket, keys, found: found.collect() });
        }
        facts
    }

    fn made(
        query: &ReportQuery,
        now: &Facts,
        before: Option<&Facts>,
    ) -> Vec<(String, Vec<Option<f64>>)> {
        let plan = Plan::new(&query.asked, query.reply_window);
        let rows = rows(query, &plan, &Labels::default(), now, before).unwrap();
        let named = |row: Row| {
            let name = row.keys.iter().map(|key| key.label.clone()).collect::<Vec<_>>().join("/");
            (name, row.values.iter().flat_map(|value| [value.value, value.previous]).collect())
        };
        rows.into_iter().map(named).collect()
    }

    #[test]
    fn nothing_asked_apart_is_one_row_equal_to_the_totals() {
        let query = query(&[Metric::DeliveryRate], &[], 1);
        let plan = Plan::new(&query.asked, query.reply_window);
        for (cells, value) in [(vec![("", 0, &[3, 4][..])], Some(0.75)), (vec![], None)] {
            let mut now = facts(1, &cells);
            now.shape.sums = 2;
            let totals = totals(&query, &plan, &now, None);
            let rows = rows(&query, &plan, &Labels::default(), &now, None).unwrap();
            assert_eq!(totals[0].value, value);
            assert_eq!(totals[0].denominator, Some(if value.is_some() { 4.0 } else { 0.0 }));
            assert_eq!((rows.len(), &rows[0].values, rows[0].bucket), (1, &totals, None));
        }
    }

    #[test]
    fn the_first_groups_are_shown_and_the_rest_is_one() {
        let mut query = query(&[Metric::Messages], &[Dimension::Line], 2);
        query.first = Some(1);
        let now = facts(2, &[("a", 0, &[1]), ("b", 0, &[2]), ("b", 1, &[5]), ("c", 1, &[1])]);
        let before = facts(1, &[("b", 0, &[4]), ("gone", 0, &[9])]);
        assert_eq!(
            made(&query, &now, Some(&before)),
            [
                ("b".to_owned(), vec![Some(2.0), Some(4.0)]),
                ("other".to_owned(), vec![Some(1.0), Some(9.0)]),
                ("b".to_owned(), vec![Some(5.0), None]),
                ("other".to_owned(), vec![Some(1.0), None]),
            ]
        );
        query.first = None;
        let names: Vec<String> =
            made(&query, &now, None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "c", "b", "a", "c"]);
        query.descending = false;
        let names: Vec<String> =
            made(&query, &now, None).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "c", "b", "a", "c", "b"]);
    }

    #[test]
    fn change_is_none_where_there_was_nothing() {
        let query = query(&[Metric::Messages], &[], 1);
        let plan = Plan::new(&query.asked, query.reply_window);
        let now = facts(1, &[("", 0, &[6])]);
        for (before, change) in [(4, Some(0.5)), (0, None)] {
            let before = facts(1, &[("", 0, &[before])]);
            let totals = totals(&query, &plan, &now, Some(&before));
            assert_eq!(totals[0].change, change);
        }
    }

    #[test]
    fn too_many_cells_are_refused_by_name() {
        let query = query(&[Metric::Messages], &[], MOST_CELLS + 1);
        let plan = Plan::new(&query.asked, query.reply_window);
        let refused = rows(&query, &plan, &Labels::default(), &facts(1, &[]), None);
        assert!(matches!(refused, Err(Error::Limit(text)) if text.contains("100000")));
    }
}
