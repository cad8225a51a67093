//! What a period is compared with. The two are matched bucket by bucket, by index.

use entity::{Timestamp, vocabulary};
use jiff::{Span, Unit};

use super::calendar::Calendar;
use super::period::{Period, PeriodInput};

vocabulary! {
    /// What a report's period is compared with.
    pub enum Comparison {
        /// What came just before: the calendar unit before a preset, else a stretch of the same local length.
        PreviousPeriod => "PREVIOUS_PERIOD",
        /// The same local dates and times a year before.
        PreviousYear => "PREVIOUS_YEAR",
    }
}

/// The period with which `period`, asked for as `input`, is compared.
pub(super) fn earlier(
    comparison: Comparison,
    input: &PeriodInput,
    period: &Period,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Period, jiff::Error> {
    let (from, to) = match (comparison, input) {
        (Comparison::PreviousPeriod, PeriodInput::Preset(preset)) => {
            let (first, length) = preset.days(calendar, calendar.date(now)?)?;
            (calendar.start(first.checked_sub(length)?)?, period.from)
        }
        (Comparison::PreviousPeriod, PeriodInput::Range { .. } | PeriodInput::Last(_)) => {
            // Whole local days and the exact rest: clocks set on the way make neither longer.
            let from = calendar.zoned(period.from)?;
            let length = from.until((Unit::Day, &calendar.zoned(period.to)?))?;
            (micros(&from.checked_sub(length)?), period.from)
        }
        (Comparison::PreviousYear, PeriodInput::Preset(preset)) => {
            let (first, length) = preset.days(calendar, calendar.date(now)?)?;
            let after = first.checked_add(length)?;
            (
                calendar.start(first.checked_sub(year())?)?,
                calendar.start(after.checked_sub(year())?)?,
            )
        }
        (Comparison::PreviousYear, PeriodInput::Range { .. } | PeriodInput::Last(_)) => {
            let before = |at| calendar.zoned(at)?.checked_sub(year()).map(|at| micros(&at));
            (before(period.from)?, before(period.to)?)
        }
    };
    // A period within an hour that came twice can have local times that run backwards.
    Ok(Period { from, to: to.max(from), zone: period.zone.clone() })
}

fn year() -> Span {
    Span::new().years(1)
}

fn micros(at: &jiff::Zoned) -> Timestamp {
    Timestamp(at.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::super::calendar::tests::{at, calendar};
    use super::super::period::PeriodPreset;
    use super::*;
    use crate::error::Checks;

    const NOW: &str = "2026-05-20T10:00:00Z";

    fn compared(comparison: Comparison, input: &PeriodInput) -> (String, String) {
        let calendar = calendar("Europe/Berlin");
        let period = input.resolve(&calendar, at(NOW), &mut Checks::new()).unwrap();
        let earlier = earlier(comparison, input, &period, &calendar, at(NOW)).unwrap();
        (earlier.local(earlier.from), earlier.local(earlier.to))
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn presets_are_compared_with_the_unit_before() {
        for (preset, from, to) in [
            (PeriodPreset::Today, "2026-05-19T00:00:00+02:00", "2026-05-20T00:00:00+02:00"),
            (PeriodPreset::Last7Days, "2026-05-07T00:00:00+02:00", "2026-05-14T00:00:00+02:00"),
            (PeriodPreset::ThisMonth, "2026-04-01T00:00:00+02:00", "2026-05-01T00:00:00+02:00"),
            (PeriodPreset::LastQuarter, "2025-10-01T00:00:00+02:00", "2026-01-01T00:00:00+01:00"),
            (PeriodPreset::ThisYear, "2025-01-01T00:00:00+01:00", "2026-01-01T00:00:00+01:00"),
        ] {
            let found = compared(Comparison::PreviousPeriod, &PeriodInput::Preset(preset));
            assert_eq!(found, pair(from, to), "{preset:?}");
        }
    }

    #[test]
    fn ranges_are_compared_with_the_same_local_length() {
        // The 30 days to come lose an hour, the 30 before do not.
        let range =
            PeriodInput::Range { from: at("2026-03-09T23:00:00Z"), to: at("2026-04-08T22:00:00Z") };
        let found = compared(Comparison::PreviousPeriod, &range);
        assert_eq!(found, pair("2026-02-08T00:00:00+01:00", "2026-03-10T00:00:00+01:00"));
        let hours =
            PeriodInput::Range { from: at("2026-03-29T00:00:00Z"), to: at("2026-03-29T02:00:00Z") };
        let found = compared(Comparison::PreviousPeriod, &hours);
        assert_eq!(found, pair("2026-03-28T23:00:00+01:00", "2026-03-29T01:00:00+01:00"));
        let last = PeriodInput::Last("P30D".to_owned());
        let found = compared(Comparison::PreviousPeriod, &last);
        assert_eq!(found, pair("2026-03-21T12:00:00+01:00", "2026-04-20T12:00:00+02:00"));
    }

    #[test]
    fn a_year_before_has_the_same_local_times() {
        let range =
            PeriodInput::Range { from: at("2024-02-28T23:00:00Z"), to: at("2024-07-01T10:30:00Z") };
        let found = compared(Comparison::PreviousYear, &range);
        assert_eq!(found, pair("2023-02-28T00:00:00+01:00", "2023-07-01T12:30:00+02:00"));
        let month = PeriodInput::Preset(PeriodPreset::ThisMonth);
        let found = compared(Comparison::PreviousYear, &month);
        assert_eq!(found, pair("2025-05-01T00:00:00+02:00", "2025-06-01T00:00:00+02:00"));
    }

    #[test]
    fn a_stretch_of_an_hour_that_came_twice_does_not_run_backwards() {
        let range =
            PeriodInput::Range { from: at("2026-10-25T00:30:00Z"), to: at("2026-10-25T01:15:00Z") };
        let (from, to) = compared(Comparison::PreviousPeriod, &range);
        assert_eq!(
            (from.as_str(), to.as_str()),
            ("2026-10-25T01:45:00+02:00", "2026-10-25T02:30:00+02:00")
        );
        let (from, to) = compared(Comparison::PreviousYear, &range);
        assert_eq!(from, to);
    }
}
