//! The definitions once more, as naively as they can be said: which facts a metric counts
//! and under which time, and what a fact's key in a dimension is. A metric or dimension that
//! is not said here does not compile.

use entity::Timestamp;
use entity::kinds::{Direction, FailureBucket, Medium, MessageStatus, SessionRole, UserType};
use entity::vocabulary::Vocabulary;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rapport::analytics::{DateBasis, Dimension, Key, Metric, StatusGroup, Table};

use super::fact::{Fact, Standing};
use super::history::Voice;

pub type Test = fn(&Fact) -> bool;
type Time = fn(&Standing) -> Option<Timestamp>;

pub enum Measure {
    Count(Test),
    Share {
        part: Test,
        whole: Test,
    },
    /// Different ones of what is named, among the facts.
    Distinct(Test, Who),
}

pub type Who = fn(&Fact) -> String;

enum Times {
    /// Its own on EVENT.
    Own,
    /// That of the send on SEND, that of the state on EVENT.
    SendOrState(Time),
    /// That of the send on SEND.
    Send,
}

pub struct Meaning {
    pub measure: Measure,
    times: Times,
}

pub fn meaning(metric: Metric) -> Meaning {
    match metric {
        Metric::Messages => volume(spoken),
        Metric::MessagesReceived => volume(|fact| spoken(fact) && fact.said.inbound()),
        Metric::MessagesSent => volume(|fact| spoken(fact) && !fact.said.inbound()),
        Metric::PrivateNotes => volume(|fact| matches!(fact.said.voice, Voice::Note(_))),
        Metric::Sent => sends(sent, |standing| standing.sent_at),
        Metric::Delivered => sends(delivered, |standing| standing.delivered_at),
        Metric::Read => sends(read, |standing| standing.read_at),
        Metric::Failed => sends(failed, |standing| standing.failed_at),
        Metric::Pending => state(pending),
        Metric::Cancelled => state(|fact| is(fact, MessageStatus::Cancelled)),
        Metric::Expired => state(|fact| is(fact, MessageStatus::Expired)),
        Metric::Deferred => state(|fact| is(fact, MessageStatus::Deferred)),
        Metric::DeliveryRate => share(delivered, sent),
        Metric::ReadRate => share(read, |fact| delivered(fact) && fact.inbox.gives_reads),
        Metric::FailureRate => share(failed, |fact| sent(fact) || failed(fact)),
        Metric::ConversationsStarted => volume(|fact| fact.begins_conversation),
        Metric::ConversationsActive => distinct(spoken, conversation),
        Metric::ContactsActive => distinct(spoken, contact),
        Metric::SessionsStarted => volume(|fact| fact.begins_session),
        Metric::SessionUsers => distinct(|fact| fact.begins_session, contact),
        Metric::NewUsers => distinct(|fact| begins(fact, UserType::New), contact),
        Metric::ReturningUsers => distinct(|fact| begins(fact, UserType::Returning), contact),
    }
}

fn volume(of: Test) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::Own }
}

fn sends(of: Test, time: Time) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::SendOrState(time) }
}

fn state(of: Test) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::Send }
}

fn share(part: Test, whole: Test) -> Meaning {
    Meaning { measure: Measure::Share { part, whole }, times: Times::Send }
}

fn distinct(of: Test, who: Who) -> Meaning {
    Meaning { measure: Measure::Distinct(of, who), times: Times::Own }
}

fn contact(fact: &Fact) -> String {
    fact.said.contact.to_string()
}

fn conversation(fact: &Fact) -> String {
    format!("{:?}", fact.said.thread())
}

/// It is the first of a session that is, or is not, the contact's first.
fn begins(fact: &Fact, user_type: UserType) -> bool {
    fact.begins_session && fact.session.is_some_and(|(_, own)| own == user_type)
}

fn spoken(fact: &Fact) -> bool {
    !fact.said.silent()
}

fn is(fact: &Fact, status: MessageStatus) -> bool {
    fact.is_send() && fact.status() == Some(status)
}

fn is_any(fact: &Fact, statuses: &[MessageStatus]) -> bool {
    statuses.iter().any(|status| is(fact, *status))
}

/// Ever accepted, whatever became of it.
fn sent(fact: &Fact) -> bool {
    fact.is_send() && fact.standing.as_ref().is_some_and(|standing| standing.sent_at.is_some())
}

fn delivered(fact: &Fact) -> bool {
    let accepted_for_good = is(fact, MessageStatus::Sent) && !fact.inbox.gives_receipts;
    is_any(fact, &[MessageStatus::Delivered, MessageStatus::Read]) || accepted_for_good
}

fn read(fact: &Fact) -> bool {
    is(fact, MessageStatus::Read)
}

fn failed(fact: &Fact) -> bool {
    is_any(fact, &[MessageStatus::Undelivered, MessageStatus::Failed])
}

/// No final status, and no step of a cascade that may never be taken.
fn pending(fact: &Fact) -> bool {
    use MessageStatus::{Created, Deferred, Sending, Sent, Unknown};
    is_any(fact, &[Created, Deferred, Sending, Unknown])
        || (is(fact, Sent) && fact.inbox.gives_receipts)
}

