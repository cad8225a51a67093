//! Named tests of a row of `message`, alias `m`. Numbers of statuses and kinds come from
//! the vocabularies, never typed by hand.

use entity::Timestamp;
use entity::kinds::{
    AuthorKind, Direction, Medium, MessageStatus, OpenedBy, SessionRole, UserType,
};
use sea_orm::ActiveEnum;

use super::recipient_status::{self, RecipientStatus};
use super::source::{Response, Wait};
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
    Plays(SessionRole),
    /// Its conversation was begun by these. Where that has been joined.
    OpenedBy(OpenedBy),
    /// It ended something that lasted. Where what has the length is there.
    Lasted(Wait),
    /// A reply, or an opt-out, belongs to it.
    Has(Response),
    /// One that quotes it came before any that came next within the window.
    QuotedFirst(Response),
    /// One that came next within the window came before any that quotes it.
    NextFirst(Response),
    /// The status of a recipient, alias `r`.
    OfRecipients(RecipientStatus),
    /// One of the messages to a recipient, alias `r`, passes.
    Attempted(&'static Predicate),
    All(&'static [Predicate]),
    Any(&'static [Predicate]),
}

impl Predicate {
    /// SQL that may stand beside `AND` and `OR` as it is. What comes next belongs to a send if
    /// it comes within so many seconds.
    pub fn sql(self, reply_window: i64) -> String {
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
            Self::OpenedBy(who) => format!("c.opened_by = {}", who.to_value()),
            Self::Plays(role) => format!("m.session_role = {}", role.to_value()),
            Self::Lasted(wait) => format!("{} IS NOT NULL", wait.micros(false)),
            Self::Has(response) => {
                let (quoted, next) = (response.quoted_at(), next_within(response, reply_window));
                format!("({quoted} IS NOT NULL OR {next})")
            }
            Self::QuotedFirst(response) => {
                let (quoted, next) = (response.quoted_at(), next_within(response, reply_window));
                let next_at = response.next_at();
                format!(
                    "{quoted} IS NOT NULL AND NOT ({next_at} IS NOT NULL AND {next} AND {next_at} < {quoted})"
                )
            }
            Self::NextFirst(response) => {
                let (quoted, next) = (response.quoted_at(), next_within(response, reply_window));
                format!("{next} AND ({quoted} IS NULL OR {} < {quoted})", response.next_at())
            }
            Self::OfRecipients(status) => {
                format!("{} = {}", recipient_status::expression(), status.to_value())
            }
            Self::Attempted(one) => recipient_status::attempted(&one.sql(reply_window)),
            Self::All(parts) => joined(parts, " AND ", reply_window),
            Self::Any(parts) => joined(parts, " OR ", reply_window),
        }
    }
}

/// By whole seconds, the last one included.
fn next_within(response: Response, reply_window: i64) -> String {
    let second = Timestamp::SECOND;
    let after = reply_window.saturating_add(1);
    format!("{} < (m.occurred_at / {second} + {after}) * {second}", response.next_at())
}

fn joined(parts: &[Predicate], word: &str, reply_window: i64) -> String {
    let parts: Vec<String> = parts.iter().map(|part| part.sql(reply_window)).collect();
    format!("({})", parts.join(word))
}
