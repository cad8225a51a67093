//! A campaign's course: scheduled, started, paused, resumed, cancelled, finished.

use entity::id::{CampaignId, MessageId};
use entity::kinds::{AttemptState, CampaignStatus, EventKind, RecipientState, StatusKind};
use entity::vocabulary::Vocabulary;
use entity::{Timestamp, attempt, campaign, inbox, recipient};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseTransaction, IntoActiveModel, QueryFilter};

use super::{audience, lock, steps};
use crate::auth::{AccountScope, Permission};
use crate::db::Sql;
use crate::domain::record::{self, Item, MOST_ITEMS, NewStatus};
use crate::domain::{attempt as attempts, event};
use crate::error::{Error, Result, ViolationCode};
use crate::zone;

/// When a campaign is to start.
#[derive(Clone, Debug)]
pub enum When {
    Now,
    At(Timestamp),
    /// Date and time in the account's zone. Of a time that comes twice the first; of one that does
    /// not exist, the next that does.
    Local(String),
}

/// Schedules a draft, or schedules it anew. It starts by itself.
pub async fn schedule(scope: &AccountScope, id: CampaignId, when: When) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let mut campaign = lock(scope, &tx, id).await?;
    expect(&campaign, &[CampaignStatus::Draft, CampaignStatus::Scheduled])?;
    let now = scope.now();
    let at = match &when {
        When::Now => now,
        When::At(at) => *at,
        When::Local(text) => local(scope, &tx, text).await?,
    };
    let soon = now.plus_seconds(366 * 24 * 3_600);
    if at < now || at > soon {
        let message = "must lie between now and a year from now";
        let path = if matches!(when, When::At(_)) { "start.at" } else { "start.localTime" };
        return Err(Error::invalid(path, ViolationCode::OutOfRange, message));
    }
    for (index, step) in steps(scope, &tx, id).await?.iter().enumerate() {
        let found = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(step.inbox_id));
        let usable = found.one(&tx).await?.is_some_and(|inbox| attempts::can_send(&inbox));
        if !usable {
            let message = format!(
                "nothing can be sent on the inbox of step {index}: it is \
                                   archived, has no credentials or is recorded by another system"
            );
            return Err(Error::invalid("id", ViolationCode::Conflict, message));
        }
    }
    campaign.status = CampaignStatus::Scheduled;
    campaign.scheduled_at = Some(at);
    let campaign = save(scope, tx, campaign).await?;
    scope.engine().outbox.notify_one();
    Ok(campaign)
}

async fn local(scope: &AccountScope, tx: &DatabaseTransaction, text: &str) -> Result<Timestamp> {
    let account = scope.account(tx).await?;
    let malformed = || {
        let message = "is no local date and time; for example 2026-03-29T09:00";
        Error::invalid("start.localTime", ViolationCode::Malformed, message)
    };
    let local = text.trim().parse::<jiff::civil::DateTime>().map_err(|_| malformed())?;
    let zone =
        zone::find(&account.time_zone).ok_or_else(|| Error::bug("an account without zone"))?;
    zone::instant(&zone, local).map_err(|_| malformed())
}

/// Starts the campaigns whose time has come: their recipients are frozen, in the transaction in
/// which they begin to run, so that each starts once.
pub async fn start_due(scope: &AccountScope) -> Result<()> {
    use campaign::Column as C;
    loop {
        let tx = scope.begin().await?;
        let due = scope
            .find::<campaign::Entity>()
            .filter(C::Status.eq(CampaignStatus::Scheduled))
            .filter(C::ScheduledAt.lte(scope.now()))
            .one(&tx)
            .await?;
        let Some(due) = due else { return Ok(()) };
        // Another process may be at it.
        let mut campaign = lock(scope, &tx, due.id).await?;
        if campaign.status != CampaignStatus::Scheduled {
            continue;
        }
        let steps = steps(scope, &tx, campaign.id).await?;
        let first = steps.first().ok_or_else(|| Error::bug("a campaign without steps"))?;
        let found = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(first.inbox_id));
        let inbox = found.one(&tx).await?.ok_or_else(|| Error::bug("a step without inbox"))?;
        let recipients = audience::freeze(scope, &tx, &campaign, &steps, &inbox).await?;
        campaign.status = CampaignStatus::Running;
        campaign.started_at = Some(scope.now());
        let campaign = save(scope, tx, campaign).await?;
        tracing::info!(campaign = %campaign.id.0, recipients, "a campaign started");
    }
}

