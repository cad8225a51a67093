//! The hours of the day in which a campaign sends nothing, in the account's zone.

use entity::{Timestamp, account, campaign};
use jiff::civil::Time;

use crate::error::{Checks, ViolationCode};
use crate::zone;

/// From one time of day until another; over midnight where the second is the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    from: Time,
    to: Time,
}

impl Quiet {
    /// The quiet hours of a campaign, where it has any.
    pub fn of(campaign: &campaign::Model) -> Option<Self> {
        let from = time(campaign.quiet_from.as_deref()?)?;
        Some(Self { from, to: time(campaign.quiet_to.as_deref()?)? })
    }

    /// Whether an instant lies within.
    pub fn holds(&self, account: &account::Model, at: Timestamp) -> bool {
        let local = zone::find(&account.time_zone).map(|zone| zone::local(&zone, at));
        local.and_then(Result::ok).is_some_and(|local| self.covers(local.time()))
    }

    /// When the quiet hours end in which an instant lies; none where it lies in none. A time of day
    /// that a day does not have is the next one that it does.
    pub fn until(&self, account: &account::Model, at: Timestamp) -> Option<Timestamp> {
        if !self.holds(account, at) {
            return None;
        }
        let end = || {
            let zone = zone::find(&account.time_zone)?;
            let local = zone::local(&zone, at).ok()?;
            let today = local.date().to_datetime(self.to);
            let end = if today > local { today } else { today.tomorrow().ok()? };
            zone::instant(&zone, end).ok().filter(|end| *end > at)
        };
        // Where a time of day comes twice, its first coming may be past already.
        Some(end().unwrap_or_else(|| at.plus_seconds(60)))
    }

    fn covers(&self, time: Time) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

/// Checks quiet hours as they are given: both ends or none.
pub(super) fn check(
    checks: &mut Checks,
    from: Option<&str>,
    to: Option<&str>,
) -> (Option<String>, Option<String>) {
    let mut read = |path: &str, given: Option<&str>| {
        let given = given?;
        let time = time(given.trim());
        if time.is_none() {
            let message = "is no time of day; for example 21:00";
            checks.fail(path, ViolationCode::Malformed, message);
        }
        Some(time?.strftime("%H:%M").to_string())
    };
    let (start, end) = (read("quietHours.from", from), read("quietHours.to", to));
    if start.is_some() && start == end {
        let message = "must differ from where the quiet hours begin";
        checks.fail("quietHours.to", ViolationCode::Conflict, message);
    }
    (start, end)
}

fn time(text: &str) -> Option<Time> {
    // Hours and minutes in two digits each, and nothing else that a parser would take.
    let [a, b, b':', c, d] = text.as_bytes() else { return None };
    let number = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()).flatten()
    };
    Time::new(number(*a, *b)?, number(*c, *d)?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: &str, to: &str) -> Quiet {
        Quiet { from: time(from).unwrap(), to: time(to).unwrap() }
    }

    #[test]
    fn quiet_hours_may_lie_over_midnight() {
        let night = quiet("21:00", "08:00");
        for (at, covered) in
            [("20:59", false), ("21:00", true), ("00:00", true), ("07:59", true), ("08:00", false)]
        {
            assert_eq!(night.covers(time(at).unwrap()), covered, "{at}");
        }
        let lunch = quiet("12:00", "13:00");
        assert!(lunch.covers(time("12:30").unwrap()) && !lunch.covers(time("13:00").unwrap()));
    }

    #[test]
    fn times_are_hours_and_minutes() {
        for wrong in ["", "8:00", "24:00", "12:60", "12:00:00", "ab:cd", "１2:00"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
        let mut checks = Checks::new();
        let read = check(&mut checks, Some("21:00"), Some(" 08:00 "));
        assert_eq!(read, (Some("21:00".to_owned()), Some("08:00".to_owned())));
        assert!(checks.is_clean());
        check(&mut checks, Some("21"), Some("08:00"));
        check(&mut checks, Some("08:00"), Some("08:00"));
        assert_eq!(checks.into_violations().len(), 2);
    }
}
