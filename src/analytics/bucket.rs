//! How a period is cut for a series, and how SQL is told about it. A bucket begins at each
//! local quarter of an hour, full hour, day, week, month, quarter or year; buckets of hours
//! and less also begin at each change of offset. So they tile any period in any zone.

use entity::{Timestamp, vocabulary};

use super::calendar::{Calendar, Unit};
use super::period::Period;

/// A report has at most so many buckets: more than the 8,784 hours of a leap year.
pub const MOST_BUCKETS: usize = 10_000;

/// Microseconds from the first day of year 1, a Monday, to 1970 (719,162 days).
const SINCE_YEAR_ONE: i64 = 719_162 * 24 * 3600 * Timestamp::SECOND;

vocabulary! {
    /// The length of the buckets of a series.
    pub enum Interval {
        /// A quarter of an hour.
        FifteenMinutes => "FIFTEEN_MINUTES",
        /// An hour by the local clock. Where clocks are set by less than an hour, two of them are shorter.
        Hour => "HOUR",
        /// A local day, of 23 to 25 hours where clocks are set.
        Day => "DAY",
        /// A week, from the account's first day of the week.
        Week => "WEEK",
        /// A month.
        Month => "MONTH",
        /// Three months, from January, April, July or October.
        Quarter => "QUARTER",
        /// A year.
        Year => "YEAR",
    }
}

/// A part of a period, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Whether the period begins or ends inside it, so that it is shorter than its like.
    pub clipped: bool,
}

/// Why a period cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uncut {
    /// Into more than [`MOST_BUCKETS`].
    TooMany,
    /// It reaches beyond the years that a calendar can name.
    BeyondCalendar,
}

impl From<jiff::Error> for Uncut {
    fn from(_: jiff::Error) -> Self {
        Self::BeyondCalendar
    }
}

/// The buckets of `period`, in order and without a gap; none for an empty one. Without an
/// interval the whole period is one.
pub(super) fn buckets(
    calendar: &Calendar,
    period: &Period,
    interval: Option<Interval>,
) -> Result<Vec<Bucket>, Uncut> {
    let Period { from, to, .. } = *period;
    let Some(interval) = interval else {
        return Ok(vec![Bucket { start: from, end: to, clipped: false }]);
    };
    let edges = match interval {
        Interval::FifteenMinutes => by_clock(calendar, from, to, 15 * 60 * Timestamp::SECOND)?,
        Interval::Hour => by_clock(calendar, from, to, 3600 * Timestamp::SECOND)?,
        Interval::Day => by_date(calendar, from, to, Unit::Day)?,
        Interval::Week => by_date(calendar, from, to, Unit::Week)?,
        Interval::Month => by_date(calendar, from, to, Unit::Month)?,
        Interval::Quarter => by_date(calendar, from, to, Unit::Quarter)?,
        Interval::Year => by_date(calendar, from, to, Unit::Year)?,
    };
    let buckets: Vec<Bucket> = edges
        .windows(2)
        .map(|edges| Bucket {
            start: from.max(Timestamp(edges[0])),
            end: to.min(Timestamp(edges[1])),
            clipped: edges[0] < from.0 || edges[1] > to.0,
        })
        .filter(|bucket| bucket.start < bucket.end)
        .collect();
    if buckets.len() > MOST_BUCKETS { Err(Uncut::TooMany) } else { Ok(buckets) }
}

/// Edges at each local multiple of `step` and at each change of offset, from at least one
/// before `from` to at least one after `to`.
fn by_clock(
    calendar: &Calendar,
    from: Timestamp,
    to: Timestamp,
    step: i64,
) -> Result<Vec<i64>, Uncut> {
    if usize::try_from((to.0 - from.0) / step).is_ok_and(|steps| steps > MOST_BUCKETS) {
        return Err(Uncut::TooMany);
    }
    let mut edges = Vec::new();
    let around = calendar.pieces(Timestamp(from.0 - step), Timestamp(to.0 + step))?;
    for (index, piece) in around.iter().enumerate() {
        // The first piece begins where the look-around does, not at a change.
        if index > 0 {
            edges.push(piece.from);
        }
        let mut edge = piece.from + (-(piece.from + piece.offset)).rem_euclid(step);
        while edge < piece.to {
            edges.push(edge);
            edge += step;
        }
    }
    edges.dedup();
    Ok(edges)
}

