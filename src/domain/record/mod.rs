//! Recording what happened: messages, status events and conversation events from any
//! system, in batches. One transaction under the account's lock, a fixed number of
//! statements whatever the size of the batch, and an answer for each item. The rules
//! themselves are the pure functions in `status`, `session` and `thread`; the other files
//! here load what these need and write what they say.

mod attribution;
mod check;
mod contacts;
mod erasure;
mod item;
mod labels;
mod ledger;
mod load;
pub mod rebuild;
mod replay;
pub mod session;
mod sessions;
pub mod status;
mod statuses;
mod thread;
mod threads;
mod waited;
mod write;

pub use attribution::{attribute_contacts, attribute_opt_outs};
pub use item::*;
pub use sessions::recompute_sessions;

use entity::id::{BotId, ContactId, ConversationId, MessageId, SessionId, UserId};
use entity::kinds::{OptOutKind, SessionRole};
use entity::{Timestamp, account, account_counter};
use sea_orm::DatabaseTransaction;

use crate::auth::{AccountScope, Permission};
use crate::domain::idempotency::{self, Begun};
use crate::error::{Error, Result, ViolationCode};

use load::References;
use status::{Heard, Standing};
use waited::Waited;

/// The tables that recording fills.
const GROWING: &str = "contact, contact_identity, conversation, conversation_event, message, \
                       message_event, opt_out, parked_event, session";

/// Records `items` and says what became of each, in their order. Items that break rules are
/// answered with their violations and have no effect; the others take effect together or,
/// on an error, not at all. A repetition with the same `idempotency_key` gets the first
/// answer again.
pub async fn record(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    items: Vec<Item>,
) -> Result<Vec<Outcome>> {
    scope.require(Permission::Record).or_else(|_| scope.require(Permission::Converse))?;
    if items.len() > MOST_ITEMS {
        let message = format!("has {} items; at most {MOST_ITEMS} are allowed", items.len());
        return Err(Error::invalid("items", ViolationCode::OutOfRange, message));
    }
    match idempotency::begin(scope, idempotency_key, "messagesRecord", &items).await? {
        Begun::Again(outcomes) => Ok(outcomes),
        Begun::First(claim) => {
            let outcomes = apply(scope, claim.tx(), &items).await?;
            let outcomes = claim.commit(scope, outcomes).await?;
            grew(scope, &outcomes);
            Ok(outcomes)
        }
    }
}

/// To be called once what [`apply`] recorded is committed: statistics see no more than that.
pub fn grew(scope: &AccountScope, outcomes: &[Outcome]) {
    let recorded = |outcome: &&Outcome| matches!(outcome, Outcome::Recorded { .. });
    scope.db().grew(scope.account_id(), outcomes.iter().filter(recorded).count(), GROWING);
}

/// Records `items` within a transaction of the caller's, who must not hold the account's
/// lock for long.
pub async fn apply(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    items: &[Item],
) -> Result<Vec<Outcome>> {
    work(scope, tx, items, true).await
}

/// Like [`apply`], without telling the event log: for history, which nobody waits for.
pub async fn import(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    items: &[Item],
) -> Result<Vec<Outcome>> {
    work(scope, tx, items, false).await
}

async fn work(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    items: &[Item],
    logged: bool,
) -> Result<Vec<Outcome>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let counter = scope.lock(tx).await?;
    let account = scope.account(tx).await?;
    let references = load::references(scope, tx, &account, items).await?;
    let mut outcomes: Vec<Option<Outcome>> = items.iter().map(|_| None).collect();
    loop {
        let batch = Batch {
            scope,
            tx,
            now: scope.now(),
            logged,
            account: &account,
            counter: counter.clone(),
            references: &references,
            outcomes,
            messages: Vec::new(),
            statuses: Vec::new(),
            events: Vec::new(),
            writes: write::Writes::default(),
        };
        match take(batch, items).await? {
            Taken::Whole(outcomes) => return Ok(outcomes),
            Taken::Without(rejected) => outcomes = rejected,
        }
    }
}

