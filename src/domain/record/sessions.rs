//! Keeps the stored sessions equal to what [`super::session`] says of the messages. What
//! comes after everything known of a contact on an inbox is appended; anything else makes
//! what follows it be divided anew, going on from the last message said before it.

use std::collections::{HashMap, HashSet};

use entity::id::{ContactId, ConversationId, InboxId, MessageId, SessionId};
use entity::kinds::{AuthorKind, Direction, MessageStatus, SessionOrigin, SessionRole, UserType};
use entity::{Timestamp, conversation, session};
use sea_orm::{ColumnTrait, DatabaseTransaction, FromQueryResult, QueryFilter, QuerySelect, Value};

use super::Batch;
use super::session::{Divided, Part, Said, divide};
use super::statuses::Changed;
use super::write::{SessionWrites, write_sessions};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::error::Result;

type Pair = (ContactId, InboxId);

/// Nothing is recorded before 1970.
const BEGINNING: Timestamp = Timestamp(0);

/// What is stored of the contact on the inbox.
#[derive(Default)]
struct Stored {
    /// The session before the change, if there is one, and all later ones.
    sessions: Vec<session::Model>,
    /// Time of the last message that was heard before the change: it stands in the first of
    /// the sessions.
    before: Option<Timestamp>,
    /// Time of the last message of any kind.
    latest: Option<Timestamp>,
    /// The messages from the change on, only where they have to be divided anew.
    said: Vec<Said>,
    roles: HashMap<MessageId, Option<SessionRole>>,
}

/// Sets session and role of every message draft and notes what changes in stored sessions.
pub(super) async fn apply(batch: &mut Batch<'_>, changed: &[Changed]) -> Result<()> {
    let mut added: HashMap<Pair, Vec<Said>> = HashMap::new();
    for message in &batch.messages {
        let said = draft(message);
        if said.part != Part::None {
            added.entry((message.contact_id, message.input.inbox_id)).or_default().push(said);
        }
    }
    let mut since: HashMap<Pair, Timestamp> = HashMap::new();
    for (pair, said) in &added {
        since.extend(said.iter().map(|said| said.at).min().map(|at| (*pair, at)));
    }
    let mut divided_anew: HashSet<Pair> = HashSet::new();
    for each in changed {
        let pair = (each.message.contact_id, each.message.inbox_id);
        let at = since.entry(pair).or_insert(each.message.occurred_at);
        *at = (*at).min(each.message.occurred_at);
        divided_anew.insert(pair);
    }
    let parts: HashMap<MessageId, Part> =
        changed.iter().map(|each| (each.message.id, each.part)).collect();
    let idle = batch.account.session_idle_seconds;
    let mut stored = load(batch, &since).await?;
    divided_anew.extend(
        stored.iter().filter(|(pair, stored)| is_late(stored, since[*pair])).map(|(pair, _)| *pair),
    );
    let anew = divided_anew.iter().map(|pair| (*pair, since[pair])).collect();
    load_said(batch.scope, batch.tx, &anew, &mut stored, &parts).await?;

    let mut writes = SessionWrites::default();
    for (pair, _) in since {
        let stored = stored.remove(&pair).unwrap_or_default();
        let said = added.remove(&pair).unwrap_or_default();
        let anew = divided_anew.contains(&pair);
        settle(batch.scope, pair, stored, said, anew, idle, &mut writes);
    }
    for message in &mut batch.messages {
        if let Some((session, role)) = writes.places.remove(&message.id) {
            message.session_id = session;
            message.session_role = role;
        }
    }
    let made: HashSet<ContactId> =
        batch.writes.new_contacts.iter().map(|contact| contact.id).collect();
    user_types(batch.scope, batch.tx, &mut writes, &made).await?;
    batch.writes.sessions = writes;
    Ok(())
}

fn draft(message: &super::MessageDraft<'_>) -> Said {
    let input = message.input;
    let status = message.standing.as_ref().map(|standing| standing.status);
    Said {
        message: message.id,
        conversation: message.conversation_id,
        at: message.at,
        direction: input.direction,
        part: Part::of(
            input.direction,
            input.private,
            input.author.map(|author| author.kind),
            status,
        ),
        origin: input.session_origin(),
        session: None,
    }
}

/// Some providers' clocks have whole seconds only: within the same second the order may
/// still turn.
fn is_late(stored: &Stored, first: Timestamp) -> bool {
    stored.sessions.len() > 1
        || stored.latest.is_some_and(|latest| first.seconds() <= latest.seconds())
}

