//! Claims: what is due is looked at in one short transaction under the account's lock, and
//! comes out as parcels that are marked as leaving before the first byte does. What must not
//! be sent any more is put aside in the same transaction, with the reason.

mod campaigns;
mod desk;
mod waiting;

use std::time::{Duration, Instant};

use entity::attempt::Column as C;
use entity::id::AccountId;
use entity::kinds::{AttemptState, CampaignStatus, StatusKind};
use entity::{Timestamp, attempt};
use sea_orm::{ColumnTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};

pub(super) use desk::{Change, change_attempts};

use super::provider::Parcel;
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::record;
use crate::engine::Engine;
use crate::error::Result;
use desk::Desk;

/// Rows looked at by one claim beyond those that it sends.
const MARGIN: usize = 100;

/// A parcel that is to leave, and the right to say what came of it.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    pub parcel: Parcel,
    pub fence: i64,
    /// How often it was not taken before.
    pub tries: i32,
    pub expires_at: Option<Timestamp>,
    /// Seconds after which it is sent once more if nobody knows what came of it; none: never.
    pub resend_after: Option<i64>,
    /// Not to be sent after this, since others may then take it for lost.
    pub deadline: Instant,
}

#[derive(FromQueryResult)]
struct Due {
    id: AccountId,
}

/// The accounts in which something is due: a message, a recipient of a running campaign, or
/// a campaign itself. It probes indexes, so that its cost does not grow with what was sent.
pub(super) async fn accounts(engine: &Engine) -> Result<Vec<AccountId>> {
    let now = engine.clock.now();
    let mut sql = Sql::new(
        "SELECT a.id FROM account a WHERE EXISTS (SELECT 1 FROM attempt t \
         WHERE t.account_id = a.id AND t.due_at <= ",
    );
    // Each part by itself, so that each finds its own place in an index.
    let campaign =
        ") OR EXISTS (SELECT 1 FROM campaign c WHERE c.account_id = a.id AND c.status = ";
    sql.bind(now).push(campaign).bind(CampaignStatus::Scheduled);
    sql.push(" AND c.scheduled_at <= ").bind(now).push(campaign);
    sql.bind(CampaignStatus::Running).push(") ORDER BY a.id");
    let statement = sql.statement(engine.db.backend());
    let found = Due::find_by_statement(statement).all(engine.db.read()).await?;
    Ok(found.into_iter().map(|due| due.id).collect())
}

/// Takes up to `room` messages of the account that may leave now, and says whether anything got on,
/// so that there may be more.
pub(super) async fn claim(scope: &AccountScope, room: usize) -> Result<(Vec<Claimed>, bool)> {
    let tx = scope.begin().await?;
    // All that decides whether something may be sent is written under this lock.
    scope.lock(&tx).await?;
    let mut desk = Desk::new(scope, &tx, room).await?;
    let due = due(scope, &tx, room + MARGIN).await?;
    let (mut late, mut unknown, mut playing, mut waiting) = (vec![], vec![], vec![], vec![]);
    for attempt in due {
        match attempt.state {
            AttemptState::Dispatching => late.push(attempt),
            AttemptState::Unknown => unknown.push(attempt),
            AttemptState::Playing => playing.push(attempt),
            AttemptState::Waiting => waiting.push(attempt),
            AttemptState::Done => {}
        }
    }
    give_up(&mut desk, late).await?;
    waiting::resend(&mut desk, unknown).await?;
    desk.play(playing).await?;
    waiting::take(&mut desk, waiting).await?;
    campaigns::take(&mut desk).await?;
    let (claimed, progressed, outcomes) = desk.finish().await?;
    tx.commit().await?;
    record::grew(scope, &outcomes);
    Ok((claimed, progressed))
}

async fn due(
    scope: &AccountScope,
    tx: &sea_orm::DatabaseTransaction,
    most: usize,
) -> Result<Vec<attempt::Model>> {
    let due = scope
        .find::<attempt::Entity>()
        .filter(C::DueAt.lte(scope.now()))
        .order_by_asc(C::DueAt)
        .limit(u64::try_from(most).unwrap_or(u64::MAX));
    Ok(due.all(tx).await?)
}

/// Those whose sender did not come back in time may have been sent: nobody here can know.
async fn give_up(desk: &mut Desk<'_>, late: Vec<attempt::Model>) -> Result<()> {
    desk.load_campaigns(&late).await?;
    for attempt in late {
        let due_at = desk.resend_after(&attempt).map(|seconds| desk.now.plus_seconds(seconds));
        desk.tell(&attempt, StatusKind::Unknown, "LATE", "whoever sent it did not come back");
        desk.change(&attempt, AttemptState::Unknown, due_at);
    }
    Ok(())
}

/// Until when a claim of now may be sent.
fn deadline(engine: &Engine) -> Instant {
    let delivery = &engine.config.delivery;
    let seconds = delivery.send_lease_seconds.saturating_sub(delivery.send_timeout_seconds);
    // A second for the answer to be written down.
    let spare = Duration::from_secs(seconds).saturating_sub(Duration::from_secs(1));
    Instant::now() + spare.max(Duration::from_millis(500))
}
