//! Inboxes: the lines, addresses and widgets on which an account talks to contacts, and who
//! answers on them. Calling providers and reading what they send is done elsewhere.

mod credentials;
mod settings;
pub mod signing;
mod webhook;

use std::collections::BTreeSet;

use entity::id::{InboxId, UserId};
use entity::kinds::{EventKind, Platform, Provider};
use entity::{inbox, inbox_member, membership};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_LIST, event, idempotency, search, taken};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

pub use credentials::{Credentials, credentials};
pub use settings::{InboxCreate, InboxUpdate};
pub use webhook::{by_webhook_key, provider_of_slug, webhook_path};

const LINE_TAKEN: &str = "is the line of another inbox of this provider";

/// Which inboxes to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InboxFilter {
    pub platforms: Option<Vec<Platform>>,
    pub providers: Option<Vec<Provider>>,
    /// Those on which one of these users answers.
    pub member_ids: Option<Vec<UserId>>,
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

/// The inboxes that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &InboxFilter) -> Result<Select<inbox::Entity>> {
    use inbox::Column as C;
    scope.require(Permission::Read)?;
    let search = search::key("filter.search", filter.search.as_deref())?;
    let answered = filter.member_ids.as_ref().map(|ids| {
        let members = scope.find::<inbox_member::Entity>();
        let members = members.filter(inbox_member::Column::UserId.is_in(ids.iter().copied()));
        C::Id.in_subquery(members.select_only().column(inbox_member::Column::InboxId).into_query())
    });
    let wanted = Condition::all()
        .add_option(filter.platforms.as_ref().map(|any| C::Platform.is_in(any.iter().copied())))
        .add_option(filter.providers.as_ref().map(|any| C::Provider.is_in(any.iter().copied())))
        .add_option(answered)
        .add_option(filter.archived.map(|archived| {
            if archived { C::ArchivedAt.is_not_null() } else { C::ArchivedAt.is_null() }
        }))
        .add_option(search.map(|text| search::holds(C::NameKey, &text)));
    Ok(scope.find::<inbox::Entity>().filter(wanted))
}

pub fn by_name() -> Order<inbox::Column> {
    use inbox::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<inbox::Column> {
    use inbox::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

pub async fn get(scope: &AccountScope, id: InboxId) -> Result<inbox::Model> {
    scope.require(Permission::Read)?;
    load(scope, scope.db().read(), id).await
}

/// Inboxes by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[InboxId]) -> Result<Vec<inbox::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<inbox::Entity>().filter(inbox::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

/// The inbox with this line at its provider, by the provider's own id of the line.
pub async fn for_line(
    scope: &AccountScope,
    provider: Provider,
    provider_line_id: &str,
) -> Result<Option<inbox::Model>> {
    let select = scope
        .find::<inbox::Entity>()
        .filter(inbox::Column::Provider.eq(provider))
        .filter(inbox::Column::ProviderLineId.eq(provider_line_id))
        .filter(inbox::Column::ArchivedAt.is_null());
    Ok(select.one(scope.db().read()).await?)
}

/// Who answers on these inboxes, in the order of their joining.
pub async fn members(scope: &AccountScope, ids: &[InboxId]) -> Result<Vec<inbox_member::Model>> {
    scope.require(Permission::Read)?;
    let members = scope
        .find::<inbox_member::Entity>()
        .filter(inbox_member::Column::InboxId.is_in(ids.iter().copied()))
        .order_by_asc(inbox_member::Column::CreatedAt)
        .order_by_asc(inbox_member::Column::UserId);
    Ok(members.all(scope.db().read()).await?)
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: InboxCreate,
) -> Result<inbox::Model> {
    scope.require(Permission::Administer)?;
    let id = match idempotency::begin(scope, idempotency_key, "inboxCreate", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let answer = insert(scope, tx, &input).await?;
            claim.commit(scope, answer).await?
        }
    };
    load(scope, scope.db().read(), id).await
}

async fn insert(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    input: &InboxCreate,
) -> Result<InboxId> {
    let mut checks = Checks::new();
    let mut inbox = settings::blank(scope, &mut checks, input);
    settings::apply(scope, &mut checks, &mut inbox, input.clone().into())?;
    check_members(scope, tx, &mut checks, &input.member_ids).await?;
    checks.finish()?;
    let id = inbox.id;
    inbox.into_active_model().insert(tx).await.map_err(taken("providerLineId", LINE_TAKEN))?;
    add_members(scope, tx, id, &input.member_ids).await?;
    event::write(scope, tx, EventKind::SettingsChanged, vec![id.0]).await?;
    Ok(id)
}

pub async fn update(scope: &AccountScope, id: InboxId, input: InboxUpdate) -> Result<inbox::Model> {
    scope.require(Permission::Administer)?;
    let tx = scope.begin().await?;
    let mut inbox = lock(scope, &tx, id).await?;
    let member_ids = input.member_ids.clone();
    let mut checks = Checks::new();
    settings::apply(scope, &mut checks, &mut inbox, input)?;
    check_members(scope, &tx, &mut checks, member_ids.as_deref().unwrap_or_default()).await?;
    checks.finish()?;
    if let Some(member_ids) = member_ids {
        let others = scope
            .delete_many::<inbox_member::Entity>()
            .filter(inbox_member::Column::InboxId.eq(id))
            .filter(inbox_member::Column::UserId.is_not_in(member_ids.iter().copied()));
        others.exec(&tx).await?;
        add_members(scope, &tx, id, &member_ids).await?;
    }
    save(scope, tx, inbox).await
}

/// Puts the inbox away: its provider is not listened to any more. What was said on it stays.
/// Archiving again changes nothing.
pub async fn archive(scope: &AccountScope, id: InboxId) -> Result<inbox::Model> {
    scope.require(Permission::Administer)?;
    let tx = scope.begin().await?;
    let mut inbox = lock(scope, &tx, id).await?;
    if inbox.archived_at.is_some() {
        return Ok(inbox);
    }
    inbox.archived_at = Some(scope.now());
    save(scope, tx, inbox).await
}

pub async fn unarchive(scope: &AccountScope, id: InboxId) -> Result<inbox::Model> {
    scope.require(Permission::Administer)?;
    let tx = scope.begin().await?;
    let mut inbox = lock(scope, &tx, id).await?;
    if inbox.archived_at.is_none() {
        return Ok(inbox);
    }
    inbox.archived_at = None;
    save(scope, tx, inbox).await
}

/// Keeps others from changing it until `tx` ends: all columns are written back.
async fn lock(scope: &AccountScope, tx: &DatabaseTransaction, id: InboxId) -> Result<inbox::Model> {
    let row = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(id)).lock_exclusive();
    row.one(tx).await?.ok_or(Error::NotFound("inbox"))
}

