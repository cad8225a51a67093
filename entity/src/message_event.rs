//! The append-only ledger of all that was ever heard about a message.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, MessageEventId, MessageId};
use crate::kinds::StatusKind;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageEventId,
    pub message_id: MessageId,
    /// Kind, provider's time and code: what makes two reports the same event.
    #[sea_orm(column_type = "Text")]
    pub identity: String,
    pub kind: StatusKind,
    pub provider_time: Option<Timestamp>,
    pub received_at: Timestamp,
    #[sea_orm(column_type = "Text", nullable)]
    pub code: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub detail: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
