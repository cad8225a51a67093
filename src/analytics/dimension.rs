//! The groupings. Each is one record: the SQL of its key, the table it needs beside the
//! message, and what kind of key it is. Filters use the same records, so that a filter on
//! a dimension keeps exactly the groups it names.

use entity::id::Uuid;
use entity::kinds::{
    AuthorKind, Direction, FailureBucket, Medium, MessageStatus, Platform, SessionOrigin,
    SessionRole, SkipReason, UserType,
};
use entity::vocabulary;
use entity::vocabulary::Vocabulary;
use sea_orm::{ActiveEnum, QueryResult, Value};

use super::key::{Key, Table};
use super::recipient_status::{self, RecipientStatus};
use super::source::Time;
use super::status_group::{self, StatusGroup};
use crate::error::{Error, Result};

vocabulary! {
    /// What a report can be broken down by. Each fact has exactly one key of each dimension, null where there is none; of TEAM and LABEL it can have several and is then counted under each, so that the groups of these may add up to more than the totals.
    pub enum Dimension {
        /// The inbox.
        Inbox => "INBOX",
        /// The inbox's platform.
        Platform => "PLATFORM",
        /// The platform of a mailing; none for chats.
        Channel => "CHANNEL",
        /// The platform of a chat; none for mailings.
        Messenger => "MESSENGER",
        /// Mailing or chat.
        Medium => "MEDIUM",
        /// The status; none for inbound messages and notes.
        Status => "STATUS",
        /// The status as people tell it apart; none for inbound messages and notes.
        StatusGroup => "STATUS_GROUP",
        /// Inbound or outbound.
        Direction => "DIRECTION",
        /// The conversation's bot at the time of the message, or of the closing.
        Bot => "BOT",
        /// The conversation's assignee at the time of the message, or of the closing.
        Assignee => "ASSIGNEE",
        /// The teams of the conversation's assignee, as they are now.
        Team => "TEAM",
        /// The labels of the conversation, as they are now.
        Label => "LABEL",
        /// Who wrote: the user or bot where it is known, else the kind of author; none for inbound messages.
        Author => "AUTHOR",
        /// The template that was sent.
        Template => "TEMPLATE",
        /// The inbox's sending number or address.
        Line => "LINE",
        /// The inbox's portfolio at the time of the message, or of the closing.
        Portfolio => "PORTFOLIO",
        /// Who supplies the inbox's line.
        Vendor => "VENDOR",
        /// Whether the inbox's line is approved by the platform's owner.
        Official => "OFFICIAL",
        /// The campaign.
        Campaign => "CAMPAIGN",
        /// What became of the campaign for the recipient.
        RecipientStatus => "RECIPIENT_STATUS",
        /// Why nothing was sent to the recipient; none where something was, or is to be.
        SkipReason => "SKIP_REASON",
        /// The provider's code of the failure.
        FailureCode => "FAILURE_CODE",
        /// The reason of the failure, in the same words for every provider.
        FailureBucket => "FAILURE_BUCKET",
        /// Where the conversation's visitor came from.
        TrafficSource => "TRAFFIC_SOURCE",
        /// What the session that the message stands in began with, or would have begun with, had it not failed; none where it stands in none.
        SessionOrigin => "SESSION_ORIGIN",
        /// Whether the session that the message stands in is the contact's first, or would have been, had it not failed; none where it stands in none.
        UserType => "USER_TYPE",
        /// What an outbound message has to do with the beginning of a session: that it began with it, or would have, had the message not failed; none for all others.
        SessionRole => "SESSION_ROLE",
        /// The hour of the day in the report's zone, 0 to 23.
        HourOfDay => "HOUR_OF_DAY",
        /// The day of the week in the report's zone, 1 (Monday) to 7.
        DayOfWeek => "DAY_OF_WEEK",
    }
}

const DAY: i64 = 24 * HOUR;
const HOUR: i64 = 3_600_000_000;

/// A table that is looked up for each message, unless the time brings it along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Join {
    Inbox,
    Conversation,
    Session,
    Team,
    Label,
}

