//! The lists of messages: their filter and their order.

use async_graphql::{Enum, ID, InputObject};
use entity::id::ConversationId;
use entity::kinds::{AuthorKind, Direction, FailureBucket, Medium, MessageStatus};
use entity::message::Column;

use super::Message;
use crate::domain::page;
use crate::domain::read::message::{self as rules, MessageFilter};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant, only};
use crate::graphql::id::NodeKind;
use crate::graphql::loader::Reader;
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

/// Which messages to list.
#[derive(Default, InputObject)]
#[graphql(name = "MessageFilter")]
pub struct Filter {
    /// On one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// From or to one of these contacts.
    pub contact_ids: Option<Vec<ID>>,
    /// In one of these conversations.
    pub conversation_ids: Option<Vec<ID>>,
    /// In one of these sessions.
    pub session_ids: Option<Vec<ID>>,
    /// Made from one of these templates.
    pub template_ids: Option<Vec<ID>>,
    /// That went one of these ways.
    pub directions: Option<Vec<Name<Direction>>>,
    /// Of mailings, or of chats.
    pub mediums: Option<Vec<Name<Medium>>>,
    /// With one of these statuses; leaves out inbound messages and notes, which have none.
    pub statuses: Option<Vec<Name<MessageStatus>>>,
    /// Failed for one of these reasons.
    pub failure_buckets: Option<Vec<Name<FailureBucket>>>,
    /// Written by one of these kinds of authors.
    pub author_kinds: Option<Vec<Name<AuthorKind>>>,
    /// Written by one of these users.
    pub author_user_ids: Option<Vec<ID>>,
    /// Written by one of these bots.
    pub author_bot_ids: Option<Vec<ID>>,
    /// Whether they are notes that the contact never sees.
    pub private: Option<bool>,
    /// At this instant or later.
    pub from: Option<DateTime>,
    /// Before this instant.
    pub to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> Result<MessageFilter> {
        let mut reading = Reading::new();
        let filter = MessageFilter {
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            contact_ids: reading.ids("contactIds", self.contact_ids, NodeKind::Contact),
            conversation_ids: reading.ids(
                "conversationIds",
                self.conversation_ids,
                NodeKind::Conversation,
            ),
            session_ids: reading.ids("sessionIds", self.session_ids, NodeKind::Session),
            template_ids: reading.ids("templateIds", self.template_ids, NodeKind::Template),
            directions: reading.names("directions", self.directions),
            mediums: reading.names("mediums", self.mediums),
            statuses: reading.names("statuses", self.statuses),
            failure_buckets: reading.names("failureBuckets", self.failure_buckets),
            author_kinds: reading.names("authorKinds", self.author_kinds),
            author_user_ids: reading.ids("authorUserIds", self.author_user_ids, NodeKind::User),
            author_bot_ids: reading.ids("authorBotIds", self.author_bot_ids, NodeKind::Bot),
            private: self.private,
            from: instant(self.from),
            to: instant(self.to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what messages are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "MessageOrderField")]
pub enum OrderField {
    /// The time of the message.
    OccurredAt,
    /// When it was recorded here.
    CreatedAt,
}

/// How messages are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "MessageOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const LATEST: Self = Self { field: OrderField::OccurredAt, direction: OrderDirection::Desc };
    const SPOKEN: Self = Self { field: OrderField::OccurredAt, direction: OrderDirection::Asc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::OccurredAt => rules::by_time(),
            OrderField::CreatedAt => rules::by_recording(),
        })
    }
}

/// The messages of an account, the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Message>> {
    let filter = filter.unwrap_or_default().read()?;
    page(reader, &filter, order.unwrap_or(Order::LATEST), args).await
}

/// The messages of a conversation, as they were said if nothing else is said.
pub async fn list_of(
    reader: &Reader,
    conversation_id: ConversationId,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Message>> {
    let mut filter = filter.unwrap_or_default().read()?;
    only(&mut filter.conversation_ids, conversation_id);
    page(reader, &filter, order.unwrap_or(Order::SPOKEN), args).await
}

async fn page(
    reader: &Reader,
    filter: &MessageFilter,
    order: Order,
    args: PageArgs,
) -> Result<Connection<Message>> {
    let select = rules::select(reader.scope(), filter)?;
    connect(reader, select, order.columns(), filter, args, Message::new).await
}
