//! The definitions once more, as naively as they can be said: which facts a metric counts
//! and under which time, and what a fact's key in a dimension is. A metric or dimension that
//! is not said here does not compile.

use entity::Timestamp;
use entity::kinds::{Direction, FailureBucket, Medium, MessageStatus, SessionRole, UserType};
use entity::vocabulary::Vocabulary;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use rapport::analytics::{DateBasis, Dimension, Key, Metric, RecipientStatus, StatusGroup, Table};

use super::fact::{Fact, Standing};
use super::history::Voice;
use super::responses::Came;

pub type Test = fn(&Fact) -> bool;
type Time = fn(&Fact) -> Option<Timestamp>;

pub enum Measure {
    Count(Test),
    Share {
        part: Test,
        whole: Test,
    },
    /// The sum of a number, of the facts that pass.
    Total(Test, fn(&Fact) -> i64),
    /// Different ones of what is named, among the facts.
    Distinct(Test, Who),
    /// Of what some facts lasted, in microseconds.
    Mean(Length),
    Percentile(Length, u8),
}

pub type Length = fn(&Fact) -> Option<i64>;

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
    about: About,
}

/// What the facts of a metric are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Messages,
    Closings,
    Recipients,
}

impl About {
    fn of(fact: &Fact) -> Self {
        match (&fact.recipient, &fact.closing) {
            (Some(_), _) => Self::Recipients,
            (None, Some(_)) => Self::Closings,
            (None, None) => Self::Messages,
        }
    }
}

