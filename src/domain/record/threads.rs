//! Which conversation a message joins, and what its messages and events make of it. What
//! comes in order is applied to the stored state; a conversation that something late came
//! into is worked out anew from all that is known of it.

use std::collections::{HashMap, HashSet};

use entity::id::{ContactId, ConversationId, InboxId};
use entity::kinds::{ConversationActor, ConversationEventKind, ConversationStatus, OpenedBy};
use entity::{Timestamp, conversation, conversation_event};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, Set, Value};

use super::ledger::{Closing, identity, ledger_row, reopening};
use super::thread::{self, Entry, Happened, Spoken};
use super::waited::Waited;
use super::write::{Writes, only_spoken};
use super::{Batch, MessageDraft, NewConversationEvent, Outcome, Traffic, replay};
use crate::db::Sql;
use crate::error::{Result, Violation, ViolationCode};

/// A conversation that the batch touches.
pub(super) struct Thread {
    pub model: conversation::Model,
    /// As it is stored; none where it is new.
    stored: Option<conversation::Model>,
    changed: bool,
    pub late: bool,
    /// What the batch adds to it.
    pub added: Vec<(Entry, Origin)>,
}

/// The item of the batch from which a message comes; none for events and what is stored.
pub(super) type Origin = Option<usize>;

#[derive(Default)]
pub(super) struct Threads {
    pub all: HashMap<ConversationId, Thread>,
    /// Of a contact on an inbox, oldest first.
    of_pair: HashMap<(ContactId, InboxId), Vec<ConversationId>>,
    by_external_id: HashMap<(InboxId, String), ConversationId>,
}

impl Threads {
    /// A stored conversation that is to be worked out anew, and is written if that changes it.
    pub fn add_late(&mut self, model: conversation::Model) {
        let id = model.id;
        self.add(model, false);
        if let Some(thread) = self.all.get_mut(&id) {
            thread.late = true;
        }
    }

    /// Notes what is to be written.
    pub fn settle(self, writes: &mut Writes) {
        for Thread { model, stored, changed, .. } in self.all.into_values() {
            match stored {
                None => writes.new_conversations.push(model),
                Some(stored) if !changed && stored == model => {}
                Some(stored) if only_spoken(&stored, &model) => {
                    writes.spoken_conversations.push(model);
                }
                Some(_) => writes.changed_conversations.push(model),
            }
        }
        // Ordinals follow the order of making.
        writes.new_conversations.sort_by_key(|model| model.ordinal);
    }

    fn add(&mut self, model: conversation::Model, is_new: bool) {
        if let Some(external) = &model.external_id {
            self.by_external_id.insert((model.inbox_id, external.clone()), model.id);
        }
        let pair = self.of_pair.entry((model.contact_id, model.inbox_id)).or_default();
        if !pair.contains(&model.id) {
            pair.push(model.id);
        }
        let stored = (!is_new).then(|| model.clone());
        let thread = Thread { model, stored, changed: is_new, late: false, added: Vec::new() };
        self.all.entry(thread.model.id).or_insert(thread);
        pair.sort_by_key(|id| self.all.get(id).map(|thread| (thread.model.created_at, *id)));
    }
}

/// Sets conversation, assignee and bot of every message draft, and notes the conversations
/// and ledger entries to write. Items that name a conversation wrongly are answered here.
pub(super) async fn follow(batch: &mut Batch<'_>) -> Result<()> {
    if batch.messages.is_empty() && batch.events.is_empty() {
        return Ok(());
    }
    let mut threads = load(batch).await?;
    let mut ledger = known_events(batch, &threads).await?;
    let mut early = Vec::new();
    for step in steps(batch) {
        match step {
            Step::Message(index) => message_step(batch, &mut threads, index),
            Step::Event(index) => early.extend(event_step(batch, &mut threads, &mut ledger, index)),
        }
    }
    // What happened to a conversation before its first message, if that is in the batch too.
    for index in early {
        if let Some(index) = event_step(batch, &mut threads, &mut ledger, index) {
            let text =
                "no such conversation on this inbox; record its first message before its events";
            let path = "conversationEvent.conversationExternalId";
            let violation = violation(path, ViolationCode::NotFound, text);
            batch.outcomes[batch.events[index].item] = Some(Outcome::Rejected(vec![violation]));
        }
    }
    if batch.messages.iter().any(|message| batch.outcomes[message.item].is_some()) {
        return Ok(());
    }
    replay::replay_late(batch, &mut threads).await?;
    threads.settle(&mut batch.writes);
    Ok(())
}

enum Step {
    Message(usize),
    Event(usize),
}

