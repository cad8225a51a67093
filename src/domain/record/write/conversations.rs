//! Writes conversations, and what their closings froze.

use entity::{conversation, conversation_event};
use sea_orm::{DatabaseTransaction, Value};

use super::Writes;
use crate::auth::AccountScope;
use crate::domain::record::waited::Columns;
use crate::domain::rows::{insert, update};
use crate::error::Result;

pub(super) async fn conversations(
    scope: &AccountScope,
    writes: &mut Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use conversation::Column as C;
    insert::<conversation::Entity, _>(tx, writes.new_conversations.drain(..)).await?;
    let columns = [
        C::Id,
        C::FirstMessageId,
        C::Status,
        C::OpenedBy,
        C::AssigneeId,
        C::BotId,
        C::HasClientMessages,
        C::TrafficSource,
        C::Traffic,
        C::LastMessageAt,
        C::LastDirection,
        C::LastAuthorKind,
        C::LastAuthorUserId,
        C::LastAuthorBotId,
        C::LastActivityAt,
        C::ClosedAt,
        C::ClosedBy,
        C::ClosedByUserId,
        C::OpenedAt,
        C::WaitingSince,
        C::ResponseFrom,
        C::RespondedAt,
        C::CreatedAt,
        C::UpdatedAt,
    ];
    let rows = writes.changed_conversations.drain(..).map(|model| {
        [
            Value::from(model.id),
            Value::from(model.first_message_id),
            Value::from(model.status),
            Value::from(model.opened_by),
            Value::from(model.assignee_id),
            Value::from(model.bot_id),
            Value::from(model.has_client_messages),
            Value::from(model.traffic_source),
            Value::from(model.traffic),
            Value::from(model.last_message_at),
            Value::from(model.last_direction),
            Value::from(model.last_author_kind),
            Value::from(model.last_author_user_id),
            Value::from(model.last_author_bot_id),
            Value::from(model.last_activity_at),
            Value::from(model.closed_at),
            Value::from(model.closed_by),
            Value::from(model.closed_by_user_id),
            Value::from(model.opened_at),
            Value::from(model.waiting_since),
            Value::from(model.response_from),
            Value::from(model.responded_at),
            Value::from(model.created_at),
            Value::from(model.updated_at),
        ]
    });
    update::<conversation::Entity, _>(scope, tx, columns, rows.collect()).await?;
    // A column that is not named leaves the indexes in which it stands alone.
    let columns = [
        C::Id,
        C::LastMessageAt,
        C::LastDirection,
        C::LastAuthorKind,
        C::LastAuthorUserId,
        C::LastAuthorBotId,
        C::LastActivityAt,
        C::WaitingSince,
        C::RespondedAt,
        C::UpdatedAt,
    ];
    let rows = writes.spoken_conversations.drain(..).map(|model| {
        [
            Value::from(model.id),
            Value::from(model.last_message_at),
            Value::from(model.last_direction),
            Value::from(model.last_author_kind),
            Value::from(model.last_author_user_id),
            Value::from(model.last_author_bot_id),
            Value::from(model.last_activity_at),
            Value::from(model.waiting_since),
            Value::from(model.responded_at),
            Value::from(model.updated_at),
        ]
    });
    update::<conversation::Entity, _>(scope, tx, columns, rows.collect()).await
}

/// Whether nothing but what was said last tells the two apart.
pub(in crate::domain::record) fn only_spoken(
    before: &conversation::Model,
    now: &conversation::Model,
) -> bool {
    let spoken = conversation::Model {
        last_message_at: now.last_message_at,
        last_direction: now.last_direction,
        last_author_kind: now.last_author_kind,
        last_author_user_id: now.last_author_user_id,
        last_author_bot_id: now.last_author_bot_id,
        last_activity_at: now.last_activity_at,
        waiting_since: now.waiting_since,
        responded_at: now.responded_at,
        updated_at: now.updated_at,
        ..before.clone()
    };
    spoken == *now
}

pub(super) async fn reclose(
    scope: &AccountScope,
    writes: &mut Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use conversation_event::Column as C;
    let columns = [
        C::Id,
        C::ConversationAssigneeId,
        C::ConversationBotId,
        C::ResolutionMicros,
        C::ResolutionBin,
        C::ResolutionOpenMicros,
        C::ResolutionOpenBin,
    ];
    let rows = writes.reclosed.drain(..).map(|(id, closing)| {
        let [micros, bin, open_micros, open_bin] = Columns::from(closing.resolution).values();
        let (assignee, bot) = (Value::from(closing.assignee_id), Value::from(closing.bot_id));
        [Value::from(id), assignee, bot, micros, bin, open_micros, open_bin]
    });
    update::<conversation_event::Entity, _>(scope, tx, columns, rows.collect()).await
}
