//! Users and their membership in an account. A person has one user for all accounts, so
//! that an account decides about roles alone: name and password are the person's own.

use entity::id::UserId;
use entity::kinds::{EventKind, Role};
use entity::{inbox_member, membership, team_member, user};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter,
    Select, TryInsertResult,
};
use serde::Serialize;

use super::idempotency::Begun;
use super::page::{self, Order};
use super::{LONGEST_NAME, event, idempotency, text};
use crate::auth::{AccountScope, Actor, Permission, password, person, token};
use crate::engine::Engine;
use crate::error::{Checks, Error, Result, ViolationCode};

#[derive(Clone, Serialize)]
pub struct UserInvite {
    pub email: String,
    /// Of a new user; one who exists already keeps name and password.
    pub name: String,
    pub role: Role,
    /// Without one the user cannot sign in until an administrator sets one. Not part of the
    /// stored fingerprint, which would be too fast a hash of it.
    #[serde(skip)]
    pub password: Option<String>,
}

/// What to change; none leaves it as it is.
#[derive(Clone)]
pub struct UserUpdate {
    pub user_id: UserId,
    pub name: Option<String>,
    pub role: Option<Role>,
    pub password: Option<String>,
    /// Needed with a new password for oneself.
    pub current_password: Option<String>,
}

/// A user about to be made.
pub(super) struct NewUser {
    pub email: String,
    pub name: String,
    pub password_hash: Option<String>,
}

impl NewUser {
    pub(super) async fn hashed(self, engine: &Engine, password: Option<String>) -> Result<Self> {
        Ok(Self { password_hash: hash(engine, password).await?, ..self })
    }
}

/// The account's users, to be paged by [`by_name`] or [`by_creation`].
pub fn members(scope: &AccountScope) -> Result<Select<user::Entity>> {
    scope.require(Permission::Read)?;
    Ok(person::members(scope.account_id()))
}

pub fn by_name() -> Order<user::Column> {
    use user::Column::{Id, NameKey};
    Order { column: NameKey, id: Id, descending: false, nullable: false }
}

pub fn by_creation() -> Order<user::Column> {
    use user::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

/// A user of the account. [`Error::NotFound`] for anybody else.
pub async fn member(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: UserId,
) -> Result<user::Model> {
    scope.require(Permission::Read)?;
    load(scope, connection, id).await
}

/// What a command answers needs no permission to read besides that of the command.
async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: UserId,
) -> Result<user::Model> {
    let member = person::members(scope.account_id()).filter(user::Column::Id.eq(id));
    member.one(connection).await?.ok_or(Error::NotFound("user"))
}

/// Users by id, for the names beside what they did. The ids must come from rows of the
/// caller's own account: former members are found too, and so is everybody else.
pub async fn find_many(engine: &Engine, ids: &[UserId]) -> Result<Vec<user::Model>> {
    person::find_many(engine.db.read(), ids).await
}

/// The memberships of these users in the account; former members have none.
pub async fn memberships(scope: &AccountScope, ids: &[UserId]) -> Result<Vec<membership::Model>> {
    let ids = ids.iter().copied();
    let memberships =
        scope.find::<membership::Entity>().filter(membership::Column::UserId.is_in(ids));
    Ok(memberships.all(scope.db().read()).await?)
}

/// An e-mail address as it is stored.
pub(super) fn email(checks: &mut Checks, path: &str, address: &str) -> Option<String> {
    let email = text::email(address);
    if email.is_none() {
        let message = "is no e-mail address; for example ada@example.org";
        checks.fail(path, ViolationCode::Malformed, message);
    }
    email
}

/// Makes a user who belongs to the account.
pub async fn invite(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: UserInvite,
) -> Result<user::Model> {
    scope.require(Permission::Administer)?;
    may_grant(scope, input.role)?;
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    if let Some(password) = &input.password {
        password::check(&mut checks, "password", password);
    }
    let email = email(&mut checks, "email", &input.email);
    checks.finish()?;
    let new = NewUser { email: email.unwrap_or_default(), name, password_hash: None };
    let new = new.hashed(scope.engine(), input.password.clone()).await?;

    let id = match idempotency::begin(scope, idempotency_key, "userInvite", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let (user, made) = ensure(scope.engine(), tx, new).await?;
            if !made {
                // Whoever registered the address first knows its password, and nobody has
                // shown to be its owner: a stranger must not come in by it.
                let message = "belongs to a user already; only the installation \
                               can add somebody to a second account";
                return Err(Error::invalid("email", ViolationCode::Taken, message));
            }
            join(scope, tx, user.id, input.role, "email").await?;
            event::write(scope, tx, EventKind::SettingsChanged, vec![user.id.0]).await?;
            let answer = user.id;
            claim.commit(scope, answer).await?
        }
    };
    load(scope, scope.db().read(), id).await
}

