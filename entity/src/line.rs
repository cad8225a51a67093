//! How fast an inbox may send, as far as it has sent: its pace and its pauses.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, InboxId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub inbox_id: InboxId,
    /// When all that was sent so far would have been sent at the even pace.
    pub free_at: Timestamp,
    /// Failures of the provider in a row.
    pub failures: i32,
    /// Nothing is sent until then.
    pub held_until: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
