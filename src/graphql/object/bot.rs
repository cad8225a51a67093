//! Bots.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::bot::{Column, Model};
use entity::id::BotId;

use super::engagement::{Engagement, engagement};
use crate::analytics::Subject;
use crate::auth::AccountScope;
use crate::domain::{bot as rules, page};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::report::PeriodInput;
use crate::graphql::scalar::{DateTime, TimeZone};

pub struct Bot {
    reader: Reader,
    model: Model,
}

impl Bot {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A program that answers contacts.
#[Object]
impl Bot {
    /// The bot's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Bot, self.model.account_id, self.model.id).into()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// When it was put away; none while it is in use.
    async fn archived_at(&self) -> Option<DateTime> {
        self.model.archived_at.map(DateTime)
    }

    /// When it was made here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }

    /// Numbers about what happened while it was the bot of the conversation, over a period. In the account's zone, unless another is given.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<async_graphql::Result<Engagement>> {
        let subject = Subject::Bot(self.model.id);
        Some(engagement(ctx, &self.reader, subject, period, time_zone).await)
    }
}

/// Which bots to list.
#[derive(Default, InputObject)]
#[graphql(name = "BotFilter")]
pub struct Filter {
    /// Whether they were put away.
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

/// By what bots are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "BotOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the bot was made here.
    CreatedAt,
}

/// How bots are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "BotOrder")]
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

/// The bots of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Bot>> {
    let filter = filter.unwrap_or_default();
    let filter = rules::BotFilter { archived: filter.archived, search: filter.search };
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Bot::new).await
}

impl Key for BotId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}