pub fn meaning(metric: Metric) -> Meaning {
    match metric {
        Metric::Messages => volume(spoken),
        Metric::MessagesReceived => volume(|fact| spoken(fact) && fact.said.inbound()),
        Metric::MessagesSent => volume(|fact| spoken(fact) && !fact.said.inbound()),
        Metric::PrivateNotes => volume(|fact| matches!(fact.said.voice, Voice::Note(_))),
        Metric::Sent => sends(sent, |fact| fact.standing.as_ref()?.sent_at),
        Metric::Delivered => sends(delivered, |fact| fact.standing.as_ref()?.delivered_at),
        Metric::Read => sends(read, |fact| fact.standing.as_ref()?.read_at),
        Metric::Failed => sends(failed, |fact| fact.standing.as_ref()?.failed_at),
        Metric::Pending => state(pending),
        Metric::Cancelled => state(|fact| is(fact, MessageStatus::Cancelled)),
        Metric::Expired => state(|fact| is(fact, MessageStatus::Expired)),
        Metric::Deferred => state(|fact| is(fact, MessageStatus::Deferred)),
        Metric::DeliveryRate => share(delivered, sent),
        Metric::ReadRate => share(read, |fact| delivered(fact) && fact.inbox.gives_reads),
        Metric::FailureRate => share(failed, |fact| sent(fact) || failed(fact)),
        Metric::CreditsUsed => Meaning {
            measure: Measure::Total(accepted, |fact| fact.said.credits.unwrap_or(0)),
            times: Times::Own,
            about: About::Messages,
        },
        Metric::Targeted => of_recipients(Measure::Count(|_| true)),
        Metric::Skipped => of_recipients(Measure::Count(|fact| {
            recipient_status(fact) == Some(RecipientStatus::Skipped)
        })),
        Metric::ResponseRateOfRecipients => of_recipients(Measure::Share {
            part: |fact| any_attempt(fact, responded),
            whole: |_| true,
        }),
        Metric::OptOutRateOfRecipients => of_recipients(Measure::Share {
            part: |fact| any_attempt(fact, |attempt| first_opt_out(attempt).is_some()),
            whole: |_| true,
        }),
        Metric::ConversationsStarted => volume(|fact| fact.begins_conversation),
        Metric::ConversationsActive => distinct(spoken, conversation),
        Metric::ContactsActive => distinct(spoken, contact),
        Metric::SessionsStarted => volume(|fact| fact.begins_session),
        Metric::SessionUsers => distinct(|fact| fact.begins_session, contact),
        Metric::NewUsers => distinct(|fact| begins(fact, UserType::New), contact),
        Metric::ReturningUsers => distinct(|fact| begins(fact, UserType::Returning), contact),
        Metric::Responses => sends(responded, first_reply),
        Metric::ResponseRate => share(responded, reached),
        Metric::OptOuts => sends(|fact| first_opt_out(fact).is_some(), first_opt_out),
        Metric::OptOutRate => share(|fact| first_opt_out(fact).is_some(), reached),
        Metric::AnsweredNotifications => sends(|fact| starts(fact) && responded(fact), first_reply),
        Metric::AnswerRate => share(responded, starts),
        Metric::AnswerRateOfAll => share(
            |fact| starts(fact) && responded(fact),
            |fact| fact.is_send() && (starts(fact) || fact.would_begin),
        ),
        Metric::FirstResponseSecondsMean => mean(first_response),
        Metric::FirstResponseSecondsMedian => percentile(first_response, 50),
        Metric::FirstResponseSecondsP90 => percentile(first_response, 90),
        Metric::FirstResponseBusinessSecondsMean => mean(first_response_open),
        Metric::FirstResponseBusinessSecondsMedian => percentile(first_response_open, 50),
        Metric::FirstResponseBusinessSecondsP90 => percentile(first_response_open, 90),
        Metric::ReplySecondsMean => mean(|fact| Some(fact.reply?.micros)),
        Metric::ReplySecondsMedian => percentile(|fact| Some(fact.reply?.micros), 50),
        Metric::ReplySecondsP90 => percentile(|fact| Some(fact.reply?.micros), 90),
        Metric::ReplyBusinessSecondsMean => mean(|fact| Some(fact.reply?.open)),
        Metric::ReplyBusinessSecondsMedian => percentile(|fact| Some(fact.reply?.open), 50),
        Metric::ReplyBusinessSecondsP90 => percentile(|fact| Some(fact.reply?.open), 90),
        Metric::Resolutions => of_closings(Measure::Count(|_| true)),
        Metric::ConversationsResolved => of_closings(Measure::Distinct(|_| true, conversation)),
        Metric::ContactsResolved => of_closings(Measure::Distinct(|_| true, contact)),
        Metric::ResolutionSecondsMean => of_closings(Measure::Mean(resolution)),
        Metric::ResolutionSecondsMedian => of_closings(Measure::Percentile(resolution, 50)),
        Metric::ResolutionSecondsP90 => of_closings(Measure::Percentile(resolution, 90)),
        Metric::ResolutionBusinessSecondsMean => of_closings(Measure::Mean(resolution_open)),
        Metric::ResolutionBusinessSecondsMedian => {
            of_closings(Measure::Percentile(resolution_open, 50))
        }
        Metric::ResolutionBusinessSecondsP90 => {
            of_closings(Measure::Percentile(resolution_open, 90))
        }
    }
}

fn of_recipients(measure: Measure) -> Meaning {
    Meaning { measure, times: Times::Own, about: About::Recipients }
}

fn recipient_status(fact: &Fact) -> Option<RecipientStatus> {
    Some(fact.recipient.as_ref()?.status())
}

fn any_attempt(fact: &Fact, test: Test) -> bool {
    fact.recipient.as_ref().is_some_and(|recipient| recipient.attempts.iter().any(test))
}

fn of_closings(measure: Measure) -> Meaning {
    Meaning { measure, times: Times::Own, about: About::Closings }
}

fn mean(length: Length) -> Meaning {
    Meaning { measure: Measure::Mean(length), times: Times::Own, about: About::Messages }
}

fn percentile(length: Length, percent: u8) -> Meaning {
    Meaning {
        measure: Measure::Percentile(length, percent),
        times: Times::Own,
        about: About::Messages,
    }
}

