//! Where facts come from: which rows a source has, from which tables they are read, and by
//! which times they can be counted.

use super::dimension::{Dimension, Join};
use super::predicate::Predicate;
use entity::kinds::Direction;
use entity::vocabulary::Vocabulary;

/// Rows of fact. Each is about one message, alias `m`: itself, or the first of a session or
/// of a conversation, also of one that was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Messages and notes, without system entries.
    Messages,
    /// Outbound messages of mailings.
    Sends,
    /// Sessions.
    Sessions,
    /// Conversations.
    Conversations,
    /// Human replies to a client who waited.
    Replies,
    /// The first human replies of conversations, where the client wrote before.
    FirstResponses,
    /// Closings of conversations that were not closed.
    Resolutions,
    /// Recipients of campaigns, alias `r`; there is no message.
    Recipients,
}

impl Source {
    /// What its rows pass, as SQL.
    pub fn sql(self) -> String {
        // No window decides what is a fact.
        self.rows().sql(0)
    }

    fn rows(self) -> Predicate {
        match self {
            Self::Messages => Predicate::NotSystem,
            Self::Sends => Predicate::All(&[
                Predicate::Mailing,
                Predicate::Goes(Direction::Outbound),
                Predicate::Private(false),
                Predicate::NotSystem,
            ]),
            Self::Sessions | Self::Conversations | Self::Recipients => Predicate::Always,
            Self::Replies => Predicate::Lasted(Wait::Reply),
            Self::FirstResponses => Predicate::Lasted(Wait::FirstResponse),
            Self::Resolutions => Predicate::Lasted(Wait::Resolution),
        }
    }

    /// The dimensions of which its rows can have a value.
    pub fn dimensions(self) -> Vec<Dimension> {
        Dimension::ALL.iter().copied().filter(|dimension| self.has(*dimension)).collect()
    }

    /// The dimensions by which its rows can be left out.
    pub fn filters(self) -> Vec<Dimension> {
        // Together with channels a filter on messengers means either, so it may stand there.
        let allows = |dimension: &Dimension| {
            self.has(*dimension) || (self == Self::Sends && *dimension == Dimension::Messenger)
        };
        Dimension::ALL.iter().copied().filter(allows).collect()
    }

    fn has(self, dimension: Dimension) -> bool {
        let of_recipients = matches!(dimension, Dimension::RecipientStatus | Dimension::SkipReason);
        match self {
            Self::Recipients => {
                of_recipients
                    || matches!(
                        dimension,
                        Dimension::Campaign | Dimension::HourOfDay | Dimension::DayOfWeek
                    )
            }
            _ if of_recipients => false,
            Self::Messages | Self::Replies | Self::FirstResponses => true,
            // Who closed wrote nothing.
            Self::Resolutions => {
                Self::Conversations.has(dimension) && dimension != Dimension::Author
            }
            // A messenger is that of a chat.
            Self::Sends => dimension != Dimension::Messenger,
            // What becomes of the message that they began with is no matter of theirs.
            Self::Sessions | Self::Conversations => !matches!(
                dimension,
                Dimension::Status
                    | Dimension::StatusGroup
                    | Dimension::FailureCode
                    | Dimension::FailureBucket
                    | Dimension::SessionRole
            ),
        }
    }
}

/// How long something lasted, as a fact keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Reply,
    FirstResponse,
    Resolution,
}

impl Wait {
    /// Microseconds; those within business hours, where `open`.
    pub fn micros(self, open: bool) -> &'static str {
        match (self, open) {
            (Self::Reply, false) => "m.reply_micros",
            (Self::Reply, true) => "m.reply_open_micros",
            (Self::FirstResponse, false) => "m.first_response_micros",
            (Self::FirstResponse, true) => "m.first_response_open_micros",
            (Self::Resolution, false) => "e.resolution_micros",
            (Self::Resolution, true) => "e.resolution_open_micros",
        }
    }

    /// The bin of the same.
    pub fn bin(self, open: bool) -> &'static str {
        match (self, open) {
            (Self::Reply, false) => "m.reply_bin",
            (Self::Reply, true) => "m.reply_open_bin",
            (Self::FirstResponse, false) => "m.first_response_bin",
            (Self::FirstResponse, true) => "m.first_response_open_bin",
            (Self::Resolution, false) => "e.resolution_bin",
            (Self::Resolution, true) => "e.resolution_open_bin",
        }
    }
}

