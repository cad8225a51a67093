//! The rows of pages, those of many pages by one statement: a list of things each of which has
//! a list costs as many statements as one thing.

use std::collections::HashMap;

use sea_orm::sea_query::{ExprTrait, Order as Way};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, IdenStatic, ModelTrait,
    QueryOrder, QuerySelect, QueryTrait, Select, Statement, Value,
};

use super::{Key, Order, PageRequest};
use crate::db::Sql;
use crate::error::{Error, Result};

/// Parameters of a statement. SQLite allows 32,766.
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

impl<E> Rows<E>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
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

    /// The rows of each. Pages whose statements differ in nothing but parameters are read
    /// together.
    pub async fn of_many(
        connection: &impl ConnectionTrait,
        pages: &[&Self],
    ) -> Result<Vec<Vec<E::Model>>> {
        if let [page] = pages {
            return Ok(vec![(*page).clone().all(connection).await?]);
        }
        let backend = connection.get_database_backend();
        // A limit cannot come from a table.
        let mut alike: HashMap<_, Vec<(usize, Vec<Value>)>> = HashMap::new();
        for (index, page) in pages.iter().enumerate() {
            let statement = backend.build(&(*page).clone().sorted().into_query());
            let values = statement.values.map_or_else(Vec::new, |values| values.0);
            alike.entry((statement.sql, page.limit)).or_default().push((index, values));
        }
        let mut found: Vec<Vec<E::Model>> = pages.iter().map(|_| Vec::new()).collect();
        for ((text, _), members) in &alike {
            for some in members.chunks(MOST_PAGES) {
                let values: Vec<&[Value]> = some.iter().map(|(_, values)| &values[..]).collect();
                let united = if some.len() > 1 { united(backend, text, &values) } else { None };
                let together: Vec<&Self> = some.iter().map(|(index, _)| pages[*index]).collect();
                let rows = Self::together(connection, &together, united).await?;
                for ((index, _), rows) in some.iter().zip(rows) {
                    found[*index] = rows;
                }
            }
        }
        Ok(found)
    }

    async fn together(
        connection: &impl ConnectionTrait,
        pages: &[&Self],
        united: Option<Statement>,
    ) -> Result<Vec<Vec<E::Model>>> {
        if let Some(statement) = united {
            return Self::apart(connection, statement, pages).await;
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

    async fn apart(
        connection: &impl ConnectionTrait,
        statement: Statement,
        pages: &[&Self],
    ) -> Result<Vec<Vec<E::Model>>> {
        let mut found: Vec<Vec<E::Model>> = pages.iter().map(|_| Vec::new()).collect();
        for row in connection.query_all_raw(statement).await? {
            let page: i32 = row.try_get("", "page")?;
            let rows = usize::try_from(page).ok().and_then(|page| found.get_mut(page));
            let rows = rows.ok_or_else(|| Error::bug("a row belongs to no page"))?;
            rows.push(E::Model::from_query_result(&row, "")?);
        }
        found.iter_mut().zip(pages).try_for_each(|(models, page)| page.sort(models))?;
        Ok(found)
    }

    /// Nothing says in which order a database gives the rows of a part. To have it sort them
    /// all costs SQLite as much as finding them.
    fn sort(&self, models: &mut Vec<E::Model>) -> Result<()> {
        let keyed = models.drain(..).map(|model| {
            let keys = (Key::of(model.get(self.column))?, Key::of(model.get(self.id))?);
            Ok((keys, model))
        });
        let mut keyed: Vec<_> = keyed.collect::<Result<_>>()?;
        keyed.sort_by(|((a, a_id), _), ((b, b_id), _)| {
            let nulls = (*a == Key::Null).cmp(&(*b == Key::Null));
            let nulls = if matches!(self.nulls, Some(Way::Desc)) { nulls.reverse() } else { nulls };
            let keys = (a, a_id).cmp(&(b, b_id));
            nulls.then(if matches!(self.way, Way::Desc) { keys.reverse() } else { keys })
        });
        models.extend(keyed.into_iter().map(|(_, model)| model));
        Ok(())
    }
}

/// One statement that runs a text with each of the lists of values, and tells in the column
/// `page` which it was. None where that would take too many parameters.
fn united(backend: DbBackend, text: &str, values: &[&[Value]]) -> Option<Statement> {
    match backend {
        DbBackend::Postgres => lateral(text, values),
        _ => union(backend, text, values),
    }
}

/// The text once for each, one after the other.
fn union(backend: DbBackend, text: &str, values: &[&[Value]]) -> Option<Statement> {
    let parts = (0..values.len())
        .map(|page| format!("SELECT {page} AS page, rows.* FROM ({text}) AS rows"))
        .collect::<Vec<_>>();
    let values = values.concat();
    (values.len() <= MOST_PARAMETERS)
        .then(|| Statement::from_sql_and_values(backend, parts.join(" UNION ALL "), values))
}

/// The text once, beside a table of the parameters that differ: planning it for each page would
/// take longer than reading them all.
fn lateral(text: &str, values: &[&[Value]]) -> Option<Statement> {
    let first = *values.first()?;
    let differing: Vec<usize> = (0..first.len())
        .filter(|at| values.iter().any(|values| values.get(*at) != first.get(*at)))
        .collect();
    let pages = (0_i32..).zip(values).map(|(page, values)| {
        let own = differing.iter().filter_map(|at| values.get(*at).cloned());
        std::iter::once(Value::from(page)).chain(own).collect::<Vec<_>>()
    });
    let pages: Vec<Vec<Value>> = pages.collect();
    if pages.iter().flatten().any(|value| *value == value.as_null()) {
        return None;
    }
    let columns: Vec<String> = differing.iter().map(|at| format!(", p{at}")).collect();
    let mut sql = Sql::new("SELECT v.page, rows.* FROM (");
    sql.table(vec![false; differing.len() + 1], pages);
    sql.push(&format!(") AS v(page{}) CROSS JOIN LATERAL (", columns.concat()));
    // Whatever comes from outside is a parameter: a `$` begins the number of one.
    let mut parts = text.split('$');
    sql.push(parts.next()?);
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at_checked(end)?;
        let at = number.parse::<usize>().ok()?.checked_sub(1)?;
        if differing.contains(&at) {
            sql.push(&format!("v.p{at}"));
        } else {
            sql.bind(first.get(at)?.clone());
        }
        sql.push(rest);
    }
    sql.push(") AS rows");
    Some(sql.statement(DbBackend::Postgres))
}
