//! The hours in which an inbox is answered: their form, its rules, and how much of a stretch
//! of time lies within them.

use std::collections::BTreeSet;

use entity::{Timestamp, inbox};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::LONGEST_LIST;
use crate::error::{Checks, ViolationCode};
use crate::zone;

/// `24:00` in minutes.
const MIDNIGHT: i64 = 24 * 60;

/// Stored as it is serialised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessHours {
    /// IANA name.
    pub zone: String,
    /// Several spans a day are allowed; days without any are free.
    pub week: Vec<Span>,
    /// Free dates, each as `YYYY-MM-DD`.
    pub holidays: Vec<String>,
}

/// Hours of one day of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// 1 is Monday, 7 is Sunday.
    pub day: i64,
    /// `HH:MM`
    pub from: String,
    /// `HH:MM`, after `from`, at most `24:00`.
    pub to: String,
}

/// The business hours of an inbox. None where it has none.
pub fn of(inbox: &inbox::Model) -> Option<BusinessHours> {
    serde_json::from_value(inbox.business_hours.clone()?).ok()
}

const MINUTE: i64 = 60 * Timestamp::SECOND;
const DAY: i64 = MIDNIGHT * MINUTE;

/// Business hours in a form to measure with.
#[derive(Clone, Debug)]
pub struct Schedule {
    zone: TimeZone,
    /// Spans of each day, Monday first, in microseconds since midnight.
    week: [Vec<(i64, i64)>; 7],
    holidays: BTreeSet<Date>,
}

impl Schedule {
    /// The inbox's; none where it has no hours: it is then always open.
    pub fn of(inbox: &inbox::Model) -> Option<Self> {
        let hours = of(inbox)?;
        let mut week: [Vec<(i64, i64)>; 7] = Default::default();
        for Span { day, from, to } in &hours.week {
            let day = usize::try_from(day - 1).ok().and_then(|day| week.get_mut(day));
            if let (Some(day), Some(from), Some(to)) = (day, clock(from), clock(to)) {
                day.push((from * MINUTE, to * MINUTE));
            }
        }
        let holidays = hours.holidays.iter().filter_map(|date| date.parse().ok()).collect();
        Some(Self { zone: zone::find(&hours.zone)?, week, holidays })
    }

    /// Microseconds between the two in which the clocks of the zone show a time within the
    /// hours. An hour that the clocks show twice counts twice, one that they skip not at all.
    pub fn open_between(&self, from: Timestamp, to: Timestamp) -> i64 {
        let (Ok(mut at), Ok(end)) = (instant(from), instant(to)) else { return 0 };
        let mut open = 0;
        // Between two changes of the clocks, local time runs like any other.
        while at < end {
            let next = self.zone.following(at).next().map_or(end, |change| change.timestamp());
            let until = next.min(end);
            let offset = i64::from(self.zone.to_offset(at).seconds()) * Timestamp::SECOND;
            open +=
                self.open_locally(at.as_microsecond() + offset, until.as_microsecond() + offset);
            at = until;
        }
        open
    }

    /// The same for two local times, as microseconds since 1970.
    fn open_locally(&self, from: i64, to: i64) -> i64 {
        let mut open = 0;
        for day in from.div_euclid(DAY)..=to.div_euclid(DAY) {
            // The first of January 1970 was a Thursday.
            let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
            if self.week[weekday].is_empty() || self.is_holiday(day) {
                continue;
            }
            let midnight = day * DAY;
            for (opens, closes) in &self.week[weekday] {
                open += (to.min(midnight + closes) - from.max(midnight + opens)).max(0);
            }
        }
        open
    }

    /// Whether the day, counted from 1970, is one.
    fn is_holiday(&self, day: i64) -> bool {
        let date = Date::constant(1970, 1, 1).checked_add(jiff::Span::new().days(day));
        !self.holidays.is_empty() && date.is_ok_and(|date| self.holidays.contains(&date))
    }
}

fn instant(at: Timestamp) -> Result<jiff::Timestamp, jiff::Error> {
    jiff::Timestamp::from_microsecond(at.0)
}

