//! From when to when. A period is half-open, `[from, to)`, in a zone; callers give it as
//! two instants, as a length that ends now, or by name.

use entity::{Timestamp, vocabulary};
use jiff::Span;
use jiff::civil::Date;
use jiff::fmt::temporal::SpanParser;
use jiff::tz::TimeZone;

use super::calendar::{Calendar, Unit, instant};
use crate::error::{Checks, ViolationCode};

/// Said of instants and lengths that no calendar can hold.
pub(super) const BEYOND_CALENDAR: &str = "reaches beyond the years -9999 to 9999";

vocabulary! {
    /// A period by its name, in whole local days. The current day, week, month, quarter or year is meant to its end, which lies ahead.
    pub enum PeriodPreset {
        /// The current day.
        Today => "TODAY",
        /// The day before it.
        Yesterday => "YESTERDAY",
        /// The current day and the 6 before it.
        Last7Days => "LAST_7_DAYS",
        /// The current day and the 29 before it.
        Last30Days => "LAST_30_DAYS",
        /// The current day and the 89 before it.
        Last90Days => "LAST_90_DAYS",
        /// The current week, from the account's first day of the week.
        ThisWeek => "THIS_WEEK",
        /// The week before it.
        LastWeek => "LAST_WEEK",
        /// The current month.
        ThisMonth => "THIS_MONTH",
        /// The month before it.
        LastMonth => "LAST_MONTH",
        /// The current quarter.
        ThisQuarter => "THIS_QUARTER",
        /// The quarter before it.
        LastQuarter => "LAST_QUARTER",
        /// The current year.
        ThisYear => "THIS_YEAR",
        /// The year before it.
        LastYear => "LAST_YEAR",
    }
}

impl PeriodPreset {
    /// Its first day, and its length.
    pub(super) fn days(
        self,
        calendar: &Calendar,
        today: Date,
    ) -> Result<(Date, Span), jiff::Error> {
        type Days = Result<(Date, Span), jiff::Error>;
        let last_days = |days: i32| -> Days {
            Ok((today.checked_sub(Span::new().days(days - 1))?, Span::new().days(days)))
        };
        let this = |unit: Unit| -> Days { Ok((calendar.floor(today, unit)?, unit.span())) };
        let last = |unit: Unit| -> Days {
            Ok((calendar.floor(today, unit)?.checked_sub(unit.span())?, unit.span()))
        };
        match self {
            Self::Today => this(Unit::Day),
            Self::Yesterday => last(Unit::Day),
            Self::Last7Days => last_days(7),
            Self::Last30Days => last_days(30),
            Self::Last90Days => last_days(90),
            Self::ThisWeek => this(Unit::Week),
            Self::LastWeek => last(Unit::Week),
            Self::ThisMonth => this(Unit::Month),
            Self::LastMonth => last(Unit::Month),
            Self::ThisQuarter => this(Unit::Quarter),
            Self::LastQuarter => last(Unit::Quarter),
            Self::ThisYear => this(Unit::Year),
            Self::LastYear => last(Unit::Year),
        }
    }
}

/// A period as callers say it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeriodInput {
    /// `[from, to)`.
    Range {
        from: Timestamp,
        to: Timestamp,
    },
    /// An ISO 8601 duration that ends now and begins at the same local time so long before.
    Last(String),
    Preset(PeriodPreset),
}

/// `[from, to)`, with the zone in which it is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
    pub zone: TimeZone,
}

impl Period {
    /// The IANA name of the zone.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// An instant of the period by the clocks of its zone, with their offset (RFC 3339).
    pub fn local(&self, at: Timestamp) -> String {
        // Periods lie within jiff's range, so that the empty text is never seen.
        instant(at).map_or_else(
            |_| String::new(),
            |at| at.display_with_offset(self.zone.to_offset(at)).to_string(),
        )
    }
}

impl PeriodInput {
    /// The period that is meant, or violations under `period`.
    pub(super) fn resolve(
        &self,
        calendar: &Calendar,
        now: Timestamp,
        checks: &mut Checks,
    ) -> Option<Period> {
        let (from, to) = match self {
            Self::Range { from, to } => range(*from, *to, checks)?,
            Self::Last(text) => (last(text, calendar, now, checks)?, now),
            Self::Preset(preset) => match whole_days(*preset, calendar, now) {
                Ok(days) => days,
                Err(_) => {
                    checks.fail("period.preset", ViolationCode::OutOfRange, BEYOND_CALENDAR);
                    return None;
                }
            },
        };
        Some(Period { from, to, zone: calendar.zone.clone() })
    }
}

fn range(from: Timestamp, to: Timestamp, checks: &mut Checks) -> Option<(Timestamp, Timestamp)> {
    let mut fits = true;
    for (path, at) in [("period.range.from", from), ("period.range.to", to)] {
        if instant(at).is_err() {
            checks.fail(path, ViolationCode::OutOfRange, BEYOND_CALENDAR);
            fits = false;
        }
    }
    if to < from {
        checks.fail("period.range.to", ViolationCode::OutOfRange, "must not be before from");
        fits = false;
    }
    fits.then_some((from, to))
}