/// Stops a campaign for a while. What is leaving at this moment still leaves.
pub async fn pause(scope: &AccountScope, id: CampaignId) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    scope.lock(&tx).await?;
    let campaign = lock(scope, &tx, id).await?;
    expect(&campaign, &[CampaignStatus::Running])?;
    let campaign = halt(scope, &tx, campaign, None).await?;
    save(scope, tx, campaign).await
}

/// Pauses a running campaign for a reason of the provider's, in a transaction that holds the
/// account's lock.
pub async fn stop(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
    reason: &str,
) -> Result<()> {
    let campaign = lock(scope, tx, id).await?;
    if campaign.status == CampaignStatus::Running {
        let campaign = halt(scope, tx, campaign, Some(reason)).await?;
        store(scope, tx, campaign).await?;
    }
    Ok(())
}

/// Attempts that wait are not looked at without a time.
async fn halt(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    mut campaign: campaign::Model,
    reason: Option<&str>,
) -> Result<campaign::Model> {
    waiting(scope, tx, campaign.id, None).await?;
    campaign.status = CampaignStatus::Paused;
    campaign.status_reason = reason.map(|reason| reason.chars().take(1_000).collect());
    Ok(campaign)
}

async fn waiting(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
    due_at: Option<Timestamp>,
) -> Result<()> {
    use attempt::Column as C;
    let waiting = scope.update_many::<attempt::Entity>().filter(C::CampaignId.eq(id));
    let waiting = waiting.filter(C::State.eq(AttemptState::Waiting));
    waiting.col_expr(C::DueAt, Expr::value(due_at)).exec(tx).await?;
    Ok(())
}

/// Goes on with a paused campaign.
pub async fn resume(scope: &AccountScope, id: CampaignId) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    scope.lock(&tx).await?;
    let mut campaign = lock(scope, &tx, id).await?;
    expect(&campaign, &[CampaignStatus::Paused])?;
    waiting(scope, &tx, id, Some(scope.now())).await?;
    campaign.status = CampaignStatus::Running;
    campaign.status_reason = None;
    let campaign = save(scope, tx, campaign).await?;
    scope.engine().outbox.notify_one();
    Ok(campaign)
}

/// Calls a campaign off. What was sent stays; what was not will not be.
pub async fn cancel(scope: &AccountScope, id: CampaignId) -> Result<campaign::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    scope.lock(&tx).await?;
    let mut campaign = lock(scope, &tx, id).await?;
    let open = [
        CampaignStatus::Draft,
        CampaignStatus::Scheduled,
        CampaignStatus::Running,
        CampaignStatus::Paused,
    ];
    expect(&campaign, &open)?;
    leave(scope, &tx, id, RecipientState::Cancelled).await?;
    drop_waiting(scope, &tx, id).await?;
    campaign.status = CampaignStatus::Cancelled;
    campaign.status_reason = None;
    campaign.ended_at = Some(scope.now());
    save(scope, tx, campaign).await
}

/// Recipients who wait wait no longer. Those to whom something was sent are done; the others are
/// `unsent`.
async fn leave(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
    unsent: RecipientState,
) -> Result<()> {
    use recipient::Column as C;
    let sent = Expr::exists(
        sea_orm::sea_query::Query::select()
            .expr(Expr::value(1))
            .from(attempt::Entity)
            .and_where(Expr::cust(
                "attempt.account_id = recipient.account_id \
                 AND attempt.campaign_id = recipient.campaign_id \
                 AND attempt.contact_id = recipient.contact_id",
            ))
            .to_owned(),
    );
    let state = Expr::case(sent, Expr::value(RecipientState::Done)).finally(Expr::value(unsent));
    scope
        .update_many::<recipient::Entity>()
        .filter(C::CampaignId.eq(id))
        .filter(C::State.eq(RecipientState::Waiting))
        .col_expr(C::State, state.into())
        .col_expr(C::DueAt, Expr::value(None::<Timestamp>))
        .exec(tx)
        .await?;
    Ok(())
}

