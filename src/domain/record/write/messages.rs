//! Writes messages: new ones, and what later ones change of those that are stored.

use entity::id::{InboxId, MessageId};
use entity::kinds::FailureBucket;
use entity::message;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Set, Value};

use super::Writes;
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::failure;
use crate::domain::record::status::Standing;
use crate::domain::record::waited::Columns;
use crate::domain::record::{Batch, MessageDraft};
use crate::domain::rows::update;
use crate::error::Result;

/// What kind of failure a message shows.
pub(in crate::domain::record) fn bucket(
    batch: &Batch<'_>,
    inbox: InboxId,
    standing: &Standing,
) -> Option<FailureBucket> {
    standing.failed_at?;
    let provider = batch.references.inboxes.get(&inbox)?.provider;
    Some(failure::bucket(provider, standing.failure_code.as_deref()))
}

pub(super) fn row(batch: &Batch<'_>, draft: &MessageDraft<'_>) -> message::ActiveModel {
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
        segments: Set(input.cost.map(|cost| cost.segments)),
        credits: Set(input.cost.map(|cost| cost.credits)),
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

/// Gives stored messages their ids at the provider.
pub(super) async fn adopt(
    scope: &AccountScope,
    writes: &Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
    let columns = [message::Column::Id, message::Column::ExternalId];
    let rows = writes.adopted.iter();
    let rows = rows.map(|(id, (_, external))| [Value::from(*id), Value::from(external.clone())]);
    update::<message::Entity, _>(scope, tx, columns, rows.collect()).await
}

pub(super) async fn update_standings(
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

pub(super) async fn refreeze(
    scope: &AccountScope,
    writes: &Writes,
    tx: &DatabaseTransaction,
) -> Result<()> {
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

/// Finds the messages that quote one of the new ones, or one whose id was learnt only now, and
/// came before it.
pub(super) async fn resolve_quotes(batch: &Batch<'_>, writes: &Writes) -> Result<Vec<MessageId>> {
    let new = batch.messages.iter().filter_map(|draft| {
        Some((draft.input.inbox_id, draft.input.external_id.clone()?, draft.id))
    });
    let adopted = writes.adopted.iter();
    let adopted = adopted.map(|(id, (inbox, external))| (*inbox, external.clone(), *id));
    let rows: Vec<_> = new
        .chain(adopted)
        .map(|(inbox, external, id)| [Value::from(inbox), Value::from(external), Value::from(id)])
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new("WITH v(inbox_id, external_id, id) AS (");
    sql.rows(rows);
    sql.push(
        ") SELECT m.id, v.id FROM v CROSS JOIN message m WHERE m.inbox_id = v.inbox_id \
         AND m.quoted_external_id = v.external_id AND m.quoted_message_id IS NULL \
         AND m.account_id = ",
    );
    sql.bind(batch.scope.account_id());
    let found = batch.tx.query_all_raw(sql.statement(batch.scope.db().backend())).await?;
    let mut quoting: Vec<MessageId> = Vec::with_capacity(found.len());
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        let (id, quoted): (MessageId, MessageId) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        quoting.push(id);
        rows.push([Value::from(id), Value::from(quoted)]);
    }
    let columns = [message::Column::Id, message::Column::QuotedMessageId];
    update::<message::Entity, _>(batch.scope, batch.tx, columns, rows).await?;
    Ok(quoting)
}
