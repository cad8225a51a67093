//! Contacts, and how they are known on inboxes.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object};
use entity::contact::{Column, Model};
use entity::contact_identity;
use entity::id::ContactId;

use super::{Conversation, Inbox, Label, OptOut, conversation, label, opt_out};
use crate::auth::AccountScope;
use crate::domain::{contact as rules, page};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_group, by_key};
use crate::graphql::scalar::DateTime;

pub struct Contact {
    reader: Reader,
    model: Model,
}

impl Contact {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }

    fn personal<'a>(&self, value: Option<&'a str>) -> Option<&'a str> {
        value.filter(|_| self.reader.scope().sees_personal_data())
    }
}

/// A customer. The same phone number or e-mail address is the same contact. Names and
/// addresses are shown to `AGENT` and above, and to tokens with the scope `PERSONAL_DATA`.
#[Object]
impl Contact {
    /// The contact's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Contact, self.model.account_id, self.model.id).into()
    }

    /// The name.
    async fn name(&self) -> Option<&str> {
        self.personal(self.model.name.as_deref())
    }

    /// The name on a messenger.
    async fn nickname(&self) -> Option<&str> {
        self.personal(self.model.nickname.as_deref())
    }

    /// The e-mail address, in lower case.
    async fn email(&self) -> Option<&str> {
        self.personal(self.model.email.as_deref())
    }

    /// The phone number, E.164 with a leading `+`.
    async fn phone(&self) -> Option<&str> {
        self.personal(self.model.phone.as_deref())
    }

    /// The contact that took this one's place, if the two were found to be one.
    async fn merged_into(&self) -> Option<async_graphql::Result<Contact>> {
        self.reader.optional(self.model.merged_into_id, Contact::new).await
    }

    /// How the contact is known on inboxes, oldest first.
    async fn identities(&self) -> async_graphql::Result<Vec<ContactIdentity>> {
        let identities = self.reader.find(IdentitiesOf(self.model.id)).await?.unwrap_or_default();
        let identities = identities.into_iter();
        Ok(identities.map(|model| ContactIdentity { reader: self.reader.clone(), model }).collect())
    }

    /// The labels on it, by name.
    async fn labels(&self) -> async_graphql::Result<Vec<Label>> {
        label::carried(&self.reader, self.model.id).await
    }

    /// Its conversations, the latest first if nothing else is said.
    async fn conversations(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<conversation::Filter>,
        order_by: Option<conversation::Order>,
    ) -> Result<Connection<Conversation>> {
        let args = PageArgs { first, after, last, before };
        let of = conversation::Of::Contact(self.model.id);
        conversation::list(&self.reader, of, filter, order_by, args).await
    }

    /// The history of its opt-outs and opt-ins, the latest first if nothing else is said.
    async fn opt_outs(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<opt_out::Filter>,
        order_by: Option<opt_out::Order>,
    ) -> Result<Connection<OptOut>> {
        let args = PageArgs { first, after, last, before };
        opt_out::list(&self.reader, Some(self.model.id), filter, order_by, args).await
    }

    /// When its personal data were removed: since then it has no name, address or label, its
    /// messages have no text, and it is in no list.
    async fn erased_at(&self) -> Option<DateTime> {
        self.model.erased_at.map(DateTime)
    }

    /// When it became known.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }
}

pub struct ContactIdentity {
    reader: Reader,
    model: contact_identity::Model,
}

/// How a contact is known on an inbox.
#[Object]
impl ContactIdentity {
    /// The inbox.
    async fn inbox(&self) -> async_graphql::Result<Inbox> {
        self.reader.object(self.model.inbox_id, Inbox::new).await
    }

    /// The address or id that the platform uses; none for callers who may not see personal data.
    async fn source_id(&self) -> Option<&str> {
        let seen = self.reader.scope().sees_personal_data();
        seen.then_some(self.model.source_id.as_str())
    }

    /// Since when.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }
}

/// Which contacts to list. Contacts that were merged into another or erased are never listed.
#[derive(Default, InputObject)]
#[graphql(name = "ContactFilter")]
pub struct Filter {
    /// With one of these labels.
    pub label_ids: Option<Vec<ID>>,
    /// Known on one of these inboxes.
    pub inbox_ids: Option<Vec<ID>>,
    /// Whether a phone number is known.
    pub has_phone: Option<bool>,
    /// Whether an e-mail address is known.
    pub has_email: Option<bool>,
    /// A part of the name, the e-mail address or the phone number.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> Result<rules::ContactFilter> {
        let mut reading = Reading::new();
        let filter = rules::ContactFilter {
            label_ids: reading.ids("labelIds", self.label_ids, NodeKind::Label),
            inbox_ids: reading.ids("inboxIds", self.inbox_ids, NodeKind::Inbox),
            has_phone: self.has_phone,
            has_email: self.has_email,
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what contacts are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "ContactOrderField")]
pub enum OrderField {
    /// The name; contacts without one come last.
    Name,
    /// When the contact became known.
    CreatedAt,
}

/// How contacts are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "ContactOrder")]
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
            OrderField::Name => rules::by_name(),
            OrderField::CreatedAt => rules::by_creation(),
        })
    }
}

/// The contacts of an account, the newest first if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Contact>> {
    // A cursor holds the last name of its page.
    if order.is_some_and(|order| order.field == OrderField::Name) {
        reader.scope().require_personal_data("sorting contacts by name")?;
    }
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Contact::new)
        .await
}

impl Key for ContactId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}

/// How a contact is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct IdentitiesOf(pub ContactId);

impl Key for IdentitiesOf {
    type Row = Vec<contact_identity::Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Self::Row>> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let identities = rules::identities(scope, &ids).await?.into_iter();
        Ok(by_group(keys, identities.map(|row| (IdentitiesOf(row.contact_id), row))))
    }
}
