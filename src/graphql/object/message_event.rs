//! What was heard about messages.

use std::collections::HashMap;

use async_graphql::{ID, Object, Result};
use entity::id::{MessageEventId, MessageId};
use entity::kinds::StatusKind;
use entity::message_event::Model;

use super::Message;
use crate::auth::AccountScope;
use crate::domain::read::message as rules;
use crate::error;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_group, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct MessageEvent {
    reader: Reader,
    model: Model,
}

impl MessageEvent {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// Something that was heard about a message. Such entries are never changed.
#[Object]
impl MessageEvent {
    /// The event's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::MessageEvent, self.model.account_id, self.model.id).into()
    }

    /// The message.
    async fn message(&self) -> Result<Message> {
        self.reader.object(self.model.message_id, Message::new).await
    }

    /// What was said of it.
    async fn kind(&self) -> Name<StatusKind> {
        Name(self.model.kind)
    }

    /// The time that the provider gives; some give none.
    async fn provider_time(&self) -> Option<DateTime> {
        self.model.provider_time.map(DateTime)
    }

    /// When it was heard here.
    async fn received_at(&self) -> DateTime {
        DateTime(self.model.received_at)
    }

    /// The provider's code.
    async fn code(&self) -> Option<&str> {
        self.model.code.as_deref()
    }

    /// What the provider said about it.
    async fn detail(&self) -> Option<&str> {
        self.model.detail.as_deref()
    }
}

impl Key for MessageEventId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many_events(scope, keys).await?, |row| row.id))
    }
}

/// The ledger of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EventsOf(pub MessageId);

impl Key for EventsOf {
    type Row = Vec<Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Vec<Model>>> {
        let ids: Vec<MessageId> = keys.iter().map(|key| key.0).collect();
        let events = rules::events(scope, &ids).await?.into_iter();
        Ok(by_group(keys, events.map(|row| (EventsOf(row.message_id), row))))
    }
}