#[derive(FromQueryResult)]
struct Found {
    of_contact: ContactId,
    of_inbox: InboxId,
    latest: Option<Timestamp>,
    last_heard: Option<Timestamp>,
    #[sea_orm(nested)]
    session: Option<session::Model>,
}

async fn load(
    batch: &Batch<'_>,
    since: &HashMap<Pair, Timestamp>,
) -> Result<HashMap<Pair, Stored>> {
    let made: HashSet<ContactId> =
        batch.writes.new_contacts.iter().map(|contact| contact.id).collect();
    let known: Vec<_> = since.iter().filter(|((contact, _), _)| !made.contains(contact)).collect();
    let mut stored: HashMap<Pair, Stored> = HashMap::new();
    if known.is_empty() {
        return Ok(stored);
    }
    let account = batch.scope.account_id();
    let backend = batch.scope.db().backend();
    let rows = || {
        known.iter().map(|((contact, inbox), at)| {
            [Value::from(*contact), Value::from(*inbox), Value::from(at.second())]
        })
    };

    let mut sql = Sql::new("WITH v(contact_id, inbox_id, at) AS (");
    sql.rows(rows());
    sql.push(
        ") SELECT v.contact_id AS of_contact, v.inbox_id AS of_inbox, \
         (SELECT MAX(m.occurred_at) FROM message m \
         WHERE m.inbox_id = v.inbox_id AND m.contact_id = v.contact_id AND m.account_id = ",
    );
    sql.bind(account);
    sql.push(
        ") AS latest, (SELECT m.occurred_at FROM message m \
         WHERE m.inbox_id = v.inbox_id AND m.contact_id = v.contact_id AND m.occurred_at < v.at \
         AND ",
    );
    heard(&mut sql);
    sql.push(" AND m.account_id = ").bind(account);
    sql.push(
        " ORDER BY m.occurred_at DESC LIMIT 1) AS last_heard, s.* FROM v LEFT JOIN session s \
         ON s.inbox_id = v.inbox_id AND s.contact_id = v.contact_id AND s.account_id = ",
    );
    sql.bind(account);
    sql.push(
        " AND s.started_at >= COALESCE((SELECT MAX(e.started_at) FROM session e \
         WHERE e.inbox_id = v.inbox_id AND e.contact_id = v.contact_id AND e.started_at < v.at AND e.account_id = ",
    );
    sql.bind(account);
    sql.push("), 0)");
    for found in Found::find_by_statement(sql.statement(backend)).all(batch.tx).await? {
        let pair = stored.entry((found.of_contact, found.of_inbox)).or_default();
        (pair.latest, pair.before) = (found.latest, found.last_heard);
        pair.sessions.extend(found.session);
    }
    for each in stored.values_mut() {
        each.sessions.sort_by_key(|session| (session.started_at, session.id));
    }
    Ok(stored)
}

/// [`Part::Takes`], as SQL.
fn heard(sql: &mut Sql) {
    sql.push("NOT m.private AND (m.author_kind IS NULL OR m.author_kind <> ");
    sql.bind(AuthorKind::System).push(") AND (m.direction = ").bind(Direction::Inbound);
    let out = [MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read];
    for status in out {
        sql.push(" OR m.status = ").bind(status);
    }
    sql.push(")");
}

#[derive(FromQueryResult)]
struct StoredMessage {
    id: MessageId,
    contact_id: ContactId,
    inbox_id: InboxId,
    conversation_id: ConversationId,
    session_id: Option<SessionId>,
    session_role: Option<SessionRole>,
    direction: Direction,
    private: bool,
    author_kind: Option<AuthorKind>,
    origin: SessionOrigin,
    occurred_at: Timestamp,
    status: Option<MessageStatus>,
}

