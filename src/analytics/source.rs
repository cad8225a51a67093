//! Where facts come from: which rows a source has, from which tables they are read, and by
//! which times they can be counted.

use super::dimension::{Dimension, Join};
use super::predicate::Predicate;
use entity::kinds::Direction;
use entity::vocabulary::Vocabulary;

/// Rows of fact. Each is about one message, alias `m`: itself, or the first of a session or
/// of a conversation.
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
}

impl Source {
    pub fn rows(self) -> Predicate {
        match self {
            Self::Messages => Predicate::NotSystem,
            Self::Sends => Predicate::All(&[
                Predicate::Mailing,
                Predicate::Goes(Direction::Outbound),
                Predicate::Private(false),
                Predicate::NotSystem,
            ]),
            Self::Sessions | Self::Conversations => Predicate::Always,
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
        match self {
            Self::Messages => true,
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
        }
    }

    /// The table that has the column, and what else is needed to reach the message.
    pub fn table(self) -> &'static str {
        match self {
            Self::OccurredAt | Self::SentAt | Self::DeliveredAt | Self::ReadAt | Self::FailedAt => {
                "message m"
            }
            Self::StartedAt => {
                "session s JOIN message m ON m.account_id = s.account_id AND m.id = s.first_message_id"
            }
            Self::CreatedAt => {
                "conversation c JOIN message m ON m.account_id = c.account_id AND m.id = c.first_message_id"
            }
        }
    }

    /// The account of the row that has the column.
    pub fn account(self) -> &'static str {
        match self.joined() {
            Some(Join::Session) => "s.account_id",
            Some(Join::Conversation) => "c.account_id",
            _ => "m.account_id",
        }
    }

    /// What need not be looked up, since the table brings it along.
    pub fn joined(self) -> Option<Join> {
        match self {
            Self::OccurredAt | Self::SentAt | Self::DeliveredAt | Self::ReadAt | Self::FailedAt => {
                None
            }
            Self::StartedAt => Some(Join::Session),
            Self::CreatedAt => Some(Join::Conversation),
        }
    }
}
