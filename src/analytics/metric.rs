//! The metrics. Each is declared once: its doc comment is its definition, its arm in
//! [`Metric::definition`] says how it is counted. Everything else follows: the GraphQL enum,
//! the glossary, what a report accepts, the SQL. Adding one is a member and an arm.

use entity::kinds::{Direction, MessageStatus, SessionRole, UserType};
use entity::vocabulary;

use super::dimension::Dimension;
use super::measure::{
    ACCEPTED, ARRIVED, BEGUN, CLOSED, Definition, FIRST_OPT_OUT, FIRST_REPLY, GIVEN_UP, Measure,
    Member, Moment, OCCURRED, SEEN, STARTED, TARGETED, Times,
};
use super::predicate::Predicate;
use super::recipient_status::{PENDING as PENDING_GROUPS, RecipientStatus};
use super::source::{Response, Source, Wait};
use super::status_group::StatusGroup;

vocabulary! {
    /// A number that a report can be asked for.
    pub enum Metric {
        /// Messages that came in or were to go out, of any status, chats and mailings alike: MESSAGES_RECEIVED plus MESSAGES_SENT. Private notes and system entries are not among them.
        Messages => "MESSAGES",
        /// Messages that came in from contacts.
        MessagesReceived => "MESSAGES_RECEIVED",
        /// Outbound messages of any status, whether written by people, bots, automations or campaigns. Private notes and system entries are not among them.
        MessagesSent => "MESSAGES_SENT",
        /// Internal notes, which the contact never sees.
        PrivateNotes => "PRIVATE_NOTES",
        /// Sends ever accepted by a provider, whatever became of them. A send is an outbound message of a mailing to one contact.
        Sent => "SENT",
        /// Sends delivered or read; where the inbox gives no receipts, acceptance counts as delivery. Contained in SENT.
        Delivered => "DELIVERED",
        /// Sends that the contact has read. Contained in DELIVERED.
        Read => "READ",
        /// Sends that failed, before (status FAILED) or after (UNDELIVERED) a provider had accepted them. A failure reported after delivery does not count.
        Failed => "FAILED",
        /// Sends without a final status: CREATED, DEFERRED, SENDING, UNKNOWN, and SENT where a receipt is still to come.
        Pending => "PENDING",
        /// Sends cancelled by a user before they left.
        Cancelled => "CANCELLED",
        /// Sends whose time to live passed before they left.
        Expired => "EXPIRED",
        /// Sends that wait for the time set for them. Contained in PENDING.
        Deferred => "DEFERRED",
        /// The share of the sends accepted by a provider that were delivered.
        DeliveryRate => "DELIVERY_RATE",
        /// The share of the delivered sends that were read, of inboxes that report reads.
        ReadRate => "READ_RATE",
        /// The share of the sends that failed, among those accepted by a provider or failed.
        FailureRate => "FAILURE_RATE",
        /// The credits of messages accepted by a provider, mailings and chats alike: the segments of each, at the price of their platform and category when they were sent. Messages that were not sent from here cost none.
        CreditsUsed => "CREDITS_USED",
        /// Recipients of campaigns, frozen when the campaign started, whatever became of them. They stand under the time of that start.
        Targeted => "TARGETED",
        /// Recipients of campaigns to whom nothing was sent, for a reason: SKIP_REASON. Contained in TARGETED.
        Skipped => "SKIPPED",
        /// The share of the recipients of campaigns who replied to any message that the campaign sent them, by the rule of RESPONSES.
        ResponseRateOfRecipients => "RESPONSE_RATE_OF_RECIPIENTS",
        /// The share of the recipients of campaigns who opted out upon any message that the campaign sent them, by the rule of OPT_OUTS.
        OptOutRateOfRecipients => "OPT_OUT_RATE_OF_RECIPIENTS",
        /// Conversations that began, whoever wrote first.
        ConversationsStarted => "CONVERSATIONS_STARTED",
        /// Conversations in which a message came in or was to go out. Each counts once, however long the period.
        ConversationsActive => "CONVERSATIONS_ACTIVE",
        /// Contacts from whom a message came in or to whom one was to go out. Each counts once, however long the period.
        ContactsActive => "CONTACTS_ACTIVE",
        /// Sessions that began. A session is a stretch of talk of a contact on an inbox without a silence longer than the account's idle time.
        SessionsStarted => "SESSIONS_STARTED",
        /// Contacts with whom a session began. Each counts once, however long the period.
        SessionUsers => "SESSION_USERS",
        /// Contacts whose first session in the account began. Each counts once.
        NewUsers => "NEW_USERS",
        /// Contacts with whom a session began that was not their first in the account. Each counts once; one whose first session began in the period too is among NEW_USERS as well.
        ReturningUsers => "RETURNING_USERS",
        /// Sends with a reply that belongs to them: one that quotes the send, or the first to come within the reply window after it and before the next send to the contact on the inbox. A reply is an inbound message that is not wholly an opt-out word, nor an opt-in word that opts in.
        Responses => "RESPONSES",
        /// The share of the sends that were replied to, among those that reached the contact: delivered, or known to have arrived by a reply or an opt-out.
        ResponseRate => "RESPONSE_RATE",
        /// Sends to which an opt-out belongs, by the same rule as a reply. A second opt-out of an address that is out already is none.
        OptOuts => "OPT_OUTS",
        /// The share of the sends upon which the contact opted out, among those that reached the contact: delivered, or known to have arrived by a reply or an opt-out.
        OptOutRate => "OPT_OUT_RATE",
        /// Sends with which a session began and to which a reply belongs.
        AnsweredNotifications => "ANSWERED_NOTIFICATIONS",
        /// The share of the sends with which a session began that were replied to.
        AnswerRate => "ANSWER_RATE",
        /// The share of the sends that were replied to, among those with which a session began or would have begun, had they not failed.
        AnswerRateOfAll => "ANSWER_RATE_OF_ALL",
        /// The mean time from the beginning of a conversation to the first message of a human in it; from the last hand-off by the bot or reopening by the client before that message, where there is one. Only of conversations in which the client wrote before it, under the time of that message.
        FirstResponseSecondsMean => "FIRST_RESPONSE_SECONDS_MEAN",
        /// The median of the same times: half of the first responses came sooner. Exact to 0.5 %.
        FirstResponseSecondsMedian => "FIRST_RESPONSE_SECONDS_MEDIAN",
        /// The time within which nine of ten first responses came. Exact to 0.5 %.
        FirstResponseSecondsP90 => "FIRST_RESPONSE_SECONDS_P90",
        /// FIRST_RESPONSE_SECONDS_MEAN of the time within the inbox's business hours alone. An inbox without any is always open.
        FirstResponseBusinessSecondsMean => "FIRST_RESPONSE_BUSINESS_SECONDS_MEAN",
        /// FIRST_RESPONSE_SECONDS_MEDIAN of the time within the inbox's business hours alone. An inbox without any is always open.
        FirstResponseBusinessSecondsMedian => "FIRST_RESPONSE_BUSINESS_SECONDS_MEDIAN",
        /// FIRST_RESPONSE_SECONDS_P90 of the time within the inbox's business hours alone. An inbox without any is always open.
        FirstResponseBusinessSecondsP90 => "FIRST_RESPONSE_BUSINESS_SECONDS_P90",
        /// The mean time from the first message of the client that nobody had answered to the message of a human that answered it, under the time of the latter. One value for each wait; closing the conversation ends a wait without any, and bots, automations and campaigns answer nothing.
        ReplySecondsMean => "REPLY_SECONDS_MEAN",
        /// The median of the same times: half of the replies came sooner. Exact to 0.5 %.
        ReplySecondsMedian => "REPLY_SECONDS_MEDIAN",
        /// The time within which nine of ten replies came. Exact to 0.5 %.
        ReplySecondsP90 => "REPLY_SECONDS_P90",
        /// REPLY_SECONDS_MEAN of the time within the inbox's business hours alone. An inbox without any is always open.
        ReplyBusinessSecondsMean => "REPLY_BUSINESS_SECONDS_MEAN",
        /// REPLY_SECONDS_MEDIAN of the time within the inbox's business hours alone. An inbox without any is always open.
        ReplyBusinessSecondsMedian => "REPLY_BUSINESS_SECONDS_MEDIAN",
        /// REPLY_SECONDS_P90 of the time within the inbox's business hours alone. An inbox without any is always open.
        ReplyBusinessSecondsP90 => "REPLY_BUSINESS_SECONDS_P90",
        /// Closings of conversations that were not closed, by anyone.
        Resolutions => "RESOLUTIONS",
        /// Conversations that were closed. Each counts once, however often it was closed in the period.
        ConversationsResolved => "CONVERSATIONS_RESOLVED",
        /// Contacts of whom a conversation was closed. Each counts once.
        ContactsResolved => "CONTACTS_RESOLVED",
        /// The mean time from the beginning of a conversation, or its last reopening by anyone, to its closing, under the time of the latter.
        ResolutionSecondsMean => "RESOLUTION_SECONDS_MEAN",
        /// The median of the same times: half of the resolutions took less. Exact to 0.5 %.
        ResolutionSecondsMedian => "RESOLUTION_SECONDS_MEDIAN",
        /// The time that nine of ten resolutions took at most. Exact to 0.5 %.
        ResolutionSecondsP90 => "RESOLUTION_SECONDS_P90",
        /// RESOLUTION_SECONDS_MEAN of the time within the inbox's business hours alone. An inbox without any is always open.
        ResolutionBusinessSecondsMean => "RESOLUTION_BUSINESS_SECONDS_MEAN",
        /// RESOLUTION_SECONDS_MEDIAN of the time within the inbox's business hours alone. An inbox without any is always open.
        ResolutionBusinessSecondsMedian => "RESOLUTION_BUSINESS_SECONDS_MEDIAN",
        /// RESOLUTION_SECONDS_P90 of the time within the inbox's business hours alone. An inbox without any is always open.
        ResolutionBusinessSecondsP90 => "RESOLUTION_BUSINESS_SECONDS_P90",
    }
}