impl Join {
    /// For facts counted under `time`.
    pub fn sql(self, time: Time) -> String {
        let (table, on) = match self {
            Self::Inbox => ("JOIN inbox i", "i.account_id = m.account_id AND i.id = m.inbox_id"),
            Self::Conversation => {
                ("JOIN conversation c", "c.account_id = m.account_id AND c.id = m.conversation_id")
            }
            Self::Session => {
                ("LEFT JOIN session s", "s.account_id = m.account_id AND s.id = m.session_id")
            }
            Self::Team => return format!(" LEFT JOIN {}", team(time)),
            Self::Label => return format!(" LEFT JOIN {LABEL}"),
        };
        format!(" {table} ON {on}")
    }
}

const LABEL: &str = "conversation_label l \
                     ON l.account_id = m.account_id AND l.conversation_id = m.conversation_id";

fn team(time: Time) -> String {
    let assignee = frozen(time, "assignee_id");
    format!("team_member t ON t.account_id = m.account_id AND t.user_id = {assignee}")
}

/// A column that facts freeze: a message, or a closing.
fn frozen(time: Time, column: &str) -> String {
    match time {
        Time::ClosedAt if column == "portfolio" => "e.portfolio".to_owned(),
        Time::ClosedAt => format!("e.conversation_{column}"),
        _ => format!("m.{column}"),
    }
}

/// How a dimension is read from a row.
pub(super) struct Grouping {
    pub expression: String,
    pub join: Option<Join>,
    key: KeyType,
}

#[derive(Clone, Copy)]
enum KeyType {
    /// The id of a row of the table.
    Id(Table),
    /// A number, and the name that a vocabulary gives it.
    Name(fn(i64) -> Option<&'static str>),
    Text,
    Number,
    Flag,
    /// The number of an [`AuthorKind`], with the id of the user or bot in a second column.
    Author,
}

impl Dimension {
    /// The record, for facts counted under `time`.
    pub(super) fn grouping(self, time: Time) -> Grouping {
        use Join::{Conversation, Inbox, Session};
        let of_message = |key, expression: &str| (key, expression.to_owned(), None);
        let of = |join, key, expression: &str| (key, expression.to_owned(), Some(join));
        let (key, expression, join) = match self {
            Self::Inbox => of_message(KeyType::Id(Table::Inbox), "m.inbox_id"),
            Self::Platform => of(Inbox, named::<Platform>(), "i.platform"),
            Self::Channel => of(Inbox, named::<Platform>(), &platform_where(Medium::Mailing)),
            Self::Messenger => of(Inbox, named::<Platform>(), &platform_where(Medium::Chat)),
            Self::Medium => of_message(named::<Medium>(), "m.medium"),
            Self::Status => of_message(named::<MessageStatus>(), "m.status"),
            Self::StatusGroup => of_message(named::<StatusGroup>(), &status_group::expression()),
            Self::Direction => of_message(named::<Direction>(), "m.direction"),
            Self::Bot => of_message(KeyType::Id(Table::Bot), &frozen(time, "bot_id")),
            Self::Assignee => of_message(KeyType::Id(Table::User), &frozen(time, "assignee_id")),
            Self::Team => of(Join::Team, KeyType::Id(Table::Team), "t.team_id"),
            Self::Label => of(Join::Label, KeyType::Id(Table::Label), "l.label_id"),
            Self::Author => of_message(KeyType::Author, "m.author_kind"),
            Self::Template => of_message(KeyType::Id(Table::Template), "m.template_id"),
            Self::Line => of(Inbox, KeyType::Text, "i.line"),
            Self::Portfolio => of_message(KeyType::Text, &frozen(time, "portfolio")),
            Self::Vendor => of(Inbox, KeyType::Text, "i.vendor"),
            Self::Official => of(Inbox, KeyType::Flag, "i.official"),
            Self::Campaign => {
                let column = if time == Time::TargetedAt { "k.id" } else { "m.campaign_id" };
                of_message(KeyType::Id(Table::Campaign), column)
            }
            Self::RecipientStatus => {
                of_message(named::<RecipientStatus>(), &recipient_status::expression())
            }
            Self::SkipReason => of_message(named::<SkipReason>(), "r.skip_reason"),
            Self::FailureCode => of_message(KeyType::Text, "m.failure_code"),
            Self::FailureBucket => of_message(named::<FailureBucket>(), "m.failure_bucket"),
            Self::TrafficSource => of(Conversation, KeyType::Text, "c.traffic_source"),
            Self::SessionOrigin => {
                of(Session, named::<SessionOrigin>(), &or_would_be(time, "m.origin", "s.origin"))
            }
            Self::UserType => {
                let user_type = or_would_be(time, &would_be_user_type(), "s.user_type");
                of(Session, named::<UserType>(), &user_type)
            }
            Self::SessionRole => of_message(named::<SessionRole>(), "m.session_role"),
            // `seg.o` makes local microseconds since a Monday, year 1, so that no number here
            // is negative and the remainder is the same on both databases.
            Self::HourOfDay => {
                let local = format!("({} + seg.o) / {HOUR} % 24", time.column());
                of_message(KeyType::Number, &local)
            }
            Self::DayOfWeek => {
                let local = format!("({} + seg.o) / {DAY} % 7 + 1", time.column());
                of_message(KeyType::Number, &local)
            }
        };
        Grouping { expression, join, key }
    }
}

impl Dimension {
    /// Whether a fact can have several keys.
    pub(super) fn is_multiple(self) -> bool {
        self.membership(Time::OccurredAt).is_some()
    }

