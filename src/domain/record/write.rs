//! What a batch writes, one statement for each kind of thing. The order follows the foreign
//! keys: contacts, conversations, sessions, messages, ledgers.

use std::collections::{HashMap, HashSet};

use entity::id::{
    ContactId, ConversationEventId, ConversationId, InboxId, LabelId, MessageEventId, MessageId,
    ParkedEventId, SessionId, Uuid,
};
use entity::kinds::{EventKind, FailureBucket, OptOutSource, SessionRole, UserType};
use entity::{
    Timestamp, contact, contact_identity, conversation, conversation_event, message, message_event,
    parked_event, session,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, QueryFilter, Set, Value};

use super::contacts::Person;
use super::replay::Frozen;
use super::rows::{insert, insert_or, update};
use super::status::Standing;
use super::statuses::Changed as Turned;
use super::threads::Closing;
use super::waited::Columns;
use super::{Batch, MessageDraft, Outcome, attribution, labels};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::{event, failure, opt_out, text};
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
    /// Stored messages whose status changed.
    pub standings: Vec<(MessageId, InboxId, Standing)>,
    pub sessions: SessionWrites,
    /// Items that repeat another item of the batch.
    pub repeated: Vec<(usize, usize)>,
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

/// Writes everything and gives the answers.
pub(super) async fn all(mut batch: Batch<'_>, turned: &[Turned]) -> Result<Vec<Outcome>> {
    let (scope, tx) = (batch.scope, batch.tx);
    let mut writes = std::mem::take(&mut batch.writes);
    let changed = Changed::of(&batch, &writes);
    let mut sessions = std::mem::take(&mut writes.sessions);
    people(scope, &mut writes, tx).await?;
    conversations(scope, &mut writes, tx).await?;
    insert::<session::Entity, _>(tx, std::mem::take(&mut sessions.made)).await?;
    let rows = batch.messages.iter().map(|draft| row(&batch, draft));
    insert::<message::Entity, _>(tx, rows).await?;
    ledgers(scope, &mut writes, tx).await?;
    update_standings(&batch, &writes, tx).await?;
    refreeze(scope, &writes, tx).await?;
    reclose(scope, &mut writes, tx).await?;
    let quoting = resolve_quotes(&batch).await?;
    write_sessions(scope, tx, sessions).await?;
    attribution::settle(&batch, turned, &quoting).await?;
    opt_out::append(scope, tx, opt_outs(&batch)).await?;
    scope.save_counter(tx, &batch.counter).await?;
    changed.log(scope, tx).await?;
    answers(batch, &writes)
}

/// Ids for the event log.
struct Changed {
    messages: Vec<Uuid>,
    standings: Vec<Uuid>,
    conversations: Vec<Uuid>,
    contacts: Vec<Uuid>,
}

