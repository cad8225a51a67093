//! What a batch writes, one statement for each kind of thing. The order follows the foreign
//! keys: contacts, conversations, sessions, messages, ledgers.

mod conversations;
mod messages;

pub(super) use messages::bucket;

use std::collections::{HashMap, HashSet};

use entity::id::{
    ContactId, ConversationEventId, ConversationId, InboxId, LabelId, MessageEventId, MessageId,
    ParkedEventId, SessionId, Uuid,
};
use entity::kinds::{EventKind, OptOutSource, SessionRole, UserType};
use entity::{
    Timestamp, contact, contact_identity, conversation, conversation_event, message, message_event,
    parked_event, session,
};
use sea_orm::{DatabaseTransaction, Value};

use super::contacts::Person;
use super::ledger::Closing;
use super::replay::Frozen;
use super::status::Standing;
use super::statuses::{Changed, Place};
use super::{Batch, MessageDraft, Outcome, attribution, labels};
use crate::auth::AccountScope;
use crate::domain::rows::{delete, insert, insert_or, update};
use crate::domain::{event, opt_out, text};
use crate::error::{Error, Result};

#[derive(Default)]
pub(super) struct Writes {
    pub new_contacts: Vec<contact::Model>,
    pub changed_contacts: Vec<Person>,
    pub identities: Vec<contact_identity::ActiveModel>,
    pub new_conversations: Vec<conversation::Model>,
    /// Those of which more changed than what was said last.
    pub changed_conversations: Vec<conversation::Model>,
    /// The others.
    pub spoken_conversations: Vec<conversation::Model>,
    pub conversation_events: Vec<conversation_event::ActiveModel>,
    /// Events that turned out not to have happened.
    pub withdrawn: Vec<ConversationEventId>,
    /// Labels that events put on or took off.
    pub labelled: HashSet<(ConversationId, LabelId)>,
    /// Stored messages that froze something else at their time than we knew.
    pub refrozen: Vec<(MessageId, Frozen)>,
    /// Stored closings that did.
    pub reclosed: Vec<(ConversationEventId, Closing)>,
    pub ledger: Vec<message_event::ActiveModel>,
    /// Events that were heard earlier than we knew.
    pub received: Vec<(MessageEventId, Timestamp)>,
    /// By inbox, message and identity.
    pub parked: HashMap<(InboxId, String, String), parked_event::Model>,
    pub unparked: Vec<ParkedEventId>,
    /// Stored messages that learn their ids at the provider.
    pub adopted: Vec<(MessageId, Place)>,
    /// Stored messages whose status changed.
    pub standings: Vec<(MessageId, InboxId, Standing)>,
    pub sessions: SessionWrites,
    /// Items that repeat another item of the batch.
    pub repeated: Vec<(usize, usize)>,
    /// Messages that were dropped, since their contacts were erased after them.
    pub dropped: HashSet<Place>,
    /// Opt-outs and opt-ins that they said.
    pub words_of_erased: Vec<opt_out::NewEntry>,
}

#[derive(Default)]
pub(super) struct SessionWrites {
    pub made: Vec<session::Model>,
    pub changed: Vec<session::Model>,
    /// Those that only go on for longer.
    pub prolonged: Vec<(SessionId, Timestamp)>,
    pub removed: Vec<SessionId>,
    pub retyped: Vec<(SessionId, UserType)>,
    /// Messages that stand in another session or play another role.
    pub places: HashMap<MessageId, (Option<SessionId>, Option<SessionRole>)>,
    /// Contacts whose sessions were divided anew.
    pub contacts_anew: HashSet<ContactId>,
}

impl SessionWrites {
    /// How many rows are written.
    pub fn rows(&self) -> u64 {
        let sessions = self.made.len() + self.changed.len() + self.prolonged.len();
        (sessions + self.removed.len() + self.retyped.len() + self.places.len()) as u64
    }
}

pub(super) use conversations::only_spoken;

