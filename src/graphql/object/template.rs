//! Templates.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::id::TemplateId;
use entity::kinds::{TemplateCategory, TemplateStatus};
use entity::template::{Column, Model};

use super::engagement::{Engagement, engagement};
use crate::analytics::Subject;
use crate::auth::AccountScope;
use crate::domain::{page, template as rules};
use crate::error::Result;
use crate::graphql::connection::{Connection, OrderDirection, PageArgs, connect};
use crate::graphql::filter::Reading;
use crate::graphql::id::{NodeId, NodeKind};
use crate::graphql::loader::{Key, Reader, by_key};
use crate::graphql::report::PeriodInput;
use crate::graphql::scalar::{DateTime, TimeZone};
use crate::graphql::vocabulary::Name;

pub struct Template {
    reader: Reader,
    model: Model,
}

impl Template {
    pub fn new(reader: Reader, model: Model) -> Self {
        Self { reader, model }
    }
}

/// A prepared text, kept here or approved by a provider.
#[Object]
impl Template {
    /// The template's id.
    pub async fn id(&self) -> ID {
        NodeId::tenant(NodeKind::Template, self.model.account_id, self.model.id).into()
    }

    /// Its name, unique together with the language.
    async fn name(&self) -> &str {
        &self.model.name
    }

    /// The language: a BCP 47 tag, or the provider's code.
    async fn language(&self) -> &str {
        &self.model.language
    }

    /// Under which category a provider approves and prices it.
    async fn category(&self) -> Name<TemplateCategory> {
        Name(self.model.category)
    }

    /// The text, with variables such as `{{1}}` or `{{name}}`.
    async fn body(&self) -> &str {
        &self.model.body
    }

    /// The variables of the text, each once, in the order of their first use.
    async fn variables(&self) -> Vec<&str> {
        rules::variables(&self.model.body).unwrap_or_default()
    }

    /// What the provider says of it.
    async fn status(&self) -> Name<TemplateStatus> {
        Name(self.model.status)
    }

    /// Why the provider refused it.
    async fn status_reason(&self) -> Option<&str> {
        self.model.status_reason.as_deref()
    }

    /// The provider's id of it.
    async fn external_id(&self) -> Option<&str> {
        self.model.external_id.as_deref()
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

    /// Numbers about what was sent with it, over a period. In the account's zone, unless another is given.
    async fn engagement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From when to when.")] period: PeriodInput,
        #[graphql(desc = "The zone of presets.")] time_zone: Option<TimeZone>,
    ) -> Option<async_graphql::Result<Engagement>> {
        let subject = Subject::Template(self.model.id);
        Some(engagement(ctx, &self.reader, subject, period, time_zone).await)
    }
}

/// Which templates to list.
#[derive(Default, InputObject)]
#[graphql(name = "TemplateFilter")]
pub struct Filter {
    /// Of one of these categories.
    pub categories: Option<Vec<Name<TemplateCategory>>>,
    /// With one of these statuses.
    pub statuses: Option<Vec<Name<TemplateStatus>>>,
    /// In one of these languages, in exactly that spelling.
    pub languages: Option<Vec<String>>,
    /// Whether they were put away.
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

impl Filter {
    fn read(self) -> Result<rules::TemplateFilter> {
        let mut reading = Reading::new();
        let filter = rules::TemplateFilter {
            categories: reading.names("categories", self.categories),
            statuses: reading.names("statuses", self.statuses),
            languages: reading.list("languages", self.languages),
            archived: self.archived,
            search: self.search,
        };
        reading.finish()?;
        Ok(filter)
    }
}

/// By what templates are sorted.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TemplateOrderField")]
pub enum OrderField {
    /// The name.
    Name,
    /// When the template was made here.
    CreatedAt,
}

/// How templates are sorted.
#[derive(Clone, Copy, InputObject)]
#[graphql(name = "TemplateOrder")]
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

/// The templates of an account, by name if nothing else is said.
pub async fn list(
    reader: &Reader,
    filter: Option<Filter>,
    order: Option<Order>,
    args: PageArgs,
) -> Result<Connection<Template>> {
    let filter = filter.unwrap_or_default().read()?;
    let select = rules::select(reader.scope(), &filter)?;
    let order = order.unwrap_or(Order::USUAL).columns();
    connect(reader, select, order, &filter, args, Template::new).await
}

impl Key for TemplateId {
    type Row = Model;

    async fn load(scope: &AccountScope, keys: &[Self]) -> Result<HashMap<Self, Model>> {
        Ok(by_key(rules::find_many(scope, keys).await?, |row| row.id))
    }
}