enum Taken {
    /// Everything is written.
    Whole(Vec<Outcome>),
    /// Nothing is written: some messages must be rejected for what only shows beside others.
    /// Here are the answers so far, with which the rest begins again, as if those had never
    /// been there.
    Without(Vec<Option<Outcome>>),
}

async fn take<'a>(mut batch: Batch<'a>, items: &'a [Item]) -> Result<Taken> {
    check::items(&mut batch, items);
    let known = load::known_messages(&batch).await?;
    erasure::drop_erased(&mut batch, &known).await?;
    statuses::drop_duplicates(&mut batch, &known);
    contacts::resolve(&mut batch).await?;
    threads::follow(&mut batch).await?;
    if batch.messages.iter().any(|message| batch.outcomes[message.item].is_some()) {
        let rejected = |outcome: &Outcome| matches!(outcome, Outcome::Rejected(_));
        let outcomes = batch.outcomes.into_iter().map(|outcome| outcome.filter(rejected));
        return Ok(Taken::Without(outcomes.collect()));
    }
    let changed = statuses::apply(&mut batch, known).await?;
    sessions::apply(&mut batch, &changed).await?;
    Ok(Taken::Whole(write::all(batch, &changed).await?))
}

/// One batch on its way through the phases.
struct Batch<'a> {
    scope: &'a AccountScope,
    tx: &'a DatabaseTransaction,
    now: Timestamp,
    /// Whether the event log is told.
    logged: bool,
    account: &'a account::Model,
    counter: account_counter::Model,
    references: &'a References,
    /// By item; all are set at the end.
    outcomes: Vec<Option<Outcome>>,
    messages: Vec<MessageDraft<'a>>,
    statuses: Vec<StatusDraft<'a>>,
    events: Vec<EventDraft<'a>>,
    writes: write::Writes,
}

/// A message that passed the checks and is not known yet.
struct MessageDraft<'a> {
    item: usize,
    input: &'a NewMessage,
    id: MessageId,
    at: Timestamp,
    /// The address or id by which the contact is known on the inbox.
    source_id: String,
    /// A second one, where the platform has two.
    other_source_id: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    name: Option<String>,
    contact_id: ContactId,
    conversation_id: ConversationId,
    quoted_message_id: Option<MessageId>,
    /// What is quoted is a send.
    quotes_send: bool,
    /// It is wholly one of the account's words.
    word: Option<OptOutKind>,
    assignee_id: Option<UserId>,
    bot_id: Option<BotId>,
    /// None for inbound messages, notes and system entries.
    standing: Option<Standing>,
    session_id: Option<SessionId>,
    session_role: Option<SessionRole>,
    /// The wait of the client that it ends.
    reply: Option<Waited>,
    /// Its conversation's first response, where it is that.
    first_response: Option<Waited>,
}

struct StatusDraft<'a> {
    item: usize,
    input: &'a NewStatus,
    heard: Heard,
    /// Whoever the message went to was erased after this.
    erased: bool,
}

struct EventDraft<'a> {
    item: usize,
    input: &'a NewConversationEvent,
    at: Timestamp,
}

impl MessageDraft<'_> {
    /// All addresses and ids by which the contact is known on the inbox.
    fn source_ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.source_id.as_str()).chain(self.other_source_id.as_deref())
    }

    /// Notes and system entries, which the contact never sees.
    fn silent(&self) -> bool {
        let system = self
            .input
            .author
            .is_some_and(|author| author.kind == entity::kinds::AuthorKind::System);
        self.input.private || system
    }

    fn is_inbound(&self) -> bool {
        self.input.direction == entity::kinds::Direction::Inbound && !self.silent()
    }

    /// Whether an opt-in word opted in shows later; here it counts as a reply.
    fn is_reply(&self) -> bool {
        self.is_inbound() && self.word != Some(OptOutKind::OptOut)
    }

    fn is_send(&self) -> bool {
        self.has_status() && self.input.medium == entity::kinds::Medium::Mailing
    }

    fn has_status(&self) -> bool {
        self.input.direction == entity::kinds::Direction::Outbound && !self.silent()
    }
}