/// Messages that wait to be sent, first or once more, are cancelled.
async fn drop_waiting(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: CampaignId,
) -> Result<()> {
    use attempt::Column as C;
    let waiting = scope.find::<attempt::Entity>().filter(C::CampaignId.eq(id));
    let waiting = waiting.filter(C::State.eq(AttemptState::Waiting)).all(tx).await?;
    let items: Vec<Item> = waiting.iter().map(cancelled).collect();
    for chunk in items.chunks(MOST_ITEMS) {
        record::apply(scope, tx, chunk).await?;
    }
    let ids: Vec<MessageId> = waiting.iter().map(|attempt| attempt.message_id).collect();
    for chunk in ids.chunks(crate::domain::rows::IDS) {
        scope
            .update_many::<attempt::Entity>()
            .filter(C::MessageId.is_in(chunk.iter().copied()))
            .col_expr(C::State, Expr::value(AttemptState::Done))
            .col_expr(C::DueAt, Expr::value(None::<Timestamp>))
            .exec(tx)
            .await?;
    }
    Ok(())
}

fn cancelled(attempt: &attempt::Model) -> Item {
    Item::Status(NewStatus {
        inbox_id: attempt.inbox_id,
        external_id: None,
        message_id: Some(attempt.message_id),
        kind: StatusKind::Cancelled,
        occurred_at: None,
        received_at: None,
        code: None,
        detail: None,
        recipient: None,
    })
}

/// Gives up recipients who still wait when a running campaign's time to live is over. Says whether
/// it is.
pub async fn expire(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    campaign: &campaign::Model,
) -> Result<bool> {
    let ends = campaign.started_at.zip(campaign.live_seconds);
    let over = ends.is_some_and(|(start, seconds)| start.plus_seconds(seconds) <= scope.now());
    if over {
        leave(scope, tx, campaign.id, RecipientState::Expired).await?;
        finish(scope, tx, campaign.id).await?;
    }
    Ok(over)
}

/// Ends a running campaign in which nothing is left to do.
pub async fn finish(scope: &AccountScope, tx: &DatabaseTransaction, id: CampaignId) -> Result<()> {
    use campaign::Column as C;
    let mut nothing = Sql::new(
        "NOT EXISTS (SELECT 1 FROM recipient r WHERE r.account_id = campaign.account_id \
         AND r.campaign_id = campaign.id AND r.due_at IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM attempt t WHERE t.account_id = campaign.account_id \
         AND t.campaign_id = campaign.id AND t.due_at IS NOT NULL AND t.state <> ",
    );
    // What the sandbox plays goes on after the end.
    nothing.bind(AttemptState::Playing).push(")");
    let (text, values) = nothing.parts(scope.db().backend());
    let ended = scope
        .update_many::<campaign::Entity>()
        .filter(C::Id.eq(id))
        .filter(C::Status.eq(CampaignStatus::Running))
        .filter(Expr::cust_with_values(text, values))
        .col_expr(C::Status, Expr::value(CampaignStatus::Finished))
        .col_expr(C::EndedAt, Expr::value(scope.now()))
        .col_expr(C::UpdatedAt, Expr::value(scope.now()))
        .exec(tx)
        .await?;
    if ended.rows_affected > 0 {
        event::write(scope, tx, EventKind::CampaignChanged, vec![id.0]).await?;
    }
    Ok(())
}

/// Refuses what does not go with the campaign's status.
pub(super) fn expect(campaign: &campaign::Model, allowed: &[CampaignStatus]) -> Result<()> {
    if allowed.contains(&campaign.status) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|status| status.name()).collect();
    let message =
        format!("is {}; this needs one that is {}", campaign.status.name(), names.join(" or "));
    Err(Error::invalid("id", ViolationCode::Conflict, message))
}

async fn save(
    scope: &AccountScope,
    tx: DatabaseTransaction,
    campaign: campaign::Model,
) -> Result<campaign::Model> {
    let campaign = store(scope, &tx, campaign).await?;
    tx.commit().await?;
    Ok(campaign)
}

pub(super) async fn store(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    mut campaign: campaign::Model,
) -> Result<campaign::Model> {
    campaign.updated_at = scope.now();
    let campaign = campaign.into_active_model().reset_all().update(tx).await?;
    event::write(scope, tx, EventKind::CampaignChanged, vec![campaign.id.0]).await?;
    Ok(campaign)
}