    /// For dimensions of which a fact can have several keys: the rows that hold them, and the key.
    pub(super) fn membership(self, time: Time) -> Option<(String, &'static str)> {
        match self {
            Self::Team => Some((team(time).replacen(" ON ", " WHERE ", 1), "t.team_id")),
            Self::Label => Some((LABEL.replacen(" ON ", " WHERE ", 1), "l.label_id")),
            _ => None,
        }
    }
}

impl Grouping {
    /// The columns that make the key, each of a type that both databases give alike.
    pub fn columns(&self) -> Vec<String> {
        let expression = &self.expression;
        match self.key {
            KeyType::Id(_) | KeyType::Text => vec![expression.clone()],
            KeyType::Name(_) | KeyType::Number => vec![number(expression)],
            KeyType::Flag => {
                vec![number(&format!(
                    "CASE WHEN {expression} THEN 1 WHEN NOT {expression} THEN 0 END"
                ))]
            }
            KeyType::Author => {
                let (user, bot) = (AuthorKind::User.to_value(), AuthorKind::Bot.to_value());
                let arms =
                    format!("WHEN {user} THEN m.author_user_id WHEN {bot} THEN m.author_bot_id");
                let who = format!("CASE {expression} {arms} END");
                vec![number(expression), who]
            }
        }
    }

    /// What the columns hold where the key is this one; no value stands for null. A key that none
    /// of its rows can have is held by none.
    pub fn conditions(&self, key: &Key) -> Vec<(String, Option<Value>)> {
        let mut columns = self.columns().into_iter();
        let first = columns.next().unwrap_or_default();
        let second = columns.next();
        let number_of = |named: fn(i64) -> Option<&'static str>, name: &str| {
            (0..i64::from(i8::MAX)).find(|number| named(*number) == Some(name))
        };
        let value = match (key, self.key) {
            (Key::Null | Key::Other, _) => return vec![(first, None)],
            (Key::Id(table, id), KeyType::Author) => {
                let kind = if *table == Table::User { AuthorKind::User } else { AuthorKind::Bot };
                let who = second.map(|who| (who, Some(Value::from(*id))));
                let kind = (first, Some(Value::from(i64::from(kind.to_value()))));
                return [kind].into_iter().chain(who).collect();
            }
            (Key::Name(name), KeyType::Author) => {
                let kind = number_of(name_of::<AuthorKind>, name).unwrap_or(-1);
                let nobody = second.map(|who| (who, None));
                return [(first, Some(Value::from(kind)))].into_iter().chain(nobody).collect();
            }
            (Key::Name(name), KeyType::Name(named)) => {
                Value::from(number_of(named, name).unwrap_or(-1))
            }
            (Key::Id(_, id), _) => Value::from(*id),
            (Key::Text(text), _) => Value::from(text.clone()),
            (Key::Number(number), _) => Value::from(*number),
            (Key::Flag(flag), _) => Value::from(i64::from(*flag)),
            (Key::Name(_), _) => Value::from(-1_i64),
        };
        vec![(first, Some(value))]
    }

