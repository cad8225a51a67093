//! Lines of the message log: conversations that are closed.

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::conversation::{Column, Model};
use entity::kinds::{ConversationActor, Platform};

use super::conversation::Replier;
use super::{Contact, Conversation, Inbox, User};
use crate::domain::contact as contacts;
use crate::domain::page::Sorting;
use crate::domain::read::message_log::{self as rules, MessageLogFilter};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::Reader;
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct MessageLog {
    reader: Reader,
    model: Model,
}

impl MessageLog {
    fn conversation(&self) -> Conversation {
        Conversation::new(self.reader.clone(), self.model.clone())
    }
}

/// A line of the message log: a conversation that is closed.
#[Object]
impl MessageLog {
    /// The id of the conversation.
    async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Conversation, self.model.account_id, self.model.id).into()
    }

    /// The conversation, with the whole history of its messages.
    #[graphql(name = "conversation")]
    async fn whole(&self) -> Conversation {
        self.conversation()
    }

    /// The number shown to people.
    async fn display_id(&self) -> i64 {
        self.model.display_id
    }

    /// With whom it was held.
    async fn client(&self) -> Result<Contact> {
        self.reader.object(self.model.contact_id, Contact::new).await
    }

    /// The inbox on which it was held.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The messenger, or other platform, on which it began.
    async fn messenger(&self) -> Result<Name<Platform>> {
        let inbox: entity::inbox::Model = self.reader.get(self.model.inbox_id).await?;
        Ok(Name(inbox.platform))
    }

    /// Who answered last.
    async fn last_replier(&self) -> Option<Replier> {
        self.conversation().last_said()
    }

    /// Who was responsible.
    async fn manager(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.assignee_id, User::of).await
    }

    /// One word for where the visitor came from.
    async fn traffic_source(&self) -> Option<&str> {
        self.model.traffic_source.as_deref()
    }

    /// The time of its first message.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it was closed.
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
}

/// Which lines of the message log to list.
#[derive(Default, InputObject)]
#[graphql(name = "MessageLogFilter")]
pub struct Filter {
    /// For which one of these users was responsible.
    pub manager_ids: Option<Vec<ID>>,
    /// Whether any user was responsible.
    pub managed: Option<bool>,
    /// On one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// On one of these messengers or other platforms.
    pub messengers: Option<Vec<Name<Platform>>>,
    /// Closed by one of these.
    pub closed_by: Option<Vec<Name<ConversationActor>>>,
    /// With one of these traffic sources, in exactly that spelling.
    pub traffic_sources: Option<Vec<String>>,
    /// Begun at this instant or later.
    pub created_from: Option<DateTime>,
    /// Begun before this instant.
    pub created_to: Option<DateTime>,
    /// Closed at this instant or later.
    pub closed_from: Option<DateTime>,
    /// Closed before this instant.
    pub closed_to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> error::Result<MessageLogFilter> {
        let mut reading = Reading::new();
        let filter = MessageLogFilter {
            manager_ids: reading.ids("managerIds", self.manager_ids, NodeKind::User),
            managed: self.managed,
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            messengers: reading.names("messengers", self.messengers),
            closed_by: reading.names("closedBy", self.closed_by),
            traffic_sources: reading.list("trafficSources", self.traffic_sources),
            created_from: instant(self.created_from),
            created_to: instant(self.created_to),
            closed_from: instant(self.closed_from),
            closed_to: instant(self.closed_to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what the message log is sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "MessageLogOrderField")]
pub enum OrderField {
    /// When it was closed.
    ClosedAt,
    /// The time of the first message.
    CreatedAt,
    /// The name of the responsible user; of each the latest first.
    Manager,
}

/// How the message log is sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "MessageLogOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::ClosedAt, direction: OrderDirection::Desc };
}

/// The closed conversations with contacts that are called like `search`; those closed last first
/// if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    search: Option<String>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<MessageLog>> {
    let scope = reader.scope();
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(scope, &filter)?;
    let select = contacts::narrow(scope, select, Column::ContactId, search.as_deref())?;
    let Order { field, direction } = order.unwrap_or(Order::USUAL);
    let sorting: Sorting<Column> = match field {
        OrderField::ClosedAt => direction.apply(rules::by_close()).into(),
        OrderField::CreatedAt => direction.apply(rules::by_creation()).into(),
        OrderField::Manager => {
            let descending = direction == OrderDirection::Desc;
            rules::by_manager(scope, &select, &filter, descending).await?
        }
    };
    let new = |reader, model| MessageLog { reader, model };
    connect(reader, select, sorting, &(filter, search), args, new).await
}
