//! The one value that a report is made from, and the rules that it must meet. Every broken
//! rule of an input is collected; paths are those of the GraphQL input.

use entity::vocabulary::Vocabulary;
use entity::{Timestamp, account};
use jiff::civil::Weekday;

use super::bucket::{self, Bucket, Interval, MOST_BUCKETS, Segment, Uncut};
use super::calendar::Calendar;
use super::comparison::{self, Comparison};
use super::dimension::Dimension;
use super::filter::ReportFilter;
use super::measure::{DateBasis, Moment};
use super::metric::Metric;
use super::period::{BEYOND_CALENDAR, Period, PeriodInput};
use super::source::Source;
use crate::error::{Checks, Error, Result, ViolationCode};
use crate::zone;

/// Dimensions of one report.
pub const MOST_BREAKDOWNS: usize = 3;
/// Groups that `first` may ask for.
pub const MOST_GROUPS: i64 = 1000;
/// A year.
pub const LONGEST_REPLY_WINDOW_SECONDS: i64 = 366 * 24 * 3600;

/// A report as callers ask for it.
#[derive(Clone, Debug)]
pub struct ReportInput {
    pub metrics: Vec<Metric>,
    pub period: PeriodInput,
    /// None makes no series.
    pub interval: Option<Interval>,
    /// At most [`MOST_BREAKDOWNS`].
    pub breakdown: Vec<Dimension>,
    pub filter: ReportFilter,
    /// None means each metric's own.
    pub date_basis: Option<DateBasis>,
    /// IANA name; none means the account's.
    pub time_zone: Option<String>,
    pub compare_to: Option<Comparison>,
    /// None means the first metric, descending.
    pub order_by: Option<ReportOrder>,
    /// ISO 8601, at most [`LONGEST_REPLY_WINDOW_SECONDS`]; none means the account's.
    pub reply_window: Option<String>,
    /// Groups shown by themselves, 1 to [`MOST_GROUPS`]; the rest become one. None shows all.
    pub first: Option<i64>,
}

/// By which metric groups are sorted, over the whole period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportOrder {
    pub metric: Metric,
    pub descending: bool,
}

/// A metric with the times under which it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub metric: Metric,
    pub basis: DateBasis,
    pub moments: &'static [Moment],
}

/// A period with its buckets.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub period: Period,
    pub buckets: Vec<Bucket>,
    pub segments: Vec<Segment>,
}

/// A report that can be made.
#[derive(Clone, Debug)]
pub(super) struct ReportQuery {
    /// At least one.
    pub asked: Vec<Asked>,
    pub breakdown: Vec<Dimension>,
    pub filter: ReportFilter,
    /// Whether there is an interval.
    pub series: bool,
    pub stretch: Stretch,
    pub compared: Option<Stretch>,
    /// Seconds after a send in which what comes next is a reply to it.
    pub reply_window: i64,
    /// Index of the metric that groups are sorted by.
    pub order: usize,
    pub descending: bool,
    pub first: Option<usize>,
}

impl ReportQuery {
    /// None if a rule is broken; `checks` then says which.
    pub fn new(
        input: &ReportInput,
        account: &account::Model,
        now: Timestamp,
        checks: &mut Checks,
    ) -> Result<Option<Self>> {
        let asked = metrics(input, checks);
        breakdown(input, checks);
        input.filter.check(checks);
        filter(input, checks);
        let (order, descending) = order(input, checks);
        let reply_window = reply_window(input, account, checks);
        let first = input.first.map(|first| checks.range("first", first, 1..=MOST_GROUPS));
        let calendar = calendar(input, account, checks)?;
        let stretches = calendar.and_then(|calendar| stretches(input, &calendar, now, checks));
        let Some((stretch, compared)) = stretches.filter(|_| checks.is_clean()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            asked,
            breakdown: input.breakdown.clone(),
            filter: input.filter.clone(),
            series: input.interval.is_some(),
            stretch,
            compared,
            reply_window,
            order,
            descending,
            first: first.and_then(|first| usize::try_from(first).ok()),
        }))
    }
}

fn metrics(input: &ReportInput, checks: &mut Checks) -> Vec<Asked> {
    if input.metrics.is_empty() {
        checks.fail("metrics", ViolationCode::Required, "must name at least one metric");
    }
    let mut asked = Vec::with_capacity(input.metrics.len());
    for (index, metric) in input.metrics.iter().copied().enumerate() {
        let path = format!("metrics[{index}]");
        if input.metrics[..index].contains(&metric) {
            checks.fail(
                &path,
                ViolationCode::Conflict,
                format!("{} is named twice", metric.name()),
            );
        }
        let times = metric.definition().times;
        match times.under(input.date_basis) {
            Ok((basis, moments)) => asked.push(Asked { metric, basis, moments }),
            Err(reason) => {
                let bases = names(&times.bases());
                let message =
                    format!("{} exists on the date basis {bases} only: {reason}", metric.name());
                checks.fail(path, ViolationCode::Unsupported, message);
            }
        }
    }
    asked
}

