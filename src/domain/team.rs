//! Teams: groups of the account's users.

use entity::id::{TeamId, UserId};
use entity::kinds::EventKind;
use entity::{Timestamp, membership, team, team_member};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    QueryOrder, Select,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_LIST, LONGEST_NAME, event, idempotency, taken, text};
use crate::auth::{AccountScope, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

const NAME_TAKEN: &str = "is the name of another team";

#[derive(Clone, Serialize)]
pub struct TeamCreate {
    pub name: String,
    /// Users of the account.
    pub user_ids: Vec<UserId>,
}

/// What to change; none leaves it as it is.
#[derive(Clone)]
pub struct TeamUpdate {
    pub team_id: TeamId,
    pub name: Option<String>,
    /// Takes the place of the present members.
    pub user_ids: Option<Vec<UserId>>,
}

/// The account's teams, to be paged by [`by_name`] or [`by_creation`].
pub fn list(scope: &AccountScope) -> Result<Select<team::Entity>> {
    scope.require(Permission::Read)?;
    Ok(scope.find())
}

pub fn by_name() -> Order<team::Column> {
    use team::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<team::Column> {
    use team::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

/// A team of the account. [`Error::NotFound`] for any other.
pub async fn get(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: TeamId,
) -> Result<team::Model> {
    scope.require(Permission::Read)?;
    load(scope, connection, id).await
}

/// What a command answers needs no permission to read besides that of the command.
async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: TeamId,
) -> Result<team::Model> {
    let team = scope.find::<team::Entity>().filter(team::Column::Id.eq(id));
    team.one(connection).await?.ok_or(Error::NotFound("team"))
}

/// Teams by id; those of other accounts are not found.
pub async fn find_many(scope: &AccountScope, ids: &[TeamId]) -> Result<Vec<team::Model>> {
    let ids = ids.iter().copied();
    Ok(list(scope)?.filter(team::Column::Id.is_in(ids)).all(scope.db().read()).await?)
}

/// Who is in these teams, in the order of their joining.
pub async fn members(scope: &AccountScope, ids: &[TeamId]) -> Result<Vec<team_member::Model>> {
    scope.require(Permission::Read)?;
    let ids = ids.iter().copied();
    let members = scope
        .find::<team_member::Entity>()
        .filter(team_member::Column::TeamId.is_in(ids))
        .order_by_asc(team_member::Column::CreatedAt)
        .order_by_asc(team_member::Column::UserId);
    Ok(members.all(scope.db().read()).await?)
}

pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: TeamCreate,
) -> Result<team::Model> {
    scope.require(Permission::Manage)?;
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    check_users(scope, &mut checks, &input.user_ids).await?;
    checks.finish()?;

    let id = match idempotency::begin(scope, idempotency_key, "teamCreate", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let (id, now) = (scope.id(), scope.now());
            let row = team::ActiveModel {
                account_id: Set(scope.account_id()),
                id: Set(id),
                name_key: Set(text::name_key(&name)),
                name: Set(name),
                created_at: Set(now),
                updated_at: Set(now),
            };
            row.insert(tx).await.map_err(taken("name", NAME_TAKEN))?;
            add(scope, tx, id, &input.user_ids, now).await?;
            event::write(scope, tx, EventKind::SettingsChanged, vec![id.0]).await?;
            let answer = id;
            claim.commit(scope, answer).await?
        }
    };
    load(scope, scope.db().read(), id).await
}

pub async fn update(scope: &AccountScope, input: TeamUpdate) -> Result<team::Model> {
    scope.require(Permission::Manage)?;
    let mut checks = Checks::new();
    let name = input.name.as_deref().map(|name| checks.text("name", name, LONGEST_NAME));
    if let Some(user_ids) = &input.user_ids {
        check_users(scope, &mut checks, user_ids).await?;
    }
    checks.finish()?;

    let tx = scope.begin().await?;
    let before = load(scope, &tx, input.team_id).await?;
    let now = scope.now();
    let row = team::ActiveModel {
        account_id: Set(before.account_id),
        id: Set(before.id),
        name_key: name.as_deref().map_or(NotSet, |name| Set(text::name_key(name))),
        name: name.map_or(NotSet, Set),
        updated_at: Set(now),
        ..Default::default()
    };
    let team = row.update(&tx).await.map_err(taken("name", NAME_TAKEN))?;
    if let Some(user_ids) = &input.user_ids {
        let others = scope
            .delete_many::<team_member::Entity>()
            .filter(team_member::Column::TeamId.eq(team.id))
            .filter(team_member::Column::UserId.is_not_in(user_ids.iter().copied()));
        others.exec(&tx).await?;
        add(scope, &tx, team.id, user_ids, now).await?;
    }
    event::write(scope, &tx, EventKind::SettingsChanged, vec![team.id.0]).await?;
    tx.commit().await?;
    Ok(team)
}

/// Adds those who are not in the team yet.
async fn add(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    team_id: TeamId,
    user_ids: &[UserId],
    now: Timestamp,
) -> Result<()> {
    let rows = user_ids.iter().map(|user_id| team_member::ActiveModel {
        account_id: Set(scope.account_id()),
        team_id: Set(team_id),
        user_id: Set(*user_id),
        created_at: Set(now),
    });
    team_member::Entity::insert_many(rows)
        .on_conflict_do_nothing()
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Everybody in a team must be a user of the account.
async fn check_users(scope: &AccountScope, checks: &mut Checks, ids: &[UserId]) -> Result<()> {
    if ids.len() > LONGEST_LIST {
        let message = format!("has {} users; at most {LONGEST_LIST} are allowed", ids.len());
        checks.fail("userIds", ViolationCode::TooLong, message);
        return Ok(());
    }
    let known = scope
        .find::<membership::Entity>()
        .filter(membership::Column::UserId.is_in(ids.iter().copied()))
        .all(scope.db().read())
        .await?;
    for (index, id) in ids.iter().enumerate() {
        if !known.iter().any(|membership| membership.user_id == *id) {
            let path = format!("userIds[{index}]");
            checks.fail(path, ViolationCode::NotFound, "is no user of this account");
        }
    }
    Ok(())
}
