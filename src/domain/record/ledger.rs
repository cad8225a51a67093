//! Rows of the ledger of conversations: what makes each of them one, and what a closing freezes.

use entity::id::{BotId, ConversationId, InboxId, MessageId, UserId, Uuid};
use entity::kinds::{ConversationActor, ConversationEventKind};
use entity::vocabulary::Vocabulary;
use entity::{Timestamp, conversation_event};
use sea_orm::Set;

use super::thread::{Applied, Happened};
use super::waited::{Columns, Waited};
use super::{Batch, EventDraft};

/// The identity of a reopening that a message brought with it, before the message's id.
pub(super) const REOPENED_BY: &str = "REOPENED|by message|";

/// What makes two reports the same event: all that was said of it.
pub(super) fn identity(event: &EventDraft<'_>) -> String {
    let input = event.input;
    let part = |id: Option<Uuid>| id.map_or_else(|| "-".to_owned(), |id| id.simple().to_string());
    [
        input.kind.name().to_owned(),
        event.at.0.to_string(),
        input.by.unwrap_or(ConversationActor::System).name().to_owned(),
        part(input.by_user_id.map(Uuid::from)),
        part(input.user_id.map(Uuid::from)),
        part(input.bot_id.map(Uuid::from)),
        part(input.label_id.map(Uuid::from)),
    ]
    .join("|")
}

pub(super) fn reopening(
    batch: &Batch<'_>,
    conversation_id: ConversationId,
    message_id: MessageId,
    at: Timestamp,
    actor: ConversationActor,
    user: Option<UserId>,
) -> conversation_event::ActiveModel {
    let happened = Happened {
        id: batch.scope.id(),
        at,
        kind: ConversationEventKind::Reopened,
        actor,
        actor_user_id: user,
        user_id: None,
        bot_id: None,
    };
    let identity = format!("{REOPENED_BY}{}", message_id.0.simple());
    ledger_row(batch, conversation_id, identity, &happened)
}

pub(super) fn ledger_row(
    batch: &Batch<'_>,
    conversation_id: ConversationId,
    identity: String,
    happened: &Happened,
) -> conversation_event::ActiveModel {
    conversation_event::ActiveModel {
        account_id: Set(batch.scope.account_id()),
        id: Set(happened.id),
        conversation_id: Set(conversation_id),
        identity: Set(identity),
        kind: Set(happened.kind),
        actor: Set(happened.actor),
        actor_user_id: Set(happened.actor_user_id),
        user_id: Set(happened.user_id),
        bot_id: Set(happened.bot_id),
        label_id: Set(None),
        occurred_at: Set(happened.at),
        conversation_assignee_id: Set(None),
        conversation_bot_id: Set(None),
        portfolio: Set(None),
        resolution_micros: Set(None),
        resolution_bin: Set(None),
        resolution_open_micros: Set(None),
        resolution_open_bin: Set(None),
        created_at: Set(batch.now),
    }
}

/// What a closing freezes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closing {
    pub assignee_id: Option<UserId>,
    pub bot_id: Option<BotId>,
    pub portfolio: Option<String>,
    /// None where the conversation was closed already.
    pub resolution: Option<Waited>,
}

impl Closing {
    pub fn of(batch: &Batch<'_>, inbox_id: InboxId, applied: &Applied, at: Timestamp) -> Self {
        let inbox = batch.references.inboxes.get(&inbox_id);
        let since = applied.ends.conversation;
        Self {
            assignee_id: applied.assignee_id,
            bot_id: applied.bot_id,
            portfolio: inbox.and_then(|inbox| inbox.portfolio.clone()),
            resolution: Waited::between(&batch.references.schedules, inbox_id, since, at),
        }
    }

    pub fn settle(self, event: &mut conversation_event::ActiveModel) {
        let resolution = Columns::from(self.resolution);
        event.conversation_assignee_id = Set(self.assignee_id);
        event.conversation_bot_id = Set(self.bot_id);
        event.portfolio = Set(self.portfolio);
        event.resolution_micros = Set(resolution.micros);
        event.resolution_bin = Set(resolution.bin);
        event.resolution_open_micros = Set(resolution.open_micros);
        event.resolution_open_bin = Set(resolution.open_bin);
    }
}