/// The user with the address of `new`, who is made if there is none; and whether it was.
pub(super) async fn ensure(
    engine: &Engine,
    tx: &DatabaseTransaction,
    new: NewUser,
) -> Result<(user::Model, bool)> {
    let now = engine.clock.now();
    let row = user::ActiveModel {
        id: Set(engine.clock.id()),
        email: Set(new.email.clone()),
        name_key: Set(text::name_key(&new.name)),
        name: Set(new.name),
        password_hash: Set(new.password_hash),
        last_sign_in_at: Set(None),
        last_sign_in_ip: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let inserted = user::Entity::insert(row)
        .on_conflict_do_nothing_on([user::Column::Email])
        .exec_without_returning(tx)
        .await?;
    let user = person::find_by_email(tx, &new.email).await?;
    let user = user.ok_or_else(|| Error::bug("a user was neither found nor made"))?;
    Ok((user, matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0)))
}

/// Makes a user a member; a violation at `path` says that the user is one already.
pub(super) async fn join(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    user_id: UserId,
    role: Role,
    path: &str,
) -> Result<()> {
    let row = membership::ActiveModel {
        account_id: Set(scope.account_id()),
        user_id: Set(user_id),
        role: Set(role),
        created_at: Set(scope.now()),
        updated_at: Set(scope.now()),
    };
    let inserted =
        membership::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(tx).await?;
    match inserted {
        TryInsertResult::Inserted(rows) if rows > 0 => Ok(()),
        _ => Err(Error::invalid(path, ViolationCode::Taken, "belongs to a user of this account")),
    }
}

/// Changes a user: everybody may change the own name and, giving the current one, password;
/// administrators change roles, and name and password of those who are in no other account.
/// A new password ends all sign-ins of the user.
pub async fn update(scope: &AccountScope, input: UserUpdate) -> Result<user::Model> {
    let own = scope.actor() == Actor::User(input.user_id);
    let personal = own && input.role.is_none();
    scope.require(if personal { Permission::KeepOneself } else { Permission::Administer })?;
    let before = load(scope, scope.db().read(), input.user_id).await?;
    let name = check(&input, own)?;
    if own {
        verify_current(scope, &before, &input).await?;
    }
    let password_hash = hash(scope.engine(), input.password).await?;

    let tx = scope.begin().await?;
    // A sign-in that is under way ends before or sees the new password.
    person::lock(&tx, before.id).await?;
    if let Some(role) = input.role {
        change_role(scope, &tx, before.id, role).await?;
    }
    if !own && (name.is_some() || password_hash.is_some()) {
        may_keep(scope, &tx, before.id).await?;
    }
    if password_hash.is_some() {
        token::revoke_sign_ins(&tx, before.id, scope.now()).await?;
    }
    let row = user::ActiveModel {
        id: Set(before.id),
        name_key: name.as_deref().map_or(NotSet, |name| Set(text::name_key(name))),
        name: name.map_or(NotSet, Set),
        password_hash: password_hash.map_or(NotSet, |hash| Set(Some(hash))),
        updated_at: Set(scope.now()),
        ..Default::default()
    };
    let user = row.update(&tx).await?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![user.id.0]).await?;
    tx.commit().await?;
    Ok(user)
}

/// The new name, after all that can be said without the database.
fn check(input: &UserUpdate, own: bool) -> Result<Option<String>> {
    let mut checks = Checks::new();
    let name = input.name.as_deref().map(|name| checks.text("name", name, LONGEST_NAME));
    if let Some(password) = &input.password {
        password::check(&mut checks, "password", password);
        if own && input.current_password.is_none() {
            let message = "is required to change your own password";
            checks.fail("currentPassword", ViolationCode::Required, message);
        }
    }
    checks.finish()?;
    Ok(name)
}