/// The messages from the second of the given time on, with the parts they have now.
async fn load_said(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    pairs: &HashMap<Pair, Timestamp>,
    stored: &mut HashMap<Pair, Stored>,
    parts: &HashMap<MessageId, Part>,
) -> Result<()> {
    let pairs: Vec<_> = pairs.iter().filter(|(pair, _)| stored.contains_key(*pair)).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("WITH v(contact_id, inbox_id, at) AS (");
    sql.rows(pairs.iter().map(|(pair, since)| {
        [Value::from(pair.0), Value::from(pair.1), Value::from(since.second())]
    }));
    sql.push(
        ") SELECT m.id, m.contact_id, m.inbox_id, m.conversation_id, m.session_id, m.session_role, m.direction, \
         m.private, m.author_kind, m.origin, m.occurred_at, m.status \
         FROM v CROSS JOIN message m WHERE m.inbox_id = v.inbox_id AND m.contact_id = v.contact_id \
         AND m.occurred_at >= v.at AND m.account_id = ",
    );
    sql.bind(scope.account_id());
    for found in
        StoredMessage::find_by_statement(sql.statement(scope.db().backend())).all(tx).await?
    {
        let Some(pair) = stored.get_mut(&(found.contact_id, found.inbox_id)) else { continue };
        let part = parts.get(&found.id).copied().unwrap_or_else(|| {
            Part::of(found.direction, found.private, found.author_kind, found.status)
        });
        pair.roles.insert(found.id, found.session_role);
        pair.said.push(Said {
            message: found.id,
            conversation: found.conversation_id,
            at: found.occurred_at,
            direction: found.direction,
            part,
            origin: found.origin,
            session: found.session_id,
        });
    }
    Ok(())
}

/// Divides the messages of one contact on one inbox and notes what that changes.
fn settle(
    scope: &AccountScope,
    pair: Pair,
    stored: Stored,
    added: Vec<Said>,
    anew: bool,
    idle: i64,
    writes: &mut SessionWrites,
) {
    let mut said = stored.said;
    said.extend(added);
    let divided = divide(&mut said, stored.before, idle);
    // A session that follows another on the inbox is not the contact's first.
    let anew = anew || stored.sessions.is_empty();
    let mut left: Vec<session::Model> = stored.sessions;
    let mut places: HashMap<MessageId, (Option<SessionId>, Option<SessionRole>)> = HashMap::new();
    for stretch in &divided.stretches {
        let found = match stretch.first {
            None if left.is_empty() => None,
            None => Some(left.remove(0)),
            Some(first) => take_matching(&mut left, &said, first, &stretch.members),
        };
        let id = match (stretch.first, found) {
            (None, Some(model)) => {
                if model.last_message_at != stretch.last_at {
                    writes.prolonged.push((model.id, stretch.last_at));
                }
                model.id
            }
            (None, None) => continue,
            (Some(first), found) => {
                let known = found.clone();
                let id = found.map_or_else(|| scope.id(), |model| model.id);
                let model =
                    session_of(scope, pair, id, &said[first], stretch.last_at, known.as_ref());
                match known {
                    None => writes.made.push(model.clone()),
                    Some(known) if known != model => writes.changed.push(model.clone()),
                    Some(_) => {}
                }
                if anew {
                    writes.contacts_anew.insert(pair.0);
                }
                id
            }
        };
        for member in &stretch.members {
            let role = (stretch.first == Some(*member)
                && said[*member].direction == Direction::Outbound)
                .then_some(SessionRole::Starter);
            places.insert(said[*member].message, (Some(id), role));
        }
    }
    writes.contacts_anew.extend(left.iter().map(|model| model.contact_id));
    writes.removed.extend(left.iter().map(|model| model.id));
    place(&said, &divided, places, &stored.roles, writes);
}

/// The stored session that a stretch goes on with: the one with the same first message,
/// else one in which a message of the stretch stands.
fn take_matching(
    left: &mut Vec<session::Model>,
    said: &[Said],
    first: usize,
    members: &[usize],
) -> Option<session::Model> {
    let same = left.iter().position(|model| model.first_message_id == said[first].message);
    let position = same.or_else(|| {
        members.iter().find_map(|member| {
            let session = said[*member].session?;
            left.iter().position(|model| model.id == session)
        })
    })?;
    Some(left.remove(position))
}

fn session_of(
    scope: &AccountScope,
    (contact_id, inbox_id): Pair,
    id: SessionId,
    first: &Said,
    last_message_at: Timestamp,
    known: Option<&session::Model>,
) -> session::Model {
    session::Model {
        account_id: scope.account_id(),
        id,
        contact_id,
        inbox_id,
        conversation_id: first.conversation,
        first_message_id: first.message,
        origin: first.origin,
        user_type: known.map_or(UserType::Returning, |known| known.user_type),
        started_at: first.at,
        last_message_at,
    }
}

