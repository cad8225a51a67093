//! Works conversations out anew into which something late came, from all that is known of
//! them, and with them what their messages froze.

use std::collections::{HashMap, HashSet};

use entity::id::{BotId, ConversationEventId, ConversationId, InboxId, MessageId, UserId, Uuid};
use entity::kinds::{AuthorKind, ConversationActor, ConversationEventKind, Direction};
use entity::{Timestamp, conversation, conversation_event, message};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter};

use super::Batch;
use super::ledger::{Closing, REOPENED_BY, reopening};
use super::thread::{self, Applied, Entry, Happened, Spoken};
use super::threads::{Origin, Threads};
use super::waited::{Columns, Schedules, Waited};
use crate::domain::rows::IDS;
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
    reply_micros: Option<i64>,
    reply_bin: Option<i16>,
    reply_open_micros: Option<i64>,
    reply_open_bin: Option<i16>,
    first_response_micros: Option<i64>,
    first_response_bin: Option<i16>,
    first_response_open_micros: Option<i64>,
    first_response_open_bin: Option<i16>,
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
    conversation_assignee_id: Option<UserId>,
    conversation_bot_id: Option<BotId>,
    portfolio: Option<String>,
    resolution_micros: Option<i64>,
    resolution_bin: Option<i16>,
    resolution_open_micros: Option<i64>,
    resolution_open_bin: Option<i16>,
}

/// What a message freezes of its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frozen {
    pub assignee_id: Option<UserId>,
    pub bot_id: Option<BotId>,
    pub reply: Option<Waited>,
    pub first_response: Option<Waited>,
}

impl Frozen {
    fn of(schedules: &Schedules, inbox: InboxId, applied: &Applied, at: Timestamp) -> Self {
        let waited = |since| Waited::between(schedules, inbox, since, at);
        Self {
            assignee_id: applied.assignee_id,
            bot_id: applied.bot_id,
            reply: waited(applied.ends.wait),
            first_response: waited(applied.ends.silence),
        }
    }

    fn or_as_before(self, before: &Self) -> Self {
        Self {
            reply: self.reply.map(|waited| waited.or_as_before(before.reply)),
            first_response: self
                .first_response
                .map(|waited| waited.or_as_before(before.first_response)),
            ..self
        }
    }
}

/// What is stored of late conversations.
#[derive(Default)]
struct Stored {
    entries: HashMap<ConversationId, Vec<(Entry, Origin)>>,
    frozen: HashMap<MessageId, Frozen>,
    closings: HashMap<ConversationEventId, Closing>,
    /// Reopenings that messages brought with them, by message.
    reopenings: HashMap<MessageId, ConversationEventId>,
}

/// Works late conversations out anew, and with them what their messages and closings froze.
pub(super) async fn replay_late(batch: &mut Batch<'_>, threads: &mut Threads) -> Result<()> {
    let late: Vec<ConversationId> =
        threads.all.values().filter(|thread| thread.late).map(|thread| thread.model.id).collect();
    if late.is_empty() {
        return Ok(());
    }
    let mut stored = load(batch, &late).await?;
    // What the batch thought before it knew that something is late.
    let is_late: HashSet<ConversationId> = late.iter().copied().collect();
    batch.writes.conversation_events.retain(|event| {
        let implied = event.identity.as_ref().starts_with(REOPENED_BY);
        !(implied && is_late.contains(event.conversation_id.as_ref()))
    });
    for id in late {
        let thread =
            threads.all.get_mut(&id).ok_or_else(|| Error::bug("a late conversation is gone"))?;
        let mut all = stored.entries.remove(&id).unwrap_or_default();
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
            match entry {
                Entry::Message(spoken) => {
                    say_again(batch, &mut stored, &thread.model, spoken, *origin, &applied);
                }
                Entry::Event(happened) => {
                    happen_again(batch, &stored, &thread.model, happened, &applied);
                }
            }
        }
    }
    // Messages that opened a conversation again by what was known before, and did not.
    batch.writes.withdrawn.extend(stored.reopenings.into_values());
    Ok(())
}

