//! The account's event log: what changed, without a number until it is sequenced.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, EventId};
use crate::kinds::EventKind;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub kind: EventKind,
    /// Array of the ids concerned.
    #[sea_orm(column_type = "JsonBinary")]
    pub ids: Json,
    pub seq: Option<i64>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
