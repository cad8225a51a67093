//! `messagesRecord`: what happened in another system, in batches of which each item is
//! answered on its own.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::id::{ConversationId, MessageId};
use entity::vocabulary;

use super::record_item::RecordItem;
use super::{Answer, UserError, payload};
use crate::domain::record::{self as commands, MOST_ITEMS, Outcome};
use crate::error::{Error, Result, Violation, ViolationCode};
use crate::graphql::loader::Reader;
use crate::graphql::object::{Conversation, Message};
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// What happened in another system.
#[derive(InputObject)]
pub struct MessagesRecordInput {
    /// The account in which to record it.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// What happened, in any order: up to 250 items.
    items: Vec<RecordItem>,
}

/// What became of `messagesRecord`.
#[derive(SimpleObject)]
pub struct MessagesRecordPayload {
    /// What became of each item, in their order; empty if the input as a whole was refused.
    pub results: Vec<RecordResult>,
    /// What was wrong with the input as a whole.
    pub user_errors: Vec<UserError>,
}

vocabulary! {
    /// What became of a recorded item.
    pub enum RecordOutcome {
        /// It took effect.
        Recorded => "RECORDED",
        /// The same was recorded before; nothing changed.
        Duplicate => "DUPLICATE",
        /// A status of a message that is not known yet; it takes effect when the message appears.
        Parked => "PARKED",
        /// It happened before its contact was erased; only an opt-out or opt-in in it is kept.
        Erased => "ERASED",
        /// It breaks rules and had no effect.
        Rejected => "REJECTED",
    }
}

pub struct RecordResult {
    reader: Reader,
    index: i32,
    outcome: Outcome,
}

impl RecordResult {
    fn rows(&self) -> (Option<MessageId>, Option<ConversationId>) {
        match &self.outcome {
            Outcome::Recorded { message_id, conversation_id }
            | Outcome::Duplicate { message_id, conversation_id } => (*message_id, *conversation_id),
            Outcome::Parked | Outcome::Erased | Outcome::Rejected(_) => (None, None),
        }
    }

    /// Violations name places in the item; clients look for them in the input.
    fn user_error(&self, violation: &Violation) -> UserError {
        let path = format!("items[{}].{}", self.index, violation.path);
        UserError::from(Violation { path, ..violation.clone() })
    }
}

/// What became of one item.
#[Object]
impl RecordResult {
    /// Which item, by its index from 0.
    async fn index(&self) -> i32 {
        self.index
    }

    /// What became of it.
    async fn outcome(&self) -> Name<RecordOutcome> {
        Name(match self.outcome {
            Outcome::Recorded { .. } => RecordOutcome::Recorded,
            Outcome::Duplicate { .. } => RecordOutcome::Duplicate,
            Outcome::Parked => RecordOutcome::Parked,
            Outcome::Erased => RecordOutcome::Erased,
            Outcome::Rejected(_) => RecordOutcome::Rejected,
        })
    }

    /// The recorded message, or the one that the status is about.
    async fn message(&self) -> Option<async_graphql::Result<Message>> {
        self.reader.optional(self.rows().0, Message::new).await
    }

    /// The conversation that it belongs to.
    async fn conversation(&self) -> Option<async_graphql::Result<Conversation>> {
        self.reader.optional(self.rows().1, Conversation::new).await
    }

    /// Why it was rejected.
    async fn user_errors(&self) -> Vec<UserError> {
        match &self.outcome {
            Outcome::Rejected(violations) => {
                violations.iter().map(|violation| self.user_error(violation)).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Default)]
pub struct RecordMutation;

#[Object]
impl RecordMutation {
    /// Records messages, statuses and conversation events of any system. Items that break
    /// rules are rejected one by one; the others take effect together. Needs the role AGENT
    /// and a token with the scope RECORD or WRITE.
    async fn messages_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What happened.")] input: MessagesRecordInput,
    ) -> Answer<MessagesRecordPayload> {
        payload(record(ctx, input).await, |results, user_errors| MessagesRecordPayload {
            results: results.unwrap_or_default(),
            user_errors,
        })
    }
}

async fn record(ctx: &Context<'_>, input: MessagesRecordInput) -> Result<Vec<RecordResult>> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    if input.items.len() > MOST_ITEMS {
        let message = format!("has {} items; at most {MOST_ITEMS} are allowed", input.items.len());
        return Err(Error::invalid("items", ViolationCode::OutOfRange, message));
    }
    let mut items = Vec::with_capacity(input.items.len());
    // None for the items that go on.
    let mut rejected = Vec::with_capacity(input.items.len());
    for item in input.items {
        match item.read(reader.account_id()) {
            Ok(item) => {
                items.push(item);
                rejected.push(None);
            }
            Err(Error::Invalid(violations)) => rejected.push(Some(Outcome::Rejected(violations))),
            Err(error) => return Err(error),
        }
    }
    let key = input.idempotency_key.as_deref();
    let mut recorded = commands::record(reader.scope(), key, items).await?.into_iter();
    let results = (0..).zip(rejected).map(|(index, rejected)| {
        let outcome = rejected.or_else(|| recorded.next());
        outcome
            .map(|outcome| RecordResult { reader: reader.clone(), index, outcome })
            .ok_or_else(|| Error::bug("an item was left without an answer"))
    });
    results.collect()
}