fn say_again(
    batch: &mut Batch<'_>,
    stored: &mut Stored,
    conversation: &conversation::Model,
    spoken: &Spoken,
    origin: Origin,
    applied: &Applied,
) {
    let now = Frozen::of(&batch.references.schedules, conversation.inbox_id, applied, spoken.at);
    // Drafts stand in the order of their items.
    let place = origin.map(|item| batch.messages.binary_search_by_key(&item, |draft| draft.item));
    if let Some(Ok(index)) = place {
        let draft = &mut batch.messages[index];
        (draft.assignee_id, draft.bot_id) = (now.assignee_id, now.bot_id);
        (draft.reply, draft.first_response) = (now.reply, now.first_response);
    } else if let Some(before) = stored.frozen.get(&spoken.id) {
        let now = now.or_as_before(before);
        if now != *before {
            batch.writes.refrozen.push((spoken.id, now));
        }
    }
    if let Some(actor) = applied.reopens
        && stored.reopenings.remove(&spoken.id).is_none()
    {
        let (id, user) = (conversation.id, spoken.author_user_id);
        let event = reopening(batch, id, spoken.id, spoken.at, actor, user);
        batch.writes.conversation_events.push(event);
    }
}

fn happen_again(
    batch: &mut Batch<'_>,
    stored: &Stored,
    conversation: &conversation::Model,
    happened: &Happened,
    applied: &Applied,
) {
    if happened.kind != ConversationEventKind::Closed {
        return;
    }
    let now = Closing::of(batch, conversation.inbox_id, applied, happened.at);
    let mut added = batch.writes.conversation_events.iter_mut();
    if let Some(row) = added.find(|row| *row.id.as_ref() == happened.id) {
        now.settle(row);
    } else if let Some(before) = stored.closings.get(&happened.id) {
        let resolution = now.resolution.map(|waited| waited.or_as_before(before.resolution));
        let now = Closing { resolution, portfolio: before.portfolio.clone(), ..now };
        if now != *before {
            batch.writes.reclosed.push((happened.id, now));
        }
    }
}

async fn load(batch: &Batch<'_>, late: &[ConversationId]) -> Result<Stored> {
    let mut stored = Stored::default();
    for late in late.chunks(IDS) {
        load_messages(batch, late, &mut stored).await?;
        load_events(batch, late, &mut stored).await?;
    }
    Ok(stored)
}

async fn load_messages(
    batch: &Batch<'_>,
    late: &[ConversationId],
    stored: &mut Stored,
) -> Result<()> {
    let select = batch.scope.find::<message::Entity>();
    let messages = select
        .filter(message::Column::ConversationId.is_in(late.iter().copied()))
        .into_model::<StoredMessage>()
        .all(batch.tx)
        .await?;
    for message in messages {
        let frozen = Frozen {
            assignee_id: message.assignee_id,
            bot_id: message.bot_id,
            reply: Waited::stored(&Columns {
                micros: message.reply_micros,
                bin: message.reply_bin,
                open_micros: message.reply_open_micros,
                open_bin: message.reply_open_bin,
            }),
            first_response: Waited::stored(&Columns {
                micros: message.first_response_micros,
                bin: message.first_response_bin,
                open_micros: message.first_response_open_micros,
                open_bin: message.first_response_open_bin,
            }),
        };
        stored.frozen.insert(message.id, frozen);
        let spoken = Spoken {
            id: message.id,
            at: message.occurred_at,
            direction: message.direction,
            silent: message.private || message.author_kind == Some(AuthorKind::System),
            author_kind: message.author_kind,
            author_user_id: message.author_user_id,
            author_bot_id: message.author_bot_id,
        };
        let entries = stored.entries.entry(message.conversation_id).or_default();
        entries.push((Entry::Message(spoken), None));
    }
    Ok(())
}

async fn load_events(
    batch: &Batch<'_>,
    late: &[ConversationId],
    stored: &mut Stored,
) -> Result<()> {
    let select = batch.scope.find::<conversation_event::Entity>();
    let events = select
        .filter(conversation_event::Column::ConversationId.is_in(late.iter().copied()))
        .into_model::<StoredEvent>()
        .all(batch.tx)
        .await?;
    for event in events {
        if let Some(message) = event.identity.strip_prefix(REOPENED_BY) {
            let message =
                Uuid::try_parse(message).map_err(|error| Error::Internal(error.into()))?;
            stored.reopenings.insert(MessageId(message), event.id);
            continue;
        }
        let happened = Happened {
            id: event.id,
            at: event.occurred_at,
            kind: event.kind,
            actor: event.actor,
            actor_user_id: event.actor_user_id,
            user_id: event.user_id,
            bot_id: event.bot_id,
        };
        let closing = Closing {
            assignee_id: event.conversation_assignee_id,
            bot_id: event.conversation_bot_id,
            portfolio: event.portfolio,
            resolution: Waited::stored(&Columns {
                micros: event.resolution_micros,
                bin: event.resolution_bin,
                open_micros: event.resolution_open_micros,
                open_bin: event.resolution_open_bin,
            }),
        };
        stored.closings.insert(event.id, closing);
        let entries = stored.entries.entry(event.conversation_id).or_default();
        entries.push((Entry::Event(happened), None));
    }
    Ok(())
}
