//! Users stand beside the accounts, so that no scope finds them. Here are the few ways in
//! which they, and the accounts of somebody, are looked up.

use entity::id::{AccountId, UserId};
use entity::{account, membership, user};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};

use crate::engine::Engine;
use crate::error::Result;

/// The user with this address, which must be in lower case.
pub async fn find_by_email(
    connection: &impl ConnectionTrait,
    email: &str,
) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(user::Column::Email.eq(email)).one(connection).await?)
}

/// A user, whom nobody else changes until `tx` ends.
pub async fn lock(tx: &DatabaseTransaction, id: UserId) -> Result<Option<user::Model>> {
    let user = user::Entity::find().filter(user::Column::Id.eq(id));
    Ok(user.lock_exclusive().one(tx).await?)
}

/// Users by id, whatever accounts they are in.
pub async fn find_many(
    connection: &impl ConnectionTrait,
    ids: &[UserId],
) -> Result<Vec<user::Model>> {
    let ids = ids.iter().copied();
    Ok(user::Entity::find().filter(user::Column::Id.is_in(ids)).all(connection).await?)
}

/// Those of them for which a condition holds.
pub async fn find_many_where(
    connection: &impl ConnectionTrait,
    ids: &[UserId],
    condition: Expr,
) -> Result<Vec<user::Model>> {
    let among = user::Entity::find().filter(user::Column::Id.is_in(ids.iter().copied()));
    Ok(among.filter(condition).all(connection).await?)
}

/// The users of an account.
pub fn members(account_id: AccountId) -> Select<user::Entity> {
    let members = membership::Entity::find()
        .filter(membership::Column::AccountId.eq(account_id))
        .select_only()
        .column(membership::Column::UserId)
        .into_query();
    user::Entity::find().filter(user::Column::Id.in_subquery(members))
}

/// The accounts that a user is in.
pub async fn accounts(
    connection: &impl ConnectionTrait,
    user_id: UserId,
) -> Result<Vec<membership::Model>> {
    let memberships = membership::Entity::find().filter(membership::Column::UserId.eq(user_id));
    Ok(memberships.all(connection).await?)
}

/// Accounts by id, in the order of their ids.
pub(super) async fn find_accounts(
    connection: &impl ConnectionTrait,
    ids: impl Iterator<Item = AccountId>,
) -> Result<Vec<account::Model>> {
    let accounts = account::Entity::find().filter(account::Column::Id.is_in(ids));
    Ok(accounts.order_by_asc(account::Column::Id).all(connection).await?)
}

/// All accounts there are, for background work that visits each.
pub async fn all_accounts(connection: &impl ConnectionTrait) -> Result<Vec<AccountId>> {
    let ids = account::Entity::find()
        .select_only()
        .column(account::Column::Id)
        .order_by_asc(account::Column::Id);
    Ok(ids.into_tuple().all(connection).await?)
}

/// Gives a user another password, without asking for the present one.
pub async fn set_password(engine: &Engine, id: UserId, password: &str) -> Result<()> {
    let hash = engine.passwords.hash(password.to_owned()).await?;
    let tx = engine.db.begin().await?;
    let changes = user::ActiveModel {
        password_hash: Set(Some(hash)),
        updated_at: Set(engine.clock.now()),
        ..Default::default()
    };
    user::Entity::update_many().set(changes).filter(user::Column::Id.eq(id)).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}
