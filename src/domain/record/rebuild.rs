//! Works out anew what follows from the ledgers, as if all of it were recorded once more:
//! statuses, conversations and what their messages and closings froze, replies, sessions, and what
//! belongs to sends. Business hours are measured where they never were; what was measured stays.

use std::time::Duration;

use entity::id::{ContactId, InboxId, MessageId};
use entity::kinds::{Direction, FailureBucket, MessageStatus, OptOutKind};
use entity::{Timestamp, account_counter, contact, conversation, message};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::status::{Heard, Standing, standing};
use super::threads::Threads;
use super::{Batch, attribution, load, replay, sessions, statuses, write};
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::page;
use crate::error::{Error, Result};

/// Contacts of one transaction.
const CONTACTS: usize = 100;
/// Between transactions on SQLite, whose writers do not queue: whoever waits looks again after
/// a tenth of a second at most.
const GAP: Duration = Duration::from_millis(120);

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
    let mut run = Run { scope, repair, found: Differences::default() };
    let began = scope.now();
    let mut select = scope.find::<contact::Entity>();
    loop {
        let contacts = run.block(select).await?;
        progress(contacts.len() as u64);
        let Some(last) = contacts.last().filter(|_| contacts.len() == CONTACTS) else {
            break;
        };
        if scope.db().backend() == DbBackend::Sqlite {
            tokio::time::sleep(GAP).await;
        }
        select = scope.find::<contact::Entity>().filter(contact::Column::Id.gt(*last));
    }
    // Whoever was merged meanwhile may have brought what was not looked at to one who was.
    for into in merged_since(scope, began).await?.chunks(CONTACTS) {
        let into = contact::Column::Id.is_in(into.iter().copied());
        run.block(scope.find::<contact::Entity>().filter(into)).await?;
    }
    Ok(run.found)
}

async fn merged_since(scope: &AccountScope, began: Timestamp) -> Result<Vec<ContactId>> {
    use contact::Column::{MergedIntoId, UpdatedAt};
    let merged = scope.find::<contact::Entity>().filter(MergedIntoId.is_not_null());
    let into = merged.filter(UpdatedAt.gte(began)).select_only().column(MergedIntoId).distinct();
    Ok(into.into_tuple().all(scope.db().read()).await?)
}

struct Run<'a> {
    scope: &'a AccountScope,
    repair: bool,
    found: Differences,
}

impl Run<'_> {
    /// Looks at the first contacts of `select`, in a transaction of their own, and says which
    /// these are.
    async fn block(&mut self, select: Select<contact::Entity>) -> Result<Vec<ContactId>> {
        let tx = self.scope.begin().await?;
        // Before the contacts are chosen: from here on none is merged into another.
        let counter = self.scope.lock(&tx).await?;
        let contacts: Vec<ContactId> = select
            .select_only()
            .column(contact::Column::Id)
            .order_by_asc(contact::Column::Id)
            .limit(CONTACTS as u64)
            .into_tuple()
            .all(&tx)
            .await?;
        if !contacts.is_empty() {
            self.found.add(&of_contacts(self.scope, &tx, counter, &contacts).await?);
        }
        if self.repair {
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(contacts)
    }
}

/// The caller's transaction has the account's lock, and ends soon.
async fn of_contacts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    counter: account_counter::Model,
    contacts: &[ContactId],
) -> Result<Differences> {
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
    standings(&mut batch, contacts, &inboxes).await?;
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

async fn standings(
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
    let ids: Vec<MessageId> = stored.iter().map(|stored| stored.id).collect();
    let mut ledger = statuses::ledger(batch, &ids).await?;
    for stored in stored {
        let heard = ledger.remove(&stored.id).unwrap_or_default();
        let heard: Vec<Heard> = heard.into_iter().map(|(_, heard)| heard).collect();
        let now = standing(&heard, stored.gives_receipts);
        let (id, inbox, bucket) = (stored.id, stored.inbox_id, stored.failure_bucket);
        if write::bucket(batch, inbox, &now) != bucket || now != Standing::from(stored) {
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
