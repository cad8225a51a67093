//! Works conversations out anew into which something late came, from all that is known of
//! them, and with them what their messages froze.

use std::collections::{HashMap, HashSet};

use entity::id::{BotId, ConversationEventId, ConversationId, MessageId, UserId, Uuid};
use entity::kinds::{AuthorKind, ConversationActor, ConversationEventKind, Direction};
use entity::{Timestamp, conversation_event, message};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};

use super::Batch;
use super::thread::{self, Entry, Happened, Spoken};
use super::threads::{Origin, REOPENED_BY, Threads, reopening};
use crate::error::{Error, Result};

#[derive(FromQueryResult)]
struct StoredMessage {
    id: MessageId,
    conversation_id: ConversationId,
    direction: Direction,
    private: bool,
    author_kind: Option<AuthorKind>,
    author_user_id: Option<UserId>,
    author_bot_id: Option<BotId>,
    occurred_at: Timestamp,
    assignee_id: Option<UserId>,
    bot_id: Option<BotId>,
}

#[derive(FromQueryResult)]
struct StoredEvent {
    id: ConversationEventId,
    conversation_id: ConversationId,
    identity: String,
    kind: ConversationEventKind,
    actor: ConversationActor,
    actor_user_id: Option<UserId>,
    user_id: Option<UserId>,
    bot_id: Option<BotId>,
    occurred_at: Timestamp,
}

type Frozen = (Option<UserId>, Option<BotId>);

/// Works late conversations out anew, and with them what their messages froze.
pub(super) async fn replay_late(batch: &mut Batch<'_>, threads: &mut Threads) -> Result<()> {
    let late: Vec<ConversationId> =
        threads.all.values().filter(|thread| thread.late).map(|thread| thread.model.id).collect();
    if late.is_empty() {
        return Ok(());
    }
    let (mut entries, frozen, mut reopenings) = stored_entries(batch, &late).await?;
    // What the batch thought before it knew that something is late.
    let is_late: HashSet<ConversationId> = late.iter().copied().collect();
    batch.writes.conversation_events.retain(|event| {
        let implied = event.identity.as_ref().starts_with(REOPENED_BY);
        !(implied && is_late.contains(event.conversation_id.as_ref()))
    });
    let drafts: HashMap<usize, usize> =
        batch.messages.iter().enumerate().map(|(index, message)| (message.item, index)).collect();
    for id in late {
        let thread =
            threads.all.get_mut(&id).ok_or_else(|| Error::bug("a late conversation is gone"))?;
        let mut all = entries.remove(&id).unwrap_or_default();
        all.append(&mut thread.added);
        all.sort_by_key(|(entry, _)| entry.order());
        // A conversation begins with its first message, whatever happened to it before.
        let first = all.iter().find_map(|(entry, _)| match entry {
            Entry::Message(spoken) => Some(spoken),
            Entry::Event(_) => None,
        });
        let Some(first) = first else { continue };
        thread::reset(&mut thread.model);
        thread::begin(&mut thread.model, first);
        for (entry, origin) in &all {
            let applied = thread::apply(&mut thread.model, entry);
            let Entry::Message(spoken) = entry else { continue };
            let now: Frozen = (applied.assignee_id, applied.bot_id);
            match origin {
                Some(item) if drafts.contains_key(item) => {
                    let draft = &mut batch.messages[drafts[item]];
                    (draft.assignee_id, draft.bot_id) = now;
                }
                _ if frozen.get(&spoken.id).is_some_and(|before| *before != now) => {
                    batch.writes.refrozen.push((spoken.id, now.0, now.1));
                }
                _ => {}
            }
            if let Some(actor) = applied.reopens
                && reopenings.remove(&spoken.id).is_none()
            {
                let event =
                    reopening(batch, id, spoken.id, spoken.at, actor, spoken.author_user_id);
                batch.writes.conversation_events.push(event);
            }
        }
    }
    // Messages that opened a conversation again by what was known before, and did not.
    batch.writes.withdrawn.extend(reopenings.into_values());
    Ok(())
}

type Entries = HashMap<ConversationId, Vec<(Entry, Origin)>>;

/// Reopenings that messages brought with them, by message.
type Reopenings = HashMap<MessageId, ConversationEventId>;

async fn stored_entries(
    batch: &Batch<'_>,
    late: &[ConversationId],
) -> Result<(Entries, HashMap<MessageId, Frozen>, Reopenings)> {
    let mut entries = Entries::new();
    let mut reopenings = Reopenings::new();
    let mut frozen = HashMap::new();
    let select = batch.scope.find::<message::Entity>();
    let messages = select
        .filter(message::Column::ConversationId.is_in(late.iter().copied()))
        .into_model::<StoredMessage>()
        .all(batch.tx)
        .await?;
    for stored in messages {
        frozen.insert(stored.id, (stored.assignee_id, stored.bot_id));
        let spoken = Spoken {
            id: stored.id,
            at: stored.occurred_at,
            direction: stored.direction,
            silent: stored.private || stored.author_kind == Some(AuthorKind::System),
            author_kind: stored.author_kind,
            author_user_id: stored.author_user_id,
            author_bot_id: stored.author_bot_id,
        };
        entries.entry(stored.conversation_id).or_default().push((Entry::Message(spoken), None));
    }
    let select = batch.scope.find::<conversation_event::Entity>();
    let events = select
        .filter(conversation_event::Column::ConversationId.is_in(late.iter().copied()))
        .into_model::<StoredEvent>()
        .all(batch.tx)
        .await?;
    for stored in events {
        if let Some(message) = stored.identity.strip_prefix(REOPENED_BY) {
            let message =
                Uuid::try_parse(message).map_err(|error| Error::Internal(error.into()))?;
            reopenings.insert(MessageId(message), stored.id);
            continue;
        }
        let happened = Happened {
            id: stored.id,
            at: stored.occurred_at,
            kind: stored.kind,
            actor: stored.actor,
            actor_user_id: stored.actor_user_id,
            user_id: stored.user_id,
            bot_id: stored.bot_id,
        };
        entries.entry(stored.conversation_id).or_default().push((Entry::Event(happened), None));
    }
    Ok((entries, frozen, reopenings))
}
