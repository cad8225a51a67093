//! Bots: the programs that answer contacts, as far as they are known here by name.

use entity::bot;
use entity::id::BotId;
use entity::kinds::EventKind;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction,
    IntoActiveModel, QueryFilter, Select,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_NAME, event, idempotency, search, taken, text};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result};

const NAME_TAKEN: &str = "is the name of another bot";

#[derive(Clone, Debug, Serialize)]
pub struct BotCreate {
    pub name: String,
}

/// What to change; none leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct BotUpdate {
    pub name: Option<String>,
}

/// Which bots to list.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BotFilter {
    pub archived: Option<bool>,
    /// A part of the name.
    pub search: Option<String>,
}

/// The bots that `filter` lets through.
pub fn select(scope: &AccountScope, filter: &BotFilter) -> Result<Select<bot::Entity>> {
    use bot::Column::{ArchivedAt, NameKey};
    scope.require(Permission::Read)?;
    let search = search::key("filter.search", filter.search.as_deref())?;
    let wanted =
        Condition::all()
            .add_option(filter.archived.map(|archived| {
                if archived { ArchivedAt.is_not_null() } else { ArchivedAt.is_null() }
            }))
            .add_option(search.map(|text| search::holds(NameKey, &text)));
    Ok(scope.find::<bot::Entity>().filter(wanted))
}

pub fn by_name() -> Order<bot::Column> {
    use bot::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<bot::Column> {
    use bot::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

pub async fn get(scope: &AccountScope, id: BotId) -> Result<bot::Model> {
    scope.require(Permission::Read)?;
    load(scope, scope.db().read(), id).await
}

/// Bots by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[BotId]) -> Result<Vec<bot::Model>> {
    scope.require(Permission::Read)?;
    let found = scope.find::<bot::Entity>().filter(bot::Column::Id.is_in(ids.iter().copied()));
    Ok(found.all(scope.db().read()).await?)
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: BotCreate,
) -> Result<bot::Model> {
    scope.require(Permission::Manage)?;
    let id = match idempotency::begin(scope, idempotency_key, "botCreate", &input).await? {
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
    input: &BotCreate,
) -> Result<BotId> {
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    checks.finish()?;
    let (id, now): (BotId, _) = (scope.id(), scope.now());
    let row = bot::ActiveModel {
        account_id: Set(scope.account_id()),
        id: Set(id),
        name_key: Set(text::name_key(&name)),
        name: Set(name),
        archived_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    row.insert(tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, tx, EventKind::SettingsChanged, vec![id.0]).await?;
    Ok(id)
}

pub async fn update(scope: &AccountScope, id: BotId, input: BotUpdate) -> Result<bot::Model> {
    scope.require(Permission::Manage)?;
    let mut checks = Checks::new();
    let name = input.name.as_deref().map(|name| checks.text("name", name, LONGEST_NAME));
    checks.finish()?;
    let tx = scope.begin().await?;
    let mut row = load(scope, &tx, id).await?.into_active_model();
    if let Some(name) = name {
        row.name_key = Set(text::name_key(&name));
        row.name = Set(name);
    }
    save(scope, tx, row).await
}

/// Puts the bot away; what it did stays its own. Archiving again changes nothing.
pub async fn archive(scope: &AccountScope, id: BotId) -> Result<bot::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let bot = load(scope, &tx, id).await?;
    if bot.archived_at.is_some() {
        return Ok(bot);
    }
    let mut row = bot.into_active_model();
    row.archived_at = Set(Some(scope.now()));
    save(scope, tx, row).await
}

pub async fn unarchive(scope: &AccountScope, id: BotId) -> Result<bot::Model> {
    scope.require(Permission::Manage)?;
    let tx = scope.begin().await?;
    let bot = load(scope, &tx, id).await?;
    if bot.archived_at.is_none() {
        return Ok(bot);
    }
    let mut row = bot.into_active_model();
    row.archived_at = Set(None);
    save(scope, tx, row).await
}

async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: BotId,
) -> Result<bot::Model> {
    let bot = scope.find::<bot::Entity>().filter(bot::Column::Id.eq(id));
    bot.one(connection).await?.ok_or(Error::NotFound("bot"))
}

async fn save(
    scope: &AccountScope,
    tx: DatabaseTransaction,
    mut row: bot::ActiveModel,
) -> Result<bot::Model> {
    row.updated_at = Set(scope.now());
    let bot = row.update(&tx).await.map_err(taken("name", NAME_TAKEN))?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![bot.id.0]).await?;
    tx.commit().await?;
    Ok(bot)
}
