//! Reading messages: the list, the ledger of what was heard about one, and rows by id.

use entity::id::{
    BotId, ContactId, ConversationId, InboxId, MessageEventId, MessageId, SessionId, TemplateId,
    UserId,
};
use entity::kinds::{AuthorKind, Direction, FailureBucket, Medium, MessageStatus};
use entity::{Timestamp, message, message_event};
use sea_orm::sea_query::Func;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QueryOrder, Select};
use serde::Serialize;

use super::{any_of, check_range};
use crate::auth::{AccountScope, Permission};
use crate::domain::page::Order;
use crate::error::Result;

/// Which messages to list. What is not given does not restrict.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MessageFilter {
    pub inbox_ids: Option<Vec<InboxId>>,
    pub contact_ids: Option<Vec<ContactId>>,
    pub conversation_ids: Option<Vec<ConversationId>>,
    pub session_ids: Option<Vec<SessionId>>,
    pub template_ids: Option<Vec<TemplateId>>,
    pub directions: Option<Vec<Direction>>,
    pub mediums: Option<Vec<Medium>>,
    /// Leaves inbound messages and notes out: they have none.
    pub statuses: Option<Vec<MessageStatus>>,
    pub failure_buckets: Option<Vec<FailureBucket>>,
    pub author_kinds: Option<Vec<AuthorKind>>,
    pub author_user_ids: Option<Vec<UserId>>,
    pub author_bot_ids: Option<Vec<BotId>>,
    /// Whether notes that the contact never sees.
    pub private: Option<bool>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
}

impl MessageFilter {
    fn condition(&self) -> Condition {
        use message::Column as C;
        Condition::all()
            .add_option(any_of(C::InboxId, &self.inbox_ids))
            .add_option(any_of(C::ContactId, &self.contact_ids))
            .add_option(any_of(C::ConversationId, &self.conversation_ids))
            .add_option(any_of(C::SessionId, &self.session_ids))
            .add_option(any_of(C::TemplateId, &self.template_ids))
            .add_option(any_of(C::Direction, &self.directions))
            .add_option(any_of(C::Medium, &self.mediums))
            .add_option(any_of(C::Status, &self.statuses))
            .add_option(any_of(C::FailureBucket, &self.failure_buckets))
            .add_option(any_of(C::AuthorKind, &self.author_kinds))
            .add_option(any_of(C::AuthorUserId, &self.author_user_ids))
            .add_option(any_of(C::AuthorBotId, &self.author_bot_ids))
            .add_option(self.private.map(|private| C::Private.eq(private)))
            .add_option(self.from.map(|from| C::OccurredAt.gte(from)))
            .add_option(self.to.map(|to| C::OccurredAt.lt(to)))
    }
}

/// The messages that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &MessageFilter) -> Result<Select<message::Entity>> {
    scope.require(Permission::Read)?;
    check_range("filter.to", filter.from, filter.to)?;
    Ok(scope.find::<message::Entity>().filter(filter.condition()))
}

/// The order in which a conversation is read.
pub fn by_time() -> Order<message::Column> {
    use message::Column::{Id, OccurredAt};
    Order { column: OccurredAt, id: Id, descending: false, nullable: false }
}

pub fn by_recording() -> Order<message::Column> {
    use message::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

/// Messages by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[MessageId]) -> Result<Vec<message::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<message::Entity>();
    let found = found.filter(message::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

/// All that was heard about these messages, in the order of its happening; what has no
/// provider's time stands where it was received.
pub async fn events(scope: &AccountScope, ids: &[MessageId]) -> Result<Vec<message_event::Model>> {
    use message_event::Column as C;
    scope.require(Permission::Read)?;
    let time = Func::coalesce([C::ProviderTime.into_expr(), C::ReceivedAt.into_expr()]);
    let events = scope
        .find::<message_event::Entity>()
        .filter(C::MessageId.is_in(ids.iter().copied()))
        .order_by_asc(time)
        .order_by_asc(C::Id);
    Ok(events.all(scope.db().read()).await?)
}

/// Events by id; those of other accounts are not found.
pub async fn find_many_events(
    scope: &AccountScope,
    ids: &[MessageEventId],
) -> Result<Vec<message_event::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<message_event::Entity>();
    let found = found.filter(message_event::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}
