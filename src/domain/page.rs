//! Pages of lists by keyset: a page begins behind the last row of the page before, so that
//! it costs the same wherever it lies and no row is skipped or shown twice when others are
//! added. The order is total: nulls last, then by id.

mod rows;

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::Uuid;
use sea_orm::sea_query::{Expr, ExprTrait, Value};
use sea_orm::{
    ColumnTrait, ColumnType, Condition, ConnectionTrait, EntityTrait, IdenStatic, ModelTrait,
    QueryFilter, QuerySelect, Select,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use rows::Rows;

use crate::auth::AccountScope;
use crate::error::{Checks, Error, Result, ViolationCode};

pub const DEFAULT_PAGE: u64 = 50;
pub const LONGEST_PAGE: u64 = 100;

/// By what a list is sorted: one column, then the id.
#[derive(Clone, Copy, Debug)]
pub struct Order<C> {
    pub column: C,
    pub id: C,
    pub descending: bool,
    /// Whether the column may be null. Such rows come last either way.
    pub nullable: bool,
}

/// How a list is sorted: by a column, or in groups that have an order of their own.
#[derive(Clone, Debug)]
pub enum Sorting<C> {
    By(Order<C>),
    /// By what `column` refers to, in the order of the names of these things; rows without one
    /// come last either way. By `within` where it is the same.
    Grouped {
        column: C,
        groups: Vec<Group>,
        descending: bool,
        within: Order<C>,
    },
}

/// By its name, and the id of the thing that has it.
pub type Group = (String, Uuid);

impl<C> From<Order<C>> for Sorting<C> {
    fn from(order: Order<C>) -> Self {
        Self::By(order)
    }
}

/// What part of a list is asked for, after [`PageRequest::new`] has checked it.
#[derive(Clone, Debug)]
pub struct PageRequest {
    size: u64,
    from: Option<String>,
    /// Whether the page ends before the cursor instead of beginning behind it.
    backward: bool,
}

impl PageRequest {
    /// Relay's arguments: `first` with `after`, or `last` with `before`.
    pub fn new(
        first: Option<i64>,
        after: Option<String>,
        last: Option<i64>,
        before: Option<String>,
    ) -> Result<Self> {
        let mut checks = Checks::new();
        let backward = last.is_some() || (before.is_some() && first.is_none());
        if first.is_some() && last.is_some() {
            checks.fail("last", ViolationCode::Conflict, "cannot be given together with first");
        }
        if after.is_some() && before.is_some() {
            checks.fail("before", ViolationCode::Conflict, "cannot be given together with after");
        } else if backward && after.is_some() {
            checks.fail("after", ViolationCode::Conflict, "goes with first; last goes with before");
        } else if !backward && before.is_some() {
            checks.fail("before", ViolationCode::Conflict, "goes with last; first goes with after");
        }
        let (path, size) = if backward { ("last", last) } else { ("first", first) };
        let longest = LONGEST_PAGE.cast_signed();
        let size = checks.range(path, size.unwrap_or(DEFAULT_PAGE.cast_signed()), 1..=longest);
        checks.finish()?;
        Ok(Self {
            size: size.unsigned_abs(),
            from: if backward { before } else { after },
            backward,
        })
    }

    /// The argument that holds the cursor.
    fn path(&self) -> &'static str {
        if self.backward { "before" } else { "after" }
    }

    /// The first `size` rows.
    pub fn first(size: u64) -> Self {
        Self { size, from: None, backward: false }
    }
}

/// Some rows of a list with a cursor for each.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<(String, T)>,
    pub has_next: bool,
    pub has_previous: bool,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Ties the cursor to the account, the order and the filter it was made under.
    list: [u8; 8],
    key: Key,
    id: Uuid,
}

/// Compared as the databases do.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Key {
    Null,
    Number(i64),
    Text(String),
    Id(Uuid),
}

impl Key {
    fn of(value: Value) -> Result<Self> {
        Ok(match value {
            Value::BigInt(Some(number)) => Self::Number(number),
            Value::SmallInt(Some(number)) => Self::Number(number.into()),
            Value::String(Some(text)) => Self::Text(text),
            Value::Uuid(Some(id)) => Self::Id(id),
            Value::BigInt(None)
            | Value::SmallInt(None)
            | Value::String(None)
            | Value::Uuid(None) => Self::Null,
            other => return Err(Error::bug(format!("lists cannot be sorted by {other:?}"))),
        })
    }

    fn value(&self) -> Option<Value> {
        match self {
            Self::Null => None,
            Self::Number(number) => Some(Value::from(*number)),
            Self::Text(text) => Some(Value::from(text.clone())),
            Self::Id(id) => Some(Value::from(*id)),
        }
    }
}