const DELIVERED: Predicate = Predicate::In(&[StatusGroup::Delivered]);
const READ: Predicate = Predicate::Is(MessageStatus::Read);
const FAILED: Predicate = Predicate::In(&[StatusGroup::NotDelivered, StatusGroup::Error]);
const PENDING: Predicate = Predicate::In(PENDING_GROUPS);
const RECEIVED: Predicate =
    Predicate::All(&[Predicate::Private(false), Predicate::Goes(Direction::Inbound)]);
const GOING_OUT: Predicate =
    Predicate::All(&[Predicate::Private(false), Predicate::Goes(Direction::Outbound)]);
const DELIVERED_WITH_READS: Predicate = Predicate::All(&[DELIVERED, Predicate::ReportsReads]);
const SENT_OR_FAILED: Predicate = Predicate::Any(&[Predicate::Accepted, FAILED]);
const REPLIED: Predicate = Predicate::Has(Response::Reply);
const OPTED_OUT: Predicate = Predicate::Has(Response::OptOut);
const REACHED: Predicate = Predicate::Any(&[DELIVERED, REPLIED, OPTED_OUT]);
const STARTER: Predicate = Predicate::Plays(SessionRole::Starter);
const ANSWERED: Predicate = Predicate::All(&[STARTER, REPLIED]);
const STARTER_OR_WOULD_BE: Predicate =
    Predicate::Any(&[STARTER, Predicate::Plays(SessionRole::WouldBeStarter)]);