/// Writes everything and gives the answers.
pub(super) async fn all(mut batch: Batch<'_>, turned: &[Changed]) -> Result<Vec<Outcome>> {
    let (scope, tx) = (batch.scope, batch.tx);
    let mut writes = std::mem::take(&mut batch.writes);
    let logged = batch.logged.then(|| Logged::of(&batch, &writes));
    let mut sessions = std::mem::take(&mut writes.sessions);
    people(scope, &mut writes, tx).await?;
    conversations::conversations(scope, &mut writes, tx).await?;
    insert::<session::Entity, _>(tx, std::mem::take(&mut sessions.made)).await?;
    let rows = batch.messages.iter().map(|draft| messages::row(&batch, draft));
    insert::<message::Entity, _>(tx, rows).await?;
    ledgers(scope, &mut writes, tx).await?;
    messages::adopt(scope, &writes, tx).await?;
    messages::update_standings(&batch, &writes, tx).await?;
    messages::refreeze(scope, &writes, tx).await?;
    conversations::reclose(scope, &mut writes, tx).await?;
    let quoting = messages::resolve_quotes(&batch, &writes).await?;
    write_sessions(scope, tx, sessions).await?;
    attribution::settle(&batch, turned, &quoting).await?;
    let mut words = opt_outs(&batch);
    words.append(&mut writes.words_of_erased);
    opt_out::append(scope, tx, words).await?;
    scope.save_counter(tx, &batch.counter).await?;
    if let Some(logged) = logged {
        logged.log(scope, tx).await?;
    }
    answers(batch, &writes)
}

/// Ids for the event log.
struct Logged {
    messages: Vec<Uuid>,
    standings: Vec<Uuid>,
    conversations: Vec<Uuid>,
    contacts: Vec<Uuid>,
}

impl Logged {
    fn of(batch: &Batch<'_>, writes: &Writes) -> Self {
        let contacts = writes.new_contacts.iter().map(|contact| contact.id.0);
        let contacts = contacts.chain(writes.changed_contacts.iter().map(|person| person.id.0));
        let conversations = writes.new_conversations.iter();
        let conversations =
            conversations.chain(&writes.changed_conversations).chain(&writes.spoken_conversations);
        Self {
            messages: batch.messages.iter().map(|message| message.id.0).collect(),
            standings: writes.standings.iter().map(|(id, ..)| id.0).collect(),
            conversations: conversations.map(|model| model.id.0).collect(),
            contacts: contacts.collect(),
        }
    }

    async fn log(self, scope: &AccountScope, tx: &DatabaseTransaction) -> Result<()> {
        event::write(scope, tx, EventKind::ContactChanged, self.contacts).await?;
        event::write(scope, tx, EventKind::ConversationChanged, self.conversations).await?;
        event::write(scope, tx, EventKind::MessageAdded, self.messages).await?;
        event::write(scope, tx, EventKind::MessageStatusChanged, self.standings).await
    }
}

async fn people(scope: &AccountScope, writes: &mut Writes, tx: &DatabaseTransaction) -> Result<()> {
    insert::<contact::Entity, _>(tx, writes.new_contacts.drain(..)).await?;
    use contact::Column::{Email, Id, Name, NameKey, Nickname, Phone, UpdatedAt};
    let columns = [Id, NameKey, Name, Nickname, Email, Phone, UpdatedAt];
    let now = scope.now();
    let rows = writes.changed_contacts.drain(..).map(|person| {
        [
            Value::from(person.id),
            Value::from(person.name.as_deref().map(text::name_key)),
            Value::from(person.name),
            Value::from(person.nickname),
            Value::from(person.email),
            Value::from(person.phone),
            Value::from(now),
        ]
    });
    update::<contact::Entity, _>(scope, tx, columns, rows.collect()).await?;
    insert::<contact_identity::Entity, _>(tx, std::mem::take(&mut writes.identities)).await
}

async fn ledgers(
    scope: &AccountScope,
    writes: &mut Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use message_event::Column as C;
    insert::<message_event::Entity, _>(tx, std::mem::take(&mut writes.ledger)).await?;
    let rows = std::mem::take(&mut writes.received).into_iter();
    let rows = rows.map(|(id, at)| [Value::from(id), Value::from(at)]).collect();
    update::<message_event::Entity, _>(scope, tx, [C::Id, C::ReceivedAt], rows).await?;
    park(tx, writes.parked.drain().map(|(_, row)| row)).await?;
    delete::<parked_event::Entity, _>(scope, tx, parked_event::Column::Id, &writes.unparked)
        .await?;
    let known = " ON CONFLICT (account_id, conversation_id, identity) DO NOTHING";
    let events = std::mem::take(&mut writes.conversation_events);
    insert_or::<conversation_event::Entity, _>(tx, events, known).await?;
    let id = conversation_event::Column::Id;
    delete::<conversation_event::Entity, _>(scope, tx, id, &writes.withdrawn).await?;
    labels::settle(scope, std::mem::take(&mut writes.labelled), tx).await
}

