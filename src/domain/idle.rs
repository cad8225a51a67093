//! Conversations whose visitor has been gone for longer than the inbox allows are closed by
//! inactivity, and so enter the message log.

use entity::id::{ConversationId, InboxId, Uuid};
use entity::kinds::{ConversationActor, ConversationEventKind, ConversationStatus};
use sea_orm::{ActiveEnum, ConnectionTrait, FromQueryResult};

use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::record::{self, Item, MOST_ITEMS, NewConversationEvent};
use crate::error::Result;

#[derive(FromQueryResult)]
struct Gone {
    id: ConversationId,
    inbox_id: InboxId,
}

/// Closes what has been idle for too long. Says how many conversations that were.
pub async fn close(scope: &AccountScope) -> Result<usize> {
    let mut closed = 0;
    // Each is looked at once: what another system says of later may open it again.
    let mut after = ConversationId(Uuid::nil());
    // Mostly there is none, and nobody need wait to find that out.
    while !gone(scope, scope.db().read(), after).await?.is_empty() {
        let tx = scope.begin().await?;
        scope.lock(&tx).await?;
        // Somebody may have written, or closed it, until the lock was had.
        let gone = gone(scope, &tx, after).await?;
        let Some(last) = gone.last() else { break };
        after = last.id;
        let items: Vec<Item> = gone.iter().map(|each| closing(scope, each)).collect();
        record::apply(scope, &tx, &items).await?;
        tx.commit().await?;
        closed += items.len();
    }
    Ok(closed)
}

/// Some of what has been idle for too long, by id.
async fn gone(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    after: ConversationId,
) -> Result<Vec<Gone>> {
    let mut sql = Sql::new(
        "SELECT c.id, c.inbox_id FROM conversation c \
         JOIN inbox i ON i.account_id = c.account_id AND i.id = c.inbox_id AND i.idle_close_seconds IS NOT NULL \
         WHERE c.account_id = ",
    );
    sql.bind(scope.account_id()).push(" AND c.status IN (");
    let open = [ConversationStatus::Open, ConversationStatus::Pending, ConversationStatus::Snoozed];
    for (index, status) in open.into_iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " }).bind(status.to_value());
    }
    sql.push(") AND c.visitor_last_seen_at + i.idle_close_seconds * 1000000 <= ").bind(scope.now());
    // A conversation in which somebody wrote meanwhile is not idle.
    sql.push(" AND c.last_message_at + i.idle_close_seconds * 1000000 <= ").bind(scope.now());
    sql.push(" AND c.id > ").bind(after);
    sql.push(&format!(" ORDER BY c.id LIMIT {MOST_ITEMS}"));
    Ok(Gone::find_by_statement(sql.statement(scope.db().backend())).all(connection).await?)
}

fn closing(scope: &AccountScope, gone: &Gone) -> Item {
    Item::ConversationEvent(NewConversationEvent {
        inbox_id: gone.inbox_id,
        conversation_external_id: None,
        conversation_id: Some(gone.id),
        kind: ConversationEventKind::Closed,
        user_id: None,
        bot_id: None,
        label_id: None,
        by: Some(ConversationActor::Inactivity),
        by_user_id: None,
        occurred_at: Some(scope.now()),
    })
}
