//! Access tokens: opaque, kept as a hash only, valid until they are revoked or expire. A
//! token belongs to a user who signed in, to an account, or to the installation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{AccessTokenId, AccountId, UserId};
use entity::kinds::{Role, TokenScope};
use entity::vocabulary::Vocabulary;
use entity::{Timestamp, access_token};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::error::Result;

/// What every token begins with, so that leaked ones can be searched for.
pub const PREFIX: &str = "rpt_";

pub struct NewToken {
    /// None for users and for the installation.
    pub account_id: Option<AccountId>,
    /// The user who signed in.
    pub user_id: Option<UserId>,
    pub name: String,
    /// For an account's token only.
    pub role: Option<Role>,
    pub scopes: Vec<TokenScope>,
    pub expires_at: Option<Timestamp>,
}

/// A new token with its text, which cannot be had again.
pub struct IssuedToken {
    pub model: access_token::Model,
    /// `rpt_` and 32 random bytes in base64url.
    pub text: String,
}

/// Makes a token. Whether the caller may is decided before.
pub async fn issue(
    connection: &impl ConnectionTrait,
    clock: &Clock,
    token: NewToken,
) -> Result<IssuedToken> {
    let mut secret = [0u8; 32];
    rand::fill(&mut secret);
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let model = access_token::ActiveModel {
        id: Set(clock.id()),
        account_id: Set(token.account_id),
        user_id: Set(token.user_id),
        name: Set(token.name),
        role: Set(token.role),
        scopes: Set(serde_json::to_value(&token.scopes)?),
        hash: Set(digest(&text)),
        created_at: Set(clock.now()),
        expires_at: Set(token.expires_at),
        revoked_at: Set(None),
    };
    Ok(IssuedToken { model: model.insert(connection).await?, text })
}

/// Makes a token that belongs to no account and may create accounts. For the command line.
pub async fn issue_installation(
    engine: &Engine,
    name: String,
    expires_at: Option<Timestamp>,
) -> Result<IssuedToken> {
    let tx = engine.db.begin().await?;
    let token = NewToken {
        account_id: None,
        user_id: None,
        name,
        role: None,
        scopes: TokenScope::ALL.to_vec(),
        expires_at,
    };
    let issued = issue(&tx, &engine.clock, token).await?;
    tx.commit().await?;
    Ok(issued)
}

/// SHA-256 of a token's text: random enough that no salt or slowness is needed.
pub fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// What a token may be used for.
pub fn scopes(token: &access_token::Model) -> Vec<TokenScope> {
    let names = token.scopes.as_array().map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(|name| TokenScope::from_name(name.as_str()?)).collect()
}

/// Ends a token at `now`, unless it ended before.
pub async fn revoke(
    connection: &impl ConnectionTrait,
    id: AccessTokenId,
    now: Timestamp,
) -> Result<()> {
    access_token::Entity::update_many()
        .set(access_token::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() })
        .filter(access_token::Column::Id.eq(id))
        .filter(access_token::Column::RevokedAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// Ends everything that a user is signed in with.
pub async fn revoke_sign_ins(
    connection: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<()> {
    access_token::Entity::update_many()
        .set(access_token::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() })
        .filter(access_token::Column::UserId.eq(user_id))
        .filter(access_token::Column::RevokedAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// Deletes the sign-ins of a user that expired before `now`.
pub(super) async fn forget_expired(
    connection: &impl ConnectionTrait,
    user_id: UserId,
    now: Timestamp,
) -> Result<()> {
    access_token::Entity::delete_many()
        .filter(access_token::Column::UserId.eq(user_id))
        .filter(access_token::Column::ExpiresAt.lte(now))
        .exec(connection)
        .await?;
    Ok(())
}
