//! Beginnings of sessions, as rows: with what each began, and what became of it.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::Timestamp;
use entity::id::ContactId;
use entity::kinds::{SessionOrigin, SessionRole, UserType};
use entity::message::{Column, Model};

use super::{Contact, Conversation, Message, Session};
use crate::analytics::{self, TableInput};
use crate::auth::AccountScope;
use crate::domain::contact as contacts;
use crate::domain::read::{message as messages, session as sessions};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct ConversationStart {
    reader: Reader,
    model: Model,
}

/// A message with which a session began, or would have begun, had it not failed.
#[Object]
impl ConversationStart {
    /// The id of the message.
    async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Message, self.model.account_id, self.model.id).into()
    }

    /// The message.
    async fn message(&self) -> Message {
        Message::new(self.reader.clone(), self.model.clone())
    }

    /// The contact with whom it began.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// Where the message stands.
    async fn conversation(&self) -> Result<Conversation> {
        self.reader.object(self.model.conversation_id, Conversation::new).await
    }

    /// The session; none where the message failed, so that none began.
    async fn session(&self) -> Option<Result<Session>> {
        self.reader.optional(self.model.session_id, Session::new).await
    }

    /// What it began with, or would have.
    async fn origin(&self) -> Name<SessionOrigin> {
        Name(self.model.origin)
    }

    /// When.
    async fn started_at(&self) -> DateTime {
        DateTime(self.model.occurred_at)
    }

    /// Whether it was the contact's first session in the account, or would have been.
    async fn user_type(&self) -> Result<Name<UserType>> {
        if let Some(session) = self.model.session_id {
            return Ok(Name(self.reader.get(session).await?.user_type));
        }
        let first = self.reader.find(FirstStartOf(self.model.contact_id)).await?;
        let earlier = first.is_some_and(|first| first < self.model.occurred_at);
        Ok(Name(if earlier { UserType::Returning } else { UserType::New }))
    }

    /// Whether a reply belongs to the send, by the account's reply window; none where the session
    /// began with no send: the contact wrote first, or an agent in a chat.
    async fn answered(&self) -> Option<Result<bool>> {
        let account = self.reader.get(self.reader.account_id()).await;
        let answered = |account: entity::account::Model| {
            analytics::is_answered(&self.model, account.reply_window_seconds)
        };
        account.map(answered).transpose()
    }

    /// Whether the message failed, so that no session began.
    async fn failed(&self) -> bool {
        self.model.session_role == Some(SessionRole::WouldBeStarter)
    }
}

/// By what beginnings of sessions are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ConversationStartOrderField")]
pub enum OrderField {
    /// When the session began, or would have.
    StartedAt,
}

/// How beginnings of sessions are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "ConversationStartOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

/// The beginnings of sessions that the input means, of contacts that are called like `search`;
/// the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    input: TableInput,
    search: Option<String>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<ConversationStart>> {
    let scope = reader.scope();
    let select = analytics::conversation_starts(scope, &input).await?;
    let select = contacts::narrow(scope, select, Column::ContactId, search.as_deref())?;
    let order = order.map_or(
        OrderDirection::Desc.apply(messages::by_time()),
        |Order { field, direction }| match field {
            OrderField::StartedAt => direction.apply(messages::by_time()),
        },
    );
    let list = format!("{:?}", (input, search));
    let new = |reader, model| ConversationStart { reader, model };
    connect(reader, select, order, &list, args, new).await
}

/// When the contact's first session began.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FirstStartOf(ContactId);

impl Key for FirstStartOf {
    type Row = Timestamp;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Timestamp>> {
        let contacts: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let first = sessions::first_starts(scope, &contacts).await?.into_iter();
        Ok(first.map(|(contact, at)| (Self(contact), at)).collect())
    }
}
