//! Works out anew what follows from the ledgers, as if all of it were recorded once more:
//! statuses, conversations and what their messages and closings froze, replies, sessions, and what
//! belongs to sends. Business hours are measured where they never were; what was measured stays.

use std::collections::HashMap;

use entity::id::{ContactId, InboxId, MessageId};
use entity::kinds::{Direction, FailureBucket, MessageStatus, OptOutKind, StatusKind};
use entity::{Timestamp, contact, conversation, inbox, message, message_event};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::status::{Heard, Standing, standing};
use super::threads::Threads;
use super::{Batch, attribution, load, replay, sessions, write};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::{failure, page};
use crate::error::{Error, Result};

/// Contacts of one transaction.
const CONTACTS: u64 = 100;

/// How many rows were not as they follow from the ledgers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Messages by their status.
    pub statuses: u64,
    pub conversations: u64,
    /// Messages and closings by what they froze of their conversation, and reopenings.
    pub frozen: u64,
    /// Messages by whether they are a reply.
    pub replies: u64,
    /// Sessions, and messages by where they stand in them.
    pub sessions: u64,
    /// Sends by what belongs to them.
    pub responses: u64,
}

impl Differences {
    pub fn total(&self) -> u64 {
        let Self { statuses, conversations, frozen, replies, sessions, responses } = self;
        statuses + conversations + frozen + replies + sessions + responses
    }

    fn add(&mut self, other: &Self) {
        self.statuses += other.statuses;
        self.conversations += other.conversations;
        self.frozen += other.frozen;
        self.replies += other.replies;
        self.sessions += other.sessions;
        self.responses += other.responses;
    }
}

/// How many contacts there are to look at.
pub async fn contacts(scope: &AccountScope) -> Result<u64> {
    page::count(scope.db().read(), scope.find::<contact::Entity>()).await
}

/// Goes through the account, some contacts at a time, while it is used, and says what differed.
/// With `repair` that is mended, else nothing is changed. `progress` is told how many contacts
/// were looked at.
pub async fn rebuild(
    scope: &AccountScope,
    repair: bool,
    progress: impl Fn(u64),
) -> Result<Differences> {
    let mut found = Differences::default();
    let mut after: Option<ContactId> = None;
    loop {
        let tx = scope.begin().await?;
        let mut select = scope.find::<contact::Entity>();
        if let Some(after) = after {
            select = select.filter(contact::Column::Id.gt(after));
        }
        let contacts: Vec<ContactId> = select
            .select_only()
            .column(contact::Column::Id)
            .order_by_asc(contact::Column::Id)
            .limit(CONTACTS)
            .into_tuple()
            .all(&tx)
            .await?;
        let Some(last) = contacts.last().copied() else { return Ok(found) };
        found.add(&of_contacts(scope, &tx, &contacts).await?);
        if repair {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        progress(contacts.len() as u64);
        after = Some(last);
    }
}

/// The caller's transaction ends soon: the account's lock is taken.
async fn of_contacts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contacts: &[ContactId],
) -> Result<Differences> {
    let counter = scope.lock(tx).await?;
    let account = scope.account(tx).await?;
    let references = load::references_of_all(scope, tx, &account).await?;
    let inboxes: Vec<InboxId> = references.inboxes.keys().copied().collect();
    let mut batch = Batch {
        scope,
        tx,
        now: scope.now(),
        logged: true,
        account: &account,
        counter,
        references: &references,
        outcomes: Vec::new(),
        messages: Vec::new(),
        statuses: Vec::new(),
        events: Vec::new(),
        writes: write::Writes::default(),
    };
    statuses(&mut batch, contacts, &inboxes).await?;
    conversations(&mut batch, contacts).await?;
    let writes = &batch.writes;
    let frozen = [
        writes.refrozen.len(),
        writes.reclosed.len(),
        writes.conversation_events.len(),
        writes.withdrawn.len(),
    ];
    let mut found = Differences {
        statuses: writes.standings.len() as u64,
        conversations: (writes.changed_conversations.len() + writes.spoken_conversations.len())
            as u64,
        frozen: frozen.iter().sum::<usize>() as u64,
        ..Differences::default()
    };
    write::all(batch, &[]).await?;
    found.replies = replies(scope, tx, contacts, &inboxes).await?;
    found.sessions = sessions::recompute_sessions(scope, tx, contacts).await?;
    found.responses = attribution::attribute_contacts(scope, tx, contacts).await?;
    Ok(found)
}

#[derive(FromQueryResult)]
struct Stored {
    id: MessageId,
    inbox_id: InboxId,
    gives_receipts: bool,
    status: MessageStatus,
    sent_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    failure_code: Option<String>,
    failure_bucket: Option<FailureBucket>,
    failure_detail: Option<String>,
    failed_after_delivery: bool,
}

