//! Where facts come from: which rows a source has, and by which times they can be counted.

use super::dimension::Dimension;
use super::predicate::Predicate;
use entity::kinds::Direction;
use entity::vocabulary::Vocabulary;

/// Rows of fact. Both are rows of the table `message`, alias `m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Messages and notes, without system entries.
    Messages,
    /// Outbound messages of mailings.
    Sends,
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
        }
    }

    /// The dimensions of which its rows can have a value.
    pub fn dimensions(self) -> Vec<Dimension> {
        let allows = |dimension: &Dimension| match self {
            Self::Messages => true,
            // A messenger is that of a chat.
            Self::Sends => *dimension != Dimension::Messenger,
        };
        Dimension::ALL.iter().copied().filter(allows).collect()
    }
}

/// A time of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the names of the columns")]
pub(super) enum Time {
    OccurredAt,
    SentAt,
    DeliveredAt,
    ReadAt,
    FailedAt,
}

impl Time {
    pub fn column(self) -> &'static str {
        match self {
            Self::OccurredAt => "m.occurred_at",
            Self::SentAt => "m.sent_at",
            Self::DeliveredAt => "m.delivered_at",
            Self::ReadAt => "m.read_at",
            Self::FailedAt => "m.failed_at",
        }
    }
}