impl Changed {
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

async fn conversations(
    scope: &AccountScope,
    writes: &mut Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use conversation::Column as C;
    insert::<conversation::Entity, _>(tx, writes.new_conversations.drain(..)).await?;
    let columns = [
        C::Id,
        C::FirstMessageId,
        C::Status,
        C::OpenedBy,
        C::AssigneeId,
        C::BotId,
        C::HasClientMessages,
        C::TrafficSource,
        C::Traffic,
        C::LastMessageAt,
        C::LastDirection,
        C::LastAuthorKind,
        C::LastAuthorUserId,
        C::LastAuthorBotId,
        C::LastActivityAt,
        C::ClosedAt,
        C::ClosedBy,
        C::ClosedByUserId,
        C::OpenedAt,
        C::WaitingSince,
        C::ResponseFrom,
        C::RespondedAt,
        C::CreatedAt,
        C::UpdatedAt,
    ];
    let rows = writes.changed_conversations.drain(..).map(|model| {
        [
            Value::from(model.id),
            Value::from(model.first_message_id),
            Value::from(model.status),
            Value::from(model.opened_by),
            Value::from(model.assignee_id),
            Value::from(model.bot_id),
            Value::from(model.has_client_messages),
            Value::from(model.traffic_source),
            Value::from(model.traffic),
            Value::from(model.last_message_at),
            Value::from(model.last_direction),
            Value::from(model.last_author_kind),
            Value::from(model.last_author_user_id),
            Value::from(model.last_author_bot_id),
            Value::from(model.last_activity_at),
            Value::from(model.closed_at),
            Value::from(model.closed_by),
            Value::from(model.closed_by_user_id),
            Value::from(model.opened_at),
            Value::from(model.waiting_since),
            Value::from(model.response_from),
            Value::from(model.responded_at),
            Value::from(model.created_at),
            Value::from(model.updated_at),
        ]
    });
    update::<conversation::Entity, _>(scope, tx, columns, rows.collect()).await?;
    // A column that is not named leaves the indexes in which it stands alone.
    let columns = [
        C::Id,
        C::LastMessageAt,
        C::LastDirection,
        C::LastAuthorKind,
        C::LastAuthorUserId,
        C::LastAuthorBotId,
        C::LastActivityAt,
        C::WaitingSince,
        C::RespondedAt,
        C::UpdatedAt,
    ];
    let rows = writes.spoken_conversations.drain(..).map(|model| {
        [
            Value::from(model.id),
            Value::from(model.last_message_at),
            Value::from(model.last_direction),
            Value::from(model.last_author_kind),
            Value::from(model.last_author_user_id),
            Value::from(model.last_author_bot_id),
            Value::from(model.last_activity_at),
            Value::from(model.waiting_since),
            Value::from(model.responded_at),
            Value::from(model.updated_at),
        ]
    });
    update::<conversation::Entity, _>(scope, tx, columns, rows.collect()).await
}

/// Whether nothing but what was said last tells the two apart.
pub(super) fn only_spoken(before: &conversation::Model, now: &conversation::Model) -> bool {
    let spoken = conversation::Model {
        last_message_at: now.last_message_at,
        last_direction: now.last_direction,
        last_author_kind: now.last_author_kind,
        last_author_user_id: now.last_author_user_id,
        last_author_bot_id: now.last_author_bot_id,
        last_activity_at: now.last_activity_at,
        waiting_since: now.waiting_since,
        responded_at: now.responded_at,
        updated_at: now.updated_at,
        ..before.clone()
    };
    spoken == *now
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
    if !writes.unparked.is_empty() {
        let applied = parked_event::Column::Id.is_in(std::mem::take(&mut writes.unparked));
        scope.delete_many::<parked_event::Entity>().filter(applied).exec(tx).await?;
    }
    let known = " ON CONFLICT (account_id, conversation_id, identity) DO NOTHING";
    let events = std::mem::take(&mut writes.conversation_events);
    insert_or::<conversation_event::Entity, _>(tx, events, known).await?;
    if !writes.withdrawn.is_empty() {
        let gone = conversation_event::Column::Id.is_in(std::mem::take(&mut writes.withdrawn));
        scope.delete_many::<conversation_event::Entity>().filter(gone).exec(tx).await?;
    }
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

fn bucket(batch: &Batch<'_>, inbox: InboxId, standing: &Standing) -> Option<FailureBucket> {
    standing.failed_at?;
    let provider = batch.references.inboxes.get(&inbox)?.provider;
    Some(failure::bucket(provider, standing.failure_code.as_deref()))
}

fn row(batch: &Batch<'_>, draft: &MessageDraft<'_>) -> message::ActiveModel {
    let input = draft.input;
    let inbox = batch.references.inboxes.get(&input.inbox_id);
    let standing = draft.standing.as_ref();
    let (reply, first_response) = (Columns::from(draft.reply), Columns::from(draft.first_response));
    let attachments = (!input.attachments.is_empty()).then(|| serde_json::json!(input.attachments));
    message::ActiveModel {
        account_id: Set(batch.scope.account_id()),
        id: Set(draft.id),
        inbox_id: Set(input.inbox_id),
        contact_id: Set(draft.contact_id),
        conversation_id: Set(draft.conversation_id),
        session_id: Set(draft.session_id),
        session_role: Set(draft.session_role),
        external_id: Set(input.external_id.clone()),
        medium: Set(input.medium),
        direction: Set(input.direction),
        author_kind: Set(input.author.map(|author| author.kind)),
        author_user_id: Set(input.author.and_then(|author| author.user_id)),
        author_bot_id: Set(input.author.and_then(|author| author.bot_id)),
        private: Set(input.private),
        template_id: Set(input.template_id),
        campaign_id: Set(input.campaign_id),
        automation_id: Set(input.automation_id),
        origin: Set(input.session_origin()),
        quoted_external_id: Set(input.quoted_external_id.clone()),
        quoted_message_id: Set(draft.quoted_message_id),
        content: Set(input.content.clone()),
        attachments: Set(attachments),
        occurred_at: Set(draft.at),
        assignee_id: Set(draft.assignee_id),
        bot_id: Set(draft.bot_id),
        portfolio: Set(inbox.and_then(|inbox| inbox.portfolio.clone())),
        gives_receipts: Set(inbox.is_some_and(|inbox| inbox.gives_receipts)),
        gives_reads: Set(inbox.is_some_and(|inbox| inbox.gives_reads)),
        status: Set(standing.map(|standing| standing.status)),
        sent_at: Set(standing.and_then(|standing| standing.sent_at)),
        delivered_at: Set(standing.and_then(|standing| standing.delivered_at)),
        read_at: Set(standing.and_then(|standing| standing.read_at)),
        failed_at: Set(standing.and_then(|standing| standing.failed_at)),
        failure_code: Set(standing.and_then(|standing| standing.failure_code.clone())),
        failure_bucket: Set(standing.and_then(|standing| bucket(batch, input.inbox_id, standing))),
        failure_detail: Set(standing.and_then(|standing| standing.failure_detail.clone())),
        failed_after_delivery: Set(standing.is_some_and(|standing| standing.failed_after_delivery)),
        reply_micros: Set(reply.micros),
        reply_bin: Set(reply.bin),
        reply_open_micros: Set(reply.open_micros),
        reply_open_bin: Set(reply.open_bin),
        first_response_micros: Set(first_response.micros),
        first_response_bin: Set(first_response.bin),
        first_response_open_micros: Set(first_response.open_micros),
        first_response_open_bin: Set(first_response.open_bin),
        is_reply: Set(draft.is_reply()),
        quoted_reply_at: Set(None),
        next_reply_at: Set(None),
        quoted_opt_out_at: Set(None),
        next_opt_out_at: Set(None),
        created_at: Set(batch.now),
    }
}

async fn update_standings(
    batch: &Batch<'_>,
    writes: &Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use message::Column as C;
    let columns = [
        C::Id,
        C::Status,
        C::SentAt,
        C::DeliveredAt,
        C::ReadAt,
        C::FailedAt,
        C::FailureCode,
        C::FailureBucket,
        C::FailureDetail,
        C::FailedAfterDelivery,
    ];
    let rows = writes.standings.iter().map(|(id, inbox, standing)| {
        [
            Value::from(*id),
            Value::from(standing.status),
            Value::from(standing.sent_at),
            Value::from(standing.delivered_at),
            Value::from(standing.read_at),
            Value::from(standing.failed_at),
            Value::from(standing.failure_code.clone()),
            Value::from(bucket(batch, *inbox, standing)),
            Value::from(standing.failure_detail.clone()),
            Value::from(standing.failed_after_delivery),
        ]
    });
    update::<message::Entity, _>(batch.scope, tx, columns, rows.collect()).await
}

async fn refreeze(scope: &AccountScope, writes: &Writes, tx: &DatabaseTransaction) -> Result<()> {
    use message::Column as C;
    let columns = [
        C::Id,
        C::AssigneeId,
        C::BotId,
        C::ReplyMicros,
        C::ReplyBin,
        C::ReplyOpenMicros,
        C::ReplyOpenBin,
        C::FirstResponseMicros,
        C::FirstResponseBin,
        C::FirstResponseOpenMicros,
        C::FirstResponseOpenBin,
    ];
    let rows = writes.refrozen.iter().map(|(id, frozen)| {
        let [reply, reply_bin, open, open_bin] = Columns::from(frozen.reply).values();
        let [first, first_bin, first_open, first_open_bin] =
            Columns::from(frozen.first_response).values();
        let (id, assignee, bot) = (*id, frozen.assignee_id, frozen.bot_id);
        let who = [Value::from(id), Value::from(assignee), Value::from(bot)];
        let [id, assignee, bot] = who;
        [
            id,
            assignee,
            bot,
            reply,
            reply_bin,
            open,
            open_bin,
            first,
            first_bin,
            first_open,
            first_open_bin,
        ]
    });
    update::<message::Entity, _>(scope, tx, columns, rows.collect()).await
}

async fn reclose(
    scope: &AccountScope,
    writes: &mut Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    use conversation_event::Column as C;
    let columns = [
        C::Id,
        C::ConversationAssigneeId,
        C::ConversationBotId,
        C::ResolutionMicros,
        C::ResolutionBin,
        C::ResolutionOpenMicros,
        C::ResolutionOpenBin,
    ];
    let rows = writes.reclosed.drain(..).map(|(id, closing)| {
        let [micros, bin, open_micros, open_bin] = Columns::from(closing.resolution).values();
        let (assignee, bot) = (Value::from(closing.assignee_id), Value::from(closing.bot_id));
        [Value::from(id), assignee, bot, micros, bin, open_micros, open_bin]
    });
    update::<conversation_event::Entity, _>(scope, tx, columns, rows.collect()).await
}

/// Finds the messages that quote one of the new ones and came before it.
async fn resolve_quotes(batch: &Batch<'_>) -> Result<Vec<MessageId>> {
    let rows: Vec<_> = batch
        .messages
        .iter()
        .filter_map(|draft| {
            let external = draft.input.external_id.clone()?;
            Some([Value::from(draft.input.inbox_id), Value::from(external), Value::from(draft.id)])
        })
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new("WITH v(inbox_id, external_id, id) AS (");
    sql.rows(rows);
    sql.push(
        ") UPDATE message SET quoted_message_id = v.id FROM v WHERE message.inbox_id = v.inbox_id \
         AND message.quoted_external_id = v.external_id AND message.quoted_message_id IS NULL \
         AND message.account_id = ",
    );
    sql.bind(batch.scope.account_id()).push(" RETURNING message.id");
    let found = batch.tx.query_all_raw(sql.statement(batch.scope.db().backend())).await?;
    Ok(found.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
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
    if !writes.removed.is_empty() {
        let gone = session::Column::Id.is_in(writes.removed);
        scope.delete_many::<session::Entity>().filter(gone).exec(tx).await?;
    }
    Ok(())
}

/// Inbound messages that are wholly an opt-out or opt-in word. Whether an entry changes
/// anything is for the history to say.
fn opt_outs(batch: &Batch<'_>) -> Vec<opt_out::NewEntry> {
    let entry = |draft: &MessageDraft<'_>| {
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
    };
    batch.messages.iter().filter(|draft| draft.is_inbound()).filter_map(entry).collect()
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
