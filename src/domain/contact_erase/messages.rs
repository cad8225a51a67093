//! What was said with a contact: the rows stay with their times, statuses and authors, and lose
//! what they say. What still waits to be sent is given up.

use entity::id::{ContactId, ConversationId, InboxId, MessageId};
use entity::kinds::{AttemptState, StatusKind};
use entity::{attempt, conversation, message, message_event};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, DatabaseTransaction, QueryFilter, QuerySelect, Value};
use serde_json::json;

use crate::auth::AccountScope;
use crate::domain::record::{self, Item, MOST_ITEMS, NewStatus};
use crate::domain::{erased, rows};
use crate::error::Result;

/// Conversations whose messages are listed at once.
const CONVERSATIONS: usize = 100;
/// Messages that are changed at once.
const MESSAGES: usize = 1_000;

/// A message with its id at the provider.
type Named = (MessageId, InboxId, Option<String>);

/// Takes the texts out of all messages and conversations of these contacts, and answers the ids
/// that the messages had at their providers.
pub(super) async fn erase(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    people: &[ContactId],
) -> Result<Vec<String>> {
    use conversation::Column as C;
    // Messages are found by their conversations: they have no index by contact alone.
    let conversations = scope.find::<conversation::Entity>();
    let conversations = conversations.filter(C::ContactId.is_in(people.iter().copied()));
    let conversations: Vec<ConversationId> =
        conversations.select_only().column(C::Id).into_tuple().all(tx).await?;
    let mut ids = Vec::new();
    for chunk in conversations.chunks(CONVERSATIONS) {
        let messages = of_conversations(scope, tx, chunk).await?;
        for some in messages.chunks(MESSAGES) {
            give_up(scope, tx, some).await?;
            empty(scope, tx, some).await?;
        }
        ids.extend(messages.into_iter().filter_map(|(.., id)| id));
        // The one word for where the visitor came from stays: reports tell it apart.
        let stripped = conversation::ActiveModel {
            external_id: Set(None),
            traffic: Set(None),
            updated_at: Set(scope.now()),
            ..Default::default()
        };
        let stripping = scope.update_many::<conversation::Entity>().set(stripped);
        stripping.filter(C::Id.is_in(chunk.iter().copied())).exec(tx).await?;
    }
    Ok(ids)
}

async fn of_conversations(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    conversations: &[ConversationId],
) -> Result<Vec<Named>> {
    use message::Column as C;
    let messages = scope.find::<message::Entity>();
    let messages = messages.filter(C::ConversationId.is_in(conversations.iter().copied()));
    let messages = messages.select_only().columns([C::Id, C::InboxId, C::ExternalId]);
    Ok(messages.into_tuple().all(tx).await?)
}

/// What waits is cancelled. What may be leaving at this moment cannot be called back: whether it
/// arrived is unknown until the provider tells.
async fn give_up(scope: &AccountScope, tx: &DatabaseTransaction, messages: &[Named]) -> Result<()> {
    use attempt::Column as C;
    let of_these = || C::MessageId.is_in(messages.iter().map(|(id, ..)| *id));
    let open = scope.find::<attempt::Entity>().filter(of_these());
    let open = open.filter(C::State.ne(AttemptState::Done)).all(tx).await?;
    let told: Vec<Item> = open.iter().filter_map(given_up).collect();
    for chunk in told.chunks(MOST_ITEMS) {
        record::apply(scope, tx, chunk).await?;
    }
    let done = attempt::ActiveModel {
        address: Set(String::new()),
        payload: Set(json!({})),
        state: Set(AttemptState::Done),
        due_at: Set(None),
        ..Default::default()
    };
    let attempts = scope.update_many::<attempt::Entity>().set(done);
    // Whoever holds one has no say any more, so that it does not begin to wait again.
    let attempts = attempts.col_expr(C::Fence, Expr::col(C::Fence).add(1i64));
    attempts.filter(of_these()).exec(tx).await?;
    Ok(())
}

fn given_up(attempt: &attempt::Model) -> Option<Item> {
    let kind = match attempt.state {
        AttemptState::Waiting => StatusKind::Cancelled,
        AttemptState::Dispatching => StatusKind::Unknown,
        AttemptState::Unknown | AttemptState::Playing | AttemptState::Done => return None,
    };
    Some(Item::Status(NewStatus {
        inbox_id: attempt.inbox_id,
        external_id: None,
        message_id: Some(attempt.message_id),
        kind,
        occurred_at: None,
        received_at: None,
        code: None,
        detail: None,
        recipient: None,
    }))
}

async fn empty(scope: &AccountScope, tx: &DatabaseTransaction, messages: &[Named]) -> Result<()> {
    use message::Column as C;
    // Ids at providers may contain the phone number. One without an id gets something in its
    // place too, so that none is given to it later.
    let row = |(id, inbox, external): &Named| {
        let external = external.clone().unwrap_or_else(|| id.0.simple().to_string());
        [Value::from(*id), Value::from(erased::external_id(scope, *inbox, &external))]
    };
    let rows = messages.iter().map(row).collect();
    rows::update::<message::Entity, _>(scope, tx, [C::Id, C::ExternalId], rows).await?;
    let ids = || messages.iter().map(|(id, ..)| *id);
    let emptied = message::ActiveModel {
        content: Set(String::new()),
        attachments: Set(None),
        quoted_external_id: Set(None),
        failure_detail: Set(None),
        ..Default::default()
    };
    let texts = scope.update_many::<message::Entity>().set(emptied);
    texts.filter(C::Id.is_in(ids())).exec(tx).await?;
    let wordless = message_event::ActiveModel { detail: Set(None), ..Default::default() };
    let ledger = scope.update_many::<message_event::Entity>().set(wordless);
    ledger.filter(message_event::Column::MessageId.is_in(ids())).exec(tx).await?;
    Ok(())
}