impl Metric {
    pub(super) fn definition(self) -> Definition {
        match self {
            Self::Messages => volume(Predicate::Private(false), "messages, both ways"),
            Self::MessagesReceived => volume(RECEIVED, "inbound messages"),
            Self::MessagesSent => volume(GOING_OUT, "outbound messages"),
            Self::PrivateNotes => volume(Predicate::Private(true), "private notes"),
            Self::Sent => event(Predicate::Accepted, ACCEPTED, "sends accepted"),
            Self::Delivered => event(DELIVERED, ARRIVED, "sends delivered"),
            Self::Read => event(READ, SEEN, "sends read"),
            Self::Failed => event(FAILED, GIVEN_UP, "sends failed"),
            Self::Pending => state(PENDING, "sends without a final status"),
            Self::Cancelled => state(Predicate::Is(MessageStatus::Cancelled), "sends cancelled"),
            Self::Expired => state(Predicate::Is(MessageStatus::Expired), "sends expired"),
            Self::Deferred => state(Predicate::Is(MessageStatus::Deferred), "sends deferred"),
            Self::DeliveryRate => share(Measure::Share {
                part: DELIVERED,
                whole: Predicate::Accepted,
                numerator: "sends delivered",
                denominator: "sends accepted",
            }),
            Self::ReadRate => share(Measure::Share {
                part: READ,
                whole: DELIVERED_WITH_READS,
                numerator: "sends read, of inboxes that report reads",
                denominator: "sends delivered, of inboxes that report reads",
            }),
            Self::FailureRate => share(Measure::Share {
                part: FAILED,
                whole: SENT_OR_FAILED,
                numerator: "sends failed",
                denominator: "sends accepted or failed",
            }),
            Self::CreditsUsed => Definition {
                source: Source::Messages,
                measure: Measure::Total {
                    of: Predicate::Accepted,
                    column: "m.credits",
                    what: "credits of messages accepted",
                },
                times: Times::Own(OCCURRED),
            },
            Self::Targeted => recipients(Predicate::Always, "recipients"),
            Self::Skipped => recipients(
                Predicate::OfRecipients(RecipientStatus::Skipped),
                "recipients to whom nothing was sent",
            ),
            Self::ResponseRateOfRecipients => {
                share_of_recipients(Predicate::Attempted(&REPLIED), "recipients who replied")
            }
            Self::OptOutRateOfRecipients => {
                share_of_recipients(Predicate::Attempted(&OPTED_OUT), "recipients who opted out")
            }
            Self::ConversationsStarted => {
                rows(Source::Conversations, BEGUN, Predicate::Always, "conversations begun")
            }
            Self::ConversationsActive => {
                active(Member::Conversation, "conversations with messages")
            }
            Self::ContactsActive => active(Member::Contact, "contacts with messages"),
            Self::SessionsStarted => {
                rows(Source::Sessions, STARTED, Predicate::Always, "sessions begun")
            }
            Self::SessionUsers => users(Predicate::Always, "contacts with sessions begun"),
            Self::NewUsers => users(
                Predicate::InSessionOf(UserType::New),
                "contacts with their first session begun",
            ),
            Self::ReturningUsers => users(
                Predicate::InSessionOf(UserType::Returning),
                "contacts with sessions begun that are not their first",
            ),
            Self::Responses => event(REPLIED, FIRST_REPLY, "sends replied to"),
            Self::ResponseRate => share(Measure::Share {
                part: REPLIED,
                whole: REACHED,
                numerator: "sends replied to",
                denominator: "sends that reached the contact",
            }),
            Self::OptOuts => event(OPTED_OUT, FIRST_OPT_OUT, "sends upon which contacts opted out"),
            Self::OptOutRate => share(Measure::Share {
                part: OPTED_OUT,
                whole: REACHED,
                numerator: "sends upon which contacts opted out",
                denominator: "sends that reached the contact",
            }),
            Self::AnsweredNotifications => {
                event(ANSWERED, FIRST_REPLY, "sends that began a session and were replied to")
            }
            Self::AnswerRate => share(Measure::Share {
                part: REPLIED,
                whole: STARTER,
                numerator: "sends that began a session and were replied to",
                denominator: "sends that began a session",
            }),
            Self::AnswerRateOfAll => share(Measure::Share {
                part: ANSWERED,
                whole: STARTER_OR_WOULD_BE,
                numerator: "sends that began a session and were replied to",
                denominator: "sends that began a session, or would have had they not failed",
            }),
            Self::FirstResponseSecondsMean => mean(Wait::FirstResponse, false),
            Self::FirstResponseSecondsMedian => percentile(Wait::FirstResponse, false, 50),
            Self::FirstResponseSecondsP90 => percentile(Wait::FirstResponse, false, 90),
            Self::FirstResponseBusinessSecondsMean => mean(Wait::FirstResponse, true),
            Self::FirstResponseBusinessSecondsMedian => percentile(Wait::FirstResponse, true, 50),
            Self::FirstResponseBusinessSecondsP90 => percentile(Wait::FirstResponse, true, 90),
            Self::ReplySecondsMean => mean(Wait::Reply, false),
            Self::ReplySecondsMedian => percentile(Wait::Reply, false, 50),
            Self::ReplySecondsP90 => percentile(Wait::Reply, false, 90),
            Self::ReplyBusinessSecondsMean => mean(Wait::Reply, true),
            Self::ReplyBusinessSecondsMedian => percentile(Wait::Reply, true, 50),
            Self::ReplyBusinessSecondsP90 => percentile(Wait::Reply, true, 90),
            Self::Resolutions => {
                rows(Source::Resolutions, CLOSED, Predicate::Always, "closings of conversations")
            }
            Self::ConversationsResolved => {
                resolved(Member::Conversation, "conversations that were closed")
            }
            Self::ContactsResolved => {
                resolved(Member::Contact, "contacts whose conversations were closed")
            }
            Self::ResolutionSecondsMean => mean(Wait::Resolution, false),
            Self::ResolutionSecondsMedian => percentile(Wait::Resolution, false, 50),
            Self::ResolutionSecondsP90 => percentile(Wait::Resolution, false, 90),
            Self::ResolutionBusinessSecondsMean => mean(Wait::Resolution, true),
            Self::ResolutionBusinessSecondsMedian => percentile(Wait::Resolution, true, 50),
            Self::ResolutionBusinessSecondsP90 => percentile(Wait::Resolution, true, 90),
        }
    }

