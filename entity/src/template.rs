//! A prepared text, kept here or approved by a provider.

use sea_orm::entity::prelude::*;

use crate::Timestamp;
use crate::id::{AccountId, TemplateId};
use crate::kinds::{TemplateCategory, TemplateStatus};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "template")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: AccountId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TemplateId,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The name in lower case: what lists are sorted by.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    /// BCP 47 tag, or the provider's code.
    #[sea_orm(column_type = "Text")]
    pub language: String,
    pub category: TemplateCategory,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    pub status: TemplateStatus,
    /// Why the provider refused it.
    #[sea_orm(column_type = "Text", nullable)]
    pub status_reason: Option<String>,
    /// The provider's id.
    #[sea_orm(column_type = "Text", nullable)]
    pub external_id: Option<String>,
    pub archived_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl crate::Tenant for Entity {
    const ACCOUNT: Column = Column::AccountId;
}