    /// The key in `row`, whose columns stand `at` and after; `at` moves behind them.
    pub fn read(&self, row: &QueryResult, at: &mut usize) -> Result<Key> {
        let first = *at;
        *at += if matches!(self.key, KeyType::Author) { 2 } else { 1 };
        let number = || row.try_get_by_index::<Option<i64>>(first);
        Ok(match self.key {
            KeyType::Id(table) => id(row, first)?.map_or(Key::Null, |id| Key::Id(table, id)),
            KeyType::Text => {
                row.try_get_by_index::<Option<String>>(first)?.map_or(Key::Null, Key::Text)
            }
            KeyType::Number => number()?.map_or(Key::Null, Key::Number),
            KeyType::Flag => number()?.map_or(Key::Null, |flag| Key::Flag(flag != 0)),
            KeyType::Name(name) => key_of_name(number()?, name)?,
            KeyType::Author => match (number()?, id(row, first + 1)?) {
                (Some(kind), Some(id)) if kind == i64::from(AuthorKind::User.to_value()) => {
                    Key::Id(Table::User, id)
                }
                (Some(_), Some(id)) => Key::Id(Table::Bot, id),
                (kind, _) => key_of_name(kind, name_of::<AuthorKind>)?,
            },
        })
    }
}

/// The first for a message with which a session would have begun.
fn or_would_be(time: Time, would_be: &str, own: &str) -> String {
    if time == Time::StartedAt {
        return own.to_owned();
    }
    let role = SessionRole::WouldBeStarter.to_value();
    format!("CASE WHEN m.session_role = {role} THEN {would_be} ELSE {own} END")
}

/// By the sessions before it, on any inbox.
fn would_be_user_type() -> String {
    let (new, returning) = (UserType::New.to_value(), UserType::Returning.to_value());
    format!(
        "CASE WHEN EXISTS (SELECT 1 FROM session p WHERE p.account_id = m.account_id \
         AND p.contact_id = m.contact_id AND p.started_at < m.occurred_at) \
         THEN {returning} ELSE {new} END"
    )
}

fn platform_where(medium: Medium) -> String {
    format!("CASE WHEN m.medium = {} THEN i.platform END", medium.to_value())
}

/// Vocabularies are small integers, constants in a `CASE` are integers: a `BIGINT` is always one.
fn number(expression: &str) -> String {
    format!("CAST({expression} AS BIGINT)")
}

fn named<T: Vocabulary + ActiveEnum<Value = i16>>() -> KeyType {
    KeyType::Name(name_of::<T>)
}

fn name_of<T: Vocabulary + ActiveEnum<Value = i16>>(number: i64) -> Option<&'static str> {
    T::ALL
        .iter()
        .find(|member| i64::from(member.to_value()) == number)
        .map(|member| Vocabulary::name(*member))
}

fn key_of_name(number: Option<i64>, name: fn(i64) -> Option<&'static str>) -> Result<Key> {
    let Some(number) = number else { return Ok(Key::Null) };
    let name =
        name(number).ok_or_else(|| Error::bug(format!("no name for the number {number}")))?;
    Ok(Key::Name(name))
}

fn id(row: &QueryResult, at: usize) -> Result<Option<Uuid>> {
    Ok(row.try_get_by_index(at)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_find_their_names() {
        assert_eq!(name_of::<Platform>(6), Some("WHATSAPP"));
        assert_eq!(name_of::<Platform>(0), None);
        assert_eq!(name_of::<StatusGroup>(4), Some("NOT_DELIVERED"));
    }
}
