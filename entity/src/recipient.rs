//! A contact to whom a campaign is sent. What became of what was sent stands in its messages.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, CampaignId, ContactId};
use crate::kinds::{RecipientState, SkipReason};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "recipient")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: ContactId,
    /// Where the first step sends. No two recipients of a campaign have the same; none where
    /// there is none or another recipient has it.
    #[sea_orm(column_type = "Text", nullable)]
    pub address: Option<String>,
    pub state: RecipientState,
    pub skip_reason: Option<SkipReason>,
    /// The next step to take.
    pub step: i16,
    /// When to take it; none where nothing is left to do.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