fn last(text: &str, calendar: &Calendar, now: Timestamp, checks: &mut Checks) -> Option<Timestamp> {
    let path = "period.last";
    let Ok(length) = SpanParser::new().parse_span(text.trim()) else {
        let message = "is no ISO 8601 duration; for example P30D, P3M or PT12H";
        checks.fail(path, ViolationCode::Malformed, message);
        return None;
    };
    if !length.is_positive() {
        checks.fail(path, ViolationCode::OutOfRange, "must be longer than nothing");
        return None;
    }
    match calendar.zoned(now).and_then(|now| now.checked_sub(length)) {
        Ok(from) if from.year() >= 1 => Some(Timestamp(from.timestamp().as_microsecond())),
        _ => {
            checks.fail(path, ViolationCode::OutOfRange, BEYOND_CALENDAR);
            None
        }
    }
}

fn whole_days(
    preset: PeriodPreset,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), jiff::Error> {
    let (first, length) = preset.days(calendar, calendar.date(now)?)?;
    Ok((calendar.start(first)?, calendar.start(first.checked_add(length)?)?))
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::Vocabulary;

    use super::super::calendar::tests::{at, calendar};
    use super::*;

    fn resolved(input: &PeriodInput, zone: &str, now: &str) -> Option<(String, String)> {
        let mut checks = Checks::new();
        let period = input.resolve(&calendar(zone), at(now), &mut checks);
        assert_eq!(period.is_some(), checks.is_clean());
        period.map(|period| (period.local(period.from), period.local(period.to)))
    }

    fn last(text: &str, now: &str) -> Option<String> {
        resolved(&PeriodInput::Last(text.to_owned()), "Europe/Berlin", now).map(|(from, _)| from)
    }

    #[test]
    fn the_last_days_begin_at_the_same_local_time() {
        let now = "2026-04-10T08:30:00Z";
        for (length, from) in [
            ("P30D", "2026-03-11T10:30:00+01:00"),
            ("P1M", "2026-03-10T10:30:00+01:00"),
            ("P1Y", "2025-04-10T10:30:00+02:00"),
            ("PT720H", "2026-03-11T09:30:00+01:00"),
        ] {
            assert_eq!(last(length, now).as_deref(), Some(from), "{length}");
        }
        // 02:30 did not exist that day.
        let gap = last("P1D", "2026-03-30T00:30:00Z");
        assert_eq!(gap.as_deref(), Some("2026-03-29T03:30:00+02:00"));
        for wrong in ["", "30", "30 days", "P0D", "-P1D", "P1", "P19999Y", "P12000Y", "P1D\0"] {
            assert_eq!(last(wrong, now), None, "{wrong:?}");
        }
    }

    #[test]
    fn presets_are_whole_local_days() {
        let now = "2026-05-20T22:30:00Z";
        for (preset, from, to) in [
            (PeriodPreset::Today, "2026-05-21", "2026-05-22"),
            (PeriodPreset::Yesterday, "2026-05-20", "2026-05-21"),
            (PeriodPreset::Last7Days, "2026-05-15", "2026-05-22"),
            (PeriodPreset::Last30Days, "2026-04-22", "2026-05-22"),
            (PeriodPreset::Last90Days, "2026-02-21", "2026-05-22"),
            (PeriodPreset::ThisWeek, "2026-05-18", "2026-05-25"),
            (PeriodPreset::LastWeek, "2026-05-11", "2026-05-18"),
            (PeriodPreset::ThisMonth, "2026-05-01", "2026-06-01"),
            (PeriodPreset::LastMonth, "2026-04-01", "2026-05-01"),
            (PeriodPreset::ThisQuarter, "2026-04-01", "2026-07-01"),
            (PeriodPreset::LastQuarter, "2026-01-01", "2026-04-01"),
            (PeriodPreset::ThisYear, "2026-01-01", "2027-01-01"),
            (PeriodPreset::LastYear, "2025-01-01", "2026-01-01"),
        ] {
            let input = PeriodInput::Preset(preset);
            let (found_from, found_to) = resolved(&input, "Europe/Berlin", now).unwrap();
            let midnight = |day: &str| format!("{day}T00:00:00");
            assert!(found_from.starts_with(&midnight(from)), "{preset:?} {found_from}");
            assert!(found_to.starts_with(&midnight(to)), "{preset:?} {found_to}");
        }
        assert_eq!(PeriodPreset::ALL.len(), 13);
    }

    #[test]
    fn ranges_may_be_empty_and_not_backwards() {
        let range = |from, to| PeriodInput::Range { from: Timestamp(from), to: Timestamp(to) };
        let resolved = |input| resolved(&input, "UTC", "2026-01-01T00:00:00Z");
        assert!(resolved(range(0, 0)).is_some());
        assert!(resolved(range(0, 1)).is_some());
        assert!(resolved(range(1, 0)).is_none());
        assert!(resolved(range(i64::MIN, i64::MAX)).is_none());
    }
}
