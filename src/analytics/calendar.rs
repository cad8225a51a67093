//! Local time: where a day begins in a zone, and which offset holds when. All boundaries of
//! reports come from here and so from the zone database; nothing else adds hours to days.

use entity::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Error, Span, Zoned};

use crate::zone;

/// A zone, and the day on which its weeks start.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    pub zone: TimeZone,
    pub week_start: Weekday,
}

/// A stretch of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub fn span(self) -> Span {
        match self {
            Self::Day => Span::new().days(1),
            Self::Week => Span::new().days(7),
            Self::Month => Span::new().months(1),
            Self::Quarter => Span::new().months(3),
            Self::Year => Span::new().years(1),
        }
    }
}

/// A half-open stretch of time in which one offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub from: i64,
    pub to: i64,
    /// Microseconds to add to make local time of an instant.
    pub offset: i64,
}

impl Calendar {
    pub fn zoned(&self, at: Timestamp) -> Result<Zoned, Error> {
        Ok(instant(at)?.to_zoned(self.zone.clone()))
    }

    pub fn date(&self, at: Timestamp) -> Result<Date, Error> {
        Ok(self.zone.to_datetime(instant(at)?).date())
    }

    /// The first instant of a local day; of the next one, where the day does not exist.
    pub fn start(&self, date: Date) -> Result<Timestamp, Error> {
        zone::instant(&self.zone, date.at(0, 0, 0, 0))
    }

    /// The first day of the unit that holds `date`.
    pub fn floor(&self, date: Date, unit: Unit) -> Result<Date, Error> {
        match unit {
            Unit::Day => Ok(date),
            Unit::Week => date.checked_sub(Span::new().days(date.weekday().since(self.week_start))),
            Unit::Month => Ok(date.first_of_month()),
            Unit::Quarter => {
                let since = (date.month() - 1) % 3;
                date.first_of_month().checked_sub(Span::new().months(since))
            }
            Unit::Year => Ok(date.first_of_year()),
        }
    }

    /// `[from, to)`, cut where the offset changes. At least one piece.
    pub fn pieces(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Piece>, Error> {
        let begin = instant(from)?;
        let mut pieces = Vec::new();
        let mut open = Piece { from: from.0, to: to.0, offset: micros(self.zone.to_offset(begin)) };
        for change in self.zone.following(begin) {
            let (at, offset) = (change.timestamp().as_microsecond(), micros(change.offset()));
            if at >= to.0 {
                break;
            }
            // Some changes are of the name or of the daylight flag alone.
            if offset != open.offset {
                pieces.push(Piece { to: at, ..open });
                open = Piece { from: at, to: to.0, offset };
            }
        }
        pieces.push(open);
        Ok(pieces)
    }
}

pub(super) fn instant(at: Timestamp) -> Result<jiff::Timestamp, Error> {
    jiff::Timestamp::from_microsecond(at.0)
}

fn micros(offset: Offset) -> i64 {
    i64::from(offset.seconds()) * Timestamp::SECOND
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::civil::date;

    use super::*;

    pub fn calendar(zone: &str) -> Calendar {
        Calendar { zone: TimeZone::get(zone).unwrap(), week_start: Weekday::Monday }
    }

    /// The instant of an RFC 3339 text.
    pub fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn days_begin_at_their_first_instant() {
        for (zone, day, start) in [
            ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00:00Z"),
            // Midnight does not exist: 23:59:59 is followed by 01:00.
            ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00Z"),
            // 00:00 to 01:00 comes twice; the first counts.
            ("America/Havana", date(2025, 11, 2), "2025-11-02T04:00:00Z"),
            // 23:30 was followed by 00:30.
            ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30:00Z"),
            // This day was left out; the next one begins in its place.
            ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00Z"),
        ] {
            assert_eq!(calendar(zone).start(day).unwrap(), at(start), "{zone} {day}");
        }
    }

    #[test]
    fn units_begin_where_they_should() {
        let mut calendar = calendar("UTC");
        let day = date(2026, 5, 20);
        for (unit, first) in [
            (Unit::Day, day),
            (Unit::Week, date(2026, 5, 18)),
            (Unit::Month, date(2026, 5, 1)),
            (Unit::Quarter, date(2026, 4, 1)),
            (Unit::Year, date(2026, 1, 1)),
        ] {
            assert_eq!(calendar.floor(day, unit).unwrap(), first);
        }
        calendar.week_start = Weekday::Sunday;
        assert_eq!(calendar.floor(day, Unit::Week).unwrap(), date(2026, 5, 17));
        calendar.week_start = Weekday::Wednesday;
        assert_eq!(calendar.floor(day, Unit::Week).unwrap(), day);
    }

    #[test]
    fn pieces_have_one_offset_each() {
        let calendar = calendar("Australia/Lord_Howe");
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
        let pieces = calendar.pieces(from, to).unwrap();
        let hours: Vec<i64> = pieces.iter().map(|piece| piece.offset / 1_800_000_000).collect();
        assert_eq!(hours, [22, 21, 22]);
        assert_eq!((pieces[0].from, pieces[2].to), (from.0, to.0));
        assert!(pieces.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(calendar.pieces(from, from).unwrap().len(), 1);
    }
}
