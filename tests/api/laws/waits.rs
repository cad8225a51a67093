//! How long people waited in a history, naively: for a human, for the first one, and for the
//! end of a conversation.

use entity::Timestamp;
use entity::kinds::ConversationEventKind::{self, Closed, HandedOff, Reopened};
use jiff::civil::Weekday;
use rapport::domain::inbox_hours::{self, BusinessHours};

use super::history::{History, Said, Thread, Voice};
use super::reference::{instant, zone};
use entity::inbox;

const MINUTE: i64 = 60 * Timestamp::SECOND;

/// Microseconds, and those of them within business hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasted {
    pub micros: i64,
    pub open: i64,
}

impl Lasted {
    pub fn between(inbox: &inbox::Model, from: Timestamp, to: Timestamp) -> Self {
        let micros = to.0 - from.0;
        let open = inbox_hours::of(inbox).map_or(micros, |hours| open(&hours, from, to));
        Self { micros, open }
    }
}

/// Minute by minute: no zone and no hours in these tests know smaller steps.
fn open(hours: &BusinessHours, from: Timestamp, to: Timestamp) -> i64 {
    let zone = zone(&hours.zone);
    let mut open = 0;
    let mut at = from.0;
    while at < to.0 {
        let next = (at - at.rem_euclid(MINUTE) + MINUTE).min(to.0);
        let local = zone.to_datetime(instant(Timestamp(at)));
        let clock = format!("{:02}:{:02}", local.hour(), local.minute());
        let day = i64::from(Weekday::to_monday_one_offset(local.weekday()));
        let within =
            hours.week.iter().any(|span| span.day == day && span.from <= clock && clock < span.to);
        if within && !hours.holidays.contains(&local.date().to_string()) {
            open += next - at;
        }
        at = next;
    }
    open
}

/// A conversation as a list of what was said and what happened in it.
pub struct Story<'a> {
    said: Vec<&'a Said>,
    /// With the kinds.
    happened: Vec<(Timestamp, ConversationEventKind)>,
}

impl<'a> Story<'a> {
    pub fn of(history: &'a History, thread: Thread) -> Self {
        let said = history.said.iter().filter(|said| said.thread() == thread).collect();
        let happened = history.happened.iter();
        let own = happened.filter(|happened| history.said[happened.after].thread() == thread);
        Self { said, happened: own.map(|happened| (happened.at, happened.kind)).collect() }
    }

    fn start(&self) -> Timestamp {
        self.said.iter().map(|said| said.at).min().unwrap()
    }

    fn events(&self, kind: ConversationEventKind) -> impl Iterator<Item = Timestamp> + '_ {
        self.happened.iter().filter(move |(_, own)| *own == kind).map(|(at, _)| *at)
    }

    fn spoken(&self) -> impl Iterator<Item = &&'a Said> {
        self.said.iter().filter(|said| !said.silent())
    }

    fn human_replies(&self) -> impl Iterator<Item = Timestamp> + '_ {
        let human = |said: &&&Said| matches!(said.voice, Voice::User(_));
        self.said.iter().filter(human).map(|said| said.at)
    }

    /// Whether it was closed just before.
    fn closed(&self, at: Timestamp) -> bool {
        let closed = self.events(Closed).filter(|own| *own < at).max();
        let opened = self.spoken().map(|said| said.at).chain(self.events(Reopened));
        let opened = opened.filter(|own| *own < at).max();
        closed.is_some_and(|closed| opened.is_none_or(|opened| opened < closed))
    }

    /// What a human said at `at` answers.
    pub fn waited_since(&self, at: Timestamp) -> Option<Timestamp> {
        let ends = self.human_replies().chain(self.events(Closed));
        let ended = ends.filter(|own| *own < at).max();
        let client = self.said.iter().filter(|said| said.inbound()).map(|said| said.at);
        client.filter(|own| *own < at && ended.is_none_or(|ended| ended < *own)).min()
    }

    /// From when the first response is measured, where what a human said at `at` is it.
    pub fn response_from(&self, at: Timestamp) -> Option<Timestamp> {
        let first = self.human_replies().all(|own| own >= at);
        let asked = self.said.iter().any(|said| said.inbound() && said.at < at);
        if !first || !asked {
            return None;
        }
        let client = self.said.iter().filter(|said| said.inbound()).map(|said| said.at);
        let reopenings = client.filter(|own| self.closed(*own));
        let from = self.events(HandedOff).chain(reopenings).filter(|own| *own < at).max();
        Some(from.unwrap_or(self.start()).max(self.start()))
    }

    /// Since when the conversation was open that was closed at `at`, if it was.
    pub fn opened_at(&self, at: Timestamp) -> Option<Timestamp> {
        if self.closed(at) {
            return None;
        }
        let opened = self.spoken().map(|said| said.at).chain(self.events(Reopened));
        let last = opened.filter(|own| *own < at && self.closed(*own)).max();
        Some(last.unwrap_or(self.start()))
    }
}
