//! Which labels a conversation carries, by its ledger.

use std::collections::{HashMap, HashSet};

use entity::id::{ConversationId, LabelId};
use entity::kinds::ConversationEventKind;
use entity::{Timestamp, conversation_event, conversation_label};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, FromQueryResult, QueryFilter, QueryOrder, Set,
};

use crate::auth::AccountScope;
use crate::domain::rows::insert_or;
use crate::error::Result;

#[derive(FromQueryResult)]
struct LabelEvent {
    conversation_id: ConversationId,
    label_id: LabelId,
    kind: ConversationEventKind,
    occurred_at: Timestamp,
}

/// Of each label that the batch put on or took off, the last word in the ledger counts.
pub(super) async fn settle(
    scope: &AccountScope,
    labelled: HashSet<(ConversationId, LabelId)>,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use conversation_event::Column as C;
    use conversation_label::Column::{ConversationId as Conversation, LabelId as Label};
    if labelled.is_empty() {
        return Ok(());
    }
    let conversations: HashSet<ConversationId> = labelled.iter().map(|(id, _)| *id).collect();
    let events = scope
        .find::<conversation_event::Entity>()
        .filter(C::ConversationId.is_in(conversations))
        .filter(C::LabelId.is_not_null())
        .order_by_asc(C::OccurredAt)
        .order_by_asc(C::Id)
        .into_model::<LabelEvent>()
        .all(tx)
        .await?;
    let mut last: HashMap<(ConversationId, LabelId), LabelEvent> = HashMap::new();
    for event in events {
        last.insert((event.conversation_id, event.label_id), event);
    }
    last.retain(|key, _| labelled.contains(key));
    let (on, off): (Vec<_>, Vec<_>) =
        last.into_values().partition(|event| event.kind == ConversationEventKind::Labelled);
    let rows = on.into_iter().map(|event| conversation_label::ActiveModel {
        account_id: Set(scope.account_id()),
        conversation_id: Set(event.conversation_id),
        label_id: Set(event.label_id),
        created_at: Set(event.occurred_at),
    });
    let known = " ON CONFLICT (account_id, conversation_id, label_id) DO NOTHING";
    insert_or::<conversation_label::Entity, _>(tx, rows, known).await?;
    if off.is_empty() {
        return Ok(());
    }
    let pairs = off.into_iter().map(|event| {
        Condition::all().add(Conversation.eq(event.conversation_id)).add(Label.eq(event.label_id))
    });
    let gone = pairs.fold(Condition::any(), Condition::add);
    scope.delete_many::<conversation_label::Entity>().filter(gone).exec(tx).await?;
    Ok(())
}
