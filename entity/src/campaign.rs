//! A mailing to an audience that is frozen when it starts.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, CampaignId};
use crate::kinds::{CampaignStatus, UnknownPolicy};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "campaign")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CampaignId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    pub status: CampaignStatus,
    /// Why it was paused.
    #[sea_orm(column_type = "Text", nullable)]
    pub status_reason: Option<String>,
    /// Whom it is for, until it starts: `{ contacts }`, `{ filter }` or `{ campaign, outcomes }`.
    #[sea_orm(column_type = "JsonBinary")]
    pub audience: Json,
    /// What stands for variables that are not the contact's own.
    #[sea_orm(column_type = "JsonBinary")]
    pub variables: Json,
    /// What becomes of messages of which nobody can know whether the provider has them.
    pub on_unknown: UnknownPolicy,
    /// From this time of day, `HH:MM` in the account's zone, nothing is sent.
    #[sea_orm(column_type = "Text", nullable)]
    pub quiet_from: Option<String>,
    /// Until this one.
    #[sea_orm(column_type = "Text", nullable)]
    pub quiet_to: Option<String>,
    /// So long after its start recipients who wait are given up.
    pub live_seconds: Option<i64>,
    /// When it is to start.
    pub scheduled_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    /// When it was finished or cancelled.
    pub ended_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