/// One page of `select`, which must already be narrowed to the scope's account. `filter` is
/// whatever else narrowed it: cursors of another filter or order are refused.
pub async fn list<E>(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    select: Select<E>,
    sorting: impl Into<Sorting<E::Column>>,
    filter: &impl Serialize,
    request: &PageRequest,
) -> Result<Page<E::Model>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    match sorting.into() {
        Sorting::By(order) => sorted(scope, connection, select, order, filter, request).await,
        Sorting::Grouped { column, groups, descending, within } => {
            let digest = digest::<E>(scope, &within, &(column.as_str(), descending, filter))?;
            let groups = groups.into_iter().map(Some).chain([None]);
            let groups = from_cursor(groups, descending, digest, request)?;
            grouped(scope, connection, select, (column, groups, within), digest, request).await
        }
    }
}

/// Of a grouped list: in which group, and where in it.
#[derive(Serialize, Deserialize)]
struct GroupCursor {
    list: [u8; 8],
    group: Option<Group>,
    within: String,
}

/// The groups from the cursor's on, in the order in which they are gone through. The name in it
/// tells where that is, also after the group itself has gone.
fn from_cursor(
    groups: impl Iterator<Item = Option<Group>>,
    descending: bool,
    list: [u8; 8],
    request: &PageRequest,
) -> Result<Vec<Opened>> {
    let compare = |a: &Option<Group>, b: &Option<Group>| {
        let named = match (a, b) {
            (Some(a), Some(b)) if descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        if request.backward { named.reverse() } else { named }
    };
    let cursor = request.from.as_deref().map(|text| group_cursor(request.path(), text, list));
    let cursor = cursor.transpose()?;
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by(&compare);
    let start = cursor.as_ref().map_or(0, |cursor| {
        groups.partition_point(|group| compare(group, &cursor.group) == Ordering::Less)
    });
    let within = |group: &Option<Group>| {
        let cursor = cursor.as_ref().filter(|cursor| cursor.group == *group);
        cursor.map(|cursor| cursor.within.clone())
    };
    let rest = groups.drain(start..);
    Ok(rest.map(|group| (group.clone(), within(&group))).collect())
}

/// A group, and the cursor within it behind which it is opened.
type Opened = (Option<Group>, Option<String>);

/// Goes from group to group until the page is full, so that each costs what a page of it costs.
async fn grouped<E>(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    select: Select<E>,
    (column, groups, within): (E::Column, Vec<Opened>, Order<E::Column>),
    digest: [u8; 8],
    request: &PageRequest,
) -> Result<Page<E::Model>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    let size = usize::try_from(request.size).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for (group, from) in groups {
        let of_group = match &group {
            Some((_, id)) => column.eq(*id),
            None => column.is_null(),
        };
        let missing = (size + 1 - rows.len()) as u64;
        let part = PageRequest { size: missing, from, backward: request.backward };
        let list = (digest, &group);
        let select = select.clone().filter(of_group);
        let mut page = sorted(scope, connection, select, within, &list, &part).await?;
        if request.backward {
            page.rows.reverse();
        }
        for (within, model) in page.rows {
            let cursor =
                serde_json::to_vec(&GroupCursor { list: digest, group: group.clone(), within })?;
            rows.push((URL_SAFE_NO_PAD.encode(cursor), model));
        }
        if rows.len() > size {
            break;
        }
    }
    let more = rows.len() > size;
    rows.truncate(size);
    if request.backward {
        rows.reverse();
    }
    let beyond = request.from.is_some();
    let (has_next, has_previous) = if request.backward { (beyond, more) } else { (more, beyond) };
    Ok(Page { rows, has_next, has_previous })
}

fn group_cursor(path: &str, text: &str, list: [u8; 8]) -> Result<GroupCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken(path))?;
    let cursor: GroupCursor = serde_json::from_slice(&bytes).map_err(|_| broken(path))?;
    if cursor.list == list { Ok(cursor) } else { Err(elsewhere(path)) }
}

async fn sorted<E>(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    select: Select<E>,
    order: Order<E::Column>,
    filter: &impl Serialize,
    request: &PageRequest,
) -> Result<Page<E::Model>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    let asked = Asked::new(scope, select, order, filter, request)?;
    let models = asked.rows.clone().all(connection).await?;
    asked.page(models)
}

/// A page of a list that is sorted by a column, before its rows are there: so that those of
/// several can be read together.
pub struct Asked<E: EntityTrait> {
    rows: Rows<E>,
    order: Order<E::Column>,
    list: [u8; 8],
    size: usize,
    backward: bool,
    beyond: bool,
}