/// Messages and events of the batch in the order of their times, messages first, then in
/// the order of the items.
fn steps(batch: &Batch<'_>) -> Vec<Step> {
    let messages = batch.messages.iter().enumerate();
    let events = batch.events.iter().enumerate();
    let mut steps: Vec<_> = messages
        .map(|(index, message)| ((message.at, false, message.item), Step::Message(index)))
        .chain(events.map(|(index, event)| ((event.at, true, event.item), Step::Event(index))))
        .collect();
    steps.sort_by_key(|(order, _)| *order);
    steps.into_iter().map(|(_, step)| step).collect()
}

/// The conversations that items name, and of each contact and inbox those not closed at the
/// batch's first message and the one begun last before it, with all later ones.
async fn load(batch: &Batch<'_>) -> Result<Threads> {
    let mut threads = Threads::default();
    let mut ids: HashSet<ConversationId> = HashSet::new();
    let mut external: HashSet<(InboxId, &str)> = HashSet::new();
    let mut pairs: HashMap<(ContactId, InboxId), Timestamp> = HashMap::new();
    let made: HashSet<ContactId> =
        batch.writes.new_contacts.iter().map(|contact| contact.id).collect();
    for message in &batch.messages {
        let input = message.input;
        ids.extend(input.conversation_id);
        external.extend(input.conversation_external_id.as_deref().map(|id| (input.inbox_id, id)));
        if !made.contains(&message.contact_id) {
            let first = pairs.entry((message.contact_id, input.inbox_id)).or_insert(message.at);
            *first = (*first).min(message.at);
        }
    }
    for event in &batch.events {
        let input = event.input;
        ids.extend(input.conversation_id);
        external.extend(input.conversation_external_id.as_deref().map(|id| (input.inbox_id, id)));
    }
    let backend = batch.scope.db().backend();
    if !ids.is_empty() {
        let select = batch.scope.find::<conversation::Entity>();
        for model in select.filter(conversation::Column::Id.is_in(ids)).all(batch.tx).await? {
            threads.add(model, false);
        }
    }
    if !external.is_empty() {
        let mut sql = Sql::new("WITH v(inbox_id, external_id) AS (");
        sql.rows(external.into_iter().map(|(inbox, id)| [Value::from(inbox), Value::from(id)]));
        sql.push(") SELECT c.* FROM v CROSS JOIN conversation c WHERE c.inbox_id = v.inbox_id AND c.external_id = v.external_id AND c.account_id = ");
        sql.bind(batch.scope.account_id());
        for model in
            conversation::Model::find_by_statement(sql.statement(backend)).all(batch.tx).await?
        {
            threads.add(model, false);
        }
    }
    if !pairs.is_empty() {
        let mut sql = Sql::new("WITH v(contact_id, inbox_id, at) AS (");
        sql.rows(pairs.into_iter().map(|((contact, inbox), at)| {
            [Value::from(contact), Value::from(inbox), Value::from(at)]
        }));
        sql.push(") SELECT c.* FROM v CROSS JOIN conversation c WHERE c.inbox_id = v.inbox_id AND c.contact_id = v.contact_id AND c.account_id = ");
        sql.bind(batch.scope.account_id());
        sql.push(
            " AND (c.closed_at IS NULL OR c.closed_at > v.at OR c.created_at >= COALESCE((SELECT MAX(e.created_at) FROM conversation e \
             WHERE e.inbox_id = v.inbox_id AND e.contact_id = v.contact_id AND e.created_at <= v.at AND e.account_id = ",
        );
        sql.bind(batch.scope.account_id());
        sql.push("), 0))");
        for model in
            conversation::Model::find_by_statement(sql.statement(backend)).all(batch.tx).await?
        {
            threads.add(model, false);
        }
    }
    Ok(threads)
}

fn message_step(batch: &mut Batch<'_>, threads: &mut Threads, index: usize) {
    let message = &batch.messages[index];
    let id = match route(batch, threads, message) {
        Ok(Some(id)) => id,
        Ok(None) => begin(batch, threads, index),
        Err(violation) => {
            batch.outcomes[message.item] = Some(Outcome::Rejected(vec![violation]));
            return;
        }
    };
    let message = &mut batch.messages[index];
    message.conversation_id = id;
    let Some(thread) = threads.all.get_mut(&id) else { return };
    let entry = Entry::Message(spoken(message));
    take_traffic(&mut thread.model, message.input.traffic.as_ref());
    thread.changed = true;
    if entry.at() < thread.model.last_activity_at || stands_before_event(&thread.model, message.at)
    {
        thread.late = true;
    } else {
        let applied = thread::apply(&mut thread.model, &entry);
        message.assignee_id = applied.assignee_id;
        message.bot_id = applied.bot_id;
        let (schedules, inbox) = (&batch.references.schedules, thread.model.inbox_id);
        let waited = |since| Waited::between(schedules, inbox, since, message.at);
        (message.reply, message.first_response) =
            (waited(applied.ends.wait), waited(applied.ends.silence));
        if let Some(actor) = applied.reopens {
            let (id, at, user) =
                (message.id, message.at, message.input.author.and_then(|author| author.user_id));
            let reopening = reopening(batch, thread.model.id, id, at, actor, user);
            batch.writes.conversation_events.push(reopening);
        }
    }
    thread.added.push((entry, Some(batch.messages[index].item)));
}