/// A time of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the names of the columns")]
pub(super) enum Time {
    OccurredAt,
    SentAt,
    DeliveredAt,
    ReadAt,
    FailedAt,
    /// The start of a session.
    StartedAt,
    /// The beginning of a conversation.
    CreatedAt,
    /// The closing of a conversation.
    ClosedAt,
    /// The start of a campaign, at which its recipients were frozen.
    TargetedAt,
    /// Of a send, the first reply or opt-out that quotes it.
    QuotedAt(Response),
    /// Of a send, the first one of those that came next.
    NextAt(Response),
}

/// What contacts do upon a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Response {
    Reply,
    OptOut,
}

impl Response {
    pub fn quoted_at(self) -> &'static str {
        match self {
            Self::Reply => "m.quoted_reply_at",
            Self::OptOut => "m.quoted_opt_out_at",
        }
    }

    pub fn next_at(self) -> &'static str {
        match self {
            Self::Reply => "m.next_reply_at",
            Self::OptOut => "m.next_opt_out_at",
        }
    }
}

impl Time {
    pub fn column(self) -> &'static str {
        match self {
            Self::OccurredAt => "m.occurred_at",
            Self::SentAt => "m.sent_at",
            Self::DeliveredAt => "m.delivered_at",
            Self::ReadAt => "m.read_at",
            Self::FailedAt => "m.failed_at",
            Self::StartedAt => "s.started_at",
            Self::CreatedAt => "c.created_at",
            Self::ClosedAt => "e.occurred_at",
            Self::TargetedAt => "k.started_at",
            Self::QuotedAt(response) => response.quoted_at(),
            Self::NextAt(response) => response.next_at(),
        }
    }

    /// The table that has the column.
    pub fn table(self) -> &'static str {
        match self {
            Self::OccurredAt
            | Self::SentAt
            | Self::DeliveredAt
            | Self::ReadAt
            | Self::FailedAt
            | Self::QuotedAt(_)
            | Self::NextAt(_) => "message m",
            Self::StartedAt => "session s",
            Self::CreatedAt => "conversation c",
            Self::ClosedAt => "conversation_event e",
            Self::TargetedAt => {
                "campaign k JOIN recipient r ON r.account_id = k.account_id AND r.campaign_id = k.id"
            }
        }
    }

    /// The way from there to the message: the alias of each table on it, and its join.
    pub fn way(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::StartedAt => &[(
                "m",
                " JOIN message m ON m.account_id = s.account_id AND m.id = s.first_message_id",
            )],
            Self::CreatedAt => &[(
                "m",
                " JOIN message m ON m.account_id = c.account_id AND m.id = c.first_message_id",
            )],
            Self::ClosedAt => &[
                (
                    "c",
                    " JOIN conversation c ON c.account_id = e.account_id AND c.id = e.conversation_id",
                ),
                (
                    "m",
                    " JOIN message m ON m.account_id = c.account_id AND m.id = c.first_message_id",
                ),
            ],
            _ => &[],
        }
    }

    /// What stands nearer than in the message as well.
    pub fn nearer(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::StartedAt => &[
                ("m.account_id", "s.account_id"),
                ("m.contact_id", "s.contact_id"),
                ("m.conversation_id", "s.conversation_id"),
                ("m.inbox_id", "s.inbox_id"),
            ],
            Self::CreatedAt => &[
                ("m.account_id", "c.account_id"),
                ("m.contact_id", "c.contact_id"),
                ("m.conversation_id", "c.id"),
                ("m.inbox_id", "c.inbox_id"),
            ],
            Self::ClosedAt => &[
                ("m.account_id", "e.account_id"),
                ("m.contact_id", "c.contact_id"),
                ("m.conversation_id", "e.conversation_id"),
                ("m.inbox_id", "c.inbox_id"),
            ],
            _ => &[],
        }
    }

    /// The account of the row that has the column.
    pub fn account(self) -> &'static str {
        match self {
            Self::ClosedAt => "e.account_id",
            Self::TargetedAt => "k.account_id",
            Self::CreatedAt => "c.account_id",
            Self::StartedAt => "s.account_id",
            _ => "m.account_id",
        }
    }

    /// What need not be looked up, since the table brings it along.
    pub fn joined(self) -> Option<Join> {
        match self {
            Self::StartedAt => Some(Join::Session),
            Self::CreatedAt | Self::ClosedAt => Some(Join::Conversation),
            _ => None,
        }
    }
}
