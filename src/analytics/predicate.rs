//! Named tests of a row of `message`, alias `m`. Numbers of statuses and kinds come from
//! the vocabularies, never typed by hand.

use entity::kinds::{AuthorKind, Direction, Medium, MessageStatus, UserType};
use sea_orm::ActiveEnum;

use super::status_group::{self, StatusGroup};

#[derive(Clone, Copy, Debug)]
pub(super) enum Predicate {
    Always,
    /// Whether it is a note that the contact never sees.
    Private(bool),
    /// It is no system entry.
    NotSystem,
    Mailing,
    Goes(Direction),
    /// It was ever accepted by a provider.
    Accepted,
    Is(MessageStatus),
    In(&'static [StatusGroup]),
    /// Its inbox reports reads.
    ReportsReads,
    /// The session in which it stands is the contact's first, or is not. Where the session
    /// has been joined.
    InSessionOf(UserType),
    All(&'static [Predicate]),
    Any(&'static [Predicate]),
}

impl Predicate {
    /// SQL that may stand beside `AND` and `OR` as it is.
    pub fn sql(self) -> String {
        match self {
            Self::Always => "TRUE".to_owned(),
            Self::Private(true) => "m.private".to_owned(),
            Self::Private(false) => "NOT m.private".to_owned(),
            Self::NotSystem => {
                format!("m.author_kind IS DISTINCT FROM {}", AuthorKind::System.to_value())
            }
            Self::Mailing => format!("m.medium = {}", Medium::Mailing.to_value()),
            Self::Goes(direction) => format!("m.direction = {}", direction.to_value()),
            Self::Accepted => "m.sent_at IS NOT NULL".to_owned(),
            Self::Is(status) => format!("m.status = {}", status.to_value()),
            Self::In(groups) => status_group::condition(groups),
            Self::ReportsReads => "m.gives_reads".to_owned(),
            Self::InSessionOf(user_type) => format!("s.user_type = {}", user_type.to_value()),
            Self::All(parts) => joined(parts, " AND "),
            Self::Any(parts) => joined(parts, " OR "),
        }
    }
}

fn joined(parts: &[Predicate], word: &str) -> String {
    let parts: Vec<String> = parts.iter().map(|part| part.sql()).collect();
    format!("({})", parts.join(word))
}
