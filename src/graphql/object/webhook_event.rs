//! What providers delivered, as it came in. For administrators.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::id::RawEventId;
use entity::kinds::Provider;
use entity::raw_event::{Column, Model};

use super::Inbox;
use crate::auth::AccountScope;
use crate::domain::page;
use crate::domain::read::webhook_event::{self as rules, WebhookEventFilter};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct WebhookEvent {
    reader: Reader,
    model: Model,
}

impl WebhookEvent {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A webhook delivery as it came in, kept before anything is made of it.
#[Object]
impl WebhookEvent {
    /// The delivery's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::RawEvent, self.model.account_id, self.model.id).into()
    }

    /// The inbox whose address was called.
    async fn inbox(&self) -> Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// Who called it.
    async fn provider(&self) -> Name<Provider> {
        Name(self.model.provider)
    }

    /// What was sent; only a mark of it once somebody was erased of whom it told. Bytes that are
    /// no UTF-8 are shown as U+FFFD.
    async fn body(&self) -> String {
        String::from_utf8_lossy(&self.model.body).into_owned()
    }

    /// When it came in.
    async fn received_at(&self) -> DateTime {
        DateTime(self.model.received_at)
    }

    /// When it was read; none while it waits.
    async fn applied_at(&self) -> Option<DateTime> {
        self.model.applied_at.map(DateTime)
    }

    /// Elements that took effect.
    async fn applied(&self) -> i32 {
        self.model.applied
    }

    /// Elements that are kept only here, because their kind is not known.
    async fn unknown(&self) -> i32 {
        self.model.unknown
    }

    /// Elements that could not be applied.
    async fn failed(&self) -> i32 {
        self.model.failed
    }

    /// What was not known or failed.
    async fn remark(&self) -> Option<&str> {
        self.model.remark.as_deref()
    }
}

/// Which deliveries to list.
#[derive(Default, InputObject)]
#[graphql(name = "WebhookEventFilter")]
pub struct Filter {
    /// To one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// From one of these services.
    pub providers: Option<Vec<Name<Provider>>>,
    /// Whether they were read yet.
    pub applied: Option<bool>,
    /// Whether something in them was not known or could not be applied.
    pub incomplete: Option<bool>,
    /// Received at this instant or later.
    pub from: Option<DateTime>,
    /// Received before this instant.
    pub to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> error::Result<WebhookEventFilter> {
        let mut reading = Reading::new();
        let filter = WebhookEventFilter {
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            providers: reading.names("providers", self.providers),
            applied: self.applied,
            incomplete: self.incomplete,
            from: instant(self.from),
            to: instant(self.to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what deliveries are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "WebhookEventOrderField")]
pub enum OrderField {
    /// When it came in.
    ReceivedAt,
}

/// How deliveries are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "WebhookEventOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::ReceivedAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::ReceivedAt => rules::by_reception(),
        })
    }
}

/// The deliveries to an account, the latest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<WebhookEvent>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, WebhookEvent::new).await
}

impl Key for RawEventId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}