    /// The dimensions by which it can be broken down.
    pub fn dimensions(self) -> Vec<Dimension> {
        self.definition().source.dimensions()
    }

    /// The dimensions by which it can be filtered.
    pub fn filters(self) -> Vec<Dimension> {
        self.definition().source.filters()
    }
}

fn volume(of: Predicate, what: &'static str) -> Definition {
    rows(Source::Messages, OCCURRED, of, what)
}

fn rows(source: Source, own: &'static [Moment], of: Predicate, what: &'static str) -> Definition {
    Definition { source, measure: Measure::Count { of, what }, times: Times::Own(own) }
}

fn recipients(of: Predicate, what: &'static str) -> Definition {
    rows(Source::Recipients, TARGETED, of, what)
}

fn share_of_recipients(part: Predicate, numerator: &'static str) -> Definition {
    let measure =
        Measure::Share { part, whole: Predicate::Always, numerator, denominator: "recipients" };
    Definition { source: Source::Recipients, measure, times: Times::Own(TARGETED) }
}

fn active(member: Member, what: &'static str) -> Definition {
    let measure = Measure::Distinct { of: Predicate::Private(false), member, what };
    Definition { source: Source::Messages, measure, times: Times::Own(OCCURRED) }
}

fn users(of: Predicate, what: &'static str) -> Definition {
    let measure = Measure::Distinct { of, member: Member::Contact, what };
    Definition { source: Source::Sessions, measure, times: Times::Own(STARTED) }
}

