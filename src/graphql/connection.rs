//! Lists as Relay's connections. All of them come from [`connect`]; the arguments that they
//! share are described in one place.

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, Registry};
use async_graphql::{
    ContextSelectionSet, Enum, Object, OutputType, Positioned, ServerResult, SimpleObject,
    TypeName, Value,
};
use futures_util::future::BoxFuture;
use sea_orm::{EntityTrait, ModelTrait, Select};
use serde::Serialize;

use super::loader::Reader;
use super::scalar::Count;
use crate::domain::page::{self, Asked, Order, PageRequest, Sorting};
use crate::error::Result;

/// Which way a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// From small to large, from A to Z, from old to new.
    #[default]
    Asc,
    /// The other way round.
    Desc,
}

impl OrderDirection {
    /// The order in this direction.
    pub fn apply<C>(self, order: Order<C>) -> Order<C> {
        Order { descending: self == Self::Desc, ..order }
    }
}

/// Relay's arguments as they come in.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArgs {
    fn request(self) -> Result<PageRequest> {
        let (first, last) = (self.first.map(i64::from), self.last.map(i64::from));
        PageRequest::new(first, self.after, last, self.before)
    }
}

type Total = Box<dyn Fn() -> BoxFuture<'static, Result<u64>> + Send + Sync>;

pub struct Connection<N: OutputType> {
    edges: Vec<Edge<N>>,
    page_info: PageInfo,
    total: Total,
}

/// An element of a list with its cursor.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct Edge<N: OutputType> {
    /// Where the element stands; `after` and `before` take it.
    pub cursor: String,
    /// The element.
    pub node: N,
}

impl<N: OutputType> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Edge", N::type_name()))
    }
}

impl<N: OutputType> TypeName for Connection<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Connection", N::type_name()))
    }
}

/// A page of a list.
#[Object(name_type)]
impl<N: OutputType> Connection<N> {
    /// The elements with their cursors.
    async fn edges(&self) -> &[Edge<N>] {
        &self.edges
    }

    /// The elements.
    async fn nodes(&self) -> Vec<&N> {
        self.edges.iter().map(|edge| &edge.node).collect()
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many elements the list has in all, under its filter. Counted only when asked for.
    async fn total_count(&self) -> Result<Count> {
        (self.total)().await.map(Count)
    }
}

/// The page of a list that the arguments ask for. `filter` is whatever narrowed `select`:
/// cursors of another filter are refused.
pub async fn connect<E, N>(
    reader: &Reader,
    select: Select<E>,
    sorting: impl Into<Sorting<E::Column>>,
    filter: &impl Serialize,
    args: PageArgs,
    node: impl Fn(Reader, E::Model) -> N,
) -> Result<Connection<N>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
    N: OutputType,
{
    let scope = reader.scope();
    let request = args.request()?;
    let page = match sorting.into() {
        // Many objects may ask for such a page of theirs at once.
        Sorting::By(order) => {
            let asked = Asked::new(scope, select.clone(), order, filter, &request)?;
            asked.page(reader.rows(asked.rows()).await?)?
        }
        grouped @ Sorting::Grouped { .. } => {
            page::list(scope, scope.db().read(), select.clone(), grouped, filter, &request).await?
        }
    };
    let page_info = PageInfo {
        has_previous_page: page.has_previous,
        has_next_page: page.has_next,
        start_cursor: page.rows.first().map(|(cursor, _)| cursor.clone()),
        end_cursor: page.rows.last().map(|(cursor, _)| cursor.clone()),
    };
    let edges = page.rows.into_iter();
    let edges =
        edges.map(|(cursor, row)| Edge { cursor, node: node(reader.clone(), row) }).collect();
    let scope = scope.clone();
    let total: Total = Box::new(move || {
        let (scope, select) = (scope.clone(), select.clone());
        Box::pin(async move { page::count(scope.db().read(), select).await })
    });
    Ok(Connection { edges, page_info, total })
}

/// What the shared arguments of lists mean. The derive macros take such texts only as
/// literals beside each argument of each list.
const ARGUMENTS: [(&str, &str); 6] = [
    (
        "first",
        "How many elements from the beginning, or behind `after`: 1 to 100, 50 if nothing is said.",
    ),
    ("after", "Begin behind the element with this cursor."),
    ("last", "How many elements from the end, or before `before`: 1 to 100, in the list's order."),
    ("before", "End before the element with this cursor."),
    (
        "filter",
        "Which elements. Conditions that are not given do not restrict; all given ones must hold.",
    ),
    ("orderBy", "How the list is sorted; elements without a value come last either way."),
];

/// Not a type of the schema: registering it completes the lists that are there.
pub(super) struct Lists;

impl Lists {
    fn complete(field: &mut MetaField) {
        if !field.args.contains_key("first") || !field.args.contains_key("last") {
            return;
        }
        for (name, text) in ARGUMENTS {
            if let Some(argument) = field.args.get_mut(name) {
                argument.description.get_or_insert_with(|| text.to_owned());
            }
        }
    }
}

impl OutputType for Lists {
    fn type_name() -> Cow<'static, str> {
        <bool as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        for meta in registry.types.values_mut() {
            if let MetaType::Object { fields, .. } = meta {
                fields.values_mut().for_each(Self::complete);
            }
        }
        <bool as OutputType>::qualified_type_name()
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}
