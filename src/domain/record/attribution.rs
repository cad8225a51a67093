//! What belongs to a send: the first reply and the first opt-out that quote it, and the first
//! of those that quote no send and come between it and the next send to the contact on the
//! inbox. Only sends that went out have a next reply. Seconds are compared, outbound before
//! inbound within one. Whether what comes next lies within the reply window is not asked here,
//! so that any window can be asked for.
//!
//! A reply in its order only lowers a minimum; everything else makes the sends it may touch be
//! worked out anew, by one statement.

use std::collections::{BTreeSet, HashMap};

use entity::id::{ContactId, InboxId, MessageId, OptOutId};
use entity::kinds::{AuthorKind, Direction, Medium, MessageStatus, OptOutKind};
use entity::{Timestamp, message};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, DatabaseTransaction, FromQueryResult, QueryFilter,
    QuerySelect, Value,
};

use super::Batch;
use super::statuses::Changed;
use crate::auth::AccountScope;
use crate::db::{Sql, rows_at_once};
use crate::domain::rows::IDS;
use crate::error::Result;

/// When something was said on an inbox with a contact.
type Point = (ContactId, InboxId, Timestamp);

/// Settles what the batch's messages, changes of status and quotes found late do to sends. The
/// messages are written already.
pub(super) async fn settle(
    batch: &Batch<'_>,
    changed: &[Changed],
    quoting: &[MessageId],
) -> Result<()> {
    let (scope, tx) = (batch.scope, batch.tx);
    replies_in_order(batch).await?;
    let mut touched = followed(batch).await?;
    let turned = changed.iter().map(|changed| &changed.message).filter(|known| known.is_send());
    let points: Vec<Point> =
        turned.map(|known| (known.contact_id, known.inbox_id, known.occurred_at)).collect();
    touched.extend(around(scope, tx, &points).await?);
    touched.extend(touched_by(scope, tx, quoting).await?);
    recompute(scope, tx, touched).await.map(drop)
}

/// Lowers the minima of the sends to which the batch's replies belong.
async fn replies_in_order(batch: &Batch<'_>) -> Result<()> {
    let (scope, tx) = (batch.scope, batch.tx);
    let mut quoted: HashMap<MessageId, Timestamp> = HashMap::new();
    let mut points: BTreeSet<Point> = BTreeSet::new();
    for reply in batch.messages.iter().filter(|message| message.is_reply()) {
        match reply.quoted_message_id.filter(|_| reply.quotes_send) {
            Some(send) => lower(&mut quoted, send, reply.at),
            None => drop(points.insert((reply.contact_id, reply.input.inbox_id, reply.at))),
        }
    }
    let mut next: HashMap<MessageId, Timestamp> = HashMap::new();
    for found in sends_before(scope, tx, points.into_iter().collect()).await? {
        if found.next_reply_at.is_none_or(|known| found.at < known) {
            lower(&mut next, found.send, found.at);
        }
    }
    for (column, minima) in [("quoted_reply_at", quoted), ("next_reply_at", next)] {
        if minima.is_empty() {
            continue;
        }
        let mut sql = Sql::new("WITH v(id, at) AS (");
        sql.rows(minima.into_iter().map(|(id, at)| [Value::from(id), Value::from(at)]));
        sql.push(&format!(
            ") UPDATE message SET {column} = v.at FROM v WHERE message.id = v.id \
             AND (message.{column} IS NULL OR message.{column} > v.at) AND message.account_id = "
        ));
        sql.bind(scope.account_id());
        tx.execute_raw(sql.statement(scope.db().backend())).await?;
    }
    Ok(())
}

fn lower(minima: &mut HashMap<MessageId, Timestamp>, send: MessageId, at: Timestamp) {
    minima.entry(send).and_modify(|least| *least = at.min(*least)).or_insert(at);
}

