//! What is known here of handing a message over: the outbox, and what came of it.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, CampaignId, ContactId, InboxId, MessageId};
use crate::kinds::AttemptState;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub message_id: MessageId,
    pub inbox_id: InboxId,
    pub contact_id: ContactId,
    pub campaign_id: Option<CampaignId>,
    /// Of the campaign; 0 without one.
    pub step: i16,
    /// The first is 0; each time it is sent again it is a message of its own.
    pub try_number: i16,
    #[sea_orm(column_type = "Text")]
    pub address: String,
    /// What the provider is told beside the text: subject, template and its parameters.
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub state: AttemptState,
    /// When somebody has to look at it: to send it, or because whoever sends it is too late.
    pub due_at: Option<Timestamp>,
    /// Not sent after this.
    pub expires_at: Option<Timestamp>,
    /// How often it was handed over and certainly not taken.
    pub tries: i32,
    /// Grows with each claim; who holds an older one has no say any more.
    pub fence: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
