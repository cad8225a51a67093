//! The event log of an account as it is read: committed events get their numbers, and are then
//! read in that order with the rows that they tell of. No writer waits for a number, and no
//! reader can pass an event that is committed late.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use entity::id::{AccountId, ConversationId, MessageId, Uuid};
use entity::kinds::EventKind;
use entity::{conversation, event, event_log, message};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, QueryFilter, QueryOrder,
    QuerySelect, Value,
};

use crate::auth::AccountScope;
use crate::db::{Db, Sql};
use crate::domain::read;
use crate::error::{Error, Result};

/// Rows of the log in one page. Each tells of 250 things at most.
const PAGE: u64 = 20;
/// How long events are kept for subscribers who come back.
pub const KEPT_SECONDS: i64 = 3 * 24 * 3_600;

/// Where a change stands in the log of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub seq: i64,
    /// Among the changes of one event.
    pub index: u32,
}

impl Position {
    /// Behind everything that the event tells.
    pub fn behind(seq: i64) -> Self {
        Self { seq, index: u32::MAX }
    }
}

/// What happened, with the row as it is now.
#[derive(Clone, Debug)]
pub enum Change {
    MessageAdded(Arc<message::Model>),
    MessageStatusChanged(Arc<message::Model>),
    ConversationChanged(Arc<conversation::Model>),
    /// Anything else that reports may depend on.
    Other,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub position: Position,
    pub change: Change,
}

/// What the log tells between two numbers.
#[derive(Debug)]
pub struct Page {
    /// The number before the first.
    pub after: i64,
    /// The number of the last; the same where there is nothing.
    pub through: i64,
    pub events: Vec<Event>,
}

/// How the log of an account stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub account_id: AccountId,
    pub last_seq: i64,
    /// Events up to this number are gone.
    pub forgotten_seq: i64,
    /// Whether there are events without a number.
    pub waits: bool,
}

impl Standing {
    /// Whether something behind the position may be gone.
    pub fn has_forgotten(&self, position: Position) -> bool {
        position < Position::behind(self.forgotten_seq)
    }
}

/// How the logs of these accounts stand.
pub async fn standings(db: &Db, accounts: &[AccountId]) -> Result<Vec<Standing>> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new("WITH v(id) AS (");
    sql.rows(accounts.iter().map(|id| [Value::from(*id)])).push(
        ") SELECT v.id, COALESCE(l.last_seq, 0), COALESCE(l.forgotten_seq, 0), \
         CAST(CASE WHEN EXISTS (SELECT 1 FROM event e WHERE e.account_id = v.id \
         AND e.seq IS NULL) THEN 1 ELSE 0 END AS BIGINT) \
         FROM v LEFT JOIN event_log l ON l.account_id = v.id",
    );
    let rows = db.read().query_all_raw(sql.statement(db.backend())).await?;
    let standings = rows.iter().map(|row| {
        Ok(Standing {
            account_id: row.try_get_by_index(0)?,
            last_seq: row.try_get_by_index(1)?,
            forgotten_seq: row.try_get_by_index(2)?,
            waits: row.try_get_by_index::<i64>(3)? != 0,
        })
    });
    Ok(standings.collect::<Result<_, DbErr>>()?)
}

/// How the log stands once everything that is committed has its number.
pub async fn settled(scope: &AccountScope) -> Result<Standing> {
    let standings = standings(scope.db(), &[scope.account_id()]).await?;
    let standing = standings.into_iter().next().ok_or(Error::NotFound("account"))?;
    if !standing.waits {
        return Ok(standing);
    }
    // In a task of its own: a subscriber who goes while a transaction begins would leave a
    // pooled connection inside it.
    let scope = scope.clone();
    let numbered = tokio::spawn(async move {
        let tx = scope.begin().await?;
        let last_seq = number(&scope, &tx).await?;
        tx.commit().await?;
        Ok(last_seq)
    });
    let numbered: Result<i64> = numbered.await.map_err(|error| Error::Internal(error.into()))?;
    Ok(Standing { last_seq: numbered?, waits: false, ..standing })
}

/// Numbers what is committed and has no number yet, in the order of the ids; gives the last
/// number. Others who number wait until `tx` ends.
async fn number(scope: &AccountScope, tx: &DatabaseTransaction) -> Result<i64> {
    let (account_id, backend) = (scope.account_id(), scope.db().backend());
    let mut lock = Sql::new("INSERT INTO event_log (account_id, last_seq, forgotten_seq) VALUES (");
    lock.bind(account_id).push(
        ", 0, 0) ON CONFLICT (account_id) DO UPDATE SET last_seq = event_log.last_seq \
         RETURNING last_seq",
    );
    let locked = tx.query_one_raw(lock.statement(backend)).await?;
    let locked = locked.ok_or_else(|| Error::bug("the event log has no row"))?;
    let last: i64 = locked.try_get_by_index(0)?;

    let mut sql = Sql::new("UPDATE event SET seq = ");
    sql.bind(last).push(
        " + n.number FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS number FROM event \
         WHERE account_id = ",
    );
    sql.bind(account_id).push(" AND seq IS NULL) n WHERE event.account_id = ");
    sql.bind(account_id).push(" AND event.id = n.id");
    let numbered = tx.execute_raw(sql.statement(backend)).await?.rows_affected();
    let last = last.saturating_add_unsigned(numbered);
    let row = scope.update_many::<event_log::Entity>();
    row.col_expr(event_log::Column::LastSeq, Expr::value(last)).exec(tx).await?;
    Ok(last)
}

