//! The ledger of statuses: events join the message they tell of, wait for it where it is
//! not known yet, and change its standing.

use std::collections::{HashMap, HashSet};

use entity::id::{ConversationId, InboxId, MessageEventId, MessageId, ParkedEventId};
use entity::kinds::{AuthorKind, Direction, StatusKind};
use entity::{Timestamp, message_event, parked_event};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, Set, Value};

use super::load::{Known, KnownMessages};
use super::session::Part;
use super::status::{Heard, Standing, standing};
use super::{Batch, Outcome, StatusDraft, erasure};
use crate::db::Sql;
use crate::domain::rows::IDS;
use crate::error::{Result, Violation, ViolationCode};

/// A stored message of which sessions think otherwise now, since its status changed.
pub(super) struct Changed {
    pub message: Known,
    pub part: Part,
}

/// Answers messages that are recorded already, or twice in the batch, and finds out which
/// messages are quoted.
pub(super) fn drop_duplicates(batch: &mut Batch<'_>, known: &KnownMessages) {
    let mut first: HashMap<(InboxId, &str), (usize, MessageId)> = HashMap::new();
    let mut repeated: HashSet<usize> = HashSet::new();
    for message in &batch.messages {
        let Some(external) = &message.input.external_id else { continue };
        if let Some(stored) = known.named(message.input.inbox_id, external) {
            let (message_id, conversation_id) = (Some(stored.id), Some(stored.conversation_id));
            batch.outcomes[message.item] = Some(Outcome::Duplicate { message_id, conversation_id });
            repeated.insert(message.item);
            continue;
        }
        let key = (message.input.inbox_id, external.as_str());
        if let Some((item, _)) = first.get(&key) {
            batch.writes.repeated.push((message.item, *item));
            repeated.insert(message.item);
        } else {
            first.insert(key, (message.item, message.id));
        }
    }
    batch.messages.retain(|message| !repeated.contains(&message.item));
    let sends: HashSet<MessageId> = batch
        .messages
        .iter()
        .filter(|message| message.is_send())
        .map(|message| message.id)
        .collect();
    for message in &mut batch.messages {
        let Some(quoted) = &message.input.quoted_external_id else { continue };
        let inbox = message.input.inbox_id;
        let stored = known.named(inbox, quoted);
        message.quoted_message_id = stored
            .map(|stored| stored.id)
            .or_else(|| first.get(&(inbox, quoted.as_str())).map(|(_, id)| *id));
        message.quotes_send = stored.is_some_and(Known::is_send)
            || message.quoted_message_id.is_some_and(|id| sends.contains(&id));
    }
}

/// Adds the batch's events to the ledger, sets the standing of every message draft, and
/// says of which stored messages sessions think otherwise now.
pub(super) async fn apply(batch: &mut Batch<'_>, mut known: KnownMessages) -> Result<Vec<Changed>> {
    let drafts = with_external_id(batch);
    adopt(batch, &mut known, &drafts);
    let waiting: HashSet<Place> = drafts
        .keys()
        .filter(|place| batch.messages[drafts[place]].has_status())
        .cloned()
        .chain(batch.writes.adopted.iter().map(|(_, place)| place.clone()))
        // What waits for a message that was dropped waits in vain.
        .chain(batch.writes.dropped.iter().cloned())
        .collect();
    let mut parked = parked(batch, waiting).await?;
    let mut of_draft: HashMap<usize, Vec<Heard>> = HashMap::new();
    for (place, index) in &drafts {
        of_draft.extend(parked.remove(place).map(|heard| (*index, heard)));
    }
    let mut of_known: HashMap<MessageId, News> = HashMap::new();
    for (id, place) in &batch.writes.adopted {
        of_known.entry(*id).or_default().parked = parked.remove(place).unwrap_or_default();
    }
    for index in 0..batch.statuses.len() {
        let status = &batch.statuses[index];
        let place = status.input.external_id.clone().map(|id| (status.input.inbox_id, id));
        let stored = known.told_of(status.input);
        let draft = place.as_ref().and_then(|place| drafts.get(place));
        let outcome = match (stored, draft) {
            (Some(stored), _) if stored.status.is_some() => {
                of_known.entry(stored.id).or_default().statuses.push(index);
                continue;
            }
            (Some(_), _) => no_status(),
            (None, Some(draft)) => {
                let message = &batch.messages[*draft];
                if message.has_status() {
                    let heard = of_draft.entry(*draft).or_default();
                    add(heard, status.heard.clone(), message.id, message.conversation_id)
                } else {
                    no_status()
                }
            }
            (None, None) => match place {
                Some(place)
                    if batch.statuses[index].erased || batch.writes.dropped.contains(&place) =>
                {
                    Outcome::Erased
                }
                Some(place) => {
                    park(batch, index, place);
                    Outcome::Parked
                }
                None => no_message(),
            },
        };
        let item = batch.statuses[index].item;
        batch.outcomes[item] = Some(outcome);
    }
    stand_drafts(batch, of_draft);
    change_known(batch, known, of_known).await
}

