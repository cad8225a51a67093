//! Sessions.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::id::SessionId;
use entity::kinds::{SessionOrigin, UserType};
use entity::session::{Column, Model};

use super::{Contact, Conversation, Inbox, Message};
use crate::auth::AccountScope;
use crate::domain::page;
use crate::domain::read::session::{self as rules, SessionFilter};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct Session {
    reader: Reader,
    model: Model,
}

impl Session {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A stretch of talk of a contact on an inbox without a long silence.
#[Object]
impl Session {
    /// The session's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Session, self.model.account_id, self.model.id).into()
    }

    /// The contact.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// The inbox.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The conversation of its first message.
    async fn conversation(&self) -> Result<Conversation> {
        self.reader.object(self.model.conversation_id, Conversation::new).await
    }

    /// The message that it began with.
    async fn first_message(&self) -> Option<Result<Message>> {
        self.reader.optional(Some(self.model.first_message_id), Message::new).await
    }

    /// What it began with.
    async fn origin(&self) -> Name<SessionOrigin> {
        Name(self.model.origin)
    }

    /// Whether it is the contact's first in the account.
    async fn user_type(&self) -> Name<UserType> {
        Name(self.model.user_type)
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.model.started_at)
    }

    /// When its last message was.
    async fn last_message_at(&self) -> DateTime {
        DateTime(self.model.last_message_at)
    }
}

/// Which sessions to list.
#[derive(Default, InputObject)]
#[graphql(name = "SessionFilter")]
pub struct Filter {
    /// On one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// With one of these contacts.
    pub contact_ids: Option<Vec<ID>>,
    /// Begun in one of these conversations.
    pub conversation_ids: Option<Vec<ID>>,
    /// Begun with one of these.
    pub origins: Option<Vec<Name<SessionOrigin>>>,
    /// Of new, or of returning contacts.
    pub user_types: Option<Vec<Name<UserType>>>,
    /// Begun at this instant or later.
    pub from: Option<DateTime>,
    /// Begun before this instant.
    pub to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> error::Result<SessionFilter> {
        let mut reading = Reading::new();
        let filter = SessionFilter {
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            contact_ids: reading.ids("contactIds", self.contact_ids, NodeKind::Contact),
            conversation_ids: reading.ids(
                "conversationIds",
                self.conversation_ids,
                NodeKind::Conversation,
            ),
            origins: reading.names("origins", self.origins),
            user_types: reading.names("userTypes", self.user_types),
            from: instant(self.from),
            to: instant(self.to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what sessions are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "SessionOrderField")]
pub enum OrderField {
    /// When the session began.
    StartedAt,
    /// When its last message was.
    LastMessageAt,
}

/// How sessions are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "SessionOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::StartedAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::StartedAt => rules::by_start(),
            OrderField::LastMessageAt => rules::by_last_message(),
        })
    }
}

/// The sessions of an account, the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<Session>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Session::new)
        .await
}

impl Key for SessionId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}
