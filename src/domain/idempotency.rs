//! Mutations that are repeated under the same key take effect once: the answer is stored
//! in the transaction of the effect and given again. Keys belong to their account.

use entity::idempotency_key as row;
use entity::idempotency_key::Column::{CreatedAt, Key};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, TryInsertResult};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::text;
use crate::auth::AccountScope;
use crate::error::{Checks, Error, Result, ViolationCode};

/// How long a key is remembered.
pub const LIFETIME_SECONDS: i64 = 48 * 3600;
/// Characters of a key.
pub const LONGEST_KEY: usize = 255;

const PATH: &str = "idempotencyKey";

/// How a mutation begins.
pub enum Begun<T> {
    /// It was done before under the same key: the answer that was given.
    Again(T),
    /// It is to be done, in the claim's transaction.
    First(Claim),
}

/// The right to do a mutation, and the transaction to do it in. Dropped without
/// [`Claim::commit`] it leaves nothing behind.
pub struct Claim {
    tx: DatabaseTransaction,
    request: Option<Request>,
}

impl Claim {
    pub fn tx(&self) -> &DatabaseTransaction {
        &self.tx
    }

    /// Keeps the answer with the key, commits and gives the answer.
    pub async fn commit<T: Serialize>(self, scope: &AccountScope, answer: T) -> Result<T> {
        if let Some(request) = &self.request {
            request.complete(scope, &self.tx, &answer).await?;
        }
        self.tx.commit().await?;
        Ok(answer)
    }
}

/// Opens a transaction for a mutation. Under a key that was used before, the stored answer
/// is given instead; with another input or mutation the key is refused.
pub async fn begin<T: DeserializeOwned>(
    scope: &AccountScope,
    key: Option<&str>,
    mutation: &'static str,
    input: &impl Serialize,
) -> Result<Begun<T>> {
    let Some(key) = key else {
        return Ok(Begun::First(Claim { tx: scope.begin().await?, request: None }));
    };
    let request = Request::new(key, mutation, input)?;
    let tx = scope.begin().await?;
    match request.claim(scope, &tx).await? {
        Some(answer) => Ok(Begun::Again(serde_json::from_value(answer)?)),
        None => Ok(Begun::First(Claim { tx, request: Some(request) })),
    }
}

/// Deletes the answers that are too old to be given again. That an account was made is
/// remembered as long as the account exists.
pub async fn forget(scope: &AccountScope) -> Result<()> {
    let oldest = scope.now().plus_seconds(-LIFETIME_SECONDS);
    let tx = scope.begin().await?;
    let old = scope.delete_many::<row::Entity>().filter(CreatedAt.lte(oldest));
    old.filter(row::Column::Mutation.ne("accountCreate")).exec(&tx).await?;
    Ok(tx.commit().await?)
}

/// A mutation under a key.
pub(super) struct Request {
    key: String,
    mutation: &'static str,
    /// SHA-256 of the input.
    fingerprint: Vec<u8>,
}

impl Request {
    pub(super) fn new(key: &str, mutation: &'static str, input: &impl Serialize) -> Result<Self> {
        let mut checks = Checks::new();
        let key = checks.text(PATH, key, LONGEST_KEY);
        checks.finish()?;
        let fingerprint = Sha256::digest(serde_json::to_vec(input)?).to_vec();
        Ok(Self { key, mutation, fingerprint })
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The stored answer; or none, and the key is this transaction's. Another transaction
    /// with the same key waits at the insert until this one ends.
    async fn claim(&self, scope: &AccountScope, tx: &DatabaseTransaction) -> Result<Option<Value>> {
        if self.store(scope, tx, Value::Null).await? {
            return Ok(None);
        }
        let stored = self.find(scope, tx).await?;
        let oldest = scope.now().plus_seconds(-LIFETIME_SECONDS);
        if stored.created_at > oldest {
            return self.compare(stored).map(Some);
        }
        // Whoever changes the row first has the key; the other finds it young and replays.
        let renewed = scope
            .update_many::<row::Entity>()
            .set(row::ActiveModel {
                account_id: NotSet,
                key: NotSet,
                ..self.row(scope, Value::Null)
            })
            .filter(Key.eq(self.key.as_str()))
            .filter(CreatedAt.lte(oldest))
            .exec(tx)
            .await?;
        if renewed.rows_affected > 0 {
            return Ok(None);
        }
        self.compare(self.find(scope, tx).await?).map(Some)
    }

    /// Keeps the answer with the key.
    async fn complete(
        &self,
        scope: &AccountScope,
        tx: &DatabaseTransaction,
        answer: &impl Serialize,
    ) -> Result<()> {
        let answer = storable(serde_json::to_value(answer)?);
        scope
            .update_many::<row::Entity>()
            .set(row::ActiveModel { answer: Set(answer), ..Default::default() })
            .filter(Key.eq(self.key.as_str()))
            .exec(tx)
            .await?;
        Ok(())
    }

    /// Stores an answer under the key; false if the key is in use.
    pub(super) async fn store(
        &self,
        scope: &AccountScope,
        tx: &DatabaseTransaction,
        answer: Value,
    ) -> Result<bool> {
        let inserted = row::Entity::insert(self.row(scope, answer))
            .on_conflict_do_nothing()
            .exec_without_returning(tx)
            .await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
    }

    /// The answer stored under the key, which must be in use.
    pub(super) async fn replay(
        &self,
        scope: &AccountScope,
        tx: &DatabaseTransaction,
    ) -> Result<Value> {
        self.compare(self.find(scope, tx).await?)
    }

    async fn find(&self, scope: &AccountScope, tx: &DatabaseTransaction) -> Result<row::Model> {
        scope
            .find::<row::Entity>()
            .filter(Key.eq(self.key.as_str()))
            .one(tx)
            .await?
            .ok_or(Error::Unavailable("the idempotency key is changing hands; try again"))
    }

    fn compare(&self, stored: row::Model) -> Result<Value> {
        if stored.mutation == self.mutation && stored.fingerprint == self.fingerprint {
            return Ok(stored.answer);
        }
        let message = "was used for another input; take a new key for each new request";
        Err(Error::invalid(PATH, ViolationCode::Conflict, message))
    }

    fn row(&self, scope: &AccountScope, answer: Value) -> row::ActiveModel {
        row::ActiveModel {
            account_id: Set(scope.account_id()),
            key: Set(self.key.clone()),
            mutation: Set(self.mutation.to_owned()),
            fingerprint: Set(self.fingerprint.clone()),
            answer: Set(answer),
            created_at: Set(scope.now()),
        }
    }
}

/// Without NUL, which PostgreSQL cannot store in JSON either: an answer may quote its input.
fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text::clean(&text).into_owned()),
        Value::Array(values) => Value::Array(values.into_iter().map(storable).collect()),
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(name, value)| (name, storable(value))).collect(),
        ),
        other => other,
    }
}
