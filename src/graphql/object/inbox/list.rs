//! The list of inboxes: its filter and its order.

use async_graphql::{Enum, ID, InputObject};
use entity::inbox::Column;
use entity::kinds::{Platform, Provider};

use super::Inbox;
use crate::domain::{inbox as rules, page};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::NodeKind;
use crate::graphql::loader::Reader;
use crate::graphql::vocabulary::Name;

/// Which inboxes to list.
#[derive(Default, InputObject)]
#[graphql(name = "InboxFilter")]
pub struct Filter {
    /// On one of these platforms.
    pub platforms: Option<Vec<Name<Platform>>>,
    /// Carried by one of these services.
    pub providers: Option<Vec<Name<Provider>>>,
    /// On which one of these users answers.
    pub member_ids: Option<Vec<ID>>,
    /// Whether they were put away.
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> Result<rules::InboxFilter> {
        let mut reading = Reading::new();
        let filter = rules::InboxFilter {
            platforms: reading.names("platforms", self.platforms),
            providers: reading.names("providers", self.providers),
            member_ids: reading.ids("memberIds", self.member_ids, NodeKind::User),
            archived: self.archived,
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what inboxes are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "InboxOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the inbox was made here.
    CreatedAt,
}

/// How inboxes are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "InboxOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::Name, direction: OrderDirection::Asc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::Name => rules::by_name(),
            OrderField::CreatedAt => rules::by_creation(),
        })
    }
}

/// The inboxes of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Inbox>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Inbox::new)
        .await
}