async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: InboxId,
) -> Result<inbox::Model> {
    let inbox = scope.find::<inbox::Entity>().filter(inbox::Column::Id.eq(id));
    inbox.one(connection).await?.ok_or(Error::NotFound("inbox"))
}

async fn save(
    scope: &AccountScope,
    tx: DatabaseTransaction,
    mut inbox: inbox::Model,
) -> Result<inbox::Model> {
    inbox.updated_at = scope.now();
    let row = inbox.into_active_model().reset_all();
    let inbox = row.update(&tx).await.map_err(taken("providerLineId", LINE_TAKEN))?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![inbox.id.0]).await?;
    tx.commit().await?;
    Ok(inbox)
}

/// Whoever answers on an inbox must be a user of the account.
async fn check_members(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    checks: &mut Checks,
    ids: &[UserId],
) -> Result<()> {
    if ids.len() > LONGEST_LIST {
        let message = format!("has {} users; at most {LONGEST_LIST} are allowed", ids.len());
        checks.fail("memberIds", ViolationCode::TooLong, message);
        return Ok(());
    }
    if ids.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<UserId> = scope
        .find::<membership::Entity>()
        .filter(membership::Column::UserId.is_in(ids.iter().copied()))
        .select_only()
        .column(membership::Column::UserId)
        .into_tuple::<UserId>()
        .all(tx)
        .await?
        .into_iter()
        .collect();
    for (index, id) in ids.iter().enumerate() {
        if !known.contains(id) {
            let path = format!("memberIds[{index}]");
            checks.fail(path, ViolationCode::NotFound, "is no user of this account");
        }
    }
    Ok(())
}

/// Adds those who do not answer on the inbox yet.
async fn add_members(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    inbox_id: InboxId,
    user_ids: &[UserId],
) -> Result<()> {
    let rows = user_ids.iter().map(|user_id| inbox_member::ActiveModel {
        account_id: Set(scope.account_id()),
        inbox_id: Set(inbox_id),
        user_id: Set(*user_id),
        created_at: Set(scope.now()),
    });
    inbox_member::Entity::insert_many(rows)
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(())
}