/// Notes where each message stands now, if that differs from what is stored.
fn place(
    said: &[Said],
    divided: &Divided,
    mut places: HashMap<MessageId, (Option<SessionId>, Option<SessionRole>)>,
    roles: &HashMap<MessageId, Option<SessionRole>>,
    writes: &mut SessionWrites,
) {
    for index in &divided.would_begin {
        places.insert(said[*index].message, (None, Some(SessionRole::WouldBeStarter)));
    }
    for each in said {
        let now = places.get(&each.message).copied().unwrap_or((None, None));
        match roles.get(&each.message) {
            Some(role) if (each.session, *role) == now => {}
            _ => {
                writes.places.insert(each.message, now);
            }
        }
    }
}

#[derive(FromQueryResult)]
struct Start {
    id: SessionId,
    contact_id: ContactId,
    user_type: UserType,
    started_at: Timestamp,
}

/// Settles which session is each contact's first in the account. A session appended on an
/// inbox where the contact had one before is not, so only contacts with a first session on
/// an inbox, or whose sessions were divided anew, are looked at.
async fn user_types(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    writes: &mut SessionWrites,
    made: &HashSet<ContactId>,
) -> Result<()> {
    let contacts = std::mem::take(&mut writes.contacts_anew);
    let known: Vec<ContactId> =
        contacts.iter().filter(|contact| !made.contains(contact)).copied().collect();
    let mut starts: HashMap<SessionId, Start> = HashMap::new();
    if !known.is_empty() {
        let found = scope
            .find::<session::Entity>()
            .filter(session::Column::ContactId.is_in(known))
            .into_model::<Start>()
            .all(tx)
            .await?;
        starts.extend(found.into_iter().map(|start| (start.id, start)));
    }
    for removed in &writes.removed {
        starts.remove(removed);
    }
    for model in writes.changed.iter().chain(&writes.made) {
        let (id, contact_id, started_at) = (model.id, model.contact_id, model.started_at);
        starts.insert(id, Start { id, contact_id, user_type: model.user_type, started_at });
    }
    let mut first: HashMap<ContactId, (Timestamp, SessionId)> = HashMap::new();
    for start in starts.values().filter(|start| contacts.contains(&start.contact_id)) {
        let key = (start.started_at, start.id);
        first.entry(start.contact_id).and_modify(|least| *least = key.min(*least)).or_insert(key);
    }
    let is_first =
        |contact: ContactId, id: SessionId| first.get(&contact).is_some_and(|least| least.1 == id);
    let of = |first: bool| if first { UserType::New } else { UserType::Returning };
    for model in writes.changed.iter_mut().chain(&mut writes.made) {
        if contacts.contains(&model.contact_id) {
            model.user_type = of(is_first(model.contact_id, model.id));
            starts.remove(&model.id);
        }
    }
    for start in starts.into_values().filter(|start| contacts.contains(&start.contact_id)) {
        let now = of(is_first(start.contact_id, start.id));
        if now != start.user_type {
            writes.retyped.push((start.id, now));
        }
    }
    Ok(())
}

/// Divides all messages of the contacts anew, on every inbox: after contacts were merged.
/// Says how many rows that changed. The caller holds the account's lock.
pub async fn recompute_sessions(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contacts: &[ContactId],
) -> Result<u64> {
    let idle = scope.account(tx).await?.session_idle_seconds;
    // Every message stands in a conversation of its contact and inbox.
    let pairs: Vec<Pair> = scope
        .find::<conversation::Entity>()
        .filter(conversation::Column::ContactId.is_in(contacts.iter().copied()))
        .select_only()
        .column(conversation::Column::ContactId)
        .column(conversation::Column::InboxId)
        .distinct()
        .into_tuple()
        .all(tx)
        .await?;
    let mut stored: HashMap<Pair, Stored> =
        pairs.iter().map(|pair| (*pair, Stored::default())).collect();
    let all = pairs.iter().map(|pair| (*pair, BEGINNING)).collect();
    load_said(scope, tx, &all, &mut stored, &HashMap::new()).await?;
    let select = scope.find::<session::Entity>();
    for found in
        select.filter(session::Column::ContactId.is_in(contacts.iter().copied())).all(tx).await?
    {
        stored.entry((found.contact_id, found.inbox_id)).or_default().sessions.push(found);
    }
    let mut writes = SessionWrites::default();
    for (pair, each) in stored {
        settle(scope, pair, each, Vec::new(), true, idle, &mut writes);
    }
    writes.contacts_anew.extend(contacts);
    user_types(scope, tx, &mut writes, &HashSet::new()).await?;
    let rows = writes.rows();
    write_sessions(scope, tx, writes).await?;
    Ok(rows)
}
