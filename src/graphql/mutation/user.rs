//! Inviting users into an account, changing them and taking them out.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::id::UserId;
use entity::kinds::Role;

use super::{Answer, Ids, UserError, named, payload};
use crate::domain::user::{self as commands, UserInvite, UserUpdate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::loader::Reader;
use crate::graphql::object::User;
use crate::graphql::viewer;
use crate::graphql::vocabulary::Name;

/// Whom to invite.
#[derive(InputObject)]
pub struct UserInviteInput {
    /// The account to come into.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once. 1 to 255 characters, for
    /// 48 hours.
    idempotency_key: Option<String>,
    /// The e-mail address: of a new user, or of one who exists already.
    email: String,
    /// The name of a new user, 1 to 255 characters. Who exists already keeps the own one.
    name: String,
    /// What the user may do in the account; no more than the viewer.
    role: Name<Role>,
    /// The password of a new user, who cannot sign in without one. Who exists already keeps
    /// the own one.
    #[graphql(secret)]
    password: Option<String>,
}

/// What became of `userInvite`.
#[derive(SimpleObject)]
pub struct UserInvitePayload {
    /// The user, who is in the account now.
    pub user: Option<User>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// What to change of a user. What is not given stays as it is.
#[derive(InputObject)]
pub struct UserUpdateInput {
    /// The account in which the role holds.
    account_id: ID,
    /// The user.
    user_id: ID,
    /// The name, 1 to 255 characters.
    name: Option<String>,
    /// What the user may do in the account; no more than the viewer.
    role: Option<Name<Role>>,
    /// A new password, which ends all sign-ins of the user.
    #[graphql(secret)]
    password: Option<String>,
    /// The password until now. Needed with a new one for oneself.
    #[graphql(secret)]
    current_password: Option<String>,
}

/// What became of `userUpdate`.
#[derive(SimpleObject)]
pub struct UserUpdatePayload {
    /// The user after the change.
    pub user: Option<User>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Whom to take out of an account.
#[derive(InputObject)]
pub struct UserRemoveInput {
    /// The account.
    account_id: ID,
    /// The user.
    user_id: ID,
}

/// What became of `userRemove`.
#[derive(SimpleObject)]
pub struct UserRemovePayload {
    /// The id of the user, who is out of the account now.
    pub removed_user_id: Option<ID>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Takes a user into an account, and makes the user if nobody has the address. Needs the
    /// role ADMIN.
    async fn user_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to invite.")] input: UserInviteInput,
    ) -> Answer<UserInvitePayload> {
        payload(invite(ctx, input).await, |user, user_errors| UserInvitePayload {
            user,
            user_errors,
        })
    }

    /// Changes a user. Everybody may change the own name and password; all else needs the
    /// role ADMIN, and only an OWNER changes an OWNER. Name and password of users who are in
    /// other accounts too are their own.
    async fn user_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to change.")] input: UserUpdateInput,
    ) -> Answer<UserUpdatePayload> {
        payload(update(ctx, input).await, |user, user_errors| UserUpdatePayload {
            user,
            user_errors,
        })
    }

    /// Takes a user out of an account. What the user did there stays. Needs the role ADMIN,
    /// and OWNER to remove an OWNER.
    async fn user_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to remove.")] input: UserRemoveInput,
    ) -> Answer<UserRemovePayload> {
        payload(remove(ctx, input).await, |removed_user_id, user_errors| UserRemovePayload {
            removed_user_id,
            user_errors,
        })
    }
}

async fn invite(ctx: &Context<'_>, input: UserInviteInput) -> Result<User> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let new = UserInvite {
        email: input.email,
        name: input.name,
        role: input.role.0,
        password: input.password,
    };
    let user = commands::invite(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok(User::of(reader, user))
}

async fn update(ctx: &Context<'_>, input: UserUpdateInput) -> Result<User> {
    let (reader, user_id) = member(ctx, &input.account_id, &input.user_id)?;
    let change = UserUpdate {
        user_id,
        name: input.name,
        role: input.role.map(|role| role.0),
        password: input.password,
        current_password: input.current_password,
    };
    let updated = commands::update(reader.scope(), change).await;
    Ok(User::of(reader, named("userId", NodeKind::User, updated)?))
}

async fn remove(ctx: &Context<'_>, input: UserRemoveInput) -> Result<ID> {
    let (reader, user_id) = member(ctx, &input.account_id, &input.user_id)?;
    let removed = commands::remove(reader.scope(), user_id).await;
    named("userId", NodeKind::User, removed)?;
    Ok(input.user_id)
}

/// Ids of users name no account, so that inputs do.
fn member(ctx: &Context<'_>, account_id: &ID, user_id: &ID) -> Result<(Reader, UserId)> {
    let reader = viewer::reader(ctx, "accountId", account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let user_id = ids.key("userId", user_id, NodeKind::User);
    ids.finish()?;
    Ok((reader, user_id))
}
