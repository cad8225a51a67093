//! The message log: conversations that are closed, by date or by who was responsible.

use entity::id::{InboxId, UserId, Uuid};
use entity::kinds::{ConversationActor, Platform};
use entity::{Timestamp, conversation, inbox, user};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    Select,
};
use serde::Serialize;

use super::{any_of, check_range};
use crate::auth::{AccountScope, Permission, person};
use crate::db::Sql;
use crate::domain::page::{Order, Sorting};
use crate::error::Result;

/// Which lines of the log to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageLogFilter {
    pub manager_ids: Option<Vec<UserId>>,
    /// Whether somebody was responsible.
    pub managed: Option<bool>,
    pub inbox_ids: Option<Vec<InboxId>>,
    pub messengers: Option<Vec<Platform>>,
    pub closed_by: Option<Vec<ConversationActor>>,
    pub traffic_sources: Option<Vec<String>>,
    /// Ranges are half-open: from the first instant on, before the second.
    pub created_from: Option<Timestamp>,
    pub created_to: Option<Timestamp>,
    pub closed_from: Option<Timestamp>,
    pub closed_to: Option<Timestamp>,
}

impl MessageLogFilter {
    fn condition(&self, scope: &AccountScope) -> Condition {
        use conversation::Column as C;
        let managed = |is| if is { C::AssigneeId.is_not_null() } else { C::AssigneeId.is_null() };
        let platforms = self.messengers.as_ref().map(|any| {
            let on = scope
                .find::<inbox::Entity>()
                .filter(inbox::Column::Platform.is_in(any.iter().copied()));
            C::InboxId.in_subquery(on.select_only().column(inbox::Column::Id).into_query())
        });
        let sources = self.traffic_sources.as_ref();
        Condition::all()
            .add(C::ClosedAt.is_not_null())
            .add_option(any_of(C::AssigneeId, &self.manager_ids))
            .add_option(self.managed.map(managed))
            .add_option(any_of(C::InboxId, &self.inbox_ids))
            .add_option(platforms)
            .add_option(any_of(C::ClosedBy, &self.closed_by))
            .add_option(sources.map(|any| C::TrafficSource.is_in(any.iter().map(String::as_str))))
            .add_option(self.created_from.map(|from| C::CreatedAt.gte(from)))
            .add_option(self.created_to.map(|to| C::CreatedAt.lt(to)))
            .add_option(self.closed_from.map(|from| C::ClosedAt.gte(from)))
            .add_option(self.closed_to.map(|to| C::ClosedAt.lt(to)))
    }
}

/// The closed conversations that `filter` lets through.
pub fn select(
    scope: &AccountScope,
    filter: &MessageLogFilter,
) -> Result<Select<conversation::Entity>> {
    scope.require(Permission::Read)?;
    check_range("filter.createdTo", filter.created_from, filter.created_to)?;
    check_range("filter.closedTo", filter.closed_from, filter.closed_to)?;
    Ok(scope.find::<conversation::Entity>().filter(filter.condition(scope)))
}

pub fn by_creation() -> Order<conversation::Column> {
    super::conversation::by_creation()
}

/// All lines have such a time.
pub fn by_close() -> Order<conversation::Column> {
    Order { nullable: false, ..super::conversation::by_close() }
}

/// By the name of the manager, those without one last; of each the latest first. Goes through
/// the managers of `lines`, which `filter` lets through.
pub async fn by_manager(
    scope: &AccountScope,
    lines: &Select<conversation::Entity>,
    filter: &MessageLogFilter,
    descending: bool,
) -> Result<Sorting<conversation::Column>> {
    let managers = managers(scope, lines, filter).await?.into_iter();
    let groups = managers.map(|user| (user.name_key, user.id.0)).collect();
    let within = Order { descending: true, ..by_creation() };
    let column = conversation::Column::AssigneeId;
    Ok(Sorting::Grouped { column, groups, descending, within })
}

#[derive(FromQueryResult)]
struct Found {
    assignee_id: Option<Uuid>,
}

/// Whoever is responsible for one of the lines: members, and people who left.
async fn managers(
    scope: &AccountScope,
    lines: &Select<conversation::Entity>,
    filter: &MessageLogFilter,
) -> Result<Vec<user::Model>> {
    let ids = match &filter.manager_ids {
        _ if filter.managed == Some(false) => return Ok(Vec::new()),
        Some(ids) => ids.clone(),
        None => responsible(scope).await?,
    };
    let theirs = conversation::Column::AssigneeId.into_expr();
    let theirs = theirs.equals((user::Entity, user::Column::Id));
    let line = lines.clone().select_only().expr(Expr::val(1)).filter(theirs);
    person::find_many_where(scope.db().read(), &ids, Expr::exists(line.into_query())).await
}

async fn responsible(scope: &AccountScope) -> Result<Vec<UserId>> {
    // From one to the next: there are many conversations for each.
    let next = |sql: &mut Sql, behind: &str| {
        sql.push("(SELECT c.assignee_id FROM conversation c WHERE c.account_id = ");
        sql.bind(scope.account_id());
        sql.push(&format!(" AND {behind} ORDER BY c.assignee_id LIMIT 1)"));
    };
    let mut sql = Sql::new("WITH RECURSIVE met(assignee_id) AS (SELECT ");
    next(&mut sql, "c.assignee_id IS NOT NULL");
    sql.push(" UNION ALL SELECT ");
    next(&mut sql, "c.assignee_id > met.assignee_id");
    sql.push(" FROM met WHERE met.assignee_id IS NOT NULL) SELECT assignee_id FROM met");
    let statement = sql.statement(scope.db().backend());
    let found = Found::find_by_statement(statement).all(scope.db().read()).await?;
    Ok(found.into_iter().filter_map(|row| row.assignee_id).map(UserId).collect())
}
