//! Labels.

use std::collections::HashMap;

use async_graphql::{Enum, ID, InputObject, Object};
use entity::id::{ContactId, ConversationId, LabelId};
use entity::label::{Column, Model};

use crate::auth::AccountScope;
use crate::domain::{contact, label as rules, page, read};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_group, by_key};
use crate::graphql::scalar::DateTime;

pub struct Label {
    model: Model,
}

impl Label {
    pub fn new(_: Reader, model: Model) -> Self {
        Self { model }
    }
}

/// A word put on contacts and conversations.
#[Object]
impl Label {
    /// The label's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Label, self.model.account_id, self.model.id).into()
    }

    /// The word.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// Its colour, `#rrggbb`.
    async fn color(&self) -> Option<&str> {
        self.model.color.as_deref()
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.model.created_at)
    }

    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.model.updated_at)
    }
}

/// Which labels to list.
#[derive(Default, InputObject)]
#[graphql(name = "LabelFilter")]
pub struct Filter {
    /// A part of the name.
    pub search: Option<String>,
}

/// By what labels are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "LabelOrderField")]
pub enum OrderField {
    /// The word.
    Name,
    /// When the label was made.
    CreatedAt,
}

/// How labels are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "LabelOrder")]
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

/// The labels of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Label>> {
    let filter = rules::LabelFilter { search: filter.unwrap_or_default().search };
    let select = rules::select(reader.scope(), &filter)?;
    connect(reader, select, order.unwrap_or(Order::USUAL).columns(), &filter, args, Label::new)
        .await
}

impl Key for LabelId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}

/// The labels that something carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LabelsOf<T>(pub T);

impl Key for LabelsOf<ContactId> {
    type Row = Vec<Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Vec<Model>>> {
        let ids: Vec<ContactId> = keys.iter().map(|key| key.0).collect();
        let carried = contact::labels(scope, &ids).await?;
        Ok(by_group(keys, carried.into_iter().map(|(id, label)| (Self(id), label))))
    }
}

impl Key for LabelsOf<ConversationId> {
    type Row = Vec<Model>;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Vec<Model>>> {
        let ids: Vec<ConversationId> = keys.iter().map(|key| key.0).collect();
        let carried = read::conversation::labels(scope, &ids).await?;
        Ok(by_group(keys, carried.into_iter().map(|(id, label)| (Self(id), label))))
    }
}

/// The labels of a contact or a conversation, by name.
pub async fn carried<T>(reader: &Reader, carrier: T) -> async_graphql::Result<Vec<Label>>
where
    LabelsOf<T>: Key<Row = Vec<Model>>,
{
    let labels = reader.find(LabelsOf(carrier)).await?.unwrap_or_default();
    Ok(labels.into_iter().map(|label| Label::new(reader.clone(), label)).collect())
}
