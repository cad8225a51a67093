//! Reading conversations: the list, the ledger of what happened to one, and rows by id.

use entity::id::{BotId, ContactId, ConversationEventId, ConversationId, InboxId, LabelId, UserId};
use entity::kinds::{ConversationActor, ConversationEventKind, ConversationStatus, OpenedBy};
use entity::{Timestamp, conversation, conversation_event, conversation_label, label};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, Select};
use serde::Serialize;

use super::{any_of, check_range};
use crate::auth::{AccountScope, Permission};
use crate::domain::page::Order;
use crate::error::Result;

/// Which conversations to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConversationFilter {
    pub inbox_ids: Option<Vec<InboxId>>,
    pub statuses: Option<Vec<ConversationStatus>>,
    pub assignee_ids: Option<Vec<UserId>>,
    /// Whether somebody is responsible.
    pub assigned: Option<bool>,
    pub contact_ids: Option<Vec<ContactId>>,
    pub bot_ids: Option<Vec<BotId>>,
    /// Those that carry at least one of these labels.
    pub label_ids: Option<Vec<LabelId>>,
    pub opened_by: Option<Vec<OpenedBy>>,
    pub closed_by: Option<Vec<ConversationActor>>,
    pub traffic_sources: Option<Vec<String>>,
    pub has_client_messages: Option<bool>,
    /// The numbers shown to people.
    pub display_ids: Option<Vec<i64>>,
    /// Ranges are half-open: from the first instant on, before the second.
    pub created_from: Option<Timestamp>,
    pub created_to: Option<Timestamp>,
    pub closed_from: Option<Timestamp>,
    pub closed_to: Option<Timestamp>,
}

impl ConversationFilter {
    fn condition(&self, scope: &AccountScope) -> Condition {
        use conversation::Column as C;
        let labelled = self.label_ids.as_ref().map(|ids| labelled(scope, ids));
        let sources = self.traffic_sources.as_ref();
        Condition::all()
            .add_option(any_of(C::InboxId, &self.inbox_ids))
            .add_option(any_of(C::Status, &self.statuses))
            .add_option(any_of(C::AssigneeId, &self.assignee_ids))
            .add_option(self.assigned.map(|is| given(C::AssigneeId, is)))
            .add_option(any_of(C::ContactId, &self.contact_ids))
            .add_option(any_of(C::BotId, &self.bot_ids))
            .add_option(labelled)
            .add_option(any_of(C::OpenedBy, &self.opened_by))
            .add_option(any_of(C::ClosedBy, &self.closed_by))
            .add_option(sources.map(|any| C::TrafficSource.is_in(any.iter().map(String::as_str))))
            .add_option(self.has_client_messages.map(|has| C::HasClientMessages.eq(has)))
            .add_option(any_of(C::DisplayId, &self.display_ids))
            .add_option(self.created_from.map(|from| C::CreatedAt.gte(from)))
            .add_option(self.created_to.map(|to| C::CreatedAt.lt(to)))
            .add_option(self.closed_from.map(|from| C::ClosedAt.gte(from)))
            .add_option(self.closed_to.map(|to| C::ClosedAt.lt(to)))
    }
}

fn given(column: conversation::Column, is: bool) -> Expr {
    if is { column.is_not_null() } else { column.is_null() }
}

fn labelled(scope: &AccountScope, ids: &[LabelId]) -> Expr {
    let labelled = scope
        .find::<conversation_label::Entity>()
        .filter(conversation_label::Column::LabelId.is_in(ids.iter().copied()))
        .select_only()
        .column(conversation_label::Column::ConversationId)
        .into_query();
    conversation::Column::Id.in_subquery(labelled)
}

/// The conversations that `filter` lets through.
pub fn select(
    scope: &AccountScope,
    filter: &ConversationFilter,
) -> Result<Select<conversation::Entity>> {
    scope.require(Permission::Read)?;
    check_range("filter.createdTo", filter.created_from, filter.created_to)?;
    check_range("filter.closedTo", filter.closed_from, filter.closed_to)?;
    Ok(scope.find::<conversation::Entity>().filter(filter.condition(scope)))
}

pub fn by_creation() -> Order<conversation::Column> {
    by(conversation::Column::CreatedAt, false)
}

pub fn by_last_message() -> Order<conversation::Column> {
    by(conversation::Column::LastMessageAt, false)
}

/// Those that are not closed come last.
pub fn by_close() -> Order<conversation::Column> {
    by(conversation::Column::ClosedAt, true)
}

pub fn by_display_id() -> Order<conversation::Column> {
    by(conversation::Column::DisplayId, false)
}

fn by(column: conversation::Column, nullable: bool) -> Order<conversation::Column> {
    Order { column, id: conversation::Column::Id, descending: false, nullable }
}

/// Conversations by id; those of other accounts are not found.
pub async fn find_many(
    scope: &AccountScope,
    ids: &[ConversationId],
) -> Result<Vec<conversation::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<conversation::Entity>();
    let found = found.filter(conversation::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

/// The labels of these conversations, by name.
pub async fn labels(
    scope: &AccountScope,
    ids: &[ConversationId],
) -> Result<Vec<(ConversationId, label::Model)>> {
    scope.require(Permission::Read)?;
    let carried = scope
        .find::<conversation_label::Entity>()
        .filter(conversation_label::Column::ConversationId.is_in(ids.iter().copied()))
        .all(scope.db().read())
        .await?;
    let label_ids: Vec<LabelId> = carried.iter().map(|row| row.label_id).collect();
    let mut labels = crate::domain::label::find_many(scope, &label_ids).await?;
    labels.sort_by(|a, b| (&a.name_key, a.id).cmp(&(&b.name_key, b.id)));
    let mut found = Vec::with_capacity(carried.len());
    for label in labels {
        let carriers = carried.iter().filter(|row| row.label_id == label.id);
        found.extend(carriers.map(|row| (row.conversation_id, label.clone())));
    }
    Ok(found)
}

/// Which events of a conversation to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConversationEventFilter {
    pub conversation_ids: Option<Vec<ConversationId>>,
    pub kinds: Option<Vec<ConversationEventKind>>,
}

/// What happened to conversations.
pub fn select_events(
    scope: &AccountScope,
    filter: &ConversationEventFilter,
) -> Result<Select<conversation_event::Entity>> {
    use conversation_event::Column as C;
    scope.require(Permission::Read)?;
    let wanted = Condition::all()
        .add_option(any_of(C::ConversationId, &filter.conversation_ids))
        .add_option(any_of(C::Kind, &filter.kinds));
    Ok(scope.find::<conversation_event::Entity>().filter(wanted))
}

pub fn events_by_time() -> Order<conversation_event::Column> {
    use conversation_event::Column::{Id, OccurredAt};
    Order { column: OccurredAt, id: Id, descending: false, nullable: false }
}

/// Events by id; those of other accounts are not found.
pub async fn find_many_events(
    scope: &AccountScope,
    ids: &[ConversationEventId],
) -> Result<Vec<conversation_event::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<conversation_event::Entity>();
    let found = found.filter(conversation_event::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}
