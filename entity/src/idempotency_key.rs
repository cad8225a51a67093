//! The stored answer to a mutation, given again when the mutation is repeated.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::AccountId;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub key: String,
    #[sea_orm(column_type = "Text")]
    pub mutation: String,
    /// SHA-256 of the input.
    pub fingerprint: Vec<u8>,
    #[sea_orm(column_type = "JsonBinary")]
    pub answer: Json,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
