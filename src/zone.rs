//! Time zones and lengths of time as callers write them. Zones are those of the bundled
//! IANA database alone, so that every machine knows the same.

use entity::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::temporal::SpanParser;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::error::{Checks, ViolationCode};

const DAY: i64 = 24 * 3600;

/// The zone with this IANA name, in any case; [`TimeZone::iana_name`] gives the usual
/// spelling.
pub fn zone(checks: &mut Checks, path: &str, name: &str) -> Option<TimeZone> {
    let zone = find(name);
    if zone.is_none() {
        let message = "is no IANA time zone; for example Europe/Berlin";
        checks.fail(path, ViolationCode::Malformed, message);
    }
    zone
}

/// The zone with this IANA name, in any case.
pub fn find(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name.trim()).ok().filter(|zone| !zone.is_unknown())
}

/// The instant of a local time. Of a time that comes twice the first; of one that does not exist,
/// since the clocks jump over it, the jump.
pub fn instant(zone: &TimeZone, local: DateTime) -> Result<Timestamp, jiff::Error> {
    let meant = zone.to_ambiguous_timestamp(local);
    let earlier = meant.earlier()?;
    let instant = match meant.offset() {
        AmbiguousOffset::Gap { after, .. } => zone
            .following(earlier)
            .find(|change| change.offset() == after)
            .map_or_else(|| meant.later(), |change| Ok(change.timestamp()))?,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => earlier,
    };
    Ok(Timestamp(instant.as_microsecond()))
}

/// The local time of an instant.
pub fn local(zone: &TimeZone, at: Timestamp) -> Result<DateTime, jiff::Error> {
    Ok(zone.to_datetime(jiff::Timestamp::from_microsecond(at.0)?))
}

/// The IANA name of a zone in its usual spelling, as it is stored.
pub fn zone_name(checks: &mut Checks, path: &str, name: &str) -> Option<String> {
    zone(checks, path, name)?.iana_name().map(str::to_owned)
}

/// The seconds of an ISO 8601 duration such as `PT72H` or `P3D`. A day has 24 hours here;
/// months and years, whose length depends on the date, are refused.
pub fn duration(checks: &mut Checks, path: &str, text: &str) -> Option<i64> {
    let Ok(span) = SpanParser::new().parse_span(text.trim()) else {
        let message = "is no ISO 8601 duration; for example PT72H or P3D";
        checks.fail(path, ViolationCode::Malformed, message);
        return None;
    };
    if span.get_years() != 0 || span.get_months() != 0 {
        let message = "has months or years, whose length varies; give weeks, days or hours";
        checks.fail(path, ViolationCode::Unsupported, message);
        return None;
    }
    if span.is_negative() {
        checks.fail(path, ViolationCode::OutOfRange, "must not be negative");
        return None;
    }
    if span.get_milliseconds() != 0 || span.get_microseconds() != 0 || span.get_nanoseconds() != 0 {
        checks.fail(path, ViolationCode::Unsupported, "must be whole seconds");
        return None;
    }
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let clock = i64::from(span.get_hours()) * 3600 + span.get_minutes() * 60 + span.get_seconds();
    Some(days * DAY + clock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        duration(&mut Checks::new(), "window", text)
    }

    #[test]
    fn zones_have_one_spelling() {
        let name = |name| zone_name(&mut Checks::new(), "timeZone", name);
        assert_eq!(name(" europe/berlin ").as_deref(), Some("Europe/Berlin"));
        assert_eq!(name("UTC").as_deref(), Some("UTC"));
        for wrong in ["", "Mars/Olympus", "+02:00", "Etc/Unknown", "Europe/Berlin\0"] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn durations_are_exact_or_refused() {
        assert_eq!(seconds("PT72H"), Some(259_200));
        assert_eq!(seconds("P1W2DT3H4M5S"), Some(788_645));
        assert_eq!(seconds("PT0S"), Some(0));
        for wrong in ["", "72", "3 hours", "P1M", "P1Y", "-PT1H", "PT0.5S"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