impl Meaning {
    /// The basis on which it is counted where `asked` is asked.
    pub fn basis(&self, asked: Option<DateBasis>) -> DateBasis {
        match self.times {
            Times::Own => DateBasis::Event,
            Times::SendOrState(_) | Times::Send => asked.unwrap_or(DateBasis::Send),
        }
    }

    /// The time under which it counts a fact.
    pub fn time(&self, fact: &Fact, asked: Option<DateBasis>) -> Option<Timestamp> {
        match (&self.times, self.basis(asked)) {
            (Times::SendOrState(time), DateBasis::Event) => fact.standing.as_ref().and_then(*time),
            (Times::Own | Times::SendOrState(_) | Times::Send, _) => Some(fact.said.at),
        }
    }
}

/// A zone of the database that reports use.
pub fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap()
}

pub fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.0).unwrap()
}

/// The key of a fact that is counted at `at`.
pub fn key(fact: &Fact, dimension: Dimension, zone: &TimeZone, at: Timestamp) -> Key {
    let inbox = &fact.inbox;
    let standing = fact.standing.as_ref();
    let mailing = fact.said.medium == Medium::Mailing;
    let of_mailings = mailing.then_some(inbox.platform);
    let of_chats = (!mailing).then_some(inbox.platform);
    match dimension {
        Dimension::Inbox => Key::Id(Table::Inbox, inbox.id.0),
        Dimension::Platform => name(Some(inbox.platform)),
        Dimension::Channel => name(of_mailings),
        Dimension::Messenger => name(of_chats),
        Dimension::Medium => name(Some(fact.said.medium)),
        Dimension::Status => name(fact.status()),
        Dimension::StatusGroup => {
            name(fact.status().map(|status| status_group(status, inbox.gives_receipts)))
        }
        Dimension::Direction => {
            name(Some(if fact.said.inbound() { Direction::Inbound } else { Direction::Outbound }))
        }
        Dimension::Bot => fact.bot.map_or(Key::Null, |id| Key::Id(Table::Bot, id.0)),
        Dimension::Assignee => fact.assignee.map_or(Key::Null, |id| Key::Id(Table::User, id.0)),
        Dimension::Author => match (fact.author_user, fact.author_bot) {
            (Some(user), _) => Key::Id(Table::User, user.0),
            (None, Some(bot)) => Key::Id(Table::Bot, bot.0),
            (None, None) => name(fact.author),
        },
        Dimension::Template => fact.template.map_or(Key::Null, |id| Key::Id(Table::Template, id.0)),
        Dimension::Line => text(inbox.line.as_deref()),
        Dimension::Portfolio => text(inbox.portfolio.as_deref()),
        Dimension::Vendor => text(inbox.vendor.as_deref()),
        Dimension::Official => Key::Flag(inbox.official),
        Dimension::FailureCode => text(standing.and_then(|standing| standing.failure_code)),
        Dimension::FailureBucket => {
            name(standing.filter(|standing| standing.failed_at.is_some()).map(failure_bucket))
        }
        Dimension::TrafficSource => text(fact.traffic_source),
        Dimension::SessionOrigin => name(fact.session.map(|(origin, _)| origin)),
        Dimension::UserType => name(fact.session.map(|(_, user_type)| user_type)),
        Dimension::SessionRole => name(if fact.would_begin {
            Some(SessionRole::WouldBeStarter)
        } else {
            (fact.begins_session && !fact.said.inbound()).then_some(SessionRole::Starter)
        }),
        Dimension::HourOfDay => Key::Number(zone.to_datetime(instant(at)).hour().into()),
        Dimension::DayOfWeek => {
            let weekday = zone.to_datetime(instant(at)).weekday();
            Key::Number(weekday.to_monday_one_offset().into())
        }
    }
}

fn name<T: Vocabulary>(member: Option<T>) -> Key {
    member.map_or(Key::Null, |member| Key::Name(member.name()))
}

fn text(text: Option<&str>) -> Key {
    text.map_or(Key::Null, |text| Key::Text(text.to_owned()))
}

/// The statuses as people tell them apart.
fn status_group(status: MessageStatus, gives_receipts: bool) -> StatusGroup {
    match status {
        MessageStatus::Created => StatusGroup::Created,
        MessageStatus::CreatedOptional => StatusGroup::CreatedOptional,
        MessageStatus::Deferred => StatusGroup::Deferred,
        MessageStatus::Sending | MessageStatus::Unknown => StatusGroup::Sending,
        MessageStatus::SkippedOptional => StatusGroup::SkippedOptional,
        MessageStatus::Skipped | MessageStatus::Expired | MessageStatus::Cancelled => {
            StatusGroup::Cancelled
        }
        MessageStatus::Sent if gives_receipts => StatusGroup::Sending,
        MessageStatus::Sent | MessageStatus::Delivered | MessageStatus::Read => {
            StatusGroup::Delivered
        }
        MessageStatus::Undelivered => StatusGroup::NotDelivered,
        MessageStatus::Failed => StatusGroup::Error,
    }
}

/// Of the codes that histories use.
fn failure_bucket(standing: &Standing) -> FailureBucket {
    match standing.failure_code {
        Some("131026") => FailureBucket::Unreachable,
        Some("131047") => FailureBucket::WindowShut,
        _ => FailureBucket::Other,
    }
}
