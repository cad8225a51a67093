//! Reading sessions. How they follow from messages is `record`'s business.

use entity::id::{ContactId, ConversationId, InboxId, SessionId};
use entity::kinds::{SessionOrigin, UserType};
use entity::{Timestamp, session};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, Select};
use serde::Serialize;

use super::{any_of, check_range};
use crate::auth::{AccountScope, Permission};
use crate::domain::page::Order;
use crate::error::Result;

/// Which sessions to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionFilter {
    pub inbox_ids: Option<Vec<InboxId>>,
    pub contact_ids: Option<Vec<ContactId>>,
    pub conversation_ids: Option<Vec<ConversationId>>,
    pub origins: Option<Vec<SessionOrigin>>,
    pub user_types: Option<Vec<UserType>>,
    /// Started from this instant on.
    pub from: Option<Timestamp>,
    /// Started before this instant.
    pub to: Option<Timestamp>,
}

/// The sessions that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &SessionFilter) -> Result<Select<session::Entity>> {
    use session::Column as C;
    scope.require(Permission::Read)?;
    check_range("filter.to", filter.from, filter.to)?;
    let wanted = Condition::all()
        .add_option(any_of(C::InboxId, &filter.inbox_ids))
        .add_option(any_of(C::ContactId, &filter.contact_ids))
        .add_option(any_of(C::ConversationId, &filter.conversation_ids))
        .add_option(any_of(C::Origin, &filter.origins))
        .add_option(any_of(C::UserType, &filter.user_types))
        .add_option(filter.from.map(|from| C::StartedAt.gte(from)))
        .add_option(filter.to.map(|to| C::StartedAt.lt(to)));
    Ok(scope.find::<session::Entity>().filter(wanted))
}

/// When the first session of each of these contacts began, on any inbox.
pub async fn first_starts(
    scope: &AccountScope,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, Timestamp)>> {
    use session::Column as C;
    scope.require(Permission::Read)?;
    let first = scope
        .find::<session::Entity>()
        .filter(C::ContactId.is_in(contacts.iter().copied()))
        .select_only()
        .column(C::ContactId)
        .column_as(C::StartedAt.min(), "first")
        .group_by(C::ContactId);
    Ok(first.into_tuple().all(scope.db().read()).await?)
}

pub fn by_start() -> Order<session::Column> {
    use session::Column::{Id, StartedAt};
    Order { column: StartedAt, id: Id, descending: false, nullable: false }
}

pub fn by_last_message() -> Order<session::Column> {
    use session::Column::{Id, LastMessageAt};
    Order { column: LastMessageAt, id: Id, descending: false, nullable: false }
}

/// Sessions by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[SessionId]) -> Result<Vec<session::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<session::Entity>();
    let found = found.filter(session::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}
