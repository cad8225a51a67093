//! The account's own tokens, for programs. How a token is made and recognised is `auth`'s
//! business.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::AccessTokenId;
use entity::kinds::{EventKind, Role, TokenScope};
use entity::vocabulary::Vocabulary;
use entity::{Timestamp, access_token};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Select};
use serde::{Deserialize, Serialize};

use super::idempotency::Begun;
use super::page::Order;
use super::{LONGEST_NAME, event, idempotency};
use crate::auth::token::{self, NewToken};
use crate::auth::{AccountScope, IssuedToken, Permission};
use crate::error::{Checks, Error, Result, ViolationCode};

#[derive(Clone, Serialize)]
pub struct TokenCreate {
    pub name: String,
    /// No higher than the caller's.
    pub role: Role,
    /// At least one.
    pub scopes: Vec<TokenScope>,
    /// None means never.
    pub expires_at: Option<Timestamp>,
}

/// What is stored under an idempotency key: the text is sealed, for it must not be readable
/// in the database.
#[derive(Serialize, Deserialize)]
struct Answer {
    id: AccessTokenId,
    sealed: String,
}

/// The account's tokens, revoked ones too, to be paged by [`by_creation`].
pub fn list(scope: &AccountScope) -> Result<Select<access_token::Entity>> {
    scope.require(Permission::Inspect)?;
    Ok(scope.find())
}

pub fn by_creation() -> Order<access_token::Column> {
    use access_token::Column::{CreatedAt, Id};
    Order { column: CreatedAt, id: Id, descending: false, nullable: false }
}

pub async fn get(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: AccessTokenId,
) -> Result<access_token::Model> {
    scope.require(Permission::Inspect)?;
    load(scope, connection, id).await
}

/// What a command answers needs no permission to see besides that of the command.
async fn load(
    scope: &AccountScope,
    connection: &impl ConnectionTrait,
    id: AccessTokenId,
) -> Result<access_token::Model> {
    let token = scope.find::<access_token::Entity>().filter(access_token::Column::Id.eq(id));
    token.one(connection).await?.ok_or(Error::NotFound("access token"))
}

/// Makes a token and tells its text, once; repeated under the same key, once more.
pub async fn create(
    scope: &AccountScope,
    idempotency_key: Option<&str>,
    input: TokenCreate,
) -> Result<IssuedToken> {
    scope.require(Permission::Administer)?;
    if input.role > scope.role() {
        let (role, own) = (input.role.name(), scope.role().name());
        return Err(Error::Forbidden(format!(
            "a token with the role {role} needs more than {own}"
        )));
    }
    if let Some(scope) = input.scopes.iter().find(|wanted| !scope.may_pass_on(**wanted)) {
        let message = format!("a token cannot pass on the scope {}, which it lacks", scope.name());
        return Err(Error::Forbidden(message));
    }
    let mut checks = Checks::new();
    let name = checks.text("name", &input.name, LONGEST_NAME);
    if input.scopes.is_empty() {
        let message = format!("must hold at least one of {}", TokenScope::names());
        checks.fail("scopes", ViolationCode::Required, message);
    }
    if input.expires_at.is_some_and(|at| at <= scope.now()) {
        checks.fail("expiresAt", ViolationCode::OutOfRange, "must lie in the future");
    }
    checks.finish()?;

    let vault = &scope.engine().vault;
    let answer = match idempotency::begin(scope, idempotency_key, "tokenCreate", &input).await? {
        Begun::Again(answer) => answer,
        Begun::First(claim) => {
            let tx = claim.tx();
            let mut scopes = input.scopes.clone();
            scopes.sort_unstable();
            scopes.dedup();
            let new = NewToken {
                account_id: Some(scope.account_id()),
                user_id: None,
                name,
                role: Some(input.role),
                scopes,
                expires_at: input.expires_at,
            };
            let issued = token::issue(tx, &scope.engine().clock, new).await?;
            event::write(scope, tx, EventKind::SettingsChanged, vec![issued.model.id.0]).await?;
            let sealed = URL_SAFE_NO_PAD.encode(vault.seal(issued.text.as_bytes()));
            let answer = Answer { id: issued.model.id, sealed };
            claim.commit(scope, answer).await?
        }
    };
    let unreadable = || Error::bug("a stored token text cannot be read");
    let sealed = URL_SAFE_NO_PAD.decode(answer.sealed).map_err(|_| unreadable())?;
    let text = String::from_utf8(vault.open(&sealed)?).map_err(|_| unreadable())?;
    Ok(IssuedToken { model: load(scope, scope.db().read(), answer.id).await?, text })
}

/// Ends a token at once. One that was revoked before stays as it is.
pub async fn revoke(scope: &AccountScope, id: AccessTokenId) -> Result<access_token::Model> {
    scope.require(Permission::Administer)?;
    let tx = scope.begin().await?;
    let before = load(scope, &tx, id).await?;
    token::revoke(&tx, before.id, scope.now()).await?;
    event::write(scope, &tx, EventKind::SettingsChanged, vec![before.id.0]).await?;
    let token = load(scope, &tx, id).await?;
    tx.commit().await?;
    Ok(token)
}