/// The batch's sends after which something was heard already, and those before them.
async fn followed(batch: &Batch<'_>) -> Result<BTreeSet<MessageId>> {
    let (scope, tx) = (batch.scope, batch.tx);
    let sends = batch.messages.iter().filter(|message| message.is_send());
    let points: Vec<Point> = sends
        .filter(|send| send.standing.as_ref().is_some_and(super::status::Standing::went_out))
        .map(|send| (send.contact_id, send.input.inbox_id, send.at))
        .collect();
    let mut late = Vec::new();
    for chunk in points.chunks(rows_at_once(scope.db().backend())) {
        let mut sql = Sql::new("WITH v(contact_id, inbox_id, at, second) AS (");
        sql.rows(chunk.iter().map(|(contact, inbox, at)| {
            [(*contact).into(), (*inbox).into(), (*at).into(), at.second().into()]
        }));
        sql.push(&format!(
            ") SELECT v.contact_id, v.inbox_id, v.at FROM v WHERE EXISTS (SELECT 1 FROM message r \
             WHERE r.inbox_id = v.inbox_id AND r.contact_id = v.contact_id \
             AND r.occurred_at >= v.second AND r.direction = {} AND r.account_id = ",
            Direction::Inbound.to_value()
        ));
        sql.bind(scope.account_id());
        sql.push(
            ") OR EXISTS (SELECT 1 FROM opt_out o WHERE o.contact_id = v.contact_id \
             AND o.inbox_id = v.inbox_id AND +o.occurred_at >= v.second AND o.account_id = ",
        );
        sql.bind(scope.account_id()).push(")");
        let found = tx.query_all_raw(sql.statement(scope.db().backend())).await?;
        for row in found {
            let (contact, inbox) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            late.push((contact, inbox, row.try_get_by_index(2)?));
        }
    }
    around(scope, tx, &late).await
}