/// An inbox, and a message's id at its provider.
pub(super) type Place = (InboxId, String);

fn with_external_id(batch: &Batch<'_>) -> HashMap<Place, usize> {
    let drafts = batch.messages.iter().enumerate();
    let placed = drafts.filter_map(|(index, message)| {
        Some(((message.input.inbox_id, message.input.external_id.clone()?), index))
    });
    placed.collect()
}

/// Stored messages that were sent from here learn their ids at the provider from the first
/// status that tells both.
fn adopt(batch: &mut Batch<'_>, known: &mut KnownMessages, drafts: &HashMap<Place, usize>) {
    for status in &batch.statuses {
        let (Some(_), Some(external_id)) = (status.input.message_id, &status.input.external_id)
        else {
            continue;
        };
        let Some(stored) = known.told_of(status.input) else { continue };
        let (id, nameless) = (stored.id, stored.external_id.is_none());
        let place = (stored.inbox_id, external_id.clone());
        // Another message may have it already, where another system recorded this one too.
        let free = known.named(place.0, &place.1).is_none() && !drafts.contains_key(&place);
        if nameless && free {
            known.name(id, &place);
            batch.writes.adopted.push((id, place));
        }
    }
}

/// What a batch says of a stored message.
#[derive(Default)]
struct News {
    /// By index.
    statuses: Vec<usize>,
    /// What waited for it.
    parked: Vec<Heard>,
}

fn no_message() -> Outcome {
    Outcome::Rejected(vec![Violation {
        path: "status.messageId".to_owned(),
        code: ViolationCode::NotFound,
        message: "no such message on this inbox".to_owned(),
    }])
}

fn no_status() -> Outcome {
    Outcome::Rejected(vec![Violation {
        path: "status.externalId".to_owned(),
        code: ViolationCode::Unsupported,
        message: "names an inbound message, a note or a system entry; only outbound messages have a status"
            .to_owned(),
    }])
}

/// Adds an event to what was heard of a message. Of one that was heard before, the first
/// reception counts.
fn add(
    heard: &mut Vec<Heard>,
    event: Heard,
    message_id: MessageId,
    conversation_id: ConversationId,
) -> Outcome {
    let identity = event.identity();
    let (message_id, conversation_id) = (Some(message_id), Some(conversation_id));
    if let Some(other) = heard.iter_mut().find(|other| other.identity() == identity) {
        other.received_at = other.received_at.min(event.received_at);
        return Outcome::Duplicate { message_id, conversation_id };
    }
    heard.push(event);
    Outcome::Recorded { message_id, conversation_id }
}

#[derive(FromQueryResult)]
struct Parked {
    id: ParkedEventId,
    inbox_id: InboxId,
    external_id: String,
    kind: StatusKind,
    provider_time: Option<Timestamp>,
    received_at: Timestamp,
    code: Option<String>,
    detail: Option<String>,
}

/// What waited for the messages in these places; it waits no longer.
async fn parked(
    batch: &mut Batch<'_>,
    places: HashSet<Place>,
) -> Result<HashMap<Place, Vec<Heard>>> {
    let mut heard: HashMap<Place, Vec<Heard>> = HashMap::new();
    if places.is_empty() {
        return Ok(heard);
    }
    let mut sql = Sql::new("WITH v(inbox_id, external_id) AS (");
    sql.rows(places.into_iter().map(|(inbox, external)| [Value::from(inbox), external.into()]));
    sql.push(
        ") SELECT p.id, p.inbox_id, p.external_id, p.kind, p.provider_time, p.received_at, p.code, p.detail \
         FROM v CROSS JOIN parked_event p WHERE p.inbox_id = v.inbox_id AND p.external_id = v.external_id \
         AND p.account_id = ",
    );
    sql.bind(batch.scope.account_id());
    let statement = sql.statement(batch.scope.db().backend());
    for found in Parked::find_by_statement(statement).all(batch.tx).await? {
        batch.writes.unparked.push(found.id);
        heard.entry((found.inbox_id, found.external_id)).or_default().push(Heard {
            kind: found.kind,
            provider_time: found.provider_time,
            received_at: found.received_at,
            code: found.code,
            detail: found.detail,
        });
    }
    Ok(heard)
}

/// Keeps an event for the message to come.
fn park(batch: &mut Batch<'_>, index: usize, (inbox_id, external_id): Place) {
    let StatusDraft { heard, input, .. } = &batch.statuses[index];
    let to = input.recipient.as_deref();
    let row = parked_event::Model {
        account_id: batch.scope.account_id(),
        id: batch.scope.id(),
        inbox_id,
        external_id: external_id.clone(),
        identity: heard.identity(),
        kind: heard.kind,
        provider_time: heard.provider_time,
        received_at: heard.received_at,
        code: heard.code.clone(),
        detail: heard.detail.clone(),
        recipient: to.and_then(|to| erasure::recipient(batch, inbox_id, to)),
    };
    let received_at = heard.received_at;
    let key = (inbox_id, external_id, heard.identity());
    let parked = batch.writes.parked.entry(key).or_insert(row);
    parked.received_at = parked.received_at.min(received_at);
}

