//! Making and revoking the tokens of an account.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::kinds::{Role, TokenScope};

use super::{Answer, Ids, UserError, named, payload};
use crate::domain::token::{self as commands, TokenCreate};
use crate::error::Result;
use crate::graphql::id::NodeKind;
use crate::graphql::object::AccessToken;
use crate::graphql::scalar::DateTime;
use crate::graphql::viewer;
use crate::graphql::vocabulary::{Name, members};

/// A new token of an account.
#[derive(InputObject)]
pub struct TokenCreateInput {
    /// The account that it opens.
    account_id: ID,
    /// Repeated under the same key, the mutation takes effect once and tells the same text. 1
    /// to 255 characters, for 48 hours.
    idempotency_key: Option<String>,
    /// What it is called, 1 to 255 characters.
    name: String,
    /// What it may do; no more than the viewer.
    role: Name<Role>,
    /// What it may be used for, within its role; at least one.
    scopes: Vec<Name<TokenScope>>,
    /// When it ends by itself; never where it is not given.
    expires_at: Option<DateTime>,
}

/// What became of `tokenCreate`.
#[derive(SimpleObject)]
pub struct TokenCreatePayload {
    /// The new token.
    pub access_token: Option<AccessToken>,
    /// Its text, for the header `Authorization: Bearer …`. It cannot be had again.
    pub token: Option<String>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

/// Which token to revoke.
#[derive(InputObject)]
pub struct TokenRevokeInput {
    /// The account that it opens.
    account_id: ID,
    /// The token.
    token_id: ID,
}

/// What became of `tokenRevoke`.
#[derive(SimpleObject)]
pub struct TokenRevokePayload {
    /// The token after the change.
    pub access_token: Option<AccessToken>,
    /// What was wrong with the input.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct TokenMutation;

#[Object]
impl TokenMutation {
    /// Makes a token for a program. Needs the role ADMIN.
    async fn token_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new token.")] input: TokenCreateInput,
    ) -> Answer<TokenCreatePayload> {
        payload(create(ctx, input).await, |made, user_errors| {
            let (access_token, token) = made.unzip();
            TokenCreatePayload { access_token, token, user_errors }
        })
    }

    /// Ends a token at once. Revoking it again changes nothing. Needs the role ADMIN.
    async fn token_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which token.")] input: TokenRevokeInput,
    ) -> Answer<TokenRevokePayload> {
        payload(revoke(ctx, input).await, |access_token, user_errors| TokenRevokePayload {
            access_token,
            user_errors,
        })
    }
}

async fn create(ctx: &Context<'_>, input: TokenCreateInput) -> Result<(AccessToken, String)> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let new = TokenCreate {
        name: input.name,
        role: input.role.0,
        scopes: members(input.scopes),
        expires_at: input.expires_at.map(|instant| instant.0),
    };
    let issued = commands::create(reader.scope(), input.idempotency_key.as_deref(), new).await?;
    Ok((AccessToken::of(reader, issued.model), issued.text))
}

async fn revoke(ctx: &Context<'_>, input: TokenRevokeInput) -> Result<AccessToken> {
    let reader = viewer::reader(ctx, "accountId", &input.account_id)?;
    let mut ids = Ids::new(reader.account_id());
    let id = ids.key("tokenId", &input.token_id, NodeKind::AccessToken);
    ids.finish()?;
    let revoked = commands::revoke(reader.scope(), id).await;
    Ok(AccessToken::of(reader, named("tokenId", NodeKind::AccessToken, revoked)?))
}
