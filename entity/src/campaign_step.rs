//! One step of a campaign: by which inbox, and what is said. Later steps are tried where the
//! earlier ones did not deliver.

use sea_orm::entity::prelude::*;

use crate::id::{AccountId, CampaignId, InboxId, TemplateId};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign_step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub campaign_id: CampaignId,
    /// From 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i16,
    pub inbox_id: InboxId,
    /// It or the content is what is said.
    pub template_id: Option<TemplateId>,
    #[sea_orm(column_type = "Text", nullable)]
    pub content: Option<String>,
    /// Of e-mail.
    #[sea_orm(column_type = "Text", nullable)]
    pub subject: Option<String>,
    /// How long the step before it has to deliver.
    pub wait_seconds: i64,
    /// Sent whatever became of the steps before it.
    pub required: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
