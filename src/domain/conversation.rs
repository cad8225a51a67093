//! What people do with conversations: assign, close, reopen, hand over, label. Each is an
//! event of the ledger, recorded like those of other systems.

use std::collections::HashSet;

use entity::id::{ConversationId, InboxId, LabelId, UserId};
use entity::kinds::{ConversationActor, ConversationEventKind, ConversationStatus};
use entity::{Timestamp, contact_identity, conversation, conversation_label};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect};

use crate::auth::{AccountScope, Actor, Permission};
use crate::domain::record::{self, Item, NewConversationEvent, Outcome};
use crate::error::{Error, Result, ViolationCode};

/// Gives the conversation to a member of the account, or takes it from everybody.
pub async fn assign(
    scope: &AccountScope,
    id: ConversationId,
    user: Option<UserId>,
) -> Result<conversation::Model> {
    let conversation = get(scope, id).await?;
    if conversation.assignee_id == user {
        return Ok(conversation);
    }
    let mut event = event(scope, &conversation, ConversationEventKind::Assigned);
    event.user_id = user;
    happen(scope, id, vec![event]).await
}

/// Closing a closed conversation changes nothing.
pub async fn close(scope: &AccountScope, id: ConversationId) -> Result<conversation::Model> {
    let conversation = get(scope, id).await?;
    if conversation.status == ConversationStatus::Closed {
        return Ok(conversation);
    }
    happen(scope, id, vec![event(scope, &conversation, ConversationEventKind::Closed)]).await
}

/// Reopening an open conversation changes nothing.
pub async fn reopen(scope: &AccountScope, id: ConversationId) -> Result<conversation::Model> {
    let conversation = get(scope, id).await?;
    if conversation.status != ConversationStatus::Closed {
        return Ok(conversation);
    }
    happen(scope, id, vec![event(scope, &conversation, ConversationEventKind::Reopened)]).await
}

/// The bot hands the conversation to people.
pub async fn hand_off(scope: &AccountScope, id: ConversationId) -> Result<conversation::Model> {
    let conversation = get(scope, id).await?;
    let mut event = event(scope, &conversation, ConversationEventKind::HandedOff);
    event.bot_id = conversation.bot_id;
    happen(scope, id, vec![event]).await
}

/// Makes `labels` the conversation's labels.
pub async fn label(
    scope: &AccountScope,
    id: ConversationId,
    labels: Vec<LabelId>,
) -> Result<conversation::Model> {
    let conversation = get(scope, id).await?;
    let before: HashSet<LabelId> = scope
        .find::<conversation_label::Entity>()
        .filter(conversation_label::Column::ConversationId.eq(id))
        .select_only()
        .column(conversation_label::Column::LabelId)
        .into_tuple()
        .all(scope.db().read())
        .await?
        .into_iter()
        .collect();
    let after: HashSet<LabelId> = labels.into_iter().collect();
    let change = |label: &LabelId, kind| {
        let mut event = event(scope, &conversation, kind);
        event.label_id = Some(*label);
        event
    };
    let on = after.difference(&before).map(|label| change(label, ConversationEventKind::Labelled));
    let off =
        before.difference(&after).map(|label| change(label, ConversationEventKind::Unlabelled));
    happen(scope, id, on.chain(off).collect()).await
}

async fn get(scope: &AccountScope, id: ConversationId) -> Result<conversation::Model> {
    scope.require(Permission::Converse)?;
    find(scope, id).await
}

async fn find(scope: &AccountScope, id: ConversationId) -> Result<conversation::Model> {
    scope
        .find::<conversation::Entity>()
        .filter(conversation::Column::Id.eq(id))
        .one(scope.db().read())
        .await?
        .ok_or(Error::NotFound("conversation"))
}

fn event(
    scope: &AccountScope,
    conversation: &conversation::Model,
    kind: ConversationEventKind,
) -> NewConversationEvent {
    let by = match scope.actor() {
        Actor::User(_) => ConversationActor::Agent,
        Actor::Token | Actor::Provider | Actor::System => ConversationActor::System,
    };
    // After all that is known of it: clocks of other systems may run ahead of ours.
    let (now, last) = (scope.now(), conversation.last_activity_at);
    let occurred_at = if last > now { Timestamp(last.0 + 1) } else { now };
    NewConversationEvent {
        inbox_id: conversation.inbox_id,
        conversation_external_id: None,
        conversation_id: Some(conversation.id),
        kind,
        user_id: None,
        bot_id: None,
        label_id: None,
        by: Some(by),
        by_user_id: scope.actor().user_id(),
        occurred_at: Some(occurred_at),
    }
}

async fn happen(
    scope: &AccountScope,
    id: ConversationId,
    events: Vec<NewConversationEvent>,
) -> Result<conversation::Model> {
    let items = events.into_iter().map(Item::ConversationEvent).collect();
    for outcome in record::record(scope, None, items).await? {
        if let Outcome::Rejected(mut violations) = outcome {
            for violation in &mut violations {
                violation.path = violation.path.replace("conversationEvent.", "");
            }
            return Err(Error::Invalid(violations));
        }
    }
    find(scope, id).await
}

/// That a visitor's page is open.
pub struct VisitorSeen {
    pub inbox_id: InboxId,
    /// The visitor's id on the inbox.
    pub contact_external_id: String,
    /// None means now.
    pub at: Option<Timestamp>,
}

/// Notes the visitor's presence in the conversations that are not closed, so that absence
/// can be known. Says how many there are.
pub async fn visitor_seen(scope: &AccountScope, input: VisitorSeen) -> Result<u64> {
    scope.require(Permission::Record)?;
    let now = scope.now();
    let at = input.at.unwrap_or(now);
    if at > now.plus_seconds(60) {
        return Err(Error::invalid(
            "at",
            ViolationCode::OutOfRange,
            "lies in the future; allowed is up to now",
        ));
    }
    let tx = scope.begin().await?;
    let identity = scope
        .find::<contact_identity::Entity>()
        .filter(contact_identity::Column::InboxId.eq(input.inbox_id))
        .filter(contact_identity::Column::SourceId.eq(input.contact_external_id.trim()))
        .one(&tx)
        .await?;
    let Some(identity) = identity else { return Ok(0) };
    use conversation::Column as C;
    let earlier =
        Condition::any().add(C::VisitorLastSeenAt.is_null()).add(C::VisitorLastSeenAt.lt(at));
    let seen = scope
        .update_many::<conversation::Entity>()
        .filter(C::InboxId.eq(input.inbox_id))
        .filter(C::ContactId.eq(identity.contact_id))
        .filter(C::Status.ne(ConversationStatus::Closed))
        .filter(earlier)
        .col_expr(C::VisitorLastSeenAt, Expr::value(at))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(seen.rows_affected)
}
