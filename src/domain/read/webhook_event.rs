//! Reading what providers delivered, as it came in. It holds personal data unfiltered, so
//! that only administrators see it.

use entity::id::{InboxId, RawEventId};
use entity::kinds::Provider;
use entity::{Timestamp, raw_event};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, QueryFilter, Select};
use serde::Serialize;

use super::{any_of, check_range};
use crate::auth::{AccountScope, Permission};
use crate::domain::page::Order;
use crate::error::Result;

/// Which deliveries to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WebhookEventFilter {
    pub inbox_ids: Option<Vec<InboxId>>,
    pub providers: Option<Vec<Provider>>,
    /// Whether it was read yet.
    pub applied: Option<bool>,
    /// Whether something in it was unknown or could not be applied.
    pub incomplete: Option<bool>,
    /// Received from this instant on.
    pub from: Option<Timestamp>,
    /// Received before this instant.
    pub to: Option<Timestamp>,
}

/// The deliveries that `filter` lets through.
pub fn select(
    scope: &AccountScope,
    filter: &WebhookEventFilter,
) -> Result<Select<raw_event::Entity>> {
    use raw_event::Column as C;
    scope.require(Permission::Inspect)?;
    check_range("filter.to", filter.from, filter.to)?;
    let wanted = Condition::all()
        .add_option(any_of(C::InboxId, &filter.inbox_ids))
        .add_option(any_of(C::Provider, &filter.providers))
        .add_option(filter.applied.map(applied))
        .add_option(filter.incomplete.map(incomplete))
        .add_option(filter.from.map(|from| C::ReceivedAt.gte(from)))
        .add_option(filter.to.map(|to| C::ReceivedAt.lt(to)));
    Ok(scope.find::<raw_event::Entity>().filter(wanted))
}

fn applied(is: bool) -> Expr {
    let column = raw_event::Column::AppliedAt;
    if is { column.is_not_null() } else { column.is_null() }
}

fn incomplete(is: bool) -> Condition {
    use raw_event::Column::{Failed, Unknown};
    if is {
        Condition::any().add(Unknown.gt(0)).add(Failed.gt(0))
    } else {
        Condition::all().add(Unknown.eq(0)).add(Failed.eq(0))
    }
}

pub fn by_reception() -> Order<raw_event::Column> {
    use raw_event::Column::{Id, ReceivedAt};
    Order { column: ReceivedAt, id: Id, descending: false, nullable: false }
}

/// Deliveries by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[RawEventId]) -> Result<Vec<raw_event::Model>> {
    scope.require(Permission::Inspect)?;
    let found = scope.find::<raw_event::Entity>();
    let found = found.filter(raw_event::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}