fn breakdown(input: &ReportInput, checks: &mut Checks) {
    let count = input.breakdown.len();
    if count > MOST_BREAKDOWNS {
        let message = format!("has {count} dimensions; at most {MOST_BREAKDOWNS} are allowed");
        checks.fail("breakdown", ViolationCode::TooLong, message);
    }
    for (index, dimension) in input.breakdown.iter().enumerate() {
        let path = format!("breakdown[{index}]");
        if input.breakdown[..index].contains(dimension) {
            let message = format!("{} is named twice", dimension.name());
            checks.fail(&path, ViolationCode::Conflict, message);
        }
        for metric in &input.metrics {
            let allowed = metric.dimensions();
            if !allowed.contains(dimension) {
                let (dimension, metric) = (dimension.name(), metric.name());
                let message = format!(
                    "{metric} cannot be broken down by {dimension}, only by {}",
                    names(&allowed)
                );
                checks.fail(&path, ViolationCode::Unsupported, message);
            }
        }
    }
}

/// A filter on what the rows of a metric cannot have would leave nothing of it.
fn filter(input: &ReportInput, checks: &mut Checks) {
    for metric in &input.metrics {
        let talks = metric.definition().source != Source::Recipients;
        if input.filter.has_client_messages.is_some() && !talks {
            let message = format!("{} is about no conversations", metric.name());
            checks.fail("filter.hasClientMessages", ViolationCode::Unsupported, message);
        }
    }
    for (name, dimension) in input.filter.used() {
        for metric in &input.metrics {
            let allowed = metric.filters();
            if !allowed.contains(&dimension) {
                let (dimension, metric) = (dimension.name(), metric.name());
                let message = format!(
                    "{metric} cannot be filtered by {dimension}, only by {}",
                    names(&allowed)
                );
                checks.fail(format!("filter.{name}"), ViolationCode::Unsupported, message);
            }
        }
    }
}

/// In seconds.
fn reply_window(input: &ReportInput, account: &account::Model, checks: &mut Checks) -> i64 {
    let Some(text) = &input.reply_window else { return account.reply_window_seconds };
    let seconds = zone::duration(checks, "replyWindow", text).unwrap_or_default();
    checks.range("replyWindow", seconds, 0..=LONGEST_REPLY_WINDOW_SECONDS)
}

/// The index of the metric to sort by, and whether descending.
fn order(input: &ReportInput, checks: &mut Checks) -> (usize, bool) {
    let Some(order) = input.order_by else { return (0, true) };
    let index = input.metrics.iter().position(|metric| *metric == order.metric);
    if index.is_none() {
        let message = format!("must be one of the metrics asked for: {}", names(&input.metrics));
        checks.fail("orderBy.metric", ViolationCode::Conflict, message);
    }
    (index.unwrap_or(0), order.descending)
}

fn calendar(
    input: &ReportInput,
    account: &account::Model,
    checks: &mut Checks,
) -> Result<Option<Calendar>> {
    let zone = match &input.time_zone {
        Some(name) => zone::zone(checks, "timeZone", name),
        None => Some(
            zone::find(&account.time_zone)
                .ok_or_else(|| Error::bug("the account's zone is unknown"))?,
        ),
    };
    let week_start = i8::try_from(account.week_start).ok().map(Weekday::from_monday_one_offset);
    let Some(Ok(week_start)) = week_start else {
        return Err(Error::bug("the account's week starts on no day"));
    };
    Ok(zone.map(|zone| Calendar { zone, week_start }))
}

fn stretches(
    input: &ReportInput,
    calendar: &Calendar,
    now: Timestamp,
    checks: &mut Checks,
) -> Option<(Stretch, Option<Stretch>)> {
    let period = input.period.resolve(calendar, now, checks)?;
    let Some(comparison) = input.compare_to else {
        return Some((stretch(input, calendar, period, "period", checks)?, None));
    };
    let earlier = comparison::earlier(comparison, &input.period, &period, calendar, now);
    if earlier.is_err() {
        checks.fail("compareTo", ViolationCode::OutOfRange, BEYOND_CALENDAR);
    }
    let stretched = stretch(input, calendar, period, "period", checks)?;
    let compared = stretch(input, calendar, earlier.ok()?, "compareTo", checks)?;
    Some((stretched, Some(compared)))
}

/// Cuts a period, which was given at `path`, into its buckets.
fn stretch(
    input: &ReportInput,
    calendar: &Calendar,
    period: Period,
    path: &str,
    checks: &mut Checks,
) -> Option<Stretch> {
    let cut = bucket::buckets(calendar, &period, input.interval)
        .and_then(|buckets| Ok((bucket::segments(calendar, &buckets)?, buckets)));
    match cut {
        Ok((segments, buckets)) => Some(Stretch { period, buckets, segments }),
        Err(Uncut::TooMany) => {
            let message = format!(
                "cuts the period into more than the {MOST_BUCKETS} buckets that are allowed; \
                 take a longer interval or a shorter period"
            );
            checks.fail("interval", ViolationCode::OutOfRange, message);
            None
        }
        Err(Uncut::BeyondCalendar) => {
            checks.fail(path, ViolationCode::OutOfRange, BEYOND_CALENDAR);
            None
        }
    }
}

fn names<T: Vocabulary>(members: &[T]) -> String {
    members.iter().map(|member| member.name()).collect::<Vec<_>>().join(", ")
}