/// What was numbered after `after`, as much as stands on one page.
pub async fn page(scope: &AccountScope, after: i64) -> Result<Page> {
    let rows = scope.find::<event::Entity>().filter(event::Column::Seq.gt(after));
    let rows = rows.order_by_asc(event::Column::Seq).limit(PAGE);
    let rows = rows.all(scope.db().read()).await?;
    let mut told = Vec::with_capacity(rows.len());
    for row in rows {
        let seq = row.seq.ok_or_else(|| Error::bug("a numbered event has no number"))?;
        told.push((seq, row.kind, serde_json::from_value::<Vec<Uuid>>(row.ids)?));
    }
    let through = told.last().map_or(after, |(seq, ..)| *seq);
    Ok(Page { after, through, events: events(scope, told).await? })
}

type Told = (i64, EventKind, Vec<Uuid>);

async fn events(scope: &AccountScope, told: Vec<Told>) -> Result<Vec<Event>> {
    let messages: Vec<MessageId> =
        ids(&told, &[EventKind::MessageAdded, EventKind::MessageStatusChanged]);
    let conversations: Vec<ConversationId> = ids(&told, &[EventKind::ConversationChanged]);
    let messages = match messages.is_empty() {
        true => Vec::new(),
        false => read::message::find_many(scope, &messages).await?,
    };
    let conversations = match conversations.is_empty() {
        true => Vec::new(),
        false => read::conversation::find_many(scope, &conversations).await?,
    };
    let messages = shared(messages, |row| row.id.0);
    let conversations = shared(conversations, |row| row.id.0);
    let mut events = Vec::new();
    for (seq, kind, ids) in told {
        for (index, id) in (0..).zip(ids) {
            let message = || messages.get(&id).cloned();
            // What is gone cannot be shown.
            let change = match kind {
                EventKind::MessageAdded => message().map(Change::MessageAdded),
                EventKind::MessageStatusChanged => message().map(Change::MessageStatusChanged),
                EventKind::ConversationChanged => {
                    conversations.get(&id).cloned().map(Change::ConversationChanged)
                }
                EventKind::ContactChanged
                | EventKind::OptOutChanged
                | EventKind::SettingsChanged
                | EventKind::CampaignChanged => Some(Change::Other),
            };
            let position = Position { seq, index };
            events.extend(change.map(|change| Event { position, change }));
        }
    }
    Ok(events)
}

/// The ids in the events of these kinds, each once.
fn ids<T: From<Uuid>>(told: &[Told], kinds: &[EventKind]) -> Vec<T> {
    let told = told.iter().filter(|(_, kind, _)| kinds.contains(kind));
    let mut ids: Vec<Uuid> = told.flat_map(|(.., ids)| ids.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(T::from).collect()
}

fn shared<K: Eq + Hash, R>(rows: Vec<R>, key: impl Fn(&R) -> K) -> HashMap<K, Arc<R>> {
    rows.into_iter().map(|row| (key(&row), Arc::new(row))).collect()
}

/// Deletes events that were written before `KEPT_SECONDS`, and remembers that they were there.
/// The last one stays, so that nobody is sent away who has heard all there is.
pub async fn forget(scope: &AccountScope) -> Result<()> {
    use event::Column::{CreatedAt, Seq};
    let old = CreatedAt.lt(scope.now().plus_seconds(-KEPT_SECONDS));
    let standings = standings(scope.db(), &[scope.account_id()]).await?;
    let last = standings.first().map_or(0, |standing| standing.last_seq);
    let any = scope.find::<event::Entity>().filter(old.clone());
    let any = any.filter(Condition::any().add(Seq.is_null()).add(Seq.lt(last)));
    if any.one(scope.db().read()).await?.is_none() {
        return Ok(());
    }
    let tx = scope.begin().await?;
    let last = number(scope, &tx).await?;
    let gone = Condition::all().add(old).add(Seq.lt(last));
    let newest = scope.find::<event::Entity>().filter(gone.clone());
    let newest = newest.order_by_desc(Seq).one(&tx).await?.and_then(|row| row.seq);
    scope.delete_many::<event::Entity>().filter(gone).exec(&tx).await?;
    if let Some(newest) = newest {
        let row = scope.update_many::<event_log::Entity>();
        let row = row.filter(event_log::Column::ForgottenSeq.lt(newest));
        row.col_expr(event_log::Column::ForgottenSeq, Expr::value(newest)).exec(&tx).await?;
    }
    Ok(tx.commit().await?)
}