/// The sends in the second of each point, and the last one before it that went out.
async fn around(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    points: &[Point],
) -> Result<BTreeSet<MessageId>> {
    // As if something had come in just before the second.
    let before = points.iter().map(|(contact, inbox, at)| {
        (*contact, *inbox, Timestamp(at.second().0 - Timestamp::SECOND))
    });
    let before = sends_before(scope, tx, before.collect()).await?;
    let mut sends: BTreeSet<MessageId> = before.into_iter().map(|found| found.send).collect();
    for chunk in points.chunks(rows_at_once(scope.db().backend())) {
        let mut sql = Sql::new("WITH v(contact_id, inbox_id, second) AS (");
        sql.rows(chunk.iter().map(|(contact, inbox, at)| {
            [Value::from(*contact), Value::from(*inbox), Value::from(at.second())]
        }));
        sql.push(&format!(
            ") SELECT m.id FROM v CROSS JOIN message m WHERE m.inbox_id = v.inbox_id \
             AND m.contact_id = v.contact_id AND m.occurred_at >= v.second \
             AND m.occurred_at < v.second + {} AND {} AND m.account_id = ",
            Timestamp::SECOND,
            is_send("m")
        ));
        sql.bind(scope.account_id());
        for row in tx.query_all_raw(sql.statement(scope.db().backend())).await? {
            sends.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(sends)
}

#[derive(FromQueryResult)]
struct Before {
    at: Timestamp,
    send: MessageId,
    next_reply_at: Option<Timestamp>,
}

/// For each point the send that went out last before what came in then, if there is one.
async fn sends_before(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    points: Vec<Point>,
) -> Result<Vec<Before>> {
    let mut sends = Vec::new();
    let candidates = format!(
        "FROM message m WHERE m.inbox_id = v.inbox_id AND m.contact_id = v.contact_id \
         AND m.occurred_at < v.until AND {} AND {} AND m.account_id = ",
        is_send("m"),
        went_out("m")
    );
    for chunk in points.chunks(rows_at_once(scope.db().backend())) {
        let mut sql = Sql::new("WITH v(contact_id, inbox_id, at, until) AS (");
        sql.rows(chunk.iter().map(|(contact, inbox, at)| {
            let until = Timestamp(at.second().0 + Timestamp::SECOND);
            [(*contact).into(), (*inbox).into(), (*at).into(), Value::from(until)]
        }));
        // Of the last second in which there are any, the one with the last id. Ordered by the
        // bare column, PostgreSQL may walk the whole account by its key instead, in the hope
        // of meeting a match soon.
        sql.push("), f(at, id) AS (SELECT v.at, (SELECT m.id ").push(&candidates);
        sql.bind(scope.account_id());
        sql.push(" AND m.occurred_at >= (SELECT MAX(m.occurred_at) / 1000000 * 1000000 ");
        sql.push(&candidates).bind(scope.account_id());
        sql.push(
            ") ORDER BY COALESCE(m.id, m.id) DESC LIMIT 1) FROM v) \
             SELECT f.at, s.id AS send, s.next_reply_at FROM f CROSS JOIN message s \
             WHERE s.id = f.id AND s.account_id = ",
        );
        sql.bind(scope.account_id());
        let statement = sql.statement(scope.db().backend());
        sends.extend(Before::find_by_statement(statement).all(tx).await?);
    }
    Ok(sends)
}

#[derive(FromQueryResult)]
struct Heard {
    contact_id: ContactId,
    inbox_id: InboxId,
    occurred_at: Timestamp,
    quoted_message_id: Option<MessageId>,
}

/// The sends to which these inbound messages can belong.
async fn touched_by(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    messages: &[MessageId],
) -> Result<BTreeSet<MessageId>> {
    let mut heard: Vec<Heard> = Vec::new();
    // A message that many quote can come last of all.
    for chunk in messages.chunks(IDS) {
        let found = scope
            .find::<message::Entity>()
            .filter(message::Column::Id.is_in(chunk.iter().copied()))
            .filter(message::Column::Direction.eq(Direction::Inbound));
        heard.extend(found.into_model::<Heard>().all(tx).await?);
    }
    let points = heard.iter().map(|heard| (heard.contact_id, heard.inbox_id, heard.occurred_at));
    let before = sends_before(scope, tx, points.collect()).await?;
    let quoted = heard.iter().filter_map(|heard| heard.quoted_message_id);
    Ok(before.into_iter().map(|found| found.send).chain(quoted).collect())
}

#[derive(FromQueryResult)]
struct Entry {
    kind: OptOutKind,
    effective: bool,
    contact_id: Option<ContactId>,
    inbox_id: Option<InboxId>,
    message_id: Option<MessageId>,
    occurred_at: Timestamp,
}

/// Settles what entries of the opt-out history do to sends that are new, or of which it shows
/// only now whether they changed anything. They are written already.
pub async fn attribute_opt_outs(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    entries: &[OptOutId],
) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let entries: Vec<Entry> = scope
        .find::<entity::opt_out::Entity>()
        .filter(entity::opt_out::Column::Id.is_in(entries.iter().copied()))
        .into_model()
        .all(tx)
        .await?;
    for effective in [true, false] {
        // An opt-in word is a reply where it opted nobody in.
        let words = entries
            .iter()
            .filter(|entry| entry.kind == OptOutKind::OptIn && entry.effective == effective);
        let ids: Vec<MessageId> = words.filter_map(|entry| entry.message_id).collect();
        if !ids.is_empty() {
            scope
                .update_many::<message::Entity>()
                .filter(message::Column::Id.is_in(ids))
                .col_expr(message::Column::IsReply, sea_orm::sea_query::Expr::value(!effective))
                .exec(tx)
                .await?;
        }
    }
    let points = entries
        .iter()
        .filter_map(|entry| Some((entry.contact_id?, entry.inbox_id?, entry.occurred_at)));
    let before = sends_before(scope, tx, points.collect()).await?;
    let mut touched: BTreeSet<MessageId> = before.into_iter().map(|found| found.send).collect();
    let messages: Vec<MessageId> = entries.iter().filter_map(|entry| entry.message_id).collect();
    touched.extend(touched_by(scope, tx, &messages).await?);
    recompute(scope, tx, touched).await.map(drop)
}

/// Works out anew what belongs to all sends to the contacts. Says how many that changed.
pub async fn attribute_contacts(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    contacts: &[ContactId],
) -> Result<u64> {
    let inboxes: Vec<InboxId> = scope
        .find::<entity::conversation::Entity>()
        .filter(entity::conversation::Column::ContactId.is_in(contacts.iter().copied()))
        .select_only()
        .column(entity::conversation::Column::InboxId)
        .distinct()
        .into_tuple()
        .all(tx)
        .await?;
    let sends: Vec<MessageId> = scope
        .find::<message::Entity>()
        .filter(message::Column::InboxId.is_in(inboxes))
        .filter(message::Column::ContactId.is_in(contacts.iter().copied()))
        .filter(sea_orm::sea_query::Expr::cust(is_send("message")))
        .select_only()
        .column(message::Column::Id)
        .into_tuple()
        .all(tx)
        .await?;
    recompute(scope, tx, sends.into_iter().collect()).await
}

/// Works out anew what belongs to these messages, as far as they are sends. Says how many that
/// changed.
async fn recompute(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    sends: BTreeSet<MessageId>,
) -> Result<u64> {
    let sends: Vec<MessageId> = sends.into_iter().collect();
    let anew = anew();
    let sets: Vec<String> =
        anew.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let differ: Vec<String> =
        anew.iter().map(|(column, value)| format!("{column} IS DISTINCT FROM {value}")).collect();
    let mut changed = 0;
    for chunk in sends.chunks(rows_at_once(scope.db().backend())) {
        let mut sql = Sql::new("WITH v(id) AS (");
        sql.rows(chunk.iter().map(|id| [Value::from(*id)]));
        // Not FROM v: SQLite would rather go through all sends than look each id up.
        sql.push(&format!(
            ") UPDATE message SET {} WHERE message.id IN (SELECT id FROM v) AND {} AND ({}) \
             AND message.account_id = ",
            sets.join(", "),
            is_send("message"),
            differ.join(" OR ")
        ));
        sql.bind(scope.account_id());
        changed += tx.execute_raw(sql.statement(scope.db().backend())).await?.rows_affected();
    }
    Ok(changed)
}

/// The definitions, as SQL: of a row of `message` what it is to hold. A plus before a time keeps
/// the databases from walking through all of the account by it to find the first.
fn anew() -> [(&'static str, String); 4] {
    let opted_out = format!("o.kind = {} AND o.effective", OptOutKind::OptOut.to_value());
    // From the second of the send to that of the next one; to nothing if another one of the
    // same second follows.
    let begin = "message.occurred_at / 1000000 * 1000000";
    let end = format!(
        "COALESCE((SELECT MIN(n.occurred_at) / 1000000 * 1000000 FROM message n \
         WHERE n.account_id = message.account_id AND n.inbox_id = message.inbox_id \
         AND n.contact_id = message.contact_id AND n.occurred_at >= {begin} AND {} AND {} \
         AND (n.occurred_at >= {begin} + 1000000 OR n.id > message.id)), {})",
        is_send("n"),
        went_out("n"),
        i64::MAX
    );
    let quotes_no_send = |message: &str| {
        format!(
            "NOT EXISTS (SELECT 1 FROM message q WHERE q.account_id = message.account_id \
             AND q.id = {message}.quoted_message_id AND {})",
            is_send("q")
        )
    };
    let by_word = format!(
        "NOT EXISTS (SELECT 1 FROM message r WHERE r.account_id = message.account_id \
         AND r.id = o.message_id AND NOT {})",
        quotes_no_send("r")
    );
    let gone = went_out("message");
    [
        (
            "quoted_reply_at",
            "(SELECT MIN(+r.occurred_at) FROM message r \
             WHERE r.account_id = message.account_id AND r.quoted_message_id = message.id \
             AND r.is_reply)"
                .to_owned(),
        ),
        (
            "next_reply_at",
            format!(
                "CASE WHEN {gone} THEN (SELECT r.occurred_at FROM message r \
             WHERE r.account_id = message.account_id AND r.inbox_id = message.inbox_id \
             AND r.contact_id = message.contact_id AND r.occurred_at >= {begin} \
             AND r.occurred_at < {end} AND r.is_reply AND {} \
             ORDER BY r.occurred_at LIMIT 1) END",
                quotes_no_send("r")
            ),
        ),
        (
            "quoted_opt_out_at",
            format!(
                "(SELECT MIN(+o.occurred_at) FROM message r CROSS JOIN opt_out o \
             WHERE r.account_id = message.account_id AND r.quoted_message_id = message.id \
             AND o.account_id = r.account_id AND o.contact_id = r.contact_id \
             AND o.message_id = r.id AND {opted_out})"
            ),
        ),
        (
            "next_opt_out_at",
            format!(
                "CASE WHEN {gone} THEN (SELECT MIN(+o.occurred_at) FROM opt_out o \
             WHERE o.account_id = message.account_id AND o.contact_id = message.contact_id \
             AND o.inbox_id = message.inbox_id AND +o.occurred_at >= {begin} \
             AND +o.occurred_at < {end} AND {opted_out} AND {by_word}) END"
            ),
        ),
    ]
}

/// An outbound message of a mailing, in the words of the index of sends.
fn is_send(alias: &str) -> String {
    format!(
        "{alias}.medium = {} AND {alias}.direction = {} AND NOT {alias}.private \
         AND {alias}.author_kind IS DISTINCT FROM {}",
        Medium::Mailing.to_value(),
        Direction::Outbound.to_value(),
        AuthorKind::System.to_value()
    )
}

fn went_out(alias: &str) -> String {
    let out: Vec<String> = [MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read]
        .iter()
        .map(|status| status.to_value().to_string())
        .collect();
    format!("{alias}.status IN ({})", out.join(", "))
}