/// Whoever holds a token must know the password as well to change it, and may not guess it
/// any faster than at the sign-in.
async fn verify_current(
    scope: &AccountScope,
    user: &user::Model,
    input: &UserUpdate,
) -> Result<()> {
    let (Some(_), Some(current)) = (&input.password, &input.current_password) else {
        return Ok(());
    };
    let passwords = &scope.engine().passwords;
    passwords.attempt(&user.email)?;
    if passwords.verify(current.clone(), user.password_hash.clone()).await? {
        return Ok(());
    }
    Err(Error::invalid("currentPassword", ViolationCode::Conflict, "is not your password"))
}

async fn hash(engine: &Engine, password: Option<String>) -> Result<Option<String>> {
    match password {
        Some(password) => Ok(Some(engine.passwords.hash(password).await?)),
        None => Ok(None),
    }
}

/// Takes a user out of the account. What was assigned to or done by the user stays so; the
/// places in teams and inboxes are given up.
pub async fn remove(scope: &AccountScope, user_id: UserId) -> Result<()> {
    scope.require(Permission::Administer)?;
    let tx = scope.begin().await?;
    may_leave(scope, &tx, user_id, None).await?;
    let teams = scope.delete_many::<team_member::Entity>();
    teams.filter(team_member::Column::UserId.eq(user_id)).exec(&tx).await?;
    let inboxes = scope.delete_many::<inbox_member::Entity>();
    inboxes.filter(inbox_member::Column::UserId.eq(user_id)).exec(&tx).await?;
    let accounts = scope.delete_many::<membership::Entity>();
    accounts.filter(membership::Column::UserId.eq(user_id)).exec(&tx).await?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![user_id.0]).await?;
    tx.commit().await?;
    Ok(())
}

async fn change_role(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    user_id: UserId,
    role: Role,
) -> Result<()> {
    may_grant(scope, role)?;
    may_leave(scope, tx, user_id, Some(role)).await?;
    scope
        .update_many::<membership::Entity>()
        .set(membership::ActiveModel {
            role: Set(role),
            updated_at: Set(scope.now()),
            ..Default::default()
        })
        .filter(membership::Column::UserId.eq(user_id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Nobody gives more than they have.
fn may_grant(scope: &AccountScope, role: Role) -> Result<()> {
    if role <= scope.role() {
        return Ok(());
    }
    Err(Error::Forbidden("only an OWNER may make others OWNER".to_owned()))
}

/// Whether a user may go from the present role to `next`, or out. Ends with the account
/// locked, so that two owners cannot both go because of each other.
async fn may_leave(
    scope: &AccountScope,
    tx: &DatabaseTransaction,
    user_id: UserId,
    next: Option<Role>,
) -> Result<()> {
    scope.lock(tx).await?;
    let role = role_of(scope, tx, user_id).await?;
    if role > scope.role() {
        return Err(Error::Forbidden("only an OWNER may change or remove an OWNER".to_owned()));
    }
    if role != Role::Owner || next == Some(Role::Owner) {
        return Ok(());
    }
    let owners = scope.find::<membership::Entity>();
    let owners = owners.filter(membership::Column::Role.eq(Role::Owner));
    if page::count(tx, owners).await? > 1 {
        return Ok(());
    }
    let path = if next.is_some() { "role" } else { "userId" };
    let message = "the account needs an OWNER, and this is the last";
    Err(Error::invalid(path, ViolationCode::Conflict, message))
}

/// Whether an administrator may change name and password of somebody else: of those who
/// belong to this account alone, and stand no higher.
async fn may_keep(scope: &AccountScope, tx: &DatabaseTransaction, user_id: UserId) -> Result<()> {
    if role_of(scope, tx, user_id).await? > scope.role() {
        return Err(Error::Forbidden("only an OWNER may change an OWNER".to_owned()));
    }
    let accounts = person::accounts(tx, user_id).await?;
    if accounts.iter().all(|each| each.account_id == scope.account_id()) {
        return Ok(());
    }
    let message = "the user belongs to other accounts too, and alone may change name and password";
    Err(Error::Forbidden(message.to_owned()))
}

async fn role_of(scope: &AccountScope, tx: &DatabaseTransaction, user_id: UserId) -> Result<Role> {
    let membership = scope.find::<membership::Entity>();
    let membership = membership.filter(membership::Column::UserId.eq(user_id)).one(tx).await?;
    Ok(membership.ok_or(Error::NotFound("user"))?.role)
}
