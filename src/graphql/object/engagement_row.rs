//! Conversations that the business began, as rows: what it said first, and what came of it.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::conversation::{Column, Model};
use entity::id::ConversationId;
use entity::kinds::MessageStatus;
use entity::message;

use super::contact::IdentitiesOf;
use super::{Contact, Conversation, Inbox, Message, Template};
use crate::analytics::{self, StatusGroup, TableInput};
use crate::auth::AccountScope;
use crate::domain::contact as contacts;
use crate::domain::read::conversation as conversations;
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader};
use crate::graphql::scalar::{Count, DateTime};

pub struct EngagementRow {
    reader: Reader,
    model: Model,
}

impl EngagementRow {
    async fn first(&self) -> Result<message::Model> {
        self.reader.get(self.model.first_message_id).await
    }

    async fn is(&self, statuses: &[MessageStatus]) -> Result<bool> {
        Ok(self.first().await?.status.is_some_and(|status| statuses.contains(&status)))
    }
}

/// A conversation that the business began. While sending its first message is undecided, it is
/// neither sent nor failed.
#[Object]
impl EngagementRow {
    /// The id of the conversation.
    async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Conversation, self.model.account_id, self.model.id).into()
    }

    /// The conversation.
    async fn conversation(&self) -> Conversation {
        Conversation::new(self.reader.clone(), self.model.clone())
    }

    /// The inbox, with its vendor and whether it is official.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The contact.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// The message with which it began.
    async fn first_message(&self) -> Result<Message> {
        self.reader.object(self.model.first_message_id, Message::new).await
    }

    /// When that was to go out.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// The template from which it was made.
    async fn template(&self) -> Option<Result<Template>> {
        let first = match self.first().await {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        self.reader.optional(first.template_id, Template::new).await
    }

    /// The portfolio of the inbox at that time.
    async fn portfolio(&self) -> Option<Result<String>> {
        self.first().await.map(|first| first.portfolio).transpose()
    }

    /// The address to which it went; none for callers who may not see personal data.
    async fn destination(&self) -> Option<Result<String>> {
        if !self.reader.scope().sees_personal_data() {
            return None;
        }
        let identities = self.reader.find(IdentitiesOf(self.model.contact_id)).await.transpose()?;
        let own = |identities: Vec<entity::contact_identity::Model>| {
            let mut own =
                identities.into_iter().filter(|each| each.inbox_id == self.model.inbox_id);
            own.next().map(|identity| identity.source_id)
        };
        identities.map(own).transpose()
    }

    /// How many messages the conversation has, both ways.
    async fn message_count(&self) -> Result<Count> {
        let count = self.reader.find(MessagesIn(self.model.id)).await?;
        Ok(Count(count.unwrap_or(0).unsigned_abs()))
    }

    /// Whether it went out.
    async fn sent(&self) -> Result<bool> {
        self.is(&[MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read]).await
    }

    /// Whether it arrived.
    async fn delivered(&self) -> Result<bool> {
        let first = self.first().await?;
        let group = first.status.map(|status| StatusGroup::of(status, first.gives_receipts));
        Ok(group == Some(StatusGroup::Delivered))
    }

    /// Whether the contact read it.
    async fn read(&self) -> Result<bool> {
        self.is(&[MessageStatus::Read]).await
    }

    /// Whether it failed.
    async fn failed(&self) -> Result<bool> {
        self.is(&[MessageStatus::Failed, MessageStatus::Undelivered]).await
    }

    /// Whether the contact wrote after it.
    async fn answered(&self) -> bool {
        self.model.has_client_messages
    }
}

/// By what conversations that the business began are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "EngagementRowOrderField")]
pub enum OrderField {
    /// When the first message was to go out.
    RequestedAt,
}

/// How conversations that the business began are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "EngagementRowOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// The conversations begun by the business that the input means, with contacts that are called
/// like `search`; the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    input: TableInput,
    search: Option<String>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<EngagementRow>> {
    let scope = reader.scope();
    let select = analytics::engagements(scope, &input).await?;
    let select = contacts::narrow(scope, select, Column::ContactId, search.as_deref())?;
    let order = order.map_or(
        OrderDirection::Desc.apply(conversations::by_creation()),
        |Order { field, direction }| match field {
            OrderField::RequestedAt => direction.apply(conversations::by_creation()),
        },
    );
    let list = format!("{:?}", (input, search));
    let new = |reader, model| EngagementRow { reader, model };
    connect(reader, select, order, &list, args, new).await
}

/// How many messages a conversation has.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct MessagesIn(ConversationId);

impl Key for MessagesIn {
    type Row = i64;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, i64>> {
        let ids: Vec<ConversationId> = keys.iter().map(|key| key.0).collect();
        let counts = analytics::messages_in(scope, &ids).await?.into_iter();
        Ok(counts.map(|(id, count)| (Self(id), count)).collect())
    }
}
