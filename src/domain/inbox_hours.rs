//! The hours in which an inbox is answered: their form and its rules. What they do to
//! reply times is decided where times are measured.

use entity::inbox;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{LONGEST_LIST, zone};
use crate::error::{Checks, ViolationCode};

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

    #[test]
    fn unknown_zones_are_refused() {
        let mut nowhere = hours(Vec::new(), &[]);
        nowhere.zone = "Mars/Olympus".to_owned();
        assert_eq!(broken(&nowhere), ["businessHours.zone"]);
    }
}