impl<E> Asked<E>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    /// See [`list`].
    pub fn new(
        scope: &AccountScope,
        mut select: Select<E>,
        order: Order<E::Column>,
        filter: &impl Serialize,
        request: &PageRequest,
    ) -> Result<Self> {
        let list = digest::<E>(scope, &order, filter)?;
        if let Some(text) = &request.from {
            let cursor = decode::<E>(request.path(), text, list, &order)?;
            select = select.filter(behind::<E>(&order, &cursor, request.backward));
        }
        let rows = Rows::new(select, &order, request);
        let size = usize::try_from(request.size).unwrap_or(usize::MAX);
        let (backward, beyond) = (request.backward, request.from.is_some());
        Ok(Self { rows, order, list, size, backward, beyond })
    }

    pub fn rows(&self) -> &Rows<E> {
        &self.rows
    }

    /// The page with these rows.
    pub fn page(&self, mut models: Vec<E::Model>) -> Result<Page<E::Model>> {
        let more = models.len() > self.size;
        models.truncate(self.size);
        if self.backward {
            models.reverse();
        }
        let rows = models
            .into_iter()
            .map(|model| Ok((encode::<E>(&self.order, self.list, &model)?, model)))
            .collect::<Result<Vec<_>>>()?;
        let (has_next, has_previous) =
            if self.backward { (self.beyond, more) } else { (more, self.beyond) };
        Ok(Page { rows, has_next, has_previous })
    }
}

fn behind<E: EntityTrait>(order: &Order<E::Column>, cursor: &Cursor, backward: bool) -> Condition {
    let descending = order.descending != backward;
    let column = order.column;
    let id = if descending { order.id.lt(cursor.id) } else { order.id.gt(cursor.id) };
    let Some(key) = cursor.key.value() else {
        let same = Condition::all().add(column.is_null()).add(id);
        return if backward { Condition::any().add(column.is_not_null()).add(same) } else { same };
    };
    let further = if descending { column.lt(key.clone()) } else { column.gt(key.clone()) };
    // The databases find the place in an index by this alone, not by the alternatives.
    let from = if descending { column.lte(key.clone()) } else { column.gte(key.clone()) };
    let condition = Condition::any().add(further).add(Condition::all().add(column.eq(key)).add(id));
    if order.nullable && !backward {
        return condition.add(column.is_null());
    }
    Condition::all().add(from).add(condition)
}

fn digest<E: EntityTrait>(
    scope: &AccountScope,
    order: &Order<E::Column>,
    filter: &impl Serialize,
) -> Result<[u8; 8]> {
    let mut hash = Sha256::new();
    hash.update(scope.account_id().0.as_bytes());
    hash.update(E::default().table_name());
    hash.update(order.column.as_str());
    hash.update([u8::from(order.descending)]);
    hash.update(serde_json::to_vec(filter)?);
    let mut list = [0; 8];
    list.copy_from_slice(&hash.finalize()[..8]);
    Ok(list)
}

fn encode<E>(order: &Order<E::Column>, list: [u8; 8], model: &E::Model) -> Result<String>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E>,
{
    let Value::Uuid(Some(id)) = model.get(order.id) else {
        return Err(Error::bug("the last key of a list must be an id"));
    };
    let cursor = Cursor { list, key: Key::of(model.get(order.column))?, id };
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor)?))
}

/// Cursors can be made up: what they hold is checked like any other input.
fn decode<E: EntityTrait>(
    path: &str,
    text: &str,
    list: [u8; 8],
    order: &Order<E::Column>,
) -> Result<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken(path))?;
    let cursor: Cursor = serde_json::from_slice(&bytes).map_err(|_| broken(path))?;
    if cursor.list != list {
        return Err(elsewhere(path));
    }
    let fits = match (&cursor.key, order.column.def().get_column_type()) {
        (Key::Null, _) => order.nullable,
        (Key::Number(_), ColumnType::BigInteger) => true,
        (Key::Number(number), ColumnType::SmallInteger) => i16::try_from(*number).is_ok(),
        (Key::Text(text), ColumnType::Text) => !text.contains('\0'),
        (Key::Id(_), ColumnType::Uuid) => true,
        _ => false,
    };
    if fits { Ok(cursor) } else { Err(broken(path)) }
}

fn broken(path: &str) -> Error {
    Error::invalid(path, ViolationCode::Malformed, "is not a cursor of this API")
}

fn elsewhere(path: &str) -> Error {
    let message = "belongs to another list, order or filter; start again without it";
    Error::invalid(path, ViolationCode::Conflict, message)
}

/// How many rows `select` has.
pub async fn count<E>(connection: &impl ConnectionTrait, select: Select<E>) -> Result<u64>
where
    E: EntityTrait,
{
    let counted: Option<i64> = select
        .select_only()
        .column_as(Expr::cust("1").count(), "count")
        .into_tuple()
        .one(connection)
        .await?;
    Ok(counted.unwrap_or(0).unsigned_abs())
}
