//! Opt-outs and opt-ins.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object, Result};
use entity::id::{ContactId, OptOutId};
use entity::kinds::{OptOutKind, OptOutSource, Platform};
use entity::opt_out::{Column, Model};

use super::{Contact, Inbox, Message, User};
use crate::auth::AccountScope;
use crate::domain::{erased, opt_out as rules, page};
use crate::error;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::{Reading, instant, only};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::scalar::DateTime;
use crate::graphql::vocabulary::Name;

pub struct OptOut {
    reader: Reader,
    model: Model,
}

impl OptOut {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// An entry of the history of opt-outs and opt-ins. The last entry of an address counts.
#[Object]
impl OptOut {
    /// The entry's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::OptOut, self.model.account_id, self.model.id).into()
    }

    /// The family of platforms on which it holds.
    async fn platform(&self) -> Name<Platform> {
        Name(self.model.platform)
    }

    /// The phone number, e-mail address or messenger id for which it holds; none for callers
    /// who may not see personal data, and once the contact was erased.
    async fn address(&self) -> Option<&str> {
        let seen = self.reader.scope().sees_personal_data();
        seen.then_some(self.model.address.as_str()).filter(|address| !erased::is_erased(address))
    }

    /// Which way it goes.
    async fn kind(&self) -> Name<OptOutKind> {
        Name(self.model.kind)
    }

    /// Whether it changed how the address stood at its time: a second opt-out does not.
    async fn effective(&self) -> bool {
        self.model.effective
    }

    /// How it came about.
    async fn source(&self) -> Name<OptOutSource> {
        Name(self.model.source)
    }

    /// The contact, where one is known.
    async fn contact(&self) -> Option<Result<Contact>> {
        self.reader.optional(self.model.contact_id, Contact::new).await
    }

    /// The inbox on which it was said.
    async fn inbox(&self) -> Option<Result<Inbox>> {
        self.reader.optional(self.model.inbox_id, Inbox::new).await
    }

    /// The message that says so.
    async fn message(&self) -> Option<Result<Message>> {
        self.reader.optional(self.model.message_id, Message::new).await
    }

    /// Who did it by hand.
    async fn user(&self) -> Option<Result<User>> {
        self.reader.optional(self.model.user_id, User::of).await
    }

    /// Why it was done by hand.
    async fn reason(&self) -> Option<&str> {
        self.model.reason.as_deref()
    }

    /// From when it holds.
    async fn occurred_at(&self) -> DateTime {
        DateTime(self.model.occurred_at)
    }

    /// When it was recorded here.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }
}

/// Which entries of the history to list.
#[derive(Default, InputObject)]
#[graphql(name = "OptOutFilter")]
pub struct Filter {
    /// On one of these families of platforms.
    pub platforms: Option<Vec<Name<Platform>>>,
    /// Opt-outs, or opt-ins.
    pub kinds: Option<Vec<Name<OptOutKind>>>,
    /// That came about in one of these ways.
    pub sources: Option<Vec<Name<OptOutSource>>>,
    /// Of one of these contacts.
    pub contact_ids: Option<Vec<ID>>,
    /// Said on one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// The whole address, in any spelling of a phone number or an e-mail address.
    pub address: Option<String>,
    /// That changed how the address stood, or did not.
    pub effective: Option<bool>,
    /// At this instant or later.
    pub from: Option<DateTime>,
    /// Before this instant.
    pub to: Option<DateTime>,
}

impl Filter {
    fn read(self) -> error::Result<rules::OptOutFilter> {
        let mut reading = Reading::new();
        let filter = rules::OptOutFilter {
            platforms: reading.names("platforms", self.platforms),
            kinds: reading.names("kinds", self.kinds),
            sources: reading.names("sources", self.sources),
            contact_ids: reading.ids("contactIds", self.contact_ids, NodeKind::Contact),
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            address: self.address,
            effective: self.effective,
            from: instant(self.from),
            to: instant(self.to),
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what entries are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "OptOutOrderField")]
pub enum OrderField {
    /// From when it holds.
    OccurredAt,
}

/// How entries are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "OptOutOrder")]
pub struct Order {
    /// By what.
    pub field: OrderField,
    /// Which way.
    pub direction: OrderDirection,
}

impl Order {
    const USUAL: Self = Self { field: OrderField::OccurredAt, direction: OrderDirection::Desc };

    fn columns(self) -> page::Order<Column> {
        self.direction.apply(match self.field {
            OrderField::OccurredAt => rules::by_time(),
        })
    }
}

/// The history of an account or of one of its contacts, the latest first if nothing else is
/// said.
pub async fn list(
    reader: &Reader,
    contact_id: Option<ContactId>,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> error::Result<Connection<OptOut>> {
    let mut filter = filter.unwrap_or_default().read()?;
    if let Some(contact_id) = contact_id {
        only(&mut filter.contact_ids, contact_id);
    }
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, OptOut::new)
        .await
}

impl Key for OptOutId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> error::Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}
