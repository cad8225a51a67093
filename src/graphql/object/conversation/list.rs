//! The lists of conversations: their filter and their order.

use async_graphql::{Enum, ID, InputObject};
use entity::conversation::Column;
use entity::id::{ContactId, InboxId};
use entity::kinds::{ConversationActor, ConversationStatus, OpenedBy};

use super::Conversation;
use crate::domain::page;
use crate::domain::read::conversation::{self as rules, ConversationFilter};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant, only};
use crate::graphql::id::NodeKind;
use crate::graphql::loader::Reader;
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

/// Which conversations to list.
#[derive(Default, InputObject)]
#[graphql(name = "ConversationFilter")]
pub struct Filter {
    /// On one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// With one of these contacts.
    pub contact_ids: Option<Vec<ID>>,
    /// With one of these statuses.
    pub statuses: Option<Vec<Name<ConversationStatus>>>,
    /// For which one of these users is responsible.
    pub assignee_ids: Option<Vec<ID>>,
    /// Whether any user is responsible.
    pub assigned: Option<bool>,
    /// With one of these bots.
    pub bot_ids: Option<Vec<ID>>,
    /// With at least one of these labels.
    pub label_ids: Option<Vec<ID>>,
    /// Begun by one of these.
    pub opened_by: Option<Vec<Name<OpenedBy>>>,
    /// Closed by one of these.
    pub closed_by: Option<Vec<Name<ConversationActor>>>,
    /// With one of these traffic sources, in exactly that spelling.
    pub traffic_sources: Option<Vec<String>>,
    /// Whether the contact ever wrote in it.
    pub has_client_messages: Option<bool>,
    /// With one of these numbers shown to people.
    pub display_ids: Option<Vec<i64>>,
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
    fn read(self) -> Result<ConversationFilter> {
        let mut reading = Reading::new();
        let filter = ConversationFilter {
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            contact_ids: reading.ids("contactIds", self.contact_ids, NodeKind::Contact),
            statuses: reading.names("statuses", self.statuses),
            assignee_ids: reading.ids("assigneeIds", self.assignee_ids, NodeKind::User),
            assigned: self.assigned,
            bot_ids: reading.ids("botIds", self.bot_ids, NodeKind::Bot),
            label_ids: reading.ids("labelIds", self.label_ids, NodeKind::Label),
            opened_by: reading.names("openedBy", self.opened_by),
            closed_by: reading.names("closedBy", self.closed_by),
            traffic_sources: reading.list("trafficSources", self.traffic_sources),
            has_client_messages: self.has_client_messages,
            display_ids: reading.list("displayIds", self.display_ids),
            created_from: instant(self.created_from),
            created_to: instant(self.created_to),
            closed_from: instant(self.closed_from),
            closed_to: instant(self.closed_to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what conversations are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ConversationOrderField")]
pub enum OrderField {
    /// The time of the first message.
    CreatedAt,
    /// The time of the last message that the contact can see.
    LastMessageAt,
    /// When it was closed; those that are not closed come last.
    ClosedAt,
    /// The number shown to people.
    DisplayId,
}

/// How conversations are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "ConversationOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::CreatedAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::CreatedAt => rules::by_creation(),
            OrderField::LastMessageAt => rules::by_last_message(),
            OrderField::ClosedAt => rules::by_close(),
            OrderField::DisplayId => rules::by_display_id(),
        })
    }
}

/// Whose conversations a list holds.
#[derive(Clone, Copy)]
pub enum Of {
    Account,
    Inbox(InboxId),
    Contact(ContactId),
}

/// A list of conversations, the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    of: Of,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Conversation>> {
    let mut filter = filter.unwrap_or_default().read()?;
    match of {
        Of::Account => {}
        Of::Inbox(id) => only(&mut filter.inbox_ids, id),
        Of::Contact(id) => only(&mut filter.contact_ids, id),
    }
    let select = rules::select(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, Conversation::new).await
}
