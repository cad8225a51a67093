//! Conversations.

use std::collections::HashMap;

use async_graphql::{ID, Object, Result, SimpleObject};
use entity::conversation::Model;
use entity::id::ConversationId;
use entity::kinds::{ConversationActor, ConversationStatus, Direction, OpenedBy};

use super::author::Author;
use super::{
    Bot, Contact, ConversationEvent, Inbox, Label, Message, User, conversation_event, label,
    message,
};
use crate::auth::AccountScope;
use crate::domain::{read, record};
use crate::error;
use crate::graphql::connection::{Connection, PageArgs};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

mod list;

pub use list::{Filter, Of, Order, list};

pub struct Conversation {
    reader: Reader,
    model: Model,
}

impl Conversation {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }

    /// Who wrote last, of what the contact can see.
    pub(super) fn last_said(&self) -> Option<Replier> {
        let direction = self.model.last_direction?;
        let (kind, user_id, bot_id) = (
            self.model.last_author_kind,
            self.model.last_author_user_id,
            self.model.last_author_bot_id,
        );
        let author = kind.map(|kind| Author::new(&self.reader, kind, user_id, bot_id));
        Some(Replier { direction: Name(direction), author })
    }
}

/// What is said with a contact on an inbox until it is closed.
#[Object]
impl Conversation {
    /// The conversation's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Conversation, self.model.account_id, self.model.id).into()
    }

    /// The number shown to people, from 1, unique in the account.
    async fn display_id(&self) -> i64 {
        self.model.display_id
    }

    /// Its id in the system that records it.
    async fn external_id(&self) -> Option<&str> {
        self.model.external_id.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> Name<ConversationStatus> {
        Name(self.model.status)
    }

    /// Who began it.
    async fn opened_by(&self) -> Name<OpenedBy> {
        Name(self.model.opened_by)
    }

    /// The inbox on which it is held.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The contact with whom it is held.
    async fn contact(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// Who is responsible for it.
    async fn assignee(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.assignee_id, User::of).await
    }

    /// The bot that wrote last or was named by an event. A hand-off to people does not clear
    /// it.
    async fn bot(&self) -> Option<Result<Bot>> {
        self.reader.optional(self.model.bot_id, Bot::new).await
    }

    /// The labels on it, by name.
    async fn labels(&self) -> Result<Vec<Label>> {
        label::carried(&self.reader, self.model.id).await
    }

    /// Whether the contact ever wrote in it.
    async fn has_client_messages(&self) -> bool {
        self.model.has_client_messages
    }

    /// One word for where the visitor came from: the campaign source, the advertisement, or
    /// the referrer's host.
    async fn traffic_source(&self) -> Option<&str> {
        self.model.traffic_source.as_deref()
    }

    /// Where the visitor came from, in all detail.
    async fn traffic(&self) -> Option<Traffic> {
        let traffic: record::Traffic = serde_json::from_value(self.model.traffic.clone()?).ok()?;
        Some(Traffic::from(traffic))
    }

    /// When the last message was that the contact can see; its beginning if there is none.
    async fn last_message_at(&self) -> DateTime {
        DateTime(self.model.last_message_at)
    }

    /// Who wrote last, of what the contact can see.
    async fn last_replier(&self) -> Option<Replier> {
        self.last_said()
    }

    /// Since when the contact waits for an answer of a human; none while nobody does.
    async fn waiting_since(&self) -> Option<DateTime> {
        self.model.waiting_since.map(DateTime)
    }

    /// When a human first wrote in it.
    async fn responded_at(&self) -> Option<DateTime> {
        self.model.responded_at.map(DateTime)
    }

    /// When the visitor's page was last known to be open.
    async fn visitor_last_seen_at(&self) -> Option<DateTime> {
        self.model.visitor_last_seen_at.map(DateTime)
    }

    /// The time of its first message.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When anything of it last changed here.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// When it was closed; none while it is not.
    async fn closed_at(&self) -> Option<DateTime> {
        self.model.closed_at.map(DateTime)
    }

    /// Who or what closed it.
    async fn closed_by(&self) -> Option<Name<ConversationActor>> {
        self.model.closed_by.map(Name)
    }

    /// The user who closed it, where one did.
    async fn closed_by_user(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.closed_by_user_id, User::of).await
    }

    /// What was said, notes included, in the order of its time if nothing else is said.
    async fn messages(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<message::Filter>,
        order_by: Option<message::Order>,
    ) -> error::Result<Connection<Message>> {
        let args = PageArgs { first, after, last, before };
        message::list_of(&self.reader, self.model.id, filter, order_by, args).await
    }

    /// What happened to it, in the order of its time if nothing else is said.
    async fn events(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<conversation_event::Filter>,
        order_by: Option<conversation_event::Order>,
    ) -> error::Result<Connection<ConversationEvent>> {
        let args = PageArgs { first, after, last, before };
        conversation_event::list_of(&self.reader, self.model.id, filter, order_by, args).await
    }
}

/// Who wrote last in a conversation.
#[derive(SimpleObject)]
pub struct Replier {
    /// Whether it was the contact or the business.
    pub direction: Name<Direction>,
    /// Who of the business; none if it was the contact.
    pub author: Option<Author>,
}

/// Where a visitor came from.
#[derive(SimpleObject)]
pub struct Traffic {
    /// The page that led to the site.
    pub referrer: Option<String>,
    /// The first page of the visit.
    pub landing_page: Option<String>,
    /// The campaign parameter `utm_source`.
    pub utm_source: Option<String>,
    /// The campaign parameter `utm_medium`.
    pub utm_medium: Option<String>,
    /// The campaign parameter `utm_campaign`.
    pub utm_campaign: Option<String>,
    /// The campaign parameter `utm_term`.
    pub utm_term: Option<String>,
    /// The campaign parameter `utm_content`.
    pub utm_content: Option<String>,
    /// The advertisement or post that was followed.
    pub ad_id: Option<String>,
    /// The click by which it was followed.
    pub click_id: Option<String>,
}

impl From<record::Traffic> for Traffic {
    fn from(traffic: record::Traffic) -> Self {
        Self {
            referrer: traffic.referrer,
            landing_page: traffic.landing_page,
            utm_source: traffic.utm_source,
            utm_medium: traffic.utm_medium,
            utm_campaign: traffic.utm_campaign,
            utm_term: traffic.utm_term,
            utm_content: traffic.utm_content,
            ad_id: traffic.ad_id,
            click_id: traffic.click_id,
        }
    }
}

impl Key for ConversationId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(read::conversation::find_many(scope, keys).await?, |row| row.id))
    }
}
