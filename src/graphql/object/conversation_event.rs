//! What happened to conversations.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::conversation_event::{Column, Model};
use entity::id::{ConversationEventId, ConversationId};
use entity::kinds::{ConversationActor, ConversationEventKind};

use super::{Bot, Conversation, Label, User};
use crate::auth::AccountScope;
use crate::domain::page;
use crate::domain::read::conversation::{self as rules, ConversationEventFilter};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct ConversationEvent {
    reader: Reader,
    model: Model,
}

impl ConversationEvent {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// Something that happened to a conversation. Such entries are never changed.
#[Object]
impl ConversationEvent {
    /// The event's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::ConversationEvent, self.model.account_id, self.model.id).into()
    }

    /// The conversation.
    async fn conversation(&self) -> Result<Conversation> {
        self.reader.object(self.model.conversation_id, Conversation::new).await
    }

    /// What happened.
    async fn kind(&self) -> Name<ConversationEventKind> {
        Name(self.model.kind)
    }

    /// By whom or what.
    async fn by(&self) -> Name<ConversationActor> {
        Name(self.model.actor)
    }

    /// The user who did it, where one did.
    async fn by_user(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.actor_user_id, User::of).await
    }

    /// To whom it was assigned; none for other events, and where it was taken from everybody.
    async fn user(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.user_id, User::of).await
    }

    /// The bot concerned.
    async fn bot(&self) -> Option<Result<Bot>> {
        self.reader.optional(self.model.bot_id, Bot::new).await
    }

    /// The label that was put on or taken off.
    async fn label(&self) -> Option<Result<Label>> {
        self.reader.optional(self.model.label_id, Label::new).await
    }

    /// When it happened.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.model.occurred_at)
    }

    /// When it was recorded here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// Of a closing that was a resolution, for how many seconds the conversation had been open.
    async fn resolution_seconds(&self) -> Option<f64> {
        self.model.resolution_micros.map(super::message::seconds)
    }
}

/// Which events of a conversation to list.
#[derive(Default, InputObject)]
#[graphql(name = "ConversationEventFilter")]
pub struct Filter {
    /// Of one of these kinds.
    pub kinds: Option<Vec<Name<ConversationEventKind>>>,
}

/// By what events are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ConversationEventOrderField")]
pub enum OrderField {
    /// When it happened.
    OccurredAt,
}

/// How events are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "ConversationEventOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::OccurredAt, direction: OrderDirection::Asc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::OccurredAt => rules::events_by_time(),
        })
    }
}

/// The events of a conversation, in the order of their time if nothing else is said.
pub async fn list_of(
    reader: &Reader,
    conversation_id: ConversationId,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<ConversationEvent>> {
    let mut reading = Reading::new();
    let filter = ConversationEventFilter {
        conversation_ids: Some(vec![conversation_id]),
        kinds: reading.names("kinds", filter.unwrap_or_default().kinds),
    };
    reading.finish()?;
    let select = rules::select_events(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, ConversationEvent::new).await
}

impl Key for ConversationEventId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many_events(scope, keys).await?, |row| row.id))
    }
}