/// The hours with the zone in its usual spelling, spans and holidays in order. Broken rules
/// go to `checks`, under `path`.
pub(super) fn check(checks: &mut Checks, path: &str, hours: &BusinessHours) -> BusinessHours {
    let zone = zone::zone_name(checks, &format!("{path}.zone"), &hours.zone);
    for (list, length) in [("week", hours.week.len()), ("holidays", hours.holidays.len())] {
        if length > LONGEST_LIST {
            let message = format!("has {length} entries; at most {LONGEST_LIST} are allowed");
            checks.fail(format!("{path}.{list}"), ViolationCode::TooLong, message);
        }
    }
    BusinessHours {
        zone: zone.unwrap_or_default(),
        week: week(checks, &format!("{path}.week"), &hours.week),
        holidays: holidays(checks, &format!("{path}.holidays"), &hours.holidays),
    }
}

fn week(checks: &mut Checks, path: &str, spans: &[Span]) -> Vec<Span> {
    let mut week = Vec::new();
    for (index, span) in spans.iter().take(LONGEST_LIST).enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        let day = checks.range(&at("day"), span.day, 1..=7);
        let from = minutes(checks, &at("from"), &span.from, MIDNIGHT - 1);
        let to = minutes(checks, &at("to"), &span.to, MIDNIGHT);
        let (Some(from), Some(to)) = (from, to) else { continue };
        if to <= from {
            checks.fail(at("to"), ViolationCode::OutOfRange, "must be after from");
            continue;
        }
        week.push((day, from, to, index));
    }
    week.sort_unstable();
    for pair in week.windows(2) {
        let [(day, _, to, earlier), (next_day, from, _, later)] = pair else { continue };
        if day == next_day && from < to {
            let message = format!("overlaps {path}[{earlier}]");
            checks.fail(format!("{path}[{later}]"), ViolationCode::Conflict, message);
        }
    }
    let written = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    week.into_iter()
        .map(|(day, from, to, _)| Span { day, from: written(from), to: written(to) })
        .collect()
}

/// Minutes since midnight of an `HH:MM` that is not after `latest`.
fn minutes(checks: &mut Checks, path: &str, text: &str, latest: i64) -> Option<i64> {
    let minutes = clock(text.trim()).filter(|minutes| *minutes <= latest);
    if minutes.is_none() {
        let message = format!("must be HH:MM from 00:00 to {:02}:{:02}", latest / 60, latest % 60);
        checks.fail(path, ViolationCode::Malformed, message);
    }
    minutes
}

fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if two { digits.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

fn holidays(checks: &mut Checks, path: &str, dates: &[String]) -> Vec<String> {
    let mut holidays = Vec::new();
    for (index, text) in dates.iter().take(LONGEST_LIST).enumerate() {
        let text = text.trim();
        // Other forms that the parser takes are written differently by it.
        match text.parse::<Date>().ok().map(|date| date.to_string()) {
            Some(date) if date == text => holidays.push(date),
            _ => {
                let message = "is no date; expected YYYY-MM-DD";
                checks.fail(format!("{path}[{index}]"), ViolationCode::Malformed, message);
            }
        }
    }
    holidays.sort_unstable();
    holidays.dedup();
    holidays
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(day: i64, from: &str, to: &str) -> Span {
        Span { day, from: from.to_owned(), to: to.to_owned() }
    }

    fn hours(week: Vec<Span>, holidays: &[&str]) -> BusinessHours {
        let holidays = holidays.iter().map(|date| (*date).to_owned()).collect();
        BusinessHours { zone: "europe/berlin".to_owned(), week, holidays }
    }

    fn broken(hours: &BusinessHours) -> Vec<String> {
        let mut checks = Checks::new();
        check(&mut checks, "businessHours", hours);
        checks.into_violations().into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn good_hours_are_put_in_order() {
        let mut checks = Checks::new();
        let week =
            vec![span(7, "20:00", "24:00"), span(1, "14:00", "18:00"), span(1, "09:00", "14:00")];
        let given = hours(week, &["2026-12-25", "2026-01-01", "2026-12-25"]);
        let checked = check(&mut checks, "businessHours", &given);
        assert!(checks.is_clean());
        assert_eq!(checked.zone, "Europe/Berlin");
        assert_eq!(checked.week[0], span(1, "09:00", "14:00"));
        assert_eq!(checked.week[2], span(7, "20:00", "24:00"));
        assert_eq!(checked.holidays, ["2026-01-01", "2026-12-25"]);
    }

    #[test]
    fn every_broken_rule_is_named() {
        let week = vec![
            span(0, "09:00", "18:00"),
            span(2, "9:00", "25:00"),
            span(3, "24:00", "24:00"),
            span(4, "18:00", "09:00"),
            span(5, "09:00", "18:00"),
            span(5, "17:59", "20:00"),
        ];
        let wanted = [
            "businessHours.week[0].day",
            "businessHours.week[1].from",
            "businessHours.week[1].to",
            "businessHours.week[2].from",
            "businessHours.week[3].to",
            "businessHours.week[5]",
        ];
        assert_eq!(broken(&hours(week, &[])), wanted);
    }

    #[test]
    fn dates_have_one_form() {
        let wrong = ["", "2026-02-29", "20261225", "2026-12-25T00:00", "25.12.2026", "2026-1-1"];
        assert_eq!(broken(&hours(Vec::new(), &wrong)).len(), wrong.len());
    }

    /// Minutes between two instants that are open by the hours.
    fn open(hours: &BusinessHours, from: &str, to: &str) -> i64 {
        let inbox = serde_json::to_value(hours).unwrap();
        let mut checks = Checks::new();
        assert_eq!(inbox, serde_json::to_value(check(&mut checks, "hours", hours)).unwrap());
        let week = |day: i64| {
            let spans = hours.week.iter().filter(|span| span.day == day);
            spans
                .map(|span| {
                    (clock(&span.from).unwrap() * MINUTE, clock(&span.to).unwrap() * MINUTE)
                })
                .collect()
        };
        let schedule = Schedule {
            zone: zone::find(&hours.zone).unwrap(),
            week: [1, 2, 3, 4, 5, 6, 7].map(week),
            holidays: hours.holidays.iter().map(|date| date.parse().unwrap()).collect(),
        };
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        schedule.open_between(at(from), at(to)) / MINUTE
    }

    #[test]
    fn time_within_the_hours_counts() {
        let week =
            vec![span(1, "09:00", "12:00"), span(1, "13:00", "18:00"), span(2, "09:00", "18:00")];
        let mut hours = hours(week, &["2026-06-09"]);
        hours.zone = "Europe/Berlin".to_owned();
        // Monday, 1 June 2026: 09:00 there is 07:00 here.
        assert_eq!(open(&hours, "2026-06-01T06:00:00Z", "2026-06-01T06:59:00Z"), 0);
        assert_eq!(open(&hours, "2026-06-01T06:00:00Z", "2026-06-01T07:10:00Z"), 10);
        assert_eq!(open(&hours, "2026-06-01T09:50:00Z", "2026-06-01T11:20:00Z"), 30);
        // Into Tuesday, and into the next Monday: its Tuesday is free.
        assert_eq!(open(&hours, "2026-06-01T15:59:00Z", "2026-06-02T07:01:00Z"), 2);
        assert_eq!(open(&hours, "2026-06-02T15:00:00Z", "2026-06-10T15:00:00Z"), 60 + 480);
    }

    #[test]
    fn hours_follow_the_clocks() {
        let mut hours = hours(vec![span(7, "00:00", "24:00")], &[]);
        hours.zone = "Europe/Berlin".to_owned();
        let whole = ["2026-03-29", "2026-10-25"].map(|day| {
            open(&hours, &format!("{day}T00:00:00+12:00"), &format!("{day}T23:59:00-12:00"))
        });
        assert_eq!(whole, [23 * 60, 25 * 60]);
        // The last Friday of 2011 did not take place in Apia.
        let mut hours =
            self::hours(vec![span(5, "09:00", "18:00"), span(6, "09:00", "10:00")], &[]);
        hours.zone = "Pacific/Apia".to_owned();
        assert_eq!(open(&hours, "2011-12-29T20:00:00Z", "2011-12-31T20:00:00Z"), 60);
    }

    #[test]
    fn unknown_zones_are_refused() {
        let mut nowhere = hours(Vec::new(), &[]);
        nowhere.zone = "Mars/Olympus".to_owned();
        assert_eq!(broken(&nowhere), ["businessHours.zone"]);
    }
}
