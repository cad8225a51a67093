//! The door: who may deliver, and the raw events, kept byte for byte as they came in, until whom
//! they tell of is erased. A delivery counts as received once its row is committed, and not
//! before.

use entity::id::{AccountId, RawEventId};
use entity::raw_event::Column as C;
use entity::{Timestamp, inbox, raw_event};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::proof::{Call, prove};
use super::tally::Tally;
use super::token::same_token;
use crate::auth::AccountScope;
use crate::db::Sql;
use crate::domain::erased;
use crate::domain::inbox::{Credentials, by_webhook_key, credentials, provider_of_slug};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Waiting events listed by one statement.
const PAGE: u64 = 500;

/// An inbox that may be called, and what its provider knows.
struct Door {
    scope: AccountScope,
    inbox: inbox::Model,
    keys: Credentials,
}

/// The inbox behind a webhook address. `Unauthenticated` where there is none, where it is
/// another provider's, archived or without secrets: from outside all of these look alike.
async fn door(engine: &Engine, slug: &str, key: &str) -> Result<Door> {
    let provider = provider_of_slug(slug).ok_or(Error::Unauthenticated)?;
    let (scope, inbox) = by_webhook_key(engine, key).await?.ok_or(Error::Unauthenticated)?;
    if inbox.provider != provider || inbox.archived_at.is_some() {
        return Err(Error::Unauthenticated);
    }
    match credentials(engine, &inbox)? {
        Some(keys) if keys.provider() == provider => Ok(Door { scope, inbox, keys }),
        _ => Err(Error::Unauthenticated),
    }
}

/// Whether the provider may use a webhook address from now on. `Unauthenticated` unless the
/// token is the one the inbox's owner chose.
pub async fn shake_hands(engine: &Engine, slug: &str, key: &str, token: &str) -> Result<()> {
    match door(engine, slug, key).await?.keys {
        Credentials::WhatsappCloud { verify_token, .. } if same_token(&verify_token, token) => {
            Ok(())
        }
        _ => Err(Error::Unauthenticated),
    }
}

/// Stores a delivery. `Ok` means that it is durable; on an error nothing was stored.
/// `Unauthenticated` unless it is the inbox's provider who calls.
pub async fn receive(engine: &Engine, slug: &str, key: &str, call: &Call<'_>) -> Result<()> {
    let door = door(engine, slug, key).await?;
    let proven = prove(engine, &door.inbox, &door.keys, call).ok_or(Error::Unauthenticated)?;
    let scope = &door.scope;
    let tx = scope.begin().await?;
    let event = raw_event::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(scope.id()),
        inbox_id: Set(door.inbox.id),
        provider: Set(door.inbox.provider),
        digest: Set(proven.digest),
        body: Set(call.body.to_vec()),
        query: Set(proven.query),
        received_at: Set(scope.now()),
        applied_at: Set(None),
        applied: Set(0),
        unknown: Set(0),
        failed: Set(0),
        remark: Set(None),
    };
    // Providers repeat what we did not answer in time: the same delivery is the same event.
    raw_event::Entity::insert(event)
        .on_conflict_do_nothing_on([C::AccountId, C::InboxId, C::Digest])
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Waits {
    id: AccountId,
}

/// The accounts in which events wait. It probes an index once for each account, so that its
/// cost does not grow with the events that were applied.
pub(super) async fn accounts(engine: &Engine) -> Result<Vec<AccountId>> {
    let sql = Sql::new(
        "SELECT a.id FROM account a WHERE EXISTS (SELECT 1 FROM raw_event e \
         WHERE e.account_id = a.id AND e.applied_at IS NULL) ORDER BY a.id",
    );
    let statement = sql.statement(engine.db.backend());
    let accounts = Waits::find_by_statement(statement).all(engine.db.read()).await?;
    Ok(accounts.into_iter().map(|account| account.id).collect())
}

/// Where in the queue of an account an event stands.
pub(super) type Place = (Timestamp, RawEventId);

/// Events that wait behind `after`, oldest first.
pub(super) async fn waiting(scope: &AccountScope, after: Option<Place>) -> Result<Vec<Place>> {
    let mut select = scope.find::<raw_event::Entity>().filter(C::AppliedAt.is_null());
    if let Some((received_at, id)) = after {
        let same = Condition::all().add(C::ReceivedAt.eq(received_at)).add(C::Id.gt(id));
        select = select.filter(Condition::any().add(C::ReceivedAt.gt(received_at)).add(same));
    }
    let places: Vec<Place> = select
        .select_only()
        .columns([C::ReceivedAt, C::Id])
        .order_by_asc(C::ReceivedAt)
        .order_by_asc(C::Id)
        .limit(PAGE)
        .into_tuple()
        .all(scope.db().read())
        .await?;
    Ok(places)
}

/// An event that still waits.
pub(super) async fn find(scope: &AccountScope, id: RawEventId) -> Result<Option<raw_event::Model>> {
    let select =
        scope.find::<raw_event::Entity>().filter(C::Id.eq(id)).filter(C::AppliedAt.is_null());
    Ok(select.one(scope.db().read()).await?)
}

/// Takes an event for this transaction. False if it was applied meanwhile, or another
/// process is at it.
pub(super) async fn claim(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: RawEventId,
) -> Result<bool> {
    let claimed: Option<RawEventId> = scope
        .find::<raw_event::Entity>()
        .filter(C::Id.eq(id))
        .filter(C::AppliedAt.is_null())
        .select_only()
        .column(C::Id)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(claimed.is_some())
}

/// Notes what became of an event; it waits no longer.
pub(super) async fn close(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    id: RawEventId,
    tally: &Tally,
) -> Result<()> {
    let count = |count: u32| Set(i32::try_from(count).unwrap_or(i32::MAX));
    // Everything that could be applied was; the rest goes with what must not stay.
    let body = if tally.erased > 0 { Set(erased::DELIVERY.to_vec()) } else { NotSet };
    let closed = raw_event::ActiveModel {
        applied_at: Set(Some(scope.now())),
        applied: count(tally.applied),
        unknown: count(tally.unknown),
        failed: count(tally.failed),
        remark: Set(tally.remark()),
        body,
        ..Default::default()
    };
    scope.update_many::<raw_event::Entity>().set(closed).filter(C::Id.eq(id)).exec(tx).await?;
    Ok(())
}
