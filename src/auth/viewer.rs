//! Who stands behind a request: the token it carries, the user who signed in with it, and
//! the accounts it opens. Read anew for every request, so that a revoked token or a removed
//! member is out at once.

use entity::id::AccountId;
use entity::kinds::{Role, TokenScope};
use entity::{access_token, account, membership, user};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, QueryTrait, RelationDef,
};

use super::{AccountScope, Actor, person, token};
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Longer texts are no tokens of ours and are not looked up.
const LONGEST_TOKEN: usize = 128;

#[derive(Clone)]
pub struct Viewer {
    engine: Engine,
    token: access_token::Model,
    user: Option<user::Model>,
    accounts: Vec<(AccountId, Role)>,
    scopes: Vec<TokenScope>,
}

impl Viewer {
    /// The person, if one signed in.
    pub fn user(&self) -> Option<&user::Model> {
        self.user.as_ref()
    }

    pub fn token(&self) -> &access_token::Model {
        &self.token
    }

    /// The accounts that are open to the viewer, and as what, in the order of their ids.
    pub fn accounts(&self) -> &[(AccountId, Role)] {
        &self.accounts
    }

    /// What the token may be used for.
    pub fn scopes(&self) -> &[TokenScope] {
        &self.scopes
    }

    /// Whether the token is the installation's: it creates accounts and opens none.
    pub fn is_installation(&self) -> bool {
        self.token.account_id.is_none() && self.token.user_id.is_none()
    }

    /// The pass to an account. Missing and foreign accounts look the same.
    pub fn scope(&self, account_id: AccountId) -> Result<AccountScope> {
        let open = self.accounts.iter().find(|(id, _)| *id == account_id);
        let (_, role) = open.ok_or(Error::NotFound("account"))?;
        let actor = self.user.as_ref().map_or(Actor::Token, |user| Actor::User(user.id));
        Ok(AccountScope::new(self.engine.clone(), account_id, actor, *role, self.scopes.clone()))
    }

    /// The rows of [`Viewer::accounts`].
    pub async fn load_accounts(&self) -> Result<Vec<account::Model>> {
        let ids = self.accounts.iter().map(|(id, _)| *id);
        person::find_accounts(self.engine.db.read(), ids).await
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }
}

/// The viewer of a bearer token. [`Error::Unauthenticated`] for unknown, revoked and expired
/// ones.
pub async fn authenticate(engine: &Engine, bearer: &str) -> Result<Viewer> {
    if !bearer.starts_with(token::PREFIX) || bearer.len() > LONGEST_TOKEN {
        return Err(Error::Unauthenticated);
    }
    // One row for each account of the user; one row if there is no user.
    let rows = engine.db.read().query_all(&by_hash(token::digest(bearer))).await?;
    let first = rows.first().ok_or(Error::Unauthenticated)?;
    let token = access_token::Model::from_query_result(first, "A_")?;
    let user = user::Model::from_query_result_optional(first, "B_")?;
    let expired = token.expires_at.is_some_and(|at| at <= engine.clock.now());
    // A user's token without its user would otherwise pass for the installation's.
    let orphaned = token.user_id.is_some() && user.is_none();
    if token.revoked_at.is_some() || expired || orphaned {
        return Err(Error::Unauthenticated);
    }
    let accounts = match (token.user_id, token.account_id, token.role) {
        (Some(_), _, _) => {
            rows.iter().filter_map(|row| account(row).transpose()).collect::<Result<Vec<_>>>()?
        }
        (None, Some(account_id), Some(role)) => vec![(account_id, role)],
        _ => Vec::new(),
    };
    let scopes = token::scopes(&token);
    Ok(Viewer { engine: engine.clone(), token, user, accounts, scopes })
}

fn account(row: &QueryResult) -> Result<Option<(AccountId, Role)>> {
    let account_id: Option<AccountId> = row.try_get("C_", "account_id")?;
    let role: Option<Role> = row.try_get("C_", "role")?;
    Ok(account_id.zip(role))
}

/// The token, its user and the user's memberships in one statement, which every request
/// waits for.
fn by_hash(hash: Vec<u8>) -> sea_orm::sea_query::SelectStatement {
    let to_user: RelationDef = access_token::Entity::belongs_to(user::Entity)
        .from(access_token::Column::UserId)
        .to(user::Column::Id)
        .into();
    let to_membership: RelationDef = user::Entity::belongs_to(membership::Entity)
        .from(user::Column::Id)
        .to(membership::Column::UserId)
        .into();
    access_token::Entity::find()
        .filter(access_token::Column::Hash.eq(hash))
        .select_also(user::Entity)
        .join(JoinType::LeftJoin, to_user)
        .join(JoinType::LeftJoin, to_membership)
        .column_as(membership::Column::AccountId, "C_account_id")
        .column_as(membership::Column::Role, "C_role")
        .order_by_asc(membership::Column::AccountId)
        .into_query()
}