fn resolved(member: Member, what: &'static str) -> Definition {
    let measure = Measure::Distinct { of: Predicate::Always, member, what };
    Definition { source: Source::Resolutions, measure, times: Times::Own(CLOSED) }
}

/// What ends a wait, what its ends are called, and the times of these.
fn ends(wait: Wait) -> (Source, &'static str, &'static [Moment]) {
    match wait {
        Wait::Reply => (Source::Replies, "replies of humans to clients who waited", OCCURRED),
        Wait::FirstResponse => (Source::FirstResponses, "first responses of humans", OCCURRED),
        Wait::Resolution => (Source::Resolutions, "closings of conversations", CLOSED),
    }
}

fn mean(wait: Wait, open: bool) -> Definition {
    let (source, what, own) = ends(wait);
    Definition { source, measure: Measure::Mean { wait, open, what }, times: Times::Own(own) }
}

fn percentile(wait: Wait, open: bool, percent: u8) -> Definition {
    let (source, what, own) = ends(wait);
    let measure = Measure::Percentile { wait, open, percent, what };
    Definition { source, measure, times: Times::Own(own) }
}

fn event(of: Predicate, event: &'static [Moment], what: &'static str) -> Definition {
    let measure = Measure::Count { of, what };
    Definition { source: Source::Sends, measure, times: Times::SendOrEvent(event) }
}

fn state(of: Predicate, what: &'static str) -> Definition {
    let times = Times::Send("the state has no time of its own that is counted");
    Definition { source: Source::Sends, measure: Measure::Count { of, what }, times }
}

fn share(measure: Measure) -> Definition {
    let times = Times::Send("numerator and denominator must be of the same sends");
    Definition { source: Source::Sends, measure, times }
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::Vocabulary;

    use super::super::measure::DateBasis;
    use super::*;

    #[test]
    fn the_default_basis_is_the_first() {
        for metric in Metric::ALL {
            let times = metric.definition().times;
            let (default, _) = times.under(None).unwrap();
            assert_eq!(times.bases().first(), Some(&default));
            for basis in DateBasis::ALL {
                assert_eq!(times.under(Some(*basis)).is_ok(), times.bases().contains(basis));
            }
        }
    }

    #[test]
    fn rates_exist_under_the_send_alone() {
        for metric in [Metric::DeliveryRate, Metric::ReadRate, Metric::FailureRate, Metric::Pending]
        {
            assert!(metric.definition().times.under(Some(DateBasis::Event)).is_err());
        }
        assert!(Metric::Messages.definition().times.under(Some(DateBasis::Send)).is_err());
    }
}