/// Edges at the first instant of each unit, from the one that holds `from` to the first one
/// not before `to`. A unit of days that do not exist leaves no edge of its own.
fn by_date(
    calendar: &Calendar,
    from: Timestamp,
    to: Timestamp,
    unit: Unit,
) -> Result<Vec<i64>, Uncut> {
    let mut first = calendar.floor(calendar.date(from)?, unit)?;
    let mut edges = vec![calendar.start(first)?.0];
    while edges.last().is_some_and(|edge| *edge < to.0) {
        // The buckets cut off at both ends have an edge each outside the period.
        if edges.len() > MOST_BUCKETS + 1 {
            return Err(Uncut::TooMany);
        }
        first = first.checked_add(unit.span())?;
        edges.push(calendar.start(first)?.0);
    }
    edges.dedup();
    Ok(edges)
}

/// A stretch of one bucket in which one offset holds: one row of the list that SQL joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Index of the bucket.
    pub bucket: usize,
    pub from: i64,
    pub to: i64,
    /// What makes of an instant the local microseconds since the first Monday of year 1, from
    /// which hours of the day and days of the week are counted.
    pub local: i64,
}

pub(super) fn segments(
    calendar: &Calendar,
    buckets: &[Bucket],
) -> Result<Vec<Segment>, jiff::Error> {
    let mut segments = Vec::with_capacity(buckets.len());
    for (index, bucket) in buckets.iter().enumerate() {
        segments.extend(calendar.pieces(bucket.start, bucket.end)?.into_iter().map(|piece| {
            Segment {
                bucket: index,
                from: piece.from,
                to: piece.to,
                local: piece.offset + SINCE_YEAR_ONE,
            }
        }));
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::Vocabulary;

    use super::super::calendar::tests::{at, calendar};
    use super::*;

    const HOUR: i64 = 3600 * Timestamp::SECOND;

    fn cut(zone: &str, from: &str, to: &str, interval: Interval) -> Vec<Bucket> {
        let calendar = calendar(zone);
        let period = Period { from: at(from), to: at(to), zone: calendar.zone.clone() };
        buckets(&calendar, &period, Some(interval)).unwrap()
    }

    fn lengths(buckets: &[Bucket]) -> Vec<i64> {
        buckets.iter().map(|bucket| (bucket.end.0 - bucket.start.0) / (HOUR / 60)).collect()
    }

    #[test]
    fn buckets_tile_a_year_in_every_zone() {
        let (from, to) = ("2018-01-01T00:00:00Z", "2019-01-01T00:00:00Z");
        for zone in [
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "America/Sao_Paulo",
            "Europe/Berlin",
            "Pacific/Apia",
            "America/Havana",
            "UTC",
        ] {
            for interval in Interval::ALL.iter().filter(|each| **each != Interval::FifteenMinutes) {
                let buckets = cut(zone, from, to, *interval);
                assert_eq!(buckets[0].start, at(from), "{zone} {interval:?}");
                assert_eq!(buckets[buckets.len() - 1].end, at(to), "{zone} {interval:?}");
                assert!(buckets.iter().all(|bucket| bucket.start < bucket.end));
                assert!(buckets.windows(2).all(|pair| pair[0].end == pair[1].start));
                let mut inner = buckets.iter().skip(1).rev().skip(1);
                assert!(inner.all(|bucket| !bucket.clipped), "{zone} {interval:?}");
            }
        }
    }

    #[test]
    fn days_have_23_to_25_hours() {
        let spring =
            cut("Europe/Berlin", "2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", Interval::Day);
        assert_eq!(lengths(&spring), [24 * 60, 23 * 60, 24 * 60]);
        assert!(spring.iter().all(|day| !day.clipped));
        let autumn =
            cut("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", Interval::Hour);
        assert_eq!(lengths(&autumn), [60; 25]);
        let autumn = cut(
            "Australia/Lord_Howe",
            "2026-04-04T12:00:00Z",
            "2026-04-05T14:00:00Z",
            Interval::Day,
        );
        assert_eq!(autumn[1].start, at("2026-04-04T13:00:00Z"));
        assert_eq!(lengths(&autumn[1..2]), [24 * 60 + 30]);
    }

    #[test]
    fn hours_begin_at_each_change_of_offset() {
        // 02:00 was followed by 01:30: the hour from 01:00 and half an hour more.
        let back = cut(
            "Australia/Lord_Howe",
            "2026-04-04T14:00:00Z",
            "2026-04-04T16:30:00Z",
            Interval::Hour,
        );
        assert_eq!(lengths(&back), [60, 30, 60]);
        assert!(back.iter().all(|hour| !hour.clipped));
        // 02:00 was followed by 02:30.
        let forth = cut(
            "Australia/Lord_Howe",
            "2026-10-03T14:30:00Z",
            "2026-10-03T17:00:00Z",
            Interval::Hour,
        );
        assert_eq!(lengths(&forth), [60, 30, 60]);
        let quarters = cut(
            "Australia/Lord_Howe",
            "2026-10-03T15:00:00Z",
            "2026-10-03T16:00:00Z",
            Interval::FifteenMinutes,
        );
        assert_eq!(lengths(&quarters), [15; 4]);
    }

    #[test]
    fn local_hours_need_not_begin_with_those_of_utc() {
        let hours =
            cut("Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z", Interval::Hour);
        assert_eq!(lengths(&hours), [15, 60, 45]);
        let clipped: Vec<bool> = hours.iter().map(|hour| hour.clipped).collect();
        assert_eq!(clipped, [true, false, true]);
    }

    #[test]
    fn days_that_do_not_exist_have_no_bucket() {
        let days =
            cut("Pacific/Apia", "2011-12-28T10:00:00Z", "2012-01-01T10:00:00Z", Interval::Day);
        let starts: Vec<Timestamp> = days.iter().map(|day| day.start).collect();
        let expected = [
            "2011-12-28T10:00:00Z",
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z",
        ];
        assert_eq!(starts, expected.map(at));
        assert_eq!(lengths(&days), [24 * 60; 4]);
    }

    #[test]
    fn a_leap_year_of_hours_is_allowed_and_the_cap_holds() {
        let hours =
            cut("Europe/Berlin", "2023-12-31T23:00:00Z", "2024-12-31T23:00:00Z", Interval::Hour);
        assert_eq!(hours.len(), 8784);
        let calendar = calendar("UTC");
        for interval in [Interval::FifteenMinutes, Interval::Hour, Interval::Day] {
            let (from, to) = (at("1990-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
            let period = Period { from, to, zone: calendar.zone.clone() };
            assert_eq!(buckets(&calendar, &period, Some(interval)), Err(Uncut::TooMany));
        }
    }

    #[test]
    fn an_empty_period_has_no_buckets() {
        for interval in Interval::ALL {
            let moment = "2026-05-05T05:05:05Z";
            assert!(cut("Europe/Berlin", moment, moment, *interval).is_empty());
        }
    }

    #[test]
    fn segments_count_local_time_from_a_monday() {
        let calendar = calendar("Asia/Kathmandu");
        // A Thursday, 05:30 local.
        let from = at("1970-01-01T00:00:00Z");
        let bucket = Bucket { start: from, end: Timestamp(HOUR), clipped: false };
        let segments = segments(&calendar, &[bucket]).unwrap();
        let local = segments[0].from + segments[0].local;
        assert_eq!(segments.len(), 1);
        assert_eq!(local / (24 * HOUR) % 7 + 1, 4);
        assert_eq!(local / HOUR % 24, 5);
    }
}
