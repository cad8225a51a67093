//! Status events of messages that are not known yet; applied when the message appears.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, InboxId, ParkedEventId};
use crate::kinds::StatusKind;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "parked_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ParkedEventId,
    pub inbox_id: InboxId,
    #[sea_orm(column_type = "Text")]
    pub external_id: String,
    #[sea_orm(column_type = "Text")]
    pub identity: String,
    pub kind: StatusKind,
    pub provider_time: Option<Timestamp>,
    pub received_at: Timestamp,
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
    /// Keyed hash of the address to which the message went, where the provider tells it.
    #[sea_orm(column_type = "Text", nullable)]
    pub recipient: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