fn ledger_row(
    batch: &Batch<'_>,
    message_id: MessageId,
    heard: &Heard,
) -> message_event::ActiveModel {
    message_event::ActiveModel {
        account_id: Set(batch.scope.account_id()),
        id: Set(batch.scope.id()),
        message_id: Set(message_id),
        identity: Set(heard.identity()),
        kind: Set(heard.kind),
        provider_time: Set(heard.provider_time),
        received_at: Set(heard.received_at),
        code: Set(heard.code.clone()),
        detail: Set(heard.detail.clone()),
    }
}

fn stand_drafts(batch: &mut Batch<'_>, mut of_draft: HashMap<usize, Vec<Heard>>) {
    for index in 0..batch.messages.len() {
        if !batch.messages[index].has_status() {
            continue;
        }
        let mut heard = of_draft.remove(&index).unwrap_or_default();
        heard.extend(batch.messages[index].input.status.map(|kind| Heard {
            kind,
            provider_time: None,
            received_at: batch.now,
            code: None,
            detail: None,
        }));
        let (id, inbox) = (batch.messages[index].id, batch.messages[index].input.inbox_id);
        let rows: Vec<_> = heard.iter().map(|event| ledger_row(batch, id, event)).collect();
        batch.writes.ledger.extend(rows);
        let receipts =
            batch.references.inboxes.get(&inbox).is_some_and(|inbox| inbox.gives_receipts);
        batch.messages[index].standing = Some(standing(&heard, receipts));
    }
}

#[derive(FromQueryResult)]
struct LedgerEntry {
    id: MessageEventId,
    message_id: MessageId,
    kind: StatusKind,
    provider_time: Option<Timestamp>,
    received_at: Timestamp,
    code: Option<String>,
    detail: Option<String>,
}

/// All that is stored of what was heard about messages.
pub(super) type Ledger = HashMap<MessageId, Vec<(MessageEventId, Heard)>>;

pub(super) async fn ledger(batch: &Batch<'_>, messages: &[MessageId]) -> Result<Ledger> {
    let mut ledger = Ledger::new();
    for chunk in messages.chunks(IDS) {
        let entries = batch
            .scope
            .find::<message_event::Entity>()
            .filter(message_event::Column::MessageId.is_in(chunk.iter().copied()))
            .into_model::<LedgerEntry>()
            .all(batch.tx)
            .await?;
        for entry in entries {
            let heard = Heard {
                kind: entry.kind,
                provider_time: entry.provider_time,
                received_at: entry.received_at,
                code: entry.code,
                detail: entry.detail,
            };
            ledger.entry(entry.message_id).or_default().push((entry.id, heard));
        }
    }
    Ok(ledger)
}

async fn change_known(
    batch: &mut Batch<'_>,
    known: KnownMessages,
    mut of_known: HashMap<MessageId, News>,
) -> Result<Vec<Changed>> {
    let ids: Vec<MessageId> = of_known.keys().copied().collect();
    let mut ledger = ledger(batch, &ids).await?;
    let mut changed = Vec::new();
    for message in known.into_values() {
        let Some(news) = of_known.remove(&message.id) else { continue };
        let entries = ledger.remove(&message.id).unwrap_or_default();
        let stored: Vec<_> = entries.iter().map(|(id, heard)| (*id, heard.received_at)).collect();
        let mut heard: Vec<Heard> = entries.into_iter().map(|(_, heard)| heard).collect();
        let before = standing(&heard, message.gives_receipts);
        for event in news.parked {
            add(&mut heard, event, message.id, message.conversation_id);
        }
        for index in news.statuses {
            let status = &batch.statuses[index];
            let mut event = status.heard.clone();
            // The provider's words may name who was erased.
            event.detail = event.detail.filter(|_| !message.is_erased());
            let outcome = add(&mut heard, event, message.id, message.conversation_id);
            batch.outcomes[status.item] = Some(outcome);
        }
        // What was stored stands first, in the order in which it was read.
        let rows = heard.iter().skip(stored.len());
        let rows: Vec<_> = rows.map(|event| ledger_row(batch, message.id, event)).collect();
        batch.writes.ledger.extend(rows);
        for (now, (id, before)) in heard.iter().zip(stored) {
            if now.received_at < before {
                batch.writes.received.push((id, now.received_at));
            }
        }
        let after = standing(&heard, message.gives_receipts);
        if after != before {
            let part = part_changed(&message, &after);
            batch.writes.standings.push((message.id, message.inbox_id, after));
            changed.extend(part.map(|part| Changed { message, part }));
        }
    }
    Ok(changed)
}

fn part_changed(message: &Known, after: &Standing) -> Option<Part> {
    let author: Option<AuthorKind> = message.author_kind;
    let part = |status| Part::of(Direction::Outbound, message.private, author, status);
    let now = part(Some(after.status));
    (now != part(message.status)).then_some(now)
}
