//! The pass without which no row of an account is read or written. Only this module's
//! parent makes one, after it has seen a token or a signature; everything that a pass finds
//! belongs to its account.

use entity::id::{AccountId, UserId};
use entity::kinds::{Role, TokenScope};
use entity::{Tenant, Timestamp, account, account_counter};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DeleteMany, EntityTrait, QueryFilter,
    QuerySelect, Select, UpdateMany,
};

use crate::db::Db;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person who signed in.
    User(UserId),
    /// A token of the account.
    Token,
    /// A provider, by a signed webhook.
    Provider,
    /// This server itself: the command line and background work.
    System,
}

impl Actor {
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            _ => None,
        }
    }
}

/// What a command asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See the account and what is in it.
    Read,
    /// Change the own name and password.
    KeepOneself,
    /// Record what happened in another system.
    Record,
    /// Assign, close and reopen conversations, edit contacts.
    Converse,
    /// See campaigns and the engagement overview.
    Oversee,
    /// Keep campaigns, templates, bots, teams, labels and opt-outs.
    Manage,
    /// See tokens, sign-ins, webhook addresses and raw webhook deliveries.
    Inspect,
    /// Keep inboxes, users, tokens and settings, and erase contacts.
    Administer,
    /// Keep the plan, and other owners.
    Own,
}

impl Permission {
    fn role(self) -> Role {
        match self {
            Self::Read | Self::KeepOneself => Role::Reader,
            Self::Record | Self::Converse => Role::Agent,
            Self::Oversee | Self::Manage => Role::Manager,
            Self::Inspect | Self::Administer => Role::Admin,
            Self::Own => Role::Owner,
        }
    }

    fn token_scope(self) -> TokenScope {
        match self {
            Self::Read | Self::Oversee | Self::Inspect => TokenScope::Read,
            Self::Record => TokenScope::Record,
            Self::KeepOneself | Self::Converse | Self::Manage | Self::Administer | Self::Own => {
                TokenScope::Write
            }
        }
    }
}

#[derive(Clone)]
pub struct AccountScope {
    engine: Engine,
    account_id: AccountId,
    actor: Actor,
    role: Role,
    scopes: Vec<TokenScope>,
}

impl AccountScope {
    pub(super) fn new(
        engine: Engine,
        account_id: AccountId,
        actor: Actor,
        role: Role,
        scopes: Vec<TokenScope>,
    ) -> Self {
        Self { engine, account_id, actor, role, scopes }
    }

    pub fn account_id(&self) -> AccountId {
        self.account_id
    }

    pub fn actor(&self) -> Actor {
        self.actor
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn db(&self) -> &Db {
        &self.engine.db
    }

    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// A new id, by the clock.
    pub fn id<T: From<entity::id::Uuid>>(&self) -> T {
        self.engine.clock.id()
    }

    /// Refuses callers whose role or token does not reach so far.
    pub fn require(&self, permission: Permission) -> Result<()> {
        use entity::vocabulary::Vocabulary;
        if self.role < permission.role() {
            let (needed, role) = (permission.role().name(), self.role.name());
            return Err(Error::Forbidden(format!(
                "this needs the role {needed} or above; yours is {role}"
            )));
        }
        if !self.scopes.contains(&permission.token_scope()) {
            let needed = permission.token_scope().name();
            return Err(Error::Forbidden(format!("this needs a token with the scope {needed}")));
        }
        Ok(())
    }

    /// Whether a token that the caller makes may have the scope: people may pass on all that
    /// their role reaches, tokens only what they have.
    pub fn may_pass_on(&self, scope: TokenScope) -> bool {
        self.actor != Actor::Token || self.scopes.contains(&scope)
    }

    /// Whether the caller may see names, addresses and messages of contacts.
    pub fn sees_personal_data(&self) -> bool {
        self.role > Role::Reader || self.scopes.contains(&TokenScope::PersonalData)
    }

    /// Refuses callers who may not see personal data: `what` would tell it piece by piece.
    pub fn require_personal_data(&self, what: &str) -> Result<()> {
        if self.sees_personal_data() {
            return Ok(());
        }
        let message = format!(
            "{what} needs the role AGENT or above, or a token with the scope PERSONAL_DATA"
        );
        Err(Error::Forbidden(message))
    }

    /// The rows of this account.
    pub fn find<E: Tenant>(&self) -> Select<E> {
        E::find().filter(E::ACCOUNT.eq(self.account_id))
    }

    pub fn update_many<E: Tenant>(&self) -> UpdateMany<E> {
        E::update_many().filter(E::ACCOUNT.eq(self.account_id))
    }

    pub fn delete_many<E: Tenant>(&self) -> DeleteMany<E> {
        E::delete_many().filter(E::ACCOUNT.eq(self.account_id))
    }

    /// The account itself.
    pub async fn account(&self, connection: &impl ConnectionTrait) -> Result<account::Model> {
        account::Entity::find_by_id(self.account_id)
            .one(connection)
            .await?
            .ok_or(Error::NotFound("account"))
    }

    /// The account itself, which nobody else changes until `tx` ends.
    pub async fn lock_account(&self, tx: &DatabaseTransaction) -> Result<account::Model> {
        account::Entity::find_by_id(self.account_id)
            .lock_exclusive()
            .one(tx)
            .await?
            .ok_or(Error::NotFound("account"))
    }

    pub fn update_account(&self) -> UpdateMany<account::Entity> {
        account::Entity::update_many().filter(account::Column::Id.eq(self.account_id))
    }

    /// Begins a transaction that writes.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        Ok(self.db().begin().await?)
    }

    /// Makes transactions that record facts of this account follow one another, until `tx`
    /// ends, and gives the numbers to go on from. The rules of sessions, conversations and
    /// parked events read what they then change; without an order two of them could miss
    /// each other's rows.
    pub async fn lock(&self, tx: &DatabaseTransaction) -> Result<account_counter::Model> {
        account_counter::Entity::find_by_id(self.account_id)
            .lock_exclusive()
            .one(tx)
            .await?
            .ok_or(Error::NotFound("account"))
    }

    /// Writes back the numbers given out under the lock.
    pub async fn save_counter(
        &self,
        tx: &DatabaseTransaction,
        counter: &account_counter::Model,
    ) -> Result<()> {
        use account_counter::Column::{AccountId, Contacts, Conversations, DisplayIds};
        account_counter::Entity::update_many()
            .filter(AccountId.eq(self.account_id))
            .col_expr(Contacts, Expr::value(counter.contacts))
            .col_expr(Conversations, Expr::value(counter.conversations))
            .col_expr(DisplayIds, Expr::value(counter.display_ids))
            .exec(tx)
            .await?;
        Ok(())
    }
}