/// Of an event that waits already, the first reception counts.
async fn park(
    tx: &DatabaseTransaction,
    rows: impl Iterator<Item = parked_event::Model>,
) -> Result<()> {
    let first = " ON CONFLICT (account_id, inbox_id, external_id, identity) DO UPDATE \
                 SET received_at = excluded.received_at \
                 WHERE excluded.received_at < parked_event.received_at";
    insert_or::<parked_event::Entity, _>(tx, rows, first).await
}

/// Writes sessions and where messages stand in them.
pub(super) async fn write_sessions(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    writes: SessionWrites,
) -> Result<()> {
    use message::Column as M;
    use session::Column as C;
    insert::<session::Entity, _>(tx, writes.made).await?;
    let columns = [
        C::Id,
        C::ContactId,
        C::ConversationId,
        C::FirstMessageId,
        C::Origin,
        C::UserType,
        C::StartedAt,
        C::LastMessageAt,
    ];
    let rows = writes.changed.into_iter().map(|model| {
        [
            Value::from(model.id),
            Value::from(model.contact_id),
            Value::from(model.conversation_id),
            Value::from(model.first_message_id),
            Value::from(model.origin),
            Value::from(model.user_type),
            Value::from(model.started_at),
            Value::from(model.last_message_at),
        ]
    });
    update::<session::Entity, _>(scope, tx, columns, rows.collect()).await?;
    let rows = writes.prolonged.into_iter().map(|(id, at)| [Value::from(id), Value::from(at)]);
    update::<session::Entity, _>(scope, tx, [C::Id, C::LastMessageAt], rows.collect()).await?;
    let rows = writes
        .places
        .into_iter()
        .map(|(id, (session, role))| [Value::from(id), Value::from(session), Value::from(role)]);
    update::<message::Entity, _>(scope, tx, [M::Id, M::SessionId, M::SessionRole], rows.collect())
        .await?;
    let rows =
        writes.retyped.into_iter().map(|(id, user_type)| [Value::from(id), Value::from(user_type)]);
    update::<session::Entity, _>(scope, tx, [C::Id, C::UserType], rows.collect()).await?;
    delete::<session::Entity, _>(scope, tx, C::Id, &writes.removed).await
}

/// Inbound messages that are wholly an opt-out or opt-in word. Whether an entry changes
/// anything is for the history to say.
fn opt_outs(batch: &Batch<'_>) -> Vec<opt_out::NewEntry> {
    let inbound = batch.messages.iter().filter(|draft| draft.is_inbound());
    inbound.filter_map(|draft| word(batch, draft)).collect()
}

/// What an inbound message says that is one of the words.
pub(super) fn word(batch: &Batch<'_>, draft: &MessageDraft<'_>) -> Option<opt_out::NewEntry> {
    let kind = draft.word?;
    let platform = batch.references.inboxes.get(&draft.input.inbox_id)?.platform;
    let (phone, email) = (draft.phone.as_deref(), draft.email.as_deref());
    Some(opt_out::NewEntry {
        platform,
        address: opt_out::address(platform, phone, email, Some(&draft.source_id))?,
        kind,
        source: OptOutSource::Word,
        contact_id: Some(draft.contact_id),
        inbox_id: Some(draft.input.inbox_id),
        message_id: Some(draft.id),
        user_id: None,
        reason: None,
        occurred_at: draft.at,
    })
}

fn answers(mut batch: Batch<'_>, writes: &Writes) -> Result<Vec<Outcome>> {
    for message in &batch.messages {
        batch.outcomes[message.item] = Some(Outcome::Recorded {
            message_id: Some(message.id),
            conversation_id: Some(message.conversation_id),
        });
    }
    for (item, first) in &writes.repeated {
        let outcome = match &batch.outcomes[*first] {
            Some(Outcome::Recorded { message_id, conversation_id }) => {
                Outcome::Duplicate { message_id: *message_id, conversation_id: *conversation_id }
            }
            Some(other) => other.clone(),
            None => return Err(Error::bug("a repeated message has no answer")),
        };
        batch.outcomes[*item] = Some(outcome);
    }
    let answered: Option<Vec<Outcome>> = batch.outcomes.into_iter().collect();
    answered.ok_or_else(|| Error::bug("an item has no answer"))
}