fn first_response(fact: &Fact) -> Option<i64> {
    Some(fact.first_response?.micros)
}

fn first_response_open(fact: &Fact) -> Option<i64> {
    Some(fact.first_response?.open)
}

fn resolution(fact: &Fact) -> Option<i64> {
    Some(fact.closing.as_ref()?.lasted.micros)
}

fn resolution_open(fact: &Fact) -> Option<i64> {
    Some(fact.closing.as_ref()?.lasted.open)
}

fn first(fact: &Fact, came: &[Came]) -> Option<Timestamp> {
    came.iter().filter(|came| came.within(fact.window)).map(|came| came.at).min()
}

fn first_reply(fact: &Fact) -> Option<Timestamp> {
    first(fact, &fact.upon.replies)
}

fn first_opt_out(fact: &Fact) -> Option<Timestamp> {
    first(fact, &fact.upon.opt_outs)
}

fn responded(fact: &Fact) -> bool {
    first_reply(fact).is_some()
}

fn reached(fact: &Fact) -> bool {
    delivered(fact) || responded(fact) || first_opt_out(fact).is_some()
}

/// A session began with it.
fn starts(fact: &Fact) -> bool {
    fact.is_send() && fact.begins_session
}

fn volume(of: Test) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::Own, about: About::Messages }
}

fn sends(of: Test, time: Time) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::SendOrState(time), about: About::Messages }
}

fn state(of: Test) -> Meaning {
    Meaning { measure: Measure::Count(of), times: Times::Send, about: About::Messages }
}

fn share(part: Test, whole: Test) -> Meaning {
    Meaning { measure: Measure::Share { part, whole }, times: Times::Send, about: About::Messages }
}

fn distinct(of: Test, who: Who) -> Meaning {
    Meaning { measure: Measure::Distinct(of, who), times: Times::Own, about: About::Messages }
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

fn accepted(fact: &Fact) -> bool {
    fact.standing.as_ref().is_some_and(|standing| standing.sent_at.is_some())
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

    /// The time under which it counts a fact; none where it does not.
    pub fn time(&self, fact: &Fact, asked: Option<DateBasis>) -> Option<Timestamp> {
        if About::of(fact) != self.about {
            return None;
        }
        match (&self.times, self.basis(asked)) {
            (Times::SendOrState(time), DateBasis::Event) => time(fact),
            (Times::Own | Times::SendOrState(_) | Times::Send, _) => Some(fact.at()),
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

/// Whether a fact can have several keys.
pub fn has_several(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Team | Dimension::Label)
}

/// The keys of a fact that is counted at `at`: one, unless it can have several.
pub fn keys(fact: &Fact, dimension: Dimension, zone: &TimeZone, at: Timestamp) -> Vec<Key> {
    let keys: Vec<Key> = match dimension {
        Dimension::Team => fact.teams.iter().map(|id| Key::Id(Table::Team, id.0)).collect(),
        Dimension::Label => fact.labels.iter().map(|id| Key::Id(Table::Label, id.0)).collect(),
        _ => vec![key(fact, dimension, zone, at)],
    };
    if keys.is_empty() { vec![Key::Null] } else { keys }
}

fn key(fact: &Fact, dimension: Dimension, zone: &TimeZone, at: Timestamp) -> Key {
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
        Dimension::Team | Dimension::Label => panic!("a fact can have several"),
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
        Dimension::Campaign => {
            let own = fact.recipient.as_ref().map(|recipient| recipient.campaign);
            let campaign = own.or(fact.campaign);
            campaign.map_or(Key::Null, |id| Key::Id(Table::Campaign, id.0))
        }
        Dimension::RecipientStatus => name(recipient_status(fact)),
        Dimension::SkipReason => {
            name(fact.recipient.as_ref().and_then(|recipient| recipient.reason))
        }
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
