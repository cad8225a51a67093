//! The rows of pages, those of many pages by one statement: a list of things each of which has
//! a list costs as many statements as one thing.

use std::collections::HashMap;

use sea_orm::sea_query::{
    Alias, Asterisk, Expr, ExprTrait, IntoIden, Order as Way, Query, SelectStatement, UnionType,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, QueryOrder,
    QuerySelect, QueryTrait, Select, Statement,
};

use super::{Order, PageRequest};
use crate::error::{Error, Result};

/// Parameters of a statement. SQLite allows 32,766, PostgreSQL 65,535.
const MOST_PARAMETERS: usize = 32_000;
/// SQLite allows 500 parts of a compound statement.
const MOST_PAGES: usize = 100;

/// The rows of a page, and one more where there are more: in the order in which they are read,
/// which is backwards for a page that ends before its cursor.
#[derive(Clone)]
pub struct Rows<E: EntityTrait> {
    /// Without order and limit.
    select: Select<E>,
    column: E::Column,
    id: E::Column,
    way: Way,
    /// Where rows without a value stand, if there may be any.
    nulls: Option<Way>,
    limit: u64,
}

impl<E: EntityTrait> Rows<E>
where
    E::Model: Send + Sync,
{
    pub(super) fn new(select: Select<E>, order: &Order<E::Column>, request: &PageRequest) -> Self {
        let descending = order.descending != request.backward;
        // Nulls stand at the end of the list, which is the beginning of it backwards.
        let nulls = if request.backward { Way::Desc } else { Way::Asc };
        Self {
            select,
            column: order.column,
            id: order.id,
            way: if descending { Way::Desc } else { Way::Asc },
            nulls: order.nullable.then_some(nulls),
            limit: request.size + 1,
        }
    }

    pub(super) async fn all(self, connection: &impl ConnectionTrait) -> Result<Vec<E::Model>> {
        Ok(self.sorted().all(connection).await?)
    }

    /// The rows of each.
    pub async fn of_many(
        connection: &impl ConnectionTrait,
        pages: &[&Self],
    ) -> Result<Vec<Vec<E::Model>>> {
        let mut found: Vec<Vec<E::Model>> = pages.iter().map(|_| Vec::new()).collect();
        let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, page) in pages.iter().enumerate() {
            alike.entry(page.sorting()).or_default().push(index);
        }
        for some in alike.values().flat_map(|indices| indices.chunks(MOST_PAGES)) {
            let together: Vec<&Self> = some.iter().map(|index| pages[*index]).collect();
            for (index, rows) in some.iter().zip(Self::together(connection, &together).await?) {
                found[*index] = rows;
            }
        }
        Ok(found)
    }

    /// What pages that are read together must have in common.
    fn sorting(&self) -> (&'static str, bool, Option<bool>) {
        let descending = |way: &Way| matches!(way, Way::Desc);
        (self.column.as_str(), descending(&self.way), self.nulls.as_ref().map(descending))
    }

    async fn together(
        connection: &impl ConnectionTrait,
        pages: &[&Self],
    ) -> Result<Vec<Vec<E::Model>>> {
        if pages.len() > 1
            && let Some(statement) = Self::united(connection.get_database_backend(), pages)
        {
            return Self::apart(connection, statement, pages.len()).await;
        }
        let mut found = Vec::with_capacity(pages.len());
        for page in pages {
            found.push((*page).clone().all(connection).await?);
        }
        Ok(found)
    }

    fn sorted(self) -> Select<E> {
        let mut select = self.select;
        if let Some(nulls) = self.nulls {
            select = select.order_by(self.column.into_expr().is_null(), nulls);
        }
        if self.column.as_str() != self.id.as_str() {
            select = select.order_by(self.column, self.way.clone());
        }
        select.order_by(self.id, self.way).limit(self.limit)
    }

    /// None where it would have too many parameters.
    fn united(backend: DbBackend, pages: &[&Self]) -> Option<Statement> {
        let first = *pages.first()?;
        let (page, rows) = (|| Alias::new("page"), || Alias::new("rows"));
        let parts = (0_i32..).zip(pages).map(|(number, each)| {
            Query::select()
                .expr_as(Expr::cust(number.to_string()), page())
                .column((rows(), Asterisk))
                .from_subquery((*each).clone().sorted().into_query(), rows())
                .to_owned()
        });
        let union = parts.reduce(|mut all: SelectStatement, part| {
            all.union(UnionType::All, part);
            all
        })?;
        let column =
            |column: E::Column| Expr::col((rows(), Alias::new(column.as_str()).into_iden()));
        // The parts need not come one after the other.
        let mut all = Query::select();
        all.column(Asterisk).from_subquery(union, rows()).order_by((rows(), page()), Way::Asc);
        if let Some(nulls) = &first.nulls {
            all.order_by_expr(column(first.column).is_null(), nulls.clone());
        }
        all.order_by_expr(column(first.column), first.way.clone());
        all.order_by_expr(column(first.id), first.way.clone());
        let statement = backend.build(&all);
        let parameters = statement.values.as_ref().map_or(0, |values| values.0.len());
        (parameters <= MOST_PARAMETERS).then_some(statement)
    }

    async fn apart(
        connection: &impl ConnectionTrait,
        statement: Statement,
        pages: usize,
    ) -> Result<Vec<Vec<E::Model>>> {
        let mut found: Vec<Vec<E::Model>> = (0..pages).map(|_| Vec::new()).collect();
        for row in connection.query_all_raw(statement).await? {
            let page: i32 = row.try_get("", "page")?;
            let rows = usize::try_from(page).ok().and_then(|page| found.get_mut(page));
            let rows = rows.ok_or_else(|| Error::bug("a row belongs to no page"))?;
            rows.push(E::Model::from_query_result(&row, "")?);
        }
        Ok(found)
    }
}