/// Whether an event of the same instant is applied already, before which messages stand.
fn stands_before_event(conversation: &conversation::Model, at: Timestamp) -> bool {
    let event_was_last = conversation.last_message_at < at || conversation.closed_at == Some(at);
    conversation.last_activity_at == at && event_was_last
}

fn spoken(message: &MessageDraft<'_>) -> Spoken {
    Spoken {
        id: message.id,
        at: message.at,
        direction: message.input.direction,
        silent: message.silent(),
        author_kind: message.input.author.map(|author| author.kind),
        author_user_id: message.input.author.and_then(|author| author.user_id),
        author_bot_id: message.input.author.and_then(|author| author.bot_id),
    }
}

/// The conversation that the message joins; none where it begins one.
fn route(
    batch: &Batch<'_>,
    threads: &Threads,
    message: &MessageDraft<'_>,
) -> Result<Option<ConversationId>, Violation> {
    let input = message.input;
    let named = match (input.conversation_id, &input.conversation_external_id) {
        (Some(id), _) => Some(("message.conversationId", Some(id))),
        (None, Some(external)) => {
            let key = (input.inbox_id, external.clone());
            Some(("message.conversationExternalId", threads.by_external_id.get(&key).copied()))
        }
        (None, None) => None,
    };
    let Some((path, found)) = named else { return Ok(by_time(batch, threads, message)) };
    let Some(thread) = found.and_then(|id| threads.all.get(&id)) else {
        if input.conversation_id.is_none() {
            return Ok(None);
        }
        return Err(violation(path, ViolationCode::NotFound, "no such conversation"));
    };
    if thread.model.inbox_id != input.inbox_id {
        return Err(violation(path, ViolationCode::NotFound, "no such conversation on this inbox"));
    }
    if thread.model.contact_id != message.contact_id {
        let text = "belongs to another contact; merge the contacts first if they are one";
        return Err(violation(path, ViolationCode::Conflict, text));
    }
    Ok(Some(thread.model.id))
}

fn violation(path: &str, code: ViolationCode, message: &str) -> Violation {
    Violation { path: path.to_owned(), code, message: message.to_owned() }
}

/// Without a name: the conversation of the contact on the inbox that was not closed then.
fn by_time(
    batch: &Batch<'_>,
    threads: &Threads,
    message: &MessageDraft<'_>,
) -> Option<ConversationId> {
    let pair = threads.of_pair.get(&(message.contact_id, message.input.inbox_id))?;
    let models = || pair.iter().filter_map(|id| threads.all.get(id)).map(|thread| &thread.model);
    let begun = || models().filter(|model| model.created_at <= message.at).rev();
    let mut not_closed = begun().filter(|model| model.closed_at.is_none_or(|at| at > message.at));
    if let Some(model) = not_closed.next() {
        return Some(model.id);
    }
    if let Some((model, closed)) = begun().find_map(|model| Some((model, model.closed_at?))) {
        let inbox = batch.references.inboxes.get(&model.inbox_id);
        let within = inbox.and_then(|inbox| inbox.reopen_within_seconds).unwrap_or(-1);
        if message.at.seconds() - closed.seconds() <= within {
            return Some(model.id);
        }
    }
    // A late message that would have begun a conversation begins the one that came after it.
    models().find(|model| model.created_at > message.at).map(|model| model.id)
}