#[derive(FromQueryResult)]
struct LedgerEntry {
    message_id: MessageId,
    kind: StatusKind,
    provider_time: Option<Timestamp>,
    received_at: Timestamp,
    code: Option<String>,
    detail: Option<String>,
}

async fn statuses(
    batch: &mut Batch<'_>,
    contacts: &[ContactId],
    inboxes: &[InboxId],
) -> Result<()> {
    let stored = batch
        .scope
        .find::<message::Entity>()
        .filter(message::Column::InboxId.is_in(inboxes.iter().copied()))
        .filter(message::Column::ContactId.is_in(contacts.iter().copied()))
        .filter(message::Column::Status.is_not_null())
        .into_model::<Stored>()
        .all(batch.tx)
        .await?;
    let mut heard: HashMap<MessageId, Vec<Heard>> = HashMap::new();
    for chunk in stored.chunks(attribution::CHUNK) {
        let entries = batch
            .scope
            .find::<message_event::Entity>()
            .filter(message_event::Column::MessageId.is_in(chunk.iter().map(|stored| stored.id)))
            .into_model::<LedgerEntry>()
            .all(batch.tx)
            .await?;
        for entry in entries {
            heard.entry(entry.message_id).or_default().push(Heard {
                kind: entry.kind,
                provider_time: entry.provider_time,
                received_at: entry.received_at,
                code: entry.code,
                detail: entry.detail,
            });
        }
    }
    for stored in stored {
        let now = standing(heard.get(&stored.id).map_or(&[], Vec::as_slice), stored.gives_receipts);
        let inbox = batch.references.inboxes.get(&stored.inbox_id);
        let bucket = inbox.filter(|_| now.failed_at.is_some()).map(|inbox: &inbox::Model| {
            failure::bucket(inbox.provider, now.failure_code.as_deref())
        });
        let (id, inbox, bucket_before) = (stored.id, stored.inbox_id, stored.failure_bucket);
        if bucket != bucket_before || now != Standing::from(stored) {
            batch.writes.standings.push((id, inbox, now));
        }
    }
    Ok(())
}

impl From<Stored> for Standing {
    fn from(stored: Stored) -> Self {
        Self {
            status: stored.status,
            sent_at: stored.sent_at,
            delivered_at: stored.delivered_at,
            read_at: stored.read_at,
            failed_at: stored.failed_at,
            failure_code: stored.failure_code,
            failure_detail: stored.failure_detail,
            failed_after_delivery: stored.failed_after_delivery,
        }
    }
}

async fn conversations(batch: &mut Batch<'_>, contacts: &[ContactId]) -> Result<()> {
    let mut threads = Threads::default();
    let all = batch.scope.find::<conversation::Entity>();
    let of_contacts = conversation::Column::ContactId.is_in(contacts.iter().copied());
    for model in all.filter(of_contacts).all(batch.tx).await? {
        threads.add_late(model);
    }
    replay::replay_late(batch, &mut threads).await?;
    threads.settle(&mut batch.writes);
    Ok(())
}

/// Whether inbound messages are replies follows from the history of opt-outs.
async fn replies(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contacts: &[ContactId],
    inboxes: &[InboxId],
) -> Result<u64> {
    let is_reply = format!(
        "(direction = {} AND NOT private AND author_kind IS DISTINCT FROM {} AND NOT EXISTS \
         (SELECT 1 FROM opt_out o WHERE o.account_id = message.account_id \
         AND o.contact_id = message.contact_id AND o.message_id = message.id \
         AND (o.kind = {} OR o.effective)))",
        Direction::Inbound.to_value(),
        entity::kinds::AuthorKind::System.to_value(),
        OptOutKind::OptOut.to_value()
    );
    if inboxes.is_empty() {
        return Ok(0);
    }
    let mut sql = Sql::new(format!("UPDATE message SET is_reply = {is_reply} WHERE inbox_id IN ("));
    list(&mut sql, inboxes.iter().copied());
    sql.push(") AND contact_id IN (");
    list(&mut sql, contacts.iter().copied());
    sql.push(&format!(") AND is_reply IS DISTINCT FROM {is_reply} AND account_id = "));
    sql.bind(scope.account_id());
    let done = tx.execute_raw(sql.statement(scope.db().backend())).await;
    Ok(done.map_err(Error::from)?.rows_affected())
}

fn list<T: Into<sea_orm::Value>>(sql: &mut Sql, values: impl IntoIterator<Item = T>) {
    for (index, value) in values.into_iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " }).bind(value);
    }
}