fn begin(batch: &mut Batch<'_>, threads: &mut Threads, index: usize) -> ConversationId {
    let message = &batch.messages[index];
    let ordinal = batch.counter.conversations;
    batch.counter.conversations += 1;
    batch.counter.display_ids += 1;
    let mut model = conversation::Model {
        account_id: batch.scope.account_id(),
        id: batch.scope.id(),
        ordinal,
        display_id: batch.counter.display_ids,
        inbox_id: message.input.inbox_id,
        contact_id: message.contact_id,
        external_id: message.input.conversation_external_id.clone(),
        first_message_id: message.id,
        status: ConversationStatus::Open,
        opened_by: OpenedBy::Client,
        assignee_id: None,
        bot_id: None,
        has_client_messages: false,
        traffic_source: None,
        traffic: None,
        last_message_at: message.at,
        last_direction: None,
        last_author_kind: None,
        last_author_user_id: None,
        last_author_bot_id: None,
        last_activity_at: message.at,
        visitor_last_seen_at: None,
        closed_at: None,
        closed_by: None,
        closed_by_user_id: None,
        opened_at: message.at,
        waiting_since: None,
        response_from: None,
        responded_at: None,
        created_at: message.at,
        updated_at: batch.now,
    };
    thread::begin(&mut model, &spoken(message));
    let id = model.id;
    threads.add(model, true);
    id
}

/// Events by conversation and identity.
type Ledger = HashSet<(ConversationId, String)>;

#[derive(FromQueryResult)]
struct Recorded {
    conversation_id: ConversationId,
    identity: String,
}

/// Which of the batch's events were recorded before.
async fn known_events(batch: &Batch<'_>, threads: &Threads) -> Result<Ledger> {
    let keys: Ledger = batch
        .events
        .iter()
        .filter_map(|event| Some((named(threads, event.input)?, identity(event))))
        .collect();
    if keys.is_empty() {
        return Ok(Ledger::new());
    }
    let mut sql = Sql::new("WITH v(conversation_id, identity) AS (");
    sql.rows(keys.into_iter().map(|(id, identity)| [Value::from(id), Value::from(identity)]));
    sql.push(
        ") SELECT e.conversation_id, e.identity FROM v CROSS JOIN conversation_event e \
         WHERE e.conversation_id = v.conversation_id AND e.identity = v.identity AND e.account_id = ",
    );
    sql.bind(batch.scope.account_id());
    let statement = sql.statement(batch.scope.db().backend());
    let recorded = Recorded::find_by_statement(statement).all(batch.tx).await?;
    Ok(recorded.into_iter().map(|event| (event.conversation_id, event.identity)).collect())
}

fn named(threads: &Threads, input: &NewConversationEvent) -> Option<ConversationId> {
    input.conversation_id.or_else(|| {
        let external = input.conversation_external_id.clone()?;
        threads.by_external_id.get(&(input.inbox_id, external)).copied()
    })
}

/// Gives the index back where the event's conversation is not known.
fn event_step(
    batch: &mut Batch<'_>,
    threads: &mut Threads,
    ledger: &mut Ledger,
    index: usize,
) -> Option<usize> {
    let event = &batch.events[index];
    let input = event.input;
    let thread = named(threads, input).and_then(|id| threads.all.get_mut(&id));
    let Some(thread) = thread.filter(|thread| thread.model.inbox_id == input.inbox_id) else {
        return Some(index);
    };
    let identity = identity(event);
    if !ledger.insert((thread.model.id, identity.clone())) {
        let conversation_id = Some(thread.model.id);
        batch.outcomes[event.item] = Some(Outcome::Duplicate { message_id: None, conversation_id });
        return None;
    }
    let happened = Happened {
        id: batch.scope.id(),
        at: event.at,
        kind: input.kind,
        actor: input.by.unwrap_or(ConversationActor::System),
        actor_user_id: input.by_user_id,
        user_id: input.user_id,
        bot_id: input.bot_id,
    };
    let mut row = conversation_event::ActiveModel {
        label_id: Set(input.label_id),
        ..ledger_row(batch, thread.model.id, identity, &happened)
    };
    if let Some(label) = input.label_id {
        batch.writes.labelled.insert((thread.model.id, label));
    }
    let entry = Entry::Event(happened);
    thread.changed = true;
    if entry.at() < thread.model.last_activity_at {
        thread.late = true;
    } else {
        let applied = thread::apply(&mut thread.model, &entry);
        if input.kind == ConversationEventKind::Closed {
            Closing::of(batch, thread.model.inbox_id, &applied, event.at).settle(&mut row);
        }
    }
    batch.writes.conversation_events.push(row);
    thread.added.push((entry, None));
    batch.outcomes[event.item] =
        Some(Outcome::Recorded { message_id: None, conversation_id: Some(thread.model.id) });
    None
}

/// The first source that is known stays.
fn take_traffic(conversation: &mut conversation::Model, traffic: Option<&Traffic>) {
    let Some(traffic) = traffic.filter(|traffic| **traffic != Traffic::default()) else { return };
    if conversation.traffic.is_none() {
        conversation.traffic_source = traffic.source();
        conversation.traffic = serde_json::to_value(traffic).ok();
    }
}
